"""The description of the interface is whole, and says what is so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from taskrealm.executor.arguments import _Options
from taskrealm.gateway import bodies
from taskrealm.gateway.app import routes
from taskrealm.gateway.openapi import document
from taskrealm.gateway.page import page
from taskrealm.gateway.problems import STATUSES
from taskrealm.protocol.errors import BY_URI

DOCUMENT = document(routes())


def test_it_is_what_the_specification_demands() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_route_is_in_it() -> None:
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }

    assert described == {(route.method, route.path) for route in routes()}


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [route.name for route in routes()]

    assert len(names) == len(set(names))


def test_its_groups_are_named_in_one_way() -> None:
    groups = [tag["name"] for tag in DOCUMENT["tags"]]

    assert len(groups) == len({group.lower() for group in groups})


def test_a_route_without_a_token_says_so() -> None:
    open_paths = {
        path
        for path, operations in DOCUMENT["paths"].items()
        for operation in operations.values()
        if operation.get("security") == []
    }

    assert open_paths == {
        *("/health/live", "/health/ready", "/token", "/files/{ticket}"),
        "/uploads",
    }


def test_the_options_of_a_job_are_those_of_the_executor() -> None:
    asked = set(bodies.Submit.model_fields) - {"task", "args", "kwargs"}

    # What a trace is comes in a header.
    assert asked == set(_Options.model_fields) - {"traceparent"}


@pytest.mark.parametrize("error", BY_URI.values())
def test_every_error_of_the_wire_has_a_status(error: Any) -> None:
    assert error in STATUSES


def test_the_page_names_every_route_and_every_value() -> None:
    text = page(DOCUMENT)

    for route in routes():
        assert f'id="{route.name}"' in text
    for name in DOCUMENT["components"]["schemas"]:
        assert f'id="value-{name}"' in text


def test_the_page_loads_nothing_from_elsewhere_and_runs_nothing() -> None:
    text = page(DOCUMENT)

    assert "<script" not in text
    assert " style=" not in text
    assert all(
        part.startswith(("#", "/api/"))
        for part in (each.split('"')[0] for each in text.split('href="')[1:])
    )


def test_what_is_written_in_descriptions_is_text_on_the_page() -> None:
    described = json.loads(json.dumps(DOCUMENT))
    described["info"]["description"] = "<script>alert(1)</script>"

    assert "<script" not in page(described)
