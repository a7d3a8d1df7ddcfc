"""How busy node and gateway are, in the words of Prometheus."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from ..protocol import uris
from ..protocol.errors import NotAuthorized, Unavailable
from ..protocol.jobs import Intake
from ..protocol.scope import Scope
from .routes import Answer, Asked, Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Metric

    from .bearers import Bearers

NOWHERE = "none"
"""What stands for the route of a request to an address that there is not."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
QUANTILES = {"0.5": "median", "0.95": "p95", "1": "longest"}

_BEGAN = web.RequestKey("began", float)


class Requests:
    """What the gateway itself has been asked, since it started."""

    def __init__(self, bearers: Bearers) -> None:
        self.registry = CollectorRegistry()
        self._answered = Counter(
            "taskrealm_gateway_requests",
            "Requests that were answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._latency = Histogram(
            "taskrealm_gateway_request_duration_seconds",
            "Seconds until the answer began",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        sessions = Gauge(
            "taskrealm_gateway_sessions",
            "Sessions that are kept for bearers of tokens",
            registry=self.registry,
        )
        sessions.set_function(lambda: len(bearers))

    def begin(self, request: web.Request) -> None:
        """*request* has come."""
        request[_BEGAN] = time.monotonic()

    def answer(self, request: web.Request, response: web.StreamResponse) -> None:
        """*response* goes out to *request*."""
        resource = request.match_info.route.resource
        route = NOWHERE if resource is None else resource.canonical
        self._answered.labels(_method(request), route, str(response.status)).inc()
        self._latency.labels(route).observe(time.monotonic() - request[_BEGAN])


class Node(Collector):
    """What the executor tells of the node; None if it does not answer."""

    def __init__(
        self, statistics: Mapping[str, Any] | None, sessions: Mapping[str, int] | None
    ) -> None:
        self._statistics = statistics
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """The metrics of the node."""
        told = self._statistics
        yield GaugeMetricFamily(
            "taskrealm_executor_up", "Whether the executor answers", value=told is not None
        )
        if told is None:
            return
        for name, text, value in (
            ("uptime_seconds", "Seconds since the executor started", told["uptime"]),
            ("slots", "Slots for running jobs", told["slots"]),
            ("slots_used", "Slots that running jobs take up", told["slots_used"]),
            ("running_jobs", "Jobs that run", told["running"]),
            ("queued_jobs", "Jobs that wait for a slot", told["queued"]),
            ("delayed_jobs", "Jobs that wait for their time", told["delayed"]),
            ("queue_limit_jobs", "Jobs that may wait", told["queue_limit"]),
            ("queue_oldest_seconds", "How long the first has waited", told["oldest"] or 0.0),
        ):
            yield GaugeMetricFamily(f"taskrealm_{name}", text, value=value)
        yield self._intake(told["intake"])
        yield self._jobs(told["tasks"])
        yield _summary(
            "taskrealm_job_duration_seconds", "How long jobs ran", told["tasks"], "durations"
        )
        yield _summary(
            "taskrealm_job_wait_seconds", "How long jobs waited for a slot", told["tasks"], "waits"
        )
        sessions = GaugeMetricFamily("taskrealm_sessions", "Sessions by role", labels=("role",))
        for role, count in (self._sessions or {}).items():
            sessions.add_metric((role,), count)
        yield sessions

    def _intake(self, now: str) -> Metric:
        intake = GaugeMetricFamily(
            "taskrealm_intake", "Whether jobs are taken and started", labels=("intake",)
        )
        for each in Intake:
            intake.add_metric((each.value,), each.value == now)
        return intake

    def _jobs(self, tasks: Mapping[str, Any]) -> Metric:
        jobs = GaugeMetricFamily(
            "taskrealm_jobs", "Jobs that the journal holds", labels=("task", "state")
        )
        for task, told in tasks.items():
            for state, count in told["states"].items():
                jobs.add_metric((task, state), count)
        return jobs


async def metrics(asked: Asked) -> web.Response:
    """
    How busy node and gateway are.

    Raises:
        NotAuthorized: No operator asks.
    """
    session = asked.session
    if session.authrole != "operator" or not Scope.of(session.extra.get("scope", {})).is_whole:
        raise NotAuthorized("Only operators may do this")
    statistics = sessions = None
    try:
        statistics = await session.call(uris.STATISTICS)
        sessions = (await asked.gateway.ask(uris.HEALTH))["sessions"]
    except Unavailable:
        pass  # which the metrics tell
    registry = CollectorRegistry()
    registry.register(Node(statistics, sessions))
    body = generate_latest(registry) + generate_latest(asked.gateway.requests.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _summary(name: str, text: str, tasks: Mapping[str, Any], what: str) -> Metric:
    """Count and sum of all since the start of the executor, quantiles of the latest ones."""
    summary = SummaryMetricFamily(name, text, labels=("task",))
    for task, told in tasks.items():
        figures = told.get(what)
        if figures:
            total = figures["mean"] * figures["count"]
            summary.add_metric((task,), count_value=figures["count"], sum_value=total)
            for quantile, key in QUANTILES.items():
                summary.add_sample(name, {"task": task, "quantile": quantile}, figures[key])
    return summary


def _method(request: web.Request) -> str:
    """The method of *request*, or what stands for all that clients make up."""
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return request.method if request.method in known else "other"


ROUTES = (
    Route(
        *("GET", "/metrics", metrics),
        group="Health",
        summary="How busy node and gateway are, for Prometheus",
        description="Needs the token of an operator. The same is at `/metrics`, beside `/api`.",
        answers={200: Answer("The metrics", media_type="text/plain")},
    ),
)
