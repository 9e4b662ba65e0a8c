"""Networks on two devices, and with two workers, learn what they learn on one."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from solutionkit.models.devices import is_chief

pytestmark = pytest.mark.slow

# Learns of a table or of images on as many devices or workers as it is told, and says what it scores, and among
# how many each step of learning was shared out.
LEARNER = """
import json, os, sys
from solutionkit.environment import prepare_environment

prepare_environment()
import keras
import numpy as np
import tensorflow as tf

kind, devices = sys.argv[1], int(sys.argv[2])
if devices > 1:
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
from solutionkit.declaration import Training
from solutionkit.models.devices import all_devices, is_chief

together = devices > 1 or "TF_CONFIG" in os.environ
if together:
    all_devices()
from solutionkit.examples.columns import TableSpec
from solutionkit.kinds import Feature
from solutionkit.models.arrays import TransformedSplit
from solutionkit.models import image_network, tabular_network
from solutionkit.tasks.classification.task import Classification

random = np.random.default_rng(0)
labels = random.integers(0, 2, 1200)
if kind == "table":
    feature, train = Feature("a", "numeric"), tabular_network.train
    values = {"numeric": (labels[:, None] + random.normal(0, 0.7, (1200, 1))).astype(np.float32)}
else:
    feature, train = Feature("a", "image", shape=(16, 16, 1)), image_network.train
    pixels = random.normal(0.4 + 0.2 * labels[:, None, None, None], 0.3, (1200, 16, 16, 1))
    values = {"image": (255 * np.clip(pixels, 0, 1)).astype(np.uint8)}
spec = TableSpec(Classification("y", ("0", "1")), (feature,))
rows = TransformedSplit(values, labels)
shared = set()
step = keras.Model.train_step

def watched(model, data):
    shared.add(tf.distribute.get_replica_context().num_replicas_in_sync)
    return step(model, data)

keras.Model.train_step = watched
training = Training(seed=3, epochs=4, devices="all" if together else "one")
trained = train(rows.take(np.arange(900)), rows.take(np.arange(900, 1200)), spec, training)
if is_chief():
    right = float(((trained.validation_scores[:, 0] > 0.5) == labels[900:]).mean())
    print(json.dumps({"right": right, "devices": trained.facts.get("devices", 1), "shared": sorted(shared)}))
else:
    print(json.dumps({"shared": sorted(shared)}))
"""


def learned(kind: str, devices: int, cluster: dict | None = None) -> subprocess.Popen:
    variables = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    if cluster:
        variables["TF_CONFIG"] = json.dumps(cluster)
    command = [sys.executable, "-c", LEARNER, kind, str(devices)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen) -> dict:
    told, said = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
    return json.loads(told.splitlines()[-1])


@pytest.mark.parametrize("kind", ["table", "image"])
def test_two_devices_learn_what_one_does(kind: str) -> None:
    one, two = (answer(learned(kind, count)) for count in (1, 2))
    assert (one["devices"], two["devices"]) == (1, 2)
    assert (one["shared"], two["shared"]) == ([1], [2])
    assert one["right"] > 0.7
    np.testing.assert_allclose(two["right"], one["right"], atol=0.06)


def test_two_workers_learn_together() -> None:
    addresses = []
    for _ in range(2):
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            addresses.append(f"127.0.0.1:{listening.getsockname()[1]}")
    workers = [
        learned("table", 1, {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": place}})
        for place in range(2)
    ]  # fmt: skip
    chief, other = (answer(worker) for worker in workers)
    assert chief["devices"] == 2
    assert chief["right"] > 0.7
    assert chief["shared"] == other["shared"] == [2]
    assert "right" not in other


@pytest.mark.parametrize(
    ("told", "chief"),
    [
        (None, True),
        ({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 0}}, True),
        ({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 1}}, False),
        ({"cluster": {"chief": ["c"], "worker": ["a"]}, "task": {"type": "worker", "index": 0}}, False),
        ({"cluster": {"chief": ["c"], "worker": ["a"]}, "task": {"type": "chief", "index": 0}}, True),
    ],
)
def test_who_writes(told: dict | None, chief: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if told:
        monkeypatch.setenv("TF_CONFIG", json.dumps(told))
    assert is_chief() == chief
