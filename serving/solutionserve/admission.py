"""Who may come in: requests and the memory that they may take, asked for before anything is read.

All sizes follow from one figure, the largest request. What arrives at once needs no place. What does not,
needs one of its connection's share and one among all, or whoever has been sending longest gives way: nobody
who is slow keeps the others out. A connection that has sent much waits for its share before more of it is
read. What costs much when it is parsed waits its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from solutionserve.errors import Code, ServingError

# Of the largest request: what one may cost in memory, what a connection and all may have on the way.
COST, CONNECTION, ALL = 6, 5, 12
# Seconds in which a request arrives unnoticed, and those it has for certain while there is no room.
QUICK, PATIENCE = 0.05, 0.25
# Requests that are worked on at the same time where that keeps the interpreter busy.
TURNS = 4
# From this size on, a message makes its connection one that sends much; of so many it is remembered.
LARGE_MESSAGE, REMEMBERED = 1 << 20, 10_000
# Bytes in memory that nobody waits for.
SMALL_COST = 1 << 20
# Bytes of an answer from which its place is kept until the client has read it.
LARGE_ANSWER = 1 << 16


class Memory:
    """Bytes, or places, that are taken and given back: first come, first served; one alone always fits."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self.taken = 0

    def take_now(self, amount: int) -> bool:
        """Take bytes if they are there."""
        fits = not self._waiting and self._fits(amount)
        self.taken += amount if fits else 0
        return fits

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    async def take(self, amount: int) -> None:
        """Take bytes, once they are there."""
        if self.take_now(amount):
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
        since: When it came, or when its answer was ready.
        share: Bytes it holds of its connection's share.
        arriving: Bytes it holds of what all may have on the way.
        working: Bytes it holds of what may be worked on.
        turns: Turns that it holds.
        reading: Whether it is being read, and its size shows only when it is there.
        gives_way: Whether it was told to end, its place having gone to others.
        unread: Whether its large answer waits to be read.
    """

    connection: str
    task: asyncio.Task | None
    since: float = field(default_factory=time.monotonic)
    share: int = 0
    arriving: int = 0
    working: int = 0
    turns: int = 0
    reading: bool = False
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
        hang_up: Ends a connection that keeps others waiting by not reading its answers.
    """

    def __init__(self, requests: int, largest: int) -> None:
        self.largest = largest
        self.most = COST * largest
        self._requests = requests
        self._arriving = 0
        self._working = Memory(COST * largest)
        self._turns = Memory(TURNS)
        self._shares: dict[str, Memory] = {}
        # Connections that send much, the latest last.
        self._heavy: dict[str, None] = {}
        self._inside: dict[Ticket, None] = {}
        # Those whose request is slow to arrive, and those whose answer is not read; the longest first.
        self._slow: dict[Ticket, None] = {}
        self._unread: dict[Ticket, None] = {}
        self._pressing: asyncio.TimerHandle | None = None
        self.closed = False
        self.hang_up: Callable[[str], None] = lambda connection: None

    @property
    def requests(self) -> int:
        """Requests under way."""
        return len(self._inside)

    @property
    def connections(self) -> set[str]:
        """The connections that have a request under way."""
        return {ticket.connection for ticket in (*self._inside, *self._unread)}

    def enter(self, connection: str) -> Ticket:
        """A place for a request of which nothing is read yet; the running task is what may have to give way.

        Raises:
            ServingError: There is none.
        """
        if self.closed:
            raise ServingError(Code.UNAVAILABLE, "the server is stopping; try again")
        if len(self._inside) >= self._requests and not self._evict():
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"{self._requests} requests are being answered already; try again later",
            )
        ticket = Ticket(connection, asyncio.current_task())
        self._inside[ticket] = None
        ticket.timer = asyncio.get_running_loop().call_later(QUICK, self._is_slow, ticket)
        return ticket

    async def expect_largest(self, ticket: Ticket) -> None:
        """Before a request of unknown size is read: wait for room if its connection sends much."""
        if ticket.connection in self._heavy:
            try:
                await self._share(ticket.connection).take(self.largest)
            finally:
                self._forget(ticket.connection)
            ticket.share = self.largest
        ticket.reading = True

    def grow(self, ticket: Ticket, amount: int) -> None:
        """Take in more bytes of a request whose size shows as it arrives.

        Raises:
            ServingError: There is no room for them.
        """
        if not self._make_room(ticket, amount):
            raise gave_way()
        self._arriving += amount
        ticket.arriving += amount

    async def arrived(self, ticket: Ticket, size: int, cost: int) -> None:
        """The request is there: wait for its turn if its parsed form costs much."""
        if size >= LARGE_MESSAGE:
            self._sends_much(ticket.connection)
        if ticket.timer is not None:
            ticket.timer.cancel()
        self._slow.pop(ticket, None)
        if cost > SMALL_COST:
            self._press_later()
            await self._working.take(cost)
            ticket.working = cost
        else:
            self._give_share(ticket)

    async def turn(self, ticket: Ticket) -> None:
        """Wait for a turn, for a request that keeps the interpreter busy; the others go on meanwhile."""
        await self._turns.take(1)
        ticket.turns = 1

    def answered(self, ticket: Ticket, size: int) -> None:
        """The answer is there; if it is large, its place is kept until the client has read it."""
        if size < LARGE_ANSWER:
            return
        self._inside.pop(ticket, None)
        if ticket.working > size:
            self._working.give(ticket.working - size)
            ticket.working = size
        ticket.unread, ticket.since = True, time.monotonic()
        self._unread[ticket] = None

    def leave(self, ticket: Ticket) -> None:
        """The request is answered, or given up."""
        if ticket.timer is not None:
            ticket.timer.cancel()
        for place in (self._inside, self._slow, self._unread):
            place.pop(ticket, None)
        self._give_share(ticket)
        self._arriving -= ticket.arriving
        ticket.arriving = 0
        if ticket.working:
            working, ticket.working = ticket.working, 0
            self._working.give(working)
        if ticket.turns:
            ticket.turns = 0
            self._turns.give(1)

    def _is_slow(self, ticket: Ticket) -> None:
        """A request has not arrived at once: from now on it needs a place among all."""
        ticket.timer = None
        if not ticket.reading:
            self._slow[ticket] = None  # shows its size as it arrives, or waits for its own connection
            return
        self._sends_much(ticket.connection)
        if not ticket.share and self._share(ticket.connection).take_now(self.largest):
            ticket.share = self.largest
        if ticket.share and self._make_room(ticket, self.largest):
            self._slow[ticket] = None
            self._arriving += self.largest
            ticket.arriving = self.largest
        else:
            self._give_way(ticket)

    def _make_room(self, ticket: Ticket, amount: int) -> bool:
        """Whether more bytes may be on the way, if need be by letting slow requests give way."""
        while self._arriving and self._arriving + amount > ALL * self.largest:
            if not self._evict(ticket):
                return False
        return True

    def _evict(self, but: Ticket | None = None) -> bool:
        """Let the longest arriving request give its place up, unless all are quick."""
        ticket = next((item for item in self._slow if item is not but), None)
        if ticket is None or time.monotonic() - ticket.since < PATIENCE:
            return False
        self._give_way(ticket)
        return True

    def _give_way(self, ticket: Ticket) -> None:
        ticket.gives_way = True
        if ticket.task is not None:
            ticket.task.cancel()
        self.leave(ticket)

    def _share(self, connection: str) -> Memory:
        share = self._shares.get(connection)
        if share is None:
            share = self._shares[connection] = Memory(CONNECTION * self.largest)
        return share

    def _sends_much(self, connection: str) -> None:
        self._heavy.pop(connection, None)
        self._heavy[connection] = None
        if len(self._heavy) > REMEMBERED:
            del self._heavy[next(iter(self._heavy))]

    def _give_share(self, ticket: Ticket) -> None:
        if ticket.share:
            share, ticket.share = ticket.share, 0
            self._shares[ticket.connection].give(share)
            self._forget(ticket.connection)

    def _forget(self, connection: str) -> None:
        share = self._shares.get(connection)
        if share is not None and not share.taken and not share.wanted:
            del self._shares[connection]

    def _press_later(self) -> None:
        if self._pressing is None:
            self._pressing = asyncio.get_running_loop().call_later(PATIENCE, self._press)

    def _press(self) -> None:
        """End the connections that do not read large answers, while others wait for their place."""
        self._pressing = None
        if not self._working.wanted:
            return
        unread = next(iter(self._unread), None)
        if unread and time.monotonic() - unread.since > PATIENCE:
            self.hang_up(unread.connection)
            self.leave(unread)
        self._press_later()


def gave_way() -> ServingError:
    """What a request is told that had to give its place to others."""
    return ServingError(
        Code.RESOURCE_EXHAUSTED, "the request took too long to arrive while others waited; try again later"
    )
