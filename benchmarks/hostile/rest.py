"""Requests to the REST API whose bodies are made while they are sent."""

from __future__ import annotations

import http.client
from collections.abc import Iterable, Iterator, Mapping

from benchmarks.hostile.attack import Scene

SERVER_FAULTS = {500, 502, 505}


def post(
    scene: Scene,
    target: str,
    parts: Iterable[bytes],
    size: int | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> None:
    """POST a body to `/v1/models/…` on a connection of its own, and note the status."""
    parts = list(parts) if size is None else parts
    length = sum(map(len, parts)) if size is None else size  # type: ignore[arg-type]
    connection = http.client.HTTPConnection(scene.host, scene.rest, timeout=seconds)
    try:
        given = {"content-length": str(length), **(headers or {})}
        connection.request("POST", f"/v1/models/{target}", _counted(scene, parts), given)
    except (BrokenPipeError, ConnectionResetError):
        pass  # a server may answer and close before it has read everything
    except OSError as error:
        scene.got[type(error).__name__] += 1
        return
    try:
        note(scene, connection.getresponse())
    except (OSError, http.client.HTTPException) as error:
        scene.got[type(error).__name__] += 1
    finally:
        connection.close()


def note(scene: Scene, response: http.client.HTTPResponse) -> bytes:
    """Note an answer's status; returns its body."""
    body = response.read()
    scene.got[str(response.status)] += 1
    if response.status in SERVER_FAULTS:
        scene.fault(f"{response.status}: {body[:200].decode('utf-8', 'replace')}")
    return body


def _counted(scene: Scene, parts: Iterable[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part
        scene.sent += len(part)
