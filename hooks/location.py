"""Tell templates and hooks where this repository is, and its version.

cookiecutter gives hooks the repository as it was named on its command line, which may be relative
to a folder that they no longer know; a Jinja extension is imported from the repository itself.
"""

import json
import tomllib
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

REPOSITORY = Path(__file__).resolve().parents[1]


class Location(Extension):
    """Adds `repository`, `version` and the filter `toml_text` to cookiecutter's templates and hooks."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
        environment.globals["repository"] = str(REPOSITORY)
        # JSON's own escapes of characters beyond 16 bits are none of TOML's.
        environment.filters["toml_text"] = lambda text: json.dumps(text, ensure_ascii=False)
        environment.globals["version"] = settings["project"]["version"]
