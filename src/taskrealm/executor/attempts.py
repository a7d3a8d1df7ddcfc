"""The attempts of a job, told by its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..protocol.jobs import TERMINAL, EventType, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..protocol.jobs import Event

MARKS = (EventType.STARTED, EventType.RETRYING, *(EventType(state) for state in TERMINAL))
"""The events that begin or end an attempt."""


def attempts_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    """
    Each attempt of the job with these *events*, of which those in `MARKS` count.

    `end` is the name of the failure after which the job runs again, or the terminal state;
    None while the attempt lasts.
    """
    attempts: list[dict[str, Any]] = []
    for event in events:
        if event.type is EventType.STARTED:
            attempts.append(
                {
                    "attempt": event.attempt,
                    "started_at": timestamp(event.at),
                    "ended_at": None,
                    "end": None,
                    "reason": None,
                }
            )
        elif attempts and attempts[-1]["end"] is None:
            is_last = event.type.is_terminal
            attempts[-1] |= {
                "ended_at": timestamp(event.at),
                # Events of earlier versions do not name the failure; it was the only one.
                "end": event.type.value if is_last else event.data.get("failure", "lost"),
                "reason": event.data.get("error") or event.data.get("reason"),
            }
    return attempts
