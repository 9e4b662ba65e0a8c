"""One real project, run as a user runs it: what is published, code changes, failures, bounds."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2

from solutionkit.runner.local import project_lock
from solutionkit.testing import fingerprint
from solutionkit.use_case import load_project
from solutionkit.versions import add_version, newest_version
from support import solutionkit, solutionkit_process

pytestmark = pytest.mark.slow
STATES = metadata_store_pb2.Execution


def latest(project: Path) -> dict:
    return json.loads((project / "runs" / "latest" / "run.json").read_text())


def states(project: Path) -> list[int]:
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(project / ".pipeline" / "metadata.sqlite")
    return [item.last_known_state for item in metadata_store.MetadataStore(config).get_executions()]


def run(project: Path, *verb: str) -> tuple[int, str]:
    """A verb, `run` unless named: exit code, and all that it printed."""
    answer = solutionkit(project, *(verb or ("run",)))
    return answer.returncode, answer.stdout + answer.stderr


def copy_of(finished: Path, folder: Path) -> Path:
    """The same project elsewhere, with an empty cache: artifacts are known by absolute paths."""
    shutil.copytree(finished, folder, ignore=shutil.ignore_patterns(".pipeline"), symlinks=True)
    return folder


def test_the_run_published_everything(finished: Path) -> None:
    record = latest(finished)
    assert len(record["seconds"]) == 14
    assert (finished / record["pushed"] / "assets.extra" / "tf_serving_warmup_requests").is_file()
    for model in record["models"].values():
        assert (finished / model["path"] / "saved_model.pb").is_file()
    assert set(states(finished)) <= {STATES.COMPLETE, STATES.CACHED}


def test_a_rerun_is_cached_and_sees_the_declaration_change(finished: Path) -> None:
    before, run_before = latest(finished), (finished / "runs" / "latest").resolve().name
    code, output = run(finished)
    assert code == 0, output
    after = latest(finished)
    assert len(after["cached"]) == 14
    assert after["run_id"] != run_before
    assert (after["models"], after["pushed"]) == (before["models"], before["pushed"])

    declaration = finished / "use_case.toml"
    kept = declaration.read_text()
    declaration.write_text(kept.replace("true_positive = 60", "true_positive = 600"))
    try:
        assert run(finished)[0] == 0
    finally:
        declaration.write_text(kept)
    done = set(latest(finished)["seconds"]) - set(latest(finished)["cached"])
    assert done >= {"Compare", "WriteReport"}
    assert not done & {"Trainer.baseline", "Trainer.deep", "Transform"}


def test_own_code_counts_where_it_is_used(finished: Path, tmp_path: Path) -> None:
    project = copy_of(finished, tmp_path / "demo")
    untouched = fingerprint(load_project(project))
    for part in ("network", "metric"):
        assert solutionkit_process(project, "eject", part).returncode == 0
    network = project / "customer_churn" / "network.py"
    kept = network.read_text()
    network.write_text(f"{kept}\n\ndef train(*_):\n    raise ValueError('the network is out of ideas')\n")
    answer = solutionkit_process(project, "run")
    assert answer.returncode == 1
    assert "Trainer.deep" in answer.stdout.splitlines()[-2]
    assert "ValueError: the network is out of ideas" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr
    log = next(iter((project / ".pipeline" / "logs").glob("2*.log")))
    assert "the network is out of ideas" in log.read_text(errors="replace")
    assert fingerprint(load_project(project)) == untouched

    network.write_text(kept)
    answer = solutionkit_process(project, "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Trainer.baseline" in latest(project)["cached"]
    layers = project / "customer_churn" / "network_layers.py"
    layers.write_text(layers.read_text().replace("Dropout(size.dropout)", "Dropout(0.3)"))
    answer = solutionkit_process(project, "run")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    done = set(latest(project)["seconds"]) - set(latest(project)["cached"])
    after_compare = {"Compare", "Explain", "WriteReport"}
    assert done - {"Pusher"} == {"Trainer.deep", "Evaluator", *after_compare}
    found = json.loads((project / "runs" / "latest" / "comparison.json").read_text())
    assert found["metrics"]["own_metric"] == {"title": "Own metric", "higher_is_better": False}

    rows = ["explain", "--input", "data/sample.csv", "--rows", "1", "--model", "deep"]
    answer = solutionkit_process(project, *rows)
    assert answer.returncode == 0, answer.stderr

    metric = project / "customer_churn" / "metric.py"
    metric.write_text(metric.read_text().replace("np.abs(scores - labels)", "(scores - labels) ** 2"))
    assert solutionkit_process(project, "run").returncode == 0
    done = set(latest(project)["seconds"]) - set(latest(project)["cached"])
    # The gate sees whether there are such metrics, which takes no time.
    assert done - {"Pusher", "MetricGate"} == after_compare
    found = json.loads((project / "runs" / "latest" / "comparison.json").read_text())
    metrics = found["models"]["deep"]["metrics"]
    assert metrics["own_metric"]["value"] == pytest.approx(metrics["brier"]["value"])


def test_two_runs_at_once_are_refused(finished: Path) -> None:
    with project_lock(finished / ".pipeline"):
        code, output = run(finished)
    assert code == 1
    assert "error:" in output
    assert "another run is under way" in output


def test_a_damaged_store_is_named(finished: Path, tmp_path: Path) -> None:
    project = copy_of(finished, tmp_path / "demo")
    untouched = fingerprint(load_project(project))
    (project / ".pipeline").mkdir()
    (project / ".pipeline" / "metadata.sqlite").write_text("no database\n" * 1000)
    code, output = run(project)
    assert code == 1
    assert "not a usable store" in output
    assert "Traceback" not in output
    assert fingerprint(load_project(project)) == untouched


def test_what_changed_since_the_latest_run_is_told(finished: Path, tmp_path: Path) -> None:
    project = copy_of(finished, tmp_path / "demo")
    (project / "schema.pbtxt").unlink()
    rows = pd.read_csv(project / "data" / "sample.csv")[:600]
    rows.drop(columns="late_payments").to_csv(project / "data" / "fewer.csv", index=False)
    untouched = fingerprint(load_project(project))
    for verb in ("run", "check"):
        code, output = run(project, verb, "--data", str(project / "data" / "fewer.csv"))
        assert code == 1, output
        assert "the column 'late_payments' is missing, but the latest run used it" in output
        assert "Trainer" not in output
    assert fingerprint(load_project(project)) == untouched


def test_an_earlier_winner_goes_live_again(finished: Path) -> None:
    """The cached Pusher of an unchanged run pushes nothing, but another model may be live by now."""
    project = load_project(finished)
    before = latest(finished)["pushed"]
    other = add_version(project.models / project.name, finished / latest(finished)["models"]["deep"]["path"])
    assert newest_version(project.models / project.name) == other
    assert run(finished)[0] == 0
    after = latest(finished)["pushed"]
    assert "Pusher" in latest(finished)["cached"]
    assert int(Path(after).name) > int(other.name)
    graph = "saved_model.pb"
    assert (finished / after / graph).read_bytes() == (finished / before / graph).read_bytes()


def test_any_column_name(finished: Path, tmp_path: Path) -> None:
    project = tmp_path / "demo"
    shutil.copytree(finished, project, ignore=shutil.ignore_patterns(".pipeline", "runs", "models", "data"))
    names = {
        "tenure_months": "Kundenalter (Monate)",
        "monthly_charge": "größe/cm",
        "contract": "$ 契約",
        "churned": "left?",
    }
    (project / "data").mkdir()
    rows = pd.read_csv(finished / "data" / "sample.csv")[:600].rename(columns=names)
    rows.to_csv(project / "data" / "names.csv", index=False)
    (project / "use_case.toml").write_text(
        '[data]\npath = "data/names.csv"\n[columns]\nlabel = "left?"\nid = "customer_id"\n'
        '[slices]\ncolumns = ["$ 契約"]\n[training]\nepochs = 3\n'
    )
    code, output = run(project)
    assert code == 0, output
    assert "inferred from the data" in output
    assert "Kundenalter (Monate)" in (project / "runs" / "latest" / "report.html").read_text("utf-8")
    for verb in ("predict", "explain"):
        written = project / f"{verb}.csv"
        code, output = run(
            project, verb, "--input", str(project / "data/names.csv"), "--output", str(written)
        )
        assert code == 0, output
    assert list(pd.read_csv(project / "explain.csv").columns[:2]) == ["customer_id", "probability"]


def test_a_model_that_breaks_a_threshold_is_not_pushed(finished: Path) -> None:
    declaration = finished / "use_case.toml"
    kept = declaration.read_text()
    pushed = sorted((finished / "models" / "demo").iterdir())
    declaration.write_text(kept.replace("roc_auc = 0.7", "roc_auc = 0.99"))
    try:
        code, output = run(finished)
    finally:
        declaration.write_text(kept)
    assert code == 0, output
    assert "Nothing ships." in output
    assert "baseline: bounds, deep: bounds); what was pushed before stays" in output
    assert latest(finished)["pushed"] is None
    assert sorted((finished / "models" / "demo").iterdir()) == pushed


def test_a_metric_that_there_is_not_stops_the_run_before_training(finished: Path) -> None:
    untouched = fingerprint(load_project(finished))
    declaration = finished / "use_case.toml"
    kept = declaration.read_text()
    declaration.write_text(kept.replace("roc_auc = 0.7", "roc_auk = 0.7"))
    try:
        code, output = run(finished)
    finally:
        declaration.write_text(kept)
    assert code == 1
    assert "error: use_case.toml: unknown metric 'thresholds.roc_auk' (did you mean 'roc_auc'?)" in output
    assert "Trainer" not in output
    assert fingerprint(load_project(finished)) == untouched


def test_anomalies_of_one_split_stop_the_run_before_training(finished: Path, tmp_path: Path) -> None:
    project = copy_of(finished, tmp_path / "demo")
    untouched = fingerprint(load_project(project))
    rows = pd.read_csv(project / "data" / "sample.csv")
    rows["day"] = range(len(rows))
    # Half of the latest rows lack the column: too few to notice in the whole table, a flood in its eval rows.
    late = rows.index[rows.day >= 0.8 * len(rows)]
    rows.loc[late[::2], "usage_change"] = None
    rows.to_csv(project / "data" / "days.csv", index=False)
    declaration = (project / "use_case.toml").read_text()
    declaration = declaration.replace('split = "stratified"', 'split = "time"').replace(
        "sample.csv", "days.csv"
    )
    (project / "use_case.toml").write_text(declaration.replace("[columns]\n", '[columns]\ntime = "day"\n'))
    code, output = run(project)
    assert code == 1
    assert "AnomalyGate" in output
    assert "the column 'usage_change' of the eval rows" in output
    assert "Trainer" not in output
    assert fingerprint(load_project(project)) == untouched
