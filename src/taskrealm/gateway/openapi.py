"""The description of the interface that programs read (OpenAPI 3.1), made from the routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from .. import __version__
from . import answers
from .problems import MEDIA_TYPE
from .routes import JSON, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .routes import Answer, Route

INTRODUCTION = """\
Runs the tasks of this node, follows their jobs and fetches what they leave, by plain HTTP.
Every request says who asks by a token in the header `Authorization: Bearer TOKEN`.
Bodies are JSON in UTF-8. A name that is not known here is a mistake, not ignored.
What goes wrong is told as problem details (RFC 9457); a program goes by their `code`.
"""

COMMON = (
    *(HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN),
    *(HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE),
)
WITH_BEARER = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
WITH_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)

PROBLEMS: Mapping[int, str] = {
    400: "The request is not understood",
    401: "There is no token, or it is not valid or has expired",
    403: "The bearer, or the page, may not do this",
    404: "There is nothing like this that the bearer may see",
    409: "This is at odds with what is there",
    410: "It has been there, and is gone",
    411: "The request does not say how long its body is",
    412: "What is there is not what the request goes by",
    413: "It is too large",
    415: "The body is of a kind that is not taken here",
    416: "There is no such part of it",
    422: "Fields are wrong; `fields` tells which, and why",
    429: "That was too much in too short a time",
    460: "The piece has not arrived as it was sent: its checksum differs",
    500: "It is our fault; the log tells more under the `reference`",
    503: "It cannot be done just now; try again after a while",
}
"""What each status of a problem means."""

Schemas = dict[tuple[Any, JsonSchemaMode], dict[str, Any]]


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The document that describes *routes*."""
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, schemas, components)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    used = {status for route in routes for status in _problems(route)}
    for route in routes:
        # They are described as parameters.
        components.pop(route.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "TaskRealm", "version": __version__, "description": INTRODUCTION},
        "servers": [{"url": PREFIX}],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(route.group for route in routes)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {str(status): _problem(status) for status in sorted(used)},
            "schemas": dict(sorted(components.items())),
        },
    }


def _operation(route: Route, schemas: Schemas, components: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.group],
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route, components)],
        "responses": {
            **{str(status): _answer(each, schemas) for status, each in route.answers.items()},
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in _problems(route)
            },
        },
    }
    told["parameters"] += [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    if route.description:
        told["description"] = route.description
    if route.body is not None:
        told["requestBody"] = {
            "required": any(field.is_required() for field in route.body.model_fields.values()),
            "content": {JSON: {"schema": schemas[route.body, "validation"]}},
        }
    elif route.media_type is not None:
        told["requestBody"] = {"required": True, "content": {route.media_type: {}}}
    if not route.bearer:
        told["security"] = []
    return told


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in names
    ]


def _query_parameters(route: Route, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    schema = components[route.query.__name__]
    required = schema.get("required", ())
    parameters = []
    for name, each in schema.get("properties", {}).items():
        described = dict(each)
        text = described.pop("description", None)
        parameters.append(
            {
                "name": name,
                "in": "query",
                "required": name in required,
                **({} if text is None else {"description": text}),
                "schema": described,
            }
        )
    return parameters


def _answer(answer: Answer, schemas: Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description}
    if answer.model is not None:
        told["content"] = {JSON: {"schema": schemas[_key(answer.model), "serialization"]}}
    elif answer.media_type is not None:
        told["content"] = {answer.media_type: {"schema": {"type": "string"}}}
        if answer.or_json:
            told["content"][JSON] = {}
    if answer.headers:
        told["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return told


def _problems(route: Route) -> Iterable[int]:
    """The statuses of the problems that a route may have."""
    statuses = {*COMMON, *route.problems}
    if route.bearer:
        statuses.update(WITH_BEARER)
    if route.body is not None or route.media_type is not None:
        statuses.update(WITH_BODY)
    statuses.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    return sorted(int(status) for status in statuses)


def _problem(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": PROBLEMS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        told["headers"] = {
            "Retry-After": {"description": "Seconds to wait", "schema": {"type": "string"}}
        }
    return told


def _schemas(routes: Sequence[Route]) -> tuple[Schemas, dict[str, Any]]:
    """The schema of each model of *routes*, and the components to which they refer."""
    wanted: dict[tuple[Any, JsonSchemaMode], TypeAdapter[Any]] = {
        (answers.Problem, "serialization"): TypeAdapter(answers.Problem)
    }
    for route in routes:
        for model in (route.body, route.query):
            if model is not None:
                wanted[model, "validation"] = TypeAdapter(model)
        for answer in route.answers.values():
            if answer.model is not None:
                wanted[_key(answer.model), "serialization"] = TypeAdapter(answer.model)
    schemas, definitions = TypeAdapter.json_schemas(
        [(key, mode, adapter) for (key, mode), adapter in wanted.items()],
        ref_template="#/components/schemas/{model}",
    )
    return schemas, definitions.get("$defs", {})


def _key(model: Any) -> Any:
    """What tells *model* from others: a class itself, and what is made of one by its text."""
    return model if isinstance(model, type) and issubclass(model, BaseModel) else str(model)
