"""
The wrapper in which Crossbar hosts a component of the node: `… -m taskrealm.router.guest NAME`.

It runs `components/NAME.py` of the node in whose folder it was started, again and again,
and ends with the controller that started it. The component gets a pipe as its stdin on
which nothing ever comes: when that ends, the wrapper is gone and the component should go.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine import COOKIE, sweep_blocking
from ..engine.containment import Containment, NotContained, adopt, end_children
from ..folder import NodeFolder
from . import notices
from .backoff import Backoff
from .configuration import EXECUTOR
from .logs import LOG_INTERVAL, open_log, trim_log, write_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Jobs:
    """
    The jobs of the executor, none of which outlives it, from `with` to the end of the block.

    This process adopts what a dead executor leaves behind, holds all of it in a cgroup where
    there are some, and knows jobs by their cookies.
    """

    def __init__(self, cookies: str, note: Callable[[str], None]) -> None:
        """Their *cookies* begin so; *note* is told what goes wrong."""
        self._cookies = cookies
        self._note = note
        self._containment: Containment | None = None

    def __enter__(self) -> None:
        adopt()
        try:
            self._containment = Containment.open(f"taskrealm.{self._cookies}{EXECUTOR}")
        except NotContained as reason:
            self._note(
                f"No cgroup holds the {EXECUTOR} ({reason}): if it is killed together with"
                " this wrapper, the next start finds its jobs by their environment alone"
            )
        self.clear()

    def __exit__(self, *_: object) -> None:
        if self._containment is not None:
            try:
                self._containment.remove()
            except OSError as error:
                self._note(f"The cgroup of the {EXECUTOR} could not be removed: {error}")

    def contained(self) -> AbstractContextManager[None]:
        """What is started meanwhile is held in the cgroup, with all that it starts itself."""
        return self._containment.entered() if self._containment else contextlib.nullcontext()

    def clear(self) -> None:
        """Kill whatever the executor has left behind."""
        if self._containment is not None:
            try:
                self._containment.kill()
            except OSError as error:
                self._note(f"Jobs could not be killed by their cgroup: {error}")
        if stuck := end_children():
            self._note(f"The processes {stuck} cannot be killed; they belonged to jobs")
        sweep_blocking(self._cookies)


class Guest:
    """
    Keeps one component running.

    SIGTERM and SIGINT make it end: the component gets a SIGTERM and all the time it takes.
    SIGQUIT makes it end at once: the component is killed.
    """

    def __init__(self, folder: NodeFolder, component: str) -> None:
        self._folder = folder
        self._component = component
        self._log = folder.log(component)
        # The cookie of the executor, and of no other component, begins like those of jobs: it
        # goes first where jobs are killed, as it would take their end for their own doing.
        is_executor = component == EXECUTOR
        node_id = folder.node_id()
        self._cookie = f"{node_id}.{component}" if is_executor else f"{component}.{node_id}"
        self._jobs = Jobs(f"{node_id}.", self._note) if is_executor else None
        self._told_to_stop = False
        self._is_told = False
        self._told_to_kill = False
        self._orphaned = False
        self._signals, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Run the component until told to stop, or until the controller is gone."""
        # An earlier wrapper may have been killed and its component be stuck.
        sweep_blocking(self._cookie)
        if self._jobs is None:
            self._keep_running()
        else:
            with self._jobs:
                self._keep_running()

    def _keep_running(self) -> None:
        backoff = Backoff()
        while not self._is_ending:
            began = time.monotonic()
            outcome = self._run_component()
            if not self._is_ending:
                delay = backoff.delay(time.monotonic() - began)
                self._note(f"The {self._component} {outcome}; it starts again in {delay:.1f} s")
                notices.send(notices.ended(self._component))
                self._wait(timeout=delay)

    @property
    def _is_ending(self) -> bool:
        return self._told_to_stop or self._orphaned

    def _run_component(self) -> str:
        """Run the component once; gives how it ended."""
        log = open_log(self._log)
        with contextlib.nullcontext() if self._jobs is None else self._jobs.contained():
            process = subprocess.Popen(
                [sys.executable, "-P", f"components/{self._component}.py"],
                cwd=self._folder.root,
                env={**os.environ, COOKIE: self._cookie},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal reaches every process in it; its meaning is decided here.
                start_new_session=True,
            )
        os.close(log)
        pidfd = os.pidfd_open(process.pid)
        while not self._wait(pidfd, timeout=LOG_INTERVAL):
            trim_log(self._log)
            if self._orphaned or self._told_to_kill:
                process.kill()
            elif self._is_told:
                process.terminate()
            self._is_told = False
        os.close(pidfd)
        process.communicate()
        if self._jobs is not None:
            self._jobs.clear()
        if process.returncode < 0:
            return f"was ended by signal {-process.returncode}"
        return f"ended with exit code {process.returncode}"

    def _wait(self, pidfd: int | None = None, *, timeout: float | None = None) -> bool:
        """Wait for news, at most *timeout* seconds; gives whether the process *pidfd* has ended."""
        stdin = sys.stdin.fileno()
        awaited = [self._signals, *([] if self._orphaned else [stdin])]
        if pidfd is not None:
            awaited.append(pidfd)
        ready, _, _ = select.select(awaited, [], [], timeout)
        if self._signals in ready:
            self._told_to_stop = self._is_told = True
            self._told_to_kill |= signal.SIGQUIT in os.read(self._signals, 64)
        if stdin in ready:
            self._orphaned = not os.read(stdin, 1024)
        return pidfd in ready

    def _note(self, event: str) -> None:
        """Put *event* into the component's log."""
        write_record(self._log, event, logger=__spec__.name)


if __name__ == "__main__":
    Guest(NodeFolder(Path.cwd()), sys.argv[1]).run()
