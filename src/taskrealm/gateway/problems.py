"""What went wrong, as problem details (RFC 9457) with the status that fits."""

from __future__ import annotations

import json
import math
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from ..protocol import errors, uris
from ..wire import Disconnected, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
CHALLENGE = "Bearer"

STATUSES: Mapping[type[errors.Error], HTTPStatus] = {
    errors.InvalidArguments: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidToken: HTTPStatus.UNAUTHORIZED,
    errors.NotAuthorized: HTTPStatus.FORBIDDEN,
    errors.UnknownTask: HTTPStatus.NOT_FOUND,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.UnknownUpload: HTTPStatus.NOT_FOUND,
    errors.UnknownArtifact: HTTPStatus.NOT_FOUND,
    errors.UnknownQuestion: HTTPStatus.NOT_FOUND,
    errors.DuplicateJob: HTTPStatus.CONFLICT,
    errors.JobFailed: HTTPStatus.CONFLICT,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.QueueFull: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Draining: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Internal: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""The status of each error of the wire contract."""

RETRY_AFTER = {errors.Unavailable: 2, errors.QueueFull: 5, errors.Draining: 10}
"""Seconds after which it is worth while to ask again."""

CODES = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.FORBIDDEN: "not_authorized",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
}
"""What the wire contract has no error for."""


class Problem(Exception):
    """
    An answer that says what went wrong.

    `code` is the stable name of the problem, `more` what else a program may want to know.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.more = dict(more or {})
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The problem as a response."""
        body = {
            **self.more,
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "code": self.code,
        }
        return web.Response(
            status=self.status,
            body=json.dumps(body, default=str).encode(),
            headers={**self.headers, "Content-Type": MEDIA_TYPE},
        )


def problem_of(error: Exception) -> Problem:
    """What *error* is to the client; of what nobody foresaw it learns a reference only."""
    match error:
        case Problem():
            return error
        case errors.Error():
            return _of_wire(error)
        case Refused():
            return _of_refusal(error)
        case Disconnected(uri=uris.EXPIRED | uris.REVOKED):
            return _of_wire(errors.InvalidToken("The token is not valid any more"))
        case Disconnected():
            return _of_wire(errors.Unavailable("The connection to the router was lost; try again"))
        case web.HTTPException():
            return _of_http(error)
    reference = uuid.uuid4().hex[:12]
    log.error("A request failed", reference=reference, exc_info=error)
    return _of_wire(errors.Internal(reference=reference))


def _of_wire(error: errors.Error) -> Problem:
    status = STATUSES.get(type(error), HTTPStatus.BAD_GATEWAY)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = f'{CHALLENGE} error="invalid_token"'
    if isinstance(error, errors.RateLimited):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif type(error) in RETRY_AFTER:
        headers["Retry-After"] = str(RETRY_AFTER[type(error)])
    return Problem(status, error.code, error.message, more=error.data, headers=headers)


def _of_refusal(refused: Refused) -> Problem:
    """Why the router has not let a bearer in."""
    error = errors.from_wire(refused.uri, refused.message, {})
    if isinstance(error, errors.NotAuthorized | errors.InvalidToken):
        return _of_wire(error)
    return _of_wire(errors.InvalidToken("The token is not valid or has expired"))


def _of_http(error: web.HTTPException) -> Problem:
    status = HTTPStatus(error.status)
    detail = {
        HTTPStatus.NOT_FOUND: "There is nothing at this address",
        HTTPStatus.METHOD_NOT_ALLOWED: "This address does not know this method",
    }.get(status, error.reason)
    headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    code = CODES.get(status, "bad_request")
    return Problem(status, code, detail, headers=headers)
