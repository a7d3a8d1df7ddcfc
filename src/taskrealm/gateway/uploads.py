"""
Files that come in over HTTP: in one request, or piece by piece by tus 1.0.

tus (https://tus.io/protocols/resumable-upload) goes on where it was after a lost connection;
its clients exist for browsers, phones and the command line. Of its extensions there are
creation, creation-with-upload, termination, expiration, and checksum with SHA-256.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import tempfile
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Any

from aiohttp import web
from pydantic import Field

from ..protocol import uris
from ..protocol.errors import Error, InvalidArguments, TooLarge
from ..tasks.media import MEDIA_TYPE
from ..wire import Disconnected
from .bodies import Query
from .problems import Problem
from .routes import PREFIX, Answer, Asked, Reply, Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ..wire import Session

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
PIECE_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460  # a status that tus has invented
NAMELESS = "file"
READ = 262_144  # bytes that are checked at once

_NO_TYPES = frozenset({"application/octet-stream", "application/x-www-form-urlencoded"})
"""What programs say that do not know the type of a file."""


class Named(Query):
    """What is told of a file that is sent in one request."""

    name: str = Field(NAMELESS, description="What the file is called")
    sha256: str | None = Field(None, description="Its SHA-256 in hexadecimal, to be checked")


async def options(asked: Asked) -> web.Response:
    """What of tus there is here."""
    return _answer(
        204,
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": "sha256",
            "Tus-Max-Size": str(asked.gateway.settings.files.upload_limit),
        },
    )


async def create(asked: Asked) -> Reply | web.Response:
    """A new file: begun by tus, or sent whole."""
    if "Tus-Resumable" in asked.request.headers:
        return await _begin(asked)
    return await _take_whole(asked)


async def status(asked: Asked) -> web.Response:
    """How much of a file is here."""
    _require_version(asked)
    upload = await asked.session.call(uris.UPLOAD_STATUS, asked.path("upload"))
    if upload["offset"] == upload["size"]:
        # What was to make a file of it may have been interrupted.
        await asked.session.call(uris.UPLOAD_FINISH, upload["upload"])
    return _progress(200, upload, {"Upload-Length": str(upload["size"])})


async def append(asked: Asked) -> web.Response:
    """Adds a piece to a file."""
    _require_version(asked)
    _require_piece(asked)
    offset = _length(asked, "Upload-Offset")
    upload = await asked.session.call(uris.UPLOAD_STATUS, asked.path("upload"))
    if offset != upload["offset"]:
        raise Problem(
            HTTPStatus.CONFLICT,
            "conflict",
            f"Upload-Offset must be {upload['offset']}, the number of bytes that are here",
            headers={"Upload-Offset": str(upload["offset"]), "Tus-Resumable": VERSION},
        )
    return await _append(asked, upload, 204)


async def remove(asked: Asked) -> web.Response:
    """Removes a file, finished or not, that no job needs."""
    _require_version(asked)
    await asked.session.call(uris.UPLOAD_REMOVE, asked.path("upload"))
    return _answer(204)


async def _begin(asked: Asked) -> web.Response:
    _require_version(asked)
    about = _metadata(asked.request.headers.get("Upload-Metadata", ""))
    upload = await asked.session.call(
        uris.UPLOAD_BEGIN,
        name=about.get("filename") or about.get("name") or NAMELESS,
        size=_length(asked, "Upload-Length"),
        sha256=about.get("sha256"),
        media_type=_media_type(about.get("filetype") or about.get("type") or ""),
    )
    place = {"Location": f"{PREFIX}/uploads/{upload['upload']}"}
    if asked.request.content_type == PIECE_TYPE and upload["offset"] < upload["size"]:
        return await _append(asked, upload, 201, place)
    if upload["offset"] == upload["size"]:
        await asked.session.call(uris.UPLOAD_FINISH, upload["upload"])
    return _progress(201, upload, place)


async def _append(
    asked: Asked, upload: dict[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Add the body to *upload*, and make a file of it if it is whole then."""
    checksum = asked.request.headers.get("Upload-Checksum")
    if checksum is None:
        upload = await _send(asked.session, upload, _pieces(asked, upload["chunk"]))
    else:
        wanted = _checksum(checksum)
        with await asyncio.to_thread(tempfile.TemporaryFile) as file:
            digest = hashlib.sha256()
            async for data in _pieces(asked, READ):
                digest.update(data)
                await asyncio.to_thread(file.write, data)
            if not hmac.compare_digest(digest.digest(), wanted):
                return _mismatch()
            upload = await _send(asked.session, upload, _kept(file, upload["chunk"]))
    if upload["offset"] == upload["size"]:
        await asked.session.call(uris.UPLOAD_FINISH, upload["upload"])
    return _progress(status, upload, headers or {})


async def _take_whole(asked: Asked) -> Reply:
    """A file that is the body of one request."""
    request = asked.request
    if request.content_type.startswith("multipart/"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be the file itself, not a form with it",
        )
    if request.content_length is None:
        raise Problem(HTTPStatus.LENGTH_REQUIRED, "bad_request", "Content-Length must be given")
    _require_size(asked)
    session = asked.session
    upload = await session.call(
        uris.UPLOAD_BEGIN,
        name=asked.query.name,
        size=request.content_length,
        sha256=asked.query.sha256,
        media_type=_media_type(request.headers.get("Content-Type", "")),
    )
    try:
        if upload["offset"] < upload["size"]:
            upload = await _send(session, upload, _pieces(asked, upload["chunk"]))
        file = await session.call(uris.UPLOAD_FINISH, upload["upload"])
    except Exception:
        # Nobody knows of it who could go on with it.
        with contextlib.suppress(Error, Disconnected):
            await session.call(uris.UPLOAD_REMOVE, upload["upload"])
        raise
    return Reply(file, 201, {"Location": f"{PREFIX}/uploads/{file['file']}"})


async def _send(
    session: Session, upload: dict[str, Any], pieces: AsyncIterator[bytes]
) -> dict[str, Any]:
    """Add *pieces* to *upload*; gives how far it is then."""
    async for data in pieces:
        try:
            upload = await session.call(
                uris.UPLOAD_APPEND, upload["upload"], offset=upload["offset"], data=data
            )
        except InvalidArguments as refused:
            if "offset" not in refused.fields:
                raise
            raise Problem(
                HTTPStatus.CONFLICT, "conflict", "Somebody else sends to this upload just now"
            ) from None
    return upload


async def _pieces(asked: Asked, size: int) -> AsyncIterator[bytes]:
    """The body of a request, in pieces of *size* bytes, the last one of what is left."""
    _require_size(asked)
    content = asked.request.content
    is_last = False
    while not is_last:
        try:
            data = await content.readexactly(size)
        except asyncio.IncompleteReadError as end:
            data, is_last = end.partial, True
        if data:
            yield data


async def _kept(file: IO[bytes], size: int) -> AsyncIterator[bytes]:
    await asyncio.to_thread(file.seek, 0)
    while data := await asyncio.to_thread(file.read, size):
        yield data


def _require_version(asked: Asked) -> None:
    if asked.request.headers.get("Tus-Resumable") != VERSION:
        raise Problem(
            HTTPStatus.PRECONDITION_FAILED,
            "precondition_failed",
            f"Tus-Resumable must be {VERSION}",
            headers={"Tus-Version": VERSION},
        )


def _require_piece(asked: Asked) -> None:
    if asked.request.content_type != PIECE_TYPE:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            f"The body must be bytes of the file, with `Content-Type: {PIECE_TYPE}`",
        )


def _require_size(asked: Asked) -> None:
    limit = asked.gateway.settings.gateway.body_limit
    if (asked.request.content_length or 0) > limit:
        raise TooLarge(
            f"A request has at most {limit} bytes: send larger files in pieces, by tus", limit=limit
        )


def _length(asked: Asked, header: str) -> int:
    text = asked.request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_request", f"{header} must be a number of bytes")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """What a client says about a file: `key base64, …`."""
    told = {}
    try:
        for pair in filter(None, map(str.strip, header.split(","))):
            key, _, value = pair.partition(" ")
            told[key] = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "bad_request",
            "Upload-Metadata must be pairs of a key and a value in base64, of text in UTF-8",
        ) from None
    return told


def _media_type(text: str) -> str | None:
    """The media type in *text*, if it says one."""
    kind = text.partition(";")[0].strip().lower()
    return kind if MEDIA_TYPE.fullmatch(kind) and kind not in _NO_TYPES else None


def _checksum(header: str) -> bytes:
    algorithm, _, value = header.partition(" ")
    with contextlib.suppress(binascii.Error, ValueError):
        digest = base64.b64decode(value.strip(), validate=True)
        if algorithm == "sha256" and len(digest) == hashlib.sha256().digest_size:
            return digest
    raise Problem(
        HTTPStatus.BAD_REQUEST,
        "bad_request",
        "Upload-Checksum must be `sha256` and a digest in base64",
    )


def _mismatch() -> web.Response:
    return web.json_response(
        {
            "title": "Checksum Mismatch",
            "status": CHECKSUM_MISMATCH,
            "detail": "The bytes that came are not those that were sent: send them again",
            "code": "checksum_mismatch",
        },
        status=CHECKSUM_MISMATCH,
        reason="Checksum Mismatch",
        headers={"Tus-Resumable": VERSION},
        content_type="application/problem+json",
    )


def _progress(status: int, upload: dict[str, Any], headers: Mapping[str, str]) -> web.Response:
    expires = datetime.fromisoformat(upload["expires_at"])
    return _answer(
        status,
        {
            "Upload-Offset": str(upload["offset"]),
            "Upload-Expires": format_datetime(expires, usegmt=True),
            **headers,
        },
    )


def _answer(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers={"Tus-Resumable": VERSION, **(headers or {})})


TUS = {"Tus-Resumable": f"`{VERSION}`"}
HERE = {"Upload-Offset": "How many bytes are here", "Upload-Expires": "Until when they are kept"}

ROUTES = (
    Route(
        *("OPTIONS", "/uploads", options),
        group="Files",
        summary="What of tus there is here",
        answers={204: Answer("Its versions, extensions and limits, in headers")},
        bearer=False,
    ),
    Route(
        *("POST", "/uploads", create),
        group="Files",
        summary="Send a file, or begin to send one by tus",
        description=(
            "The body is the file. What you get is what a parameter takes that is a file. With"
            " `Tus-Resumable` an upload begins; its id, the last part of `Location`, is that of"
            " the file as soon as it is whole."
        ),
        query=Named,
        media_type="application/octet-stream",
        headers={
            **TUS,
            "Upload-Length": "Bytes of the file",
            "Upload-Metadata": "`filename`, `filetype` and `sha256`, each with a value in base64",
        },
        answers={
            201: Answer("It is here, or may come", headers={**HERE, "Location": "Where it is"})
        },
        problems=(400, 409, 411, 412, 413, 415, 422),
    ),
    Route(
        *("HEAD", "/uploads/{upload}", status),
        group="Files",
        summary="How much of a file is here",
        headers=TUS,
        answers={200: Answer("So much", headers={**HERE, "Upload-Length": "Bytes of the file"})},
        problems=(404, 412),
    ),
    Route(
        *("PATCH", "/uploads/{upload}", append),
        group="Files",
        summary="Send a piece of a file",
        media_type=PIECE_TYPE,
        headers={
            **TUS,
            "Upload-Offset": "How many bytes are here",
            "Upload-Checksum": "`sha256` and the digest of the piece in base64",
        },
        answers={204: Answer("It is here", headers=HERE)},
        problems=(400, 404, 409, 412, 413, 415, 422, CHECKSUM_MISMATCH),
    ),
    Route(
        *("DELETE", "/uploads/{upload}", remove),
        group="Files",
        summary="Remove a file that no job needs",
        headers=TUS,
        answers={204: Answer("It is gone")},
        problems=(404, 412, 422),
    ),
)
