"""What the executor and its procedures stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ..access.tokens import TokenStore
from ..engine import Wear, Workers
from ..journal import Artifacts, Journal, UploadLimits, Uploads
from .audience import Audience
from .audit import Audit
from .callers import Callers
from .followers import Followers
from .publisher import Publisher
from .rights import Rights
from .shares import Shares
from .statistics import Statistics

if TYPE_CHECKING:
    from ..protocol.jobs import Event
    from ..settings import ExecutorSettings, NodeFolder, Settings
    from .site import Site

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """The journal of a node, and what it has before there are jobs; to be closed at the end."""

    folder: NodeFolder
    settings: Settings
    site: Site
    shares: Shares
    audience: Audience
    callers: Callers
    publisher: Publisher
    statistics: Statistics
    followers: Followers
    journal: Journal
    uploads: Uploads
    artifacts: Artifacts
    workers: Workers
    rights: Rights
    audit: Audit
    tokens: TokenStore

    @classmethod
    async def open(cls, folder: NodeFolder, settings: Settings, site: Site) -> Foundation:
        """
        Open what the node in *folder* keeps; workers are not started yet.

        Raises:
            JournalError: The journal cannot be used.
        """
        audience = Audience()
        shares = Shares.of(settings.router.max_message_size)
        publisher = Publisher(audience, shares.page)
        statistics = Statistics()
        followers = Followers()

        def committed(events: list[Event]) -> None:
            publisher.publish(events)
            statistics.note(events)
            followers.note(events)

        journal = await Journal.open(
            folder.journal, output_limit=settings.executor.output_limit, on_commit=committed
        )
        return cls(
            folder=folder,
            settings=settings,
            site=site,
            shares=shares,
            audience=audience,
            callers=Callers(audience),
            publisher=publisher,
            statistics=statistics,
            followers=followers,
            journal=journal,
            uploads=Uploads(journal, UploadLimits.of(settings.files)),
            artifacts=Artifacts(journal),
            workers=_workers(folder, settings.executor),
            rights=Rights(site.rules, site.authorize),
            audit=Audit(journal, audience),
            tokens=TokenStore.open(folder.tokens),
        )

    async def close(self) -> None:
        """End the workers, and make durable what has not been written yet."""
        await self.workers.close()
        await self.journal.close()


def _workers(folder: NodeFolder, settings: ExecutorSettings) -> Workers:
    chosen = settings.workers
    return Workers(
        folder.root / settings.tasks,
        node_id=folder.node_id(),
        ready=settings.slots,
        most=chosen.processes,
        wear=Wear(steps=chosen.jobs, memory=chosen.memory),
        on_trouble=lambda reason: log.error("A worker could not be started", error=reason),
    )
