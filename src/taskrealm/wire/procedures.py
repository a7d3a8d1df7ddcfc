"""Procedures that a session offers to others."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import field
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments
from ..protocol.values import value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence


@value
class Call:
    """
    Who calls, as the router has disclosed it.

    `answered` is done as soon as result or error has been written to the transport, so
    that whatever is published afterwards reaches the caller after its answer. `room()`
    waits until the router has taken what was sent before, for who has a long answer.

    `interrupted` is set before a handler is cancelled because nobody waits for its answer
    any more: the caller has given up the call or left, or the time of the call is over.
    """

    caller: int  # the caller's session
    authid: str
    authrole: str
    forwarded: bool  # the message claims to come from elsewhere; the identity may be forged
    answered: asyncio.Future[None]
    room: Callable[[], Awaitable[None]]
    procedure: str = ""  # the URI that was called, which may have matched by its prefix
    progress: Callable[[Any], None] | None = None
    """Sends one progressive result; None if the caller does not want any."""
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """What was given by position and by name; there may be secrets in it."""

    def given(self, name: str, index: int) -> Any:
        """What was given for the parameter *name*, the one at *index*; None if nothing was."""
        return self.args[index] if index < len(self.args) else self.kwargs.get(name)


class Procedure:
    """A handler under a URI, called as `handler(call, *args, **kwargs)`."""

    def __init__(self, uri: str, handler: Callable[..., Any]) -> None:
        self.uri = uri
        self._handler = handler
        # `Signature.bind` takes ten times as long as what follows from these, for each call.
        call, *parameters = inspect.signature(handler).parameters.values()
        self._positional = [each.name for each in parameters if each.kind in _BY_POSITION]
        self._named = {each.name for each in parameters if each.kind in _BY_NAME}
        self._required = [
            each.name
            for each in parameters
            if each.default is Parameter.empty and each.kind in _BY_POSITION | _BY_NAME
        ]
        kinds = {each.kind for each in (call, *parameters)}
        self._takes_any_number = Parameter.VAR_POSITIONAL in kinds
        self._takes_any_name = Parameter.VAR_KEYWORD in kinds
        self._own = call.name if call.kind in _BY_NAME else None

    def invoke(self, call: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """
        What the handler returns: a result, or a coroutine that will have one.

        Raises:
            InvalidArguments: The handler does not take these arguments.
        """
        if fields := self._refused(args, kwargs):
            raise InvalidArguments(fields=fields)
        return self._handler(call, *args, **kwargs)

    def _refused(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with each argument that the handler does not take."""
        fields = {}
        if len(args) > len(self._positional) and not self._takes_any_number:
            fields["args"] = f"at most {len(self._positional)} positional arguments are taken"
        given = self._positional[: len(args)]
        for name in kwargs:
            if name in self._named:
                if name in given:
                    fields[name] = "is given twice, by position and by name"
            elif not self._takes_any_name or name == self._own or not isinstance(name, str):
                fields[str(name)] = "is not an argument of this procedure"
        for name in self._required:
            if name not in given and (name not in kwargs or name not in self._named):
                fields[name] = "is required"
        return fields


_BY_POSITION = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
_BY_NAME = {Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
