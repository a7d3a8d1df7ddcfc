"""Files that jobs have left, fetched over HTTP: in ranges, by links, and by nobody else."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.http.asking import LIMIT, asking, curl, ended, nobody, revoke, submit
from tests.nodes import the_one

from taskrealm.gateway.links import PER_BEARER

if TYPE_CHECKING:
    import aiohttp
    from tests.nodes import Node

TEXT = b"".join(b"line %d\n" % number for number in range(1_000))
SCRIPT = "seq 0 999 | sed 's/^/line /' > out.txt"


async def left(http: aiohttp.ClientSession, script: str = SCRIPT, name: str = "out.txt") -> str:
    """Where the file *name* is that a job has left."""
    job_id = await submit(http, "papers.leave", script=script)
    events = await ended(http, job_id)
    assert events[-1]["type"] == "succeeded", events[-1]
    return f"jobs/{job_id}/artifacts/{name}"


async def link_to(http: aiohttp.ClientSession, place: str, **wish: Any) -> str:
    """A link to a file."""
    async with http.post(f"{place}/link", json=wish) as response:
        assert response.status == 201, await response.text()
        return str((await response.json())["url"])


@pytest.mark.capability("N11")
async def test_a_file_comes_with_what_a_browser_needs_to_keep_it_and_nothing_else(
    site: Node,
) -> None:
    async with asking(site, "curl_file") as http:
        place = await left(http)
        async with http.get(place) as response:
            body = await response.read()
            headers = response.headers
        async with http.head(place) as head:
            about = head.headers

    assert body == TEXT
    assert headers["ETag"] == f'"{hashlib.sha256(TEXT).hexdigest()}"'
    assert headers["Content-Disposition"] == 'attachment; filename="out.txt"'
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Cache-Control"] == "private, no-cache"
    assert int(about["Content-Length"]) == len(TEXT)
    for name in ("ETag", "Content-Type", "Accept-Ranges", "Last-Modified"):
        assert about[name] == headers[name]


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    ("asked", "status", "body", "told"),
    [
        pytest.param("bytes=0-4", 206, TEXT[:5], f"bytes 0-4/{len(TEXT)}", id="the beginning"),
        pytest.param(
            "bytes=-5",
            *(206, TEXT[-5:], f"bytes {len(TEXT) - 5}-{len(TEXT) - 1}/{len(TEXT)}"),
            id="the end",
        ),
        pytest.param(
            f"bytes={len(TEXT) - 1}-99999999",
            *(206, TEXT[-1:], f"bytes {len(TEXT) - 1}-{len(TEXT) - 1}/{len(TEXT)}"),
            id="from somewhere",
        ),
        pytest.param(f"bytes={len(TEXT)}-", 416, None, f"bytes */{len(TEXT)}", id="behind it"),
        pytest.param("bytes=-0", 416, None, f"bytes */{len(TEXT)}", id="nothing"),
        pytest.param("bytes=5-1", 200, TEXT, None, id="no range"),
        pytest.param("lines=0-1", 200, TEXT, None, id="another unit"),
    ],
)
async def test_a_part_of_a_file_is_given_where_it_is_asked_for(
    site: Node, asked: str, status: int, body: bytes | None, told: str | None
) -> None:
    async with asking(site, "curl_range") as http:
        place = await left(http)
        async with http.get(place, headers={"Range": asked}) as response:
            assert response.status == status
            assert response.headers.get("Content-Range") == told
            if body is not None:
                assert await response.read() == body


@pytest.mark.capability("N11")
async def test_several_parts_come_one_behind_the_other(site: Node) -> None:
    async with asking(site, "curl_parts") as http:
        place = await left(http)
        asked = {"Range": "bytes=0-3, 7-10,-4"}
        async with http.get(place, headers=asked) as response:
            body = await response.read()
            assert response.status == 206
            assert response.content_type == "multipart/byteranges"
            boundary = re.search("boundary=(.+)", response.headers["Content-Type"])
            assert int(response.headers["Content-Length"]) == len(body)

    assert boundary is not None
    *parts, end = body.split(b"\r\n--" + boundary[1].encode())[1:]
    assert end == b"--\r\n"
    assert [part.partition(b"\r\n\r\n")[2] for part in parts] == [TEXT[:4], TEXT[7:11], TEXT[-4:]]


async def test_conditions_are_heeded(site: Node) -> None:
    async with asking(site, "curl_if") as http:
        place = await left(http)
        async with http.head(place) as response:
            tag, date = response.headers["ETag"], response.headers["Last-Modified"]
        part = {"Range": "bytes=0-1"}
        statuses = {}
        for headers in (
            {"If-None-Match": tag},
            {"If-None-Match": f'W/{tag}, "x"'},
            {"If-None-Match": '"x"'},
            {"If-Modified-Since": date},
            {"If-Match": '"x"'},
            {"If-Match": tag},
            {**part, "If-Range": tag},
            {**part, "If-Range": date},
            {**part, "If-Range": '"x"'},
        ):
            async with http.get(place, headers=headers) as response:
                statuses[json.dumps(headers)] = response.status

    assert list(statuses.values()) == [304, 304, 200, 304, 412, 200, 206, 206, 200]


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    ("name", "kind", "disposition"),
    [
        ("pages/a b.png", "image/png", 'inline; filename="a b.png"'),
        ("pages/ä.png", "image/png", "inline; filename=\"_.png\"; filename*=UTF-8''%C3%A4.png"),
        ("deep/x.html.csv", "text/csv", 'attachment; filename="x.html.csv"'),
    ],
)
async def test_only_what_can_do_no_harm_is_shown_by_a_browser(
    site: Node, name: str, kind: str, disposition: str
) -> None:
    script = f"mkdir -p pages deep; echo '<script>alert(1)</script>' > '{name}'"
    async with asking(site, "curl_inline") as http:
        place = await left(http, script, name)
        async with http.get(place, params={"inline": "true"}) as response:
            assert response.content_type == kind
            assert response.headers["Content-Disposition"] == disposition
            assert response.headers["Content-Security-Policy"].endswith("sandbox")
        async with http.get(place) as response:
            assert response.headers["Content-Disposition"].startswith("attachment; ")


@pytest.mark.capability("N11")
async def test_a_link_works_without_a_token_for_one_place_and_once(site: Node) -> None:
    async with asking(site, "curl_link") as http, nobody(site) as there:
        url = await link_to(http, await left(http))
        async with there.head(url) as response:
            assert response.status == 200
        async with nobody(site, source="127.0.0.2") as elsewhere, elsewhere.get(url) as response:
            assert response.status == 404
        async with there.get(url) as response:
            assert response.status == 200
            assert response.headers["Cache-Control"] == "no-store"
            assert await response.read() == TEXT
        for again in (there.get(url), there.head(url), http.get(url)):
            async with again as response:
                assert response.status == 404

    assert len(url.rpartition("/")[2]) >= 43  # 256 bits


@pytest.mark.capability("N11")
async def test_a_download_by_a_link_goes_on_where_it_was_cut_off_until_its_last_byte(
    site: Node,
) -> None:
    async with asking(site, "curl_resume") as http, nobody(site) as there:
        url = await link_to(http, await left(http))
        parts = []
        for asked in ("bytes=-100", "bytes=0-499", "bytes=400-8000"):
            async with there.get(url, headers={"Range": asked}) as response:
                assert response.status == 206
                parts.append(await response.read())
        async with there.get(url, headers={"Range": "bytes=8001-"}) as response:
            assert response.status == 206
            parts.append(await response.read())
        async with there.get(url, headers={"Range": "bytes=0-1"}) as response:
            assert response.status == 404

    assert parts[1] + parts[2][100:] + parts[3] == TEXT
    assert TEXT.endswith(parts[0])


async def test_a_link_ends_with_its_minutes(site: Node) -> None:
    async with asking(site, "curl_brief") as http, nobody(site) as there:
        place = await left(http)
        url = await link_to(http, place, minutes=0.01)

        async def is_gone() -> bool:
            async with there.head(url) as response:
                return response.status == 404

        async with asyncio.timeout(LIMIT):
            while not await is_gone():
                pass
        for minutes in (0, 61, -1, "10"):
            async with http.post(f"{place}/link", json={"minutes": minutes}) as response:
                assert response.status == 422


async def test_a_link_ends_with_the_token_that_made_it(site: Node) -> None:
    async with asking(site, "curl_gone") as http, nobody(site) as there:
        place = await left(http)
        used, unused = [await link_to(http, place) for _ in range(2)]
        async with there.head(used) as response:
            assert response.status == 200
        revoke(site, "curl_gone")
        async with asyncio.timeout(LIMIT), http.get("tasks") as response:
            while response.status != 401:
                response = await http.get("tasks")
        for url in (used, unused):
            async with there.get(url) as response:
                assert response.status == 404
                assert (await response.json())["code"] == "unknown_artifact"


async def test_a_bearer_has_so_many_links_and_no_more(site: Node) -> None:
    async with asking(site, "curl_many") as http, asking(site, "curl_more") as other:
        place = await left(http)
        for _ in range(PER_BEARER):
            await link_to(http, place)
        async with http.post(f"{place}/link", json={}) as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) > 1

        await link_to(other, await left(other))


@pytest.mark.capability("N11")
async def test_the_files_of_others_are_as_if_they_were_not_there(site: Node) -> None:
    async with asking(site, "curl_own") as own, asking(site, "curl_eve") as eve:
        place = await left(own)
        for asked in (eve.get(place), eve.head(place), eve.post(f"{place}/link", json={})):
            async with asked as response:
                assert response.status == 404
        for wrong in (
            f"{place}x",
            place.replace("out.txt", "../../../etc/passwd"),
            place.replace("out.txt", "%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
            place.replace("out.txt", "..%2f..%2ftaskrealm.toml"),
        ):
            async with own.get(wrong) as response:
                assert response.status == 404
    async with nobody(site) as there:
        for url, status in ((f"/api/{place}", 401), (f"/api/files/{43 * 'x'}", 404)):
            async with there.get(url) as response:
                assert response.status == status


async def test_no_ticket_is_in_a_log(site: Node) -> None:
    async with asking(site, "curl_logs") as http, nobody(site) as there:
        url = await link_to(http, await left(http))
        for _ in range(2):
            async with there.get(url) as response:
                await response.read()

    ticket = url.rpartition("/")[2].encode()
    logs = list(site.folder.logs.iterdir())
    assert logs
    assert not any(ticket in log.read_bytes() for log in logs)


@pytest.mark.capability("N11")
async def test_curl_alone_fetches_a_file_and_resumes(site: Node, tmp_path: Path) -> None:
    data = os.urandom(2_000_000)
    async with asking(site, "curl_get") as http:
        async with http.post(
            "uploads", params={"name": "a.mov"}, data=io.BytesIO(data)
        ) as response:
            file = (await response.json())["file"]
        job_id = await submit(http, "papers.leave", script='cp "$1" b.mov', source=file)
        await ended(http, job_id)
        url = await link_to(http, f"jobs/{job_id}/artifacts/b.mov")
    (tmp_path / "part").write_bytes(data[:700_000])
    node = f"http://127.0.0.1:{site.port}"
    token = f"Authorization: Bearer {site.issue('curl_get')}"
    whole, resumed = tmp_path / "whole", tmp_path / "part"
    codes = [
        await curl(
            *("--header", token, "--output", str(whole)),
            f"{node}/api/jobs/{job_id}/artifacts/b.mov",
        ),
        await curl("--continue-at", "-", "--output", str(resumed), f"{node}{url}"),
    ]

    assert codes == [(0, b""), (0, b"")]
    assert whole.read_bytes() == resumed.read_bytes() == data


@pytest.mark.timeout(150)
async def test_a_reader_who_takes_nothing_of_a_big_file_costs_no_memory(site: Node) -> None:
    script = "head -c 150000000 /dev/zero > big.mov"
    async with asking(site, "curl_big") as http:
        place = await left(http, script, "big.mov")
        before = memory(site)
        slow = await asyncio.open_connection("127.0.0.1", site.port, limit=4_096)
        slow[1].write(
            f"GET /api/{place} HTTP/1.1\r\nHost: node\r\n"
            f"Authorization: Bearer {site.issue('curl_big')}\r\n\r\n".encode()
        )
        async with asyncio.timeout(LIMIT):
            await slow[0].readline()
            # As long as the slow one waits, another fetches all of it.
            async with http.get(place) as response:
                size = 0
                async for data in response.content.iter_chunked(1_048_576):
                    size += len(data)
        after = memory(site)
        slow[1].close()

    assert size == 150_000_000
    assert after - before < 30_000_000


def memory(site: Node) -> int:
    """Bytes of memory that gateway and router take up."""
    total = 0
    for words in ("components/gateway.py", "crossbar-worker"):
        status = Path(f"/proc/{the_one(site.folder, words)}/status").read_text()
        total += int(status.partition("VmRSS:")[2].split()[0]) * 1024
    return total
