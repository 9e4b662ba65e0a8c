"""A use case's project, without its data, that says where it runs."""

from pathlib import Path

from solutionkit.use_case import Project, load_project
from support import ROOT

DECLARED = """
[kubeflow]
image = "registry.example.org/demo:1"
pipeline_root = "s3://bucket/demo/"
models = "/models"
volumes = [{claim = "models", path = "/models"}]
environment = {AWS_ENDPOINT_URL = "http://minio:9000"}
secrets = {AWS_ACCESS_KEY_ID = "store/accesskey"}
pull_secrets = ["registry"]
retries = 2
[kubeflow.resources]
default = {cpu = 0.5, memory = "2Gi"}
"Trainer.deep" = {cpu = 4, memory = "8Gi", gpu = 2}
"""


def project_of(use_case: str, folder: Path, declared: str = DECLARED) -> Project:
    """A use case's project, without data."""
    text = (ROOT / "templates" / use_case / "use_case.toml").read_text()
    for item in (ROOT / "templates" / use_case).iterdir():
        if item.name == use_case or item.suffix == ".pbtxt":
            (folder / item.name).symlink_to(item)
    (folder / "use_case.toml").write_text(text + declared)
    (folder / "pyproject.toml").write_text(f'[tool.solutionkit]\nuse_case = "{use_case}"\nname = "demo_1"\n')
    return load_project(folder)
