"""A long mixture of good and damaged requests: does memory grow?"""

from __future__ import annotations

import time

from benchmarks.hostile.attack import Scene, attack
from benchmarks.hostile.memory import resident
from benchmarks.hostile.random_requests import SEED, THREADS, GrpcUser, Random, RestUser, User, side_by_side

WARM_UP = 5_000
MOST_GROWTH = 1.02


@attack(
    "mixture", "requests without end (--requests), one in ten of them damaged: does memory grow?", seconds=600
)
def mixture(scene: Scene) -> None:
    """Memory before and after, behind a warm-up."""
    kinds: list[type[GrpcUser] | type[RestUser]] = [GrpcUser, RestUser] * (THREADS // 2)
    users: list[User] = [kind(scene, Random(SEED + number)) for number, kind in enumerate(kinds)]
    chance = Random(SEED)

    def work(user: User) -> None:
        if chance.random() < 0.1:
            user.bad()
        elif not user.good():
            scene.fault("a good request was not answered rightly")

    side_by_side(scene, users, work, min(WARM_UP, scene.requests))
    before = _settled(scene)
    side_by_side(scene, users, work, scene.requests)
    after = _settled(scene)
    scene.got[f"memory {before:.0f} to {after:.0f} MB"] += 1
    if after > MOST_GROWTH * before:
        scene.fault(f"memory grew from {before:.0f} to {after:.0f} MB")
    for user in users:
        user.close()


def _settled(scene: Scene) -> float:
    time.sleep(1)
    return resident(scene.process)
