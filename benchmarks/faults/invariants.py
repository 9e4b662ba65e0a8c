"""What must hold of a project's `models/` and `runs/` at any time, and what after a run has completed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

# The digest of each file by its path within a folder.
Tree = dict[str, str]
WEIGHTS = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001")
RUN_FILES = (
    "report.html",
    "comparison.json",
    "run.json",
    "model_card.md",
    "explanations.json",
    "schema.pbtxt",
)


@dataclass
class Watch:
    """Looks at a project again and again and says of each fault once.

    Attributes:
        project: The project's folder.
        served: What the live model is called.
        decision_file: Where in a SavedModel its threshold is.
        kept: Runs and versions that were whole at an earlier look.
        models: Whole SavedModels that the pipeline has made, by `models/<name>` that they belong in.
        latest: Where `runs/latest` led.
        told: Faults that were told already.
    """

    project: Path
    served: str
    decision_file: str
    kept: dict[str, Tree] = field(default_factory=dict)
    models: dict[str, list[Tree]] = field(default_factory=dict)
    latest: str = ""
    told: set[str] = field(default_factory=set)

    def look(self) -> list[str]:
        """What is wrong of versions and runs, whether or not a run is under way."""
        self.learn_models()
        found = []
        now = {name: tree(self.project / name) for name in self.names()}
        for name, content in self.kept.items():
            if now.get(name) != content:
                found.append(f"{name} was {'changed' if name in now else 'removed'}")
        for name, content in now.items():
            if name not in self.kept:
                wrong = (
                    self.version_faults(name, content)
                    if name.startswith("models/")
                    else self.run_faults(name)
                )
                found += wrong
                if not wrong:
                    self.kept[name] = content
        found += self.latest_faults()
        new = [fault for fault in found if fault not in self.told]
        self.told |= set(new)
        return new

    def names(self) -> list[str]:
        """The folders that count as a run or as a version, relative to the project."""
        runs, models = self.project / "runs", self.project / "models"
        found = [item for item in folders(runs) if not item.is_symlink() and not item.name.startswith(".")]
        found += [item for model in folders(models) for item in folders(model) if item.name.isdigit()]
        return [str(item.relative_to(self.project)) for item in found]

    def learn_models(self) -> None:
        """Note the whole SavedModels among the pipeline's artifacts."""
        artifacts = self.project / ".pipeline" / "artifacts"
        self.models = {
            name: self.models.get(name, []) for name in (self.served, "simple", "baseline", "deep")
        }
        for name, place in (
            (self.served, "Compare/selected"),
            ("simple", "Trainer.simple/model"),
            ("baseline", "Trainer.baseline/model"),
            ("deep", "Trainer.deep/model"),
        ):
            for folder in folders(artifacts / place):
                content = tree(folder / "Format-Serving")
                needed = {*WEIGHTS, *([self.decision_file] if name == self.served else [])}
                if needed <= content.keys() and content not in self.models[name]:
                    self.models[name].append(content)

    def version_faults(self, name: str, content: Tree) -> list[str]:
        """Why a version is not one of the models that the pipeline has made."""
        sources = self.models.get(name.split("/")[1], [])
        if content in sources:
            return []
        if not sources:
            return [f"{name}: a version, but the pipeline has made no model"]
        nearest = min(sources, key=lambda source: len(source.items() ^ content.items()))
        missing = sorted(nearest.keys() - content.keys())
        other = sorted(file for file in content if content[file] != nearest.get(file))
        parts = [f"lacks {shortened(missing)}"] if missing else []
        return [f"{name}: {'; '.join([*parts, *([f'differs in {shortened(other)}'] if other else [])])}"]

    def run_faults(self, name: str) -> list[str]:
        """Which files of a run are missing or broken."""
        found = []
        for file in RUN_FILES:
            try:
                parse(self.project / name / file)
            except FileNotFoundError:
                found.append(f"{name} lacks {file}")
            except ValueError as error:
                found.append(f"{name}/{file} is broken: {error}")
        return found

    def latest_faults(self) -> list[str]:
        """Whether `runs/latest` leads to a whole run, and never back."""
        link = self.project / "runs" / "latest"
        if not link.is_symlink():
            return ["runs/latest is gone"] if self.latest else []
        target = str(link.readlink())
        found = (
            [f"runs/latest leads to {target}, which is no whole run"]
            if f"runs/{target}" not in self.kept
            else []
        )
        if target < self.latest:
            found.append(f"runs/latest went back from {self.latest} to {target}")
        self.latest = target
        return found

    def finished(self) -> list[str]:
        """What is wrong after a run that completed and pushed a model."""
        run = self.project / "runs" / "latest"
        record, compared = load(run / "run.json"), load(run / "comparison.json")
        if not record or not compared:
            return ["no run completed"]
        base = self.project / "models" / self.served
        newest = max((item for item in folders(base) if item.name.isdigit()), key=lambda item: int(item.name))
        selected = compared["selected"]
        if selected is None:
            return [f"nothing ships: {compared['reason']}"]
        threshold = compared["models"][selected]["business"]["threshold"]
        found = []
        if record["pushed"] != str(newest.relative_to(self.project)):
            found.append(f"run.json says that {record['pushed']} is live, it is {newest.name}")
        if (decided := load(newest / self.decision_file).get("threshold")) != threshold:
            found.append(f"{newest.name} decides at {decided}, comparison.json at {threshold}")
        shown = f"{threshold:,.3f}"
        found += [
            f"{name} does not show the threshold {shown}"
            for name in ("report.html", "model_card.md")
            if shown not in (run / name).read_text("utf-8")
        ]
        if f"Selected: **{selected}**" not in (run / "model_card.md").read_text("utf-8"):
            found.append(f"model_card.md does not say that {selected} is selected")
        if compared["run_id"] != run.resolve().name:
            found.append(f"comparison.json is of run {compared['run_id']}, in {run.resolve().name}")
        live, source = tree(newest), tree(self.project / record["models"][selected]["path"])
        live.pop(self.decision_file, None)
        if live != source:
            found.append(f"{newest.name} is not the {selected} model that run.json names")
        return found + self.leftovers()

    def leftovers(self) -> list[str]:
        """What no run, no version and no link is, below `runs/` and `models/`."""
        runs, models = self.project / "runs", self.project / "models"
        places = [*entries(runs), *(item for model in entries(models) for item in [model, *entries(model)])]
        known = {
            *self.kept,
            "runs/latest",
            *(f"models/{name}" for name in (self.served, "simple", "baseline", "deep")),
        }
        names = [str(item.relative_to(self.project)) for item in places]
        return [f"left over: {name}" for name in names if name not in known]


def entries(folder: Path) -> list[Path]:
    """What is in a folder, if it is one."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def folders(folder: Path) -> list[Path]:
    """The folders in a folder."""
    return [item for item in entries(folder) if item.is_dir()]


def tree(folder: Path) -> Tree:
    """Every file below a folder with its digest."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def shortened(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def load(file: Path) -> dict[str, Any]:
    """A JSON object, empty where there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def parse(file: Path) -> None:
    """Read a run's file as what it is.

    Raises:
        FileNotFoundError: It is not there.
        ValueError: It is cut short or broken.
    """
    text = file.read_text("utf-8")
    if file.suffix == ".json":
        json.loads(text)
    elif file.suffix == ".html":
        page = HTMLParser()
        page.feed(text)
        page.close()
        if not text.rstrip().endswith("</html>"):
            raise ValueError("cut short")
    elif file.suffix == ".pbtxt":
        try:
            schema = text_format.Parse(text, schema_pb2.Schema())
        except text_format.ParseError as error:
            raise ValueError(str(error)) from None
        if not schema.feature:
            raise ValueError("no features")
    elif "## Limits" not in text:
        raise ValueError("cut short")
