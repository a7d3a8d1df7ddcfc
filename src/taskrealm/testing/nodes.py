"""Nodes for tests: made of a site's folder, started, asked and stopped."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..access.tokens import TokenStore
from ..client import BlockingClient, Client
from ..router.supervisor import NodeFailed
from ..settings import NodeFolder, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_LIMIT = 90.0  # seconds; a start takes about five on an idle machine
STOP_LIMIT = 20.0  # seconds
LOOPBACK = "127.0.0.1"
PORTS = range(20_000, 32_768)
"""Below those that the kernel gives outgoing connections, unless it was told otherwise."""
SECTION = re.compile(r"^\[router\][ \t]*(#.*)?\n?", re.MULTILINE)
MADE_ANEW = ("state", "files", ".crossbar")
"""What of a node's folder is not taken along: what a running node keeps."""


class Node:
    """
    A node run by its supervisor, from `with` to the end of the block.

    `program` is what runs it, and prints the name of each phase on a line of its own.
    """

    program: Sequence[str] = ("-m", "taskrealm.testing.up")

    def __init__(self, folder: NodeFolder, *, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.settings = load_settings(folder.settings_file)
        self.output: list[str] = []
        self.environment = environment or {}
        """Variables besides those of this process."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self.program, self.folder.root],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT)
        finally:
            for pid in processes_of(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.communicate()

    @property
    def port(self) -> int:
        """The one public port, of this machine only."""
        return self.settings.router.port

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://{LOOPBACK}:{self.port}/ws"

    def client(self, authid: str, role: str = "user") -> Client:
        """A client of *authid* for coroutines, not connected yet: use it in `async with`."""
        return Client(self.url, token=self.issue(authid, role), realm=self.settings.router.realm)

    def blocking_client(self, authid: str, role: str = "user") -> BlockingClient:
        """A client of *authid* for plain functions, not connected yet: use it in `with`."""
        return BlockingClient(
            self.url, token=self.issue(authid, role), realm=self.settings.router.realm
        )

    def issue(
        self, authid: str, role: str = "user", *, lifetime: float = 3_600.0, code: bool = False
    ) -> str:
        """A token for *authid*, valid for *lifetime* seconds, or a sign-in code."""
        store = TokenStore.open(self.folder.tokens)
        try:
            return store.issue(authid, role, lifetime=lifetime, single_use=code)
        finally:
            store.close()

    def until(self, phase: str, limit: float = START_LIMIT) -> None:
        """
        Return once it prints *phase*; what else it prints is kept in `output`.

        Raises:
            NodeFailed: It has ended, or has not come so far within *limit* seconds.
        """
        deadline = time.monotonic() + limit
        assert self.process.stdout is not None
        stream = self.process.stdout.fileno()
        line = b""
        while line != f"{phase}\n".encode():
            line = b""
            while not line.endswith(b"\n"):
                ready, _, _ = select.select([stream], [], [], max(0, deadline - time.monotonic()))
                if not ready:
                    raise NodeFailed(f"No {phase} within {limit:g} s; it printed {self.output}")
                byte = os.read(stream, 1)
                if not byte:
                    printed = "\n".join([*self.output, line.decode(errors="replace")])
                    raise NodeFailed(f"The node ended before {phase}:\n{printed}")
                line += byte
            self.output.append(line.decode().rstrip("\n"))

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; gives its exit code."""
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=STOP_LIMIT)
        self.output += output.decode().splitlines()
        return self.process.returncode


def copy_node(source: Path, root: Path) -> NodeFolder:
    """
    Make the empty folder *root* a node like the one in *source*, on a free port of this machine.

    Tasks, components and policy are copied; other files and folders are linked to, except for
    hidden ones and what a running node keeps: `files` and `state` are new and empty.

    Raises:
        SettingsError: There is no node in *source*, or its settings cannot be changed so.
    """
    settings = load_settings(source / "taskrealm.toml")
    own = {"router", "components", Path(settings.executor.tasks).parts[0]}
    for path in source.iterdir():
        if path.name.startswith(".") or path.name in (*MADE_ANEW, "taskrealm.toml"):
            continue
        if path.name in own and path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, root / path.name, ignore=ignored)
        else:
            (root / path.name).symlink_to(path.resolve())
    folder = NodeFolder(root)
    (root / "files").mkdir()
    text = (source / "taskrealm.toml").read_text(encoding="utf-8")
    port = free_port()
    folder.settings_file.write_text(_moved(text, port), encoding="utf-8")
    with contextlib.suppress(SettingsError):
        router = load_settings(folder.settings_file).router
        if (router.interface, router.port) == (LOOPBACK, port):
            return folder
    raise SettingsError(
        f"{source / 'taskrealm.toml'}: write the settings of the router as a section, [router],"
        " so that a test can run the node on another port"
    )


def free_port() -> int:
    """
    A TCP port of this machine on which nobody listens, and that no outgoing connection gets.

    A node that starts again still finds it free.

    Raises:
        OSError: There is none.
    """
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError(errno.EADDRINUSE, f"No port of {PORTS.start} to {PORTS.stop - 1} is free")


def processes_of(folder: NodeFolder) -> list[int]:
    """The pids of all processes that run in *folder* or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.joinpath("cwd").resolve().is_relative_to(folder.root.resolve()):
                found.append(int(process.name))
    return found


def _moved(settings: str, port: int) -> str:
    """The text of *settings*, with another *port*, and for this machine only."""
    place = f'[router]\ninterface = "{LOOPBACK}"\nport = {port}\n'
    section = SECTION.search(settings)
    if section is None:
        return f"{settings}\n{place}"
    lines = settings[section.end() :].splitlines(keepends=True)
    kept = []
    is_router = True
    for line in lines:
        is_router = is_router and not line.startswith("[")
        if not (is_router and re.match(r"\s*(interface|port)\s*=", line)):
            kept.append(line)
    return settings[: section.start()] + place + "".join(kept)
