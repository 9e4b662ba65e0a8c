"""`solutionkit serve`: the pushed model behind TensorFlow Serving's protocol."""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import shutil
import subprocess

from solutionkit.errors import UserError
from solutionkit.runner.models import model_folder
from solutionkit.runner.serving import config_file, example_body, server_flags
from solutionkit.use_case import load_project
from solutionkit.verbs import silent


def main(options: argparse.Namespace) -> int:
    """Serve until interrupted; returns the exit code."""
    project = load_project(options.project)
    model = model_folder(project, "pushed")
    config_file(project)
    if options.docker and options.audit_log:
        raise UserError("--audit-log: TensorFlow Serving writes none; leave out --docker.")
    if options.docker:
        return serve_in_docker(str(project.folder / "serving" / "docker-compose.yaml"))
    with silent():
        from solutionserve.__main__ import main as serve

        body = example_body(model)
    rest = f"http://{options.host}:{options.rest_port}"
    print(f"{project.name}: gRPC on {options.host}:{options.port}, REST on {rest}")
    print(f"try: curl {rest}/v1/models/{project.name}")
    if body:
        print(f"     curl -d {shlex.quote(body)} {rest}/v1/models/{project.name}:predict", flush=True)
    flags = [f"--host={options.host}", f"--port={options.port}", f"--rest_api_port={options.rest_port}"]
    if options.audit_log:
        flags.append(f"--audit_log={options.audit_log}")
    return serve([*flags, *server_flags(project)])


def serve_in_docker(compose_file: str) -> int:
    """Start the real TensorFlow Serving of the project's compose file."""
    engine = shutil.which("docker") or shutil.which("podman")
    if engine is None:
        raise UserError(
            "--docker: neither docker nor podman is installed; without it, the embedded server starts."
        )
    # Compose wants every variable of the file, also of the services that it is not asked to start.
    environment = {"GRAFANA_ADMIN_PASSWORD": secrets.token_urlsafe(), **os.environ}
    command = [engine, "compose", "--file", compose_file, "up", "serving"]
    return subprocess.run(command, env=environment).returncode
