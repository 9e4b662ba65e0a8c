"""Runs one node in a container of Kubeflow Pipelines, or of a developer's.

Put before TFX's own entrypoint, which claims the managed service alone: it adapts what the backend hands
over (`executor_input`), checks that the image fits the pipeline, and lets TFX's run the executor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import solutionkit
from solutionkit.environment import prepare_environment
from solutionkit.errors import UserError
from solutionkit.runner.kubeflow.executor_input import Json, adapted, answered, elsewhere, of

# Environment variables: what the pipeline was compiled from.
VERSION, PROJECT_HASH = "SOLUTIONKIT_COMPILED_BY", "SOLUTIONKIT_PROJECT_HASH"
# What is looked at before anything is done: where models will go, if that is a folder, and how many graphics
# cards were asked for.
MODELS, CARDS = "SOLUTIONKIT_MODELS", "SOLUTIONKIT_GPUS"


def parser() -> argparse.ArgumentParser:
    """The arguments that `compiled` and TFX's compiler write."""
    arguments = argparse.ArgumentParser(prog="solutionkit.runner.kubeflow.entrypoint", allow_abbrev=False)
    arguments.add_argument("--node", required=True, help="the node's name")
    arguments.add_argument("--project", type=Path, required=True, help="the project's folder in the image")
    arguments.add_argument("--package", required=True, help="the use case's package")
    arguments.add_argument("--outputs", required=True, help="names of the node's outputs, by commas")
    arguments.add_argument("--executor_class_path", required=True)
    arguments.add_argument("--json_serialized_invocation_args", required=True)
    arguments.add_argument("--json_serialized_inputs_spec_args", required=True)
    return arguments


def main(arguments: list[str] | None = None) -> int:
    """Run the node; the exit code is what the backend goes by."""
    options, beam = parser().parse_known_args(arguments)
    prepare_environment()
    try:
        refuse_another_image(options)
        refuse_models_nowhere()
        refuse_missing_cards()
        run(options, beam)
    except UserError as error:
        print(f"error: {options.node}: {error}", file=sys.stderr)
        return 1
    return 0


def refuse_another_image(options: argparse.Namespace) -> None:
    """Refuse an image that holds another project, or another library, than the pipeline was compiled from.

    Raises:
        UserError: It does.
    """
    from solutionkit.pipeline.fingerprint import project_hash

    remedy = "build the image anew, push it, and compile with its tag or digest"
    compiled_by, compiled = os.environ.get(VERSION), os.environ.get(PROJECT_HASH)
    if compiled_by not in {None, solutionkit.__version__}:
        raise UserError(
            f"the image holds solutionkit {solutionkit.__version__}, the pipeline was compiled by"
            f" {compiled_by}; {remedy}."
        )
    if compiled not in {None, project_hash(options.project, options.package)}:
        raise UserError(f"the image holds another state of {options.package} than was compiled; {remedy}.")


def refuse_models_nowhere() -> None:
    """Refuse a folder for models that cannot be written to, before anything is trained.

    Raises:
        UserError: It cannot.
    """
    models = os.environ.get(MODELS)
    if not models:
        return
    folder = Path(models)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise UserError(
            f"kubeflow.models: {models} cannot be written to by user {os.getuid()} of the image; give the"
            " volume to that user or its group (fsGroup of the storage, or chown once)."
        )


def refuse_missing_cards() -> None:
    """Refuse to learn on a processor where graphics cards were asked for.

    Raises:
        UserError: TensorFlow sees fewer than that.
    """
    asked = int(os.environ.get(CARDS, "0"))
    if not asked:
        return
    import tensorflow as tf

    found = len(tf.config.list_physical_devices("GPU"))
    if found < asked:
        raise UserError(
            f"{asked} graphics cards were asked for and TensorFlow sees {found}: the image needs CUDA's"
            ' libraries; add "tensorflow[and-cuda]" to the dependencies in pyproject.toml and build it anew.'
        )


def run(options: argparse.Namespace, beam: list[str]) -> None:
    """Run the executor on what the backend handed over.

    Args:
        options: See `parser`.
        beam: Beam's arguments.
    """
    received = parsed("executor input", options.json_serialized_invocation_args)
    specified = parsed("inputs' specification", options.json_serialized_inputs_spec_args)
    adapted_input = adapted(received, specified, options.outputs.split(","), elsewhere(beam))
    answer = Path(adapted_input["outputs"]["outputFile"])
    if not elsewhere(beam):
        refuse_missing_inputs(adapted_input, received)
        for listed in adapted_input["outputs"]["artifacts"].values():
            for item in of(listed):
                # The launcher makes the parents alone.
                Path(item["uri"]).mkdir(parents=True, exist_ok=True)
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as stock

    from solutionkit.runner.repeatable import make_repeatable

    os.chdir(options.project)
    make_repeatable(options.node)
    with tempfile.TemporaryDirectory(prefix="node-") as scratch:
        # TFX puts temporary files beside this one, which need not be a place where there is room.
        written = Path(scratch) / "executor_output.json"
        adapted_input["outputs"]["outputFile"] = str(written)
        options.json_serialized_invocation_args = json.dumps(adapted_input)
        stock.main((options, beam))
        content = answered(json.loads(written.read_text("utf-8")), received)
    answer.parent.mkdir(parents=True, exist_ok=True)
    answer.write_text(json.dumps(content), "utf-8")


def refuse_missing_inputs(given: Json, received: Json) -> None:
    """Refuse inputs of which nothing arrived; the launcher goes on without.

    Raises:
        UserError: There are some.
    """
    for name, listed in given["inputs"]["artifacts"].items():
        for item, original in zip(of(listed), of(received["inputs"]["artifacts"][name]), strict=True):
            if not Path(item["uri"]).exists():
                raise UserError(
                    f"of its input '{name}' nothing is at {original['uri']}; was it deleted there? Run the"
                    " pipeline again."
                )


def parsed(what: str, text: str) -> Any:
    """JSON that the backend hands over.

    Raises:
        UserError: It is none.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"the {what} is no JSON ({error}); is this a container of Kubeflow's?") from None


if __name__ == "__main__":
    sys.exit(main())
