"""
The exit codes of the command line.

A job that failed passes on the exit code of its own program. What never became a job, or
did not end by itself, has one of the codes below.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final

from ..protocol import errors
from ..protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILURE: Final = 1
USAGE: Final = 2
REFUSED_ARGUMENTS: Final = 3
NOT_ALLOWED: Final = 4
NOT_FOUND: Final = 5
QUEUE_FULL: Final = 6
CONNECTION: Final = 7
TIMED_OUT: Final = 124
CANCELLED: Final = 130
SIGNALLED: Final = 128  # plus the number of the signal, as shells do

_OF_ERRORS: Final[Mapping[type[errors.Error], int]] = {
    errors.InvalidArguments: REFUSED_ARGUMENTS,
    errors.TooLarge: REFUSED_ARGUMENTS,
    errors.NotAuthorized: NOT_ALLOWED,
    errors.InvalidToken: NOT_ALLOWED,
    errors.UnknownTask: NOT_FOUND,
    errors.UnknownJob: NOT_FOUND,
    errors.UnknownUpload: NOT_FOUND,
    errors.UnknownArtifact: NOT_FOUND,
    errors.UnknownQuestion: NOT_FOUND,
    errors.QueueFull: QUEUE_FULL,
    errors.Unavailable: CONNECTION,
    errors.Draining: CONNECTION,
    errors.DuplicateJob: REFUSED_ARGUMENTS,
}


class Stopped(Exception):
    """Ends the command with a sentence on standard error and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def of_error(error: errors.Error) -> int:
    """The exit code for an error of the wire contract."""
    return _OF_ERRORS.get(type(error), FAILURE)


def of_job(ending: EventType, data: Mapping[str, Any]) -> int:
    """The exit code for a job whose terminal event is *ending* with *data*."""
    match ending:
        case EventType.SUCCEEDED:
            return 0
        case EventType.TIMED_OUT:
            return TIMED_OUT
        case EventType.CANCELLED:
            return CANCELLED
        case EventType.FAILED if data.get("signal") in signal.Signals.__members__:
            return SIGNALLED + signal.Signals[data["signal"]]
        case EventType.FAILED if data.get("exit_code"):
            return int(data["exit_code"])
    return FAILURE
