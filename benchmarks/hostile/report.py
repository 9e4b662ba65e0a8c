"""What attacks came to: the goals, and a table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.hostile.attack import Attack, Scene
from benchmarks.hostile.bystander import Report

# Of one request or connection, and of many connections together.
MOST_MEGABYTES, MOST_OF_A_CROWD = 400.0, 1000.0
LONGEST_FREEZE = 1.0
HEAD = """| attack | server | peak, MB | freeze, s | lost | sent | attacker got | broken goals |
|---|---|---:|---:|---:|---:|---|---|"""


@dataclass
class Row:
    """What an attack came to.

    Attributes:
        attack: Its name.
        server: "alive", or how it ended.
        peak: Most memory above that of the idle server, in MB.
        freeze: Longest that an honest request took, in seconds.
        median: Half of the honest requests took no longer, in seconds.
        answered: Honest requests answered.
        lost: Honest requests lost.
        words: What the first lost ones met.
        sent: What the attacker sent, in bytes.
        got: What the attacker got, how often.
        faults: What no server should do.
        broken: The goals that were missed.
        attacker: The attacker's memory, in MB.
        seconds: How long all took.
    """

    attack: str
    server: str
    peak: float
    freeze: float
    median: float
    answered: int
    lost: int
    words: list[str]
    sent: int
    got: dict[str, int]
    faults: list[str]
    broken: list[str]
    attacker: float
    seconds: float


def broken_goals(item: Attack, state: str, above: float, report: Report, seen: Scene) -> list[str]:
    """The goals that were missed, in a word each."""
    goals = {
        "alive": state == "alive",
        "memory": above <= (MOST_OF_A_CROWD if item.crowd else MOST_MEGABYTES),
        # Waiting for a server that is gone is no freeze.
        "freeze": report.longest <= LONGEST_FREEZE or state != "alive",
        "lost": report.lost == 0,
        "fault": not seen.faults,
    }
    return [name for name, kept in goals.items() if not kept]


def printed(row: Row) -> str:
    """A row of the table."""
    got = ", ".join(f"{name} x {times}" for name, times in sorted(row.got.items(), key=lambda item: -item[1]))
    faults = f" ({row.faults[0][:80]})" if row.faults else ""
    cells = [
        row.attack,
        row.server,
        f"{row.peak:,.0f}",
        f"{row.freeze:.2f}" if row.server == "alive" else "–",
        str(row.lost),
        size(row.sent),
        got.replace("|", "/"),
        ", ".join(row.broken) + faults.replace("|", "/").replace("\n", " "),
    ]
    return f"| {' | '.join(cells)} |"


def size(count: int) -> str:
    """A number of bytes for people."""
    for unit in ("B", "KB", "MB"):
        if count < 10_000:
            return f"{count:,} {unit}"
        count //= 1000
    return f"{count:,} GB"
