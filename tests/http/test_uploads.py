"""Files that come in over HTTP: whole, or piece by piece by tus."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.http.asking import LIMIT, asking, curl, ended, nobody, submit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.nodes import Node

MIB = 1_048_576
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def in_base64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


async def look(http: aiohttp.ClientSession, file: str) -> dict[str, Any]:
    """What a job sees of a file."""
    job_id = await submit(http, "papers.look", source=file)
    last = (await ended(http, job_id))[-1]
    assert last["type"] == "succeeded"
    [seen] = last["result"]
    return dict(seen)


async def begin(http: aiohttp.ClientSession, size: int, **headers: str) -> str:
    """Where to send a new upload of *size* bytes."""
    own = {
        "Upload-Length": str(size),
        **{each.replace("_", "-"): headers[each] for each in headers},
    }
    async with http.post("uploads", headers={**TUS, **own}) as response:
        assert response.status == 201, await response.text()
        assert response.headers["Tus-Resumable"] == "1.0.0"
        return response.headers["Location"].removeprefix("/api/")


@asynccontextmanager
async def sending(
    http: aiohttp.ClientSession, place: str, offset: int, data: bytes, **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a piece."""
    own = {each.replace("_", "-"): headers[each] for each in headers}
    about = {**PIECE, "Upload-Offset": str(offset), **own}
    async with http.patch(place, data=io.BytesIO(data), headers=about) as response:
        yield response


async def offset_of(http: aiohttp.ClientSession, place: str) -> int:
    """How many bytes of an upload are here."""
    async with http.head(place, headers=TUS) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        return int(response.headers["Upload-Offset"])


@pytest.mark.capability("N10")
async def test_one_request_sends_a_file_that_a_job_takes(site: Node, tmp_path: Path) -> None:
    data = os.urandom(3 * MIB + 5)
    (tmp_path / "film.mov").write_bytes(data)
    code, printed = await curl(
        *("--header", f"Authorization: Bearer {site.issue('curl_whole')}"),
        *("--data-binary", f"@{tmp_path / 'film.mov'}"),
        f"http://127.0.0.1:{site.port}/api/uploads?name=Br%C3%BCcke.mov",
    )
    file = json.loads(printed)
    async with asking(site, "curl_whole") as http:
        seen = await look(http, file["file"])

    assert code == 0
    assert (file["name"], file["size"]) == ("Brücke.mov", len(data))
    assert seen["name"] == "Brücke.mov"
    assert seen["sha256"] == file["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.capability("N10")
async def test_an_upload_goes_on_where_it_was_cut_off(site: Node) -> None:
    data = os.urandom(5 * MIB)
    async with asking(site, "curl_tus") as http, asyncio.timeout(LIMIT):
        name = f"filename {in_base64('Brücke.mov')},filetype {in_base64('video/quicktime')}"
        place = await begin(http, len(data), Upload_Metadata=name)
        assert await offset_of(http, place) == 0
        async with sending(http, place, 0, data[: 2 * MIB]) as response:
            assert response.status == 204
            assert int(response.headers["Upload-Offset"]) == 2 * MIB
        await cut_off(site, "curl_tus", place, 2 * MIB, data[2 * MIB :])
        offset = await offset_of(http, place)
        async with sending(http, place, offset, data[offset:]) as response:
            assert response.status == 204
        seen = await look(http, place.removeprefix("uploads/"))

    assert 2 * MIB <= offset < len(data)
    assert seen["sha256"] == hashlib.sha256(data).hexdigest()
    assert seen["name"] == "Brücke.mov"


async def cut_off(site: Node, authid: str, place: str, offset: int, data: bytes) -> None:
    """Send half of *data*, and vanish."""
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    headers = {
        "Host": "node",
        "Authorization": f"Bearer {site.issue(authid)}",
        **PIECE,
        "Upload-Offset": str(offset),
        "Content-Length": str(len(data)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"PATCH /api/{place} HTTP/1.1\r\n{lines}\r\n".encode())
    writer.write(data[: len(data) // 2])
    await writer.drain()
    writer.transport.abort()


@pytest.mark.capability("N10")
async def test_an_upload_may_begin_with_its_first_piece_and_an_empty_one_is_whole_at_once(
    site: Node,
) -> None:
    async with asking(site, "curl_first") as http:
        about = {**PIECE, "Upload-Length": "6"}
        async with http.post("uploads", headers=about, data=b"abc") as response:
            assert response.status == 201
            assert response.headers["Upload-Offset"] == "3"
            place = response.headers["Location"].removeprefix("/api/")
        async with sending(http, place, 3, b"def") as response:
            assert response.status == 204
        empty = await begin(http, 0)

        assert (await look(http, place.removeprefix("uploads/")))["sha256"] == (
            hashlib.sha256(b"abcdef").hexdigest()
        )
        assert (await look(http, empty.removeprefix("uploads/")))["sha256"] == (
            hashlib.sha256(b"").hexdigest()
        )


@pytest.mark.capability("N10")
async def test_a_piece_that_was_damaged_on_its_way_is_not_kept(site: Node) -> None:
    data = b"some words"
    right = f"sha256 {in_base64(hashlib.sha256(data).digest())}"
    async with asking(site, "curl_sum") as http:
        place = await begin(http, len(data))
        damaged = sending(http, place, 0, b"some w0rds", Upload_Checksum=right)
        async with damaged as response:
            assert response.status == 460
            assert (await response.json())["code"] == "checksum_mismatch"
        assert await offset_of(http, place) == 0
        for wrong in ("md5 AAAA", "sha256", "sha256 AAAA", "sha256 ??"):
            async with sending(http, place, 0, data, Upload_Checksum=wrong) as response:
                assert response.status == 400
        async with sending(http, place, 0, data, Upload_Checksum=right) as response:
            assert response.status == 204

        seen = await look(http, place.removeprefix("uploads/"))
    assert seen["sha256"] == hashlib.sha256(data).hexdigest()


async def test_a_file_that_is_not_the_one_announced_is_not_kept(site: Node) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    async with asking(site, "curl_lie") as http:
        async with http.post("uploads", params={"sha256": other}, data=b"mine") as response:
            assert response.status == 422
            assert set((await response.json())["fields"]) == {"sha256"}
        place = await begin(http, 4, Upload_Metadata=f"sha256 {in_base64(other)}")
        async with sending(http, place, 0, b"mine") as response:
            assert response.status == 422
        async with http.head(place, headers=TUS) as response:
            assert response.status == 404


async def test_a_file_that_is_here_already_is_not_sent_again(site: Node) -> None:
    data = os.urandom(MIB)
    sha256 = hashlib.sha256(data).hexdigest()
    async with asking(site, "curl_again") as http:
        params = {"name": "a.bin", "sha256": sha256}
        async with http.post("uploads", params=params, data=data) as response:
            first = await response.json()
        about = f"filename {in_base64('a.bin')},sha256 {in_base64(sha256)}"
        place = await begin(http, len(data), Upload_Metadata=about)

        assert place == f"uploads/{first['file']}"
        assert await offset_of(http, place) == len(data)


@pytest.mark.parametrize(
    ("headers", "data", "status", "code"),
    [
        pytest.param({"Upload-Offset": "1"}, b"x", 409, "conflict", id="another offset"),
        pytest.param({"Upload-Offset": "x"}, b"x", 400, "bad_request", id="no offset"),
        pytest.param(
            {"Tus-Resumable": "2.0.0"}, b"x", 412, "precondition_failed", id="another version"
        ),
        pytest.param(
            {"Content-Type": "text/plain"}, b"x", 415, "unsupported_media_type", id="another type"
        ),
        pytest.param({}, b"12345", 422, "invalid_arguments", id="too much"),
        pytest.param({}, b"x" * 9 * MIB, 413, "too_large", id="far too much"),
    ],
)
async def test_a_piece_that_does_not_fit_is_refused(
    site: Node, headers: dict[str, str], data: bytes, status: int, code: str
) -> None:
    async with asking(site, "curl_unfit") as http:
        place = await begin(http, 4)
        about = {**PIECE, "Upload-Offset": "0", **headers}
        async with http.patch(place, data=io.BytesIO(data), headers=about) as response:
            assert response.status == status
            assert (await response.json())["code"] == code
        assert await offset_of(http, place) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Upload-Length": "x"}, 400, id="no number"),
        pytest.param({}, 400, id="no length"),
        pytest.param({"Upload-Length": str(2**50)}, 413, id="more than a file may have"),
        pytest.param({"Upload-Length": "1", "Upload-Metadata": "filename ???"}, 400, id="no text"),
        pytest.param({"Upload-Length": "1", "Tus-Resumable": "0.9"}, 412, id="another version"),
    ],
)
async def test_an_upload_that_cannot_be_is_refused_before_its_first_byte(
    site: Node, headers: dict[str, str], status: int
) -> None:
    async with asking(site, "curl_never") as http:
        async with http.post("uploads", headers={**TUS, **headers}) as response:
            assert response.status == status


async def test_a_form_is_no_file_and_a_big_file_goes_in_pieces(site: Node) -> None:
    async with asking(site, "curl_form") as http:
        form = aiohttp.FormData({"file": io.BytesIO(b"x")})
        async with http.post("uploads", data=form) as response:
            assert response.status == 415
        async with http.post("uploads", data=io.BytesIO(b"x" * 9 * MIB)) as response:
            assert response.status == 413
            assert (await response.json())["code"] == "too_large"


@pytest.mark.capability("N10")
async def test_the_uploads_of_others_are_as_if_they_were_not_there(site: Node) -> None:
    async with asking(site, "curl_own") as own, asking(site, "curl_eve") as eve:
        place = await begin(own, 3)
        async with sending(eve, place, 0, b"abc") as response:
            assert response.status == 404
        for asked in (eve.head(place, headers=TUS), eve.delete(place, headers=TUS)):
            async with asked as response:
                assert response.status == 404

        assert await offset_of(own, place) == 0
        async with own.delete(place, headers=TUS) as response:
            assert response.status == 204
        async with own.head(place, headers=TUS) as response:
            assert response.status == 404


async def test_nobody_sends_anything_without_a_token_but_may_ask_how(site: Node) -> None:
    async with nobody(site) as http:
        for asked in (
            http.post("/api/uploads", data=b"x"),
            http.patch("/api/uploads/file_1", data=b"x"),
            http.head("/api/uploads/file_1"),
            http.delete("/api/uploads/file_1"),
        ):
            async with asked as response:
                assert response.status == 401
        async with http.options("/api/uploads") as response:
            assert response.status == 204
            assert response.headers["Tus-Version"] == "1.0.0"
            assert response.headers["Tus-Max-Size"] == str(1_073_741_824)
            assert "creation" in response.headers["Tus-Extension"].split(",")
