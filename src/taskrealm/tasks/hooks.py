"""Calls the code of a site: coroutine or plain function, and never for longer than a limit."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from typing import TYPE_CHECKING, Any

from ..protocol.errors import Error
from .errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Callable

STRAY_LIMIT = 64  # threads that run on although nobody waits for what they will return

_strays: set[threading.Thread] = set()
"""These threads; a process has one set of threads, hence this is one object."""


async def call(hook: Callable[..., Any], argument: object, *, what: str, limit: float) -> Any:
    """
    What *hook* returns for *argument*; a plain function is called in a thread of its own.

    *what* names the hook in messages. Cancelling the call cancels a coroutine; a thread
    cannot be stopped and runs on, unheard.

    Raises:
        Error, TaskError: The hook raised it, to refuse.
        TaskError: The hook failed otherwise, or took more than *limit* seconds, or too many
            earlier calls still run on.
    """
    try:
        async with asyncio.timeout(limit):
            if inspect.iscoroutinefunction(hook):
                return await hook(argument)
            answer = await _in_thread(hook, argument, what)
            return await answer if inspect.isawaitable(answer) else answer
    except (Error, TaskError):
        raise
    except TimeoutError as error:
        raise TaskError(f"{what} took more than {limit:g} s") from error
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        raise TaskError(f"{what} failed") from error
    except BaseException as error:
        # Such as SystemExit: what a site's code raises is not meant for the program around it.
        raise TaskError(f"{what} failed") from error


def strays() -> int:
    """How many calls run on in threads although nobody waits for what they will return."""
    _strays.intersection_update([thread for thread in _strays if thread.is_alive()])
    return len(_strays)


async def _in_thread(function: Callable[..., Any], argument: object, what: str) -> Any:
    """
    Call *function* in a daemon thread.

    One that never returns takes no place in a pool, nor does it keep the program from ending.
    """
    if strays() >= STRAY_LIMIT:
        raise TaskError(
            f"{what} is not called: {STRAY_LIMIT} earlier calls of tasks' methods have not returned"
            " although nobody waits for them any more"
        )
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_result((result, error))

    def run() -> None:
        result, caught = None, None
        try:
            result = function(argument)
        except BaseException as error:
            caught = error
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle, result, caught)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    try:
        result, error = await outcome
    except asyncio.CancelledError:
        _strays.add(thread)
        raise
    if error is not None:
        raise error
    return result
