"""The door: who waits, who is refused, who gives way; and that every place comes back."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from solutionserve.admission import (
    ALL,
    CONNECTION,
    COST,
    LOOK,
    PATIENCE,
    QUICK,
    TURNS,
    Admission,
    Budget,
)
from solutionserve.errors import Code, ServingError

LARGEST = 2 << 20
LONG = QUICK + 10 * LOOK + PATIENCE


class Process:
    """A system that says of connections what the test wants; the others have sent nothing."""

    def __init__(self) -> None:
        self.sent: dict[str, int] = {}

    def __call__(self, connections: set[str]) -> dict[str, int]:
        return {name: self.sent.get(name, 0) for name in connections}


def run(work: Callable[[Admission, Process], Awaitable[None]], requests: int = 8) -> None:
    async def whole() -> None:
        process = Process()
        admission = Admission(requests, LARGEST)
        admission.received = process
        await asyncio.wait_for(work(admission, process), 60)
        assert_empty(admission)

    asyncio.run(whole())


def assert_empty(admission: Admission) -> None:
    assert admission.requests == 0
    assert not admission.connections
    assert (admission._working.taken, admission._turns.taken) == (0, 0)
    assert not admission._shares
    assert not admission._slow
    assert not admission._unread


async def cancelled(tasks: list[asyncio.Task[str]]) -> list[str]:
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks)


async def sending(
    admission: Admission, connection: str, seconds: float, cost: int = 0, size: int = 10
) -> str:
    """A gRPC request that takes some time to arrive; how it ended."""
    ticket = None
    try:
        ticket = admission.enter(connection)
        await admission.expect_largest(ticket)
        await asyncio.sleep(seconds)
        await admission.arrived(ticket, size, cost)
        await asyncio.sleep(0.01)
    except ServingError as error:
        return error.code.name
    except asyncio.CancelledError:
        assert ticket is not None
        return "gave way" if ticket.gives_way else "cancelled"
    finally:
        if ticket is not None:
            admission.leave(ticket)
    return "answered"


def test_more_requests_than_allowed_are_refused_at_once() -> None:
    async def work(admission: Admission, process: Process) -> None:
        ends = await asyncio.gather(*(sending(admission, f"{i}", 0.0) for i in range(12)))
        assert ends == ["answered"] * 8 + ["RESOURCE_EXHAUSTED"] * 4

    run(work)


def test_slow_senders_do_not_keep_others_out() -> None:
    async def work(admission: Admission, process: Process) -> None:
        slow = [asyncio.create_task(sending(admission, f"{i}", 60.0)) for i in range(8)]
        await asyncio.sleep(LONG)
        assert await sending(admission, "quick", 0.0) == "answered"
        assert sorted(await cancelled(slow)) == ["cancelled"] * 7 + ["gave way"]

    run(work)


def test_questions_about_health_are_let_in_however_many_are_inside() -> None:
    async def work(admission: Admission, process: Process) -> None:
        tasks = [asyncio.create_task(sending(admission, f"{i}", 1.0)) for i in range(8)]
        await asyncio.sleep(0)
        admission.leave(admission.enter("probe", always=True))
        await cancelled(tasks)
        admission.closed = True
        admission.leave(admission.enter("probe", always=True))

    run(work)


def test_any_number_of_slow_links_is_fine_while_they_send_little() -> None:
    async def work(admission: Admission, process: Process) -> None:
        ends = await asyncio.gather(*(sending(admission, f"{i % 3}", 0.4) for i in range(90)))
        assert set(ends) == {"answered"}

    run(work, requests=100)


def test_who_has_sent_most_gives_way() -> None:
    async def work(admission: Admission, process: Process) -> None:
        honest = [asyncio.create_task(sending(admission, "honest", 60.0)) for _ in range(20)]
        greedy = [asyncio.create_task(sending(admission, "greedy", 60.0)) for _ in range(40)]
        await asyncio.sleep(QUICK + 5 * LOOK)
        process.sent = {"greedy": 2 * ALL * LARGEST, "honest": 1000}
        while not any(task.done() for task in greedy):
            await asyncio.sleep(LOOK)
        await asyncio.sleep(5 * LOOK)
        done = [task.result() for task in greedy if task.done()]
        assert set(done) == {"gave way"}
        assert not any(task.done() for task in honest)
        assert await sending(admission, "quick", 0.0) == "answered"
        await cancelled([*greedy, *honest])

    run(work, requests=100)


def test_a_few_slow_ones_never_give_way() -> None:
    async def work(admission: Admission, process: Process) -> None:
        slow = [asyncio.create_task(sending(admission, "one", 60.0)) for _ in range(ALL)]
        await asyncio.sleep(QUICK + 2 * LOOK)
        process.sent = {"one": 1 << 40}
        await asyncio.sleep(LONG)
        assert set(await cancelled(slow)) == {"cancelled"}

    run(work, requests=100)


def test_where_the_system_tells_nothing_slow_ones_count_as_the_largest() -> None:
    async def whole() -> None:
        admission = Admission(100, LARGEST)
        slow = [asyncio.create_task(sending(admission, f"{i}", 60.0)) for i in range(3 * ALL)]
        while sum(not task.done() for task in slow) > ALL:
            await asyncio.sleep(LOOK)
        await asyncio.sleep(5 * LOOK)
        assert sum(not task.done() for task in slow) == ALL // 2
        await cancelled(slow)
        assert_empty(admission)

    asyncio.run(asyncio.wait_for(whole(), 20))


def test_a_connection_that_sends_much_waits_for_its_own_share_and_nobody_elses() -> None:
    async def work(admission: Admission, process: Process) -> None:
        assert await sending(admission, "one", 0.0, size=LARGEST) == "answered"
        slow = [asyncio.create_task(sending(admission, "one", 60.0)) for _ in range(CONNECTION + 2)]
        await asyncio.sleep(LONG)
        assert admission._shares["one"].taken == CONNECTION * LARGEST
        assert not any(task.done() for task in slow)
        assert await sending(admission, "other", 0.0) == "answered"
        assert set(await cancelled(slow)) == {"cancelled"}

    run(work)


def test_many_large_messages_of_one_connection_are_all_answered() -> None:
    async def work(admission: Admission, process: Process) -> None:
        process.sent["one"] = 0

        async def upload() -> str:
            ticket = admission.enter("one")
            try:
                await admission.expect_largest(ticket)
                for _ in range(4):
                    await asyncio.sleep(QUICK / 2)
                    process.sent["one"] += LARGEST // 4
                await admission.arrived(ticket, LARGEST, COST * LARGEST // 2)
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                return "gave way"
            finally:
                admission.leave(ticket)
            return "answered"

        assert await upload() == "answered"
        assert set(await asyncio.gather(*(upload() for _ in range(40)))) == {"answered"}

    run(work, requests=100)


def test_a_share_that_stalls_goes_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("solutionserve.admission.STALLED", 0.3)

    async def work(admission: Admission, process: Process) -> None:
        assert await sending(admission, "one", 0.0, size=LARGEST) == "answered"
        stalled = [asyncio.create_task(sending(admission, "one", 60.0)) for _ in range(CONNECTION)]
        await asyncio.sleep(0)
        assert await sending(admission, "one", 0.0) == "answered"
        assert "gave way" in await cancelled(stalled)

    run(work)


def test_costly_requests_take_turns() -> None:
    async def work(admission: Admission, process: Process) -> None:
        most = COST * LARGEST
        order: list[int] = []

        async def one(number: int) -> None:
            assert await sending(admission, f"{number}", 0.0, most) == "answered"
            order.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(3)]
        await asyncio.sleep(0.005)
        assert admission._working.taken == most
        assert await sending(admission, "small", 0.0, 1000) == "answered"
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2]

    run(work)


def test_turns_come_back() -> None:
    async def work(admission: Admission, process: Process) -> None:
        most = 0

        async def one(number: int) -> None:
            nonlocal most
            ticket = admission.enter(f"{number}")
            try:
                await admission.turn(ticket)
                most = max(most, admission._turns.taken)
                await asyncio.sleep(0.01)
            finally:
                admission.leave(ticket)

        tasks = [asyncio.create_task(one(number)) for number in range(3 * TURNS)]
        await asyncio.sleep(0.005)
        tasks[0].cancel()
        tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most == TURNS

    run(work, requests=100 * TURNS)


def test_who_does_not_read_large_answers_is_hung_up_on_when_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("solutionserve.admission.STALLED", 0.3)

    async def work(admission: Admission, process: Process) -> None:
        ended: list[str] = []
        admission.hang_up = ended.append
        small = admission.enter("innocent")
        await admission.arrived(small, 10, 10)
        admission.answered(small, 1 << 30)
        assert not small.unread
        admission.leave(small)
        ticket = admission.enter("greedy")
        await admission.arrived(ticket, LARGEST, COST * LARGEST)
        admission.answered(ticket, COST * LARGEST)
        assert (admission.requests, admission.connections) == (0, {"greedy"})
        await asyncio.sleep(LONG)
        assert not ended
        assert await sending(admission, "other", 0.0, COST * LARGEST) == "answered"
        assert ended == ["greedy"]
        admission.leave(ticket)

    run(work)


def test_a_closed_door_says_that_it_may_be_tried_again() -> None:
    admission = Admission(8, LARGEST)
    admission.closed = True
    with pytest.raises(ServingError) as caught:
        admission.enter("x")
    assert caught.value.code is Code.UNAVAILABLE


def test_every_place_comes_back() -> None:
    async def work(admission: Admission, process: Process) -> None:
        drawn = random.Random(11)
        tasks = []
        for _ in range(400):
            seconds = drawn.choice([0.0, 0.0, 0.01, 0.1, 0.4])
            cost = drawn.choice([0, 1000, 3 * LARGEST, COST * LARGEST])
            size = drawn.choice([10, LARGEST])
            process.sent = {"a": drawn.choice([0, 2 * ALL * LARGEST])}
            work = sending(admission, drawn.choice("abcdefg"), seconds, cost, size)
            tasks.append(asyncio.create_task(work))
            if drawn.random() < 0.2:
                drawn.choice(tasks).cancel()
            if drawn.random() < 0.1:
                await asyncio.sleep(0.02)
        for task in tasks:
            if drawn.random() < 0.3:
                task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {"answered", "RESOURCE_EXHAUSTED", "cancelled"} <= {str(end) for end in ends}

    run(work, requests=60)


def test_a_budget_is_given_in_order_also_when_a_waiter_leaves() -> None:
    async def work() -> None:
        budget = Budget(10)
        await budget.take(8)
        order: list[str] = []

        async def take(name: str, amount: int) -> None:
            await budget.take(amount)
            order.append(name)

        large, small = asyncio.create_task(take("large", 9)), asyncio.create_task(take("small", 2))
        await asyncio.sleep(0)
        assert order == []  # the small one would fit, and waits behind the large one
        large.cancel()
        await asyncio.sleep(0)
        await small
        assert (order, budget.taken) == (["small"], 10)
        budget.give(10)
        await budget.take(1000)  # alone, anything fits
        budget.give(1000)
        assert budget.taken == 0

    asyncio.run(work())
