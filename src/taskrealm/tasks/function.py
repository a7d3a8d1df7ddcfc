"""A task that runs Python code, ready to be run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .loaded import Task
from .python import function_of
from .python_rules import FUNCTION_RULES, RULES, context_name, wants_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .definition import Arguments
    from .python import PythonTask


class FunctionTask(Task):
    """One task made from a `PythonTask`, or from a function by `task`."""

    def __init__(self, declaration: type[PythonTask]) -> None:
        self._function = function_of(declaration)
        super().__init__(declaration, RULES if self._function is None else FUNCTION_RULES)
        self._context = None if self._function is None else context_name(self._function)
        self._wants_context = self._function is None and wants_context(declaration)

    @property
    def uses_workers(self) -> bool:
        return True

    def call(self, arguments: Arguments, context: Callable[[], Context]) -> Any:
        """
        What the task's own code returns: a result, or a coroutine or generator that makes it.

        *context* is asked for only if that code wants to know.

        Raises:
            BaseException: What that code raises.
        """
        if self._function is None:
            run = arguments.model.run
            return run(context()) if self._wants_context else run()
        given = {name: getattr(arguments.model, name) for name in self._parameters.names}
        if self._context is not None:
            given[self._context] = context()
        return self._function(**given)
