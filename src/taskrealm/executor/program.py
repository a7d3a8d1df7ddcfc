"""The executor as a program: settings in, a joined session out, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog

from ..engine import Scheduler, adopt_orphans, sweep
from ..journal import Journal
from ..settings import load_settings
from ..tasks import load_tasks
from ..tokens import TokenStore
from ..wire import join, stay_joined
from .attempt import Surroundings
from .audience import Audience
from .executor import Executor
from .folders import WorkFolders
from .logs import log_to_stderr
from .procedures import Procedures
from .publisher import Publisher

if TYPE_CHECKING:
    from ..settings import NodeFolder, Settings
    from ..wire import Session

log = structlog.get_logger()

REJOIN_LIMIT = 2.0  # seconds between two tries to join, at most
DRAIN_LIMIT = 10.0  # seconds that running jobs have to end by themselves when the node stops


def run(folder: NodeFolder) -> None:
    """
    Run the executor of the node in *folder* until SIGTERM, SIGINT or the end of stdin.

    Raises:
        SettingsError: The settings cannot be used.
        TaskError: The task definitions cannot be used.
        JournalError: The journal cannot be opened.
        Refused: The router knows neither this node's key nor its realm.
    """
    log_to_stderr()
    asyncio.run(_serve(folder, load_settings(folder.settings_file)))


async def _serve(folder: NodeFolder, settings: Settings) -> None:
    adopt_orphans()
    registry = load_tasks(folder.root / settings.executor.tasks)
    audience = Audience()
    publisher = Publisher(audience)
    journal = await Journal.open(
        folder.journal, output_limit=settings.executor.output_limit, on_commit=publisher.publish
    )
    killed = await sweep(f"{folder.node_id()}.")
    if killed:
        log.warning("Killed processes that outlived the executor", count=killed)
    executor = Executor(
        registry=registry,
        journal=journal,
        scheduler=Scheduler(
            slots=settings.executor.slots, queue_limit=settings.executor.queue_limit
        ),
        publisher=publisher,
        audience=audience,
        surroundings=_surroundings(folder, settings, journal),
        timeout=settings.executor.timeout,
    )
    procedures = Procedures(executor, journal, TokenStore.open(folder.tokens))

    async def enter() -> Session:
        return await join(
            f"unix:{folder.socket}",
            realm=settings.router.realm,
            key=folder.keys / "executor.key",
            authid="executor",
            authrole="executor",
        )

    async def serve(session: Session) -> None:
        await audience.attach(session)
        publisher.attach(session)
        await procedures.register(session)
        publisher.announce(tasks=len(registry))
        log.info("Joined the realm", realm=settings.router.realm)

    try:
        await executor.recover()
        serving = asyncio.create_task(stay_joined(enter, serve, longest=REJOIN_LIMIT))
        stopping = asyncio.create_task(_told_to_stop())
        await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if serving.done():
            await serving
        log.info("Stopping")
        await executor.drain(DRAIN_LIMIT)
        publisher.flush()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        await journal.close()


def _surroundings(folder: NodeFolder, settings: Settings, journal: Journal) -> Surroundings:
    chosen = settings.executor.environment
    return Surroundings(
        node_id=folder.node_id(),
        folders=WorkFolders(folder.jobs),
        environment={name: os.environ[name] for name in chosen if name in os.environ},
        output=journal.output,
    )


async def _told_to_stop() -> None:
    """Wait for a signal, or for the end of stdin, which means that the wrapper is gone."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            told.set()

    loop.add_reader(sys.stdin.fileno(), read)
    await told.wait()
