"""Why something that ran has ended, in a sentence for the owner of its job."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine import Exit


def reason(exit: Exit, noun: str) -> str:
    """Why a program has ended that is called *noun*."""
    if exit.excess is not None:
        return exit.excess
    if exit.signal == signal.SIGKILL:
        return (
            f"{noun} was ended by SIGKILL, which nobody here sent: most likely the kernel"
            " was out of memory"
        )
    if exit.signal is not None:
        return f"{noun} was ended by {signal_name(exit.signal)}"
    if exit.code is not None:
        return f"{noun} ended with exit code {exit.code}"
    return f"{noun} ended, but nobody knows how"


def worker_reason(exit: Exit, noun: str) -> str:
    """Why the worker has ended in which code ran that is called *noun*."""
    if exit.signal is None and exit.code is not None:
        return f"{noun} ended its worker with exit code {exit.code}, and made no result"
    return reason(exit, f"The worker of {noun.replace('The', 'the')}")


def signal_name(number: int | None) -> str | None:
    """The name of a signal."""
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:  # most of the real-time signals have no name
        return f"signal {number}"
