"""What a request says: who asks, from where, and for what."""

from __future__ import annotations

import json
import math
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Never, TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from ..protocol.errors import InvalidArguments
from .problems import CHALLENGE, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8192}")
"""What can be a bearer token (RFC 6750, section 2.1)."""

UNKNOWN = "unknown"
"""The address of a client of which nobody says where it is."""

# JSON has escapes for halves of characters, which are no text anywhere else.
_SURROGATE = re.compile(rb"\\u[dD][89abAB-fF]")

Model = TypeVar("Model", bound=BaseModel)


def bearer_of(request: web.Request) -> str:
    """
    The bearer token of *request*, from its `Authorization` header and nowhere else.

    Raises:
        Problem: There is none.
    """
    given = request.headers.getall("Authorization", [])
    scheme, _, token = given[0].strip().partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or TOKEN.fullmatch(token.strip()) is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "invalid_token",
            "This needs a token, in the header `Authorization: Bearer TOKEN`",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    return token.strip()


def address_of(request: web.Request) -> str:
    """Where *request* comes from, as the router says, which is the only one to reach us."""
    return request.headers.get("X-Forwarded-For", UNKNOWN)


async def body_of(request: web.Request, model: type[Model]) -> Model:
    """
    The JSON body of *request* as a *model*; nothing at all is an empty object.

    Raises:
        Problem: It is no JSON, or too much of it.
        InvalidArguments: It is no *model*; the fields say why.
    """
    body = await request.read()
    if not body:
        return validated(model, {})
    if request.content_type != "application/json" or (request.charset or "utf-8") != "utf-8":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be JSON in UTF-8, with `Content-Type: application/json`",
            headers={"Accept": "application/json"},
        )
    return validated(model, parsed(body))


def parsed(body: bytes) -> Any:
    """
    The value of the JSON text *body*.

    Raises:
        Problem: It is none, or has something in it that other parsers do not take.
    """
    try:
        value = json.loads(
            body.decode(),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_unique,
        )
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            "bad_request",
            f"The body is no JSON that can be taken: {reason}",
        ) from None
    return value


def query_of(request: web.Request, model: type[Model]) -> Model:
    """
    The parameters in the address of *request* as a *model*; one that repeats is a list.

    Raises:
        InvalidArguments: They are no *model*; the fields say why.
    """
    query = request.query
    fields = model.model_fields.items()
    many = {name for name, field in fields if get_origin(field.annotation) is list}
    given: dict[str, Any] = {}
    for name in query:
        values = query.getall(name)
        if len(values) > 1 and name not in many:
            raise InvalidArguments(fields={name: "is given more than once"})
        given[name] = values if name in many else values[0]
    return validated(model, given)


def validated(model: type[Model], value: Any) -> Model:
    """
    *value* as a *model*.

    Raises:
        InvalidArguments: It is none; the fields say why.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        known = ", ".join(model.model_fields)
        raise InvalidArguments(
            fields={
                ".".join(map(str, problem["loc"])) or "body": _sentence(problem, known)
                for problem in error.errors(include_url=False, include_input=False)
            }
        ) from None


def _sentence(problem: Mapping[str, Any], known: str) -> str:
    match problem["type"]:
        case "extra_forbidden" if known and len(problem["loc"]) == 1:
            return f"is not known here; known are {known}"
        case "extra_forbidden":
            return "is not known here"
        case "missing":
            return "is required"
        case "model_type" | "model_attributes_type":
            return "must be an object"
    text = str(problem["msg"]).replace("Input should", "must")
    return text[:1].lower() + text[1:]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("an object has the same name twice")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _refuse_constant(text: str) -> Never:
    raise ValueError(f"{text} is no number")
