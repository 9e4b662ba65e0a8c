"""A SavedModel as a function from rows to a model's answers, without TFX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import tensorflow as tf

from solutionkit.errors import UserError
from solutionkit.examples.cast import table_inputs
from solutionkit.examples.columns import DEFAULT_SIGNATURE, RAW_SIGNATURE, SPEC_FILE, load_spec
from solutionkit.modalities.rows import ScoringRows
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
        from solutionserve.further_ops import register_ops_of

        self.spec = load_spec(folder)
        try:
            register_ops_of(folder)
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise UserError(
                f"{folder}: not a readable SavedModel ({str(error).splitlines()[0]}); delete the folder and"
                " run the pipeline again: solutionkit run."
            ) from None

    def score_examples(self, examples: np.ndarray) -> np.ndarray:
        """`(rows, outputs)` of serialized tf.Examples."""
        return self.answers_to_examples(examples)[self.spec.label]

    def answers_to_examples(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """`(rows, outputs)` of serialized tf.Examples by label, further ones too."""
        signature = self._loaded.signatures[DEFAULT_SIGNATURE]
        parts = [
            signature(**{EXAMPLES: tf.constant(examples[start : start + self.spec.rows_scored])})
            for start in range(0, len(examples), self.spec.rows_scored)
        ]
        return self._joined(parts)

    def score_table(self, table: pa.Table) -> np.ndarray:
        """`(rows, outputs)` of typed columns (see `cast`), images as bytes."""
        return self.answers_to_table(table)[self.spec.label]

    def answers_to_table(self, table: pa.Table) -> dict[str, np.ndarray]:
        """`(rows, outputs)` of typed columns by label, further ones too."""
        columns = table_inputs(table, self.spec)
        parts = [
            self._asked(
                {name: value[start : start + self.spec.rows_scored] for name, value in columns.items()}
            )
            for start in range(0, table.num_rows, self.spec.rows_scored)
        ]
        return self._joined(parts)

    def answers_to(self, rows: ScoringRows) -> dict[str, np.ndarray]:
        """`(rows, outputs)` of new rows by label, further ones too."""
        parts = [self.answers_to_table(piece) for piece in rows.pieces()]
        return {label: np.concatenate([part[label] for part in parts]) for label in self.spec.outputs}

    def score_raw(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """`(rows, outputs)` of named raw columns."""
        return np.asarray(self._asked(columns)[self.spec.task.output], np.float64)

    def _asked(self, columns: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
        signature = self._loaded.signatures[RAW_SIGNATURE]
        answers: dict[str, tf.Tensor] = signature(
            **{name: tf.constant(value) for name, value in columns.items()}
        )
        return answers

    def _joined(self, parts: list[dict[str, tf.Tensor]]) -> dict[str, np.ndarray]:
        return {
            label: np.concatenate([part[output] for part in parts]).astype(np.float64)
            for label, output in self.spec.outputs.items()
        }
