"""The executor as a program: settings in, a joined session out, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import structlog

from ..engine import Scheduler, Threads, Wear, Workers, adopt_orphans, sweep, sweep_blocking
from ..journal import Artifacts, Journal, JournalError, UploadLimits, Uploads
from ..settings import load_settings
from ..tasks import Limits, load_tasks
from ..tokens import TokenStore
from ..wire import join, stay_joined
from .administration import Administration
from .attempt import Surroundings
from .audience import Audience
from .claims import require_slots
from .collector import ArtifactStore
from .executor import Executor
from .expiry import Expiry
from .folders import WorkFolders
from .followers import Followers
from .invocations import Invocations
from .logs import log_to_stderr
from .plans import plans_of
from .priorities import Priorities, load_function
from .procedures import Procedures
from .publisher import Publisher
from .refusals import Refusals
from .reloading import Reloading
from .retention import Retention
from .schedules import Schedules
from .shares import Shares
from .statistics import Statistics
from .transfers import Transfers
from .vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..protocol.jobs import Event
    from ..settings import ExecutorSettings, NodeFolder, Settings
    from ..tasks import Registry
    from ..wire import Session
    from .plans import Plan

log = structlog.get_logger()

REJOIN_LIMIT = 2.0  # seconds between two tries to join, at most
HELPERS = 4  # threads for what waits for the disk
ONE_TOLD = 1.0  # seconds within which signals mean the same: Ctrl-C comes by several ways


def run(folder: NodeFolder) -> None:
    """
    Run the executor of the node in *folder* until SIGTERM or SIGINT.

    It drains then; a second signal makes it kill at once what still runs. The end of stdin
    means that the wrapper is gone: then it ends without a drain, and every job's processes
    with it.

    Raises:
        SettingsError: The settings cannot be used.
        TaskError: The task definitions cannot be used.
        SystemExit: The journal cannot be used; the message says why and what helps.
        Refused: The router knows neither this node's key nor its realm.
    """
    log_to_stderr()
    try:
        asyncio.run(_serve(folder, load_settings(folder.settings_file)))
    except JournalError as error:
        # Whoever starts a node reads the end of this log.
        sys.exit(str(error))


async def _serve(folder: NodeFolder, settings: Settings) -> None:
    _prepare_process()
    load = functools.partial(_load, folder, settings)
    registry, plans = load()
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
    killed = await sweep(f"{folder.node_id()}.")
    if killed:
        log.warning("Killed processes that outlived the executor", count=killed)
    workers = _workers(folder, settings.executor)
    uploads = Uploads(journal, UploadLimits.of(settings.files))
    artifacts = Artifacts(journal)
    executor = Executor(
        registry=registry,
        journal=journal,
        scheduler=_scheduler(settings.executor),
        publisher=publisher,
        audience=audience,
        surroundings=_surroundings(folder, settings, journal, shares, workers),
        timeout=settings.executor.timeout,
        arguments_limit=shares.arguments,
        paused=folder.paused,
        priorities=_priorities(folder, settings.executor),
        uploads=uploads,
        vault=Vault(folder.secrets_key),
    )
    procedures = Procedures(executor, journal, TokenStore.open(folder.tokens), shares)
    schedules = Schedules(executor, journal, plans)
    invocations = Invocations(executor, journal, followers, shares)
    transfers = Transfers(
        procedures,
        journal,
        uploads,
        artifacts,
        in_use=executor.files_in_use,
        piece=shares.piece,
    )
    expiry = Expiry(journal, uploads, artifacts, executor.files_in_use, settings.retention.interval)
    refusals = Refusals()
    reloading = Reloading(executor, load, workers, schedules)
    administration = Administration(
        executor,
        journal,
        statistics,
        reloading,
        schedules,
        drain_limit=settings.executor.drain_limit,
    )

    async def enter() -> Session:
        return await join(
            f"unix:{folder.socket}",
            realm=settings.router.realm,
            key=folder.keys / "executor.key",
            authid="executor",
            authrole="executor",
        )

    async def serve(session: Session) -> None:
        session.on_refusal = refusals.refused
        session.on_error = refusals.failed
        await audience.attach(session)
        publisher.attach(session)
        await invocations.register(session)
        await transfers.register(session)
        await administration.register(session)
        await procedures.register(session)
        executor.announce()
        # Not before: they would hold up the start of the node.
        if any(task.uses_workers for task in executor.registry.values()):
            workers.start()
        log.info("Joined the realm", realm=settings.router.realm)

    tending = [asyncio.create_task(Retention(journal, settings.retention).run())]
    try:
        await expiry.begin()
        # The jobs of a long queue stay: to look for garbage among them takes longer than to take
        # them up.
        gc.disable()
        try:
            await executor.recover()
        finally:
            gc.enable()
        # Not before: until then nobody knows which files jobs need.
        tending += [asyncio.create_task(each) for each in (expiry.run(), schedules.run())]
        orders = _Orders(f"{folder.node_id()}.", lambda: reloading.reload("SIGHUP"))
        serving = asyncio.create_task(stay_joined(enter, serve, longest=REJOIN_LIMIT))
        await _until_told_to_stop(serving, orders)
        await _drain(executor, orders, settings.executor.drain_limit)
        publisher.flush()
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        for each in tending:
            each.cancel()
        await workers.close()
        await journal.close()


def _load(folder: NodeFolder, settings: Settings) -> tuple[Registry, list[Plan]]:
    """The tasks of the node as they are written now, which can be run here, and their schedules."""
    registry = load_tasks(folder.root / settings.executor.tasks)
    require_slots(registry, settings.executor)
    return registry, plans_of(registry, settings.schedules, folder.settings_file)


def _prepare_process() -> None:
    adopt_orphans(on_outrun=_give_up)
    # They are there before a job can have taken all processes that there may be.
    helpers = Threads(HELPERS, "taskrealm-helper")
    helpers.start()
    asyncio.get_running_loop().set_default_executor(helpers)


async def _until_told_to_stop(serving: asyncio.Task[None], orders: _Orders) -> None:
    """Wait for the order to stop; *serving* ends before that only by failing."""
    stopping = asyncio.create_task(orders.stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        await serving
    log.info("Stopping")


async def _drain(executor: Executor, orders: _Orders, limit: float) -> None:
    """Let running jobs end, in *limit* seconds or at once when told to hurry."""
    hurrying = asyncio.create_task(orders.obey_hurry(executor))
    await executor.gate.drain(limit)
    hurrying.cancel()


def _give_up() -> None:
    """Let the wrapper, which holds all jobs in a cgroup, kill them in one step."""
    log.critical("A job starts processes faster than they can be killed; all jobs are killed")
    os.kill(os.getpid(), signal.SIGKILL)


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


def _surroundings(
    folder: NodeFolder, settings: Settings, journal: Journal, shares: Shares, workers: Workers
) -> Surroundings:
    chosen = settings.executor.environment
    return Surroundings(
        node_id=folder.node_id(),
        folders=WorkFolders(folder.jobs),
        environment={name: os.environ[name] for name in chosen if name in os.environ},
        output=journal.output,
        limits=Limits(
            output=settings.executor.output_limit, **settings.executor.limits.model_dump()
        ),
        output_chunk=shares.chunk,
        result_size=shares.result,
        work=lambda work, task, on_output: workers.assign(work, on_output),
        contents=journal.contents,
        artifacts=ArtifactStore.of(Artifacts(journal), settings.files),
    )


def _priorities(folder: NodeFolder, settings: ExecutorSettings) -> Priorities:
    name = settings.priority
    function = None if name is None else load_function(name, folder.root)
    return Priorities({str(role): points for role, points in settings.priorities.items()}, function)


def _scheduler(settings: ExecutorSettings) -> Scheduler:
    per_user = settings.queue_limit_per_user
    return Scheduler(
        slots=settings.slots,
        queue_limit=settings.queue_limit,
        owner_limit=max(1, settings.queue_limit // 2) if per_user is None else per_user,
        groups=settings.groups,
        slots_per_owner=settings.slots_per_user,
    )


class _Orders:
    """
    What signals tell us to do.

    At the end of stdin, which means that the wrapper is gone, this process ends at once, and
    with it all processes of its *jobs*.
    """

    def __init__(self, jobs: str, reload: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._jobs = jobs
        self.stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._told_at = 0.0
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._take_signal)
        self._reload = reload
        self._reloads: set[asyncio.Task[object]] = set()
        self._loop.add_signal_handler(signal.SIGHUP, self._take_reload)
        self._loop.add_reader(sys.stdin.fileno(), self._read)

    async def obey_hurry(self, executor: Executor) -> None:
        """Once told to hurry, kill what still runs."""
        await self._hurry.wait()
        log.info("Hurrying")
        await executor.gate.hurry()

    def _take_reload(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    def _take_signal(self) -> None:
        now = self._loop.time()
        if not self.stop.is_set():
            self._told_at = now
            self.stop.set()
        elif now - self._told_at > ONE_TOLD:
            self._hurry.set()

    def _read(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            # In this thread, so that nobody here gets to see how the jobs end. It is as after
            # a kill: another wrapper may have started already, whose executor decides.
            sweep_blocking(self._jobs)
            os._exit(1)
