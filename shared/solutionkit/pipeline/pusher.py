"""TFX's Pusher, but in one step: the stock one copies in place, and a kill leaves half a version."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from solutionkit.object_store import fetched, is_remote, names_below, put_folder, remove_folder
from solutionkit.versions import GRAPH, is_number, live_version, same_files

# Microseconds: no push takes so long.
LEFT_AFTER = 86_400 * 1_000_000


class VersionPusher(executor.Executor):
    """Pushes a blessed model as a new version, or finds it to be the newest one already."""

    def Do(  # noqa: N802 - TFX's name
        self,
        input_dict: dict[str, list[Any]],
        output_dict: dict[str, list[Any]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Push, as TFX calls it."""
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        base = destination.filesystem.base_directory
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = self.GetModelPath(input_dict)
        push = live_remote_version if is_remote(base) else live_folder
        version = push(base, Path(model))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=version, pushed_version=version.rpartition("/")[2])


def live_folder(base: str, model: Path) -> str:
    """The version below a folder that is this model, see `live_version`."""
    return str(live_version(Path(base), model))


def live_remote_version(base: str, model: Path) -> str:
    """The newest version below an address, which is this model: the one that is there, else a new one.

    Versions are microseconds here, so that two pushes at the same time do not take the same. What a push left
    that was cut off long ago is taken away.

    Raises:
        UserError: The store cannot be read, or written to.
    """
    names = names_below(base)
    numbers = sorted(int(name) for name in names if is_number(name))
    whole = [number for number in numbers if GRAPH in names_below(f"{base}/{number}")]
    now = time.time_ns() // 1000
    for name in names:
        number = name.removeprefix(".")
        left = is_number(number) and (name != number or int(number) not in whole)
        if left and int(number) < now - LEFT_AFTER:
            remove_folder(f"{base}/{name}")
    if whole:
        with tempfile.TemporaryDirectory() as scratch:
            if same_files(fetched(f"{base}/{whole[-1]}", Path(scratch)), model):
                return f"{base}/{whole[-1]}"
    version = f"{base}/{max(now, numbers[-1] + 1 if numbers else 0)}"
    put_folder(model, version, last=GRAPH)
    return version
