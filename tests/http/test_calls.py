"""Tasks are found, run, watched and stopped by plain HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.asking import LIMIT, STREAM, asking, curl, told
from tests.http.interface import interface
from yarl import URL

from taskrealm.protocol.errors import UnknownJob

if TYPE_CHECKING:
    from tests.http.interface import Interface
    from tests.nodes import Node

NOBODYS = "0" * 32
"""The id of no job."""

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def run(api: Interface, task: str, **more: Any) -> str:
    """The id of a new job."""
    accepted = await api.post("/jobs", {"task": task, **more})
    assert accepted.status == 202, accepted.value
    return str(accepted.value["job_id"])


async def result(api: Interface, job_id: str) -> Any:
    """The result of a job, once it has one."""
    return (await api.get("/jobs/{job_id}/result", job_id=job_id, params={"wait": 60})).value


@pytest.mark.capability("P6")
async def test_curl_alone_lists_starts_looks_at_and_stops(site: Node) -> None:
    base = f"http://127.0.0.1:{site.port}/api"
    bearer = ("--header", f"Authorization: Bearer {site.issue('http_curl')}")
    as_json = ("--header", "Content-Type: application/json")

    async def asked(*arguments: str) -> Any:
        return json.loads((await curl(*bearer, *arguments))[1])

    tasks = await asked(f"{base}/tasks")
    job = await asked(*as_json, "--data", '{"task": "probe.nap"}', f"{base}/jobs")
    active = await asked(f"{base}/jobs?state=queued&state=running")
    stopped = await asked("--request", "POST", f"{base}/jobs/{job['job_id']}/cancel")
    ended = await asked(f"{base}/jobs/{job['job_id']}/result?wait=60")

    assert "probe.nap" in [task["name"] for task in tasks]
    assert job["job_id"] in [each["job_id"] for each in active["jobs"]]
    assert stopped["outcome"] in ("stopping", "removed_from_queue")
    assert (ended["code"], ended["state"]) == ("job_failed", "cancelled")


async def test_a_job_is_made_looked_at_and_has_a_result(site: Node) -> None:
    async with interface(site, "http_ana") as api:
        accepted = await api.post(
            "/jobs",
            {"task": "func.repeats", "args": ["ha"], "kwargs": {"count": 3}, "tags": ["laughter"]},
        )
        job_id = accepted.value["job_id"]
        value = await result(api, job_id)
        job = await api.get("/jobs/{job_id}", job_id=job_id)

    assert accepted.status == 202
    assert accepted.headers["Location"] == f"/api/jobs/{job_id}"
    assert value == "hahaha"
    assert job.value["state"] == "succeeded"
    assert (job.value["owner"], job.value["tags"]) == ("http_ana", ["laughter"])


async def test_a_repeated_request_gives_the_same_job_and_says_so(site: Node) -> None:
    async with interface(site, "http_bea") as api:
        wanted = {"task": "date", "key": "one"}
        first, second = [await api.post("/jobs", wanted) for _ in range(2)]
        other = await api.post("/jobs", {**wanted, "kwargs": {"utc": True}})

    assert (first.status, second.status) == (202, 200)
    assert first.value["job_id"] == second.value["job_id"]
    assert first.headers["Location"] == second.headers["Location"]
    assert (other.status, other.code) == (409, "duplicate_job")
    assert other.value["job_id"] == first.value["job_id"]


async def test_many_are_accepted_together_or_none(site: Node) -> None:
    async with interface(site, "http_cem") as api:
        good = await api.post("/jobs/batch", {"requests": [{"task": "date"}] * 3})
        bad = await api.post(
            "/jobs/batch", {"requests": [{"task": "date"}, {"task": "date", "priority": "high"}]}
        )
        page = await api.get("/jobs")

    assert len({each["job_id"] for each in good.value}) == 3
    assert bad.status == 422
    assert list(bad.value["fields"]) == ["requests.1.priority"]
    assert len(page.value["jobs"]) == 3


async def test_jobs_come_in_pages(site: Node) -> None:
    async with interface(site, "http_dan") as api:
        made = await api.post("/jobs/batch", {"requests": [{"task": "date"}] * 5})
        for each in made.value:
            await result(api, each["job_id"])
        found: list[str] = []
        before: dict[str, str] = {}
        while True:
            params = {"limit": "2", "task": "date", "state": "succeeded", **before}
            page = (await api.get("/jobs", params=params)).value
            found += [job["job_id"] for job in page["jobs"]]
            if page["next"] is None:
                break
            before = {"before": page["next"]}

    assert found == [each["job_id"] for each in reversed(made.value)]


@pytest.mark.capability("N22")
async def test_jobs_are_found_by_filters_behind_the_question_mark(site: Node) -> None:
    async with interface(site, "http_dot") as api:
        tagged = await run(api, "date", kwargs={"format": "needle"}, tags=["x"])
        await result(api, tagged)
        failed = await run(api, "demo.fail")
        await result(api, failed)

        async def found(*params: tuple[str, str]) -> tuple[list[str], Any]:
            page = (await api.get("/jobs", params=params)).value
            return [job["job_id"] for job in page["jobs"]], page.get("counts")

        assert await found(("tag", "x"), ("since", "2020-01-01T00:00:00Z")) == ([tagged], None)
        assert await found(("text", "NEEDLE")) == ([tagged], None)
        assert await found(("task", "demo.*"), ("task", "date")) == ([failed, tagged], None)
        assert await found(("until", "2020-01-01T00:00:00Z")) == ([], None)
        counts = {"succeeded": 1, "failed": 1}
        assert await found(("state", "failed"), ("counts", "true")) == ([failed], counts)
        wrong = await api.get("/jobs", params={"since": "then"})
        assert (wrong.status, list(wrong.value["fields"])) == (422, ["since"])


async def test_a_task_tells_of_itself_checks_and_offers(site: Node) -> None:
    async with interface(site, "http_eva") as api:
        one = await api.get("/tasks/{task}", task="date")
        everything = await api.get("/tasks")
        checked = await api.post("/tasks/{task}/check", {"kwargs": {"utc": True}}, task="date")
        wrong = await api.post("/tasks/{task}/check", {"kwargs": {"utc": "x"}}, task="date")

    assert one.value in everything.value
    assert checked.value["argv"][0] == "date"
    assert wrong.status == 422
    assert list(wrong.value["fields"]) == ["utc"]


@pytest.mark.capability("N22", "P6")
async def test_many_jobs_are_stopped_by_one_request_each_for_itself(site: Node) -> None:
    async with interface(site, "http_fox") as api, interface(site, "http_gnu") as other:
        mine = [await run(api, "date", delay=600) for _ in range(3)]
        foreign = await run(other, "date", delay=600)
        stopped = await api.post(
            "/jobs/cancel", {"job_ids": [*mine, foreign, NOBODYS], "reason": "x"}
        )
        wrong = await api.post("/jobs/cancel", {"job_ids": [*mine, "x"]})
        job = await api.get("/jobs/{job_id}", job_id=mine[0])
        left = await other.get("/jobs/{job_id}", job_id=foreign)

    assert stopped.status == 200
    assert stopped.value["answers"] == dict.fromkeys(mine, "removed_from_queue")
    assert set(stopped.value["refused"]) == {foreign, NOBODYS}
    assert {each["error"] for each in stopped.value["refused"].values()} == {UnknownJob.uri}
    assert (wrong.status, list(wrong.value["fields"])) == (422, ["job_ids.3"])
    assert (job.value["state"], job.value["reason"]) == ("cancelled", "x")
    assert left.value["state"] == "delayed"


async def test_a_result_is_waited_for_no_longer_than_asked(site: Node) -> None:
    async with interface(site, "http_gil") as api:
        job_id = await run(api, "probe.nap")
        waiting = await api.get("/jobs/{job_id}/result", job_id=job_id, params={"wait": "0.1"})
        await api.post("/jobs/{job_id}/cancel", {"now": True}, job_id=job_id)

    assert waiting.status == 202
    assert waiting.value["job_id"] == job_id
    assert waiting.headers["Retry-After"] == "1"


async def test_whoever_waits_for_a_result_has_it_as_soon_as_there_is_one(site: Node) -> None:
    async with interface(site, "http_hal") as api, asyncio.timeout(LIMIT):
        job_id = await run(api, "probe.nap", kwargs={"seconds": 0.5})
        waiting = await api.get("/jobs/{job_id}/result", job_id=job_id, params={"wait": 60})

    assert waiting.status == 200


async def test_a_job_that_failed_says_how(site: Node) -> None:
    async with interface(site, "http_ida") as api:
        job_id = await run(api, "probe.script", kwargs={"code": "import sys; sys.exit(3)"})
        ended = await api.get("/jobs/{job_id}/result", job_id=job_id, params={"wait": 60})

    assert (ended.status, ended.code) == (409, "job_failed")
    assert ended.value["state"] == "failed"
    assert ended.value["outcome"]["exit_code"] == 3


async def test_a_long_result_comes_whole(site: Node) -> None:
    async with interface(site, "http_jan") as api:
        job_id = await run(api, "func.repeats", kwargs={"text": "ab", "count": 1_500_000})
        value = await result(api, job_id)

    assert len(value) == 3_000_000


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{job_id}"),
        ("GET", "/jobs/{job_id}/result"),
        ("GET", "/jobs/{job_id}/artifacts"),
        ("POST", "/jobs/{job_id}/cancel"),
    ],
)
async def test_the_job_of_somebody_else_is_like_one_that_does_not_exist(
    site: Node, method: str, path: str
) -> None:
    async with interface(site, "http_kai") as owner, interface(site, "http_lea") as other:
        job_id = await run(owner, "date")
        foreign = await other.ask(method, path, job_id=job_id)
        missing = await other.ask(method, path, job_id=NOBODYS)

    assert foreign.status == missing.status == 404
    assert foreign.code == missing.code == "unknown_job"


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        pytest.param({}, b'{"task": "date"}', 415, id="no type"),
        pytest.param({"Content-Type": "text/plain"}, b'{"task": "date"}', 415, id="a form's type"),
        pytest.param(
            {"Content-Type": "application/json; charset=latin1"}, b"{}", 415, id="not in UTF-8"
        ),
        pytest.param({"Content-Type": "application/json"}, b"{", 400, id="no JSON"),
        pytest.param({"Content-Type": "application/json"}, b"", 422, id="nothing"),
        pytest.param({"Content-Type": "application/json"}, b"[]", 422, id="no object"),
        pytest.param({"Content-Type": "application/json"}, b"{}", 422, id="no task"),
        pytest.param(
            {"Content-Type": "application/json"}, b'{"task": "no.such"}', 404, id="no such task"
        ),
        pytest.param(
            {"Content-Type": "application/json"},
            b'{"task": "date"}' + b" " * 9_000_000,
            413,
            id="too much",
        ),
    ],
)
async def test_what_is_no_request_for_a_job_is_refused_with_a_reason(
    site: Node, headers: dict[str, str], data: bytes, status: int
) -> None:
    async with interface(site, "http_max") as api:
        refused = await api.ask("POST", "/jobs", headers=headers, data=data)

    assert refused.status == refused.value["status"] == status
    assert refused.value["detail"]


async def test_an_unknown_name_is_an_error_that_names_it(site: Node) -> None:
    async with interface(site, "http_nia") as api:
        body = await api.post("/jobs", {"task": "date", "prioritty": 1})
        query = await api.get("/jobs", params={"sort": "up"})

    assert (body.status, list(body.value["fields"])) == (422, ["prioritty"])
    assert (query.status, list(query.value["fields"])) == (422, ["sort"])


async def test_a_token_counts_in_its_header_only(site: Node) -> None:
    token = site.issue("http_ole")
    async with asking(site, "http_ole") as http:
        for place in ({"params": {"access_token": token}}, {"cookies": {"token": token}}):
            async with http.get("jobs", headers={"Authorization": ""}, **place) as response:  # type: ignore[arg-type]
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.capability("S6")
async def test_no_answer_tells_how_the_server_failed(site: Node) -> None:
    async with interface(site, "http_pia") as api:
        job_id = await run(api, "func.fails", kwargs={"how": "error"})
        ended = await api.get("/jobs/{job_id}/result", job_id=job_id, params={"wait": 60})

    assert ended.status == 409
    assert "Traceback" not in json.dumps(ended.value["detail"])


async def test_addresses_and_methods_that_there_are_not_are_refused(site: Node) -> None:
    async with asking(site, "http_quy") as http:
        async with http.get("nowhere") as missing, http.delete("jobs") as wrong:
            assert (missing.status, (await missing.json())["code"]) == (404, "not_found")
            assert (wrong.status, (await wrong.json())["code"]) == (405, "method_not_allowed")
            assert set(wrong.headers["Allow"].split(",")) == {"GET", "HEAD", "POST"}
        async with http.head("tasks") as head:
            assert (head.status, await head.read()) == (200, b"")


async def test_a_question_is_answered(site: Node) -> None:
    async with interface(site, "http_ria") as api, asyncio.timeout(LIMIT):
        job_id = await run(api, "talks.function_asks")
        async with api.http.get(f"jobs/{job_id}/events", headers=STREAM) as events:
            question = await anext(
                event.data async for event in told(events) if event.name == "question"
            )
        wrong = await api.post(
            "/jobs/{job_id}/answer", {"question": "none", "value": 1}, job_id=job_id
        )
        unfit = await api.post(
            "/jobs/{job_id}/answer",
            {"question": question["question"], "value": "many"},
            job_id=job_id,
        )
        right = await api.post(
            "/jobs/{job_id}/answer", {"question": question["question"], "value": 7}, job_id=job_id
        )
        value = await result(api, job_id)

    assert (wrong.status, wrong.code) == (404, "unknown_question")
    assert unfit.status == 422
    assert (right.status, value) == (204, 7)


@pytest.mark.capability("N27")
async def test_the_trace_of_a_request_reaches_the_program_of_its_job(site: Node) -> None:
    async with interface(site, "http_sue") as api:
        seen = {}
        for trace in (TRACE, "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "nonsense"):
            accepted = await api.post(
                "/jobs", {"task": "probe.surroundings"}, headers={"traceparent": trace}
            )
            value = await result(api, accepted.value["job_id"])
            seen[trace] = value["environment"].get("TRACEPARENT")

    assert list(seen.values()) == [TRACE, None, None]


async def test_operators_steer_the_node_and_others_do_not(site: Node) -> None:
    async with interface(site, "http_tom", "operator") as api, interface(site, "http_uta") as user:
        statistics = await api.get("/admin/statistics")
        paused = await api.post("/admin/pause")
        resumed = await api.post("/admin/resume")
        limits = await api.get("/admin/limits")
        changed = await api.post("/admin/limits", {"slots": limits.value["slots"]})
        reloaded = await api.post("/admin/reload")
        schedules = await api.get("/admin/schedules")
        unknown = await api.post("/admin/schedules/{name}", {"action": "run"}, name="none")
        wrong = await api.post("/admin/drain", {"limit": -1})
        refused = [
            await user.get("/admin/statistics"),
            await user.post("/admin/pause"),
            await user.post("/admin/limits", {"slots": 1}),
        ]

    assert statistics.value["slots"] == limits.value["slots"]
    assert (paused.value["intake"], resumed.value["intake"]) == ("paused", "open")
    assert changed.value == limits.value
    assert reloaded.value["mistakes"] == []
    assert [each["name"] for each in schedules.value] == ["timing.yearly"]
    assert unknown.status == wrong.status == 422
    assert [(each.status, each.code) for each in refused] == [(403, "not_authorized")] * 3


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("jobs/" + "x" * 12_000, id="long"),
        pytest.param("jobs/%ff%fe", id="no UTF-8"),
        pytest.param("jobs/%00", id="a NUL"),
        pytest.param("jobs/..%2f..%2fetc%2fpasswd", id="upwards"),
        pytest.param("/nowhere", id="two slashes"),
    ],
)
async def test_an_address_that_makes_no_sense_is_a_problem_like_others(
    site: Node, path: str
) -> None:
    url = f"http://127.0.0.1:{site.port}/api/{path}"
    async with asking(site, "http_odd") as http, http.get(URL(url, encoded=True)) as response:
        assert response.content_type == "application/problem+json"
        assert response.status in (400, 404)
        assert (await response.json())["code"] in ("bad_request", "not_found", "unknown_job")
