"""A server under attack: does it live, how much memory does it take, and do its honest users notice?

    .venv/bin/python benchmarks/hostile/run.py [--serving FOLDER] [--only NAME,…] [--quick] [--json FILE]

Each attack comes from a process of its own, beside two honest users in another (bystander.py). FOLDER holds
the server's code, so that two versions of it can be compared; without it, it is this checkout's. The server
has 1,024 descriptors and, where control groups can be made, 4 GB. Returns 1 if a goal is broken.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "serving"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.hostile.attack import ATTACKS, Attack, Scene
from benchmarks.hostile.attacker import perform
from benchmarks.hostile.bystander import Report, stand_by
from benchmarks.hostile.memory import MemoryGroup, Peak
from benchmarks.hostile.server import HOST, Server, Servers, largest_request

ROOT = Path(__file__).resolve().parents[2]
MOST_MEGABYTES, LONGEST_FREEZE = 400.0, 1.0
# For what the server still does when the attacker has gone.
CALM_SECONDS = 1.0
# For an attacker whose server is gone.
PATIENCE_SECONDS = 3.0


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


def main() -> int:
    """Run the attacks and print the table; returns 1 if a goal is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--serving", type=Path, default=ROOT / "serving", help="folder of the server's code")
    parser.add_argument("--only", default="", help="names of attacks, or how they begin, with commas")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter")
    parser.add_argument("--requests", type=int, default=100_000, help="requests of the long mixture")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--list", action="store_true", help="say what there is")
    given = parser.parse_args()
    wanted = [name for name in given.only.split(",") if name]
    attacks = [
        item for name, item in ATTACKS.items() if not wanted or any(name.startswith(word) for word in wanted)
    ]
    if given.list:
        for item in attacks:
            print(f"{item.name}: {item.text}")
        return 0
    rows = attack_all(given, attacks)
    broken = [row for row in rows if row.broken]
    print(f"\n{len(rows) - len(broken)} of {len(rows)} attacks break no goal")
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return int(bool(broken))


def attack_all(given: argparse.Namespace, attacks: list[Attack]) -> list[Row]:
    """A row for each attack, printed as soon as it is there."""
    serving = given.serving.resolve()
    # For the processes that are started from here.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    context = multiprocessing.get_context("forkserver")
    # So that TensorFlow is imported once, not once an attack.
    context.set_forkserver_preload(["benchmarks.hostile.attacker", "benchmarks.hostile.bystander"])
    group = MemoryGroup(f"hostile-{os.getpid()}")
    where = "in a memory group of 4 GB" if group.folder else "without a memory group: none can be made here"
    print(f"{serving}, {where}\n", flush=True)
    print("| attack | server | peak, MB | freeze, s | lost | sent | attacker got | broken goals |")
    print("|---|---|---:|---:|---:|---:|---|---|", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        config = sample_models(Path(folder))
        servers = Servers(serving, config, group)
        scene = Scene(HOST, 0, 0, 0, Path(), config, largest_request(serving), given.requests, given.quick)
        try:
            for item in attacks:
                rows.append(judge(context, item, servers.fit(), scene, group))
                print(printed(rows[-1]), flush=True)
                if item.spoils:
                    servers.discard()
        finally:
            servers.close()
            group.close()
    return rows


def sample_models(folder: Path) -> Path:
    """The models that the tests have too; returns their configuration."""
    script = ROOT / "tests" / "serving" / "sample_models.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    return folder / "models.config"


def judge(context: ForkServerContext, item: Attack, server: Server, scene: Scene, group: MemoryGroup) -> Row:
    """Attack a server once, with the honest users beside it."""
    started = time.monotonic()
    ours, theirs = context.Pipe()
    users = context.Process(target=stand_by, args=(server.addresses, theirs), daemon=True)
    users.start()
    theirs.close()
    kills = group.kills
    assert ours.recv() == "ready"
    with Peak(server.process.pid) as peak:
        seen = attacked(context, item, server, scene)
        # A killed server's process may take a moment to end.
        time.sleep(CALM_SECONDS)
        ours.send(server.process.poll() is None)
        report: Report = ours.recv()
    users.join()
    code = server.process.poll()
    state = "alive" if code is None else "out of memory" if group.kills > kills else f"ended: {code}"
    above = max(0.0, peak.megabytes - server.idle)
    return Row(
        attack=item.name,
        server=state,
        peak=above,
        freeze=report.longest,
        median=report.median,
        answered=report.answered,
        lost=report.lost,
        words=report.words,
        sent=seen.sent,
        got=dict(seen.got),
        faults=seen.faults,
        broken=broken_goals(state, above, report, seen),
        attacker=seen.memory,
        seconds=time.monotonic() - started,
    )


def attacked(context: ForkServerContext, item: Attack, server: Server, scene: Scene) -> Scene:
    """Attack until the attacker is done, or the server has ended."""
    here = Scene(
        scene.host,
        server.grpc,
        server.rest,
        server.process.pid,
        server.log,
        scene.config,
        scene.largest,
        scene.requests,
        scene.quick,
    )
    ours, theirs = context.Pipe()
    attacker = context.Process(target=perform, args=(item.name, here, theirs), daemon=True)
    attacker.start()
    theirs.close()
    dead_since = 0.0
    while not ours.poll(0.1):
        if server.process.poll() is not None:
            dead_since = dead_since or time.monotonic()
            if time.monotonic() - dead_since > PATIENCE_SECONDS:
                attacker.kill()
                here.got["attacker stopped: the server is gone"] += 1
                return here
    try:
        seen: Scene = ours.recv()
    except EOFError:
        here.got["the attacker died"] += 1
        return here
    finally:
        attacker.join(5)
        attacker.kill()
    return seen


def broken_goals(state: str, above: float, report: Report, seen: Scene) -> list[str]:
    """The goals that were missed, in a word each."""
    goals = {
        "alive": state == "alive",
        "memory": above <= MOST_MEGABYTES,
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


if __name__ == "__main__":
    sys.exit(main())
