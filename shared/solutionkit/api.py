"""A project from Python: what the verbs do, with tables in and out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from solutionkit import use_case
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.examples.cast import table_inputs
from solutionkit.examples.reading import Cells, told, trimmed
from solutionkit.modalities.rows import ScoringRows
from solutionkit.runner.models import further_decisions, kept_beside, known_decision, model_folder

if TYPE_CHECKING:
    import pandas as pd

    from solutionkit.examples.audit import AuditedTable
    from solutionkit.explain.loading import ModelExplainer

SOURCE = "the rows"


class Project:
    """A generated project.

    Example:
        >>> project = Project.load("churn")            # doctest: +SKIP
        >>> project.run()["verdict"]                   # doctest: +SKIP
        'equivalent'
        >>> project.predict(new_customers)             # doctest: +SKIP
           customer_id  probability
        0       C00001        0.031

    Args:
        project: What `use_case.load_project` gave.
    """

    def __init__(self, project: use_case.Project) -> None:
        prepare_environment()
        self._project = project
        # A model is loaded once, and known rows are read once: both take seconds.
        self._models: dict[Path, ModelExplainer] = {}
        self._known: dict[Path | None, Any] = {}

    @classmethod
    def load(cls, folder: str | Path) -> Project:
        """Read a project's folder.

        Raises:
            UserError: It is no generated project, or its declaration is wrong.
        """
        return cls(use_case.load_project(Path(folder)))

    def check(self, data: str | Path | None = None) -> AuditedTable:
        """Audit the data against the declaration.

        Args:
            data: Another file or folder of the same kind.

        Raises:
            UserError: With one list of all that is wrong.
        """
        from solutionkit.verbs.check import load_audited

        # Its code may have been edited since it was imported.
        use_case.forget(self._project.package)
        project, audited = load_audited(self._project.folder, Path(data) if data else None)
        self._turn_to(project)
        return audited

    def run(self, data: str | Path | None = None) -> dict[str, Any]:
        """Run the pipeline.

        Args:
            data: Another file or folder of the same kind.

        Returns:
            The content of `comparison.json`.

        Raises:
            UserError: The data does not fit.
            RunFailedError: A node failed.
        """
        from rich.console import Console

        from solutionkit.runner.publish import new_run_id
        from solutionkit.verbs.check import prepared
        from solutionkit.verbs.run import run

        # Its code may have been edited since it was imported.
        use_case.forget(self._project.package)
        project = prepared(self._project.folder, Path(data) if data else None)
        run_id = new_run_id(project.runs)
        log = project.state / "logs" / f"{run_id}.log"
        folder = run(project, run_id, log, Console(quiet=True))
        self._turn_to(project)
        compared: dict[str, Any] = json.loads((folder / "comparison.json").read_text())
        return compared

    def predict(
        self, rows: pd.DataFrame | pa.Table | str | Path, model: str = "pushed", history: Path | None = None
    ) -> pd.DataFrame:
        """Score rows.

        Args:
            rows: A table, or a file or folder; the label may be absent.
            model: `baseline`, `deep` or `pushed`.
            history: Known rows before these, where columns are computed of such; by default the data.

        Returns:
            The rows' names, what `Task.frame` has for them and what is decided, in the rows' order.

        Raises:
            UserError: The rows do not fit the model.
        """
        loaded = self._model(model)
        new = self._rows(rows, loaded, history)
        answers, task = loaded.scorer.answers_to(new), loaded.spec.task
        scores = answers[loaded.spec.label]
        decision = known_decision(self._project, model)
        decision = decision.of_rows(new.table) if decision else None
        business = self._project.declaration.business
        modality, kept = self._project.use_case.modality, kept_beside(self._project, model)
        new, scores = modality.completed(new, scores, kept)
        told = {**task.frame(scores), **task.decided(scores, decision, business)}
        told |= loaded.spec.told(answers, further_decisions(self._project, model))
        return self._named(new, told)

    def explain(
        self, rows: pd.DataFrame | pa.Table | str | Path, model: str = "pushed", history: Path | None = None
    ) -> pd.DataFrame:
        """SHAP values of rows, of models that read columns.

        Args:
            rows: A table, or a file or folder; the label may be absent.
            model: `baseline`, `deep` or `pushed`.
            history: Known rows before these, where columns are computed of such; by default the data.

        Returns:
            As `predict`, with `base` and the contribution of each column, which add up to `Task.margin` of
            what the model says before its probabilities are set right.

        Raises:
            UserError: The rows do not fit the model.
        """
        loaded = self._model(model)
        if loaded.spec.files:
            raise UserError("explain: of images there are heat maps; see `solutionkit explain`.")
        new = self._rows(rows, loaded, history)
        frame: pd.DataFrame = self._project.use_case.modality.explained(loaded, new).to_pandas()
        return frame

    def inputs(
        self, rows: pd.DataFrame | pa.Table | str | Path, model: str = "pushed", history: Path | None = None
    ) -> dict[str, np.ndarray]:
        """Rows as a server's signature `serving_raw` takes them, computed columns among them.

        Args:
            rows: A table, or a file or folder; the label may be absent.
            model: `baseline`, `deep` or `pushed`.
            history: Known rows before these, where columns are computed of such; by default the data.

        Raises:
            UserError: The rows do not fit the model.
        """
        new = self._rows(rows, self._model(model), history)
        parts = [table_inputs(piece, new.spec) for piece in new.pieces()]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _turn_to(self, project: use_case.Project) -> None:
        """Forget what was loaded of another state of the project."""
        self._project = project
        self._models.clear()
        self._known.clear()

    def _model(self, name: str) -> ModelExplainer:
        from solutionkit.explain.loading import ModelExplainer

        folder = model_folder(self._project, name)
        if folder not in self._models:
            self._models[folder] = ModelExplainer(folder)
        return self._models[folder]

    def _rows(
        self, rows: pd.DataFrame | pa.Table | str | Path, loaded: ModelExplainer, history: Path | None
    ) -> ScoringRows:
        modality = self._project.use_case.modality
        try:
            known = self._known[history]
        except KeyError:
            known = self._known[history] = modality.known_rows(self._project, history)
        if isinstance(rows, str | Path):
            return modality.read_new(Path(rows), loaded.spec, known)
        if not isinstance(rows, pa.Table) and not hasattr(rows, "columns"):
            raise UserError(f"{SOURCE}: a table or a path is wanted, not {type(rows).__name__}.")
        try:
            table = rows if isinstance(rows, pa.Table) else pa.Table.from_pandas(rows, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            raise UserError(f"{SOURCE}: {str(error).splitlines()[0]}") from None
        if not table.num_rows:
            raise UserError(f"{SOURCE}: there are none.")
        spec = loaded.spec
        read = told(Cells(trimmed(table)), spec.dialect)
        return modality.take_new(read.whole(SOURCE, spec.read), SOURCE, spec, known)

    def _named(self, rows: ScoringRows, columns: dict[str, pa.Array]) -> pd.DataFrame:
        table = self._project.use_case.modality.table_of(rows, columns)
        frame: pd.DataFrame = table.to_pandas()
        return frame
