"""A SavedModel as a function from rows to a model's answers, without TFX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.errors import UserError
from solutionkit.examples.cast import table_inputs
from solutionkit.examples.columns import DEFAULT_SIGNATURE, RAW_SIGNATURE, SPEC_FILE, load_spec
from solutionkit.models.export import EXAMPLES


class SavedScorer:
    """Scores rows with an exported model.

    Args:
        folder: The SavedModel.

    Raises:
        UserError: The folder holds no model that this library exported.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / SPEC_FILE).is_file():
            raise UserError(f"{folder}: no exported model here; run the pipeline first.")
        self.spec = load_spec(folder)
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{folder}: not a readable SavedModel ({str(error).splitlines()[0]}); delete the folder and"
                " run the pipeline again: solutionkit run."
            ) from None

    def score_examples(self, examples: np.ndarray) -> np.ndarray:
        """`(rows, outputs)` of serialized tf.Examples."""
        signature = self._loaded.signatures[DEFAULT_SIGNATURE]
        parts = [
            signature(**{EXAMPLES: tf.constant(examples[start : start + self.spec.rows_scored])})[
                self.spec.task.output
            ]
            for start in range(0, len(examples), self.spec.rows_scored)
        ]
        return np.concatenate(parts).astype(np.float64)

    def score_table(self, table: pa.Table) -> np.ndarray:
        """`(rows, outputs)` of typed columns (see `cast`), images as bytes."""
        columns = table_inputs(table, self.spec)
        return np.concatenate(
            [
                self.score_raw(
                    {name: value[start : start + self.spec.rows_scored] for name, value in columns.items()}
                )
                for start in range(0, table.num_rows, self.spec.rows_scored)
            ]
        )

    def score_raw(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """`(rows, outputs)` of named raw columns."""
        signature = self._loaded.signatures[RAW_SIGNATURE]
        answer = signature(**{name: tf.constant(value) for name, value in columns.items()})
        return np.asarray(answer[self.spec.task.output], np.float64)
