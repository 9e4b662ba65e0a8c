"""solutionkit: TFX pipelines that compare a baseline with a deep Keras model, honestly."""

from typing import Any

__version__ = "0.12.0"


def __getattr__(name: str) -> Any:
    if name == "Project":
        from solutionkit.verbs import silent

        with silent():
            from solutionkit.api import Project

        return Project
    # TFX imports artifact types from the package's root; importing them here for all would make
    # `solutionkit --help` wait for TensorFlow.
    if name in {"Comparison", "DataFacts", "Explanations", "Report"}:
        from solutionkit import artifacts

        return getattr(artifacts, name)
    raise AttributeError(f"module 'solutionkit' has no attribute '{name}'")
