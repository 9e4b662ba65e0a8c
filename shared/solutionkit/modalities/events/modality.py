"""Rows of a table that happened one after the other to the same cards or accounts."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit.cells import take_rows
from solutionkit.compare.evaluation import Circumstances
from solutionkit.declaration import FILE_NAME, READER, Declaration
from solutionkit.errors import DataError, Problem, UserError
from solutionkit.examples.columns import TableSpec
from solutionkit.modalities.events import history
from solutionkit.modalities.events.alerts import (
    ALERT_RECALL,
    CARD_PRECISION,
    Alerts,
    alert_metrics,
    daily_report,
    over_budget,
    within_budget,
)
from solutionkit.modalities.events.blocking import leave_blocked_out, refuse_few_days, short_history
from solutionkit.modalities.events.history import HistoryFunction, KnownRows
from solutionkit.modalities.events.point_in_time import future_problems
from solutionkit.modalities.events.rolling import rolling_features
from solutionkit.modalities.rows import Dataset, Description, ScoringRows
from solutionkit.modalities.table.modality import Table
from solutionkit.tasks.classification.metrics import detected, detection_scores
from solutionkit.tasks.classification.task import Classification

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.report.figures import Section
    from solutionkit.tasks.base import Task
    from solutionkit.tasks.decisions import Scores
    from solutionkit.use_case import Project


@dataclass(frozen=True)
class Events(Table):
    """Rows with a history.

    Attributes:
        features: Computes columns of what was before each row, where `[history]` is declared.
    """

    features: HistoryFunction | None = None

    @property
    def modules(self) -> list[str]:
        """With that of the computed columns."""
        return [*super().modules, *([self.features.__module__] if self.features else [])]

    @property
    def functions(self) -> list[str]:
        """What computes columns."""
        return [f"{self.features.__module__}:{self.features.__qualname__}"] if self.features else []

    def declaration_problems(self, declaration: Declaration) -> list[Problem]:
        """As of tables; [history] needs a function that computes it."""
        if self.features is None:
            return super().declaration_problems(declaration)
        without = declaration.model_copy(update={"history": None})
        if declaration.history:
            without = without.model_copy(update={"beam": {}})
        return super().declaration_problems(without)

    def with_computed(self, data: Dataset, declaration: Declaration) -> Dataset:
        """The computed columns beside, which must not see the future."""
        if declaration.history is None or self.features is None:
            return data
        try:
            events = history.to_events(data.table, declaration, data.source)
            features = self._computing(declaration)
            table = history.with_history(data.table, events, declaration, features, data.source)
        except DataError as error:
            return dataclasses.replace(data, problems=(*data.problems, *error.problems))
        computed = frozenset(table.column_names) - frozenset(data.table.column_names)
        problems = (*data.problems, *future_problems(events, declaration, self.features))
        return dataclasses.replace(data, table=table, computed=computed, problems=problems)

    def _computing(self, declaration: Declaration) -> HistoryFunction:
        """The function that computes columns; by Beam where that is declared.

        Raises:
            UserError: That is declared of a project's own function.
        """
        assert self.features is not None
        arguments = declaration.beam.get(READER)
        if arguments is None:
            return self.features
        if self.features is not rolling_features:
            raise UserError(
                f"{FILE_NAME}: 'beam.{READER}': the project's own history is computed on one machine; remove"
                " the key."
            )
        from solutionkit.modalities.events.beamed import beamed_features

        return partial(beamed_features, arguments=arguments)

    def ordered(self, declaration: Declaration) -> bool:
        """Where rows have cards."""
        return declaration.columns.card is not None

    def label_may_wait(self, declaration: Declaration) -> bool:
        """A row without a label may be history alone."""
        return declaration.history is not None or super().label_may_wait(declaration)

    def task_problems(self, task: Task, declaration: Declaration) -> list[Problem]:
        """A history counts positive rows, and alerts are either right or wrong."""
        if isinstance(task, Classification) and task.outputs == 1:
            return []
        if declaration.history is None and declaration.columns.card is None:
            return []
        message = f"'{task.label}' must have two values where rows have cards or a history"
        return [Problem("not_binary", message, column=task.label)]

    def after_split(
        self, splits: np.ndarray, data: Dataset, marked: np.ndarray, declaration: Declaration
    ) -> list[str]:
        """Leave out rows of cards that would be blocked."""
        notes = super().after_split(splits, data, marked, declaration)
        if not declaration.columns.card:
            return notes
        refuse_few_days(splits, data, declaration)
        return [
            *notes,
            *leave_blocked_out(splits, data, marked, declaration),
            *short_history(splits, data, declaration),
        ]

    def describe(self, data: Dataset, training_rows: pa.Table, project: Project) -> Description:
        """As of tables; computed columns have subjects."""
        described = super().describe(data, training_rows, project)
        features = history.with_subjects(list(described.features), project.declaration, set(data.computed))
        return dataclasses.replace(described, features=tuple(features))

    def metadata_columns(self, declaration: Declaration) -> list[str]:
        """Card and time, because the comparison draws days; and the amount, if it is at stake."""
        columns, business = declaration.columns, declaration.business
        wanted = [columns.card, columns.time] if columns.card and columns.time else []
        wanted += [columns.amount] if columns.amount and business and business.recovered else []
        return [*super().metadata_columns(declaration), *wanted]

    def computed_by(self, declaration: Declaration) -> str:
        """The history's settings."""
        return history.computed_by(declaration)

    def take_new(self, raw: pa.Table, source: str, spec: TableSpec, known: Any = None) -> ScoringRows:
        """Rows whose columns are computed of the known ones."""
        history.known_model(spec, known)
        return super().take_new(raw if known is None else known.features(raw, source), source, spec)

    def known_rows(self, project: Project, path: Path | None = None) -> KnownRows | None:
        """The rows of the project's data."""
        if project.declaration.history is None or self.features is None:
            super().known_rows(project, path)
            return None
        declaration = project.declaration if path else project.at_hand().declaration
        return KnownRows.of_declaration(declaration, self.features, path)

    def further_metrics(self, declaration: Declaration) -> list[str]:
        """Of alerts, where they have a budget."""
        budget = declaration.business.alert_budget if declaration.business else None
        return [CARD_PRECISION, ALERT_RECALL] if budget else []

    def all_metrics(self) -> list[str]:
        """Of alerts."""
        return [CARD_PRECISION, ALERT_RECALL]

    def circumstances(
        self, columns: dict[str, np.ndarray], validation: dict[str, np.ndarray], declaration: Declaration
    ) -> Circumstances:
        """Rows of a day resemble each other, and a whole day is what is decided about."""
        entity, time, business = declaration.columns.card, declaration.columns.time, declaration.business
        circumstances = super().circumstances(columns, validation, declaration)
        amount = declaration.columns.amount if business and business.recovered else None
        if amount:
            circumstances = dataclasses.replace(
                circumstances,
                stakes=np.nan_to_num(columns[amount]),
                validation_stakes=np.nan_to_num(validation[amount]),
                stake=amount,
                kept={"amounts": np.nan_to_num(columns[amount])},
            )
        if not entity or not time:
            return circumstances
        days, names = history.day_codes(columns[time])
        validation_days, validation_names = history.day_codes(validation[time])
        circumstances = dataclasses.replace(circumstances, units=days, validation_units=validation_days)
        if not business or not business.alert_budget:
            return circumstances
        alerts = Alerts(days, names, _card_codes(columns[entity]), business.alert_budget)
        known = Alerts(
            validation_days, validation_names, _card_codes(validation[entity]), business.alert_budget
        )

        def report(judged: EvaluationSet, scores: Scores, held_out: Scores) -> dict[str, Any]:
            del held_out
            detection = {name: detection_scores(outputs) for name, outputs in scores.items()}
            return {"daily": daily_report(alerts, detected(judged.labels), detection)}

        return dataclasses.replace(
            circumstances,
            reached=partial(within_budget, alerts),
            validation_reached=partial(within_budget, known),
            metrics=alert_metrics(alerts),
            report=report,
        )

    def alert_notes(self, rows: ScoringRows, flagged: np.ndarray, declaration: Declaration) -> list[str]:
        """Days on which more cards are flagged than can be looked into."""
        columns, business = declaration.columns, declaration.business
        budget = business.alert_budget if business else None
        named = rows.table.column_names
        if not budget or columns.card not in named or columns.time not in named:
            return []
        some = take_rows(rows.table, flagged)
        cards = np.array(some[columns.card].fill_null("").to_pylist(), object)
        days, names = history.day_codes(np.array(some[columns.time].to_pylist(), object))
        return over_budget(Alerts(days, names, _card_codes(cards), budget))

    def unit(self, declaration: Declaration) -> str | None:
        """A day, where rows have cards."""
        return super().unit(declaration) or ("day" if declaration.columns.card else None)

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """Day by day, where alerts have a budget."""
        from solutionkit.modalities.events.daily import daily_section

        return [daily_section(compared)] if "daily" in compared else []

    def smallest(self, declaration: Declaration) -> int:
        """Rare positives need more rows to learn from."""
        return 40_000 if declaration.history else super().smallest(declaration)


def _card_codes(names: np.ndarray) -> np.ndarray:
    """`(rows,)` codes from 0; a row without a card is a card of its own."""
    named = [name or f"row {row}" for row, name in enumerate(names)]
    codes: np.ndarray = np.unique(np.array(named), return_inverse=True)[1]
    return codes
