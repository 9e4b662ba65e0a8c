import numpy as np
import pytest
from scipy import stats

from solutionkit.compare.delong import delong

RANDOM = np.random.default_rng(0)


def example(rows: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    labels = RANDOM.integers(0, 2, rows)
    scores = labels * 0.7 + RANDOM.normal(size=(2, rows))
    return labels, scores.round(1) if ties else scores


def by_definition(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong's structural components, pair by pair, as the paper writes them."""
    positive, negative = scores[:, labels == 1], scores[:, labels == 0]
    kernel = (positive[:, :, None] > negative[:, None]) + 0.5 * (positive[:, :, None] == negative[:, None])
    by_positive, by_negative = kernel.mean(axis=2), kernel.mean(axis=1)
    return kernel.mean(axis=(1, 2)), np.cov(by_positive) / positive.shape[1] + np.cov(
        by_negative
    ) / negative.shape[1]


@pytest.mark.parametrize("ties", [False, True])
def test_equals_the_definition(ties: bool) -> None:
    labels, scores = example(200, ties)
    found = delong(labels, scores)
    auc, covariance = by_definition(labels, scores)
    np.testing.assert_allclose(found.auc, auc, atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-12)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = stats.norm.cdf(1.0 / np.sqrt(2.0))
    hits = 0
    for _ in range(300):
        labels = np.repeat([0, 1], [80, 40])
        found = delong(labels, (labels + RANDOM.normal(size=120))[None]).estimate(0)
        hits += found.low <= truth <= found.high
    assert 0.91 <= hits / 300 <= 0.99


def test_no_difference_is_rejected_as_rarely_as_it_says() -> None:
    rejected = 0
    for _ in range(300):
        labels = np.repeat([0, 1], [80, 40])
        shared = RANDOM.normal(size=120)
        scores = labels + 0.7 * shared + 0.7 * RANDOM.normal(size=(2, 120))
        rejected += delong(labels, scores).difference().p_value < 0.05
    assert rejected / 300 <= 0.10


def test_the_same_scores_twice() -> None:
    labels, scores = example(100, ties=False)
    found = delong(labels, np.stack([scores[0], scores[0]])).difference()
    assert (found.value, *found.interval(), found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_constant_scores_are_worth_a_half() -> None:
    labels, _ = example(100, ties=False)
    found = delong(labels, np.zeros((1, 100))).estimate(0)
    assert (found.low, found.high) == (0.5, 0.5)


def test_a_perfect_order_of_few_rows_is_not_certain() -> None:
    labels = np.repeat([0, 1], [200, 12])
    found = delong(labels, labels[None].astype(float)).estimate(0)
    assert found.value == 1.0
    assert 0.6 < found.low < 0.9


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        delong(np.ones(5), np.zeros((1, 5)))
