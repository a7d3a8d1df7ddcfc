"""The executor as a program: settings in, a joined session out, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog

from .. import memory
from ..ending import spare_last_collection
from ..engine import Threads, adopt_orphans, sweep
from ..journal import JournalError
from ..logs import log_to_stderr
from ..settings import load_settings
from ..tasks import Caller
from ..wire import join, stay_joined
from .assembly import Assembly
from .audit import SYSTEM
from .foundation import Foundation
from .orders import Orders
from .site import load_site

if TYPE_CHECKING:
    from ..settings import NodeFolder, Settings
    from ..wire import Session
    from .executor import Executor

log = structlog.get_logger()

REJOIN_LIMIT = 2.0  # seconds between two tries to join, at most
YOUNG = 20_000  # objects that are made before garbage among them is looked for
HELPERS = 4  # threads for what waits for the disk

SIGHUP = Caller("SIGHUP", SYSTEM, "SIGHUP")
"""Who asks by a signal: somebody on this machine who may send one."""


def run(folder: NodeFolder) -> None:
    """
    Run the executor of the node in *folder* until SIGTERM or SIGINT.

    It drains then; a second signal makes it kill at once what still runs. The end of stdin
    means that the wrapper is gone: then it ends without a drain, and every job's processes
    with it.

    Raises:
        SettingsError: The settings, the policy or a function that they name cannot be used.
        TaskError: The task definitions cannot be used.
        SystemExit: The journal cannot be used; the message says why and what helps.
        Refused: The router knows neither this node's key nor its realm.
    """
    log_to_stderr()
    spare_last_collection()
    try:
        asyncio.run(_serve(folder, load_settings(folder.settings_file)))
    except JournalError as error:
        # Whoever starts a node reads the end of this log.
        sys.exit(str(error))


async def _serve(folder: NodeFolder, settings: Settings) -> None:
    _prepare_process()
    load = functools.partial(load_site, folder, settings)
    foundation = await Foundation.open(folder, settings, load())
    killed = await sweep(f"{folder.node_id()}.")
    if killed:
        log.warning("Killed processes that outlived the executor", count=killed)
    if not foundation.site.rules.rules:
        log.warning("There are no [[rules]]: nobody may see or run anything", file=folder.policy)
    assembly = Assembly(foundation, load)
    tending = [asyncio.create_task(assembly.retention.run())]
    try:
        await assembly.expiry.begin()
        await _recover(assembly.executor)
        # Not before: until then nobody knows which files jobs need.
        tending += [
            asyncio.create_task(each)
            for each in (assembly.expiry.run(), assembly.schedules.run(), assembly.load.run())
        ]
        orders = Orders(f"{folder.node_id()}.", lambda: assembly.reloading.reload(SIGHUP))
        serving = asyncio.create_task(_stay_joined(foundation, assembly))
        await _until_told_to_stop(serving, orders)
        await _drain(assembly.executor, orders, settings.executor.drain_limit)
        foundation.publisher.flush()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        for each in tending:
            each.cancel()
        await foundation.close()


async def _recover(executor: Executor) -> None:
    # What is there now stays for good, the jobs of a long queue among it: to look for garbage
    # among them takes longer than to take them up, and meanwhile nobody is answered.
    gc.collect()
    gc.disable()
    try:
        await executor.recover()
    finally:
        gc.freeze()
        gc.enable()


async def _stay_joined(foundation: Foundation, assembly: Assembly) -> None:
    """Be the executor of the realm, again whenever the router has been gone."""
    realm = foundation.settings.router.realm

    async def enter() -> Session:
        return await join(
            f"unix:{foundation.folder.socket}",
            realm=realm,
            key=foundation.folder.keys / "executor.key",
            authid="executor",
            authrole="executor",
        )

    async def serve(session: Session) -> None:
        await assembly.attach(session)
        # Not before: they would hold up the start of the node.
        if any(task.uses_workers for task in assembly.executor.registry.values()):
            foundation.workers.start()
        log.info("Joined the realm", realm=realm)

    await stay_joined(enter, serve, longest=REJOIN_LIMIT)


def _prepare_process() -> None:
    # Each look for garbage holds up everybody, and most of what is made here goes by itself.
    gc.set_threshold(YOUNG)
    memory.keep()
    adopt_orphans(on_outrun=_give_up)
    # They are there before a job can have taken all processes that there may be.
    helpers = Threads(HELPERS, "taskrealm-helper")
    helpers.start()
    asyncio.get_running_loop().set_default_executor(helpers)


async def _until_told_to_stop(serving: asyncio.Task[None], orders: Orders) -> None:
    """Wait for the order to stop; *serving* ends before that only by failing."""
    stopping = asyncio.create_task(orders.stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        await serving
    log.info("Stopping")


async def _drain(executor: Executor, orders: Orders, limit: float) -> None:
    """Let running jobs end, in *limit* seconds or at once when told to hurry."""
    hurrying = asyncio.create_task(orders.obey_hurry(executor))
    await executor.gate.drain(limit)
    hurrying.cancel()


def _give_up() -> None:
    """Let the wrapper, which holds all jobs in a cgroup, kill them in one step."""
    log.critical("A job starts processes faster than they can be killed; all jobs are killed")
    os.kill(os.getpid(), signal.SIGKILL)
