"""The page about the elements says of each what its code says, and nothing else."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from tests.nodes import ROOT

PAGE = ROOT / "docs" / "elements.md"
SOURCES = ROOT / "web" / "elements" / "src"
ELEMENTS = ("form", "job", "jobs", "progress", "output")

CLASS = r"(?P<about>/\*\*(?:(?!\*/).)*\*/)\n@customElement\(\"taskrealm-{}\"\)\n(?P<body>.*?)\n}}\n"
PROPERTY = re.compile(r"@property\((?P<options>.*?)\)\s+(?:accessor )?(?P<name>\w+)[?!]?[:= ]")
PART = re.compile(r"[a-z][a-z-]*")
PLACED = re.compile(r"""part(?:="|", ")([^"]*)\"""")


class Surface(NamedTuple):
    """What a page sees of an element."""

    attributes: set[str]
    events: set[str]
    parts: set[str]
    slots: set[str]


def in_code(element: str) -> Surface:
    """What the class of *element* declares."""
    pattern = re.compile(CLASS.format(element), re.DOTALL)
    ((about, body),) = [
        (found["about"], found["body"])
        for file in SOURCES.rglob("*.ts")
        if (found := pattern.search(file.read_text()))
    ]
    declared = [*PROPERTY.finditer(body)]
    return Surface(
        {named for each in declared if (named := attribute(each)) is not None},
        set(re.findall(r"@fires (taskrealm-[a-z-]+)", about)),
        parts_of(about),
        {*re.findall(r"@slot ([a-z]+)", about), *re.findall(r'<slot name="([a-z]+)"', body)},
    )


def attribute(declared: re.Match[str]) -> str | None:
    """The attribute of a property; None if it has none."""
    options = declared["options"]
    if "attribute: false" in options:
        return None
    named = re.search(r'attribute: "([a-z-]+)"', options)
    return declared["name"].lower() if named is None else named[1]


def parts_of(about: str) -> set[str]:
    """The parts that the comment of a class names."""
    lines = re.sub(r"^ \* ?", "", about, flags=re.MULTILINE)
    named = [text.partition(" - ")[0] for text in re.findall(r"@csspart (.*)", lines)]
    named += [
        ", ".join(re.findall(r"`(.*?)`", text))
        for text in re.findall(r"^Parts: (.*)", lines, re.MULTILINE)
    ]
    return {part for text in named for part in PART.findall(text)}


def on_page(element: str) -> Surface:
    """What the section about *element* says."""
    text = sections()[f"`<taskrealm-{element}>`"]
    tables = {
        found["kind"]: set(re.findall(r"^\| `([a-z-]+)` \|", found["rows"], re.MULTILINE))
        for found in re.finditer(
            r"^\| (?P<kind>attribute|event) \|.*\n\|[-|]+\n(?P<rows>(?:\|.*\n)+)",
            text,
            re.MULTILINE,
        )
    }
    parts = re.search(r"^Parts: (.*?)\.( |$)", text, re.MULTILINE)
    return Surface(
        tables["attribute"],
        tables["event"],
        set(re.findall(r"`([a-z-]+)`", parts[1])) if parts else set(),
        set(re.findall(r"slot `([a-z]+)`", text)),
    )


def sections() -> dict[str, str]:
    title, *rest = PAGE.read_text().split("\n## ")
    return {head: text for head, _, text in (each.partition("\n") for each in rest)} | {"": title}


@pytest.mark.parametrize("element", ELEMENTS)
def test_each_attribute_event_part_and_slot_is_on_the_page_and_in_the_code(element: str) -> None:
    code, page = in_code(element), on_page(element)

    assert code.attributes
    assert page == code


@pytest.mark.parametrize("element", ELEMENTS)
def test_each_event_is_told_and_each_part_is_there(element: str) -> None:
    code = "".join(file.read_text() for file in SOURCES.rglob("*.ts"))
    parts = {word for value in PLACED.findall(code) for word in PART.findall(value)}
    shown = on_page(element)

    assert {event for event in shown.events if re.search(rf'\(\s*"{event}"', code)} == shown.events
    assert shown.parts <= parts


def test_what_all_elements_have_is_on_the_page() -> None:
    base = (SOURCES / "realm-element.ts").read_text()
    attributes = {attribute(each) for each in PROPERTY.finditer(base)} - {None}

    assert (
        set(re.findall(r"^\| `([a-z-]+)` \|", sections()["All elements"], re.MULTILINE))
        == attributes
    )


def test_each_custom_property_is_on_the_page_and_in_the_code() -> None:
    name = re.compile(r"--taskrealm-[a-z-]+")
    code = {each for file in SOURCES.rglob("*.ts") for each in name.findall(file.read_text())}

    assert set(name.findall(sections()["How they look"])) == code


def test_each_element_has_a_section() -> None:
    public = {
        each
        for file in SOURCES.rglob("*.ts")
        for each in re.findall(r'@customElement\("taskrealm-([a-z]+)"\)', file.read_text())
    }

    assert {*ELEMENTS} == public - INNER


INNER = {"checklist", "combobox"}
"""Elements that are of use within others only."""


def test_the_examples_of_the_page_name_what_there_is() -> None:
    page = PAGE.read_text()
    for tag, words in re.findall(r"<taskrealm-([a-z]+)((?: [^<>]*)?)></taskrealm-\1>", page):
        if tag in ELEMENTS:
            given = set(re.findall(r"([a-z-]+)(?:=(?:\"[^\"]*\"|'[^']*')|(?= |$))", words))
            assert given <= on_page(tag).attributes


def test_the_delegation_on_the_page_is_the_one_that_the_examples_are_tried_with() -> None:
    tried = (ROOT / "tests" / "browser" / "test_pages.py").read_text()
    (shown,) = re.findall(r"# router/roles\.toml.*\n(.*?)```", PAGE.read_text(), re.DOTALL)

    assert shown.strip() in tried
