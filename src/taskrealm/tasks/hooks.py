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


async def call(hook: Callable[..., Any], argument: object, *, what: str, limit: float) -> Any:
    """
    What *hook* returns for *argument*; a plain function is called in a thread of its own.

    *what* names the hook in messages.

    Raises:
        Error, TaskError: The hook raised it, to refuse.
        TaskError: The hook failed otherwise, or took more than *limit* seconds.
    """
    try:
        async with asyncio.timeout(limit):
            if inspect.iscoroutinefunction(hook):
                return await hook(argument)
            answer = await _in_thread(hook, argument)
            return await answer if inspect.isawaitable(answer) else answer
    except (Error, TaskError):
        raise
    except TimeoutError as error:
        raise TaskError(f"{what} took more than {limit:g} s") from error
    except (Exception, SystemExit) as error:
        raise TaskError(f"{what} failed") from error


async def _in_thread(function: Callable[..., Any], argument: object) -> Any:
    """
    Call *function* in a daemon thread.

    One that never returns takes no place in a pool, nor does it keep the program from ending.
    """
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

    threading.Thread(target=run, name=function.__qualname__, daemon=True).start()
    result, error = await outcome
    if error is not None:
        raise error
    return result
