"""Who may come in: requests and the memory that they may take, asked for before anything is read.

All sizes follow from one figure, the largest request. While a request arrives, it holds what has arrived,
or over gRPC, where nothing tells the size, the largest request; while it is answered, it holds what its
parsed form may cost at most. A connection has a share of what may arrive, and waits for it. When there is
no room, whoever has been sending longest gives way: a slow sender never keeps the others out.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from solutionserve.errors import Code, ServingError

# Of the largest request: what one may cost in memory, what a connection and all may have on the way.
COST, CONNECTION, ALL = 6, 5, 24
# Seconds that a request may take to arrive, while others wait for its place.
PATIENCE = 0.25


class Memory:
    """Bytes that are taken and given back, first come, first served; one taker alone always fits."""

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
        arriving: Bytes it holds of what may be on the way.
        working: Bytes it holds of what may be worked on.
        gives_way: Whether it was told to end, its place having gone to others.
    """

    connection: str
    task: asyncio.Task | None
    since: float = field(default_factory=time.monotonic)
    arriving: int = 0
    working: int = 0
    gives_way: bool = False


class Admission:
    """The door of both APIs.

    Args:
        requests: Requests that may be under way at the same time; more are refused at once.
        largest: Bytes of the largest request.
    """

    def __init__(self, requests: int, largest: int) -> None:
        self.largest = largest
        self.most = COST * largest
        self._requests = requests
        self._arriving = Memory(ALL * largest)
        self._working = Memory(COST * largest)
        self._shares: dict[str, Memory] = {}
        self._inside: dict[Ticket, None] = {}
        # Those whose request has not quite arrived, the longest waiting first.
        self._slow: dict[Ticket, None] = {}
        self._pressing: asyncio.TimerHandle | None = None

    @property
    def requests(self) -> int:
        """Requests under way."""
        return len(self._inside)

    def enter(self, connection: str) -> Ticket:
        """A place for a request of which nothing is read yet; the running task is what may have to give way.

        Raises:
            ServingError: There is none.
        """
        if len(self._inside) >= self._requests and not self._evict():
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"{self._requests} requests are being answered already; try again later",
            )
        ticket = Ticket(connection, asyncio.current_task())
        self._inside[ticket] = self._slow[ticket] = None
        return ticket

    async def expect(self, ticket: Ticket, amount: int) -> None:
        """Wait for room for bytes that are to arrive."""
        share = self._shares.get(ticket.connection)
        if share is None:
            share = self._shares[ticket.connection] = Memory(CONNECTION * self.largest)
        await share.take(amount)
        try:
            if not self._arriving.wanted and self._arriving._fits(amount):
                self._arriving.taken += amount
            else:
                self._press_later()
                await self._arriving.take(amount)
        except asyncio.CancelledError:
            self._give_share(ticket.connection, amount)
            raise
        ticket.arriving += amount

    async def arrived(self, ticket: Ticket, cost: int) -> None:
        """The request is there: wait for room for what its parsed form costs at most."""
        self._slow.pop(ticket, None)
        if cost <= ticket.arriving:
            self._shrink(ticket, cost)
        else:
            more = cost - ticket.arriving
            await self._working.take(more)
            ticket.working = more

    def leave(self, ticket: Ticket) -> None:
        """The request is answered, or given up."""
        self._inside.pop(ticket, None)
        self._slow.pop(ticket, None)
        self._shrink(ticket, 0)
        if ticket.working:
            self._working.give(ticket.working)
            ticket.working = 0

    def _shrink(self, ticket: Ticket, rest: int) -> None:
        freed = ticket.arriving - rest
        ticket.arriving = rest
        if freed:
            self._give_share(ticket.connection, freed)
            self._arriving.give(freed)

    def _give_share(self, connection: str, amount: int) -> None:
        share = self._shares[connection]
        share.give(amount)
        if not share.taken and not share.wanted:
            del self._shares[connection]

    def _press_later(self) -> None:
        if self._pressing is None:
            self._pressing = asyncio.get_running_loop().call_later(PATIENCE, self._press)

    def _press(self) -> None:
        self._pressing = None
        if self._arriving.wanted:
            self._evict()
            self._press_later()

    def _evict(self) -> bool:
        """Let the longest arriving request give its place up, unless all are quick."""
        ticket = next(iter(self._slow), None)
        if ticket is None or ticket.task is None or time.monotonic() - ticket.since < PATIENCE:
            return False
        ticket.gives_way = True
        ticket.task.cancel()
        self.leave(ticket)
        return True


def gave_way() -> ServingError:
    """What a request is told that had to give its place to others."""
    return ServingError(
        Code.RESOURCE_EXHAUSTED, "the request took too long to arrive while others waited; try again later"
    )
