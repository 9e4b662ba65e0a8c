import sqlite3
from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2

from solutionkit.errors import UserError
from solutionkit.runner.local import close_abandoned_executions
from solutionkit.runner.store import usable


def open_store(file: Path) -> None:
    """As a run opens it."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(file)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    with usable(file):
        close_abandoned_executions(connection)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    file = tmp_path / "meta data?.sqlite"
    open_store(file)
    return file


def execute(file: Path, statement: str) -> None:
    with sqlite3.connect(file) as database:
        database.execute(statement)


def test_a_good_and_an_empty_store_are_used(store: Path, tmp_path: Path) -> None:
    open_store(store)
    (tmp_path / "empty.sqlite").touch()
    open_store(tmp_path / "empty.sqlite")


@pytest.mark.parametrize("damage", ["text", "truncated", "overwritten", "foreign", "newer"])
def test_an_unusable_store_is_named_with_the_remedy(store: Path, damage: str) -> None:
    content = store.read_bytes()
    if damage == "text":
        store.write_text("no database\n" * 1000)
    elif damage == "truncated":
        store.write_bytes(content[: len(content) // 2])
    elif damage == "overwritten":
        store.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    elif damage == "foreign":
        store.unlink()
        execute(store, "CREATE TABLE mine (a)")
    else:
        execute(store, "UPDATE MLMDEnv SET schema_version = 99")
    before = store.read_bytes()
    with pytest.raises(
        UserError, match=r"not a usable store .* move or delete the file and run again"
    ) as error:
        open_store(store)
    assert str(store) in str(error.value)
    assert store.read_bytes() == before


def test_a_store_that_another_program_holds_is_not_to_be_deleted(store: Path) -> None:
    with sqlite3.connect(store) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="locked") as error:
            open_store(store)
    assert "delete" not in str(error.value)
