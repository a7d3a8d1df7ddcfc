"""Files that jobs have left for their owners."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..protocol.errors import UnknownArtifact
from ..protocol.jobs import now, timestamp
from .contents import no_room

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

    from .journal import Journal
    from .retention import Gone
    from .rows import Row

DRAFT = "left_"
"""Begins the names of the drafts of artifacts."""

AT_ONCE = 100  # artifacts that expire in one step

_COLUMNS = "job_id, name, title, media_type, size, sha256, created_at, expires_at"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a job has left; times in ISO 8601."""

    job_id: str
    name: str
    title: str | None
    media_type: str
    size: int
    sha256: str
    created_at: str
    expires_at: str | None
    """When it goes, if that is before its job does."""

    def as_dict(self) -> dict[str, Any]:
        """The artifact as it crosses the wire, in a list of those of one job."""
        wire = asdict(self)
        del wire["job_id"]
        return wire


class Artifacts:
    """The artifacts of all jobs; a job has one of each name, the latest."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._contents = journal.contents

    def new_draft(self) -> str:
        """A name for a draft, to be written by whoever calls."""
        return f"{DRAFT}{secrets.token_hex(16)}"

    def path(self, draft: str) -> Path:
        """Where *draft* is to be written."""
        return self._contents.draft(draft)

    async def keep(
        self,
        draft: str,
        *,
        job_id: str,
        name: str,
        title: str | None,
        media_type: str,
        expires_at: str | None,
    ) -> Artifact:
        """
        Keep what is in *draft*, durably, as the artifact *name* of a job.

        Raises:
            Unavailable: There is no room on the disk.
            JournalError: It cannot be recorded.
        """
        try:
            content = await asyncio.to_thread(self._contents.seal, draft)
        except OSError as error:
            raise no_room() from error
        artifact = Artifact(
            *(job_id, name, title, media_type, content.size, content.sha256),
            *(timestamp(now()), expires_at),
        )

        def place(database: sqlite3.Connection) -> str | None:
            earlier = database.execute(
                "select sha256 from artifacts where job_id = ? and name = ?", (job_id, name)
            ).fetchone()
            database.execute(
                f"insert or replace into artifacts ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(job_id, name, title, media_type, artifact.size, artifact.sha256),
                    *(artifact.created_at, expires_at),
                ),
            )
            self._contents.place(draft, artifact.sha256)
            return None if earlier is None else str(earlier[0])

        if earlier := await self._journal.change(place):
            await self._journal.release([earlier])
        return artifact

    async def of(self, job_id: str) -> list[Artifact]:
        """The artifacts of a job, by name."""
        return await self._rows("where job_id = :job_id order by name", job_id=job_id)

    async def one(self, job_id: str, name: str) -> Artifact:
        """
        The artifact *name* of a job.

        Raises:
            UnknownArtifact: There is none.
        """
        found = await self._rows(
            "where job_id = :job_id and name = :name", job_id=job_id, name=name
        )
        if not found:
            raise unknown(job_id, name)
        return found[0]

    async def read(self, artifact: Artifact, offset: int, limit: int) -> bytes:
        """
        Up to *limit* bytes of an artifact, from *offset* on.

        Raises:
            UnknownArtifact: It has expired.
        """
        try:
            return await asyncio.to_thread(self._contents.read, artifact.sha256, offset, limit)
        except FileNotFoundError:
            raise unknown(artifact.job_id, artifact.name) from None

    async def size(self) -> int:
        """Bytes of all artifacts together, each counted as often as it was left."""
        [size] = await self._journal.rows(
            lambda row: int(row[0]), "select coalesce(sum(size), 0) from artifacts"
        )
        return size

    async def forget(self, jobs: Iterable[Gone]) -> None:
        """Remove the artifacts of *jobs* that are forgotten."""
        await self._remove("job_id = ?", [(each.job_id,) for each in jobs])

    async def expire(self) -> int:
        """Remove some whose time is over; gives how many."""
        return await self._remove(
            "(job_id, name) in (select job_id, name from artifacts where expires_at < ?"
            f" order by expires_at limit {AT_ONCE})",
            [(timestamp(now()),)],
        )

    async def sweep_drafts(self) -> None:
        """Remove what an earlier run of the node was about to keep."""
        for name in await asyncio.to_thread(self._contents.drafts):
            if name.startswith(DRAFT):
                await asyncio.to_thread(self._contents.remove_draft, name)

    async def _remove(self, where: str, values: list[Row]) -> int:
        def delete(database: sqlite3.Connection) -> list[str]:
            return [
                str(sha256)
                for each in values
                for (sha256,) in database.execute(
                    f"delete from artifacts where {where} returning sha256", each
                )
            ]

        gone = await self._journal.change(delete) if values else []
        await self._journal.release(gone)
        return len(gone)

    async def _rows(self, where: str, **values: Any) -> list[Artifact]:
        return await self._journal.rows(
            lambda row: Artifact(*row), f"select {_COLUMNS} from artifacts {where}", **values
        )


def unknown(job_id: str, name: str) -> UnknownArtifact:
    """The error of those who ask for an artifact that is not there."""
    return UnknownArtifact(f"Job {job_id} has no artifact {name!r}, or none any more")
