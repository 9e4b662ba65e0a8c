import numpy as np

from solutionkit.compare.evaluation import Circumstances, EvaluationSet, unit_codes
from solutionkit.compare.metrics import Metric, difference
from solutionkit.tasks.classification.metrics import DETECTION_VIEW, recall_metric
from solutionkit.tasks.classification.task import Classification


def test_units_where_rows_belong_together() -> None:
    codes = unit_codes(np.array(["b", "a", "b"], object))
    assert codes is not None
    assert codes.tolist() == [1, 0, 1]
    assert unit_codes(np.array(["b", "a", "c"], object)) is None


def test_metrics_are_the_tasks_the_modalitys_and_ones_own() -> None:
    def metric(name: str) -> Metric:
        return Metric(name, name, lambda labels, scores, weights: weights.sum(axis=1), True, DETECTION_VIEW)

    rows = EvaluationSet(
        Classification("y", ("0", "1")),
        np.array([0, 1]),
        np.array([0, 1]),
        train=2,
        circumstances=Circumstances(units=np.array([0, 0]), metrics={"daily": metric("daily")}),
        own_metrics={"mine": metric("mine")},
    )
    assert rows.units is not None
    assert list(rows.metrics)[-2:] == ["daily", "mine"]
    assert "roc_auc" in rows.metrics
    assert "log_loss" in rows.metrics
    ranking = EvaluationSet(rows.task, rows.labels, rows.validation_labels, 2, calibrated=False)
    assert "log_loss" not in ranking.metrics


def test_a_recall_that_hangs_on_few_negatives_tells_little() -> None:
    """Of fifty rows, 5 % of the negatives is one row: no verdict; of a thousand it is twenty-five."""
    metric = recall_metric(0.05)
    random = np.random.default_rng(0)
    for rows, fewest in ((50, 1), (1000, 25)):
        labels = np.arange(rows) % 2
        first, second = (random.random((rows, 1)) for _ in range(2))
        found = difference(metric, labels, first, second, seed=0)
        assert found.spread.units == fewest
        assert found.tells == (fewest >= 6)
