"""A run from its YAML to its last task."""

import logging
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulated_kubeflow.acceptance import Accepted, accept
from emulated_kubeflow.containers import Containers
from emulated_kubeflow.driver import FailedError, Store
from emulated_kubeflow.launcher import Bucket, Launcher

BUCKET = "pipelines"
ROOT = f"s3://{BUCKET}/demo"
# What a project says to run here; retries are stated beside.
DECLARED = """
[kubeflow]
image = "{image}"
pipeline_root = "s3://pipelines/demo"
models = "/models/live"
volumes = [{{claim = "models", path = "/models"}}]
"""
# Of the test's own server.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@dataclass
class Run:
    """How a run went.

    Attributes:
        state: SUCCEEDED or FAILED.
        seconds: Of each task that ran, its container's.
        error: What the backend says of the task that failed.
        store: What it registered.
    """

    state: str = "SUCCEEDED"
    seconds: dict[str, float] = field(default_factory=dict)
    failed: str = ""
    error: str = ""
    store: Store = field(default_factory=Store)
    total: float = 0.0


@dataclass
class Backend:
    """The emulated backend.

    Attributes:
        client: boto3's, of the object store.
        containers: What runs commands.
        volumes: Folders by persistent volume claim.
        folder: For pods' own files and logs.
        on_task: Told of each task that is done, and of its container's seconds.
        store: The metadata store of the latest run.
        secrets: Keys and values by secret.
    """

    client: Any
    containers: Containers
    volumes: dict[str, Path]
    folder: Path
    on_task: Callable[[str, float], None] = lambda task, seconds: None
    store: Store = field(default_factory=Store)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, text: str, root: str = ROOT, until: str = "") -> Run:
        """Accept a pipeline and run its tasks, each when what it waits for is done.

        Args:
            text: The YAML.
            root: The pipeline's root.
            until: The last task to run, if not all are.
        """
        accepted = accept(text)
        self.store = self.store.next_run()
        started, run = time.monotonic(), Run(store=self.store)
        place = f"{root}/{accepted.name}/{uuid.uuid4()}"
        launcher = Launcher(
            accepted, place, run.store, self.client, self.containers, self.volumes, self.secrets, self.folder
        )
        for task in in_order(accepted):
            try:
                run.seconds[task] = launcher.launch(task)
                self.on_task(task, run.seconds[task])
            except FailedError as error:
                run.state, run.failed, run.error = "FAILED", task, str(error)
                return run
            if task == until:
                break
        run.total = time.monotonic() - started
        return run

    def output(self, run: Run, task: str, name: str) -> Path:
        """An output's files, as the launcher would hand them to another task."""
        uri = run.store.artifacts[task, name]["uri"]
        bucket = Bucket(self.client, self.folder / "read")
        bucket.download(uri)
        return bucket.staged(uri)


def in_order(accepted: Accepted) -> list[str]:
    done: list[str] = []
    waiting = dict(accepted.tasks)
    while waiting:
        ready = [name for name, task in waiting.items() if set(task.get("dependentTasks", [])) <= set(done)]
        if not ready:
            raise FailedError(f"tasks that wait for each other: {sorted(waiting)}")
        for name in ready:
            done.append(name)
            del waiting[name]
    return done


# Of a comparison's keys those that hang on the clock, and the run's name.
TIMES = {"latency_ms", "train_seconds", "run_id"}


def timeless(result: Any) -> Any:
    """A comparison without what hangs on the clock."""
    if isinstance(result, dict):
        return {key: timeless(value) for key, value in result.items() if key not in TIMES}
    return [timeless(item) for item in result] if isinstance(result, list) else result


@contextmanager
def object_store() -> Iterator[tuple[Any, str]]:
    """A server that speaks S3's protocol, with a bucket; boto3's client, and the endpoint."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    # What servers of this process hold, they hold together.
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST"))
    client.create_bucket(Bucket=BUCKET)
    try:
        yield client, endpoint
    finally:
        server.stop()
