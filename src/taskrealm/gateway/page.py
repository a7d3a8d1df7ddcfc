"""The page on which people read about the interface, made from its OpenAPI document."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STYLE = files(__package__).joinpath("manual.css").read_text(encoding="utf-8")
"""The style sheet of the page."""

METHODS = ("get", "post", "patch", "put", "delete", "head", "options")


def page(document: Mapping[str, Any]) -> str:
    """The page that tells what the OpenAPI *document* says."""
    return "\n".join(_Writer(document).page())


class _Writer:
    """Writes the page of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._base = document["servers"][0]["url"]
        self._schemas: Mapping[str, Any] = document["components"]["schemas"]

    def page(self) -> Iterator[str]:
        info = self._document["info"]
        groups = [tag["name"] for tag in self._document["tags"]]
        yield (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(info['title'])}: HTTP interface</title>\n"
            f'<link rel="stylesheet" href="{self._base}/manual.css">\n</head>\n<body>'
        )
        yield '<header><p class="brand">TaskRealm</p><nav aria-label="Groups">'
        yield "".join(f'<a href="#{_anchor(each)}">{escape(each)}</a>' for each in groups)
        yield (
            f'<a class="document" href="{self._base}/openapi.json">openapi.json</a>'
            "</nav></header>\n<main>\n<h1>HTTP interface</h1>"
        )
        yield from (f"<p>{_text(each)}</p>" for each in info["description"].splitlines())
        yield f"<pre>{escape(self._example())}</pre>"
        for group in groups:
            yield f'<section id="{_anchor(group)}"><h2>{escape(group)}</h2>'
            for path, operations in self._document["paths"].items():
                for method in METHODS:
                    if group in operations.get(method, {}).get("tags", ()):
                        yield from self._operation(method, path, operations[method])
            yield "</section>"
        yield '<section id="values"><h2>Values</h2>'
        for name, schema in self._schemas.items():
            yield from self._schema(name, schema)
        yield f"</section>\n</main>\n<footer>Version {escape(info['version'])}</footer>\n</body>\n</html>"

    def _example(self) -> str:
        body = json.dumps({"task": "archive.backup", "kwargs": {"folder": "reports"}})
        return (
            f"curl -H 'Authorization: Bearer TOKEN' -H 'Content-Type: application/json' \\\n"
            f"     -d '{body}' \\\n     https://example.com{self._base}/jobs"
        )

    def _operation(self, method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
        is_open = operation.get("security") == []
        yield (
            f'<details id="{escape(operation["operationId"])}"><summary>'
            f'<span class="method {method}">{method.upper()}</span> '
            f"<code>{escape(self._base + path)}</code> "
            f'<span class="what">{escape(operation["summary"])}</span>'
            f"{'<span class=open>no token</span>' if is_open else ''}</summary>"
        )
        if text := operation.get("description"):
            yield f"<p>{_text(text)}</p>"
        if parameters := operation["parameters"]:
            rows = (
                (
                    f"<code>{escape(each['name'])}</code>",
                    f"{escape(each['in'])}, {self._kind(each['schema'])}",
                    _text(each.get("description", "")),
                )
                for each in parameters
            )
            yield from _table(("Parameter", "Kind", ""), rows)
        if body := operation.get("requestBody"):
            for media_type, content in body["content"].items():
                kind = self._kind(content.get("schema", {}))
                yield f"<h3>Body <small>{escape(media_type)}</small></h3><p>{kind}</p>"
        yield from _table(
            ("Status", "Body", "Meaning"),
            (self._answer(status, each) for status, each in operation["responses"].items()),
        )
        yield "</details>"

    def _answer(self, status: str, answer: Mapping[str, Any]) -> tuple[str, str, str]:
        if "$ref" in answer:
            answer = self._document["components"]["responses"][status]
        kinds = [
            self._kind(each.get("schema", {})) if "json" in media_type else escape(media_type)
            for media_type, each in answer.get("content", {}).items()
        ]
        badge = f'<span class="status s{status[0]}">{status}</span>'
        headers = "".join(
            f"<br><code>{escape(name)}</code>: {_text(each['description'])}"
            for name, each in answer.get("headers", {}).items()
        )
        return badge, ", ".join(kinds), _text(answer["description"]) + headers

    def _schema(self, name: str, schema: Mapping[str, Any]) -> Iterator[str]:
        # Browsers open what holds the target of a link, not a target that is closed itself.
        yield f"<details><summary><code>{escape(name)}</code> "
        yield f'<span class="what">{_text(schema.get("description", ""))}</span></summary>'
        yield f'<div id="value-{escape(name)}"></div>'
        required = schema.get("required", ())
        if "properties" in schema:
            rows = (
                (
                    f"<code>{escape(field)}</code>{'' if field in required else '<i>?</i>'}",
                    self._kind(each),
                    _text(each.get("description", "")),
                )
                for field, each in schema["properties"].items()
            )
            yield from _table(("Name", "Kind", ""), rows)
        else:
            yield f"<p>{self._kind(schema)}</p>"
        yield "</details>"

    def _kind(self, schema: Any) -> str:
        """What a value of *schema* is, in a few words, with links to what is described here."""
        match schema:
            case {"$ref": str(reference)}:
                name = escape(reference.rpartition("/")[2])
                return f'<a href="#value-{name}">{name}</a>'
            case {"enum": list(values)}:
                return " | ".join(f"<code>{escape(json.dumps(each))}</code>" for each in values)
            case {"const": value}:
                return f"<code>{escape(json.dumps(value))}</code>"
            case {"anyOf": list(kinds)}:
                return " or ".join(map(self._kind, kinds))
            case {"type": "array", "items": items}:
                return f"list of {self._kind(items)}"
            case {"type": "object", "additionalProperties": dict(values)} if values:
                return f"object of {self._kind(values)}"
            case {"type": str(kind)}:
                return escape(kind) + _bounds(schema)
        return "any JSON value"


def _bounds(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "≥",
        "exclusiveMinimum": ">",
        "maximum": "≤",
        "maxLength": "length ≤",
        "maxItems": "length ≤",
    }
    told = [f"{sign} {schema[name]:,}" for name, sign in words.items() if name in schema]
    return f" <small>{escape(', '.join(told))}</small>" if told else ""


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "<table><thead><tr>"
    yield "".join(f'<th scope="col">{head}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</tbody></table>"


def _text(text: str) -> str:
    """*text* as HTML, what stands in backticks as code."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{each}</code>" if at % 2 else each for at, each in enumerate(parts))


def _anchor(name: str) -> str:
    return "group-" + "".join(char if char.isalnum() else "-" for char in name.lower())
