from pathlib import Path

import pytest

from solutionkit.errors import UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.examples.schema import (
    FILE_NAME,
    build_schema,
    features_of,
    load_schema,
    schema_text,
    specification_of,
    with_specification,
)
from solutionkit.kinds import Feature
from solutionkit.tasks.classification.task import Classification

FEATURES = (
    Feature("size", "numeric", min_fraction=0.5),
    Feature("colour", "categorical", ("blue", "rot ä"), min_domain_mass=0.75, min_fraction=0.25),
    Feature("recent", "sequence", min_fraction=1.0, shape=(10, 4), computed=True),
)


def test_features_survive_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.pbtxt"
    file.write_text(schema_text(build_schema(TableSpec(Classification("y", ("0", "1")), FEATURES, "id"))))
    assert tuple(features_of(load_schema(file), but={"y", "id"})) == FEATURES


def test_a_schema_carries_the_whole_specification(tmp_path: Path) -> None:
    task = Classification("antwort", ("nein", "jä"), has_negative_class=False)
    mask = Feature("mask", "image", shape=(4, 4, 1))
    spec = TableSpec(task, FEATURES, "id", ("region",), {"x": "constant"}, (mask,), '{"days": 7}')
    (tmp_path / FILE_NAME).write_text(schema_text(with_specification(spec)), "utf-8")
    assert specification_of(tmp_path) == spec


def test_a_domain_may_be_shared(tmp_path: Path) -> None:
    file = tmp_path / "schema.pbtxt"
    file.write_text(
        'feature { name: "a" type: BYTES domain: "answers" }\nstring_domain { name: "answers" value: "no" value: "yes" }'
    )
    assert features_of(load_schema(file), but=set()) == [Feature("a", "categorical", ("no", "yes"), 1.0, 0.0)]


def test_broken_schema(tmp_path: Path) -> None:
    file = tmp_path / "schema.pbtxt"
    with pytest.raises(UserError, match="no such file"):
        load_schema(file)
    file.write_text("feature { nam: 1 }")
    with pytest.raises(UserError, match="not a TFDV schema"):
        load_schema(file)
