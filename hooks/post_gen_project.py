"""Lay the use case, the library's wheel, the lock and the set-up script into the new project."""

import json
import shutil
import sys
from pathlib import Path

# JSON, because an answer may hold quotes.
REPOSITORY = Path(json.loads(r""" {{ repository | tojson }} """))
USE_CASE = json.loads(r""" {{ cookiecutter.use_case | tojson }} """)
PROJECT_NAME = json.loads(r""" {{ cookiecutter.project_name | tojson }} """)
SLUG = json.loads(r""" {{ cookiecutter.project_slug | tojson }} """)
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "data", "runs", "models")


def main() -> None:
    """Complete the project in the present folder."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(REPOSITORY / "hooks"))
    from wheel import build_wheel

    project = Path.cwd()
    use_case = REPOSITORY / "templates" / USE_CASE
    readme = (project / "README.md").read_text("utf-8")
    about = (use_case / "README.md").read_text("utf-8")
    shutil.copytree(use_case, project, dirs_exist_ok=True, ignore=NOT_COPIED)
    (project / "README.md").write_text(readme.replace("<!-- use case -->\n", about), "utf-8")
    for name in ("requirements.lock", "bootstrap.py", "LICENSE"):
        shutil.copy2(REPOSITORY / name, project / name)
    build_wheel(REPOSITORY, project / "wheels")
    print(f"{PROJECT_NAME}: in {SLUG}/. Next: cd {SLUG} && make setup run")


if __name__ == "__main__":
    main()
