"""The attacker's process."""

from __future__ import annotations

import os
import resource
import threading
from multiprocessing.connection import Connection

from benchmarks.hostile import (  # noqa: F401  # each enters its attacks
    blow_ups,
    bodies,
    connections,
    frames,
    messages,
    mixture,
    random_requests,
    streams,
    texts,
)
from benchmarks.hostile.attack import ATTACKS, Scene
from benchmarks.hostile.memory import resident

# An attacker has a machine of its own; here at least the server and its users go first.
NICENESS = 10


def perform(name: str, scene: Scene, line: Connection) -> None:
    """A process's main function: attack, and send what was seen."""
    os.nice(NICENESS)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    attack = ATTACKS[name]
    said = threading.Lock()

    def tell() -> None:
        with said:
            scene.memory = resident(os.getpid())
            line.send(scene)
            # gRPC's threads would keep a process waiting.
            os._exit(0)

    def give_up() -> None:
        scene.got[f"no end after {attack.seconds:g} s"] += 1
        tell()

    timer = threading.Timer(attack.seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        attack.run(scene)
    except Exception as error:
        # Nothing is known of the server then, so the row must not pass.
        scene.fault(f"the attack itself failed: {type(error).__name__}: {error}"[:200])
    tell()
