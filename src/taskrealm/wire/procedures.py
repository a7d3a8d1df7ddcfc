"""Procedures that a session offers to others."""

from __future__ import annotations

import asyncio
import inspect
from dataclasses import dataclass, field
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from ..protocol.errors import InvalidArguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True, eq=False)
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


class Procedure:
    """A handler under a URI, called as `handler(call, *args, **kwargs)`."""

    def __init__(self, uri: str, handler: Callable[..., Any]) -> None:
        self.uri = uri
        self._handler = handler
        self._signature = inspect.signature(handler)

    def invoke(self, call: Call, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """
        What the handler returns: a result, or a coroutine that will have one.

        Raises:
            InvalidArguments: The handler does not take these arguments.
        """
        try:
            self._signature.bind(call, *args, **kwargs)
        except TypeError as error:
            fields = _refused(self._signature, args, kwargs) or {"args": str(error)}
            raise InvalidArguments(fields=fields) from None
        return self._handler(call, *args, **kwargs)


def _refused(
    signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, str]:
    """What is wrong with each argument that *signature*, after its first parameter, refuses."""
    parameters = list(signature.parameters.values())[1:]
    kinds = {parameter.kind for parameter in parameters}
    positional = [
        parameter.name
        for parameter in parameters
        if parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    named = {
        parameter.name: parameter
        for parameter in parameters
        if parameter.kind in (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    }
    given = set(positional[: len(args)])
    fields = {}
    if len(args) > len(positional) and Parameter.VAR_POSITIONAL not in kinds:
        fields["args"] = f"at most {len(positional)} positional arguments are taken"
    for name in kwargs:
        if name in given and name in named:
            fields[name] = "is given twice, by position and by name"
        elif name not in named and Parameter.VAR_KEYWORD not in kinds:
            fields[name] = "is not an argument of this procedure"
    for parameter in parameters:
        if (
            parameter.default is Parameter.empty
            and parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
            and parameter.name not in given
            and (parameter.name not in kwargs or parameter.name not in named)
        ):
            fields[parameter.name] = "is required"
    return fields
