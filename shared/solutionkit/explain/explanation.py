"""Both models explained on the same rows: the content of `explanations.json`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_transform as tft

from solutionkit.examples.columns import SPEC_FILE, TableSpec
from solutionkit.explain import summary
from solutionkit.explain.attribution import Attribution, Explainer, load_explainer
from solutionkit.models.arrays import TableArrays, transform_examples
from solutionkit.models.explanation_files import EXPLANATION_FOLDER, TRANSFORM_FILE
from solutionkit.models.export import raw_columns

GLOBAL_ROWS = 400


class ModelExplainer:
    """Explains raw rows with what an exported model carries in `assets.extra`.

    Args:
        folder: The SavedModel.
    """

    def __init__(self, folder: Path) -> None:
        self.spec = TableSpec.from_json((folder / SPEC_FILE).read_text())
        extra = folder / EXPLANATION_FOLDER
        self._unpacked = tempfile.TemporaryDirectory(prefix="solutionkit-")
        shutil.unpack_archive(extra / TRANSFORM_FILE, self._unpacked.name)
        self._transform = tft.TFTransformOutput(self._unpacked.name)
        self.explainer: Explainer = load_explainer(extra)

    def transform(self, examples: np.ndarray) -> TableArrays:
        """Serialized tf.Examples as the model reads them."""
        return transform_examples(examples, self._transform, self.spec)

    def explain(self, examples: np.ndarray) -> Attribution:
        """Contributions of each column to the log odds of serialized tf.Examples."""
        return self.explainer.explain(self.transform(examples))


def explain(
    examples: np.ndarray,
    labels: np.ndarray,
    ids: list[str],
    explainers: dict[str, ModelExplainer],
    scores: dict[str, np.ndarray],
    selected: str,
    threshold: float,
    seed: int,
) -> dict[str, Any]:
    """Explain both models.

    Args:
        examples: `(rows,)` serialized tf.Examples of the evaluation split.
        labels: `(rows,)` of 0 and 1.
        ids: What to call each row.
        explainers: By model name.
        scores: `(rows,)` probabilities by model name.
        selected: The model whose hits and misses are shown as single rows.
        threshold: That model's decision threshold.
        seed: Draws the rows of the global view.

    Returns:
        The content of `explanations.json`.
    """
    spec = next(iter(explainers.values())).spec
    columns = spec.model_columns
    notable = summary.notable_rows(labels, scores[selected], threshold)
    drawn = np.random.default_rng(seed).permutation(len(examples))[:GLOBAL_ROWS]
    rows = np.concatenate([np.sort(drawn), np.array(list(notable.values()), np.int64)])
    values = raw_columns(examples[rows], spec)
    values = {name: decode(column) for name, column in values.items()}
    everything = {name: explainer.explain(examples[rows]) for name, explainer in explainers.items()}
    overall = {
        name: Attribution(item.values[: len(drawn)], item.base, item.output[: len(drawn)])
        for name, item in everything.items()
    }
    drawn_values = {name: column[: len(drawn)] for name, column in values.items()}
    shown = summary.strongest(list(overall.values()), columns)
    models = {
        name: {
            "method": explainers[name].explainer.method,
            "base_value": item.base,
            "residual": summary.residual(item),
            "global": summary.ranking(item, columns),
            "dependence": summary.dependence(item, columns, drawn_values, shown),
        }
        for name, item in overall.items()
    }
    single = [
        {
            "kind": kind,
            "id": ids[row],
            "label": spec.classes[int(labels[row])],
            "score": {name: float(score[row]) for name, score in scores.items()},
            "columns": summary.contributions(len(drawn) + position, everything, columns, values),
        }
        for position, (kind, row) in enumerate(notable.items())
    ]
    return {
        "unit": "log odds",
        "rows": len(drawn),
        "models": models,
        "agreement": summary.agreement(overall["baseline"], overall["deep"], columns),
        "single_rows": single,
    }


def decode(column: np.ndarray) -> np.ndarray:
    """Byte strings as text."""
    if column.dtype.kind != "O":
        return column
    return np.array([value.decode("utf-8") for value in column], object)
