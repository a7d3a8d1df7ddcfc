"""Requests that nobody would make by accident are refused, and never a mistake of ours."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.http.asking import asking, ended, submit
from yarl import URL

if TYPE_CHECKING:
    from tests.nodes import Node

ODD = (
    "%ff",
    "%F0%9F%8E%89",
    "%ED%A0%80",
    "..%2f..",
    "%25",
    "{name}",
    "a" * 3_000,
    "%5c",
    "-1",
    "🎉",
)
PATHS = (
    *("jobs/{}/events", "jobs/{}/output", "jobs/{}/output?follow=true", "jobs/{}/artifacts"),
    *("jobs/{}/artifacts/{}", "jobs/{}/artifacts/{}/link", "files/{}", "uploads/{}"),
    *("events?epoch={}", "events?last_event_id={}:1", "events?last_event_id={}", "events?{}={}"),
)
HEADERS = {
    "Last-Event-ID": ("\x7f", "::", "a:99999999999999999999", "ä:1", ":1", "a:"),
    "Range": ("bytes=99999999999999999999-", "bytes", "bytes=1-2-3", "bytes=" + "0-0," * 99),
    "If-None-Match": ("*", '"', "W/", ","),
    "If-Range": ("x", "Thu, 99 Foo 2026 99:99:99 GMT"),
    "If-Modified-Since": ("x", "Thu, 99 Foo 2026 99:99:99 GMT"),
    "Accept": ("text/event-stream;q=nan", "*/*,,,", "\t"),
    "Upload-Offset": ("-1", "1e9", "٣", "9" * 16),
    "Upload-Length": ("-1", "1.0", "9" * 16, "9" * 400),
    "Upload-Metadata": (",", "filename", "filename =", "a b c", "filename " + "A" * 4_000),
    "Upload-Checksum": ("sha256", "sha1 AA==", "sha256 " + "A" * 4_000),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE"])
async def test_an_odd_address_is_refused(site: Node, method: str, path: str) -> None:
    async with asking(site, "curl_odd") as http:
        for odd in ODD:
            url = URL(f"/api/{path.format(odd, odd)}", encoded="%" in odd)
            address = URL(f"http://127.0.0.1:{site.port}").join(url)
            for headers in ({}, {"Tus-Resumable": "1.0.0"}):
                async with http.request(method, address, headers=headers) as response:
                    assert 200 <= response.status < 500, f"{method} {address}"


@pytest.mark.parametrize("name", HEADERS)
async def test_an_odd_header_is_refused_or_left_out(site: Node, name: str) -> None:
    async with asking(site, "curl_odd") as http:
        job_id = await submit(http, "papers.leave", script="seq 9 > out.txt")
        await ended(http, job_id)
        for value in HEADERS[name]:
            headers = {"Tus-Resumable": "1.0.0", name: value}
            for method, path in (
                *(("GET", "events"), ("POST", "uploads"), ("PATCH", "uploads/file_1")),
                *(("GET", f"jobs/{job_id}/events"), ("GET", f"jobs/{job_id}/artifacts/out.txt")),
            ):
                with contextlib.suppress(ValueError):  # that not even this client sends
                    async with http.request(method, path, headers=headers) as response:
                        assert 200 <= response.status < 500, f"{method} {path} {headers}"
