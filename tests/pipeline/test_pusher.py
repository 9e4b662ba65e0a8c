"""A version is live whole or not at all."""

from pathlib import Path

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.utils import proto_utils

from solutionkit.pipeline.pusher import VersionPusher
from solutionkit.versions import newest_version


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
