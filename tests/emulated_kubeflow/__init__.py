"""Open-source Kubeflow Pipelines 2.17's semantics, emulated: what it accepts, how it runs a compiled pipeline.

Written from the backend's sources (backend/src/{apiserver,v2} of kubeflow/pipelines) and Argo's rules. No
cluster takes part: there is no scheduling, no pod, no metadata store; containers are real where podman is.
"""
