"""What helps to find out why a node is not well, without anything that is secret."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
import sqlite3
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..access.identity import ROLES
from ..protocol import uris
from ..protocol.jobs import now, timestamp
from .offers import offer

if TYPE_CHECKING:
    from pathlib import Path

    from ..journal import Journal
    from ..settings import NodeFolder
    from ..wire import Call, Session
    from .audience import Audience
    from .callers import Callers
    from .executor import Executor
    from .load import Load
    from .reloading import Reloading
    from .retention import Retention
    from .statistics import Statistics

PACKAGES = ("crossbar", "autobahn", "aiohttp", "pydantic")
CHECKSUM = 12  # hexadecimal digits; enough to see whether two nodes go by the same file


class Diagnostics:
    """Answers `taskrealm.admin.diagnostics`."""

    def __init__(
        self,
        callers: Callers,
        audience: Audience,
        executor: Executor,
        journal: Journal,
        statistics: Statistics,
        reloading: Reloading,
        retention: Retention,
        load: Load,
        folder: NodeFolder,
        *,
        size_limit: int,
    ) -> None:
        """*size_limit* is how many bytes jobs may take up before the oldest are forgotten."""
        self._callers = callers
        self._audience = audience
        self._executor = executor
        self._journal = journal
        self._statistics = statistics
        self._reloading = reloading
        self._retention = retention
        self._load = load
        self._folder = folder
        self._size_limit = size_limit

    async def register(self, session: Session) -> None:
        """Offer the procedure in the realm that *session* has joined."""
        await offer(session, {uris.DIAGNOSTICS: self.diagnostics})

    async def diagnostics(self, call: Call) -> dict[str, Any]:
        """
        Versions, components, journal, disk and the last reload: sizes in bytes, times in seconds.

        `components` are those that have joined, with when they did. `settings` and `policy` are
        the beginnings of the SHA-256 sums of `taskrealm.toml` and `router/roles.toml`. `lag` is how
        late the event loop of the executor was at most in the last minutes, `reload` what came
        of the last one or null.
        """
        self._callers.operator(call)
        pages = await self._journal.pages()
        disk, settings, policy = await asyncio.to_thread(self._files)
        return {
            "at": timestamp(now()),
            "versions": _versions(),
            "machine": {"system": platform.platform(), "processors": os.cpu_count()},
            "uptime": self._statistics.uptime,
            "intake": self._executor.gate.intake.value,
            "tasks": len(self._executor.registry),
            "components": [
                {"role": member.authrole, "authid": member.authid, "since": _since(member.since)}
                for member in self._audience.members.values()
                if member.authrole not in ROLES
            ],
            "sessions": sum(each.authrole in ROLES for each in self._audience.members.values()),
            "lag": self._load.lag,
            "journal": {
                "database": pages.size * pages.count,
                "idle": pages.size * pages.free,
                "audit": await self._journal.audit_size(),
                "jobs": await self._retention.size(),
                "limit": self._size_limit,
            },
            "disk": {"total": disk.total, "free": disk.free},
            "settings": settings,
            "policy": policy,
            "reload": self._reloading.last,
        }

    def _files(self) -> tuple[Any, str | None, str | None]:
        return (
            shutil.disk_usage(self._folder.state),
            _checksum(self._folder.settings_file),
            _checksum(self._folder.policy),
        )


def _versions() -> dict[str, str]:
    versions = {
        "taskrealm": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "sqlite": sqlite3.sqlite_version,
    }
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _checksum(file: Path) -> str | None:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:CHECKSUM]
    except OSError:
        return None


def _since(moment: Any) -> str | None:
    return None if moment is None else timestamp(moment)
