from pathlib import Path

import keras
import numpy as np
import pytest

from solutionkit.examples.columns import TableSpec
from solutionkit.explain.table_network import TableNetwork
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models.explanation_files import BACKGROUND_FILE
from solutionkit.models.tabm import TabMSize, build_embedding
from solutionkit.models.tabular_network import EMBEDDING_FILE, HEAD_FILE
from solutionkit.tasks.classification.task import Classification

RANDOM = np.random.default_rng(0)
SIZE = TabMSize(embedding=3)
BACKGROUND = RANDOM.normal(size=(150, 2)).astype(np.float32)
ROWS = TransformedSplit({"numeric": RANDOM.normal(size=(6, 2)).astype(np.float32)}, np.zeros(6, np.int64))
TARGETS = np.zeros(6, np.int64)
SPEC = TableSpec(Classification("y", ("0", "1")), ())


@pytest.fixture
def linear(tmp_path: Path) -> Path:
    """A head that is linear in the embeddings, whose SHAP values are known in closed form."""
    build_embedding([[-3.0, 3.0], [-3.0, 3.0]], [], SIZE).save(tmp_path / EMBEDDING_FILE)
    embedded = keras.Input((2, SIZE.embedding))
    logits = keras.layers.Reshape((1, 1))(keras.layers.Dense(1)(keras.layers.Flatten()(embedded)))
    keras.Model(embedded, logits).save(tmp_path / HEAD_FILE)
    np.savez(tmp_path / BACKGROUND_FILE, numeric=BACKGROUND)
    return tmp_path


def test_exact_for_a_linear_model(linear: Path) -> None:
    explainer = TableNetwork(linear, SPEC, samples=150)
    found = explainer.explain(ROWS, TARGETS)
    assert found.values.shape == (6, 2)
    assert np.abs(found.residual).max() < 1e-3
    # Each column's effect is its own difference from the background's mean, times one slope.
    for column in range(2):
        effect, value = found.values[:, column], ROWS.of("numeric")[:, column].clip(-3, 3)
        slope = np.polyfit(value, effect, 1)
        np.testing.assert_allclose(np.polyval(slope, value), effect, atol=1e-3)
        assert np.polyval(slope, BACKGROUND[:, column].clip(-3, 3).mean()) == pytest.approx(0.0, abs=1e-3)


def test_the_same_in_every_call_and_in_any_batch(linear: Path) -> None:
    explainer = TableNetwork(linear, SPEC)
    together = explainer.explain(ROWS, TARGETS).values
    np.testing.assert_array_equal(together, explainer.explain(ROWS, TARGETS).values)
    np.testing.assert_allclose(
        together[2:3], explainer.explain(ROWS.take(np.array([2])), TARGETS[:1]).values, atol=1e-6
    )
