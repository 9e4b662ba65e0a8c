"""OpenMetrics, under the names that TensorFlow Serving's dashboards know."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.exposition import ALLOWUTF8

disable_created_metrics()  # type: ignore[no-untyped-call]

# TensorFlow Serving's buckets: 10 µs, growing by 1.8, up to 20 minutes.
MICROSECONDS = [10 * 1.8**power for power in range(33)]
ROWS = [2.0**power for power in range(15)]
# In the older text format TensorFlow Serving writes these counters without OpenMetrics' suffix.
WITHOUT_SUFFIX = re.compile(
    rb"^((?:# (?:HELP|TYPE) )?:tensorflow:serving:(?:request_count|request_log_count))_total\b", re.M
)


@dataclass(frozen=True)
class RequestMetrics:
    """The instruments of one kind of request."""

    latency: Histogram
    runtime: Histogram
    rows: Histogram
    rows_total: Counter
    answered: Counter


class Metrics:
    """One server's counters and histograms; times in microseconds, as TensorFlow Serving's."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            ":tensorflow:serving:request_count",
            "The total number of requests.",
            ["model_name", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            ":tensorflow:serving:request_latency",
            "Microseconds from the request's arrival to its answer.",
            ["model_name", "API", "entrypoint"],
            buckets=MICROSECONDS,
            registry=self.registry,
        )
        self.runtime = Histogram(
            ":tensorflow:serving:runtime_latency",
            "Microseconds a request waited for and ran in the model.",
            ["model_name", "API", "runtime"],
            buckets=MICROSECONDS,
            registry=self.registry,
        )
        self.rows = Histogram(
            ":tensorflow:serving:request_example_counts",
            "Rows a request.",
            ["model"],
            buckets=ROWS,
            registry=self.registry,
        )
        self.rows_total = Counter(
            ":tensorflow:serving:request_example_count",
            "The total number of rows.",
            ["model"],
            registry=self.registry,
        )
        self.queued = Histogram(
            ":tensorflow:serving:batching_session:queuing_latency",
            "Microseconds a request waited for its batch.",
            buckets=MICROSECONDS,
            registry=self.registry,
        )
        self.warmup = Histogram(
            ":tensorflow:serving:model_warmup_latency",
            "Microseconds a version's warm-up took.",
            ["model_path", "status"],
            buckets=MICROSECONDS,
            registry=self.registry,
        )
        self.logged = Counter(
            ":tensorflow:serving:request_log_count",
            "Requests written to the request log, or dropped because it was behind.",
            ["model_name", "status"],
            registry=self.registry,
        )
        self.loaded = Gauge(
            "solutionserve_loaded_versions",
            "Versions that are in memory.",
            ["model_name"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "solutionserve_requests_in_flight", "Requests being answered.", registry=self.registry
        )

    @functools.lru_cache(maxsize=256)  # noqa: B019 - a server has one
    def of(self, model: str, api: str, entrypoint: str) -> RequestMetrics:
        """The instruments of one kind of request, found once."""
        return RequestMetrics(
            self.latency.labels(model, api, entrypoint),
            self.runtime.labels(model, api, "TF1"),
            self.rows.labels(model),
            self.rows_total.labels(model),
            self.requests.labels(model, "OK"),
        )

    def page(self, accept: str) -> tuple[bytes, str]:
        """The metrics and their content type: OpenMetrics to who asks for it, else Prometheus' own format."""
        if "application/openmetrics-text" in accept:
            page: bytes = openmetrics.generate_latest(self.registry, escaping=ALLOWUTF8)  # type: ignore[no-untyped-call]
            return page, openmetrics.CONTENT_TYPE_LATEST
        return WITHOUT_SUFFIX.sub(rb"\1", generate_latest(self.registry)), CONTENT_TYPE_LATEST
