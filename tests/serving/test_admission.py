"""The door: who waits, who is refused, who gives way; and that every place comes back."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from solutionserve.admission import ALL, CONNECTION, COST, PATIENCE, QUICK, TURNS, Admission, Memory
from solutionserve.errors import Code, ServingError

LARGEST = 2 << 20


def run(work: Callable[[Admission], Awaitable[None]], requests: int = 8) -> None:
    async def whole() -> None:
        admission = Admission(requests, LARGEST)
        await asyncio.wait_for(work(admission), 20)
        assert_empty(admission)

    asyncio.run(whole())


def assert_empty(admission: Admission) -> None:
    assert admission.requests == 0
    assert not admission.connections
    assert admission._arriving == 0
    assert admission._working.taken == 0
    assert not admission._shares
    assert not admission._slow


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
    async def work(admission: Admission) -> None:
        ends = await asyncio.gather(*(sending(admission, f"{i}", 0.0) for i in range(12)))
        assert ends == ["answered"] * 8 + ["RESOURCE_EXHAUSTED"] * 4

    run(work)


def test_slow_senders_do_not_keep_others_out() -> None:
    async def work(admission: Admission) -> None:
        slow = [asyncio.create_task(sending(admission, f"{i}", 60.0)) for i in range(8)]
        await asyncio.sleep(PATIENCE + QUICK)
        assert await sending(admission, "quick", 0.0) == "answered"
        assert [task.done() for task in slow] == [True] + [False] * 7
        assert slow[0].result() == "gave way"
        for task in slow[1:]:
            task.cancel()
        await asyncio.gather(*slow)

    run(work)


def test_what_is_on_the_way_is_bounded_and_the_quick_need_no_place() -> None:
    async def work(admission: Admission) -> None:
        slow = [asyncio.create_task(sending(admission, f"{i}", 60.0)) for i in range(3 * ALL)]
        await asyncio.sleep(3 * QUICK)
        assert admission._arriving <= ALL * LARGEST
        ends = [task.result() for task in slow if task.done()]
        assert ends == ["gave way"] * (2 * ALL)
        assert await sending(admission, "quick", 0.0) == "answered"
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow)

    run(work, requests=100)


def test_a_connection_that_sends_much_waits_for_its_own_share_and_nobody_elses() -> None:
    async def work(admission: Admission) -> None:
        assert await sending(admission, "one", 0.0, size=LARGEST) == "answered"
        slow = [asyncio.create_task(sending(admission, "one", 60.0)) for _ in range(CONNECTION + 2)]
        await asyncio.sleep(2 * QUICK)
        assert admission._shares["one"].taken == CONNECTION * LARGEST
        assert not any(task.done() for task in slow)
        assert await sending(admission, "other", 0.0) == "answered"
        for task in slow:
            task.cancel()
        assert set(await asyncio.gather(*slow)) == {"cancelled"}

    run(work)


def test_of_a_first_burst_the_share_is_kept() -> None:
    async def work(admission: Admission) -> None:
        slow = [asyncio.create_task(sending(admission, "new", 60.0)) for _ in range(CONNECTION + 2)]
        await asyncio.sleep(2 * QUICK)
        assert [task.result() for task in slow if task.done()] == ["gave way"] * 2
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow)

    run(work)


def test_quick_requests_of_one_connection_do_not_wait_for_each_other() -> None:
    async def work(admission: Admission) -> None:
        ends = await asyncio.gather(*(sending(admission, "one", QUICK / 5) for _ in range(90)))
        assert set(ends) == {"answered"}

    run(work, requests=100)


def test_costly_requests_take_turns() -> None:
    async def work(admission: Admission) -> None:
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
    async def work(admission: Admission) -> None:
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
        assert (most, admission._turns.taken) == (TURNS, 0)

    run(work, requests=100)


def test_bodies_that_grow_give_way_to_each_other() -> None:
    async def work(admission: Admission) -> None:
        async def growing() -> str:
            ticket = admission.enter("rest")
            try:
                for _ in range(8):
                    admission.grow(ticket, LARGEST)
                await asyncio.sleep(60)
            except ServingError as error:
                return error.code.name
            except asyncio.CancelledError:
                return "gave way"
            finally:
                admission.leave(ticket)
            return "answered"

        first = asyncio.create_task(growing())
        await asyncio.sleep(QUICK / 2)
        assert await growing() == "RESOURCE_EXHAUSTED"
        await asyncio.sleep(PATIENCE + QUICK)
        second = asyncio.create_task(growing())
        assert await first == "gave way"
        second.cancel()
        await second

    run(work)


def test_who_does_not_read_large_answers_is_hung_up_on_when_others_wait() -> None:
    async def work(admission: Admission) -> None:
        ended: list[str] = []
        admission.hang_up = ended.append
        ticket = admission.enter("greedy")
        await admission.arrived(ticket, LARGEST, COST * LARGEST)
        admission.answered(ticket, COST * LARGEST)
        assert (admission.requests, admission.connections) == (0, {"greedy"})
        await asyncio.sleep(PATIENCE)
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
    async def work(admission: Admission) -> None:
        drawn = random.Random(11)
        tasks = []
        for _ in range(400):
            seconds = drawn.choice([0.0, 0.0, 0.01, 0.1, 0.4])
            cost = drawn.choice([0, 1000, 3 * LARGEST, COST * LARGEST])
            tasks.append(asyncio.create_task(sending(admission, drawn.choice("abcdefg"), seconds, cost)))
            if drawn.random() < 0.2:
                drawn.choice(tasks).cancel()
            if drawn.random() < 0.1:
                await asyncio.sleep(0.02)
        for task in tasks:
            if drawn.random() < 0.3:
                task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert {"answered", "gave way", "RESOURCE_EXHAUSTED", "cancelled"} <= {str(end) for end in ends}

    run(work, requests=60)


def test_memory_is_given_in_order_also_when_a_waiter_leaves() -> None:
    async def work() -> None:
        memory = Memory(10)
        await memory.take(8)
        order: list[str] = []

        async def take(name: str, amount: int) -> None:
            await memory.take(amount)
            order.append(name)

        large, small = asyncio.create_task(take("large", 9)), asyncio.create_task(take("small", 2))
        await asyncio.sleep(0)
        assert order == []  # the small one would fit, and waits behind the large one
        large.cancel()
        await asyncio.sleep(0)
        await small
        assert (order, memory.taken) == (["small"], 10)
        memory.give(10)
        await memory.take(1000)  # alone, anything fits
        memory.give(1000)
        assert memory.taken == 0

    asyncio.run(work())
