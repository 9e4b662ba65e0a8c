"""Rollouts: the roles in the file, and a running server that follows them."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from solutionserve.client import Client, Shadow
from solutionserve.embedded import running
from solutionserve.errors import ServingError
from solutionserve.rollout import Roles, Rollout

CONFIG = """# a note
model_config_list { config { name: "m" base_path: "/models/m" model_platform: "tensorflow" } }"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models.config").write_text(CONFIG)
    for number in (1, 2, 3):
        (tmp_path / "m" / str(number)).mkdir(parents=True)
        (tmp_path / "m" / str(number) / "saved_model.pb").touch()
    return tmp_path


def rollout(folder: Path, server: str | None = None) -> Rollout:
    return Rollout(folder / "models.config", "m", folder / "m", server, timeout=20)


def test_canary_promote_and_the_way_back(folder: Path) -> None:
    assert rollout(folder).roles == Roles()
    assert rollout(folder).canary() == Roles(stable=2, canary=3)
    text = (folder / "models.config").read_text()
    assert "versions: 2" in text
    assert "versions: 3" in text
    assert rollout(folder).roles == Roles(stable=2, canary=3)
    assert rollout(folder).promote() == Roles(stable=3, previous=2)
    assert rollout(folder).rollback() == Roles(stable=2)
    # Version 1 is not loaded: a running server would refuse the label.
    half = rollout(folder)
    assert (half.rollback(), half.pending) == (Roles(stable=2), True)
    assert "versions: 1" in (folder / "models.config").read_text()
    done = rollout(folder)
    assert (done.rollback(), done.pending) == (Roles(stable=1), False)
    assert rollout(folder).canary(3) == Roles(stable=1, canary=3)
    assert rollout(folder).rollback() == Roles(stable=1)


def test_half_a_version_is_neither_tried_nor_gone_back_to(folder: Path) -> None:
    for number in (2, 4):
        shutil.rmtree(folder / "m" / str(number), ignore_errors=True)
        (folder / "m" / str(number) / "variables").mkdir(parents=True)
    assert rollout(folder).pushed == [1, 3]
    assert rollout(folder).canary() == Roles(stable=1, canary=3)


def test_a_label_of_the_users_own_stays(folder: Path) -> None:
    own = 'version_labels { key: "partner" value: 1 } } }'
    (folder / "models.config").write_text(CONFIG.replace("} }", own))
    assert rollout(folder).canary() == Roles(stable=2, canary=3)
    text = (folder / "models.config").read_text()
    assert "partner" in text
    assert "versions: 1" in text


def test_a_server_that_should_be_there(folder: Path) -> None:
    with pytest.raises(ServingError, match="no server answers there; start it"):
        rollout(folder, "localhost:1").canary()
    assert (folder / "models.config").read_text() == CONFIG


def test_an_older_stable_version_is_alone(folder: Path) -> None:
    rollout(folder).rollback(3)
    assert rollout(folder).canary(1) == Roles(stable=3, canary=1)
    assert rollout(folder).promote() == Roles(stable=1)


def test_a_rollback_without_a_rollout(folder: Path) -> None:
    assert rollout(folder).rollback() == Roles(stable=2)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda it: it.promote(), "there is no canary to promote"),
        (lambda it: it.canary(9), "version 9 is not there; there are: 1, 2, 3"),
        (lambda it: it.rollback(9), "version 9 is not there"),
        (lambda it: (it.rollback(3), it.canary()), "version 3 is the stable one already"),
        (lambda it: (it.rollback(1), it.rollback()), "there is no version before 1"),
    ],
)
def test_what_makes_no_sense_changes_nothing(folder: Path, act, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        act(rollout(folder))


def test_one_version_is_no_canary(folder: Path) -> None:
    for number in (2, 3):
        shutil.rmtree(folder / "m" / str(number))
    with pytest.raises(ServingError, match="only version 1 is pushed"):
        rollout(folder).canary()
    assert (folder / "models.config").read_text() == CONFIG


def test_a_file_without_the_model(folder: Path) -> None:
    with pytest.raises(ServingError, match="has no model named 'other'"):
        Rollout(folder / "models.config", "other", folder / "m")


def wait_for(held: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_a_server_follows_without_a_failed_request(folder: Path, sample_models: Path) -> None:
    shutil.rmtree(folder / "m")
    (folder / "m").mkdir()

    def push(number: int) -> None:
        shutil.copytree(sample_models / "half_plus_two" / str(1 + number % 2), folder / "m" / f".{number}")
        (folder / "m" / f".{number}").rename(folder / "m" / str(number))

    push(2)
    with running(
        f"--model_config_file={folder / 'models.config'}",
        "--model_config_file_poll_wait_seconds=1",
        "--allow_version_labels_for_unavailable_models",
        f"--mount=/models={folder}",
    ) as server:
        push(3)
        rollout(folder, server.grpc).canary()
        stop, errors, answers = threading.Event(), [], []
        shadow = Shadow(Client(server.grpc, "m", label="canary", retries=0))

        def use() -> None:
            with Client(server.grpc, "m", label="stable", retries=0, shadow=shadow) as client:
                while not stop.is_set():
                    try:
                        answers.append(float(client.predict({"x": [2.0]})["y"][0]))
                    except Exception as error:
                        errors.append(error)

        thread = threading.Thread(target=use)
        thread.start()
        try:
            time.sleep(0.5)
            assert rollout(folder, server.grpc).promote() == Roles(stable=3, previous=2)
            push(4)
            assert rollout(folder, server.rest).canary() == Roles(stable=3, canary=4)
            assert rollout(folder, server.grpc).rollback() == Roles(stable=3)
            wait_for(lambda: rollout(folder, server.grpc).states()[4] == "END")
            (folder / "m" / "5").mkdir()
            (folder / "m" / "5" / "saved_model.pb").write_bytes(b"nothing")
            before = (folder / "models.config").read_text()
            with pytest.raises(ServingError, match="version 5 does not load"):
                rollout(folder, server.grpc).canary()
            assert (folder / "models.config").read_text() == before
            assert rollout(folder, server.grpc).rollback() == Roles(stable=2)
            time.sleep(0.5)
        finally:
            stop.set()
            thread.join()
        assert not errors
        assert answers[0] == 3.0
        assert 4.0 in answers
        assert answers[-1] == 3.0
        assert shadow.close().requests > 0
