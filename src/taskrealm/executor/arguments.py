"""What callers send: requests with their options, and refusals that name the field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from ..access.identity import TEAMS_LIMIT, require_identity
from ..protocol.errors import InvalidArguments
from ..protocol.jobs import TRACEPARENT, Delivery
from .requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MANY = 10_000  # jobs in one call of `exec_many` or `cancel_many`
LONGEST_DELAY = 366 * 86_400.0  # seconds
LONGEST_KEY = 200  # characters
JOB_ID = re.compile(r"[0-9a-f]{32}")


A_MOMENT = (
    "must be a time in ISO 8601 with its offset from UTC, such as "
    "2030-01-31T08:00:00+01:00, or the seconds since 1970"
)


def _moment(value: object) -> datetime | None:
    """The moment that ISO 8601 text, or a number of seconds since the epoch, stands for."""
    moment = None
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        return None if moment is None or moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _soon(value: object) -> datetime:
    """The moment that *value* stands for, if it is not too far ahead."""
    moment = _moment(value)
    if moment is None:
        raise PydanticCustomError("moment", A_MOMENT)
    if (moment - datetime.now(UTC)).total_seconds() > LONGEST_DELAY:
        raise PydanticCustomError("moment", "must be at most 366 days ahead")
    return moment


def _trace(value: object) -> str | None:
    """What names a trace, if *value* does."""
    if value is None or (isinstance(value, str) and re.fullmatch(TRACEPARENT, value)):
        return value
    raise PydanticCustomError("trace", "must be a `traceparent` as in W3C Trace Context")


class _Options(BaseModel):
    """The options of `exec`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    priority: Annotated[int, Field(strict=True, ge=-1_000, le=1_000)] = 0
    timeout: Annotated[float, Field(strict=True, gt=0)] | None = None
    delay: Annotated[float, Field(strict=True, ge=0, le=LONGEST_DELAY)] | None = None
    not_before: Annotated[datetime, BeforeValidator(_soon)] | None = None
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
    traceparent: Annotated[str, BeforeValidator(_trace)] | None = None
    on_behalf_of: Annotated[str, Field(strict=True)] | None = None
    teams: Annotated[
        tuple[Annotated[str, Field(strict=True)], ...], Field(max_length=TEAMS_LIMIT)
    ] = ()


def request_of(task: Any, args: Any, kwargs: Any, options: Mapping[str, Any]) -> Request:
    """
    The request that the arguments of `exec` stand for.

    Raises:
        InvalidArguments: They are of the wrong kind, or an option is.
    """
    expect("task", task, str, "the name of a task")
    expect("args", args, (list, tuple, type(None)), "a list of positional arguments")
    expect("kwargs", kwargs, (dict, type(None)), "a mapping of arguments by name")
    if not options:
        return Request(task, args or (), kwargs or {})
    try:
        chosen = _Options.model_validate(options)
    except ValidationError as error:
        raise InvalidArguments(fields=_problems(error)) from None
    if chosen.delay is not None and chosen.not_before is not None:
        raise InvalidArguments(fields={"delay": "goes without not_before: give one of them"})
    _require_owner(chosen)
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
        traceparent=chosen.traceparent,
        on_behalf_of=chosen.on_behalf_of,
        teams=tuple(dict.fromkeys(chosen.teams)),
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


def expect_job_ids(name: str, value: object, most: int) -> list[str]:
    """The job ids that the argument *name* holds, each once; refuse it if its *value* is no list of them."""
    if not isinstance(value, list) or len(value) > most:
        raise InvalidArguments(fields={name: f"must be a list of at most {most} job ids"})
    for index, each in enumerate(value):
        if not isinstance(each, str) or not JOB_ID.fullmatch(each):
            raise InvalidArguments(
                fields={f"{name}.{index}": "must be the id of a job, 32 hexadecimal digits"}
            )
    return list(dict.fromkeys(value))


def expect_number(name: str, value: object, least: int, most: int) -> None:
    """Refuse the argument *name* if its *value* is no whole number in these bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidArguments(fields={name: f"must be a whole number from {least} to {most}"})


def expect_moment(name: str, value: object) -> datetime:
    """The moment that the argument *name* stands for; refuse it if its *value* is none."""
    moment = _moment(value)
    if moment is None:
        raise InvalidArguments(fields={name: A_MOMENT})
    return moment


def owner_named(requests: Sequence[Request]) -> tuple[str, tuple[str, ...]] | None:
    """
    On behalf of whom *requests* are made, and which teams that is in; None for the caller.

    Raises:
        InvalidArguments: Not all of them say the same.
    """
    owners = [(each.on_behalf_of, each.teams) for each in requests]
    for number, each in enumerate(owners):
        if each != owners[0]:
            reason = "must be the same, and in the same teams, for all requests of one call"
            raise InvalidArguments(fields={f"requests.{number}.on_behalf_of": reason})
    user, teams = owners[0] if owners else (None, ())
    return None if user is None else (user, teams)


def expect_user(name: str, value: object) -> None:
    """Refuse the argument *name* if its *value* can be no user's authid."""
    try:
        require_identity(value, "user")
    except ValueError as error:
        raise InvalidArguments(fields={name: f"cannot be: {error}"}) from None


def _require_owner(chosen: _Options) -> None:
    if chosen.on_behalf_of is not None:
        expect_user("on_behalf_of", chosen.on_behalf_of)
        try:
            require_identity(chosen.on_behalf_of, "user", chosen.teams)
        except ValueError as error:
            raise InvalidArguments(fields={"teams": f"cannot be: {error}"}) from None
    elif chosen.teams:
        raise InvalidArguments(fields={"teams": "goes with on_behalf_of only: your own are known"})


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
