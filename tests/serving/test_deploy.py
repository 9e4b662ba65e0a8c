"""The deployment files, as they are laid into every generated project."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from serving.conftest import Addresses
from solutionserve.configuration import read_batching, read_models, read_monitoring
from support import BIN

KUBERNETES = (
    "autoscaler",
    "autoscaler-by-requests",
    "deployment",
    "disruption-budget",
    "network-policy",
    "service",
    "volume",
)


@pytest.fixture(scope="module")
def serving(generated: Path) -> Path:
    return generated / "serving"


def load(file: Path) -> dict:
    return yaml.safe_load(file.read_text())


def test_the_model_has_its_name_everywhere(serving: Path) -> None:
    files = [file for file in serving.rglob("*") if file.is_file()]
    assert len(files) > 15
    for file in files:
        assert not re.search(r"my.model", file.read_text()), file
    assert "demo" in (serving / "models.config").read_text()
    assert load(serving / "kubernetes/deployment.yaml")["metadata"]["name"] == "demo"


def test_the_configuration_is_what_servers_read(serving: Path) -> None:
    (model,) = read_models(serving / "models.config").model_config_list.config
    assert (model.name, model.base_path) == ("demo", "/models/demo")
    assert read_batching(serving / "batching.config").max_batch_size == 512
    path = read_monitoring(serving / "monitoring.config").path
    assert path == load(serving / "prometheus.yaml")["scrape_configs"][0]["metrics_path"]
    annotations = load(serving / "kubernetes/deployment.yaml")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path


@pytest.mark.parametrize("name", KUBERNETES)
def test_manifests_are_valid(serving: Path, name: str) -> None:
    file = serving / "kubernetes" / f"{name}.yaml"
    answer = subprocess.run([BIN / "kubernetes-validate", "--strict", file], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "passed" in answer.stdout + answer.stderr


def test_the_validation_can_fail(serving: Path, tmp_path: Path) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text(
        (serving / "kubernetes/deployment.yaml")
        .read_text()
        .replace("replicas", "x")
        .replace("runAsNonRoot", "runAsNobody")
    )
    assert (
        subprocess.run([BIN / "kubernetes-validate", "--strict", file], capture_output=True).returncode != 0
    )


def test_all_manifests_are_listed_and_fit_together(serving: Path) -> None:
    manifests = {file.stem: load(file) for file in (serving / "kubernetes").glob("*.yaml")}
    assert set(manifests) == {*KUBERNETES, "kserve"}
    listed = {Path(item).stem for item in load(serving / "kustomization.yaml")["resources"]}
    assert listed == set(KUBERNETES) - {"autoscaler-by-requests"}
    labels = manifests["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert manifests["service"]["spec"]["selector"].items() <= labels.items()
    for name in ("disruption-budget",):
        assert manifests[name]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert manifests["network-policy"]["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert (
        manifests["autoscaler"]["spec"]["scaleTargetRef"]["name"]
        == manifests["deployment"]["metadata"]["name"]
    )
    pod = manifests["deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    claim = next(volume for volume in pod["volumes"] if volume["name"] == "models")["persistentVolumeClaim"]
    assert claim["claimName"] == manifests["volume"]["metadata"]["name"]
    config = next(volume for volume in pod["volumes"] if volume["name"] == "config")["configMap"]["name"]
    generator = load(serving / "kustomization.yaml")["configMapGenerator"][0]
    assert config == generator["name"]
    for flag in container["args"]:
        if "=/config/" in flag:
            assert Path(flag).name in generator["files"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert {"startupProbe", "readinessProbe", "livenessProbe", "resources", "lifecycle"} <= set(container)
    metric = manifests["autoscaler-by-requests"]["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert metric in (serving / "prometheus-adapter-values.yaml").read_text()
    kserve = manifests["kserve"]["spec"]["predictor"]["model"]
    assert kserve["storageUri"] == f"pvc://{claim['claimName']}/demo"
    images = {container["image"], load(serving / "docker-compose.yaml")["services"]["serving"]["image"]}
    assert images == {f"tensorflow/serving:{kserve['runtimeVersion']}"}


def test_compose_pins_images_and_listens_here_only(serving: Path) -> None:
    services = load(serving / "docker-compose.yaml")["services"]
    assert set(services) == {"serving", "prometheus", "grafana"}
    for name, service in services.items():
        digest = "" if name == "serving" else r"@sha256:[0-9a-f]{64}"
        assert re.search(rf":v?\d+\.\d+\.\d+{digest}$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (serving / source).exists(), source


def test_the_dashboard_has_no_password_of_its_own(serving: Path) -> None:
    grafana = load(serving / "docker-compose.yaml")["services"]["grafana"]["environment"]
    assert grafana["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")
    assert grafana["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert "GF_AUTH_DISABLE_LOGIN_FORM" not in grafana


def test_every_flag_of_the_deployments_is_known(serving: Path) -> None:
    from solutionserve.flags import parser

    (container,) = load(serving / "kubernetes/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    for command in (
        container["args"],
        load(serving / "docker-compose.yaml")["services"]["serving"]["command"],
    ):
        assert parser().parse_known_args(command)[1] == []


def test_the_dashboard_asks_for_metrics_that_are_there(serving: Path, server: Addresses) -> None:
    httpx.post(f"{server.rest}/v1/models/half_plus_two:predict", json={"instances": [2]}, trust_env=False)
    page = httpx.get(f"{server.rest}/monitoring/prometheus/metrics", trust_env=False).text
    panels = json.loads((serving / "grafana/dashboards/serving.json").read_text())["panels"]
    names = {
        name
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r":tensorflow:serving:[a-z_:]+", target["expr"])
    }
    assert len(names) >= 5
    for name in names:
        assert re.search(rf"^{name}(?:{{| )", page, re.M), name
    adapter = (serving / "prometheus-adapter-values.yaml").read_text()
    assert '__name__=":tensorflow:serving:request_count"' in adapter


@pytest.mark.skipif(shutil.which("docker") is None, reason="no Docker here")
def test_compose_accepts_its_file(serving: Path) -> None:
    command = ["docker", "compose", "--file", serving / "docker-compose.yaml", "config", "--quiet"]
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True)
    if probe.returncode:
        pytest.skip("no compose plugin here")
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode != 0
    assert "GRAFANA_ADMIN_PASSWORD" in answer.stderr
    environment = {**os.environ, "GRAFANA_ADMIN_PASSWORD": "secret"}
    answer = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert answer.returncode == 0, answer.stderr
