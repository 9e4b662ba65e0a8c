import numpy as np

from solutionkit.compare.evaluation import EvaluationSet
from solutionkit.compare.slices import compare_slices, slice_values
from solutionkit.tasks.classification.task import Classification


def test_values_and_quartiles() -> None:
    assert slice_values(np.array(["a", "", "b"], object)).tolist() == ["a", "missing", "b"]
    assert slice_values(np.array([0.0, 1.0, np.nan])).tolist() == ["0", "1", "missing"]
    names = slice_values(np.arange(100.0))
    assert len(set(names)) == 4
    assert all((names == name).sum() == 25 for name in set(names))


def test_small_slices_have_no_metric() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 300)
    scores = {name: labels + random.normal(size=300) for name in ("baseline", "deep")}
    column = np.array(["large"] * 280 + ["small"] * 20, object)
    task = Classification("y", ("0", "1"))
    judged = EvaluationSet(task, labels, labels, train=0, slices={"size": column})
    for name in ("roc_auc", "log_loss"):
        clipped = {model: np.clip(score, 0.01, 0.99)[:, None] for model, score in scores.items()}
        large, small = compare_slices(judged, clipped, judged.metrics[name], 0, [("baseline", "deep")])
        assert (large.value, large.rows, small.rows) == ("large", 280, 20)
        deep = large.to_json()["deep"]
        assert deep["low"] < deep["value"] < deep["high"]
        assert "deep" not in small.to_json()
        towards_deep, away = large.towards("deep", "baseline"), large.towards("baseline", "deep")
        assert towards_deep is not None
        assert away is not None
        assert away.value == -towards_deep.value == -large.differences["baseline", "deep"].value
        assert large.towards("deep", "simple") is None
