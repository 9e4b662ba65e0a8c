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
from collections import Counter
from dataclasses import asdict, replace
from multiprocessing.context import ForkServerContext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "serving"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from benchmarks.hostile.attack import ATTACKS, Attack, Scene
from benchmarks.hostile.attacker import perform
from benchmarks.hostile.bystander import Report, stand_by
from benchmarks.hostile.memory import MemoryGroup, Peak
from benchmarks.hostile.report import HEAD, Row, broken_goals, printed
from benchmarks.hostile.server import HOST, Server, Servers, largest_request

ROOT = Path(__file__).resolve().parents[2]
# For what the server still does when the attacker has gone.
CALM_SECONDS = 1.0
# For an attacker whose server is gone.
PATIENCE_SECONDS = 3.0
# For an attacker that does not stop by itself when its time is over.
LATE_SECONDS = 30.0


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
    print(HEAD, flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        config = sample_models(Path(folder))
        servers = Servers(serving, config, group)
        scene = Scene(HOST, 0, 0, 0, Path(), config, largest_request(serving), given.requests, given.quick)
        try:
            for item in attacks:
                rows.append(judge(context, item, servers.fit(), scene, group))
                print(printed(rows[-1]), flush=True)
                if given.json:
                    given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
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
        broken=broken_goals(item, state, above, report, seen),
        attacker=seen.memory,
        seconds=time.monotonic() - started,
    )


def attacked(context: ForkServerContext, item: Attack, server: Server, scene: Scene) -> Scene:
    """Attack until the attacker is done, or the server has ended."""
    here = replace(
        scene,
        grpc=server.grpc,
        rest=server.rest,
        process=server.process.pid,
        log=server.log,
        got=Counter(),
        faults=[],
    )
    ours, theirs = context.Pipe()
    attacker = context.Process(target=perform, args=(item.name, here, theirs), daemon=True)
    attacker.start()
    theirs.close()
    dead_since = 0.0
    end = time.monotonic() + item.seconds + LATE_SECONDS
    while not ours.poll(0.1):
        if time.monotonic() > end:
            attacker.kill()
        if server.process.poll() is not None:
            dead_since = dead_since or time.monotonic()
            if time.monotonic() - dead_since > PATIENCE_SECONDS:
                attacker.kill()
                here.got["attacker stopped: the server is gone"] += 1
                return here
    try:
        seen: Scene = ours.recv()
    except EOFError:
        here.fault("the attacker ended without a word")
        return here
    finally:
        attacker.join(5)
        attacker.kill()
    return seen


if __name__ == "__main__":
    sys.exit(main())
