"""Files that jobs have left, given out over HTTP: whole, or in ranges."""

from __future__ import annotations

import asyncio
import base64
import random
import secrets
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from ..protocol import uris
from ..protocol.errors import RateLimited, Unavailable, UnknownArtifact
from ..tasks.media import MEDIA_TYPE, UNKNOWN
from .bodies import Query
from .dispositions import headers as file_headers
from .ranges import Range, Unsatisfiable, ranges_of
from .routes import Answer, Asked, Reply, Route
from .streaming import streamed, streaming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from ..wire import Session

PATIENCE = 30.0  # seconds that an executor may be away in the middle of a download
PAUSE = 1.0  # longest time in seconds before it is asked again
ANY = "*"  # stands for any entity tag


class Shown(Query):
    """How a file is to be taken."""

    inline: bool = Field(False, description="Whether a browser may show it, if it can do no harm")


async def artifacts(asked: Asked) -> Reply:
    """The files that a job has left so far."""
    return Reply(await asked.session.call(uris.ARTIFACTS, asked.path("job_id")))


async def artifact(asked: Asked) -> web.StreamResponse:
    """One of them, or parts of it."""
    found = await find(asked.session, asked.path("job_id"), asked.path("name"))
    return await give(asked.request, found, inline=asked.query.inline)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a job has left, as it can be read by a session."""

    session: Session
    job_id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime

    @property
    def etag(self) -> str:
        """What tells these contents from any others."""
        return f'"{self.sha256}"'

    @property
    def modified(self) -> str:
        """When it was left, as HTTP has dates."""
        return format_datetime(self.created_at, usegmt=True)

    async def pieces(self, part: Range) -> AsyncIterator[bytes]:
        """
        The bytes of *part*, also when the executor starts anew meanwhile.

        Raises:
            UnknownArtifact: It has expired.
            Unavailable: The executor has been away for too long.
            Disconnected: The session is lost, expired or revoked.
        """
        offset = part.begin
        while offset < part.end:
            piece = await self._read(offset, part.end - offset)
            if piece["size"] != self.size or not piece["data"]:
                raise UnknownArtifact(f"{self.name} is another file now")
            offset += len(piece["data"])
            yield piece["data"]

    async def _read(self, offset: int, limit: int) -> dict[str, Any]:
        clock = asyncio.get_running_loop().time
        give_up = clock() + PATIENCE
        while True:
            try:
                piece: dict[str, Any] = await self.session.call(
                    uris.ARTIFACT, self.job_id, self.name, offset=offset, limit=limit
                )
                return piece
            except (Unavailable, RateLimited):
                if clock() > give_up:
                    raise
                await asyncio.sleep(random.uniform(PAUSE / 10, PAUSE))


async def find(session: Session, job_id: str, name: str) -> Artifact:
    """
    The artifact *name* of a job, as *session* may read it.

    Raises:
        UnknownJob, UnknownArtifact: There is none, or not one for this session.
    """
    for each in await session.call(uris.ARTIFACTS, job_id):
        if each["name"] == name:
            return Artifact(
                session,
                job_id,
                name,
                each["media_type"] if MEDIA_TYPE.fullmatch(each["media_type"]) else UNKNOWN,
                each["size"],
                each["sha256"],
                datetime.fromisoformat(each["created_at"]),
            )
    raise UnknownArtifact(f"Job {job_id} has no artifact {name!r}, or none any more")


async def give(
    request: web.Request,
    artifact: Artifact,
    *,
    inline: bool,
    cache: str = "private, no-cache",
    delivered: Callable[[int, int], object] = lambda begin, end: None,
) -> web.StreamResponse:
    """
    The answer to a GET or HEAD of *artifact*, by RFC 9110 with ranges and conditions.

    *cache* says who may keep it. *delivered* is told which bytes have been handed on, from one
    up to another.
    """
    known = {
        "ETag": artifact.etag,
        "Last-Modified": artifact.modified,
        "Cache-Control": cache,
    }
    if not _is_wanted(request, artifact):
        return web.Response(status=412)
    if _is_known(request, artifact):
        return web.Response(status=304, headers=known)
    whole = Range(0, artifact.size)
    try:
        parts = ranges_of(_range_header(request, artifact), artifact.size)
    except Unsatisfiable:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{artifact.size}"})
    about = file_headers(artifact.name, artifact.media_type, inline=inline)
    response = streamed(200 if parts is None else 206, {**about, **known, "Accept-Ranges": "bytes"})
    if parts is None:
        digest = base64.b64encode(bytes.fromhex(artifact.sha256)).decode()
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    if parts is not None and len(parts) > 1:
        pieces = list(_multipart(response, artifact, parts))
    else:
        part = whole if parts is None else parts[0]
        if parts is not None:
            response.headers["Content-Range"] = part.of(artifact.size)
        pieces = [part]
    response.content_length = sum(map(len, pieces))
    async with streaming(request, response) as stream:
        for piece in pieces if request.method != "HEAD" else ():
            if isinstance(piece, bytes):
                await stream.send(piece)
                continue
            offset = piece.begin
            async for data in artifact.pieces(piece):
                await stream.send(data)
                delivered(offset, offset + len(data))
                offset += len(data)
    return response


def _multipart(
    response: web.StreamResponse, artifact: Artifact, parts: list[Range]
) -> Iterator[bytes | Range]:
    """What a body of several *parts* is made of, about which *response* is told."""
    boundary = secrets.token_hex(16)
    kind = response.headers["Content-Type"]
    response.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    for part in parts:
        range_ = part.of(artifact.size)
        yield (
            f"\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range_}\r\n\r\n"
        ).encode()
        yield part
    yield f"\r\n--{boundary}--\r\n".encode()


def _is_wanted(request: web.Request, artifact: Artifact) -> bool:
    """Whether the client wants these contents, or says of none that it does."""
    tags = request.if_match
    return tags is None or any(
        tag.value == ANY or (tag.value == artifact.sha256 and not tag.is_weak) for tag in tags
    )


def _is_known(request: web.Request, artifact: Artifact) -> bool:
    """Whether the client has these contents already."""
    if (tags := request.if_none_match) is not None:
        return any(tag.value in (ANY, artifact.sha256) for tag in tags)
    since = request.if_modified_since
    return since is not None and artifact.created_at.replace(microsecond=0) <= since


def _range_header(request: web.Request, artifact: Artifact) -> str | None:
    """The range that is asked for, unless it is one of other contents."""
    condition = request.headers.get("If-Range")
    if condition is not None and condition not in (artifact.etag, artifact.modified):
        return None
    return request.headers.get("Range")


CONDITIONS = {
    "Range": "The bytes that you want, such as `bytes=0-499`, or several such parts",
    "If-Range": "The `ETag` of what you have a part of",
    "If-None-Match": "The `ETag` of what you have",
}

FILE = {
    200: Answer("The file", media_type="*/*", headers={"ETag": "What tells its contents"}),
    206: Answer("The parts that you want", media_type="*/*"),
    304: Answer("You have it"),
}

ROUTES = (
    Route(
        *("GET", "/jobs/{job_id}/artifacts", artifacts),
        group="Files",
        summary="The files that a job has left so far",
        answers={200: Answer("They, each with its name, size, SHA-256 and media type")},
        problems=(404,),
    ),
    *(
        Route(
            *(method, "/jobs/{job_id}/artifacts/{name}", artifact),
            group="Files",
            summary=summary,
            description="Slashes in the name may be written as they are.",
            query=Shown,
            headers=CONDITIONS,
            answers=FILE,
            problems=(404, 412, 416, 422),
        )
        for method, summary in (
            ("GET", "A file that a job has left"),
            ("HEAD", "About such a file"),
        )
    ),
)
