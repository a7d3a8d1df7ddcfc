"""What callers send: who they are, requests with their options, and refusals that name the field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from ..protocol.errors import InvalidArguments, NotAuthorized
from ..protocol.jobs import Delivery
from ..tasks import Caller
from .requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..wire import Call

MANY = 10_000  # jobs in one call of `exec_many`
LONGEST_DELAY = 366 * 86_400.0  # seconds
LONGEST_KEY = 200  # characters


def _moment(value: object) -> datetime:
    """The moment that ISO 8601 text, or a number of seconds since the epoch, stands for."""
    moment = None
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    if moment is None or moment.tzinfo is None:
        raise PydanticCustomError(
            "moment",
            "must be a time in ISO 8601 with its offset from UTC, such as "
            "2030-01-31T08:00:00+01:00, or the seconds since 1970",
        )
    if (moment - datetime.now(UTC)).total_seconds() > LONGEST_DELAY:
        raise PydanticCustomError("moment", "must be at most 366 days ahead")
    return moment.astimezone(UTC)


class _Options(BaseModel):
    """The options of `exec`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    priority: Annotated[int, Field(strict=True, ge=-1_000, le=1_000)] = 0
    timeout: Annotated[float, Field(strict=True, gt=0)] | None = None
    delay: Annotated[float, Field(strict=True, ge=0, le=LONGEST_DELAY)] | None = None
    not_before: Annotated[datetime, BeforeValidator(_moment)] | None = None
    after: Annotated[
        tuple[Annotated[str, Field(strict=True, min_length=1, max_length=100)], ...],
        Field(max_length=100),
    ] = ()
    key: Annotated[str, Field(strict=True, min_length=1, max_length=LONGEST_KEY)] | None = None
    retries: Annotated[int, Field(strict=True, ge=0)] | None = None
    expires: Annotated[float, Field(strict=True, gt=0, le=LONGEST_DELAY)] | None = None
    tags: Annotated[
        tuple[Annotated[str, Field(strict=True, max_length=100)], ...], Field(max_length=20)
    ] = ()
    deliver: Delivery = Delivery.USER


def caller_of(call: Call) -> Caller:
    """
    Who calls, in the router's words.

    Raises:
        NotAuthorized: The call was forwarded, or the router disclosed no caller.
    """
    if call.forwarded or not call.authid or not call.authrole:
        raise NotAuthorized("The router does not vouch for the caller")
    return Caller(call.authid, call.authrole, call.authid)


def request_of(task: Any, args: Any, kwargs: Any, options: Mapping[str, Any]) -> Request:
    """
    The request that the arguments of `exec` stand for.

    Raises:
        InvalidArguments: They are of the wrong kind, or an option is.
    """
    expect("task", task, str, "the name of a task")
    expect("args", args, (list, tuple, type(None)), "a list of positional arguments")
    expect("kwargs", kwargs, (dict, type(None)), "a mapping of arguments by name")
    try:
        chosen = _Options.model_validate(options)
    except ValidationError as error:
        raise InvalidArguments(fields=_problems(error)) from None
    if chosen.delay is not None and chosen.not_before is not None:
        raise InvalidArguments(fields={"delay": "goes without not_before: give one of them"})
    return Request(
        task=task,
        args=args or (),
        kwargs=kwargs or {},
        priority=chosen.priority,
        timeout=chosen.timeout,
        delay=chosen.delay,
        not_before=chosen.not_before,
        after=tuple(dict.fromkeys(chosen.after)),
        key=chosen.key,
        retries=chosen.retries,
        expires=chosen.expires,
        tags=chosen.tags,
        deliver=chosen.deliver,
    )


def request_of_many(index: int, wanted: Any) -> Request:
    """
    The request that is number *index* of those in one call of `exec_many`.

    Raises:
        InvalidArguments: It is not understood; the fields say which one it is.
    """
    if not isinstance(wanted, dict) or "task" not in wanted:
        raise InvalidArguments(fields={f"requests.{index}": "must be a mapping with a task"})
    options = {key: value for key, value in wanted.items() if key not in ("task", "args", "kwargs")}
    try:
        return request_of(wanted["task"], wanted.get("args"), wanted.get("kwargs"), options)
    except InvalidArguments as error:
        raise InvalidArguments(
            fields={f"requests.{index}.{name}": text for name, text in error.fields.items()}
        ) from None


def expect(name: str, value: object, kind: type | tuple[type, ...], words: str) -> None:
    """Refuse the argument *name* if its *value* is not of *kind*, which people call *words*."""
    if not isinstance(value, kind):
        raise InvalidArguments(fields={name: f"must be {words}"})


def expect_number(name: str, value: object, least: int, most: int) -> None:
    """Refuse the argument *name* if its *value* is no whole number in these bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArguments(fields={name: f"must be a whole number from {least} to {most}"})


def _problems(error: ValidationError) -> dict[str, str]:
    known = ", ".join(_Options.model_fields)
    return {
        ".".join(str(part) for part in problem["loc"]): (
            f"is not an option; the options are {known}"
            if problem["type"] == "extra_forbidden"
            else problem["msg"]
        )
        for problem in error.errors(include_url=False, include_input=False)
    }
