"""Which requests run together."""

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest

from solutionserve.batching import BatchingRunner
from solutionserve.configuration import Batching
from solutionserve.errors import ServingError, invalid
from solutionserve.inference import Plan


class Doubler:
    """A model that notes the batches it ran, and is slow enough for requests to gather."""

    def __init__(self, seconds: float = 0.05) -> None:
        self.batches: list[int] = []
        self.seconds = seconds
        self.running = self.most = 0
        self.lock = threading.Lock()

    def run(self, feeds: dict[str, np.ndarray], fetches: tuple[str, ...]) -> dict[str, np.ndarray]:
        x = feeds["x"]
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.batches.append(len(x))
        time.sleep(self.seconds)
        with self.lock:
            self.running -= 1
        if (x < 0).any():
            raise invalid("negative")
        if "total" in fetches:
            return {"total": np.array([x.sum()])}
        return {"y": 2 * x}


def plan(x: list[float], fetch: str = "y") -> Plan:
    values = np.array(x)
    return Plan({"x": values}, (fetch,), len(values), lambda outputs: outputs)


def run(model: Doubler, settings: Batching, plans: list[Plan], pause: float = 0.0) -> list[Any]:
    async def together() -> list[Any]:
        runner = BatchingRunner(settings)

        async def one(position: int, item: Plan) -> Any:
            await asyncio.sleep(position * pause)
            return await runner.run(model, item)  # type: ignore[arg-type]

        try:
            return await asyncio.gather(*(one(*pair) for pair in enumerate(plans)), return_exceptions=True)
        finally:
            runner.close()

    return asyncio.run(together())


def test_what_waits_runs_together_and_everyone_gets_their_rows() -> None:
    model = Doubler()
    found = run(model, Batching(max_batch_size=8, threads=1), [plan([i, i + 0.5]) for i in range(9)])
    assert [item["y"].tolist() for item in found] == [[2 * i, 2 * i + 1] for i in range(9)]
    assert model.batches == [2, 8, 8]


def test_threads() -> None:
    model = Doubler()
    run(model, Batching(max_batch_size=1, threads=3), [plan([1.0])] * 9)
    assert model.most == 3


def test_a_timeout_waits_for_others() -> None:
    model = Doubler(0.0)
    run(model, Batching(max_batch_size=3, timeout=5.0, threads=1), [plan([1.0])] * 3, pause=0.01)
    assert model.batches == [3]
    model = Doubler(0.0)
    started = time.monotonic()
    run(model, Batching(max_batch_size=3, timeout=0.1, threads=1), [plan([1.0])])
    assert model.batches == [1]
    assert 0.09 < time.monotonic() - started < 2


def test_a_bad_request_fails_alone() -> None:
    found = run(
        Doubler(0.02),
        Batching(max_batch_size=8, threads=1),
        [plan([1.0]), plan([2.0]), plan([-1.0]), plan([3.0])],
    )
    assert [item["y"].tolist() for item in (found[0], found[1], found[3])] == [[2.0], [4.0], [6.0]]
    assert isinstance(found[2], ServingError)


def test_outputs_that_do_not_go_by_rows_run_alone() -> None:
    found = run(
        Doubler(0.02),
        Batching(max_batch_size=8, threads=1),
        [plan([1.0, 2.0], "total"), plan([3.0, 4.0], "total"), plan([5.0, 6.0], "total")],
    )
    assert [item["total"].tolist() for item in found] == [[3.0], [7.0], [11.0]]


def test_a_request_larger_than_a_batch_runs_in_pieces() -> None:
    model = Doubler(0.0)
    x = [float(i) for i in range(9)]
    (found,) = run(model, Batching(max_batch_size=4, threads=1), [plan(x)])
    assert model.batches == [4, 4, 1]
    assert found["y"].tolist() == [2 * i for i in x]
    (found,) = run(model, Batching(max_batch_size=4, threads=1), [plan(x, "total")])
    assert found["total"].tolist() == [36.0]


def test_other_shapes_do_not_mix() -> None:
    model = Doubler()
    wide = Plan({"x": np.ones((1, 3))}, ("y",), 1, lambda outputs: outputs)
    found = run(model, Batching(max_batch_size=8, threads=1), [plan([1.0]), plan([1.0]), wide])
    assert found[2]["y"].shape == (1, 3)
    assert model.batches == [1, 1, 1]


def test_allowed_sizes_are_padded_to() -> None:
    model = Doubler()
    found = run(
        model, Batching(max_batch_size=8, threads=1, allowed_sizes=(4, 8)), [plan([1.0]), plan([2.0, 3.0])]
    )
    assert model.batches == [4, 4]
    assert found[1]["y"].tolist() == [4.0, 6.0]


def test_a_full_queue_refuses() -> None:
    found = run(Doubler(), Batching(max_batch_size=1, max_enqueued_batches=2, threads=1), [plan([1.0])] * 6)
    refused = [item for item in found if isinstance(item, ServingError)]
    assert len(refused) == 3
    assert "queue" in refused[0].message


def test_a_request_that_gave_up_is_not_run() -> None:
    async def give_up() -> list[int]:
        model = Doubler()
        runner = BatchingRunner(Batching(max_batch_size=8, threads=1))
        first = asyncio.ensure_future(runner.run(model, plan([1.0])))  # type: ignore[arg-type]
        await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(runner.run(model, plan([1.0] * 5)), 0.01)  # type: ignore[arg-type]
        await first
        await runner.run(model, plan([1.0]))  # type: ignore[arg-type]
        runner.close()
        return model.batches

    assert asyncio.run(give_up()) == [1, 1]
