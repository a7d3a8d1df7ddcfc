"""Memory that a process keeps for its next message, instead of giving it back each time."""

from __future__ import annotations

import ctypes

KEPT = 4 * 1024 * 1024  # bytes of free memory that are kept
LARGE = 2 * 1024 * 1024  # bytes of a piece that the kernel is asked for apart from all others

TRIM_THRESHOLD = -1  # parameters of mallopt(3)
MMAP_THRESHOLD = -3


def keep() -> None:
    """
    Keep what a few large messages need.

    The C library would give back whatever is free at the end of its memory, and the kernel
    would clear it, page by page, before the next message: that takes ten times as long as all
    that is done with a large message besides. Where there is another library than glibc, this
    does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, KEPT)
        mallopt(MMAP_THRESHOLD, LARGE)
