"""A version is live whole or not at all."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from solutionkit.object_store import fetched, names_below
from solutionkit.pipeline.pusher import VersionPusher, live_remote_version
from solutionkit.versions import newest_version, same_files


def artifacts(folder: Path, blessed: bool) -> tuple[dict, dict, dict]:
    """A model that was selected, whether it is blessed, and where it goes."""
    model, blessing, pushed = (
        standard_artifacts.Model(),
        standard_artifacts.ModelBlessing(),
        standard_artifacts.PushedModel(),
    )
    model.uri, blessing.uri, pushed.uri = (str(folder / name) for name in ("model", "blessing", "pushed"))
    serving = folder / "model" / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_text("graph")
    (serving / "variables" / "variables.index").write_text("weights")
    (folder / "blessing").mkdir()
    (folder / "blessing" / ("BLESSED" if blessed else "NOT_BLESSED")).touch()
    blessing.set_int_custom_property("blessed", int(blessed))
    base = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "models"))
    destination = proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=base))
    inputs = {"model": [model], "model_blessing": [blessing]}
    return inputs, {"pushed_model": [pushed]}, {"push_destination": destination}


def push(folder: Path, blessed: bool) -> standard_artifacts.PushedModel:
    inputs, outputs, properties = artifacts(folder, blessed)
    VersionPusher(BaseExecutor.Context(tmp_dir=str(folder / "temp"))).Do(inputs, outputs, properties)
    return outputs["pushed_model"][0]


def test_a_blessed_model_becomes_a_version(tmp_path: Path) -> None:
    pushed = push(tmp_path, blessed=True)
    version = newest_version(tmp_path / "models")
    assert version is not None
    assert (version / "variables" / "variables.index").read_text() == "weights"
    assert pushed.get_string_custom_property("pushed_version") == version.name
    assert pushed.get_int_custom_property("pushed") == 1
    # The same again is live already.
    properties = artifacts(tmp_path / "again", blessed=True)
    destination = pusher_pb2.PushDestination()
    destination.filesystem.base_directory = str(tmp_path / "models")
    properties[2]["push_destination"] = proto_utils.proto_to_json(destination)
    VersionPusher(BaseExecutor.Context(tmp_dir=str(tmp_path / "temp"))).Do(*properties)
    assert newest_version(tmp_path / "models") == version


def test_another_is_not_pushed(tmp_path: Path) -> None:
    pushed = push(tmp_path, blessed=False)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "models").exists()


def test_an_object_store_gets_a_version_too(bucket: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "variables").mkdir(parents=True)
    (model / "saved_model.pb").write_text("graph")
    (model / "variables" / "variables.index").write_text("weights")
    base = "s3://pipelines/models/demo"
    version = live_remote_version(base, model)
    assert version.startswith(f"{base}/")
    assert names_below(version) == ["saved_model.pb", "variables"]
    # The same again is live already.
    assert live_remote_version(base, model) == version
    (model / "saved_model.pb").write_text("another")
    later = live_remote_version(base, model)
    assert int(later.rpartition("/")[2]) > int(version.rpartition("/")[2])


def test_a_push_that_was_killed_is_seen_by_nobody(bucket: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_text("graph")
    (model / "a").write_text("weights")
    base = "s3://pipelines/models/demo"
    code = (
        "import os, sys, pyarrow.fs as fs; from pathlib import Path;"
        "from solutionkit.pipeline.pusher import live_remote_version; copy = fs.copy_files;"
        "fs.copy_files = lambda s, *r, **m: os._exit(9) if s.endswith('.pb') else copy(s, *r, **m);"
        "live_remote_version(sys.argv[1], Path(sys.argv[2]))"
    )
    answer = subprocess.run([sys.executable, "-c", code, base, str(model)], capture_output=True)
    assert answer.returncode == 9, answer.stderr
    (unfinished,) = names_below(base)
    assert unfinished.startswith(".")
    version = live_remote_version(base, model)
    assert names_below(version) == ["a", "saved_model.pb"]
    # What may be another's push under way is left alone; what is old is not.
    for left in (".1700000000000000", "1700000000000001"):
        bucket.put_object(Bucket="pipelines", Key=f"models/demo/{left}/a", Body=b"left")
    assert live_remote_version(base, model) == version
    assert names_below(base) == [unfinished, version.rpartition("/")[2]]


def test_two_pushes_at_a_time_are_two_versions(bucket: Any, tmp_path: Path) -> None:
    models = []
    for name in ("one", "two"):
        model = tmp_path / name
        model.mkdir()
        (model / "saved_model.pb").write_text(f"graph {name}" * 1000)
        (model / "a").write_text(name)
        models.append(model)
    base = "s3://pipelines/models/demo"
    with ThreadPoolExecutor() as pool:
        versions = list(pool.map(lambda model: live_remote_version(base, model), models))
    assert len(set(versions)) == 2
    for version, model in zip(versions, models, strict=True):
        assert same_files(fetched(version, tmp_path / "cache"), model)
