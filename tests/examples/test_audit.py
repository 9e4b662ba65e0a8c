from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from solutionkit.errors import DataError, UserError
from solutionkit.examples.audit import AuditedTable, audit
from solutionkit.examples.changes import refuse_changes
from solutionkit.examples.schema import build_schema, frozen_schema, schema_text
from solutionkit.kinds import CATEGORICAL, NUMERIC
from solutionkit.use_case import Project, load_project

ROWS = 400
DECLARATION = """
[data]
path = "rows.csv"
[columns]
label = "y"
"""


def table(**changed: object) -> pa.Table:
    random = np.random.default_rng(0)
    columns: dict[str, object] = {
        "key": [f"K{i}" for i in range(ROWS)],
        "size": random.normal(size=ROWS).round(3),
        "colour": random.choice(["red", "green", "blue"], ROWS),
        "y": random.choice(["no", "yes"], ROWS),
    }
    return pa.table({**columns, **changed})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "pyproject.toml").write_text('[tool.solutionkit]\nuse_case = "customer_churn"\n')
    (tmp_path / "use_case.toml").write_text(DECLARATION)
    return load_project(tmp_path)


def audited(project: Project, rows: pa.Table) -> AuditedTable:
    pa.csv.write_csv(rows, project.folder / "rows.csv")
    return audit(load_project(project.folder))


def problems(project: Project, rows: pa.Table) -> list[str]:
    with pytest.raises(DataError) as error:
        audited(project, rows)
    assert "rows.csv" in str(error.value)
    return [str(item) for item in error.value.problems]


def changes(project: Project, rows: pa.Table) -> str:
    found = audited(project, rows)
    with pytest.raises(DataError) as error:
        refuse_changes(load_project(project.folder), found.spec, found.inferred)
    return str(error.value)


def test_labels_are_of_columns_that_there_are(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + '[project.labels]\ncolor = "Paint"\n')
    assert "no column 'color' (did you mean 'colour'?)" in changes(project, table())


def freeze(project: Project) -> None:
    spec = audited(project, table()).spec
    (project.folder / "schema.pbtxt").write_text(schema_text(build_schema(spec)))


def remember_run(project: Project) -> None:
    spec = audited(project, table()).spec
    (project.runs / "latest").mkdir(parents=True)
    (project.runs / "latest" / "schema.pbtxt").write_text(schema_text(build_schema(spec)))


def test_a_good_table(project: Project) -> None:
    found = audited(project, table())
    assert found.inferred
    assert found.spec.model_columns == ["size", "colour"]
    assert found.spec.task.classes == ("no", "yes")
    assert found.rows() == {"train": 272, "validation": 48, "eval": 80}
    assert "identifier" in found.spec.ignored["key"]


def test_a_frozen_schema_is_used(project: Project) -> None:
    freeze(project)
    found = audited(project, table(key=["same"] * ROWS).drop_columns(["key"]))
    assert not found.inferred
    assert found.spec.of(CATEGORICAL)[0].domain == ("blue", "green", "red")


def test_the_data_passes_its_own_frozen_schema(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + '[slices]\ncolumns = ["key"]\n')
    gaps = [None if i % 5 < 2 else i % 7 for i in range(ROWS)]
    rows = table(constant=["x"] * ROWS, empty=pa.nulls(ROWS, pa.string()), gaps=gaps)
    before = audited(project, rows)
    assert set(before.spec.ignored) == {"key", "constant", "empty"}
    (project.folder / "schema.pbtxt").write_text(schema_text(frozen_schema(before.spec)))
    after = audited(project, rows)
    assert not after.inferred
    assert after.spec == before.spec


def test_a_column_that_the_schema_does_not_know(project: Project) -> None:
    freeze(project)
    found = problems(project, table(extra=["1"] * ROWS).drop_columns(["key"]))
    assert found == [
        "the column 'extra' is not in schema.pbtxt; add it there, or list it under columns.ignore"
    ]


def test_a_column_that_the_schema_wants(project: Project) -> None:
    freeze(project)
    assert "the column 'size' is missing" in problems(project, table().drop_columns(["key", "size"]))[0]


def test_unseen_values(project: Project) -> None:
    freeze(project)
    colours = ["purple"] * 100 + ["red"] * 300
    found = problems(project, table(colour=colours).drop_columns(["key"]))
    assert "unknown to the schema: 'purple' (100 rows)" in found[0]


def test_a_flood_of_missing_values(project: Project) -> None:
    sizes = [float(i) if i % 5 == 0 else None for i in range(ROWS)]
    assert "'size' is missing in 80% of the rows" in problems(project, table(size=sizes))[0]


def test_text_among_numbers(project: Project) -> None:
    sizes = ["n.a. today", *map(str, range(ROWS - 1))]
    assert "row 1: 'n.a. today'" in problems(project, table(size=sizes))[0]


def test_the_task_is_declared(project: Project) -> None:
    declared = f'[project]\ntask = "regression"\n{DECLARATION}'
    (project.folder / "use_case.toml").write_text(declared)
    numbers = np.random.default_rng(1).normal(size=ROWS).round(3)
    found = audited(project, table(y=numbers).drop_columns(["key"]))
    assert (found.spec.task.name, found.spec.task.outputs) == ("regression", 1)
    assert found.table["y"].to_pylist() == numbers.tolist()
    (project.folder / "use_case.toml").write_text(declared.replace("regression", "regresion"))
    with pytest.raises(UserError, match=r"unknown task 'regresion' \(did you mean 'regression'\?\)"):
        audited(project, table(y=numbers))


def test_a_column_that_tells_one_of_several_classes_is_named(project: Project) -> None:
    labels = np.random.default_rng(2).choice(["average", "bad", "good"], ROWS)
    found = problems(project, table(y=labels, score=(labels == "good") * 1.0).drop_columns(["key"]))
    assert len(found) == 1
    assert "'score' tells 'y' all alone" in found[0]


def test_a_split_without_rows_is_refused(project: Project) -> None:
    declared = DECLARATION.replace("[columns]", 'split = "time"\n[columns]') + 'time = "when"\n'
    (project.folder / "use_case.toml").write_text(declared)
    found = problems(project, table(when=["2026-01-01"] * ROWS).drop_columns(["key"]))
    assert any("there are no" in item for item in found)


def test_several_classes_are_one_task_more(project: Project) -> None:
    found = audited(project, table(y=["a", "b", "c", "d"] * 100).drop_columns(["key"]))
    assert found.spec.task.classes == ("a", "b", "c", "d")
    assert (found.spec.task.outputs, found.spec.task.has_negative_class) == (4, False)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["yes"] * ROWS, "has 1 distinct values ('yes')"),
        ([f"v{i % 300}" for i in range(ROWS)], "has 300 distinct values"),
        (["left", "stayed"] * 200, "Set columns.positive"),
        (["yes"] + ["no"] * (ROWS - 1), "only 1 rows have y = 'yes'"),
    ],
)
def test_unusable_labels(project: Project, labels: list[str], message: str) -> None:
    assert message in problems(project, table(y=labels))[0]


def test_a_wrong_positive_value(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + 'positive = "ja"\n')
    assert "columns.positive = 'ja' is no value of 'y'" in problems(project, table())[0]


def test_positive_may_be_a_number(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + "positive = 2\n")
    found = audited(project, table(y=[1, 2] * 200))
    assert found.spec.task.classes == ("1", "2")


def test_declared_columns_must_be_there(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + 'numeric = ["sise"]\n')
    assert "'sise' (columns.numeric) is missing (did you mean 'size'?)" in problems(project, table())[0]


def test_an_inferred_column_that_the_last_run_used_must_not_vanish(project: Project) -> None:
    remember_run(project)
    assert audited(project, table()).inferred
    assert "the column 'colour' is missing, but the latest run used it" in changes(
        project, table().drop_columns(["colour"])
    )
    (project.folder / "use_case.toml").write_text(DECLARATION + 'ignore = ["colour"]\n')
    assert audited(project, table().drop_columns(["colour"])).spec.model_columns == ["size"]


def relabel(project: Project) -> pa.Table:
    """Declare another label than the one of the table that was used before."""
    declaration = DECLARATION.replace('label = "y"', 'label = "left"')
    (project.folder / "use_case.toml").write_text(declaration)
    return table(left=["no", "yes"] * (ROWS // 2))


def test_another_label_is_not_compared_with_the_last_run(project: Project) -> None:
    spec = audited(project, table(left=["no", "yes"] * (ROWS // 2))).spec
    assert "left" in spec.model_columns
    (project.runs / "latest").mkdir(parents=True)
    (project.runs / "latest" / "schema.pbtxt").write_text(schema_text(build_schema(spec)))
    found = audited(project, relabel(project))
    assert found.spec.label == "left"
    assert "y" in found.spec.model_columns
    refuse_changes(load_project(project.folder), found.spec, found.inferred)


def test_another_label_is_not_read_by_the_frozen_schema(project: Project) -> None:
    spec = audited(project, table(left=["no", "yes"] * (ROWS // 2))).spec
    (project.folder / "schema.pbtxt").write_text(schema_text(frozen_schema(spec)))
    found = audited(project, relabel(project))
    assert found.schema_origin == "inferred from the data (schema.pbtxt describes the label 'y')"
    assert "y" in found.spec.model_columns


def test_an_inferred_column_that_changes_its_kind(project: Project) -> None:
    remember_run(project)
    words = ["small", "large"] * 200
    assert "is categorical now but was numeric" in changes(project, table(size=words))
    (project.folder / "use_case.toml").write_text(DECLARATION + 'categorical = ["size"]\n')
    assert audited(project, table(size=words)).spec.of(NUMERIC) == []


@pytest.mark.parametrize(
    "declared",
    ['label = "nested"', 'id = "nested"', 'numeric = ["nested"]', 'group = "nested"', 'time = "nested"'],
)
@pytest.mark.parametrize("cell", [[1], {"a": 1}, [{"a": "b"}]])
def test_a_declared_column_must_hold_single_values(project: Project, declared: str, cell: object) -> None:
    text = '[data]\npath = "rows.parquet"\n[columns]\n' + declared + "\n"
    (project.folder / "use_case.toml").write_text(text + ("" if "label" in declared else 'label = "y"\n'))
    pa.parquet.write_table(table(nested=[cell] * ROWS), project.folder / "rows.parquet")
    with pytest.raises(
        DataError, match=r"rows.parquet: 1 problem\n  - the column 'nested' holds (list|struct)"
    ):
        audit(load_project(project.folder))


def test_nested_cells_and_missing_labels_are_told_together(project: Project) -> None:
    freeze(project)
    (project.folder / "use_case.toml").write_text(DECLARATION.replace("rows.csv", "rows.parquet"))
    rows = table(colour=[["red"]] * ROWS, y=[None, *["no", "yes"] * 199, "no"])
    pa.parquet.write_table(rows, project.folder / "rows.parquet")
    with pytest.raises(DataError) as error:
        audit(load_project(project.folder))
    assert {item.code for item in error.value.problems} >= {"nested_cells", "label_missing"}


def test_a_nested_column_that_nobody_declared_is_left_out(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION.replace("rows.csv", "rows.parquet"))
    pa.parquet.write_table(table(nested=[[1]] * ROWS), project.folder / "rows.parquet")
    assert "list" in audit(load_project(project.folder)).spec.ignored["nested"]


def test_a_typing_error_in_ignore(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + 'ignore = ["colours", "gone"]\n')
    assert problems(project, table()) == [
        "the column 'colours' (columns.ignore) is missing (did you mean 'colour'?)"
    ]


def test_given_files(project: Project) -> None:
    pa.csv.write_csv(table(), project.folder / "a.csv")
    pa.csv.write_csv(table(colour=["purple", "red"] * 200), project.folder / "b.csv")
    (project.folder / "use_case.toml").write_text(
        '[data]\ntrain = "a.csv"\neval = "b.csv"\n[columns]\nlabel = "y"\n'
    )
    with pytest.raises(DataError, match="'purple'"):
        audit(load_project(project.folder))
    pa.csv.write_csv(table(), project.folder / "b.csv")
    assert audit(load_project(project.folder)).rows()["eval"] == ROWS


def test_a_split_table_beside_the_data(project: Project) -> None:
    order = np.random.default_rng(1).permutation(ROWS)
    folds = np.arange(ROWS) % 4
    beside = pa.table({"row": order, "fold": folds[order]})
    pa.csv.write_csv(beside, project.folder / "folds.csv")
    (project.folder / "use_case.toml").write_text(
        '[data]\npath = "rows.csv"\nsplit = "column"\nsplit_table = "folds.csv"\neval_values = [0]\n'
        '[columns]\nlabel = "y"\nsplit = "fold"\n'
    )
    found = audited(project, table())
    assert ((found.splits == "eval") == (folds == 0)).all()
    pa.csv.write_csv(beside.slice(1), project.folder / "folds.csv")
    with pytest.raises(DataError, match="it has 399 rows, the data 400"):
        audit(load_project(project.folder))


def test_slices_by_a_column_that_no_model_reads(project: Project) -> None:
    text = DECLARATION + 'ignore = ["colour"]\n[slices]\ncolumns = ["colour"]\n'
    (project.folder / "use_case.toml").write_text(text)
    spec = audited(project, table()).spec
    assert spec.carried == ("colour",)
    assert spec.model_columns == ["size"]


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        (["True", "False"], "true", ("False", "True")),
        (["0.0", "1.0"], None, ("0.0", "1.0")),
        ([0.0, 1.0], "1", ("0", "1")),
        ([False, True], None, ("false", "true")),
    ],
)
def test_positive_values_as_people_write_them(
    project: Project, values: list[object], positive: str | None, expected: tuple[str, str]
) -> None:
    (project.folder / "use_case.toml").write_text(
        DECLARATION + (f"positive = {positive}\n" if positive else "")
    )
    assert audited(project, table(y=values * 200)).spec.task.classes == expected


def test_domains_come_from_training_rows(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(
        DECLARATION.replace("[columns]", 'split = "column"\n[columns]') + 'split = "part"\n'
    )
    parts = ["train"] * 300 + ["test"] * 100
    colours = ["red", "blue"] * 150 + ["red"] * 99 + ["purple"]
    found = audited(project, table(part=parts, colour=colours))
    assert found.spec.of(CATEGORICAL)[0].domain == ("blue", "red")


def test_ids_that_a_split_table_lacks(project: Project) -> None:
    pa.csv.write_csv(
        pa.table({"key": [f"K{i}" for i in range(ROWS - 5)], "part": ["eval", "train"] * 197 + ["train"]}),
        project.folder / "parts.csv",
    )
    (project.folder / "use_case.toml").write_text(
        '[data]\npath = "rows.csv"\nsplit = "column"\nsplit_table = "parts.csv"\n'
        '[columns]\nlabel = "y"\nid = "key"\nsplit = "part"\n'
    )
    with pytest.raises(DataError, match=r"it lacks 5 ids of the data, e\.g\. 'K395'"):
        audited(project, table())


@pytest.mark.parametrize(
    ("key", "value"),
    [("text", '["colour"]'), ("image", '"colour"'), ("mask", '"colour"')],
    ids=["texts", "images", "masks"],
)
def test_keys_that_tables_have_no_use_for(project: Project, key: str, value: str) -> None:
    (project.folder / "use_case.toml").write_text(f"{DECLARATION}{key} = {value}\n")
    with pytest.raises(DataError, match=r"use_case\.toml") as error:
        audited(project, table())
    assert [str(item) for item in error.value.problems] == [
        f"columns.{key} is not read by this use case; remove it"
    ]


def test_one_problem_is_told_once(project: Project) -> None:
    (project.folder / "use_case.toml").write_text(DECLARATION + 'numeric = ["size"]\n')
    remember_run(project)
    assert len(problems(project, table().drop_columns(["size"]))) == 1
    assert len(problems(project, table(y=["yes"] * ROWS))) == 1


def grouped(project: Project, groups: int, split: str = "group") -> pa.Table:
    declared = DECLARATION.replace('"rows.csv"', f'"rows.csv"\nsplit = "{split}"') + 'group = "branch"\n'
    (project.folder / "use_case.toml").write_text(declared)
    return table(branch=[f"B{i % groups}" for i in range(ROWS)])


def test_too_few_groups_are_told_as_groups(project: Project) -> None:
    assert problems(project, grouped(project, 3)) == [
        "2 groups of training rows are too few to hold some out as a whole; at least three are needed, and six"
        " more to evaluate by"
    ]
    assert "2 groups by 'branch' are too few" in problems(project, grouped(project, 2))[0]


@pytest.mark.parametrize(("groups", "noted"), [(8, True), (80, False)])
def test_groups_that_no_verdict_can_come_of_are_noted(project: Project, groups: int, noted: bool) -> None:
    notes = audited(project, grouped(project, groups)).notes
    assert any("there will be no verdict and nothing ships" in note for note in notes) == noted


def test_a_group_that_is_no_longer_declared_is_not_missed(project: Project) -> None:
    rows = grouped(project, 80)
    spec = audited(project, rows).spec
    (project.runs / "latest").mkdir(parents=True)
    (project.runs / "latest" / "schema.pbtxt").write_text(schema_text(build_schema(spec)))
    (project.folder / "use_case.toml").write_text(DECLARATION)
    found = audited(project, rows.drop_columns(["branch"]))
    refuse_changes(load_project(project.folder), found.spec, found.inferred)


def test_copies_share_what_names_a_row(project: Project) -> None:
    """Of a table that holds each row twice no text column would be left out as an identifier."""
    tripled = pa.concat_tables([table()] * 3)
    found = audited(project, tripled)
    assert "identifier" in found.spec.ignored["key"]
    assert any("1,200 rows stand in the data more than once" in note for note in found.notes)
    is_eval = found.splits == "eval"
    assert (is_eval[:ROWS] == is_eval[ROWS : 2 * ROWS]).all()


def test_a_given_split_may_begin_with_copies_of_its_training_rows(project: Project) -> None:
    """What names rows is looked for among training rows, not among the first of their copies."""
    declared = DECLARATION.replace('"rows.csv"', '"rows.csv"\nsplit = "column"') + 'split = "part"\n'
    (project.folder / "use_case.toml").write_text(declared)
    rows = pa.concat_tables([table()] * 2).append_column("part", pa.array(["test"] * ROWS + ["train"] * ROWS))
    found = audited(project, rows)
    assert found.spec.model_columns == ["size", "colour"]
    assert any("400 evaluation rows stand among the training rows too" in note for note in found.notes)


def test_a_group_that_is_missing_is_told_as_such(project: Project) -> None:
    declared = (
        DECLARATION.replace('"rows.csv"', '"rows.csv"\nsplit = "time"') + 'time = "t"\ngroup = "nosuch"\n'
    )
    (project.folder / "use_case.toml").write_text(declared)
    stamps = [f"2026-01-{1 + i % 28:02}" for i in range(ROWS)]
    assert "the column 'nosuch' (columns.group) is missing" in problems(project, table(t=stamps))[0]
