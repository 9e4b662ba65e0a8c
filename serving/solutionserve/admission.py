"""Who may come in: requests and the memory that they may take, asked for before anything is read.

All sizes follow from one figure, the largest request. What arrives at once is let through. Of those that are
slow to arrive it is watched how much they have sent: when that is too much, those of the connection that has
sent most give way, so that nobody who is slow keeps the others out. A connection that has sent much waits for
its share before more of it is read. What costs much when it is parsed waits its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from solutionserve.errors import Code, ServingError

# Of the largest request: what one may cost in memory, what a connection that sends much may have on the way,
# and all that are slow.
COST, CONNECTION, ALL = 6, 4, 4
# Seconds in which a request arrives unnoticed; between looks at those that do not; and after which one that
# keeps others waiting may be ended.
QUICK, LOOK, PATIENCE = 0.02, 0.01, 0.25
# The same for a share of a connection, and for an answer that nobody reads.
STALLED = 10.0
# Requests that are worked on at the same time where that keeps the interpreter busy.
TURNS = max(4, os.cpu_count() or 1)
# From this size on, a message makes its connection one that sends much; of so many it is remembered.
LARGE_MESSAGE, REMEMBERED = 1 << 20, 10_000
# Bytes in memory that nobody waits for.
SMALL_COST = 1 << 20
# Bytes of an answer from which its place is kept until the client has read it.
LARGE_ANSWER = 1 << 16


class Budget:
    """Bytes, or places, that are taken and given back: first come, first served; one alone always fits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self.taken = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    async def take(self, amount: int) -> None:
        """Take bytes, once they are there."""
        if not self._waiting and self._fits(amount):
            self.taken += amount
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, amount))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give(amount)
            else:
                with contextlib.suppress(ValueError):
                    self._waiting.remove((place, amount))
                self._wake()
            raise

    def give(self, amount: int) -> None:
        """Give bytes back."""
        self.taken -= amount
        self._wake()

    def _fits(self, amount: int) -> bool:
        return not self.taken or self.taken + amount <= self._most

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][1]):
            place, amount = self._waiting.popleft()
            if not place.done():
                self.taken += amount
                place.set_result(None)


@dataclass(eq=False)
class Ticket:
    """One request's place.

    Attributes:
        connection: What it came on.
        task: What answers it.
        since: When it began to be read, or when its answer was ready.
        share: Bytes it holds of its connection's share.
        sent: Bytes of it that have come, where that can be told of one request.
        before: Bytes that its connection had sent before, where it can be told of connections alone.
        working: Bytes it holds of what may be worked on.
        turns: Turns that it holds.
        gives_way: Whether it was told to end, its place having gone to others.
        unread: Whether its large answer waits to be read.
    """

    connection: str
    task: asyncio.Task | None
    since: float = field(default_factory=time.monotonic)
    share: int = 0
    sent: int | None = None
    before: int | None = None
    working: int = 0
    turns: int = 0
    gives_way: bool = False
    unread: bool = False
    timer: asyncio.TimerHandle | None = None


class Admission:
    """The door of both APIs.

    Args:
        requests: Requests that may be under way at the same time; more are refused at once.
        largest: Bytes of the largest request.

    Attributes:
        closed: Whether nobody is let in any more.
        received: The bytes that connections have sent so far: None where nothing can tell; connections that
            are not known yet are left out.
        hang_up: Ends a connection that keeps others waiting by not reading its answers.
    """

    def __init__(self, requests: int, largest: int) -> None:
        self.largest = largest
        self.most = COST * largest
        self._requests = requests
        self._working = Budget(COST * largest)
        self._turns = Budget(TURNS)
        self._shares: dict[str, Budget] = {}
        # Connections that send much, the latest last.
        self._heavy: dict[str, None] = {}
        self._inside: dict[Ticket, None] = {}
        # Those whose request is not there, or waits to be worked on; and those whose answer is not read.
        self._slow: dict[Ticket, None] = {}
        self._unread: dict[Ticket, None] = {}
        self._looking: asyncio.TimerHandle | None = None
        self.closed = False
        self.received: Callable[[set[str]], Mapping[str, int | None]] = dict.fromkeys
        self.hang_up: Callable[[str], None] = lambda connection: None

    @property
    def requests(self) -> int:
        """Requests under way."""
        return len(self._inside)

    @property
    def connections(self) -> set[str]:
        """The connections that have a request under way."""
        return {ticket.connection for ticket in (*self._inside, *self._unread)}

    def enter(self, connection: str, always: bool = False) -> Ticket:
        """A place for a request of which nothing is read yet; the running task is what may have to give way.

        Args:
            connection: What it came on.
            always: Whether it is let in however many are inside, for questions about the server's health.

        Raises:
            ServingError: There is none.
        """
        if self.closed and not always:
            raise ServingError(Code.UNAVAILABLE, "the server is stopping; try again")
        if len(self._inside) >= self._requests and not always and not self._evict(PATIENCE):
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"{self._requests} requests are being answered already; try again later",
            )
        ticket = Ticket(connection, asyncio.current_task())
        self._inside[ticket] = None
        self._read_from_now(ticket)
        return ticket

    async def expect_largest(self, ticket: Ticket) -> None:
        """Before a request of unknown size is read: wait for room if its connection sends much."""
        if ticket.connection not in self._heavy:
            return
        share = self._shares.get(ticket.connection)
        if share is None:
            share = self._shares[ticket.connection] = Budget(CONNECTION * self.largest)
        # Nothing of it is read meanwhile.
        self.is_here(ticket)
        self._look_later()
        try:
            await share.take(self.largest)
        finally:
            self._forget(ticket.connection)
        ticket.share = self.largest
        self._read_from_now(ticket)

    async def arrived(self, ticket: Ticket, size: int, cost: int) -> None:
        """The request is there: wait for its turn if its parsed form costs much."""
        ticket.sent = size
        if size >= LARGE_MESSAGE:
            self._heavy.pop(ticket.connection, None)
            self._heavy[ticket.connection] = None
            if len(self._heavy) > REMEMBERED:
                del self._heavy[next(iter(self._heavy))]
        if cost > SMALL_COST:
            self._look_later()
            await self._working.take(cost)
            ticket.working = cost
        else:
            self._give_share(ticket)
        self.is_here(ticket)

    def is_here(self, ticket: Ticket) -> None:
        """All of the request is there; it does not give way any more."""
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None
        self._slow.pop(ticket, None)

    async def turn(self, ticket: Ticket) -> None:
        """Wait for a turn, for a request that keeps the interpreter busy; the others go on meanwhile."""
        await self._turns.take(1)
        ticket.turns = 1

    def answered(self, ticket: Ticket, size: int) -> None:
        """The answer is there; if it is large, its place is kept until the client has read it."""
        if size < LARGE_ANSWER or not ticket.working:
            return
        self._inside.pop(ticket, None)
        if ticket.working > size:
            self._working.give(ticket.working - size)
            ticket.working = size
        ticket.unread, ticket.since = True, time.monotonic()
        self._unread[ticket] = None

    def leave(self, ticket: Ticket) -> None:
        """The request is answered, or given up."""
        self.is_here(ticket)
        self._inside.pop(ticket, None)
        self._unread.pop(ticket, None)
        self._give_share(ticket)
        if ticket.working:
            working, ticket.working = ticket.working, 0
            self._working.give(working)
        if ticket.turns:
            ticket.turns = 0
            self._turns.give(1)

    def _read_from_now(self, ticket: Ticket) -> None:
        self.is_here(ticket)
        ticket.since = time.monotonic()
        ticket.timer = asyncio.get_running_loop().call_later(QUICK, self._is_slow, ticket)

    def _is_slow(self, ticket: Ticket) -> None:
        ticket.timer = None
        self._slow[ticket] = None
        if self._looking is None:
            self._look()

    def _look_later(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        """Make room where slow requests take too much, or keep others waiting."""
        self._looking = None
        if len(self._slow) > ALL:
            self._limit(self._sent())
        for connection, share in list(self._shares.items()):
            if share.wanted:
                self._evict(STALLED, connection)
        unread = next(iter(self._unread), None)
        if unread and self._working.wanted and time.monotonic() - unread.since > STALLED:
            self.hang_up(unread.connection)
            self.leave(unread)
        if self._slow or self._working.wanted or any(share.wanted for share in self._shares.values()):
            self._look_later()

    def _sent(self) -> dict[str, int]:
        """Most bytes that the slow requests of each connection have sent."""
        sent: Counter[str] = Counter()
        reading: dict[str, list[Ticket]] = {}
        for ticket in self._slow:
            sent[ticket.connection] += ticket.sent or 0
            if ticket.sent is None:
                reading.setdefault(ticket.connection, []).append(ticket)
        received = self.received(set(reading)) if reading else {}
        for name, tickets in reading.items():
            if name not in received:
                continue
            most, now = len(tickets) * self.largest, received[name]
            if now is not None:
                for ticket in tickets:
                    ticket.before = now if ticket.before is None else ticket.before
                most = min(most, now - min(ticket.before or 0 for ticket in tickets))
            sent[name] += most
        return sent

    def _limit(self, sent: dict[str, int]) -> None:
        """When all have sent too much, let those who have sent most give way until half of it is left."""
        total, most = sum(sent.values()), ALL * self.largest
        if total <= most:
            return
        for name in sorted(sent, key=lambda name: -sent[name]):
            tickets = [ticket for ticket in self._slow if ticket.connection == name]
            for ticket in tickets:
                # They send on while this is decided, so less must be left than may be.
                if total <= most // 2:
                    return
                total -= sent[name] // len(tickets)
                self._give_way(ticket)

    def _evict(self, patience: float, connection: str | None = None) -> bool:
        """Let a slow request give way, unless all are quick: the longest of who has most of them."""
        now = time.monotonic()
        late = [
            ticket
            for ticket in self._slow
            if now - ticket.since > patience and connection in (None, ticket.connection)
        ]
        if not late:
            return False
        have = Counter(ticket.connection for ticket in late)
        self._give_way(min(late, key=lambda ticket: (-have[ticket.connection], ticket.since)))
        return True

    def _give_way(self, ticket: Ticket) -> None:
        ticket.gives_way = True
        if ticket.task is not None:
            ticket.task.cancel()
        self.leave(ticket)

    def _give_share(self, ticket: Ticket) -> None:
        if ticket.share:
            share, ticket.share = ticket.share, 0
            self._shares[ticket.connection].give(share)
            self._forget(ticket.connection)

    def _forget(self, connection: str) -> None:
        share = self._shares.get(connection)
        if share is not None and not share.taken and not share.wanted:
            del self._shares[connection]


def gave_way() -> ServingError:
    """What a request is told that had to give its place to others."""
    return ServingError(
        Code.RESOURCE_EXHAUSTED, "the request took too long to arrive while others waited; try again later"
    )
