"""Operators, and nobody else, are told how busy the node is, in the words of Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.http.asking import asking, nobody
from tests.http.interface import interface
from tests.http.test_calls import result, run

if TYPE_CHECKING:
    from tests.nodes import Node

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def samples(site: Node, path: str = "metrics") -> Samples:
    """What an operator is told, by name and labels."""
    async with asking(site, "http_scrape", "operator") as http, http.get(path) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(told: Samples, name: str, **labels: str) -> float:
    """One of the samples."""
    return told[name, frozenset(labels.items())]


@pytest.mark.capability("N27")
async def test_jobs_waits_and_durations_are_counted_by_task(site: Node) -> None:
    async with interface(site, "http_busy") as api:
        for _ in range(3):
            await result(api, await run(api, "func.nothing"))
        told = await samples(site)

    assert of(told, "taskrealm_executor_up") == 1
    assert of(told, "taskrealm_intake", intake="open") == 1
    assert of(told, "taskrealm_slots") == 2
    assert of(told, "taskrealm_jobs", task="func.nothing", state="succeeded") >= 3
    for name in ("taskrealm_job_duration_seconds", "taskrealm_job_wait_seconds"):
        assert of(told, f"{name}_count", task="func.nothing") >= 3
        assert of(told, f"{name}_sum", task="func.nothing") > 0
        assert of(told, name, task="func.nothing", quantile="0.95") > 0
    assert of(told, "taskrealm_sessions", role="operator") >= 1


@pytest.mark.capability("N27")
async def test_requests_are_counted_by_route_not_by_address(site: Node) -> None:
    async with interface(site, "http_count") as api:
        job_id = await run(api, "date")
        before = await samples(site)
        for _ in range(2):
            await api.get("/jobs/{job_id}", job_id=job_id)
        async with api.http.get("no/such/address"):
            pass
        after = await samples(site, "../metrics")

    job = {"method": "GET", "route": "/api/jobs/{job_id}", "status": "200"}
    lost = {"method": "GET", "route": "none", "status": "404"}
    name = "taskrealm_gateway_requests_total"
    assert of(after, name, **job) - before.get((name, frozenset(job.items())), 0) >= 2
    assert of(after, name, **lost) >= 1
    assert not any(job_id in value for _, labels in after for _, value in labels)
    assert of(after, "taskrealm_gateway_sessions") >= 1
    latency = "taskrealm_gateway_request_duration_seconds_count"
    assert of(after, latency, route="/api/jobs/{job_id}") >= 2


@pytest.mark.parametrize("path", ["/metrics", "/api/metrics"])
async def test_nobody_else_is_told(site: Node, path: str) -> None:
    async with nobody(site) as http, http.get(path) as response:
        assert response.status == 401
    for role in ("user", "backend"):
        async with asking(site, f"http_{role}", role) as http, http.get(path) as response:
            assert response.status == 403
