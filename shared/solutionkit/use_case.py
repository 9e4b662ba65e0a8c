"""A use case: what is particular to one industry problem, and how the library finds it."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from solutionkit.compare.metrics import Metric, refuse_unknown_thresholds
from solutionkit.declaration import FILE_NAME, Declaration, Training
from solutionkit.declared_file import at_hand, load_declaration
from solutionkit.dotted import resolve
from solutionkit.errors import UserError, suggestion
from solutionkit.examples.columns import TableSpec
from solutionkit.modalities.base import Modality
from solutionkit.modalities.events.modality import Events
from solutionkit.modalities.image.modality import Images
from solutionkit.modalities.image.scans import Scans
from solutionkit.modalities.rows import ScoringRows
from solutionkit.modalities.series.modality import Series
from solutionkit.modalities.text.modality import Texts
from solutionkit.object_store import fetched, is_remote
from solutionkit.tasks.base import Task
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.diagnosis.task import Diagnosis
from solutionkit.tasks.forecast.task import Forecast
from solutionkit.tasks.regression.task import Regression
from solutionkit.tasks.routing.task import Routing

__all__ = [
    "EVENTS",
    "IMAGES",
    "SCANS",
    "SERIES",
    "TABLES",
    "TEXTS",
    "Diagnosis",
    "Events",
    "Forecast",
    "Project",
    "Routing",
    "Texts",
    "UseCase",
    "load_project",
    "load_use_case",
]

# Rows of any table may have cards and amounts; a history is computed where a function for it is stated.
TABLES, IMAGES, EVENTS, SERIES, TEXTS = Events(), Images(), Events(), Series(), Texts()
SCANS = Scans()
# Environment variable: the folder for what is fetched, where the project's own cannot be written to.
FETCHED = "SOLUTIONKIT_FETCHED"
# The models that a project may train.
TRAINED = ("simple", "baseline", "deep")
TASKS: dict[str, type[Task]] = {
    task.name: task for task in (Classification, Regression, Forecast, Routing, Diagnosis)
}


@dataclass(frozen=True)
class UseCase:
    """What a use case's package states as `USE_CASE`.

    Example:
        >>> import numpy as np
        >>> def visits(rows, seed):
        ...     hours = np.random.default_rng(seed).uniform(0, 24, rows)
        ...     return pa.table({"hour": hours, "bought": (hours > 18).astype(int)})
        >>> shop = UseCase("shop", "Shop", "Who buys?", "visit", "roc_auc", visits, drivers=("hour",))
        >>> shop.sample(3, 1).num_rows
        3

    Attributes:
        name: The package's name, e.g. `customer_churn`.
        title: What people call it.
        question: The decision that the model serves, one sentence for the report.
        row: What one row is, in the singular, e.g. "customer".
        primary_metric: The metric that decides where the label allows it.
        sample: `sample(rows, seed)` makes sample data with the domain's structure; binary columns are files.
        sample_rows: How many rows of it there are unless asked otherwise.
        drivers: The sample's true drivers, strongest first.
        irrelevant: Columns of the sample that have no influence on the label.
        modality: The kind of data; `dataclasses.replace` puts trainers of its own in their place.
        task: What is predicted.
        metrics: Dotted names of `compare.metrics.Metric`s beside the task's, e.g. `churn.metric:OWN`.
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
    modality: Modality = TABLES
    task: type[Task] = Classification
    metrics: tuple[str, ...] = ()

    def own_metrics(self) -> dict[str, Metric]:
        """The metrics beside the task's, by name."""
        try:
            own: list[Metric] = [resolve(dotted) for dotted in self.metrics]
        except (ImportError, AttributeError, SyntaxError) as error:
            raise UserError(f"the metrics of '{self.name}' cannot be imported: {error}.") from error
        return {metric.name: metric for metric in own}


@dataclass(frozen=True)
class Project:
    """A generated project.

    Attributes:
        folder: Where it is.
        declaration: What its `use_case.toml` says.
        package: Its use case's name.
        name: What its served model is called; the use case's name unless the project has one of its own.
    """

    folder: Path
    declaration: Declaration
    package: str
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.package)

    def at_hand(self) -> Project:
        """The project with its data on this machine: what lies in an object store is fetched.

        Raises:
            UserError: It cannot be read.
        """
        return replace(self, declaration=at_hand(self.declaration, self.cache))

    @property
    def use_case(self) -> UseCase:
        """The use case that the project's package states."""
        return load_use_case(self.package, self.folder)

    @property
    def task(self) -> type[Task]:
        """What is predicted: as declared, else as the use case has it.

        Raises:
            UserError: There is no such task.
        """
        name = self.declaration.project.task
        use_case = self.use_case
        if name is None or name == use_case.task.name:
            return use_case.task
        if name not in TASKS:
            known = sorted({use_case.task.name, *TASKS})
            raise UserError(
                f"{self.folder / FILE_NAME}: 'project.task': unknown task '{name}'{suggestion(name, known)};"
                f" known are {', '.join(known)}."
            )
        return TASKS[name]

    @property
    def trainers(self) -> dict[str, str]:
        """Dotted names of what trains each model, by the model's name, the simplest first."""
        named = dict(self.use_case.modality.trainers(self.declaration.training.method))
        if not self.task.has_head():
            # Nobody but the use case's own trainers can learn it.
            named.pop("simple", None)
        return named

    def metric_names(self, task: Task) -> list[str]:
        """The metrics that mean something for a label and the declaration."""
        declaration, modality = self.declaration, self.use_case.modality
        rate = modality.false_alarm_rate(declaration)
        calibrated = modality.calibrated(declaration.training.method)
        own = self.use_case.own_metrics()
        return [*task.metrics(rate, calibrated), *modality.further_metrics(declaration), *own]

    def primary_metric(self, task: Task) -> str:
        """The metric that decides: as declared, else the use case's where the label allows it.

        Raises:
            UserError: There is no such metric.
        """
        known = self.metric_names(task)
        wished, preferred = self.declaration.project.primary_metric, self.use_case.primary_metric
        if wished and wished not in known:
            raise UserError(
                f"{self.folder / FILE_NAME}: 'project.primary_metric': unknown metric"
                f" '{wished}'{suggestion(wished, known)}; known are {', '.join(known)}."
            )
        if wished or preferred in self.use_case.own_metrics():
            return wished or preferred
        return task.deciding_metric(preferred, known)

    def refuse_unknown_metrics(self, task: Task) -> None:
        """Check the declared metrics.

        Raises:
            UserError: One is unknown, or means nothing for the label.
        """
        self.primary_metric(task)
        others = [*task.all_metrics(), *self.use_case.modality.all_metrics()]
        refuse_unknown_thresholds(self.declaration.thresholds, self.metric_names(task), others)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.declaration.project.title or self.use_case.title

    @property
    def question(self) -> str:
        """The decision that the model serves."""
        return self.declaration.project.question or self.use_case.question

    @property
    def row(self) -> str:
        """What one row is, in the singular."""
        return self.declaration.project.row or self.use_case.row

    @property
    def training(self) -> Training:
        """How the models are trained: as declared, else at leisure where the data is not the sample."""
        declared = self.declaration.training
        preset = "quick" if self.declaration.data.path == self.sample_path else "standard"
        return declared if declared.preset else declared.model_copy(update={"preset": preset})

    @property
    def sample_path(self) -> Path:
        """Where the use case's own sample data lies."""
        return self.folder / "data" / self.use_case.modality.sample_name

    @property
    def runs(self) -> Path:
        """The folder of finished runs."""
        return self.folder / "runs"

    @property
    def models(self) -> Path:
        """The folder of exported models, as TF Serving reads it: `<name>/<version>/`."""
        return self.folder / "models"

    @property
    def cache(self) -> Path:
        """The folder for what is fetched of object stores."""
        return Path(os.environ.get(FETCHED, self.state / "fetched"))

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
    # Models may name a task, and an explainer, of the project's own.
    put_first(folder)
    file = folder / "pyproject.toml"
    try:
        settings = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; run the command inside a generated project.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not valid TOML: {error}.") from None
    stated = settings.get("tool", {}).get("solutionkit")
    package = stated.get("use_case") if isinstance(stated, dict) else None
    if not isinstance(package, str):
        raise UserError(
            f"{file}: no use case named; it needs the table [tool.solutionkit] with the key use_case, e.g."
            ' use_case = "customer_churn".'
        )
    name = str(stated.get("name", package))
    if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII) or name in TRAINED:
        raise UserError(
            f"{file}: tool.solutionkit.name is '{name}'; the served model needs a name"
            f" of letters, digits, '_', '.' and '-', none of {', '.join(TRAINED)}, which stand beside it."
        )
    return Project(folder, declaration, package, name)


def read_new(project: Project, source: Path, spec: TableSpec, history: Path | None = None) -> ScoringRows:
    """A file's or a folder's rows as a model's columns; the label may be absent.

    Args:
        project: Its modality, and its data, of which columns may be computed.
        source: The file or folder.
        spec: What the columns are.
        history: Where to look up what was before instead of in the project's data.

    Raises:
        UserError: The rows are unreadable, or do not fit the model.
    """
    modality = project.use_case.modality
    source = fetched(source, project.cache) if is_remote(source) else source
    return modality.read_new(source, spec, modality.known_rows(project, history))


def put_first(folder: Path) -> None:
    """Import from a folder before all others."""
    sys.path[:] = [str(folder), *(place for place in sys.path if place != str(folder))]


def forget(package: str) -> None:
    """Import a package anew the next time: it was edited, or another project's has its name."""
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


def load_use_case(package: str, folder: Path | None = None) -> UseCase:
    """Import a use case's package, from `folder` if given, and return its `USE_CASE`."""
    if folder is not None:
        put_first(folder)
        known = getattr(sys.modules.get(package), "__file__", None)
        if known and (folder / package).is_dir() and not Path(known).is_relative_to(folder):
            forget(package)
    try:
        module = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise UserError(f"the package '{package}' was not found; run inside the project's folder.") from None
    use_case = getattr(module, "USE_CASE", None)
    if not isinstance(use_case, UseCase):
        raise UserError(f"{module.__file__}: states no USE_CASE = UseCase(…).")
    if use_case.name != package:
        raise UserError(f"{module.__file__}: USE_CASE is called '{use_case.name}', the package '{package}'.")
    return use_case
