"""Follows a job to its end, and lets Ctrl-C mean what a person expects."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

from ..protocol.errors import Error
from . import exits
from .asking import Asker
from .display import LiveBar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..client import Job
    from ..protocol.jobs import Event
    from .display import Display


async def follow(job: Job, display: Display) -> int:
    """
    Show events and output of *job* until it has ended; the exit code for how it did.

    The terminal event is shown last, after all output. What the job asks is asked on the
    terminal, if somebody can type there.
    """
    asker = None
    if isinstance(display, LiveBar) and sys.stdin.isatty():
        asker = Asker(job, display)
    asking = None if asker is None else asyncio.create_task(asker.run())
    events = asyncio.create_task(_show_events(job, display, asker))
    output = asyncio.create_task(_show_output(job, display))
    try:
        await asyncio.wait({events, output}, return_when=asyncio.FIRST_EXCEPTION)
        for part in (events, output):
            if part.done():
                part.result()
        last = events.result()
        display.event(last)
        return exits.of_job(last.type, last.data)
    finally:
        parts = [each for each in (events, output, asking) if each is not None]
        for running in parts:
            running.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        display.close()


async def follow_and_cancel(job: Job, display: Display) -> int:
    """As `follow`; Ctrl-C cancels the job politely, a second one at once, a third gives up."""
    following = asyncio.current_task()
    assert following is not None
    cancelling: list[asyncio.Task[None]] = []

    def interrupted() -> None:
        match len(cancelling):
            case 0:
                display.note("Cancelling; Ctrl-C again kills the job now")
            case 1:
                display.note("Killing; Ctrl-C again leaves")
            case _:
                following.cancel()
                return
        cancelling.append(asyncio.create_task(_cancel(job, display, now=bool(cancelling))))

    with _on_ctrl_c(interrupted):
        try:
            return await follow(job, display)
        except asyncio.CancelledError:
            following.uncancel()
            display.note(f"Job {job.job_id} may still run")
            return exits.CANCELLED
        finally:
            for each in cancelling:
                each.cancel()


async def follow_and_leave(job: Job, display: Display) -> int:
    """As `follow`; Ctrl-C only leaves, and the job goes on."""
    following = asyncio.current_task()
    assert following is not None
    with _on_ctrl_c(following.cancel):
        try:
            return await follow(job, display)
        except asyncio.CancelledError:
            following.uncancel()
            display.note(f"Left; job {job.job_id} goes on")
            return 0


async def _show_events(job: Job, display: Display, asker: Asker | None) -> Event:
    """Show all events but the terminal one, which is given back."""
    async for event in job:
        if event.type.is_terminal:
            return event
        if asker is None or not asker.takes(event):
            display.event(event)
    raise AssertionError("the events of a job end with a terminal one")


async def _show_output(job: Job, display: Display) -> None:
    async for chunk in job.output():
        display.output(chunk)


async def _cancel(job: Job, display: Display, *, now: bool) -> None:
    try:
        await job.cancel(now=now)
    except (Error, ConnectionError) as error:
        display.note(f"Cancelling failed: {error}")


@contextlib.contextmanager
def _on_ctrl_c(action: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, action)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
