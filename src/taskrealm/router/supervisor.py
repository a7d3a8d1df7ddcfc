"""Keeps a node running: the heart of `taskrealm up`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..settings import NodeFolder
from .backoff import Backoff
from .configuration import EXECUTOR, GATEWAY
from .controller import Controller
from .logs import LOG_INTERVAL, LogEnd, trim_log
from .node import prepare
from .notices import READY, ended

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from ..settings import Settings

COMPONENTS = (EXECUTOR, GATEWAY)
PROGRAMS = ("node", *COMPONENTS)
ROUTER_LIMIT = 60.0  # seconds that the router has to start
ANSWER_LIMIT = 60.0  # seconds that executor and gateway then have to answer


class Phase(StrEnum):
    """What the supervisor is doing, in words for people."""

    PREPARING = "preparing"
    STARTING = "starting the router"
    WAITING = "waiting for executor and gateway"
    READY = "ready"
    RESTARTING = "the node ended by itself and starts again"
    STOPPING = "stopping"


class NodeFailed(Exception):
    """The node cannot be started; the message shows the end of its log."""


async def supervise(
    folder: NodeFolder,
    settings: Settings,
    *,
    answers: Callable[[], Coroutine[Any, Any, object]],
    progress: Callable[[Phase], object],
) -> None:
    """
    Run the node in *folder* until SIGINT or SIGTERM; when it ends by itself, start it again.

    *answers* is called at each start of the router: its coroutine returns once executor and
    gateway answer, and is cancelled if that takes too long. *progress* is told of each
    new phase. On the way down the gateway stops and the executor drains before the router
    stops; a second signal makes it kill its jobs at once.

    Raises:
        SettingsError: The node cannot run with these settings; the message names the remedy.
        NodeFailed: The first start failed.
    """
    folder = NodeFolder(folder.root.resolve())
    progress(Phase.PREPARING)
    prepare(folder, settings)
    await _Supervisor(folder, settings.executor.drain_limit, answers, progress).run()


class _Supervisor:
    def __init__(
        self,
        folder: NodeFolder,
        drain_limit: float,
        answers: Callable[[], Coroutine[Any, Any, object]],
        progress: Callable[[Phase], object],
    ) -> None:
        self._folder = folder
        self._drain_limit = drain_limit
        self._answers = answers
        self._progress = progress
        self._was_ready = False
        self._told_to_stop = asyncio.Event()
        self._told_to_hurry = asyncio.Event()

    async def run(self) -> None:
        """Run the node again and again, until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._take_signal)
        backoff = Backoff()
        while not self._told_to_stop.is_set():
            began = loop.time()
            try:
                await self._run_node()
            except NodeFailed:
                if not self._was_ready:
                    raise
                self._progress(Phase.RESTARTING)
                delay = backoff.delay(loop.time() - began)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._told_to_stop.wait(), delay)

    def _take_signal(self) -> None:
        if self._told_to_stop.is_set():
            self._told_to_hurry.set()
        self._told_to_stop.set()

    async def _run_node(self) -> None:
        """
        Run the node once, until told to stop.

        Raises:
            NodeFailed: It ended by itself or was not ready in time.
        """
        logs = {program: LogEnd(self._folder.log(program)) for program in PROGRAMS}
        self._progress(Phase.STARTING)
        controller = await Controller.start(self._folder)
        course = asyncio.create_task(self._follow(controller, logs))
        told_to_stop = asyncio.create_task(self._told_to_stop.wait())
        try:
            await asyncio.wait(
                [course, told_to_stop, controller.ended], return_when=asyncio.FIRST_COMPLETED
            )
            if told_to_stop.done():
                self._progress(Phase.STOPPING)
            elif course.done():
                await course
            else:
                code = controller.ended.result()
                raise NodeFailed(f"The router ended with exit code {code}{logs['node']}")
        finally:
            await _cancel(course, told_to_stop)
            await controller.stop(self._told_to_hurry, self._drain_limit)

    async def _follow(self, controller: Controller, logs: dict[str, LogEnd]) -> None:
        """Report the phases of one run; raises NodeFailed when one takes too long."""
        # From the beginning: what it has to import and open is done while the router starts.
        answered = asyncio.create_task(self._answers())
        try:
            await self._until_ready(controller, logs)
            self._progress(Phase.WAITING)
            await self._hear(answered, controller, logs)
        finally:
            await _cancel(answered)
        self._was_ready = True
        self._progress(Phase.READY)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOG_INTERVAL):
                    await controller.lost_wrapper()
                    raise NodeFailed("The wrapper of a component has ended")
            trim_log(self._folder.log("node"))

    async def _until_ready(self, controller: Controller, logs: dict[str, LogEnd]) -> None:
        """Return once the router is ready."""
        try:
            async with asyncio.timeout(ROUTER_LIMIT):
                await controller.notices.wait_for(READY)
        except TimeoutError:
            raise NodeFailed(
                f"The router is not ready after {ROUTER_LIMIT:.0f} s{logs['node']}"
            ) from None

    async def _hear(
        self, answered: asyncio.Task[object], controller: Controller, logs: dict[str, LogEnd]
    ) -> None:
        """Return once the components have *answered*."""
        lost = asyncio.create_task(controller.notices.wait_for(*map(ended, COMPONENTS)))
        # What ends at the first start would do so again; later there is more patience.
        awaited: list[asyncio.Task[Any]] = [answered] if self._was_ready else [answered, lost]
        try:
            await asyncio.wait(awaited, timeout=ANSWER_LIMIT, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                await answered
            elif lost.done():
                [component] = [each for each in COMPONENTS if ended(each) == lost.result()]
                raise NodeFailed(f"The {component} ended{logs[component]}")
            else:
                silent = " and ".join(f"the {each}{logs[each]}" for each in COMPONENTS)
                raise NodeFailed(f"No answer after {ANSWER_LIMIT:.0f} s from {silent}")
        finally:
            await _cancel(lost)


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks* and wait until they have ended, in whatever way."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
