"""Two honest users of a server under attack: how long they wait, and how many of their requests are lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from solutionserve.client import Client, transport

EVERY_SECONDS = 0.02
NEW_CONNECTION_EVERY = 10
WARM_UP, WARM_UP_SECONDS = 10, 60.0
PATIENCE_SECONDS = 35.0


@dataclass
class Report:
    """What the users saw between the beginning and the end of an attack.

    Attributes:
        longest: Longest time that a request took, in seconds.
        median: Half of the requests took no longer, in seconds.
        answered: Requests answered rightly.
        lost: Requests refused, answered wrongly, or not answered.
        words: What the first lost ones met.
    """

    longest: float = 0.0
    median: float = 0.0
    answered: int = 0
    lost: int = 0
    words: list[str] = field(default_factory=list)


class User:
    """Asks half_plus_two every 20 ms, on a kept connection or, every tenth time, on a new one.

    Args:
        address: Of an API, as `Client` takes it.
    """

    def __init__(self, address: str) -> None:
        self.latencies: list[float] = []
        self.errors: list[str] = []
        self.over = False
        self.since = 0.0
        self._address = address
        self._kept = Client(address, "half_plus_two", label="stable")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        number = 0
        due = time.monotonic()
        while not self.over:
            number += 1
            if number % NEW_CONNECTION_EVERY:
                self._timed(lambda number=number: self._ask(self._kept, number))  # type: ignore[misc]
            else:
                with Client(self._address, "half_plus_two", label="stable") as client:
                    # What a request with a new client is made of; each part is a request by itself.
                    self._timed(lambda client=client: client.signature())  # type: ignore[misc]
                    self._timed(lambda client=client, number=number: self._ask(client, number))  # type: ignore[misc]
            due = max(due + EVERY_SECONDS, time.monotonic() - EVERY_SECONDS)
            time.sleep(max(0.0, due - time.monotonic()))

    def _ask(self, client: Client, number: int) -> None:
        answer = client.predict({"x": [float(number)]})["y"]
        if list(answer) != [number / 2 + 2]:
            raise ValueError(f"{number} was answered with {answer}")

    def _timed(self, call: Callable[[], object]) -> None:
        self.since = time.monotonic()
        try:
            call()
        except Exception as error:
            self.errors.append(f"{type(error).__name__}: {error}"[:200])
        self.latencies.append(time.monotonic() - self.since)
        self.since = 0.0


def stand_by(addresses: list[str], line: Connection) -> None:
    """A process's main function: says "ready", then sends a report at the first word it hears."""
    # Else a new channel to a known address takes the old one's connection.
    transport.OPTIONS.append(("grpc.use_local_subchannel_pool", 1))
    users = [User(address) for address in addresses]
    end = time.monotonic() + WARM_UP_SECONDS
    while any(len(user.latencies) < WARM_UP for user in users) and time.monotonic() < end:
        time.sleep(0.05)
    # New lists: what a user is adding to the old ones at the moment does not matter.
    for user in users:
        user.latencies, user.errors = [], []
    line.send("ready")
    alive = bool(line.recv())
    line.send(_report(users, PATIENCE_SECONDS if alive else 0.5))
    # gRPC's threads would keep a process waiting.
    os._exit(0)


def _report(users: list[User], patience: float) -> Report:
    for user in users:
        user.over = True
    end = time.monotonic() + patience
    for user in users:
        user.thread.join(max(0.0, end - time.monotonic()))
    latencies = [seconds for user in users for seconds in user.latencies]
    errors = [error for user in users for error in user.errors]
    for user in users:
        if since := user.since:
            latencies.append(time.monotonic() - since)
            errors.append("no answer to the end")
    latencies.sort()
    return Report(
        longest=max(latencies, default=0.0),
        median=latencies[len(latencies) // 2] if latencies else 0.0,
        answered=len(latencies) - len(errors),
        lost=len(errors),
        words=errors[:3],
    )
