"""Series: rows over time of many items, cut into windows that a model forecasts from."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from solutionkit.compare.evaluation import Circumstances
from solutionkit.declaration import Declaration, span
from solutionkit.errors import Problem
from solutionkit.examples.columns import TableSpec, infer_features
from solutionkit.examples.reading import data_files, read_table
from solutionkit.kinds import CATEGORICAL, FUTURE, NUMERIC, PAST, Feature
from solutionkit.modalities.base import Dataset, Description, Modality, ScoringRows
from solutionkit.modalities.series import windows as cutting
from solutionkit.modalities.series.frequency import Frequency
from solutionkit.modalities.series.latest import STEP, latest_windows, layout_of
from solutionkit.modalities.series.layout import Layout
from solutionkit.modalities.series.naive import naive
from solutionkit.modalities.series.panel import Panel, Reading, read_panel, without
from solutionkit.modalities.series.patterns import PATTERN, VOLUME
from solutionkit.modalities.series.table import SERIES, Details, windows_table
from solutionkit.modalities.series.telling import (
    lacking,
    missing_series_columns,
    split_rule,
    told,
    too_short,
)
from solutionkit.modalities.table.modality import unread
from solutionkit.output import written
from solutionkit.splits import FEWEST_UNITS
from solutionkit.tasks.forecast.task import Forecast

if TYPE_CHECKING:
    from solutionkit.examples.audit import AuditedTable
    from solutionkit.report.figures import Section
    from solutionkit.tasks.base import Task
    from solutionkit.use_case import Project

# Fewer series than this, and blocks of time are what intervals draw.
FEWEST_SERIES = 20


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
                "data.labels": data.labels,
                "data.split_table": data.split_table,
                "data.label_delay": span(data.label_delay),
                "data.schema": data.schema_,
                "[history]": declaration.history,
                "training.backbone": declaration.training.backbone,
            }
        )
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
        table = read_table(declaration.data.path)
        return Dataset(
            table, str(declaration.data.path), problems=tuple(missing_series_columns(table, declaration))
        )

    def with_computed(self, data: Dataset, declaration: Declaration) -> Dataset:
        """The windows, in the place of the rows."""
        assert declaration.forecast is not None
        layout = Layout.of(declaration, data.table.column_names)
        reading = read_panel(data.table, layout, data.source, declaration.forecast.frequency)
        if reading.panel is None:
            return _refused(data, reading)
        panel, notes = _usable(reading.panel, reading.notes)
        problems = too_short(panel, declaration, layout)
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
            bool(np.nanmin(panel.values) >= 0.0),
            float(np.nanmean(np.abs(panel.values))) or 1.0,
        )
        return dataclasses.replace(
            data,
            table=windows_table(details),
            given=found.splits,
            folds=found.folds,
            rule=split_rule(details),
            notes=(*data.notes, *notes, *told(details)),
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
        if panel.static.num_columns:
            static, ignored = infer_features(panel.static, project.declaration.columns)
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
        return [SERIES, declaration.columns.time, PAST]

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
        return self.take_new(read_table(source), str(source), spec, known)

    def take_new(self, raw: pa.Table, source: str, spec: TableSpec, known: Any = None) -> ScoringRows:
        """Rows that are in memory: the last window of each series."""
        del known
        return latest_windows(raw, source, spec)

    def table_of(self, rows: ScoringRows, columns: Mapping[str, Any]) -> pa.Table:
        """A row a series and step."""
        task = rows.spec.task
        assert isinstance(task, Forecast)
        _, names = rows.names
        horizon = task.horizon
        grid = Frequency.read(task.frequency)
        first = np.asarray(rows.table[STEP].to_pylist(), np.int64)
        ahead = np.repeat(first, horizon) + np.tile(np.arange(horizon), len(first))
        layout = layout_of(rows.spec)
        told = {
            SERIES: pa.array(np.repeat(np.array(names, object), horizon), pa.string()),
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
        units, named = window_units(
            columns, declaration.columns.time, forecast.horizon, forecast.step or forecast.horizon
        )
        return Circumstances(
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
        """None of its own."""
        del compared
        return []

    def explain_rows(self, model: Any, rows: ScoringRows, output: Path | None) -> str:
        """What raises and lowers each series' forecast."""
        from solutionkit.explain.series import explain_new

        return explain_new(model, rows, output)

    # -- samples

    def smallest(self, declaration: Declaration) -> int:
        """Enough of the sample's series."""
        del declaration
        return 12_000

    def scoring_source(self, project: Project) -> Path:
        """The sample as it was before its last steps: what is forecast is empty in them."""
        declaration = project.declaration
        assert declaration.forecast is not None
        assert declaration.columns.time
        table = read_table(project.sample_path)
        times = table[declaration.columns.time].to_numpy(zero_copy_only=False).astype(str)
        to_come = np.isin(times, np.unique(times)[-declaration.forecast.horizon :])
        label = declaration.columns.label
        known = pc.if_else(pa.array(to_come), pa.scalar(None, table[label].type), table[label])
        place = table.column_names.index(label)
        target = project.sample_path.with_name("sample_to_forecast.csv")
        with written(target) as stream:
            pa.csv.write_csv(table.set_column(place, label, known), stream)
        return target

    def damaged(self, project: Project) -> dict[str, Path]:
        """Copies of the sample's CSV."""
        text = project.sample_path.read_text("utf-8")
        table = pa.csv.read_csv(project.sample_path)
        declaration = project.declaration
        assert declaration.forecast is not None
        assert declaration.columns.time
        label, time = declaration.columns.label, declaration.columns.time
        folder = project.folder / "damaged"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def save(name: str, content: pa.Table | bytes) -> Path:
            file = folder / f"{name}.csv"
            if isinstance(content, bytes):
                file.write_bytes(content)
            else:
                pa.csv.write_csv(content, file)
            return file

        def replaced(column: str, values: list[Any]) -> pa.Table:
            return table.set_column(table.column_names.index(column), column, pa.array(values))

        values = [str(value) for value in table[label].to_pylist()]
        times = [str(value) for value in table[time].to_pylist()]
        known = declaration.forecast.known_future[0]
        return {
            "missing column": save("missing_column", table.drop_columns([known])),
            "text among numbers": save("text_among_numbers", replaced(label, ["many", *values[1:]])),
            "empty file": save("empty", b""),
            "a time that is none": save("no_time", replaced(time, ["yesterday", *times[1:]])),
            "rows twice": save("rows_twice", pa.concat_tables([table, table.slice(0, 100)])),
            "too short": save("too_short", table.slice(0, 10)),
            "Latin-1 bytes": save("latin1", text.replace("\n", "\nM\u00fcller", 1).encode("latin-1")),
            "nothing ever sold": save("nothing", replaced(label, [0.0] * table.num_rows)),
        }


def window_units(
    columns: dict[str, np.ndarray], time: str, horizon: int, step: int
) -> tuple[np.ndarray, str]:
    """`(windows,)` codes of what intervals draw, and what these are called.

    Series, where there are enough of them; else stretches of time, so that errors of neighbouring origins,
    whose steps overlap, count once.

    Args:
        columns: Metadata columns of the windows.
        time: The column of their origins.
        horizon: Steps.
        step: Between origins.
    """
    series = np.unique(columns[SERIES], return_inverse=True)[1]
    if series.max() + 1 >= FEWEST_SERIES:
        return series, "series"
    stretches = np.unique(origin_ranks(columns[time]) // max(-(-horizon // step), 1), return_inverse=True)[1]
    if stretches.max() + 1 < FEWEST_UNITS <= series.max() + 1:
        return series, "series"
    return stretches, "stretch of time"


def origin_ranks(texts: np.ndarray) -> np.ndarray:
    """`(windows,)` ranks of origins, given as numbers or ISO dates."""
    try:
        keys: np.ndarray = texts.astype(float)
    except ValueError:
        keys = texts.astype(str)
    ranks: np.ndarray = np.unique(keys, return_inverse=True)[1]
    return ranks


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
