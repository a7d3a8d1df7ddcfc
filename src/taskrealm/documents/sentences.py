"""Says in words what pydantic found wrong with a value, and where in it."""

from __future__ import annotations

import difflib
import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

SENTENCES = 3  # about one place; a union may have one for each of its types
UNEXPECTED = ("extra_forbidden", "unexpected_keyword_argument")
ABSENT = ("missing", "missing_argument", "missing_keyword_only_argument")


def by_place(
    error: ValidationError, values: Mapping[str, object], *, ignore: Sequence[str] = ()
) -> dict[str, str]:
    """
    One sentence for each place in *values* about which *error* complains.

    A place is the name of a parameter, and behind dots the names of fields within it; items
    of a list are named in the sentence.
    """
    sentences: dict[str, dict[str, None]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        if problem["type"] not in ignore:
            path = _path(problem, values)
            names = list(itertools.takewhile(lambda step: isinstance(step, str), path))
            inside = path[len(names) :]
            sentence = " ".join((*([_within(inside)] if inside else ()), _sentence(problem)))
            place = ".".join(_printable(str(name)) for name in names)
            sentences.setdefault(place, {})[sentence] = None
    return {place: "; or ".join(list(each)[:SENTENCES]) for place, each in sentences.items()}


def problems_of(
    error: ValidationError, values: Mapping[str, object]
) -> list[tuple[tuple[str | int, ...], str, bool]]:
    """
    The path to each place in *values* about which *error* complains, with a sentence.

    The third tells whether nothing of this name is known there.
    """
    problems: dict[tuple[str | int, ...], tuple[dict[str, None], bool]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        is_unknown = problem["type"] in UNEXPECTED
        path = tuple(_path(problem, values))
        sentences, _ = problems.setdefault(path, ({}, is_unknown))
        sentences[_sentence(problem)] = None
    return [
        (path, "; or ".join(list(sentences)[:SENTENCES]), is_unknown)
        for path, (sentences, is_unknown) in problems.items()
    ]


def suggestion_for(name: str, known: Iterable[str]) -> str:
    """What to add to a message about *name* if one of *known* is much like it."""
    for match in difflib.get_close_matches(name, known, n=1, cutoff=0.75):
        return f"; did you mean {match!r}?"
    return ""


def _path(problem: ErrorDetails, values: Mapping[str, object]) -> list[str | int]:
    """
    Where in *values* the problem is.

    Pydantic also names the alternatives of a union that it tried: they are no place.
    """
    path: list[str | int] = []
    value: Any = values
    steps = problem["loc"]
    for number, step in enumerate(steps):
        is_last = number == len(steps) - 1
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        elif isinstance(value, dict) and step in value:
            value = value[step]
        elif not (path == [] or (is_last and problem["type"] in ABSENT)):
            continue
        else:
            value = None
        path.append(step)
    return path


def _sentence(problem: ErrorDetails) -> str:
    """What is wrong, in words that follow the name of the place."""
    if problem["type"] in UNEXPECTED:
        text = "is not known here"
    elif problem["type"] in ABSENT:
        text = "is required"
    else:
        # Of a secret, pydantic counts "items", and tells how many there are.
        text = re.sub(
            r"^Value (.*) items? after validation, not .*$", r"Value \1 characters", problem["msg"]
        )
        text = re.sub(r"^[A-Z][a-z]+( input)? should ", "must ", text)
        text = re.sub(r"^(Value error|Assertion failed), ", "", text)
        text = _union(problem) or text
    return _printable(text)


def _union(problem: ErrorDetails) -> str | None:
    if problem["type"] not in ("union_tag_invalid", "union_tag_not_found"):
        return None
    context = problem["ctx"]
    tags = context.get("expected_tags", "")
    among = f"one of {tags}" if tags else "what it is one of"
    return f"must say in {context['discriminator']} which it is: {among}"


def _within(inside: Sequence[str | int]) -> str:
    """`width of item 2` for `[1, "width"]`."""
    words = [f"item {step + 1}" if isinstance(step, int) else step for step in inside]
    return " of ".join(reversed(words))


def _printable(text: str) -> str:
    # Pydantic quotes a character now and then; none may disturb a terminal.
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
