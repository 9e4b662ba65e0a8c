"""Kubeflow Pipelines, the open-source backend: compiles for it, runs inside it, hands runs over to it."""
