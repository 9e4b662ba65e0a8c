"""Versions appear whole or not at all, whatever was left behind before."""

import shutil
from pathlib import Path

import pytest

from solutionkit.versions import add_version, live_version, newest_version, same_files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text("graph")
    (folder / "variables" / "variables.index").write_text("weights")
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "models" / "churn"


def names(base: Path) -> list[str]:
    return sorted(item.name for item in base.iterdir())


def test_a_version_is_a_copy_with_a_later_number(base: Path, model: Path) -> None:
    first, second = add_version(base, model), add_version(base, model)
    assert int(second.name) > int(first.name)
    assert same_files(second, model)
    assert newest_version(base) == second


def test_a_copy_that_fails_leaves_no_version(base: Path, model: Path) -> None:
    before = add_version(base, model)
    (model / "variables" / "lost").symlink_to("nowhere")
    with pytest.raises(shutil.Error):
        add_version(base, model)
    assert newest_version(base) == before
    assert [name for name in names(base) if name.isdigit()] == [before.name]
    (model / "variables" / "lost").unlink()
    after = add_version(base, model)
    assert names(base) == [before.name, after.name]


def test_half_a_version_of_the_stock_pusher_is_no_version(base: Path, model: Path) -> None:
    half = base / "99999999999"
    (half / "variables").mkdir(parents=True)
    assert newest_version(base) is None
    assert int(add_version(base, model).name) > int(half.name)


def test_the_live_version_is_used_again_only_if_every_file_is_the_same(base: Path, model: Path) -> None:
    first = live_version(base, model)
    assert live_version(base, model) == first
    (model / "decision.json").write_text("{}")
    second = live_version(base, model)
    assert second != first
    (model / "decision.json").unlink()
    assert live_version(base, model) not in (first, second)
