"""The REST API of Kubeflow Pipelines 2.x, as far as a run and its schedule need it.

By `kfp_server_api`, the part of kfp that is generated from the backend's own definition; kfp's `Client`
prints, asks before it is asked, and waits for a cancelled run for ever.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import kfp_server_api as kfp
import urllib3

from solutionkit.errors import UserError

ENDED = {"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"}
SECONDS = 30
# Seconds, minutes, hours, days, months, weekdays.
RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
# Of answers that pass: too many questions, and servers that are away for the moment.
PASSING = {429, 502, 503, 504}
# As kfp's own command line reads them, but for the file, which pods have.
TOKEN, TOKEN_FILE = "KFP_EXISTING_TOKEN", "KF_PIPELINES_SA_TOKEN_PATH"
COOKIES, CERTIFICATES = "KFP_COOKIES", "KFP_SSL_CA_CERT"


@dataclass(frozen=True)
class Task:
    """A task of a run.

    Attributes:
        state: As the backend says it, e.g. `RUNNING`; empty while it is not known.
        seconds: How long it took, its container's start included; None while it runs.
    """

    state: str
    seconds: float | None


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    Attributes:
        state: As the backend says it, e.g. `SUCCEEDED`.
        error: What it says against it; usually nothing, even where a task failed.
        tasks: By name; drivers and the like among them.
    """

    state: str
    error: str
    tasks: dict[str, Task] = field(default_factory=dict)


class Backend:
    """Kubeflow Pipelines at an address.

    Args:
        endpoint: With `http://` or `https://`; a path in front of the API is kept.
        namespace: Whose runs they are, where several share a cluster.

    Raises:
        UserError: The environment names a token's file that cannot be read.
    """

    def __init__(self, endpoint: str, namespace: str | None = None) -> None:
        self.endpoint = re.sub(r"(/#.*|/+)$", "", endpoint)
        self._namespace = namespace or ""
        token = _token()
        known = {"api_key": {"authorization": token}, "api_key_prefix": {"authorization": "Bearer"}}
        configuration = kfp.Configuration(host=self.endpoint, **(known if token else {}))
        if token:
            # Clusters renew the tokens of their files within the hour.
            configuration.refresh_api_key_hook = lambda held: held.api_key.update(authorization=_token())
        configuration.ssl_ca_cert = os.environ.get(CERTIFICATES)
        configuration.retries = False
        client = kfp.ApiClient(configuration, cookie=os.environ.get(COOKIES))
        self._runs, self._schedules = kfp.RunServiceApi(client), kfp.RecurringRunServiceApi(client)
        self._experiments = kfp.ExperimentServiceApi(client)

    def experiment(self, name: str) -> str:
        """The id of the experiment of a name; it is made where there is none."""
        wanted = {"predicates": [{"operation": 1, "key": "display_name", "stringValue": name}]}
        found = self._asked(
            self._experiments.experiment_service_list_experiments,
            filter=json.dumps(wanted),
            namespace=self._namespace,
        )
        for item in found.experiments or []:
            return str(item.experiment_id)
        made = self._asked(
            self._experiments.experiment_service_create_experiment,
            kfp.V2beta1Experiment(display_name=name, namespace=self._namespace),
        )
        return self._known(made.experiment_id)

    def start(self, name: str, documents: list[dict[str, Any]], root: str, **more: Any) -> str:
        """Start a run; returns its id.

        Args:
            name: What people call the run.
            documents: See `compiled.compile_pipeline`.
            root: The pipeline's root.
            more: `experiment_id`, `service_account`.
        """
        run = kfp.V2beta1Run(display_name=name, **_pipeline(documents, root), **more)
        return self._known(self._asked(self._runs.run_service_create_run, run).run_id)

    def schedule(
        self, name: str, cron: str, documents: list[dict[str, Any]], root: str, **more: Any
    ) -> tuple[str, int]:
        """Run again and again, one run at a time, without catching up; a schedule of the name is replaced.

        Args:
            name: What people call it.
            cron: See `cron_of_six`.
            documents: See `compiled.compile_pipeline`.
            root: The pipeline's root.
            more: `experiment_id`, `service_account`.

        Returns:
            The schedule's id, and how many were replaced.
        """
        earlier = list(self._scheduled(name, more.get("experiment_id")))
        recurring = kfp.V2beta1RecurringRun(
            display_name=name,
            max_concurrency="1",
            no_catchup=True,
            mode="ENABLE",
            trigger=kfp.V2beta1Trigger(cron_schedule=kfp.V2beta1CronSchedule(cron=cron)),
            **_pipeline(documents, root),
            **more,
        )
        made = self._asked(self._schedules.recurring_run_service_create_recurring_run, recurring)
        identity = self._known(made.recurring_run_id)
        for item in earlier:
            self._asked(self._schedules.recurring_run_service_delete_recurring_run, item)
        return identity, len(earlier)

    def _scheduled(self, name: str, experiment: str | None) -> Iterator[str]:
        page = ""
        while True:
            found = self._asked(
                self._schedules.recurring_run_service_list_recurring_runs,
                experiment_id=experiment,
                page_size=100,
                page_token=page,
            )
            for item in found.recurring_runs or []:
                if item.display_name == name:
                    yield str(item.recurring_run_id)
            page = found.next_page_token or ""
            if not page:
                return

    def state(self, run: str) -> RunState:
        """How a run stands."""
        found = self._asked(self._runs.run_service_get_run, run)
        self._known(found.run_id)
        details = found.run_details.task_details if found.run_details else None
        tasks = {
            str(item.display_name): Task(item.state or "", _seconds(item.start_time, item.end_time))
            for item in details or []
        }
        return RunState(found.state or "", found.error.message if found.error else "", tasks)

    def page(self, kind: str, identity: str) -> str:
        """The address of a run's, or a schedule's (`recurringrun`), page."""
        return f"{self.endpoint}/#/{kind}/details/{identity}"

    def _known(self, identity: str | None) -> str:
        if not identity:
            raise UserError(
                f"{self.endpoint}: what answers there is not Kubeflow Pipelines, perhaps a page to log in;"
                f" give a token by {TOKEN}, or the session's cookie by {COOKIES}."
            )
        return identity

    def _asked(self, call: Callable[..., Any], *given: Any, **named: Any) -> Any:
        with self._told():
            return call(*given, **named, _request_timeout=SECONDS)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what the backend said."""
        try:
            yield
        except kfp.ApiException as error:
            told = f"{self.endpoint}: Kubeflow Pipelines says ({error.status}): {message_of(error)}"
            if error.status in {401, 403} or 300 <= error.status < 400:
                told += f"\nGive a token by {TOKEN} or {TOKEN_FILE}, or the session's cookie by {COOKIES}."
            raise (NoAnswerError if error.status in PASSING else UserError)(told) from None
        except urllib3.exceptions.HTTPError as error:
            reason = str(getattr(error, "reason", None) or error)
            raise NoAnswerError(
                f"{self.endpoint}: cannot be reached: {reason.rpartition('>: ')[2] or reason}. In a cluster:"
                " kubectl port-forward --namespace kubeflow service/ml-pipeline-ui 8080:80, and then"
                " --endpoint http://localhost:8080."
            ) from None


class NoAnswerError(UserError):
    """Nobody answers at the address, or somebody who is busy; a later call may be answered."""


def message_of(error: Any) -> str:
    """What a backend's answer says, without what is for developers."""
    text = str(error.body or error.reason or "").strip()
    try:
        answer = json.loads(text)
    except ValueError:
        return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:500]
    if not isinstance(answer, dict):
        return text[:500]
    details = [item for item in answer.get("details") or [] if isinstance(item, dict)]
    external = next((item["message"] for item in details if item.get("message")), None)
    if external and external != "Internal Server Error":
        return str(external)
    names = ("message", "error_message", "error", "error_details")
    return str(next((answer[name] for name in names if answer.get(name)), error.reason))


def cron_of_six(text: str) -> str:
    """A schedule as the backend reads it, seconds first.

    Of five fields it would take the minutes for seconds, and run an hourly job every minute.

    Raises:
        UserError: It has not five or six fields.

    Example:
        >>> cron_of_six("0 3 * * 1")
        '0 0 3 * * 1'
    """
    fields = text.split()
    if re.fullmatch(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \d+[hms])", text.strip()):
        return text.strip()
    six = fields if len(fields) == 6 else ["0", *fields]
    if len(six) != 6 or not all(_in_range(*item) for item in zip(six, RANGES, strict=True)):
        raise UserError(
            f"--recurring '{text}': a schedule is minute, hour, day, month and weekday (0 is Sunday), e.g."
            ' "0 3 * * 1" for Mondays at three.'
        )
    return " ".join(six)


def _in_range(text: str, bounds: tuple[int, int]) -> bool:
    """Whether a field of a schedule is one, with numbers that there are."""
    if not re.fullmatch(r"[\dA-Za-z*/,?-]+", text):
        return False
    # A step behind a stroke is no place.
    numbers = [int(number) for number in re.findall(r"(?<![/\d])\d+", text)]
    return all(bounds[0] <= number <= bounds[1] for number in numbers)


def _pipeline(documents: list[dict[str, Any]], root: str) -> dict[str, Any]:
    spec, *platform = documents
    both = {"pipeline_spec": spec, "platform_spec": platform[0]} if platform else spec
    return {"pipeline_spec": both, "runtime_config": kfp.V2beta1RuntimeConfig(pipeline_root=root)}


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    # What has not happened is told as 1970, or as the year 1.
    if start is None or end is None or start.year <= 1970 or end.year <= 1970:
        return None
    return (end - start).total_seconds()


def _token() -> str | None:
    file = os.environ.get(TOKEN_FILE)
    if os.environ.get(TOKEN) or not file:
        return os.environ.get(TOKEN)
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}; {TOKEN_FILE} names it.") from None
