"""TFX's Pusher, but in one step: the stock one copies in place, and a kill leaves half a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from solutionkit.versions import live_version


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
        if "://" in base:
            # An object store cannot rename a folder; TFX copies `saved_model.pb` last.
            super().Do(input_dict, output_dict, exec_properties)
            return
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        model = self.GetModelPath(input_dict)
        version = live_version(Path(base), Path(model))
        io_utils.copy_dir(model, pushed.uri)
        self._MarkPushed(pushed, pushed_destination=str(version), pushed_version=version.name)
