"""Tell hooks where this repository is.

cookiecutter gives hooks the repository as it was named on its command line, which may be relative
to a folder that they no longer know; a Jinja extension is imported from the repository itself.
"""

from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

REPOSITORY = Path(__file__).resolve().parents[1]


class Location(Extension):
    """Adds `repository` to cookiecutter's hooks.

    A project that is updated is drawn by two commits in one process, with the older one's class: what a
    template needs beyond this must be in the template.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["repository"] = str(REPOSITORY)
