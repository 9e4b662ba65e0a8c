import keras
import numpy as np
import pytest
from keras import ops

from solutionkit.models import tabm
from solutionkit.models.tabm import TabMSize, build_embedding, build_head, quantile_edges

SIZE = TabMSize(members=3, blocks=2, units=8, embedding=4, bins=4, dropout=0.0)
EDGES = [[0.0, 1.0, 3.0], [-1.0, 1.0]]


def embed(values: list[list[float]]) -> np.ndarray:
    layer = tabm.PiecewiseLinearEmbedding(EDGES, width=2)
    layer.build((None, 2))
    kernel = np.zeros((2, 3, 2), np.float32)
    # One output a bin of the first column, then the mark of a missing value.
    kernel[0, 0, 0] = kernel[0, 1, 1] = 1.0
    kernel[0, 2] = 7.0
    layer.kernel.assign(kernel)
    layer.bias.assign(np.zeros((2, 2)))
    return ops.convert_to_numpy(layer(np.array(values, np.float32)))[:, 0]


def test_piecewise_linear_encoding() -> None:
    found = embed([[-5.0, 0.0], [0.5, 0.0], [2.0, 0.0], [99.0, 0.0], [np.nan, 0.0]])
    np.testing.assert_allclose(found, [[0, 0], [0.5, 0], [1, 0.5], [1, 1], [7, 7]], atol=1e-6)


def test_quantile_edges() -> None:
    edges = quantile_edges(np.r_[np.arange(100.0), np.nan], 4)
    np.testing.assert_allclose(edges, [0, 24.75, 49.5, 74.25, 99])
    assert quantile_edges(np.array([5.0, 5.0]), 4).tolist() == [5.0, 6.0]
    assert quantile_edges(np.array([np.nan]), 4).tolist() == [0.0, 1.0]
    # The inverse of a step must be a number.
    assert quantile_edges(np.array([0.0, 1e-40, 2e-40, 1.0]), 3).tolist() == [0.0, 1.0]


def test_no_number_is_too_large() -> None:
    found = embed([[-3.4e38, 3.4e38], [3.4e38, -3.4e38], [0.5, np.nan]])
    assert np.isfinite(found).all()


def test_categories_of_different_columns_do_not_share_embeddings() -> None:
    layer = tabm.CategoryEmbedding([3, 4], width=4)
    found = ops.convert_to_numpy(layer(np.array([[2, 2], [2, 3], [0, 1]])))
    assert found.shape == (3, 2, 4)
    assert (found[0, 0] == found[1, 0]).all()
    assert not (found[0, 0] == found[0, 1]).any()
    assert (found[2] == 0.0).all()


def test_members_share_weights_but_differ() -> None:
    keras.utils.set_random_seed(1)
    head = build_head(columns=3, outputs=1, size=SIZE)
    logits = ops.convert_to_numpy(head(np.random.default_rng(0).normal(size=(5, 3, 4)).astype("float32")))
    assert logits.shape == (5, 3, 1)
    assert np.ptp(logits, axis=1).min() > 0
    first = head.get_layer("block_0")
    assert first.kernel.shape == (1, 12, 8)
    assert set(np.unique(ops.convert_to_numpy(first.scale_in))) == {-1.0, 1.0}
    assert (ops.convert_to_numpy(head.get_layer("block_1").scale_in) == 1.0).all()


def test_fits_side_by_side_share_nothing() -> None:
    keras.utils.set_random_seed(1)
    embedding = build_embedding(EDGES, [3], SIZE, fits=2)
    head = build_head(columns=3, outputs=1, size=SIZE, fits=2)
    inputs = {"numeric": np.array([[0.5, 0.2]], np.float32), "categorical": np.array([[2]])}
    before = ops.convert_to_numpy(head(embedding(inputs)))
    assert before.shape == (1, 6, 1)
    for layer in (*embedding.layers, *head.layers):
        for weight in layer.weights:
            value = ops.convert_to_numpy(weight).copy()
            if layer in head.layers:
                value[1] += 1.0
            else:
                value[..., 4:] += 1.0
            weight.assign(value)
    after = ops.convert_to_numpy(head(embedding(inputs)))
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert (after[:, 3:] != before[:, 3:]).all()


@pytest.mark.parametrize(("edges", "cardinalities"), [(EDGES, [3]), (EDGES, []), ([], [3, 4])])
def test_any_mix_of_columns_survives_saving(tmp_path, edges: list, cardinalities: list) -> None:
    embedding = build_embedding(edges, cardinalities, SIZE)
    inputs = {}
    if edges:
        inputs["numeric"] = np.array([[0.5, np.nan]], np.float32)
    if cardinalities:
        inputs["categorical"] = np.zeros((1, len(cardinalities)), np.int64)
    expected = ops.convert_to_numpy(embedding(inputs))
    assert expected.shape == (1, len(edges) + len(cardinalities), 4)
    embedding.save(tmp_path / "embedding.keras")
    loaded = keras.models.load_model(tmp_path / "embedding.keras")
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(inputs)), expected)
