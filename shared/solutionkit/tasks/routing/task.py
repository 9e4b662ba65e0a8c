"""Sending a row where it belongs, or to a person where that is not sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from solutionkit.compare.metrics import Metric
from solutionkit.errors import Problem, suggestion
from solutionkit.tasks.classification import labels as found_labels
from solutionkit.tasks.classification.metrics import CLASSES
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.words import Words

if TYPE_CHECKING:
    from solutionkit.compare.decision import Decision
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration import Business, Declaration
    from solutionkit.report.figures import Figure, Section

# Enough to learn something of a class's words; splits want one on each side.
FEWEST_OF_A_CLASS = 8
MOST_CLASSES = 1000
# Classes whose confusions fit into a drawing.
MOST_DRAWN = 20
# Of more classes, as many of the largest and of the smallest are told.
TOLD_ENDS = 3
PLACES = ("second", "third")
# Columns that `predict` writes of classes, of rows that are sent somewhere or flagged.
OF_FLAGS = ("alert", "probability", "predicted", "expected_worth")
OF_PLACES = tuple(f"{place}{more}" for place in PLACES for more in ("", "_confidence"))
TOLD = frozenset(("queue", "confidence", "to_person", "reasons", *OF_PLACES, *OF_FLAGS))


@dataclass(frozen=True)
class Routing(Classification):
    """Classes, none of which means that nothing was found, and a person for what is not sure.

    A row is flagged, that is sent to a person, where sending it where it most likely belongs would cost more
    on average: where one minus its largest probability is at least triage_cost / misroute_cost (C. Chow, "On
    optimum recognition error and reject tradeoff", IEEE Transactions on Information Theory 16, 1970).

    Attributes:
        out_of_scope: The class of rows that belong nowhere, if there is one (`columns.negative`).
    """

    has_negative_class: bool = False
    out_of_scope: str | None = None

    name: ClassVar[str] = "routing"
    worths: ClassVar[frozenset[str]] = frozenset(("misroute_cost", "triage_cost", "triage_minutes"))

    @classmethod
    def worth_problems(cls, declaration: Declaration) -> list[Problem]:
        """What a wrong way and a person cost, both of them."""
        from solutionkit.tasks.routing.triage import cost_problems

        business = declaration.business
        return super().worth_problems(declaration) + (cost_problems(business) if business else [])

    # -- the label

    @classmethod
    def find(cls, values: pa.ChunkedArray, declaration: Declaration) -> tuple[Self | None, list[Problem]]:
        """The classes that a label has."""
        columns = declaration.columns
        given = {"columns.positive": columns.positive}
        problems = [
            Problem("unread_key", f"{key} means nothing where rows are sent somewhere", "remove it")
            for key, value in {**given, "project.quantile": declaration.project.quantile}.items()
            if value is not None
        ]
        classes, refused = found_labels.classes_of(values, columns.label, MOST_CLASSES)
        problems += refused
        out_of_scope = None
        if columns.negative is not None and classes:
            wanted = str(columns.negative)
            same = {found_labels.canonical(value): value for value in classes}
            out_of_scope = same.get(found_labels.canonical(wanted))
            if out_of_scope is None:
                message = f"columns.negative is '{wanted}', which no row has as '{columns.label}'"
                problems.append(Problem("unknown_value", f"{message}{suggestion(wanted, classes)}"))
        return (None if problems else cls(columns.label, classes, out_of_scope=out_of_scope)), problems

    def label_problems(self, labels: np.ndarray) -> list[Problem]:
        """Too few rows of a class."""
        return found_labels.rare_classes(labels, self.label, self.classes, FEWEST_OF_A_CLASS)

    def split_problems(self, labels: dict[str, np.ndarray], method: str) -> list[Problem]:
        """Classes that a split lacks, one problem a split: there may be hundreds."""
        del method
        problems = []
        for name, ids in labels.items():
            lacking = [self.classes[place] for place in np.setdiff1d(np.arange(self.outputs), ids)]
            if lacking:
                message = (
                    f"the {name} rows ({len(ids)}) hold nothing of {len(lacking)} values of '{self.label}':"
                    f" {found_labels.shown_values(lacking)}"
                )
                remedy = 'choose another split, e.g. "stratified", or join rare values'
                problems.append(Problem("class_missing_in_split", message, remedy, self.label))
        return problems

    def describe(self, labels: np.ndarray) -> str:
        """How many rows each class has; of many classes the largest and the smallest."""
        if len(self.classes) <= MOST_DRAWN:
            return super().describe(labels)
        counts = np.bincount(labels, minlength=len(self.classes))
        order = np.argsort(-counts, kind="stable")
        told = [f"'{self.classes[place]}' {counts[place]:,}" for place in order]
        ends = f"{', '.join(told[:TOLD_ENDS])} … {', '.join(told[-TOLD_ENDS:])}"
        return f"{len(told)} values: {ends}"

    @property
    def outputs(self) -> int:
        """One a class."""
        return len(self.classes)

    # -- comparison

    def metrics(self, false_alarm_rate: float | None = None, calibrated: bool = True) -> dict[str, Metric]:
        """Of classes."""
        del false_alarm_rate
        return {metric.name: metric for metric in CLASSES if calibrated or not metric.of_probabilities}

    def decisions(
        self, judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
    ) -> Decisions:
        """What goes to a person, where a wrong way and a person have a cost."""
        from solutionkit.tasks.routing.triage import handed_over, ratio_of

        if business is None or ratio_of(business) is None:
            return super().decisions(judged, scores, validation, business, seed)
        return handed_over(judged, scores, business, seed)

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """Calibration, confusions, how often the class is among the first three, accuracy by coverage."""
        from solutionkit.tasks.classification.coverage import accuracy_by_coverage
        from solutionkit.tasks.routing.triage import per_class, refused

        first = np.argsort(-outputs, axis=1, kind="stable")[:, :3]
        strange = (
            refused(judged.labels, outputs, self.classes.index(self.out_of_scope))
            if self.out_of_scope
            else None
        )
        return {
            **super().diagnosis(judged, outputs),
            **({"out_of_scope": strange} if strange else {}),
            "top_3": float((first == judged.labels[:, None]).any(axis=1).mean()),
            "per_class": per_class(self.classes, judged.labels, outputs),
            "coverage": accuracy_by_coverage(judged.labels, outputs),
        }

    # -- people

    def frame(self, outputs: np.ndarray) -> dict[str, pa.Array]:
        """Where a row most likely belongs and how sure that is, and the next two."""
        order = np.argsort(-outputs, axis=1, kind="stable")
        names = np.array(self.classes, object)
        rows = np.arange(len(outputs))
        columns = {
            "queue": pa.array(names[order[:, 0]], pa.string()),
            "confidence": pa.array(outputs[rows, order[:, 0]]),
        }
        for place, called in enumerate(PLACES[: self.outputs - 1], 1):
            columns[called] = pa.array(names[order[:, place]], pa.string())
            columns[f"{called}_confidence"] = pa.array(outputs[rows, order[:, place]])
        return columns

    def brief(self, outputs: np.ndarray, decision: Decision | None = None) -> dict[str, pa.Array]:
        """The likeliest class, and how sure that is."""
        del decision
        said = np.array(self.classes, object)[outputs.argmax(axis=1)]
        return {
            self.label: pa.array(said, pa.string()),
            f"{self.label}_confidence": pa.array(outputs.max(axis=1)),
        }

    def flagged(self, outputs: np.ndarray, decision: Decision) -> np.ndarray | None:
        """What is not sure enough."""
        unsure: np.ndarray = 1.0 - outputs.max(axis=1) >= decision.threshold
        return unsure

    def decided(
        self, outputs: np.ndarray, decision: Decision | None, business: Business | None = None
    ) -> dict[str, pa.Array]:
        """Whether a person is to look."""
        columns = super().decided(outputs, decision, business)
        return {"to_person": columns["alert"]} if columns else {}

    def flagged_in_words(self, count: int, decision: Decision) -> str:
        """How many go to a person, and which."""
        return f"{count:,} to a person: those of a confidence of {1.0 - decision.threshold:.4g} and below"

    def alerts(self, outputs: np.ndarray, decision: Decision | None, most: int) -> np.ndarray:
        """None are listed."""
        del outputs, decision, most
        return np.zeros(0, np.int64)

    def notable(
        self, labels: np.ndarray, outputs: np.ndarray, decision: Decision | None, each: int = 1
    ) -> dict[str, list[int]]:
        """What was told most surely, rightly and wrongly, what is often confused, and what is least sure."""
        from solutionkit.tasks.routing.triage import often_confused

        found = super().notable(labels, outputs, None, each)
        told = {row for rows in found.values() for row in rows}
        return {
            **found,
            "often_confused": [row for row in often_confused(labels, outputs) if row not in told][:each],
            "unsure": [int(row) for row in np.argsort(outputs.max(axis=1), kind="stable")[:each]],
        }

    def words(self, label: str, calibrated: bool) -> Words:
        """Of queues."""
        del calibrated
        return Words(
            f'the probability of each "{label}" ({len(self.classes)} of them)',
            "the classes' shares",
            flag="send to a person rows whose doubt (one minus the confidence) is at or above",
            trivial_rule=(
                "The trivial predictor says the same for every row; a person looks at everything then, unless"
                " one value is nearly all there is."
            ),
            threshold_rule=(
                "The threshold is of doubt, one minus the confidence, and given by the costs: triage_cost /"
                " misroute_cost. Flagged rightly are rows that a person looks at and the model would have"
                " sent the wrong way, flagged wrongly those that it would have sent the right way, missed"
                " those that it sends the wrong way."
            ),
            single_rows="What the {} model told most surely, rightly and wrongly, and what it is unsure of.",
            marked=None,
            worth=(
                "a row that is sent the wrong way costs misroute_cost, one that a person looks at"
                " triage_cost; a person looks where the model's doubt is at least triage_cost / misroute_cost"
            ),
        )

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """How many rows a person looks at, and what is never found."""
        from solutionkit.report.figures import Section
        from solutionkit.tasks.routing.triage import in_words

        told = in_words(compared["models"])
        return [Section("person", "What is sent, and what a person looks at", told, ())]

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Accuracy by coverage, confusions where they can be drawn, calibration."""
        from solutionkit.tasks.routing.figures import figures

        del scores, business
        return figures(self, compared)
