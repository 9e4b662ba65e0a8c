import numpy as np

from solutionkit.tasks.regression.figures import figures


def test_two_charts_of_both_models() -> None:
    labels = np.random.default_rng(0).normal(size=200)
    scores = {"labels": labels, "baseline": labels[:, None] + 0.1, "deep": labels[:, None] * 0.9}
    found = figures("<b>worth</b>", scores)
    assert len(found) == 2
    for figure in found:
        assert figure.svg.startswith("<svg")
        assert figure.caption
    assert "worth" in found[0].caption
