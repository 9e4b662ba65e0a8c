"""Docstrings say what arguments are, and their examples are true."""

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT

PACKAGES = [ROOT / "shared" / "solutionkit", ROOT / "serving" / "solutionserve"]
SOURCES = [file for package in PACKAGES for file in sorted(package.rglob("*.py"))]
# From so many arguments on each is explained.
MANY = 4
Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_functions(tree: ast.Module) -> Iterator[Function]:
    """Functions, and methods of classes that inherit no method: others say it where they come from."""
    scopes: list[ast.AST] = [tree]
    for node in tree.body:
        bases = {ast.unparse(base) for base in node.bases} if isinstance(node, ast.ClassDef) else {"none"}
        if bases <= {"ABC", "Protocol"}:
            scopes.append(node)
    for scope in scopes:
        for node in ast.iter_child_nodes(scope):
            if isinstance(node, Function) and not node.name.startswith("_"):
                yield node


def is_component(function: Function) -> bool:
    """Whether TFX reads the arguments' annotations, which say what they are."""
    return any(isinstance(item, ast.Name) and item.id == "component" for item in function.decorator_list)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: folder.name)
def test_many_arguments_are_explained(package: Path) -> None:
    silent = []
    for file in sorted(package.rglob("*.py")):
        for function in public_functions(ast.parse(file.read_text())):
            told = ast.get_docstring(function) or ""
            given = function.args
            names = [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
            names = [name for name in names if name not in ("self", "cls")]
            if len(names) < MANY or is_component(function):
                continue
            described = re.split(r"\n(?:Returns|Raises):", told.partition("Args:")[2])[0]
            silent += [
                f"{file.name}: {function.name}({name})"
                for name in names
                if not re.search(rf"^\s+{name}:", described, re.M)
            ]
    assert silent == []


def has_examples(file: Path) -> bool:
    """Whether some need no project or server to run."""
    lines = [line for line in file.read_text().splitlines() if ">>>" in line]
    return any("+SKIP" not in line for line in lines)


@pytest.mark.parametrize("file", filter(has_examples, SOURCES), ids=lambda file: file.stem)
def test_examples_are_true(file: Path) -> None:
    (package,) = (item for item in PACKAGES if file.is_relative_to(item))
    module = importlib.import_module(".".join(file.relative_to(package.parent).with_suffix("").parts))
    found = doctest.testmod(module)
    assert found.attempted
    assert found.failed == 0
