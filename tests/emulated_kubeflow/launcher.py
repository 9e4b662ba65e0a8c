"""What happens around a container: `component/launcher_v2.go`, `objectstore/object_store.go`."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from emulated_kubeflow.acceptance import LONGEST_ARGUMENT, Accepted
from emulated_kubeflow.containers import Containers, Mount
from emulated_kubeflow.driver import FailedError, Store, executor_input, fingerprint, local_path


class Bucket:
    """An object store's bucket, by boto3; `root` is the folder that stands for the pod's own `/`."""

    def __init__(self, client: Any, root: Path) -> None:
        self._client, self._root = client, root

    def download(self, uri: str) -> None:
        """What lies at an address, to where the launcher puts it; nothing where nothing is."""
        bucket, _, key = uri.partition("://")[2].partition("/")
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        for page in pages:
            for item in page.get("Contents", []):
                if item["Key"] != key and not item["Key"].startswith(f"{key}/"):
                    continue
                target = self.staged(uri[: -len(key)] + item["Key"])
                target.parent.mkdir(parents=True, exist_ok=True)
                self._client.download_file(bucket, item["Key"], str(target))

    def upload(self, uri: str) -> None:
        bucket, _, key = uri.partition("://")[2].partition("/")
        source = self.staged(uri)
        files = [source] if source.is_file() else [item for item in source.rglob("*") if item.is_file()]
        for file in files:
            inside = file.relative_to(source).as_posix() if file != source else ""
            self._client.upload_file(str(file), bucket, f"{key}/{inside}".rstrip("/"))

    def staged(self, uri: str) -> Path:
        return self._root / local_path(uri).lstrip("/")


@dataclass
class Launcher:
    """Runs the tasks of one run.

    Attributes:
        accepted: The pipeline.
        root: The address of the run's results.
        store: The metadata store.
        client: boto3's, of the object store.
        containers: What runs commands.
        volumes: Folders by persistent volume claim.
        secrets: Keys and values by secret.
        folder: For pods' own files and logs.
    """

    accepted: Accepted
    root: str
    store: Store
    client: Any
    containers: Containers
    volumes: dict[str, Path]
    secrets: dict[str, dict[str, str]]
    folder: Path

    def launch(self, task: str) -> float:
        """Run a task's pod, unless the cache answers, and again as often as it may be tried.

        Returns:
            Seconds that the container took, of the last try; -1 of a cached one.
        """
        # Tries share one input, and the places of its outputs.
        given = executor_input(self.accepted, task, self.root, self.store)
        key = fingerprint(self.accepted, task, given)
        cacheable = self.accepted.tasks[task].get("cachingOptions", {}).get("enableCache", False)
        if cacheable and key in self.store.cached:
            for name, item in self.store.cached[key].items():
                self.store.artifacts[task, name] = item
            return -1.0
        left = int(self.accepted.tasks[task].get("retryPolicy", {}).get("maxRetryCount", 0))
        while True:
            try:
                seconds = self._pod(task, given)
                break
            except FailedError:
                if left == 0:
                    raise
                left -= 1
        if cacheable:
            self.store.cached[key] = self.store.outputs(task)
        return seconds

    def _pod(self, task: str, given: dict[str, Any]) -> float:
        """Run a task's container between download and upload."""
        staging = self.folder / task
        shutil.rmtree(staging, ignore_errors=True)
        mounts = []
        for place in ("s3", "gcs", "minio", "tmp"):
            (staging / place).mkdir(parents=True)
            # As an emptyDir, which any user may write to.
            (staging / place).chmod(0o777)
            mounts.append(Mount(staging / place, f"/{place}"))
        kubernetes = self.accepted.kubernetes(task)
        for item in kubernetes.get("pvcMount", []):
            if item["constant"] not in self.volumes:
                raise FailedError(f'persistentvolumeclaim "{item["constant"]}" not found')
            mounts.append(Mount(self.volumes[item["constant"]], item["mountPath"]))
        bucket = Bucket(self.client, staging)
        for listed in given["inputs"]["artifacts"].values():
            for item in listed["artifacts"]:
                try:
                    bucket.download(item["uri"])
                except (BotoCoreError, ClientError) as error:
                    raise FailedError(
                        f'failed to download input artifact "{item["uri"]}" from remote storage: {error}'
                    ) from error
        outputs = {name: listed["artifacts"][0] for name, listed in given["outputs"]["artifacts"].items()}
        for item in outputs.values():
            parent = bucket.staged(item["uri"]).parent
            parent.mkdir(parents=True, exist_ok=True)
        # As the launcher itself runs as the image's user.
        for made in (staging / "s3").rglob("*"):
            made.chmod(0o777 if made.is_dir() else 0o666)
        container = self.accepted.executor(task)
        command = [
            part.replace("{{$}}", json.dumps(given))
            for part in [*container["command"], *container.get("args", [])]
        ]
        longest = max(len(part.encode()) for part in command)
        if longest > LONGEST_ARGUMENT:
            raise FailedError(f"argument list too long: {longest} bytes")
        environment = {item["name"]: item["value"] for item in container.get("env", [])}
        for item in kubernetes.get("secretAsEnv", []):
            for pair in item["keyToEnv"]:
                held = self.secrets.get(item["secretName"], {})
                if pair["secretKey"] not in held:
                    raise FailedError(f"couldn't find key {pair['secretKey']} in Secret {item['secretName']}")
                environment[pair["envVar"]] = held[pair["secretKey"]]
        log = self.folder / f"{task}.log"
        started = time.monotonic()
        code = self.containers.run(container["image"], command, environment, mounts, log)
        seconds = time.monotonic() - started
        if code != 0:
            raise FailedError(f"failed to execute component: exit status {code}\n{tail(log)}")
        answer = staging / given["outputs"]["outputFile"].lstrip("/")
        written = json.loads(answer.read_text()) if answer.exists() else {}
        try:
            json_format.ParseDict(written, pipeline_spec_pb2.ExecutorOutput())
        except json_format.ParseError as error:
            raise FailedError(f"failed to unmarshall ExecutorOutput in file {answer}: {error}") from error
        for name, item in outputs.items():
            if name == "executor-logs":
                continue
            said = (written.get("artifacts", {}).get(name, {}).get("artifacts") or [{}])[0]
            uri, metadata = said.get("uri") or item["uri"], said.get("metadata") or {}
            if not uri.startswith(f"{self.root}/"):
                raise FailedError(f'URI "{uri}" does not have expected bucket prefix "{self.root}"')
            if any(value is None for value in metadata.values()):
                raise FailedError(
                    f'unable to produce MLMD artifact for output "{name}": failed to convert RuntimeArtifact to'
                    " MLMD artifact: unknown/unsupported value type *structpb.Value_NullValue"
                )
            bucket.upload(uri)
            self.store.register(task, name, {"uri": uri, "metadata": metadata})
        # The pod is gone.
        shutil.rmtree(staging)
        return seconds


def tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join(lines[-12:])
