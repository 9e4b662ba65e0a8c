"""Refuse wrong answers before anything is written."""

import json
import keyword
import re
import sys
from pathlib import Path

# JSON, because an answer may hold quotes.
REPOSITORY = Path(json.loads(r""" {{ repository | tojson }} """))
USE_CASE = json.loads(r""" {{ cookiecutter.use_case | tojson }} """)
PROJECT_NAME = json.loads(r""" {{ cookiecutter.project_name | tojson }} """)
SLUG = json.loads(r""" {{ cookiecutter.project_slug | tojson }} """)
LICENSE = json.loads(r""" {{ cookiecutter.license | tojson }} """)
# Kubernetes allows 63 characters, and resources have endings like -serving.
LONGEST_SLUG = 50
LICENSES = ("Apache-2.0", "MIT", "BSD-3-Clause", "Proprietary")
# What a project has beside the served model in `models/`.
TAKEN = ("simple", "baseline", "deep")


def problems() -> list[str]:
    """What is wrong with the answers, one sentence each."""
    wrong = []
    use_cases = sorted(item.name for item in (REPOSITORY / "templates").iterdir() if item.is_dir())
    if USE_CASE not in use_cases:
        wrong.append(f"use_case '{USE_CASE}' is unknown; there are: {', '.join(use_cases)}")
    if LICENSE not in LICENSES:
        wrong.append(f"license '{LICENSE}' is unknown; there are: {', '.join(LICENSES)}")
    if not PROJECT_NAME.strip() or not PROJECT_NAME.isprintable():
        wrong.append(f"project_name {PROJECT_NAME!r} must be one line of text")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", SLUG):
        wrong.append(
            f"project_slug '{SLUG}' must be a Python and a Docker name: a-z, 0-9 and single _ within,"
            " a letter first, e.g. my_solution"
        )
    elif keyword.iskeyword(SLUG):
        wrong.append(f"project_slug '{SLUG}' is a Python keyword")
    elif SLUG in sys.stdlib_module_names or SLUG in {*use_cases, "solutionkit", "solutionserve", "tests"}:
        wrong.append(f"project_slug '{SLUG}' is the name of another Python package; choose another")
    elif SLUG in TAKEN:
        wrong.append(f"project_slug '{SLUG}' is what a project calls one of its models; choose another")
    elif len(SLUG) > LONGEST_SLUG:
        wrong.append(f"project_slug '{SLUG}' is longer than {LONGEST_SLUG} characters")
    return wrong


if __name__ == "__main__":
    mistakes = problems()
    for problem in mistakes:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1 if mistakes else 0)
