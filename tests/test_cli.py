import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from solutionkit import cli

HEAVY = ("tensorflow", "tfx", "keras", "pyarrow", "pandas", "numpy", "pydantic", "rich")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, solutionkit.cli as cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"
    assert "predict" in answer.stdout


def test_outside_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--project", str(tmp_path), "check"]) == 1
    assert "use_case.toml: no such file" in capsys.readouterr().err


def test_unknown_verb(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["trian"])
    assert stopped.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_for_a_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--completion", shell])
    assert stopped.value.code == 0
    assert "label-next" in capsys.readouterr().out


def test_doctor_is_content_here(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--project", str(generated), "doctor"]) == 0
    output = capsys.readouterr().out
    assert "all that is needed is here" in output
    assert "Customer churn" in output


def test_check_describes_the_data(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sample.csv"
    assert cli.main(["--project", str(generated), "sample", "--rows", "500", "--output", str(file)]) == 0
    assert cli.main(["--project", str(generated), "check", "--data", str(file)]) == 0
    output = capsys.readouterr().out
    assert "500: 340 train, 60 validation, 100 eval" in output
    assert "curated in schema.pbtxt" in output


def test_check_prints_the_declaration_schema(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--project", str(generated), "check", "--schema"]) == 0
    assert '"eval_fraction"' in capsys.readouterr().out


def test_predict_without_a_run(generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["predict", "--input", str(tmp_path / "x.csv"), "--output", str(tmp_path / "y.csv")]
    assert cli.main(["--project", str(generated), *arguments]) == 1
    assert "no pushed model" in capsys.readouterr().err


def test_an_unknown_threshold_is_found_before_the_run(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(generated, tmp_path / "demo")
    declaration = tmp_path / "demo" / "use_case.toml"
    declaration.write_text(declaration.read_text().replace("roc_auc = 0.7", "rocauc = 0.7"))
    assert cli.main(["--project", str(tmp_path / "demo"), "check"]) == 1
    assert "'thresholds.rocauc' (did you mean 'roc_auc'?)" in capsys.readouterr().err


def test_errors_of_the_system_have_no_stack_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "use_case.toml").mkdir()
    assert cli.main(["--project", str(tmp_path), "check"]) == 1
    assert "use_case.toml: Is a directory" in capsys.readouterr().err


def test_freeze_writes_an_inferred_schema_and_spares_a_curated_one(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "demo"
    shutil.copytree(generated, project)
    curated = (project / "schema.pbtxt").read_text()
    assert cli.main(["--project", str(project), "check", "--freeze"]) == 1
    assert "the one in use is curated in schema.pbtxt" in capsys.readouterr().err
    assert (project / "schema.pbtxt").read_text() == curated
    (project / "schema.pbtxt").unlink()
    assert cli.main(["--project", str(project), "check", "--freeze"]) == 0
    assert cli.main(["--project", str(project), "check"]) == 0
    assert "curated in schema.pbtxt" in capsys.readouterr().out
