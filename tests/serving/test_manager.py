import asyncio
import logging
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from solutionserve.manager import Loading, ModelManager, versions_on_disk


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_base_path_without_permission_is_no_empty_one(guarded: Path, mode: int) -> None:
    assert list(versions_on_disk(guarded)) == [3]
    assert versions_on_disk(guarded / "nothing") == {}
    guarded.chmod(mode)
    with pytest.raises(PermissionError):
        versions_on_disk(guarded)


def test_a_base_path_that_loses_its_permission_keeps_serving(
    guarded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = f'model_config_list {{ config {{ name: "m" base_path: "{guarded}" }} }}'
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())

    async def serve() -> list[int]:
        manager = ModelManager(Loading(load=lambda folder: object()))
        await manager.configure(config)
        guarded.chmod(0o444)
        await manager.poll()
        await manager.poll()
        return manager.available("m")

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(serve()) == [3]
    assert [record.getMessage() for record in caplog.records] == [
        f"m: {guarded / '3' / 'saved_model.pb'} cannot be read: Permission denied"
    ]
