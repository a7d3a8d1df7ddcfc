"""Files that users have sent: on their way in, whole, and gone when nobody needs them."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ..protocol.errors import InvalidArguments, TooLarge, UnknownUpload
from ..protocol.jobs import now, timestamp
from ..tasks.media import clean_name, media_type_of
from ..tasks.uploads import FILE
from . import audit
from .contents import no_room

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

    from ..settings import FileSettings
    from .audit import AuditRecord
    from .contents import Content, ContentStore
    from .journal import Journal
    from .rows import Row

AT_ONCE = 100  # uploads that expire in one step

_COLUMNS = "upload, owner, name, media_type, size, sha256, kind, is_finished, expires_at"


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How much users may send, and how long it is kept."""

    size: int  # bytes of one file
    total: int  # bytes of all files of one user
    count: int  # files of one user
    lifetime: float  # seconds that a file is kept after its last use
    patience: float  # seconds that one is kept which is not whole

    @classmethod
    def of(cls, settings: FileSettings) -> UploadLimits:
        """The limits of a node."""
        return cls(
            size=settings.upload_limit,
            total=settings.user_limit,
            count=settings.uploads_per_user,
            lifetime=settings.lifetime,
            patience=settings.patience,
        )


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that its owner sends, or has sent: `offset` bytes of it are here."""

    upload: str
    owner: str
    name: str
    media_type: str
    size: int
    sha256: str | None
    kind: str | None
    """The media type that the first bytes speak of, if they do."""
    is_finished: bool
    expires_at: str
    offset: int = 0


class Uploads:
    """
    The uploads of all users. An upload of somebody else is like one that does not exist.

    What is said to have arrived survives a kill; what is finished, a power cut.
    """

    def __init__(self, journal: Journal, limits: UploadLimits) -> None:
        self._journal = journal
        self._contents = journal.contents
        self._limits = limits
        # Pieces of one file are written one after the other, whoever sends them.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def begin(
        self,
        owner: str,
        name: str,
        size: int,
        *,
        sha256: str | None,
        media_type: str | None,
        again: bool = True,
        record: AuditRecord | None = None,
    ) -> Upload:
        """
        Make room for a file of *owner*; one that is here already, equal in all, is given *again*.

        A new upload stands in the audit log as *record* says.

        Raises:
            TooLarge: It is larger than a file may be.
            InvalidArguments: With it, the user's files would be too many or too large.
            Unavailable: The disk has no room for it.
            JournalError: It cannot be recorded.
        """
        if size > self._limits.size:
            raise TooLarge(
                f"This file has {size} bytes; the most is {self._limits.size}",
                limit=self._limits.size,
            )
        name = clean_name(name)
        if again and sha256 is not None and (found := await self._again(owner, name, size, sha256)):
            return found
        await asyncio.to_thread(self._contents.require_room, size + await self._awaited())
        upload = Upload(
            upload=f"file_{secrets.token_hex(16)}",
            owner=owner,
            name=name,
            media_type=media_type or media_type_of(name),
            size=size,
            sha256=sha256,
            kind=None,
            is_finished=False,
            expires_at=_in(self._limits.patience),
        )
        recorded = audit.rows_of([] if record is None else [replace(record, object=upload.upload)])
        if problem := await self._journal.change(
            lambda database: self._add(database, upload, recorded)
        ):
            raise InvalidArguments(fields={"size": problem})
        return upload

    async def append(self, owner: str, upload: str, offset: int, data: bytes) -> Upload:
        """
        Add *data* behind the *offset* bytes that are here.

        Raises:
            UnknownUpload: It is no upload of *owner*.
            InvalidArguments: Another number of bytes is here, or it would be too many.
            Unavailable: The disk has no room.
        """
        async with self._lock(upload):
            found = await self.status(owner, upload)
            if found.is_finished:
                raise InvalidArguments(fields={"upload": "is finished: nothing can be added"})
            if offset != found.offset:
                raise InvalidArguments(
                    fields={"offset": f"must be {found.offset}, the number of bytes that are here"}
                )
            if offset + len(data) > found.size:
                raise InvalidArguments(
                    fields={"data": f"must end at byte {found.size}, the size of the file"}
                )
            await asyncio.to_thread(self._contents.append, upload, offset, data)
        return _at(found, offset + len(data))

    async def status(self, owner: str, upload: str) -> Upload:
        """
        How far an upload of *owner* is.

        Raises:
            UnknownUpload: It is none.
        """
        found = await self._rows(
            "where upload = :upload and owner = :owner", upload=upload, owner=owner
        )
        if not found:
            raise UnknownUpload(f"There is no upload {upload!r} of yours")
        if found[0].is_finished:
            return _at(found[0], found[0].size)
        return _at(found[0], self._contents.drafted(upload))

    async def finish(self, owner: str, upload: str) -> Upload:
        """
        Make a file of an upload that is whole; it may be asked for again.

        Raises:
            UnknownUpload: It is no upload of *owner*.
            InvalidArguments: Bytes are missing, or they are not those that were announced.
            Unavailable: The disk has no room.
            JournalError: It cannot be recorded.
        """
        async with self._lock(upload):
            found = await self.status(owner, upload)
            if found.is_finished:
                return found
            if found.offset < found.size:
                raise InvalidArguments(
                    fields={"upload": f"has {found.offset} of {found.size} bytes: append the rest"}
                )
            if not found.size:
                await asyncio.to_thread(self._contents.append, upload, 0, b"")
            try:
                content = await asyncio.to_thread(self._contents.seal, upload)
            except OSError as error:
                raise no_room() from error
            if found.sha256 not in (None, content.sha256):
                await self._drop([upload])
                raise InvalidArguments(
                    fields={"sha256": "is not that of the bytes that came: upload the file again"}
                )
            expires_at = _in(self._limits.lifetime)
            is_there = await self._journal.change(
                lambda database: _settle(database, self._contents, upload, content, expires_at)
            )
        if not is_there:  # it has expired in the meantime
            raise UnknownUpload(f"There is no upload {upload!r} of yours")
        return await self.status(owner, upload)

    async def remove(self, owner: str, upload: str, record: AuditRecord | None = None) -> None:
        """
        Remove an upload of *owner*, finished or not, as *record* then says in the audit log.

        Raises:
            UnknownUpload: It is none.
        """
        async with self._lock(upload):
            await self.status(owner, upload)
            await self._drop([upload], record=record)

    async def claim(self, owner: str, uploads: Collection[str]) -> dict[str, Upload]:
        """Those of *uploads* that are files of *owner*, whose time begins anew."""
        if not uploads:
            return {}
        chosen = {"owner": owner, "uploads": json.dumps(list(uploads))}
        chosen["expires_at"] = _in(self._limits.lifetime)

        def renew(database: sqlite3.Connection) -> list[Row]:
            where = (
                "where owner = :owner and is_finished = 1"
                " and upload in (select value from json_each(:uploads))"
            )
            # Behind what expires at this moment: what is found here stays.
            database.execute(
                f"update uploads set expires_at = max(expires_at, :expires_at) {where}", chosen
            )
            return database.execute(f"select {_COLUMNS} from uploads {where}", chosen).fetchall()

        return {each.upload: each for each in map(_upload, await self._journal.change(renew))}

    async def expire(self, in_use: Collection[str]) -> int:
        """Remove some whose time is over, but none that is *in_use*; gives how many."""
        found = await self._rows(
            "where expires_at < :now and upload not in (select value from json_each(:in_use))"
            f" order by expires_at limit {AT_ONCE}",
            now=timestamp(now()),
            in_use=json.dumps(list(in_use)),
        )
        return await self._drop([each.upload for each in found], before=timestamp(now()))

    async def sweep_drafts(self) -> int:
        """Remove drafts that belong to no upload; gives how many."""
        drafts = await asyncio.to_thread(self._contents.drafts)
        drafts = [name for name in drafts if FILE.fullmatch(name)]
        known = {
            each.upload
            for each in await self._rows(
                "where is_finished = 0 and upload in (select value from json_each(:drafts))",
                drafts=json.dumps(drafts),
            )
        }
        strangers = [name for name in drafts if name not in known]
        for name in strangers:
            await asyncio.to_thread(self._contents.remove_draft, name)
        return len(strangers)

    def _lock(self, upload: str) -> asyncio.Lock:
        return self._locks.setdefault(upload, asyncio.Lock())

    async def _again(self, owner: str, name: str, size: int, sha256: str) -> Upload | None:
        """The same file of the same owner, if it is here already."""
        found = await self._rows(
            "where owner = :owner and is_finished = 1 and sha256 = :sha256 and name = :name"
            " and size = :size limit 1",
            owner=owner,
            sha256=sha256,
            name=name,
            size=size,
        )
        claimed = await self.claim(owner, [each.upload for each in found])
        return next((_at(each, each.size) for each in claimed.values()), None)

    async def _awaited(self) -> int:
        """Bytes that are still to come of the uploads that have begun."""
        unfinished = await self._rows("where is_finished = 0")
        return sum(each.size - self._contents.drafted(each.upload) for each in unfinished)

    def _add(self, database: sqlite3.Connection, upload: Upload, recorded: list[Row]) -> str | None:
        """Record *upload*; or say why that cannot be."""
        count, total = database.execute(
            "select count(*), coalesce(sum(size), 0) from uploads where owner = ?", (upload.owner,)
        ).fetchone()
        if count >= self._limits.count:
            return f"is of one file too many: you have {count} here, and there may be no more"
        if total + upload.size > self._limits.total:
            return (
                f"is too much: your files here have {total} bytes, and may have"
                f" {self._limits.total}"
            )
        database.execute(
            "insert into uploads (upload, owner, name, media_type, size, sha256, created_at,"
            " expires_at) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(upload.upload, upload.owner, upload.name, upload.media_type, upload.size),
                *(upload.sha256, timestamp(now()), upload.expires_at),
            ),
        )
        audit.add(database, recorded)
        return None

    async def _drop(
        self, uploads: Iterable[str], before: str = "~", record: AuditRecord | None = None
    ) -> int:
        """Forget *uploads* that expire *before* a time, then remove what they held."""
        chosen = {"uploads": json.dumps(list(uploads)), "before": before}
        recorded = audit.rows_of([] if record is None else [record])

        def forget(database: sqlite3.Connection) -> list[Row]:
            audit.add(database, recorded)
            return database.execute(
                "delete from uploads where upload in (select value from json_each(:uploads))"
                " and expires_at < :before returning upload, sha256, is_finished",
                chosen,
            ).fetchall()

        gone = await self._journal.change(forget)
        for upload, _, is_finished in gone:
            if not is_finished:
                await asyncio.to_thread(self._contents.remove_draft, upload)
        await self._journal.release(sha256 for _, sha256, is_finished in gone if is_finished)
        return len(gone)

    async def _rows(self, where: str, **values: Any) -> list[Upload]:
        return await self._journal.rows(
            _upload, f"select {_COLUMNS} from uploads {where}", **values
        )


def _settle(
    database: sqlite3.Connection,
    contents: ContentStore,
    upload: str,
    content: Content,
    expires_at: str,
) -> bool:
    """Make a file of an upload whose draft is sealed, unless it is gone."""
    changed = database.execute(
        "update uploads set sha256 = ?, kind = ?, is_finished = 1, expires_at = ? where upload = ?",
        (content.sha256, content.kind, expires_at, upload),
    ).rowcount
    if changed:
        contents.place(upload, content.sha256)
    return bool(changed)


def _upload(row: Row) -> Upload:
    upload, owner, name, media_type, size, sha256, kind, is_finished, expires_at = row
    return Upload(
        upload, owner, name, media_type, size, sha256, kind, bool(is_finished), expires_at
    )


def _at(upload: Upload, offset: int) -> Upload:
    return replace(upload, offset=offset)


def _in(seconds: float) -> str:
    return timestamp(now() + timedelta(seconds=seconds))
