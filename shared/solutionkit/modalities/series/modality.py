"""Series: rows over time of many items, cut into windows that a model forecasts from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from solutionkit.cells import is_plain
from solutionkit.compare.evaluation import Circumstances
from solutionkit.declaration import READER, Data, Declaration
from solutionkit.declaration_parts import span
from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec, infer_features
from solutionkit.examples.dialect import Dialect
from solutionkit.examples.reading import data_files, read
from solutionkit.kinds import CATEGORICAL, DATE, FUTURE, NUMERIC, PAST, Feature
from solutionkit.modalities.base import Modality
from solutionkit.modalities.rows import Dataset, Description, ScoringRows
from solutionkit.modalities.series import samples
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.frequency import Frequency
from solutionkit.modalities.series.latest import STEP, latest_windows, layout_of, named
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.naive import naive
from solutionkit.modalities.series.panel import Panel, Reading, read_panel, without
from solutionkit.modalities.series.patterns import PATTERN, VOLUME
from solutionkit.modalities.series.reconciliation import (
    too_many_totals,
    totals_in_words,
    totals_report,
    with_totals,
)
from solutionkit.modalities.series.table import (
    ORIGIN,
    SERIES,
    Details,
    first_judged,
    window_units,
    windows_table,
)
from solutionkit.modalities.series.telling import (
    in_words,
    key_problems,
    lacking,
    missing_series_columns,
    split_rule,
    told,
    too_short,
)
from solutionkit.modalities.series.wide import turned
from solutionkit.modalities.table.modality import unread
from solutionkit.tasks.forecast.task import Forecast

if TYPE_CHECKING:
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.report.figures import Section
    from solutionkit.tasks.base import Task
    from solutionkit.use_case import Project


# Keys of `[data]` that part rows; origins part series.
SPLITTING = ("split", "eval_fraction", "validation_fraction")
DATA_FIELDS = Data.model_fields


@dataclass(frozen=True)
class Series(Modality):
    """Rows of series in long format: one row a series and time."""

    preprocessing: str = "solutionkit.transform.series:preprocessing_fn"
    baseline: str = "solutionkit.models.series.boosting:train"
    deep: str = "solutionkit.models.series.networks:train"
    simple: str | None = "solutionkit.models.series.classical:train"
    explanation: str = "solutionkit.explain.series:explain_series"

    input_in_words: ClassVar[str] = "windows of past and future steps"

    # -- the data

    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """Keys of other modalities, and the table [forecast], which must be there."""
        columns, data = declaration.columns, declaration.data
        problems = unread(
            {
                "columns.text": columns.text,
                "columns.image": columns.image,
                "columns.mask": columns.mask,
                "columns.card": columns.card,
                "columns.merchant": columns.merchant,
                "columns.amount": columns.amount,
                "columns.numeric": columns.numeric,
                "columns.categorical": columns.categorical,
                "columns.positive": columns.positive,
                "columns.negative": columns.negative,
                "columns.group": columns.group,
                "columns.split": columns.split,
                "columns.id": columns.id,
                **{f"data.{name}": getattr(data, name) != DATA_FIELDS[name].default for name in SPLITTING},
                "data.labels": data.labels,
                "data.split_table": data.split_table,
                "data.label_delay": span(data.label_delay),
                "data.schema": data.schema_,
                "[history]": declaration.history,
                "training.backbone": declaration.training.backbone,
                f"beam.{READER}": declaration.beam.get(READER),
                "training.devices": declaration.training.devices == "all",
                "training.encoder": declaration.training.encoder,
                "columns.further_labels": columns.further_labels,
                "compare.leave_out": declaration.compare.leave_out,
            }
        )
        problems += key_problems(declaration)
        if declaration.forecast is None:
            message = "the table [forecast] is missing"
            problems.append(Problem("missing_key", message, "it needs the key horizon, how many steps ahead"))
        if not columns.time:
            message = "columns.time is missing: when a step is, a date or a number"
            problems.append(Problem("missing_key", message))
        if data.path is None:
            message = "series are given by data.path; the last of each evaluate"
            problems.append(Problem("missing_key", message, "put all rows into one file or folder"))
        return problems

    def task_problems(self, task: Task, declaration: Declaration) -> list[Problem]:
        """Series are forecast."""
        del declaration
        if isinstance(task, Forecast):
            return []
        message = f"series are forecast, not told by {task.name}"
        return [Problem("unknown_task", message, "remove project.task", task.label)]

    def read(self, declaration: Declaration) -> Dataset:
        """One file, or a folder of files."""
        assert declaration.data.path is not None
        source = str(declaration.data.path)
        found = read(declaration.data.path, Dialect.declared(declaration))
        table = turned(found.table, Layout.of(declaration, []), source)
        problems = (*found.problems, *missing_series_columns(table, declaration))
        return Dataset(table, source, notes=found.notes, problems=problems, dialect=found.dialect)

    def with_computed(self, data: Dataset, declaration: Declaration) -> Dataset:
        """The windows, in the place of the rows."""
        assert declaration.forecast is not None
        plain = [name for name in data.table.column_names if is_plain(data.table.schema.field(name).type)]
        layout = Layout.of(declaration, plain)
        reading = read_panel(data.table, layout, data.source, declaration.forecast.frequency)
        if reading.panel is None:
            return _refused(data, reading)
        panel, notes = _usable(reading.panel, reading.notes)
        problems = [*too_short(panel, declaration, layout), *too_many_totals(panel, layout)]
        if problems:
            return dataclasses.replace(
                data, problems=(*data.problems, *problems), notes=(*data.notes, *notes)
            )
        forecast = declaration.forecast
        plan = cutting.plan(
            panel,
            forecast.horizon,
            forecast.season,
            forecast.lookback,
            forecast.windows,
            forecast.step,
        )
        found = cutting.origins(panel, plan, declaration.training.seed)
        problems = lacking(found, panel, plan, layout)
        if problems:
            return dataclasses.replace(
                data, problems=(*data.problems, *problems), notes=(*data.notes, *notes)
            )
        details = Details(
            panel,
            plan,
            found,
            layout,
            *what_is_usual(panel, first_judged(found, panel)),
        )
        return dataclasses.replace(
            data,
            table=windows_table(details),
            given=found.splits,
            folds=found.folds,
            rule=split_rule(details),
            notes=(*data.notes, *notes, *told(details, forecast.season or [])),
            computed=frozenset((PAST, FUTURE)),
            details=details,
        )

    def task_of(self, task: Task, data: Dataset) -> Task:
        """With what cutting windows found out."""
        details = data.details
        if not isinstance(task, Forecast) or details is None:
            return task
        return dataclasses.replace(
            task,
            seasons=details.plan.seasons,
            frequency=details.panel.frequency.text,
            nonnegative=details.nonnegative,
            usual_level=details.usual_level,
        )

    def made_columns(self) -> frozenset[str]:
        """Kinds of demand."""
        return frozenset((PATTERN, VOLUME))

    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """Past and future, and static columns as of tables."""
        details = data.details
        if details is None:
            return Description()
        panel, plan = details.panel, details.plan
        past, future = cutting.past_channels(panel), cutting.future_channels(panel)
        static: list[Feature] = []
        ignored: dict[str, str] = {}
        names = [name for name in panel.static.column_names if name in details.layout.static]
        if names:
            static, ignored = infer_features(panel.static.select(names), project.declaration.columns)
            dated = {feature.name for feature in static if feature.kind == DATE}
            ignored |= dict.fromkeys(dated, "a date that does not change with time")
            static = [feature for feature in static if feature.name not in dated]
        features = (
            *static,
            Feature(PAST, PAST, past, min_fraction=1.0, shape=(plan.lookback, len(past)), computed=True),
            Feature(
                FUTURE, FUTURE, future, min_fraction=1.0, shape=(plan.horizon, len(future)), computed=True
            ),
        )
        return Description(features, ignored, "cut from the data")

    def identity(self, declaration: Declaration) -> str | None:
        """The series."""
        del declaration
        return SERIES

    def metadata_columns(self, declaration: Declaration) -> list[str]:
        """When a window starts, and its past, from which the trivial forecast is made."""
        assert declaration.columns.time
        forecast = declaration.forecast
        return [SERIES, declaration.columns.time, ORIGIN, PAST, *(forecast.hierarchy if forecast else [])]

    def computed_by(self, declaration: Declaration) -> str:
        """Which columns of new rows are what."""
        layout = Layout.of(declaration, [])
        return json.dumps(dataclasses.asdict(layout), sort_keys=True)

    def files(self, declaration: Declaration) -> tuple[list[Path], list[str] | None]:
        """The table's files."""
        assert declaration.data.path is not None
        return data_files(declaration.data.path), None

    # -- new rows

    def read_new(self, source: Path, spec: TableSpec, known: Any = None) -> ScoringRows:
        """A file, or a folder of files, of what was until now and what is known of the steps to come."""
        return self.take_new(read(source, spec.dialect).whole(str(source)), str(source), spec, known)

    def take_new(self, raw: pa.Table, source: str, spec: TableSpec, known: Any = None) -> ScoringRows:
        """Rows that are in memory: the last window of each series."""
        del known
        return latest_windows(turned(raw, layout_of(spec), source), source, spec)

    def completed(self, rows: ScoringRows, outputs: np.ndarray, kept: Any) -> tuple[ScoringRows, np.ndarray]:
        """With totals, where series add up."""
        return with_totals(rows, outputs, kept)

    def table_of(self, rows: ScoringRows, columns: Mapping[str, Any]) -> pa.Table:
        """A row a series and step."""
        task = rows.spec.task
        assert isinstance(task, Forecast)
        horizon = task.horizon
        grid = Frequency.read(task.frequency)
        first = np.asarray(rows.table[STEP].to_pylist(), np.int64)
        ahead = np.repeat(first, horizon) + np.tile(np.arange(horizon), len(first))
        layout = layout_of(rows.spec)
        each = pa.array(np.repeat(np.arange(len(first)), horizon))
        told = {
            **{name: column.take(each) for name, column in named(rows).items()},
            layout.time: pa.array(grid.texts(ahead)),
            "cutoff": pa.array(np.repeat(grid.texts(first - 1), horizon)),
        }
        return pa.table({**told, **columns})

    # -- judging and telling

    def circumstances(
        self, columns: dict[str, np.ndarray], validation: dict[str, np.ndarray], declaration: Declaration
    ) -> Circumstances:
        """Windows of a series resemble each other, or of a time where series are few."""
        forecast = declaration.forecast
        assert forecast is not None
        assert declaration.columns.time
        quantiles = tuple(forecast.quantiles)
        units, named = window_units(columns, forecast.horizon)
        further: dict[str, Any] = {}
        if forecast.hierarchy:
            further["report"] = totals_report(forecast, columns, validation)
        return Circumstances(
            **further,
            units=units,
            unit=named,
            trivial=naive(columns[PAST], forecast.horizon, quantiles),
            validation_trivial=naive(validation[PAST], forecast.horizon, quantiles),
            kept={"past": columns[PAST][:, :, :2], "series": columns[SERIES].astype(str),
                  "start": columns[declaration.columns.time].astype(str)},
        )  # fmt: skip

    def unit(self, declaration: Declaration) -> str | None:
        """Told with the windows, see `circumstances`."""
        del declaration
        return "series"

    def lines(self, audited: AuditedTable) -> list[str]:
        """How series are read."""
        return [f"{term.lower():<8} {text}" for term, text in self.facts(audited)]

    def facts(self, audited: AuditedTable) -> list[tuple[str, str]]:
        """How series are read."""
        task, past, future = audited.spec.task, audited.spec.only(PAST), audited.spec.only(FUTURE)
        assert isinstance(task, Forecast)
        grid = Frequency.read(task.frequency)
        count = len(set(audited.table[SERIES].to_pylist()))
        season = " and ".join(map(str, task.seasons)) if task.seasons != (1,) else "none"
        static = [feature.name for feature in audited.spec.features if feature.kind in (NUMERIC, CATEGORICAL)]
        told = [
            ("Series", f"{count:,}, a step {grid.in_words}; season {season}; {past.shape[0]} steps are read,"
                       f" {task.horizon} forecast"),
            ("Known", f"beforehand: {', '.join(future.domain)}"),
        ]  # fmt: skip
        alone = [name for name in past.domain[2:] if name not in future.domain]
        if alone:
            told.append(("Unknown", f"beforehand, so read up to the forecast alone: {', '.join(alone)}"))
        return [*told, *([("Static", ", ".join(static))] if static else [])]

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """Bias, coverage and service in words."""
        from solutionkit.report.figures import Section

        sections = [Section("holding", "Do the quantiles hold?", in_words(compared["models"]), ())]
        if "totals" in compared:
            sections.append(Section("totals", "Do totals hold?", totals_in_words(compared["totals"]), ()))
        return sections

    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """What raises and lowers each series' forecast."""
        from solutionkit.explain.series import explain_new

        return explain_new(model, rows, output)

    def explained(self, model: Any, rows: ScoringRows) -> pa.Table:
        """What raises and lowers each series' forecast."""
        from solutionkit.explain.series import explained_table

        return explained_table(model, rows)

    # -- samples

    def smallest(self, declaration: Declaration) -> int:
        """Enough of the sample's series."""
        del declaration
        return 12_000

    def scoring_source(self, project: Project) -> Path:
        """The sample as it was before its last steps: what is forecast is empty in them."""
        return samples.to_forecast(project)

    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample's CSV."""
        return samples.damaged(project)


def what_is_usual(panel: Panel, until: np.ndarray) -> tuple[bool, float]:
    """Whether no value before the evaluation is negative, and the mean absolute one.

    Args:
        panel: The series.
        until: `(series,)` steps of each before the evaluation.
    """
    sizes = np.diff(panel.offsets)
    within = np.arange(len(panel.values)) - np.repeat(panel.offsets[:-1], sizes)
    known = panel.values[(within < np.repeat(until, sizes)) & ~np.isnan(panel.values)]
    if not len(known):
        return True, 1.0
    return bool(known.min() >= 0.0), float(np.abs(known).mean()) or 1.0


def _refused(data: Dataset, reading: Reading) -> Dataset:
    return dataclasses.replace(
        data, problems=(*data.problems, *reading.problems), notes=(*data.notes, *reading.notes)
    )


def _usable(panel: Panel, notes: list[str]) -> tuple[Panel, list[str]]:
    """The panel without series of which nothing was ever observed."""
    empty = panel.ends == 0
    if not empty.any():
        return panel, notes
    names = ", ".join(panel.names[empty][:3])
    told = f"{int(empty.sum()):,} series are left out, because no value of theirs is known ({names}…)"
    return without(panel, empty), [*notes, told]
