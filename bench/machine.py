"""The machine and the software that a run was measured on, and how busy others kept it."""

from __future__ import annotations

import os
import platform
import resource
import sqlite3
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from .trees import TICK

LIBRARIES = ("crossbar", "autobahn", "twisted", "msgpack", "pydantic", "aiohttp", "structlog")
SYNCS = 50  # of which the median is told


def facts() -> dict[str, str]:
    """What a reader needs to know to compare figures with those of another machine."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "a write made durable": f"{_sync() * 1e3:.2f} ms",
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        **{name: version(name) for name in LIBRARIES},
        "commit": _commit(),
    }


class Others:
    """What share of the machine all processes took that this one has not started."""

    def __init__(self) -> None:
        self._begun = (time.monotonic(), _busy(), _ours())

    def share(self) -> float:
        """Since this was made, of all cores; what we start has ended meanwhile."""
        begun, busy, ours = self._begun
        cores = os.cpu_count() or 1
        foreign = (_busy() - busy) - (_ours() - ours)
        return max(0.0, foreign / (time.monotonic() - begun) / cores)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _sync() -> float:
    """Seconds that a small write takes until it is on the disk of temporary files."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            begun = time.perf_counter()
            file.write(b"x" * 4_096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return sorted(times)[SYNCS // 2]


def _commit() -> str:
    try:
        told = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def _busy() -> float:
    """Seconds that all cores have worked since the machine was started."""
    words = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _waiting, *interrupts = (int(word) * TICK for word in words[:7])
    return user + nice + system + sum(interrupts)


def _ours() -> float:
    """Seconds that this process and its ended descendants have worked."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
