"""Build the library's wheel with nothing but the standard library.

The hook runs in whatever environment cookiecutter has, and `uvx cookiecutter` has no build tools.
A pure-Python wheel is a zip with three files of metadata (PEP 427); the same sources give the
same bytes.
"""

import base64
import hashlib
import tomllib
import zipfile
from pathlib import Path

EPOCH = (2020, 1, 1, 0, 0, 0)
NOT_PACKED = {"__pycache__", ".DS_Store"}


def build_wheel(repository: Path, folder: Path) -> Path:
    """Build the wheel that `pyproject.toml` describes.

    Args:
        repository: The repository's root.
        folder: Where the wheel goes.

    Returns:
        The wheel's path.
    """
    settings = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    project = settings["project"]
    packages = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    contents: dict[str, bytes] = {}
    for package in packages:
        root = repository / package
        for file in sorted(root.rglob("*")):
            if file.is_file() and not NOT_PACKED & set(file.parts) and file.suffix != ".pyc":
                contents[f"{root.name}/{file.relative_to(root).as_posix()}"] = file.read_bytes()
    stem = f"{project['name']}-{project['version']}"
    info = f"{stem}.dist-info"
    contents[f"{info}/METADATA"] = metadata(project).encode()
    contents[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: solutionkit\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    contents[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    contents[f"{info}/licenses/LICENSE"] = (repository / "LICENSE").read_bytes()
    record = "".join(f"{name},sha256={digest(data)},{len(data)}\n" for name, data in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return wheel


def metadata(project: dict[str, object]) -> str:
    """The METADATA file."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"License-Expression: {project['license']}",
        "License-File: LICENSE",
        f"Requires-Python: {project['requires-python']}",
    ]
    dependencies = project["dependencies"]
    assert isinstance(dependencies, list)
    lines += [f"Requires-Dist: {item}" for item in dependencies]
    return "\n".join(lines) + "\n"


def digest(data: bytes) -> str:
    """A RECORD entry's hash."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
