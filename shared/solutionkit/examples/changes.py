"""What the data had in the latest run, or has by what is declared, and has no more.

On one machine no node of the pipeline looks at this: what it found would be cached, and the latest run is not
an input. Where nodes run elsewhere, what they are to expect is told when the pipeline is compiled.
"""

from __future__ import annotations

from solutionkit.declaration import FILE_NAME, Declaration
from solutionkit.errors import DataError, Problem, suggestion
from solutionkit.examples import schema as schemas
from solutionkit.examples.columns import TableSpec
from solutionkit.object_store import address
from solutionkit.use_case import Project


def refuse_changes(project: Project, spec: TableSpec, inferred: bool) -> None:
    """Look for columns that went missing or changed their kind, and for labels of columns that there are not.

    Args:
        project: Its declaration, and where its latest run is.
        spec: What the columns are.
        inferred: Whether no curated schema says what they should be.

    Raises:
        DataError: With all that was found.
    """
    names = {spec.label, *spec.ignored, *spec.model_columns, *spec.metadata_columns}
    if inferred:
        refuse_missing(expected_features(project), spec, project.declaration)
    unknown = [name for name in project.declaration.project.labels if name not in names]
    if unknown:
        raise DataError(
            str(project.folder / FILE_NAME),
            [
                Problem(
                    "missing_column",
                    f"project.labels: there is no column '{name}'{suggestion(name, names)}",
                    "name a column of the data, or remove it",
                    name,
                )
                for name in unknown
            ],
        )


def expected_features(project: Project) -> dict[str, str]:
    """Kinds of the columns that the latest run used and that are not declared, by name."""
    file = project.runs / "latest" / schemas.FILE_NAME
    if not file.is_file():
        return {}
    before = schemas.load_schema(file)
    columns = project.declaration.columns
    # Of another label the features are others too.
    if schemas.label_of(before, columns.label) != columns.label:
        return {}
    beside = {item.name for item in before.feature if schemas.METADATA in item.annotation.tag}
    return {
        feature.name: feature.kind
        for feature in schemas.features_of(before, but=columns.not_features)
        if not feature.computed and feature.name not in {*columns.features, *beside}
    }


def refuse_missing(expected: dict[str, str], spec: TableSpec, declaration: Declaration) -> None:
    """Look for expected columns that are missing, or of another kind; a curated schema notices that itself.

    Args:
        expected: See `expected_features`.
        spec: What the columns are.
        declaration: Names the data.

    Raises:
        DataError: With all that was found.
    """
    names = {spec.label, *spec.ignored, *spec.model_columns, *spec.metadata_columns}
    now = {feature.name: feature.kind for feature in spec.features}
    problems = []
    for name, kind in expected.items():
        if name not in names:
            message = f"the column '{name}' is missing, but the latest run used it"
            remedy = "list it under columns.ignore if it is gone for good"
            problems.append(Problem("missing_column", message, remedy, name))
        elif now.get(name, kind) != kind:
            message = f"the column '{name}' is {now[name]} now but was {kind} in the latest run"
            remedy = f"state its kind under columns.{kind} or columns.{now[name]}"
            problems.append(Problem("kind_changed", message, remedy, name))
    if problems:
        raise DataError(address(declaration.data.path or declaration.data.train or ""), problems)
