"""What jobs print, read and followed over HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.http.asking import LIMIT, asking, curl, ended, submit

if TYPE_CHECKING:
    import aiohttp
    from tests.nodes import Node

UMLAUTS = """
import sys, time
for number in range(400):
    print(f"Zeile {number}: äöü — 🎉", flush=number % 7 == 0)
    if number % 20 == 0:
        time.sleep(0.02)
"""
LINES = "".join(f"Zeile {number}: äöü — 🎉\n" for number in range(400))


async def all_of(http: aiohttp.ClientSession, job_id: str, **params: str) -> str:
    """What a job prints, followed to its end."""
    params = {"follow": "true", **params}
    async with http.get(f"jobs/{job_id}/output", params=params) as response:
        assert response.status == 200
        assert (response.content_type, response.charset) == ("text/plain", "utf-8")
        return await response.text()


@pytest.mark.capability("N3", "P4")
async def test_output_is_followed_from_its_first_byte_to_its_last_whenever_one_begins(
    site: Node,
) -> None:
    async with asking(site, "curl_out") as http, asyncio.timeout(LIMIT):
        job_id = await submit(http, "probe.script", code=UMLAUTS)
        early = asyncio.create_task(all_of(http, job_id))
        async with http.get(f"jobs/{job_id}/output", params={"follow": "true"}) as response:
            await response.content.readline()
            late = [asyncio.create_task(all_of(http, job_id)) for _ in range(5)]
            await asyncio.gather(early, *late)
        after = await all_of(http, job_id)

    assert {early.result(), after, *(each.result() for each in late)} == {LINES}


@pytest.mark.capability("N3")
async def test_output_is_read_in_pages_by_offset(site: Node) -> None:
    async with asking(site, "curl_page") as http:
        job_id = await submit(http, "probe.script", code=UMLAUTS)
        await ended(http, job_id)
        text, offset, is_last = "", 0, False
        while not is_last:
            params = {"offset": str(offset), "limit": "1001"}
            async with http.get(f"jobs/{job_id}/output", params=params) as response:
                page = await response.text()
                assert int(response.headers["Output-Offset"]) == offset
                assert int(response.headers["Output-Size"]) == len(LINES.encode())
                offset = int(response.headers["Output-Next"])
                is_last = response.headers["Output-End"] == "true"
            text += page
        rest = await all_of(http, job_id, offset=str(len(LINES.encode()) - 5))
        async with http.head(f"jobs/{job_id}/output") as head:
            size = int(head.headers["Output-Size"])

    assert text == LINES
    assert rest == LINES[-2:]
    assert size == len(LINES.encode())


@pytest.mark.capability("N6")
async def test_a_text_is_found_in_output_by_whoever_may_read_it(site: Node) -> None:
    async with asking(site, "curl_search") as http:
        job_id = await submit(http, "probe.script", code="print('a\\nthe \x1b[1mNeedle\x1b[0m is')")
        await ended(http, job_id)
        path = f"jobs/{job_id}/output/search"
        async with http.get(path, params={"text": "needle is"}) as response:
            found = await response.json()
        async with http.get(path, params={"text": "needle", "match_case": "true"}) as response:
            other_case = await response.json()
        refused = []
        for params in (
            {},
            {"text": ""},
            {"text": "x" * 201},
            {"text": "a\nb"},
            {"text": "a", "x": "1"},
        ):
            async with http.get(path, params=params) as response:
                refused.append(response.status)

    assert found["matches"] == [{"offset": 10, "before": "the ", "text": "Needle is", "after": ""}]
    assert not found["more"]
    assert other_case["matches"] == []
    assert refused == [422] * 5


async def test_what_is_not_kept_of_a_long_output_is_said_to_be_missing(site: Node) -> None:
    async with asking(site, "curl_long") as http:
        job_id = await submit(http, "probe.talkative")
        text = await all_of(http, job_id)
        result = await all_of(http, job_id, stream="result")

    assert text.startswith("1\n2\n")
    assert text.endswith("\n300000\n")
    assert " bytes not kept …\n" in text
    assert result.startswith("[0, 1,") or result.startswith("[0,1,")


async def test_the_error_stream_is_apart(site: Node) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    async with asking(site, "curl_err") as http:
        job_id = await submit(http, "probe.script", code=code)

        assert await all_of(http, job_id) == "out\n"
        assert await all_of(http, job_id, stream="stderr") == "err\n"


@pytest.mark.parametrize("deliver", ["session", "none"])
async def test_output_that_is_sent_to_nobody_can_be_followed_too(site: Node, deliver: str) -> None:
    async with asking(site, "curl_hush") as http:
        body = {"task": "probe.script", "kwargs": {"code": UMLAUTS}, "deliver": deliver}
        async with http.post("jobs", json=body) as response:
            job_id = (await response.json())["job_id"]

        assert await all_of(http, job_id) == LINES


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"offset": "-1"}, "offset"),
        ({"limit": "3"}, "limit"),
        ({"limit": "1000000"}, "limit"),
        ({"stream": "secrets"}, "stream"),
        ({"follow": "perhaps"}, "follow"),
        ({"token": "tr_x"}, "token"),
    ],
)
async def test_what_is_not_understood_is_refused_by_field(
    site: Node, params: dict[str, str], field: str
) -> None:
    async with asking(site, "curl_odd") as http:
        job_id = await submit(http, "probe.nothing")
        async with http.get(f"jobs/{job_id}/output", params=params) as response:
            assert response.status == 422
            assert set((await response.json())["fields"]) == {field}


async def test_output_is_never_a_page_of_our_origin(site: Node) -> None:
    async with asking(site, "curl_page") as http:
        code = "print('<script>alert(1)</script>')"
        job_id = await submit(http, "probe.script", code=code)
        await ended(http, job_id)
        for params in ({}, {"follow": "true"}):
            async with http.get(f"jobs/{job_id}/output", params=params) as response:
                assert response.content_type == "text/plain"
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.capability("P4")
async def test_curl_alone_follows_what_a_job_prints(site: Node) -> None:
    async with asking(site, "curl_prints") as http:
        job_id = await submit(http, "probe.script", code=UMLAUTS)
    code, printed = await curl(
        "--no-buffer",
        *("--header", f"Authorization: Bearer {site.issue('curl_prints')}"),
        f"http://127.0.0.1:{site.port}/api/jobs/{job_id}/output?follow=true",
    )

    assert code == 0
    assert printed.decode() == LINES
