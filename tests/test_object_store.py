"""Files in an object store, over S3's own protocol."""

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pyarrow.fs as arrow_fs
import pytest

from solutionkit import object_store
from solutionkit.errors import UserError
from solutionkit.object_store import (
    address,
    fetched,
    is_remote,
    names_below,
    put_folder,
    remove_folder,
)

BUCKET = "pipelines"
ROOT = f"s3://{BUCKET}"


def put(client: Any, **files: str) -> None:
    for name, content in files.items():
        client.put_object(Bucket=BUCKET, Key=name.replace("__", "/"), Body=content.encode())


def test_a_path_keeps_an_address() -> None:
    path = Path("s3://bucket/folder/customers.csv")
    assert is_remote(path)
    assert address(path) == "s3://bucket/folder/customers.csv"
    assert not is_remote(Path("data/customers.csv"))
    assert address(Path("data/customers.csv")) == "data/customers.csv"


def test_a_file(bucket: Any, tmp_path: Path) -> None:
    put(bucket, data__a="one")
    file = fetched(Path(f"{ROOT}/data/a"), tmp_path)
    assert file == tmp_path / "s3" / BUCKET / "data" / "a"
    assert file.read_text() == "one"


def test_only_what_changed_is_fetched(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "UNSETTLED", 0)
    put(bucket, data__a="one", data__b__c="two", database="another")
    folder = fetched(f"{ROOT}/data", tmp_path)
    assert sorted(item.name for item in folder.rglob("*") if item.is_file()) == ["a", "c"]
    copied: list[int] = []
    copy = shutil.copyfileobj
    monkeypatch.setattr(shutil, "copyfileobj", lambda *given: (copied.append(1), copy(*given)))
    fetched(f"{ROOT}/data", tmp_path)
    assert copied == []
    put(bucket, data__a="longer")
    bucket.delete_object(Bucket=BUCKET, Key="data/b/c")
    folder = fetched(f"{ROOT}/data", tmp_path)
    assert len(copied) == 1
    assert (folder / "a").read_text() == "longer"
    assert not (folder / "b" / "c").exists()


def test_what_changes_within_a_second_is_fetched_again(bucket: Any, tmp_path: Path) -> None:
    put(bucket, data__a="one")
    assert (fetched(f"{ROOT}/data", tmp_path) / "a").read_text() == "one"
    put(bucket, data__a="two")
    assert (fetched(f"{ROOT}/data", tmp_path) / "a").read_text() == "two"


def test_a_fetch_that_was_cut_off_leaves_nothing_old(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "UNSETTLED", 0)
    put(bucket, data__a="one", data__old="old")
    folder = fetched(f"{ROOT}/data", tmp_path)
    put(bucket, data__a="longer")

    def cut_off(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfileobj", cut_off)
        with pytest.raises(KeyboardInterrupt):
            fetched(f"{ROOT}/data", tmp_path)
    bucket.delete_object(Bucket=BUCKET, Key="data/old")
    assert fetched(f"{ROOT}/data", tmp_path) == folder
    assert [item.name for item in folder.iterdir()] == ["a"]
    assert (folder / "a").read_text() == "longer"


def test_addresses_do_not_mix(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "UNSETTLED", 0)
    put(bucket, x_y__a="one", x__y__a="other", x__y__b="more")
    fetched(f"{ROOT}/x/y", tmp_path)
    fetched(f"{ROOT}/x_y", tmp_path)
    bucket.delete_object(Bucket=BUCKET, Key="x/y/b")
    assert [item.name for item in fetched(f"{ROOT}/x/y", tmp_path).iterdir()] == ["a"]


def test_a_key_within_a_key(bucket: Any, tmp_path: Path) -> None:
    put(bucket, data__k="file", data__k__a="inside")
    with pytest.raises(UserError, match="'k/a' lies in what is a file there"):
        fetched(f"{ROOT}/data", tmp_path)


def test_a_folder_of_this_machine_is_no_fault_of_the_store(bucket: Any, tmp_path: Path) -> None:
    put(bucket, data__a="one")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(FileExistsError):
        fetched(f"{ROOT}/data", tmp_path / "cache")


def test_an_endpoint_without_its_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_ENDPOINT_URL", "minio:9000")
    with pytest.raises(UserError, match="'minio:9000'; it begins with http:// or https://"):
        fetched("minio://bucket/data", tmp_path)


def test_nothing_is_there(bucket: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"s3://pipelines/data: nothing is there"):
        fetched(f"{ROOT}/data", tmp_path)
    with pytest.raises(UserError, match=r"not an address in an object store"):
        fetched("s3://", tmp_path)


def test_a_bucket_that_is_not_there_or_not_ours(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="s3://another/data: nothing is there"):
        fetched("s3://another/data", tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(object_store, "SECONDS", 1.0)
    with pytest.raises(
        UserError, match=r"the store says: .*\nNobody answers there; AWS_ENDPOINT_URL is http"
    ):
        fetched(f"{ROOT}/data", tmp_path)


def test_minio_needs_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in object_store.ENDPOINTS["minio:"]:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="set MINIO_ENDPOINT_URL"):
        fetched("minio://bucket/data", tmp_path)


def test_minio(bucket: Any, tmp_path: Path) -> None:
    put(bucket, data__a="one")
    assert fetched(f"minio://{BUCKET}/data/a", tmp_path).read_text() == "one"


@pytest.mark.parametrize("key", ["data/../../a", "data/b\\c"])
def test_keys_that_are_no_paths(bucket: Any, tmp_path: Path, key: str) -> None:
    bucket.put_object(Bucket=BUCKET, Key=key, Body=b"one")
    with pytest.raises(UserError, match="which is no path"):
        fetched(f"{ROOT}/data", tmp_path / "cache")
    assert not list(tmp_path.rglob("a"))


def test_no_room(bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(bucket, data__a="one")
    usage = namedtuple("Usage", "total used free")(10, 8, 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    with pytest.raises(UserError, match="3 bytes are to be fetched, and 2 are free"):
        fetched(f"{ROOT}/data", tmp_path)


def test_a_folder_is_put_with_one_file_last(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_text("graph")
    (tmp_path / "variables" / "v").write_text("weights")
    put_folder(tmp_path, f"{ROOT}/models/1", last="saved_model.pb")
    assert names_below(f"{ROOT}/models/1") == ["saved_model.pb", "variables"]
    assert names_below(f"{ROOT}/models") == ["1"]
    assert names_below(f"{ROOT}/nothing") == []
    # Cut off while files are uploaded, nothing is where somebody would look.
    copied: list[str] = []
    copy = arrow_fs.copy_files

    def cut_off(source: str, *given: Any, **more: Any) -> None:
        if source.endswith("saved_model.pb"):
            raise KeyboardInterrupt
        copied.append(source)
        copy(source, *given, **more)

    monkeypatch.setattr(arrow_fs, "copy_files", cut_off)
    with pytest.raises(KeyboardInterrupt):
        put_folder(tmp_path, f"{ROOT}/models/2", last="saved_model.pb")
    assert len(copied) == 1
    assert names_below(f"{ROOT}/models") == [".2", "1"]
    remove_folder(f"{ROOT}/models/.2")
    assert names_below(f"{ROOT}/models") == ["1"]
