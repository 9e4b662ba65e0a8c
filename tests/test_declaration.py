from pathlib import Path
from typing import Any

import pytest

from solutionkit.declaration import Declaration
from solutionkit.declared_file import at_hand, load_declaration, moved, with_data
from solutionkit.errors import UserError
from solutionkit.object_store import address

GOOD = '[data]\npath = "rows.csv"\n[columns]\nlabel = "y"\n'


def load(folder: Path, text: str) -> object:
    file = folder / "use_case.toml"
    file.write_text(text)
    return load_declaration(file)


def test_paths_become_absolute(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    file.write_text(GOOD)
    declaration = load_declaration(file)
    assert declaration.data.path == (tmp_path / "rows.csv").resolve()
    assert declaration.training.seed == 20


def test_other_data_replaces_files_of_a_split(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    file.write_text('[data]\ntrain = "a.csv"\neval = "b.csv"\n[columns]\nlabel = "y"\n')
    changed = with_data(load_declaration(file), tmp_path / "c.csv")
    assert changed.data.path == tmp_path / "c.csv"
    assert changed.data.train is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            GOOD.replace("label", "lable"),
            ["unknown key 'columns.lable' (did you mean 'label'?)", "'columns.label'"],
        ),
        (GOOD + "[history]\n", ["[history] needs columns.card and columns.time and columns.amount"]),
        (GOOD + 'card = "c"\ntime = "t"\n', ['split = "random" would learn from rows after those']),
        (GOOD + 'card = "c"\n', ["columns.card needs columns.time"]),
        (
            GOOD.replace("[columns]", 'label_delay = "a week"\n[columns]'),
            ["'data.label_delay': a span of time is a number and m, h or d", "received 'a week'"],
        ),
        (GOOD + "[business]\nrecovered = 1.0\n", ["business.recovered needs columns.amount"]),
        (GOOD + "[business]\nalert_budget = 5\n", ["business.alert_budget needs columns.card"]),
        (
            GOOD.replace("[columns]", 'split = "time"\n[columns]') + 'card = "c"\ntime = "t"\ngroup = "g"\n',
            ["with columns.card intervals go by day; remove columns.group"],
        ),
        (
            GOOD.replace("[columns]", 'label_delay = "2d"\n[columns]') + 'time = "t"\n',
            ['data.label_delay means nothing for split = "random"'],
        ),
        (
            GOOD.replace("[columns]", 'split = "time"\n[columns]')
            + 'card = "c"\ntime = "t"\namount = "a"\n[history]\nwindows = ["1d", "24h"]\n',
            ["a window stands twice"],
        ),
        (
            GOOD.replace("[columns]", 'split = "time"\n[columns]')
            + 'card = "c"\ntime = "t"\namount = "a"\n[history]\nwindows = ["0d"]\n',
            ["a window of no time holds nothing"],
        ),
        (GOOD + "[trainig]\nseed = 1\n", ["unknown key 'trainig' (did you mean 'training'?)"]),
        (GOOD.replace('path = "rows.csv"', 'path = "a"\ntrain = "b"'), ["give either 'path', or both"]),
        (GOOD.replace('path = "rows.csv"', 'train = "b"'), ["give either 'path', or both"]),
        (
            GOOD.replace('"rows.csv"', '"rows.csv"\nsplit = "stratify"'),
            ["'data.split'", "received 'stratify'"],
        ),
        (
            GOOD.replace('"rows.csv"', '"rows.csv"\neval_fraction = 1.5'),
            ["data.eval_fraction", "received 1.5"],
        ),
        (GOOD.replace('"rows.csv"', '"rows.csv"\nsplit = "time"'), ["needs the key columns.time"]),
        (GOOD.replace('"rows.csv"', '"rows.csv"\nsplit_table = "s.csv"'), ["needs split"]),
        (GOOD + 'numeric = ["y"]\n', ["column 'y' is both 'label' and 'numeric'"]),
        (GOOD + "[training]\nseed = -1\n", ["training.seed", "received -1"]),
        ("[data\n", ["not valid TOML"]),
        (GOOD + "[project]\nquantile = 1.5\n", ["project.quantile", "less than 1"]),
        (GOOD + "[project]\ntitel = 'x'\n", ["unknown key 'project.titel' (did you mean 'title'?)"]),
        (GOOD + "positive = 1\nnegative = 0\n", ["'positive' or 'negative'"]),
        (GOOD + '[training]\nbackbone = "MobilNet"\n', ["training.backbone", "MobileNetV3Small"]),
        (GOOD + '[training]\nweights = "w.h5"\n', ["needs the key 'backbone'"]),
        (
            GOOD + '[training]\nbackbone = "MobileNetV3Small"\nweights = "w.h5"\n',
            ["'weights_sha256' belong together"],
        ),
    ],
)
def test_mistakes_name_key_and_remedy(tmp_path: Path, text: str, expected: list[str]) -> None:
    with pytest.raises(UserError) as error:
        load(tmp_path, text)
    assert "use_case.toml" in str(error.value)
    for part in expected:
        assert part in str(error.value)


def test_wrong_encoding(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    file.write_bytes(GOOD.replace("rows", "größe").encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        load_declaration(file)


def test_every_key_of_the_schema_is_described() -> None:
    schema = Declaration.model_json_schema(by_alias=True)
    tables = {"": schema, **schema["$defs"]}
    keys = {
        f"{table}.{key}": value
        for table, found in tables.items()
        for key, value in found["properties"].items()
    }
    assert len(keys) > 40
    assert [key for key, value in keys.items() if not value.get("description")] == []


def test_data_in_an_object_store_is_brought_here(bucket: Any, tmp_path: Path) -> None:
    for key in ("photos/a/1.png", "photos/labels.csv", "rows/train.csv", "rows/eval.csv"):
        bucket.put_object(Bucket="pipelines", Key=key, Body=key.encode())
    file = tmp_path / "use_case.toml"
    file.write_text(
        '[data]\npath = "s3://pipelines/photos"\nlabels = "s3://pipelines/photos/labels.csv"\n'
        'schema = "own.pbtxt"\n[columns]\nlabel = "y"\n'
    )
    declaration = load_declaration(file)
    assert address(declaration.data.path or "") == "s3://pipelines/photos"
    here = at_hand(declaration, tmp_path / "cache").data
    assert here.path == tmp_path / "cache" / "s3" / "pipelines" / "photos"
    assert here.labels == here.path / "labels.csv"
    assert here.labels.read_text() == "photos/labels.csv"
    assert here.schema_ == tmp_path / "own.pbtxt"
    file.write_text(
        '[data]\ntrain = "s3://pipelines/rows/train.csv"\neval = "s3://pipelines/rows/eval.csv"\n[columns]\nlabel = "y"\n'
    )
    here = at_hand(load_declaration(file), tmp_path / "cache").data
    assert here.train
    assert here.train.read_text() == "rows/train.csv"
    assert here.eval
    assert here.eval.read_text() == "rows/eval.csv"


def test_other_data_in_an_object_store(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    file.write_text('[data]\npath = "rows.csv"\n[columns]\nlabel = "y"\n')
    changed = with_data(load_declaration(file), Path("s3://pipelines/rows.csv"))
    assert address(changed.data.path or "") == "s3://pipelines/rows.csv"


def test_a_declaration_seen_from_another_folder(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    (tmp_path / "encoder").mkdir()
    file.write_text(
        '[project]\ntitle = "rows"\n[data]\npath = "data/rows.csv"\nsplit_table = "/volume/split.csv"\nsplit = "column"\n'
        '[columns]\nlabel = "y"\nsplit = "side"\n[training]\nencoder = "encoder"\n'
    )
    there = moved(load_declaration(file), tmp_path, Path("/home/project"))
    assert there.data.path == Path("/home/project/data/rows.csv")
    assert there.data.split_table == Path("/volume/split.csv")
    assert there.training.encoder == "/home/project/encoder"
    assert there.project.title == "rows"


def test_addresses_that_are_not_known(tmp_path: Path) -> None:
    file = tmp_path / "use_case.toml"
    for place in ("s3a://b/rows.csv", "http://host/rows.csv", "S3://b/rows.csv"):
        file.write_text(f'[data]\npath = "{place}"\n[columns]\nlabel = "y"\n')
        with pytest.raises(
            UserError, match=r"'data.path': \w+:// is no address that is known; those are s3://"
        ):
            load_declaration(file)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (
            'image = "r.org/i"',
            "'kubeflow.image': 'r.org/i' does not do; it is the image that holds the project",
        ),
        (
            "[kubeflow.resources]\nTrainer.deep = {cpu = 1}",
            'the name of a node goes in quotes: "Trainer.deep" =',
        ),
    ],
)
def test_mistakes_under_kubeflow(declared: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        load(tmp_path, f"{GOOD}[kubeflow]\n{declared}\n")
    assert told in str(refused.value)
