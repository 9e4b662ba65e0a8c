"""Dynamic batching: requests that wait at the same time run together."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import numpy as np

from solutionserve.configuration import Batching
from solutionserve.errors import Code, ServingError
from solutionserve.inference import Plan
from solutionserve.model import LoadedModel

Outputs = dict[str, np.ndarray]
# Shapes are the clients' choice, so what is remembered of them is bounded.
MOST_UNBATCHABLE = 1000


class Runner:
    """Runs plans on a few threads, one at a time each.

    Args:
        threads: Plans that run at the same time; 0 means one a core.
    """

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or os.cpu_count() or 1
        self._pool: Executor = ThreadPoolExecutor(self.threads, "run")

    async def run(self, model: LoadedModel, plan: Plan) -> Outputs:
        """The plan's fetched values."""
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, model.run, plan.feeds, plan.fetches
        )

    def close(self) -> None:
        """End the threads once they are done."""
        self._pool.shutdown()


@dataclass(eq=False)
class _Task:
    plan: Plan
    rows: int
    done: asyncio.Future[Outputs]
    arrived: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class _Queue:
    """Requests that may share a batch: the same model, signature, outputs and shapes but for the rows."""

    model: LoadedModel
    key: object
    tasks: deque[_Task] = field(default_factory=deque)
    rows: int = 0
    timer: asyncio.TimerHandle | None = None


class BatchingRunner(Runner):
    """Runs what waits together in one batch, as soon as a thread is free.

    A request with more rows than a batch may have runs in pieces. When a batch fails, its halves run on
    their own, so that in the end a bad request fails alone.

    Args:
        settings: Sizes and times.
        waited: Called with the seconds that each request waited.
    """

    def __init__(self, settings: Batching, waited: Callable[[float], None] = lambda seconds: None) -> None:
        # One core is left to the event loop.
        super().__init__(settings.threads or max(1, (os.cpu_count() or 1) - 1))
        self._settings = settings
        self._waited = waited
        self._queues: dict[object, _Queue] = {}
        self._running = 0
        self._background: set[asyncio.Task[None]] = set()
        self._unbatchable: WeakKeyDictionary[LoadedModel, set[object]] = WeakKeyDictionary()

    async def run(self, model: LoadedModel, plan: Plan) -> Outputs:
        """The plan's fetched values, of whatever batch it ran in."""
        key = batch_key(plan)
        rows = plan.rows
        if not rows or key in self._unbatchable.get(model, ()):
            return await super().run(model, plan)
        if rows > self._settings.max_batch_size:
            return await self._run_in_pieces(model, plan, rows)
        queue = self._queues.setdefault((id(model), key), _Queue(model, key))
        if queue.rows + rows > self._settings.max_batch_size * self._settings.max_enqueued_batches:
            raise ServingError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full",
            )
        task = _Task(plan, rows, asyncio.get_running_loop().create_future())
        queue.tasks.append(task)
        queue.rows += rows
        self._dispatch()
        return await task.done

    async def _run_in_pieces(self, model: LoadedModel, plan: Plan, rows: int) -> Outputs:
        """A plan too large for a batch; whole, if its outputs do not go by rows."""
        size = self._settings.max_batch_size
        parts = []
        for start in range(0, rows, size):
            feeds = {name: value[start : start + size] for name, value in plan.feeds.items()}
            piece = Plan(feeds, plan.fetches, min(size, rows - start), plan.answer)
            parts.append(await super().run(model, piece))
            if any(not value.ndim or len(value) != piece.rows for value in parts[-1].values()):
                return await super().run(model, plan)
        return {name: np.concatenate([part[name] for part in parts]) for name in plan.fetches}

    def _dispatch(self) -> None:
        """Start batches while a thread is free; the oldest request's queue goes first."""
        now = time.monotonic()
        while self._running < self.threads:
            ready = [item for item in self._queues.items() if self._is_ready(item[1], now)]
            if not ready:
                return
            key, queue = min(ready, key=lambda item: item[1].tasks[0].arrived)
            batch = self._take(queue)
            if not queue.tasks:
                if queue.timer:
                    queue.timer.cancel()
                del self._queues[key]
            if batch:
                self._running += 1
                runs = asyncio.get_running_loop().create_task(self._run_batch(queue.key, queue.model, batch))
                self._background.add(runs)
                runs.add_done_callback(self._background.discard)

    def _is_ready(self, queue: _Queue, now: float) -> bool:
        settings = self._settings
        remaining = settings.timeout - (now - queue.tasks[0].arrived)
        if remaining <= 0 or queue.rows >= settings.max_batch_size:
            return True
        if queue.timer is None:
            queue.timer = asyncio.get_running_loop().call_later(remaining, self._wake, queue)
        return False

    def _wake(self, queue: _Queue) -> None:
        queue.timer = None
        self._dispatch()

    def _take(self, queue: _Queue) -> list[_Task]:
        """The next requests of a queue that fit one batch; those given up meanwhile are dropped."""
        batch: list[_Task] = []
        rows, now = 0, time.monotonic()
        while queue.tasks and rows + queue.tasks[0].rows <= self._settings.max_batch_size:
            task = queue.tasks.popleft()
            queue.rows -= task.rows
            if not task.done.done():
                batch.append(task)
                rows += task.rows
                self._waited(now - task.arrived)
        return batch

    async def _run_batch(self, key: object, model: LoadedModel, batch: list[_Task]) -> None:
        try:
            await self._answer(key, model, batch)
        finally:
            self._running -= 1
            self._dispatch()

    async def _answer(self, key: object, model: LoadedModel, batch: list[_Task]) -> None:
        loop = asyncio.get_running_loop()
        batch = [task for task in batch if not task.done.done()]
        plans = [task.plan for task in batch]
        if not plans:
            return
        try:
            parts = await loop.run_in_executor(self._pool, self._run_together, model, plans)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                await self._answer(key, model, half)
            return
        if parts is None:
            # Some output does not go by rows, so these requests cannot share a run.
            known = self._unbatchable.setdefault(model, set())
            if len(known) < MOST_UNBATCHABLE:
                known.add(key)
            for task in batch:
                try:
                    _finish(task, await super().run(model, task.plan))
                except Exception as error:
                    _fail(task, error)
            return
        for task, outputs in zip(batch, parts, strict=True):
            _finish(task, outputs)

    def _run_together(self, model: LoadedModel, plans: list[Plan]) -> list[Outputs] | None:
        """Each plan's values of one run; None if an output does not go by rows."""
        counts = [plan.rows or 0 for plan in plans]
        total = sum(counts)
        padding = next((size for size in self._settings.allowed_sizes if size >= total), total) - total
        first = plans[0]
        if len(plans) == 1 and not padding:
            return [model.run(first.feeds, first.fetches)]
        feeds = {}
        for name in first.feeds:
            parts = [plan.feeds[name] for plan in plans]
            if padding:
                parts.append(np.repeat(first.feeds[name][:1], padding, axis=0))
            feeds[name] = np.concatenate(parts)
        outputs = model.run(feeds, first.fetches)
        if any(not value.ndim or len(value) != total + padding for value in outputs.values()):
            return None
        ends = np.cumsum(counts)
        return [
            {name: value[end - count : end] for name, value in outputs.items()}
            for count, end in zip(counts, ends, strict=True)
        ]


def batch_key(plan: Plan) -> object:
    """What requests to the same model must have in common to share a batch."""
    shapes = tuple((name, value.shape[1:]) for name, value in plan.feeds.items())
    return (plan.fetches, shapes)


def _finish(task: _Task, outputs: Outputs) -> None:
    if not task.done.done():
        task.done.set_result(outputs)


def _fail(task: _Task, error: Exception) -> None:
    if not task.done.done():
        task.done.set_exception(error)
