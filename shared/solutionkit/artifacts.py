"""Artifact types of our own.

Kubeflow needs exactly one dot in a type's name, and the name doubles as its import path.
"""

from tfx.types.artifact import Artifact


class DataFacts(Artifact):
    """`data.json`, what `check` and report tell of the data, and `schema.pbtxt` for people."""

    TYPE_NAME = "solutionkit.DataFacts"


class Comparison(Artifact):
    """`comparison.json` and `scores.npz`, the eval scores and labels behind the report's charts."""

    TYPE_NAME = "solutionkit.Comparison"


class Explanations(Artifact):
    """`explanations.json`."""

    TYPE_NAME = "solutionkit.Explanations"


class Report(Artifact):
    """`report.html`, `model_card.md` and `model_card.json`."""

    TYPE_NAME = "solutionkit.Report"
