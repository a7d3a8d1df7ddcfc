"""
The wrapper in which Crossbar hosts a component of the node: `… -m taskrealm.router.guest NAME`.

It runs `components/NAME.py` of the node in whose folder it was started, again and again,
and ends with the controller that started it. The component gets a pipe as its stdin on
which nothing ever comes: when that ends, the wrapper is gone and the component should go.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ..engine import COOKIE, sweep_blocking
from ..engine.containment import Containment, NotContained, adopt, end_children
from ..settings import NodeFolder
from . import notices
from .backoff import Backoff
from .logs import LOG_INTERVAL, open_log, trim_log


class Guest:
    """
    Keeps one component running.

    SIGTERM and SIGINT make it end: the component gets a SIGTERM and all the time it takes.
    SIGQUIT makes it end at once: the component is killed. No job outlives the component:
    this process adopts what a dead component leaves behind, holds all of it in a cgroup
    where there are some, and knows jobs by their cookies.
    """

    def __init__(self, folder: NodeFolder, component: str) -> None:
        self._folder = folder
        self._component = component
        self._log = folder.log(component)
        self._jobs = f"{folder.node_id()}."
        self._cookie = f"{self._jobs}{component}"
        self._containment: Containment | None = None
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
        # An earlier wrapper may have been killed and its component be stuck. That goes first:
        # it would take the end of its jobs for their own doing.
        sweep_blocking(self._cookie)
        adopt()
        try:
            self._containment = Containment.open(f"taskrealm.{self._jobs}{self._component}")
        except NotContained as reason:
            self._note(
                f"No cgroup holds the {self._component} ({reason}): if it is killed together with"
                " this wrapper, the next start finds its jobs by their environment alone"
            )
        self._clear()
        try:
            self._keep_running()
        finally:
            self._remove_containment()

    def _keep_running(self) -> None:
        backoff = Backoff()
        while not self._is_ending:
            began = time.monotonic()
            outcome = self._run_component()
            if not self._is_ending:
                delay = backoff.delay(time.monotonic() - began)
                self._note(f"The {self._component} {outcome}; it starts again in {delay:.1f} s")
                notices.send(notices.COMPONENT_ENDED)
                self._wait(timeout=delay)

    @property
    def _is_ending(self) -> bool:
        return self._told_to_stop or self._orphaned

    def _run_component(self) -> str:
        """Run the component once; gives how it ended."""
        log = open_log(self._log)
        with self._containment.entered() if self._containment else contextlib.nullcontext():
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
        self._clear()
        if process.returncode < 0:
            return f"was ended by signal {-process.returncode}"
        return f"ended with exit code {process.returncode}"

    def _clear(self) -> None:
        """Kill whatever the component has left behind."""
        if self._containment is not None:
            try:
                self._containment.kill()
            except OSError as error:
                self._note(f"Jobs could not be killed by their cgroup: {error}")
        if stuck := end_children():
            self._note(f"The processes {stuck} cannot be killed; they belonged to jobs")
        sweep_blocking(self._jobs)

    def _remove_containment(self) -> None:
        if self._containment is not None:
            try:
                self._containment.remove()
            except OSError as error:
                self._note(f"The cgroup of the {self._component} could not be removed: {error}")

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
        """Put *event* into the component's log, in the form that the executor logs in."""
        line = {
            "event": event,
            "level": "warning",
            "logger": __spec__.name,
            "timestamp": datetime.now(UTC).isoformat(),
        }
        log = open_log(self._log)
        os.write(log, f"{json.dumps(line)}\n".encode())
        os.close(log)


if __name__ == "__main__":
    Guest(NodeFolder(Path.cwd()), sys.argv[1]).run()
