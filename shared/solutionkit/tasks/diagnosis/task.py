"""A finding, told with the sensitivity that is asked for, and referred where it is not sure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from solutionkit.compare.decision import Decision
from solutionkit.compare.money import outcomes
from solutionkit.declaration import Columns
from solutionkit.declaration_parts import Clinical
from solutionkit.tasks.base import Task
from solutionkit.tasks.classification.labels import label_classes
from solutionkit.tasks.classification.metrics import class_probabilities, detected, detection_scores
from solutionkit.tasks.classification.task import Classification
from solutionkit.tasks.decisions import Decisions, Scores
from solutionkit.tasks.diagnosis import clinical
from solutionkit.tasks.diagnosis.conformal import class_levels, covered_units, referred

if TYPE_CHECKING:
    from solutionkit.compare.evaluation import EvaluationSet
    from solutionkit.declaration import Business
    from solutionkit.errors import Problem
    from solutionkit.report.figures import Figure, Section
    from solutionkit.tasks.words import Words

USUAL = Clinical()


@dataclass(frozen=True)
class Diagnosis(Classification):
    """Classes of what a picture shows, for a clinician's work list.

    A row is flagged where the finding is likely enough that the declared share of findings is flagged. It is
    referred where its conformal set holds no class or more than one: there the model does not know.

    Attributes:
        sensitivity: The share of findings that are to be flagged.
        coverage: As often each class's set holds the true one.
        prevalence: At which the meaning of a flag is told.
    """

    sensitivity: float = USUAL.sensitivity
    coverage: float = USUAL.coverage
    prevalence: tuple[float, ...] = tuple(USUAL.prevalence)

    name: ClassVar[str] = "diagnosis"
    worths: ClassVar[frozenset[str]] = frozenset()
    clinical: ClassVar[bool] = True

    @classmethod
    def find_further(cls, values: pa.ChunkedArray, label: str) -> tuple[Task | None, list[Problem]]:
        """A finding, where it is plain which of two values means that it is there; else classes."""
        known = values.drop_null()
        classes, has_negative_class, problems = label_classes(known, Columns(label=label))
        if problems or not has_negative_class:
            return super().find_further(values, label)
        return cls(label, classes, has_negative_class), []

    def asked(self, clinical: Clinical | None) -> Task:
        """With sensitivity, coverage and prevalence as declared."""
        wanted = clinical or USUAL
        return replace(
            self,
            sensitivity=wanted.sensitivity,
            coverage=wanted.coverage,
            prevalence=tuple(wanted.prevalence),
        )

    def __post_init__(self) -> None:
        # As JSON has it, a list.
        object.__setattr__(self, "prevalence", tuple(self.prevalence))
        object.__setattr__(self, "classes", tuple(self.classes))

    def decisions(
        self, judged: EvaluationSet, scores: Scores, validation: Scores, business: Business | None, seed: int
    ) -> Decisions:
        """When a row is flagged and when it is referred, and what that leads to."""
        del business, seed
        return Decisions(
            {name: self._decided(judged, outputs, validation[name]) for name, outputs in scores.items()}
        )

    def _decided(self, judged: EvaluationSet, outputs: np.ndarray, held_out: np.ndarray) -> dict[str, Any]:
        """One model's thresholds, told as `comparison.json` has it.

        Args:
            judged: The rows.
            outputs: `(eval rows, outputs)`.
            held_out: `(validation rows, outputs)` of fits that did not see them.
        """
        labels, known = judged.labels, judged.validation_labels
        said, own = class_probabilities(outputs), class_probabilities(held_out)
        levels = class_levels(known, own, judged.circumstances.validation_units, self.coverage)
        unsure = referred(said, levels)
        units = judged.codes
        told: dict[str, Any] = {"threshold": None, "value_per_1000": None, "outcomes": None}
        told |= {"levels": levels, "referred": float(unsure.mean())}
        right = said.argmax(axis=1) == labels
        shares = {"right_of_told": ~unsure, "right_of_all": np.ones(len(labels), bool)}
        for name, rows in shares.items():
            found = clinical.Share.of(right[rows].astype(float), units[rows])
            told[name] = found.to_json() if found else None
        told["covered"] = self._covered(judged, said, levels)
        if not self.has_negative_class:
            return told
        truth, scores = detected(labels), detection_scores(outputs)
        threshold = clinical.threshold_for(detected(known), detection_scores(held_out), self.sensitivity)
        flagged = scores >= threshold
        rates = clinical.rates(truth, flagged, units)
        told |= {"threshold": threshold, "outcomes": outcomes(truth, scores, threshold)}
        told |= {name: item.to_json() if item else None for name, item in rates.items()}
        first, second = rates["sensitivity"], rates["specificity"]
        if first and second:
            told["at_prevalence"] = [
                clinical.at_prevalence(first.value, second.value, prevalence)
                for prevalence in self.prevalence
            ]
        told["subgroup_gaps"] = clinical.subgroup_gaps(truth, flagged, units, judged.slices)
        return told

    def _covered(self, judged: EvaluationSet, said: np.ndarray, levels: list[float]) -> dict[str, Any]:
        """How often sets hold the true class, of patients' pictures of a class together; by slice too."""
        covered, pairs = covered_units(judged.labels, said, levels, judged.units)
        alone = np.arange(len(covered))
        whole = clinical.Share.of(covered.astype(float), alone)
        by = []
        for column, values in judged.slices.items():
            for value in sorted(set(values.tolist()), key=str):
                own = np.unique(pairs[values == value])
                if found := clinical.Share.of(covered[own].astype(float), alone[: len(own)]):
                    by.append({"column": column, "value": str(value), "covered": found.to_json()})
        return {"promised": self.coverage, **(whole.to_json() if whole else {}), "by": by}

    def cautions(self, business: dict[str, Any]) -> list[str]:
        """Promises that are not kept, much that is referred, and groups for whom the model is worse."""
        from solutionkit.tasks.diagnosis.figures import cautions

        return cautions(business, self.sensitivity, self.classes)

    def diagnosis(self, judged: EvaluationSet, outputs: np.ndarray) -> dict[str, Any]:
        """Calibration, accuracy by coverage, and of a finding operating points and net benefit."""
        from solutionkit.tasks.classification.coverage import accuracy_by_coverage

        told = super().diagnosis(judged, outputs)
        told["coverage"] = accuracy_by_coverage(judged.labels, class_probabilities(outputs))
        if self.has_negative_class:
            truth, scores = detected(judged.labels), detection_scores(outputs)
            units = judged.codes
            told["operating_points"] = clinical.operating_points(truth, scores, units)
            told["net_benefit"] = clinical.net_benefit(truth, scores) if judged.calibrated else []
        return told

    def decided(
        self, outputs: np.ndarray, decision: Decision | None, business: Business | None = None
    ) -> dict[str, pa.Array]:
        """Whether the finding is flagged, and whether a person is to look because the model does not know."""
        columns = super().decided(outputs, decision, business)
        if decision is None or decision.levels is None:
            return columns
        unsure = referred(class_probabilities(outputs), list(decision.levels))
        return {**columns, "refer": pa.array(np.where(unsure, "yes", "no"))}

    def words(self, label: str, calibrated: bool) -> Words:
        """Of findings."""
        words = super().words(label, calibrated)
        rule = (
            f"The threshold flags {self.sensitivity:.0%} of the findings among rows of the training side, by"
            " models that were not fitted on them; never of evaluation rows."
        )
        return replace(words, threshold_rule=rule if self.has_negative_class else "")

    def figures(
        self, compared: dict[str, Any], scores: Scores, business: dict[str, Any] | None
    ) -> list[Figure]:
        """Those of classes, accuracy by coverage and net benefit."""
        from solutionkit.tasks.diagnosis.figures import figures

        return [*super().figures(compared, scores, business), *figures(compared)]

    def sections(self, compared: dict[str, Any]) -> list[Section]:
        """What is referred, what a flag means, groups for whom a model is worse, and findings beside."""
        from solutionkit.report.figures import Section, rungs
        from solutionkit.tasks.diagnosis.figures import covered_in_table, gaps_in_table, in_table, in_words

        title = "What a flag means, and what is referred"
        sections = [Section("care", title, in_words(compared), table=in_table(compared["models"]))]
        if gaps := gaps_in_table(compared["models"]):
            told = "Sensitivity or specificity of these groups' patients against that of all others."
            sections.append(Section("groups", "Groups for whom a model is worse", told, table=gaps))
        if covered := covered_in_table(compared["models"]):
            told = f"Of patients and classes of each group; {self.coverage:.0%} are promised of all together."
            sections.append(
                Section("covered", "How often what is possible holds the truth", told, table=covered)
            )
        for label, found in compared.get("further", {}).items():
            if all("referred" in found["models"][name]["business"] for name in rungs(found["models"])):
                told = " ".join(
                    f"{name}: {sentence}" for name, all_of in found["cautions"].items() for sentence in all_of
                )
                sections.append(Section("care", f"{title}: {label}", told, table=in_table(found["models"])))
        return sections
