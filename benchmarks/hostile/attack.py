"""What an attack is: a function that is told where the server listens, and that notes what it got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Scene:
    """A server under attack, and what the attacker has seen of it so far.

    Attributes:
        host: Address of both APIs.
        grpc: Port of the gRPC API.
        rest: Port of the REST API.
        process: The server's process.
        log: What the server writes to standard error.
        config: The server's models.config.
        largest: The server's limit for a request, in bytes.
        requests: How many requests the long mixture has.
        quick: Whether counts and times are cut down.
        sent: Bytes sent so far.
        got: Answers by status, and what else happened to requests and connections.
        faults: What no server should do, in words.
        memory: The attacker's own at the end, in MB.
    """

    host: str
    grpc: int
    rest: int
    process: int
    log: Path
    config: Path
    largest: int
    requests: int = 100_000
    quick: bool = False
    sent: int = 0
    got: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory: float = 0.0

    def count(self, number: int) -> int:
        """A number of requests or connections, a tenth of it when quick."""
        return max(1, number // 10) if self.quick else number

    def seconds(self, number: float) -> float:
        """A time to hold on, a third of it when quick."""
        return number / 3 if self.quick else number

    def fault(self, text: str) -> None:
        """Note what no server should do; a few of a kind are enough."""
        if len(self.faults) < 20:
            self.faults.append(text)


Run = Callable[[Scene], None]


@dataclass(frozen=True)
class Attack:
    """An attack by name.

    Attributes:
        name: For the table and the command line.
        text: What it does, in one line.
        run: Does it.
        seconds: When it is cut off.
        spoils: Whether the server is not to be used afterwards, even if it lives.
        crowd: Whether it needs many connections: for one the goal of memory is stricter.
    """

    name: str
    text: str
    run: Run
    seconds: float
    spoils: bool
    crowd: bool


ATTACKS: dict[str, Attack] = {}


def attack(
    name: str, text: str, seconds: float = 30.0, spoils: bool = False, crowd: bool = False
) -> Callable[[Run], Run]:
    """Enter a function among the attacks."""

    def enter(run: Run) -> Run:
        assert name not in ATTACKS, name
        ATTACKS[name] = Attack(name, text, run, seconds, spoils, crowd)
        return run

    return enter
