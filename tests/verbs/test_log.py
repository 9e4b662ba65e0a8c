"""Standard error as a file, while people read progress."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
from pathlib import Path
from solutionkit.verbs.log import stderr_to

with stderr_to(Path(sys.argv[1])):
    sys.stderr.write("noise")  # waits for its line to end
    raise ValueError("what went wrong")
"""


def run(log: Path) -> str:
    answer = subprocess.run([sys.executable, "-c", SCRIPT, str(log)], capture_output=True, text=True)
    assert answer.returncode == 1
    return answer.stderr


def test_noise_goes_to_the_log_and_errors_to_the_terminal(tmp_path: Path) -> None:
    terminal = run(tmp_path / "logs" / "run.log")
    assert terminal.splitlines()[-1] == "ValueError: what went wrong"
    assert "noise" not in terminal
    assert (tmp_path / "logs" / "run.log").read_text() == "noise"


SPINNING = """
import sys
from pathlib import Path
from rich.console import Console
from solutionkit.verbs.log import Spinning, stderr_to

with stderr_to(Path(sys.argv[1])), Spinning(Console(force_terminal=True), "under way") as line:
    print("noise", file=sys.stderr)
    line.tell("further on")
"""


def test_on_a_terminal_too(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    command = [sys.executable, "-c", SPINNING, str(log)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "under way" in shown
    assert "further on" in shown
    assert "noise" not in shown
    assert log.read_text() == "noise\n"
