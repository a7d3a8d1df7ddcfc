"""The procedures that carry files: into the node, and out of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..access.rules import Right
from ..journal import RESULT, Artifact
from ..journal.artifacts import unknown
from ..journal.contents import SHA256
from ..protocol import uris
from ..protocol.errors import InvalidArguments, TooLarge
from ..protocol.jobs import timestamp
from ..tasks.artifacts import RESULT_NAME
from ..tasks.media import MEDIA_TYPE
from ..tasks.values import Unfit, require_text
from .arguments import expect, expect_number, expect_user
from .offers import offer
from .pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..journal import Artifacts, Journal, Upload, Uploads
    from ..protocol.jobs import Job
    from ..tasks import Task
    from ..wire import Call, Session
    from .audit import Audit
    from .callers import Callers, SessionCaller
    from .job_access import JobAccess
    from .rights import Rights

RATE = 80_000_000  # bytes of files a second, in either direction, of all together
NAME_LIMIT = 1_000  # characters of a name as it is given
LARGEST = 2**53  # bytes; whole numbers up to here are the same everywhere


class Transfers:
    """
    Answers the calls that carry files.

    An upload of somebody else is answered like one that does not exist; an artifact can be
    read by whoever may read the output of its job. Whoever may run tasks on behalf of
    somebody may send files for that one.
    """

    def __init__(
        self,
        callers: Callers,
        rights: Rights,
        jobs: JobAccess,
        journal: Journal,
        uploads: Uploads,
        artifacts: Artifacts,
        audit: Audit,
        *,
        tasks: Callable[[], Collection[Task]],
        in_use: Callable[[], Collection[str]],
        piece: int,
    ) -> None:
        """*tasks* gives those that there are, *in_use* the uploads that jobs need, and *piece* is the most bytes in a message."""
        self._tasks = tasks
        self._callers = callers
        self._rights = rights
        self._jobs = jobs
        self._output = journal.output
        self._uploads = uploads
        self._artifacts = artifacts
        self._audit = audit
        self._in_use = in_use
        self._piece = piece
        self._appending: set[str] = set()
        self._coming = Pace(RATE)
        self._going = Pace(RATE)
        self._reading = asyncio.Lock()

    async def register(self, session: Session) -> None:
        """Offer every procedure in the realm that *session* has joined."""
        await offer(
            session,
            {
                uris.UPLOAD_BEGIN: self.begin,
                uris.UPLOAD_APPEND: self.append,
                uris.UPLOAD_STATUS: self.status,
                uris.UPLOAD_FINISH: self.finish,
                uris.UPLOAD_REMOVE: self.remove,
                uris.ARTIFACTS: self.artifacts,
                uris.ARTIFACT: self.artifact,
            },
        )

    async def begin(
        self,
        call: Call,
        name: Any,
        size: Any,
        sha256: Any = None,
        media_type: Any = None,
        on_behalf_of: Any = None,
    ) -> dict[str, Any]:
        """
        Begins an upload: `{upload, offset, size, chunk, expires_at}`.

        The file is then appended in pieces of at most `chunk` bytes, from `offset` on, which
        is the whole size if the same file with the same `sha256` is here already. A session for
        some tasks only sends it anew.
        """
        expect("name", name, str, "text")
        try:
            require_text(name)
        except Unfit as unfit:
            raise InvalidArguments(fields={"name": str(unfit)}) from None
        if len(name) > NAME_LIMIT:
            raise InvalidArguments(fields={"name": f"must have at most {NAME_LIMIT} characters"})
        expect_number("size", size, 0, LARGEST)
        if sha256 is not None and not (isinstance(sha256, str) and SHA256.fullmatch(sha256)):
            raise InvalidArguments(
                fields={"sha256": "must be 64 hexadecimal digits, in lower case"}
            )
        if media_type is not None and not (
            isinstance(media_type, str) and MEDIA_TYPE.fullmatch(media_type)
        ):
            raise InvalidArguments(fields={"media_type": "must be a media type, such as image/png"})
        caller = self._sender(call, on_behalf_of)
        upload = await self._uploads.begin(
            caller.authid,
            name,
            size,
            sha256=sha256,
            media_type=media_type,
            # Else a checksum alone would give it what others have sent in its user's name.
            again=not caller.scope.is_narrow,
            record=self._audit.record(
                caller, "upload.begin", owner=caller.authid, name=name, size=size
            ),
        )
        return self._progress(upload)

    async def append(
        self, call: Call, upload: Any, offset: Any, data: Any, on_behalf_of: Any = None
    ) -> dict[str, Any]:
        """Adds a piece of bytes to an upload, behind those that are here: `{upload, offset, ...}`."""
        expect("upload", upload, str, "text")
        expect_number("offset", offset, 0, LARGEST)
        expect("data", data, bytes, "bytes; in JSON a NUL character and then base64")
        owner = self._sender(call, on_behalf_of).authid
        if len(data) > self._piece:
            raise TooLarge(f"A piece has at most {self._piece} bytes", limit=self._piece)
        if upload in self._appending:
            # Else whoever sends without waiting would fill the memory.
            raise InvalidArguments(
                fields={"offset": "comes too early: await each piece before you send the next"}
            )
        self._appending.add(upload)
        try:
            await self._coming.wait()
            self._coming.spend(len(data))
            return self._progress(await self._uploads.append(owner, upload, offset, data))
        finally:
            self._appending.discard(upload)

    async def status(self, call: Call, upload: Any, on_behalf_of: Any = None) -> dict[str, Any]:
        """How far an upload is: `{upload, offset, size, chunk, expires_at}`."""
        expect("upload", upload, str, "text")
        owner = self._sender(call, on_behalf_of).authid
        return self._progress(await self._uploads.status(owner, upload))

    async def finish(self, call: Call, upload: Any, on_behalf_of: Any = None) -> dict[str, Any]:
        """
        Makes a file of an upload that is whole: `{file, name, size, sha256, media_type, expires_at}`.

        The `file` is what a parameter takes. It is kept until `expires_at`, and longer as long
        as a job needs it; each use begins its time anew.
        """
        expect("upload", upload, str, "text")
        done = await self._uploads.finish(self._sender(call, on_behalf_of).authid, upload)
        return {
            "file": done.upload,
            "name": done.name,
            "size": done.size,
            "sha256": done.sha256,
            "media_type": done.media_type,
            "expires_at": done.expires_at,
        }

    async def remove(self, call: Call, upload: Any, on_behalf_of: Any = None) -> None:
        """Removes an upload, finished or not, that no job needs."""
        expect("upload", upload, str, "text")
        caller = self._sender(call, on_behalf_of)
        await self._uploads.status(caller.authid, upload)
        if upload in self._in_use():
            raise InvalidArguments(fields={"upload": "is needed by a job that has not ended"})
        record = self._audit.record(caller, "upload.remove", upload, owner=caller.authid)
        await self._uploads.remove(caller.authid, upload, record)

    async def artifacts(self, call: Call, job_id: Any) -> list[dict[str, Any]]:
        """
        What a job has left: a list of `{name, title, media_type, size, sha256, created_at, expires_at}`.

        A result that was too big for the terminal event is there as `result.json`.
        """
        job = await self._jobs.job(self._callers.of(call), job_id, Right.OUTPUT)
        found = await self._artifacts.of(job.job_id)
        if job.outcome.get("artifact") == RESULT_NAME:
            found.append(await asyncio.to_thread(self._result_of, job))
        return [each.as_dict() for each in found]

    async def artifact(
        self, call: Call, job_id: Any, name: Any, offset: Any = 0, limit: Any = None
    ) -> dict[str, Any]:
        """A piece of an artifact: `{name, offset, next, size, data, end}`, with `data` in bytes."""
        expect("name", name, str, "text")
        expect_number("offset", offset, 0, LARGEST)
        if limit is not None:
            expect_number("limit", limit, 1, LARGEST)
        caller = self._callers.of(call)
        async with self._reading:
            await self._going.wait()
            await call.room()
            job = await self._jobs.job(caller, job_id, Right.OUTPUT)
            size = self._piece if limit is None else min(limit, self._piece)
            whole, data = await self._piece_of(job, name, offset, size)
            self._going.spend(len(data))
            return {
                "name": name,
                "offset": offset,
                "next": offset + len(data),
                "size": whole,
                "data": data,
                "end": offset + len(data) >= whole,
            }

    def _sender(self, call: Call, user: Any) -> SessionCaller:
        """Who sends a file: who calls, as it acts on behalf of a *user* if it does."""
        caller = self._callers.of(call)
        if user is not None:
            expect_user("on_behalf_of", user)
            caller = self._rights.acting(caller, user)
        self._rights.require_upload(caller, self._tasks())
        return caller

    async def _piece_of(self, job: Job, name: str, offset: int, limit: int) -> tuple[int, bytes]:
        """The size of an artifact, and a piece of it."""
        if name == RESULT_NAME:
            if job.outcome.get("artifact") != RESULT_NAME:
                raise unknown(job.job_id, name)
            size = self._output.size(job.job_id, RESULT).printed
            return size, self._output.read_bytes(job.job_id, RESULT, offset, limit)
        artifact = await self._artifacts.one(job.job_id, name)
        return artifact.size, await self._artifacts.read(artifact, offset, limit)

    def _result_of(self, job: Job) -> Artifact:
        ended_at = job.ended_at or job.submitted_at
        return Artifact(
            job_id=job.job_id,
            name=RESULT_NAME,
            title=None,
            media_type="application/json",
            size=self._output.size(job.job_id, RESULT).printed,
            sha256=self._output.checksum(job.job_id, RESULT),
            created_at=timestamp(ended_at),
            expires_at=None,
        )

    def _progress(self, upload: Upload) -> dict[str, Any]:
        return {
            "upload": upload.upload,
            "offset": upload.offset,
            "size": upload.size,
            "chunk": self._piece,
            "expires_at": upload.expires_at,
        }
