"""Shared rooms name no kind of column, no modality and no task: these are folders of their own."""

import ast
import re
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[1] / "shared" / "solutionkit"
NAMES = re.compile(
    r"\b(images?|masks?|IMAGE|card|merchant|amounts?|history|events|sequence|SEQUENCE|numeric|NUMERIC|DATE"
    r"|categorical|CATEGORICAL|classes|has_negative_class|positive_name|negative|positive|Classification"
    r"|classification|regression|Regression|forecast|Forecast|series|anomaly|roc_auc|accuracy|rmse)\b"
)
# What is particular: these may name what they are about.
PARTICULAR = (
    "kinds/", "modalities/", "tasks/", "transform/", "models/heads", "models/image", "models/texture",
    "models/anomaly", "models/augmentation", "models/residual", "models/pretrained", "models/tab", "models/gradient", "models/additive",
    "models/sequence", "models/series", "models/text", "explain/series", "explain/texts", "models/tree", "explain/image", "explain/scans", "explain/table", "explain/trees", "explain/region",
    "explain/localisation", "explain/additive", "report/overlays", "verbs/export", "compare/money", "compare/delong", "compare/mcnemar",
    "compare/calibration", "cells", "ranks", "explained_images", "explained_scans", "explained_columns", "explained_text",
)  # fmt: skip
# Where a shared room decides by such a name after all, how often, and why.
ALLOWED = {
    # Keys of one file that exclude each other are told when it is read, before there is any data.
    "declaration.py": 7,
    # A chart draws numbers as points and values as bars.
    "report/charts.py": 3,
    # The contract asks for a model card.
    "testing.py": 1,
}


def conditions(file: Path) -> list[str]:
    """What the conditionals of a file ask."""
    if file.suffix == ".j2":
        found = re.findall(r"\{%-?\s*(?:el)?if (.*?)%\}|\{\{[^}]* if (.*?) else", file.read_text())
        return [" ".join(item) for item in found]
    asked: list[ast.expr] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            asked.append(node.test)
        elif isinstance(node, ast.comprehension):
            asked += node.ifs
    return [ast.unparse(item) for item in asked]


def rooms() -> list[str]:
    files = [*LIBRARY.rglob("*.py"), *LIBRARY.rglob("*.j2")]
    names = sorted(str(file.relative_to(LIBRARY)) for file in files)
    return [name for name in names if not any(mark in name for mark in PARTICULAR)]


@pytest.mark.parametrize("room", rooms())
def test_a_shared_room_decides_by_no_kind_modality_or_task(room: str) -> None:
    found = [item for item in conditions(LIBRARY / room) if NAMES.search(item)]
    assert len(found) == ALLOWED.get(room, 0), found


def test_so_few_are_left() -> None:
    assert sum(ALLOWED.values()) <= 15
