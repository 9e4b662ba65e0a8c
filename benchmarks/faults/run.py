"""Runs that are killed, or whose disk is full, or that may not write, at every point in turn.

    .venv/bin/python benchmarks/faults/run.py [--every] [--library CHECKOUT] [--json FILE]

As SQLite tests crashes: strike at a run's first change on disk, at its second, and so on until one
completes, and look each time at what a server and a reader would find. See `shim.c` for what a point is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.faults import project as made  # noqa: E402
from benchmarks.faults.invariants import Watch  # noqa: E402
from benchmarks.faults.project import DENIED, FULL, KILL, NAME, Outcome, Runs  # noqa: E402

ROWS = 500
# Points of a node's start in the pipeline's memory, before it makes its folders.
POINTS_BEFORE = 12


@dataclass
class Point:
    """What came of one strike.

    Attributes:
        number: Which point of the run it was.
        call: The call and its path; empty for the run that completed.
        said: How the run ended, and its last words.
        wrong: What was wrong right after it, or after the next run had completed.
        next_failed: What the next run said that failed.
    """

    number: int
    call: str
    said: str
    wrong: list[str] = field(default_factory=list)
    next_failed: str = ""


@dataclass(frozen=True)
class Scenario:
    """A way to strike.

    Attributes:
        name: For the table.
        change: What of the declaration changed since the last run; "new": there was none.
        mode: What strikes.
        again: Strike each next run one point later, instead of restoring the project in between.
        step: Without --every, of how many points one is taken; odd, as the memory's file has four a write.
    """

    name: str
    change: str
    mode: int
    again: bool
    step: int


SCENARIOS = {
    "first": Scenario("first run, killed again and again", "new", KILL, True, 29),
    "threshold": Scenario("new threshold, killed again and again", "another threshold", KILL, True, 13),
    "training": Scenario("new training, killed again and again", "another training", KILL, True, 57),
    "killed": Scenario("new threshold, killed", "another threshold", KILL, False, 13),
    "back": Scenario("first threshold again, killed", "first threshold again", KILL, False, 13),
    "full": Scenario("new threshold, disk full", "another threshold", FULL, False, 17),
    "denied": Scenario("new threshold, may not write", "another threshold", DENIED, False, 17),
}


def main() -> int:
    """Strike; returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--library", type=Path, default=ROOT, help="the checkout to judge (default: this one)"
    )
    parser.add_argument("--every", action="store_true", help="every point, which takes hours")
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="this scenario (may be repeated)")
    parser.add_argument("--json", type=Path, help="write all points here")
    options = parser.parse_args()
    library = options.library.resolve()
    results: dict[str, tuple[list[Point], float]] = {}
    with tempfile.TemporaryDirectory(prefix="solutionkit-") as name:
        folder = Path(name).resolve()
        project = made.generated(library, folder, ROWS)
        made.restore(project, folder / "new")
        with Runs(library, folder) as runs:
            bench = Bench(runs, project, folder)
            for key in options.only or SCENARIOS:
                started = time.monotonic()
                points = list(bench.strikes(SCENARIOS[key], options.every))
                results[SCENARIOS[key].name] = points, time.monotonic() - started
                if options.json:
                    options.json.write_text(as_json(results))
    print_table(results)
    return int(any(complaints(point) for points, _ in results.values() for point in points))


class Bench:
    """A project that is put back and struck."""

    def __init__(self, runs: Runs, project: Path, folder: Path) -> None:
        self.runs, self.project, self.folder = runs, project, folder

    def prepare(self, change: str) -> Watch:
        """Put the project back as it was before the run that is struck."""
        snapshot = self.folder / change
        if not snapshot.exists():
            before = made.AFTER.get(change, "new")
            self.prepare(before)
            if self.runs.run(self.project).status:
                raise SystemExit("a run without any fault failed")
            made.edit(self.project, change)
            made.restore(self.project, snapshot)
        made.restore(snapshot, self.project)
        watch = Watch(self.project, NAME, self.runs.decision_file)
        if wrong := watch.look():
            raise SystemExit(f"wrong before any fault: {wrong}")
        return watch

    def strikes(self, scenario: Scenario, every: bool) -> Iterator[Point]:
        """Every point of a scenario, with what was wrong told at once."""
        step = 1 if every else scenario.step
        for point in self.again(scenario, step) if scenario.again else self.once(scenario, step):
            for text in complaints(point):
                print(f"{scenario.name}, point {point.number}, {text}", file=sys.stderr, flush=True)
            yield point

    def again(self, scenario: Scenario, step: int) -> Iterator[Point]:
        """Strike each next run a step later, each going on with what the one before left.

        What is done is cached in the next run and has fewer points there. So when a run comes to a node for
        the first time, what it did is undone and the next run is struck at that node's first point.
        """
        watch = self.prepare(scenario.change)
        number = 1
        met: set[str] = set()
        while True:
            made.restore(self.project, self.folder / "before")
            outcome = self.runs.run(self.project, scenario.mode, number)
            places = [place_of(call) for call in outcome.points]
            if new := [place for place in places if place and place not in met]:
                met.add(new[0])
                number = max(1, places.index(new[0]) + 1 - POINTS_BEFORE)
                made.restore(self.folder / "before", self.project)
                continue
            point = Point(number, outcome.struck, told(outcome), watch.look())
            if not outcome.struck:
                if outcome.status:
                    point.next_failed = told(outcome)
                else:
                    point.wrong += watch.finished()
                yield point
                return
            yield point
            number += step

    def once(self, scenario: Scenario, step: int) -> Iterator[Point]:
        """Strike, look, let the next run complete, look again, put all back; for every point."""
        self.prepare(scenario.change)
        calls = self.runs.run(self.project, scenario.mode).points
        for number, call in enumerate(calls, start=1):
            # What servers and readers see is worth more points than what only the pipeline sees.
            seen = call.split(" ")[1].startswith(("models/", "runs/"))
            if number % (max(1, step // 5) if seen else step):
                continue
            watch = self.prepare(scenario.change)
            outcome = self.runs.run(self.project, scenario.mode, number)
            if not outcome.struck:
                continue
            point = Point(number, outcome.struck, told(outcome), watch.look())
            if outcome.status < 0 and scenario.mode != KILL:
                point.wrong.append(f"it crashed: {told(outcome)}")
            if outcome.status == 0:
                point.wrong += watch.finished()
            following = self.runs.run(self.project)
            point.wrong += watch.look()
            if following.status:
                point.next_failed = told(following)
            else:
                point.wrong += watch.finished()
            yield point


def told(outcome: Outcome) -> str:
    """How a run ended, in a line."""
    return f"{outcome.status}: {outcome.said.strip()}".replace("\n", " / ")


def place_of(call: str) -> str:
    """Of which node the artifacts are that a call is about, or `models` or `runs`; else nothing."""
    parts = Path(call.split(" ")[1]).parts
    if parts[:2] == (".pipeline", "artifacts"):
        return parts[2] if len(parts) > 2 else ""
    return "" if parts[0] == ".pipeline" else parts[0]


def complaints(point: Point) -> list[str]:
    """What came of a strike, a line each."""
    found = [*point.wrong, *([f"the next run failed: {point.next_failed}"] if point.next_failed else [])]
    return [f"{point.call or 'the run that completed'}: {text}" for text in found]


def as_json(results: dict[str, tuple[list[Point], float]]) -> str:
    """All points by scenario."""
    content = {name: [asdict(point) for point in points] for name, (points, _) in results.items()}
    return json.dumps(content, indent=2) + "\n"


def print_table(results: dict[str, tuple[list[Point], float]]) -> None:
    """A line for each scenario, and what was wrong."""
    print("| scenario | points | left something wrong | next run failed | seconds |")
    print("|---|---:|---:|---:|---:|")
    for name, (points, seconds) in results.items():
        wrong, failed = (
            sum(bool(point.wrong) for point in points),
            sum(bool(point.next_failed) for point in points),
        )
        print(f"| {name} | {len(points)} | {wrong} | {failed} | {seconds:.0f} |")
    print()
    for name, (points, _) in results.items():
        for point in points:
            for text in complaints(point):
                print(f"- {name}, point {point.number}, {text}")


if __name__ == "__main__":
    sys.exit(main())
