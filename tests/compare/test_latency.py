"""How many calls are made to tell how long one takes; the clock is the test's own."""

import numpy as np
import pytest

from solutionkit.compare import latency


@pytest.mark.parametrize(("milliseconds", "calls"), [(1.0, 105 + 45), (300.0, 9 + 9), (5000.0, 4 + 4)])
def test_slow_models_are_called_less_often(
    milliseconds: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, sizes = [0.0], []

    def score(batch: np.ndarray) -> np.ndarray:
        now[0] += milliseconds / 1000.0
        sizes.append(len(batch))
        return batch

    monkeypatch.setattr(latency.time, "perf_counter", lambda: now[0])
    found = latency.latency_ms(score, np.arange(3))
    assert found == {"batch_1": milliseconds, "batch_128": milliseconds}
    assert set(sizes) == {1, 128}
    assert len(sizes) == calls
