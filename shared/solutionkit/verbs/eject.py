"""`solutionkit eject`: what users change most, as code of the project's own."""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from solutionkit.compare.metrics import View
from solutionkit.dotted import resolve
from solutionkit.errors import UserError
from solutionkit.use_case import Project, forget, load_project

LIBRARY = Path(__file__).resolve().parents[1]
TEMPLATES = LIBRARY / "verbs" / "ejected"
MARK = "# Made this project's own by `solutionkit eject {part}`.\n"


# Of each of the library's networks the files that make it, by their name in the project, its explainer, and
# what that asks the network's code for.
NETWORKS = {
    "solutionkit.models.tabular_network": (
        {"network.py": "models/tabular_network.py", "network_layers.py": "models/tabm.py"},
        "solutionkit.explain.table_network:TableNetwork",
        """
    def answers(self, raw: Any) -> Any:
        \"\"\"What the network says, as it was trained to.\"\"\"
        return ensemble_answers(self.head, raw)
""",
    ),
    "solutionkit.models.image_network": (
        {
            "network.py": "models/image_network.py",
            "network_layers.py": "models/residual_network.py",
            "network_learning.py": "models/image_learning.py",
        },
        "solutionkit.explain.image_models:NetworkExplainer",
        "",
    ),
}
# An import of a package's own names, on one line or in parentheses.
IMPORT = r"from [a-z_]+\.[a-z_.]+ import (?:\([^)]+\)|[^\n(]+)\n"
# The end of an ejected network.
EXPLAINER = '''

class Explainer({name}):
    """As the library's; named here, so that the layers are known when a model is loaded."""
{body}'''
REPLACE = "from dataclasses import replace  # noqa: E402\n\n"
USE = """from dataclasses import replace  # noqa: E402

MODALITY = replace(USE_CASE.modality, {attribute}="{package}.{module}:{function}")
USE_CASE = replace(USE_CASE, modality=MODALITY)
"""
USE_METRIC = """from dataclasses import replace  # noqa: E402

USE_CASE = replace(USE_CASE, metrics=(*USE_CASE.metrics, "{package}.metric:OWN"))
"""


@dataclass(frozen=True)
class Part:
    """What can be ejected.

    Attributes:
        files: Content by name in the project's package.
        use: The lines of `__init__.py` that put it to use.
    """

    files: dict[str, str]
    use: str


def main(options: argparse.Namespace) -> int:
    """Copy a part into the project and put it to use there."""
    project = load_project(options.project)
    written = eject(project, options.part)
    print("\n".join(f"{file.relative_to(project.folder)}" for file in written))
    print(f"they are yours; `solutionkit run` runs what hangs on {options.part} again when they change")
    return 0


def eject(project: Project, name: str) -> list[Path]:
    """Copy a part of the library into a project, whole or not at all.

    Returns:
        The files that were written or changed.

    Raises:
        UserError: There is one already, or the use case has no such part of the library's.
    """
    part = PARTS[name](project)
    package = project.folder / project.package
    files = {package / target: text for target, text in part.files.items()}
    test = (TEMPLATES / f"test_{name}.py.txt").read_text("utf-8").replace("PACKAGE", project.package)
    files[project.folder / "tests" / f"test_{name}.py"] = test
    for file in files:
        if file.exists():
            raise UserError(f"{file}: there is one already; remove it, or edit it as it is.")
    init = package / "__init__.py"
    before = init.read_text("utf-8").rstrip()
    lines = part.use.replace(REPLACE, "") if REPLACE in before else part.use
    use = f"{before}\n\n{MARK.format(part=name)}{lines}"
    with tempfile.TemporaryDirectory(prefix=".solutionkit-", dir=project.folder) as folder:
        drafts = {file: Path(folder) / str(number) for number, file in enumerate([*files, init])}
        for file, text in {**files, init: use}.items():
            drafts[file].write_text(text, "utf-8")
            file.parent.mkdir(exist_ok=True)
        try:
            for file, draft in drafts.items():
                draft.replace(file)
        except OSError:
            for file in files:
                file.unlink(missing_ok=True)
            raise
    # A process that has it imported would not see the change.
    forget(project.package)
    return [*files, init]


def network(project: Project) -> Part:
    """The deep model's training and layers."""
    method = project.declaration.training.method
    if method in project.use_case.modality.methods:
        raise UserError(
            f"network: 'training.method' is \"{method}\", which trains another network, of which nothing is"
            " ejected; remove the key first."
        )
    module, function = _of_the_library(project.use_case.modality.deep, "network")
    if module not in NETWORKS:
        raise UserError(f"{module}: this network cannot be ejected; copy its file.")
    sources, explainer, body = NETWORKS[module]
    place, _, name = explainer.partition(":")
    files = {}
    for target, source in sources.items():
        text = (LIBRARY / source).read_text("utf-8")
        for other, library in sources.items():
            dotted = "solutionkit." + library.removesuffix(".py").replace("/", ".")
            text = text.replace(f"from {dotted} import", f"from {project.package}.{other[:-3]} import")
        # Layers of the project's own must not be taken for the library's when a model is loaded.
        text = text.replace('_serializable("solutionkit")', f'_serializable("{project.package}")')
        files[target] = text.replace(f'"{explainer}"', f'"{project.package}.network:Explainer"')
    own = f"from {place} import {name}\n"
    files["network.py"] = sorted_imports(own + files["network.py"], own) + EXPLAINER.format(
        name=name, body=body
    )
    use = USE.format(attribute="deep", package=project.package, module="network", function=function)
    return Part(files, use)


def sorted_imports(text: str, first: str) -> str:
    """A source whose first line moves to where it belongs among the other imports."""
    text = text.removeprefix(first)
    block = re.search(rf"(?:^{IMPORT})+(?=\n)", text, re.MULTILINE)
    if block is None:
        return text
    statements = sorted({*re.findall(IMPORT, block.group()), first}, key=lambda line: line.split()[1])
    return text[: block.start()] + "".join(statements) + text[block.end() :]


def features(project: Project) -> Part:
    """What Transform makes of raw columns, for all models and in serving."""
    module, function = _of_the_library(project.use_case.modality.preprocessing, "features")
    text = (LIBRARY / f"{module.removeprefix('solutionkit.').replace('.', '/')}.py").read_text("utf-8")
    use = USE.format(attribute="preprocessing", package=project.package, module="features", function=function)
    return Part({"features.py": text}, use)


def metric(project: Project) -> Part:
    """A metric beside the task's own."""
    module, _, view = project.task.usual_view.partition(":")
    if not isinstance(resolve(project.task.usual_view), View):
        raise UserError(
            f"metric: what a metric of the task '{project.task.name}' sees hangs on what is declared, so none"
            f" is ejected; write one as those of {module} are."
        )
    text = (TEMPLATES / "metric.py.txt").read_text("utf-8")
    text = text.replace("VIEW_MODULE", module).replace("VIEW", view)
    return Part({"metric.py": text}, USE_METRIC.format(package=project.package))


PARTS: dict[str, Callable[[Project], Part]] = {"network": network, "features": features, "metric": metric}


def _of_the_library(dotted: str, part: str) -> tuple[str, str]:
    """Module and function.

    Raises:
        UserError: They are not the library's.
    """
    module, _, function = dotted.partition(":")
    if not module.startswith("solutionkit."):
        raise UserError(
            f"{part}: the project has its own already ({dotted}); edit that, or remove it and what uses it in"
            " __init__.py first."
        )
    return module, function
