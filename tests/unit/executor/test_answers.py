"""What answers are checked by, and that no schema and no answer makes it take long."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.executor.answers import AnswerSchema
from taskrealm.tasks.values import Unfit

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = 500_000  # calls of functions, for which everybody else would have to wait


def count_calls(work: Callable[[], object]) -> int:
    """How many functions *work* calls: the same on every machine, however busy it is."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        pytest.param({"type": "boolean"}, [True, False], [1, "yes", None], id="yes or no"),
        pytest.param({"type": "integer", "minimum": 1}, [1, 2.0], [0, 1.5, True], id="a number"),
        pytest.param({"enum": ["a", None]}, ["a", None], ["b", ["a"]], id="a choice"),
        pytest.param({"pattern": "^[a-z]+$"}, ["ab", 5], ["A", "a1"], id="a pattern"),
        pytest.param({"uniqueItems": True}, [[1, 2], "aa"], [[{"a": 1}, {"a": 1}]], id="unique"),
        pytest.param(
            {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
            [{"x": "a", "y": 1}],
            [{}, {"x": 1}, []],
            id="an object",
        ),
        pytest.param(
            {"anyOf": [{"type": "null"}, {"type": "string", "title": "x"}]},
            [None, "a"],
            [5],
            id="or",
        ),
        pytest.param(
            {"title": "anything"}, [None, {"a": [1]}], [float("nan"), "\0"], id="anything"
        ),
    ],
)
def test_an_answer_fits_its_schema_or_is_told_why_not(
    schema: dict[str, Any], fits: list[Any], does_not: list[Any]
) -> None:
    answers = AnswerSchema(schema)

    for value in fits:
        assert answers.problems(value, "value") == {}
    for value in does_not:
        [(place, sentence)] = answers.problems(value, "value").items()
        assert place.split(".")[0] == "value"
        assert 0 < len(sentence) <= 200
        assert sentence.isprintable()


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        pytest.param(None, "must be a JSON object", id="none"),
        pytest.param({}, "must be a JSON object", id="empty"),
        pytest.param({"$ref": "#"}, r"has \$ref, which no answer is checked by", id="itself"),
        pytest.param({"$ref": "file:///etc/passwd"}, r"has \$ref", id="a file"),
        pytest.param({"not": {"$dynamicRef": "#a"}}, r"has \$dynamicRef", id="deep inside"),
        pytest.param({"anyOf": [{"$defs": {}}]}, r"has \$defs", id="definitions"),
        pytest.param({"patternProperties": {"(a+)+": {}}}, "has patternProp", id="by pattern"),
        pytest.param({"type": "text"}, "schema.type is wrong", id="an unknown type"),
        pytest.param({"minimum": "1"}, "schema.minimum is wrong", id="no number"),
        pytest.param({"pattern": "(a)\\1"}, "may not look around or back", id="back reference"),
        pytest.param({"pattern": "(((a{99}){99}){99}){99}"}, "cannot be used", id="a huge pattern"),
        pytest.param({"enum": ["x" * 9_000]}, "more than 8192 bytes", id="too long"),
        pytest.param({"properties": {"a": 5}}, "must be of JSON objects", id="no schema inside"),
        pytest.param({"anyOf": [{}] * 2_000}, "more than 600 schemas", id="too many inside"),
    ],
)
def test_a_schema_that_could_not_be_checked_is_refused(schema: object, reason: str) -> None:
    def refuse() -> None:
        with pytest.raises(Unfit, match=reason):
            AnswerSchema(schema)

    assert count_calls(refuse) < LONG


@pytest.mark.parametrize(
    ("schema", "answer", "problem"),
    [
        pytest.param(
            {"pattern": "(a+)+(b|c)+$"}, "a" * 8_000, "fit the pattern", id="a pattern going back"
        ),
        pytest.param(
            {"uniqueItems": True},
            [{"a": n} for n in range(600)] + [{"a": 0}],
            "the same item twice",
            id="many to compare",
        ),
        pytest.param(
            {"anyOf": [{"items": {"type": "null"}}] * 200},
            [0] * 2_500,
            "too long to be checked",
            id="many times",
        ),
        pytest.param(
            {"items": {"allOf": [{"not": {"enum": [n]}} for n in range(250)]}},
            [-1] * 2_000,
            "too long to be checked",
            id="many keywords for many items",
        ),
    ],
)
def test_no_answer_takes_long_to_be_checked(
    schema: dict[str, Any], answer: Any, problem: str
) -> None:
    answers = AnswerSchema(schema)
    found: dict[str, str] = {}
    calls = count_calls(lambda: found.update(answers.problems(answer, "value")))

    assert problem in found["value"]
    assert calls < LONG
