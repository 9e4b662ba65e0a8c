"""A use case: what is particular to one industry problem, and how the library finds it."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from solutionkit.declaration import FILE_NAME, Declaration, History, load_declaration
from solutionkit.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa


# `(events, history, label delay) -> computed columns`, see `examples.rolling.rolling_features`.
HistoryFunction = Callable[["pa.Table", History, timedelta], "pa.Table"]


@dataclass(frozen=True)
class Family:
    """What use cases on the same kind of data share; functions by their dotted names.

    Attributes:
        images: Whether rows are images rather than rows of a table.
        preprocessing: `preprocessing_fn(inputs, spec)`, used by Transform.
        baseline: Trains the baseline.
        deep: Trains the deep model.
        anomaly: Baseline and deep model that learn from negative rows alone, if there are such.
    """

    images: bool
    preprocessing: str
    baseline: str
    deep: str
    anomaly: tuple[str, str] | None = None

    def trainers(self, method: str) -> tuple[str, str]:
        """What trains baseline and deep model by `training.method`."""
        return self.anomaly if method == "anomaly" and self.anomaly else (self.baseline, self.deep)


TABLES = Family(
    images=False,
    preprocessing="solutionkit.transform.tabular:preprocessing_fn",
    baseline="solutionkit.models.gradient_boosting:train",
    deep="solutionkit.models.tabular_network:train",
)
IMAGES = Family(
    images=True,
    preprocessing="solutionkit.transform.images:preprocessing_fn",
    baseline="solutionkit.models.texture_boosting:train",
    deep="solutionkit.models.image_network:train",
    anomaly=("solutionkit.models.anomaly:train_texture", "solutionkit.models.anomaly:train_network"),
)


@dataclass(frozen=True)
class UseCase:
    """What a use case's package states as `USE_CASE`.

    Attributes:
        name: The package's name, e.g. `customer_churn`.
        title: What people call it.
        question: The decision that the model serves, one sentence for the report.
        row: What one row is, in the singular, e.g. "customer".
        primary_metric: The metric that decides, one of `solutionkit.compare.metrics`.
        sample: `sample(rows, seed)` makes sample data with the domain's structure; binary columns are files.
        sample_rows: How many rows of it there are unless asked otherwise.
        drivers: The sample's true drivers, strongest first.
        irrelevant: Columns of the sample that have no influence on the label.
        family: What it shares with others; `dataclasses.replace` puts functions of its own in their place.
        class_metric: The metric that decides for a label of more than two values; None refuses such.
        history: Computes columns of what was before each row (see `examples.rolling.rolling_features`), where
            `[history]` is declared; None refuses that.
    """

    name: str
    title: str
    question: str
    row: str
    primary_metric: str
    sample: Callable[[int, int], pa.Table]
    sample_rows: int = 15_000
    drivers: tuple[str, ...] = ()
    irrelevant: tuple[str, ...] = ()
    family: Family = TABLES
    class_metric: str | None = None
    history: HistoryFunction | None = None

    def deciding_metric(self, classes: int) -> str:
        """The metric that decides for a label of so many values."""
        return self.class_metric if self.class_metric and classes > 2 else self.primary_metric


@dataclass(frozen=True)
class Project:
    """A generated project: its folder, its declaration and its use case's name."""

    folder: Path
    declaration: Declaration
    package: str

    @property
    def use_case(self) -> UseCase:
        """The use case that the project's package states."""
        return load_use_case(self.package, self.folder)

    @property
    def sample_path(self) -> Path:
        """Where the use case's own sample data lies."""
        name = "sample" if self.declaration.columns.image else "sample.csv"
        return self.folder / "data" / name

    @property
    def runs(self) -> Path:
        """The folder of finished runs."""
        return self.folder / "runs"

    @property
    def models(self) -> Path:
        """The folder of exported models, as TF Serving reads it: `<name>/<version>/`."""
        return self.folder / "models"

    @property
    def state(self) -> Path:
        """The pipeline's own folder: artifacts and metadata."""
        return self.folder / ".pipeline"


def load_project(folder: Path) -> Project:
    """Read a generated project's `use_case.toml` and `pyproject.toml`.

    Raises:
        UserError: The folder is no generated project, or the declaration is wrong.
    """
    folder = folder.resolve()
    declaration = load_declaration(folder / FILE_NAME)
    try:
        settings = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
        package = settings["tool"]["solutionkit"]["use_case"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise UserError(
            f"{folder / 'pyproject.toml'}: no use case named; it needs the table [tool.solutionkit] with"
            ' the key use_case, e.g. use_case = "customer_churn".'
        ) from None
    return Project(folder, declaration, package)


def load_use_case(package: str, folder: Path | None = None) -> UseCase:
    """Import a use case's package, from `folder` if given, and return its `USE_CASE`."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise UserError(f"the package '{package}' was not found; run inside the project's folder.") from None
    use_case = getattr(module, "USE_CASE", None)
    if not isinstance(use_case, UseCase):
        raise UserError(f"{module.__file__}: states no USE_CASE = UseCase(…).")
    return use_case


def resolve(dotted: str) -> Callable[..., object]:
    """The function that `module.path:name` names."""
    module, _, name = dotted.partition(":")
    function: Callable[..., object] = getattr(importlib.import_module(module), name)
    return function
