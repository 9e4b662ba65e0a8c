"""`solutionkit loadtest`: throughput and latency of a server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path

from solutionkit.errors import UserError
from solutionkit.output import summary_to, written
from solutionkit.runner.models import model_folder
from solutionkit.runner.serving import server_flags
from solutionkit.use_case import Project, load_project
from solutionkit.verbs.log import stderr_to


def main(options: argparse.Namespace) -> int:
    """Measure; returns 1 if a request failed."""
    project = load_project(options.project)
    folder = model_folder(project, options.model)
    with stderr_to(project.state / "logs" / "loadtest.log"):
        from solutionserve.client import Client, ClientError
        from solutionserve.client.messages import Target
        from solutionserve.embedded import running
        from solutionserve.errors import ServingError
        from solutionserve.load_test import as_json, measure, table
        from solutionserve.warmup import logged_inputs

        with contextlib.ExitStack() as stack:
            name = project.name
            try:
                if options.server:
                    address = options.server
                else:
                    server = stack.enter_context(running(*own_server_flags(project, options.model, folder)))
                    address = server.rest if options.rest else server.grpc
                client = stack.enter_context(Client(address, name, label=options.label))
                signature = client.signature()
                inputs = logged_inputs(folder, signature.name)
            except (ServingError, ClientError) as error:
                raise UserError(str(error)) from None
            target = Target(name, label=options.label)
            loads = [
                asyncio.run(measure(address, target, signature, inputs, rows, concurrency, options.seconds))
                for rows in options.rows
                for concurrency in options.concurrency
            ]
    to = summary_to(options.json) if options.json else sys.stdout
    print(f"{options.model} model ({folder}) at {address}, signature {signature.name}", file=to)
    print(table(loads), file=to)
    for load in loads:
        if load.errors:
            print(f"{load.errors} requests failed, the first with: {load.first_error}", file=to)
            break
    if options.json:
        record = {
            "server": address,
            "model": options.model,
            "signature": signature.name,
            "loads": as_json(loads),
        }
        with written(options.json) as stream:
            stream.write((json.dumps(record, indent=2) + "\n").encode())
    return int(any(load.errors for load in loads))


def own_server_flags(project: Project, model: str, folder: Path) -> list[str]:
    """Flags for a server of the pushed model as configured, or of another model as it is."""
    flags = server_flags(project)
    if model == "pushed":
        return flags
    kept = [flag for flag in flags if not flag.startswith(("--model_config", "--mount"))]
    return [*kept, f"--model_name={project.name}", f"--model_base_path={folder.parent}"]
