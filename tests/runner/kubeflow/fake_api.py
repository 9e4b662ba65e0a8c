"""A server that answers as Kubeflow Pipelines' REST API does, as far as a run and a schedule need it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from emulated_kubeflow.acceptance import RefusedError, accept

NEVER = "1970-01-01T00:00:00Z"


@dataclass
class Api:
    """What the server holds, and how its runs go.

    Attributes:
        states: What a run says each time it is asked, the last for ever: its state, and tasks' states.
        token: Who asks without it is refused.
        page: What is answered to everything, in the place of the API.
        code: Is answered to everything, if it is not 200.
        outage: So many questions after a run's start find nobody.
    """

    states: list[tuple[str, dict[str, str]]] = field(default_factory=lambda: [("SUCCEEDED", {})])
    token: str = ""
    page: str = ""
    code: int = 200
    outage: int = 0
    experiments: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: int = 0

    def answer(self, method: str, path: str, query: dict[str, Any], body: Any) -> tuple[int, Any]:
        if path == "/experiments" and method == "GET":
            name = json.loads(query["filter"][0])["predicates"][0]["stringValue"]
            return 200, {"experiments": [item for item in self.experiments if item["display_name"] == name]}
        if path == "/experiments":
            self.experiments.append({"experiment_id": f"e{len(self.experiments)}", **body})
            return 200, self.experiments[-1]
        if path == "/runs":
            refused = self.refused(body)
            if refused:
                return refused
            self.runs.append({**body, "run_id": f"r{len(self.runs)}", "state": "PENDING"})
            return 200, {**self.runs[-1], "finished_at": NEVER}
        if path.startswith("/runs/"):
            state, tasks = self.states[min(self.asked, len(self.states) - 1)]
            self.asked += 1
            return 200, {"run_id": path[6:], "state": state, "run_details": {"task_details": details(tasks)}}
        if path == "/recurringruns" and method == "GET":
            # One a page.
            wanted = [
                item for item in self.schedules.values() if item["experiment_id"] == query["experiment_id"][0]
            ]
            place = int(query.get("page_token", ["0"])[0] or 0)
            more = {"next_page_token": str(place + 1)} if place + 1 < len(wanted) else {}
            return 200, {"recurringRuns": wanted[place : place + 1], **more}
        if path == "/recurringruns":
            refused = self.refused(body)
            if refused:
                return refused
            identity = f"s{len(self.schedules)}"
            self.schedules[identity] = {**body, "recurring_run_id": identity, "status": "ENABLED"}
            return 200, self.schedules[identity]
        if path.startswith("/recurringruns/") and method == "DELETE":
            del self.schedules[path[15:]]
            return 200, {}
        return 404, {"code": 5, "message": f"no {method} {path}", "details": []}

    def refused(self, body: Any) -> tuple[int, Any] | None:
        """What the real one says of a pipeline that it does not take."""
        import yaml

        spec = body["pipeline_spec"]
        documents = [spec["pipeline_spec"], spec["platform_spec"]] if "platform_spec" in spec else [spec]
        try:
            accept(yaml.safe_dump_all(documents))
        except RefusedError as error:
            details = [{"@type": "type.googleapis.com/google.rpc.Status", "code": 3, "message": str(error)}]
            return 400, {"code": 3, "message": f"InvalidInputError: {error}", "details": details}
        return None


def details(tasks: dict[str, str]) -> list[dict[str, Any]]:
    ended = {"SUCCEEDED": "2026-01-01T00:01:00Z", "FAILED": "2026-01-01T00:00:30Z"}
    return [
        {"display_name": name, "state": state, "start_time": "2026-01-01T00:00:00Z",
         "end_time": ended.get(state, NEVER)}
        for name, state in tasks.items()
    ]  # fmt: skip


@contextmanager
def served(api: Api) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if api.outage and parts.path.rpartition("/")[0].endswith("/runs"):
                api.outage -= 1
                self.connection.close()
                return
            code, answer = 401, {"code": 16, "message": "Unauthorized", "details": []}
            if api.page or api.code != 200:
                code, answer = api.code, None
            elif not api.token or self.headers.get("authorization") == f"Bearer {api.token}":
                path = parts.path.partition("/apis/v2beta1")[2]
                body = json.loads(content) if content else None
                code, answer = api.answer(self.command, path, parse_qs(parts.query), body)
            sent = (api.page if answer is None else json.dumps(answer)).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/html" if answer is None else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_DELETE = handle_one  # noqa: N815

        def log_message(self, *given: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
