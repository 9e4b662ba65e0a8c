import keras
import numpy as np
import pytest

from solutionkit.models.sequence_encoder import SLOTS, build_sequence_encoder, step_moments

RANDOM = np.random.default_rng(0)


def sequences(rows: int, steps: int = 6) -> np.ndarray:
    """Each row has some steps, at its end."""
    values = RANDOM.normal(5.0, 2.0, (rows, steps, 3)).astype(np.float32)
    there = np.arange(steps) >= RANDOM.integers(0, steps + 1, rows)[:, None]
    values[:, :, 0] = 1.0
    return values * there[:, :, None]


def test_moments_are_of_the_steps_that_are_there() -> None:
    mean, variance = step_moments(sequences(4000))
    assert mean == pytest.approx([0.0, 5.0, 5.0], abs=0.1)
    assert variance == pytest.approx([1.0, 4.0, 4.0], abs=0.2)
    assert step_moments(np.zeros((5, 6, 3), np.float32))[0].tolist() == [0.0] * 3


def test_rows_without_any_step_are_all_alike_and_what_is_absent_is_not_read() -> None:
    keras.utils.set_random_seed(1)
    encoder = build_sequence_encoder(*step_moments(sequences(100)), 6, 8)
    empty = np.zeros((1, 6, 3), np.float32)
    other = empty.copy()
    other[:, :, 1:] = 9.0
    assert encoder(empty).shape == (1, SLOTS, 8)
    assert np.array_equal(encoder(empty), encoder(other))
    assert not np.allclose(encoder(empty), encoder(sequences(1) + 1.0))


def test_it_learns_what_no_single_step_tells() -> None:
    """Whether values rise towards the end."""
    keras.utils.set_random_seed(1)
    values = np.concatenate([np.ones((3000, 6, 1)), RANDOM.normal(size=(3000, 6, 1))], axis=2)
    label = (values[:, -1, 1] > values[:, -2, 1]).astype(int)
    encoder = build_sequence_encoder(*step_moments(values), 6, 8)
    output = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(encoder.output))
    network = keras.Model(encoder.input, output)
    network.compile("adam", "binary_crossentropy", jit_compile=False)
    network.fit(values[:2500], label[:2500], epochs=15, verbose=0)
    predicted = np.asarray(network(values[2500:]))[:, 0] > 0.5
    assert (predicted == label[2500:]).mean() > 0.9


def test_saved_and_loaded_it_is_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]
    some = sequences(4)
    encoder = build_sequence_encoder(*step_moments(some), 6, 8)
    encoder.save(tmp_path / "encoder.keras")
    loaded = keras.models.load_model(tmp_path / "encoder.keras", compile=False)
    assert np.allclose(encoder(some), loaded(some))
