"""Tasks with every kind of parameter, which say what has reached them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from taskrealm.tasks import (
    Below,
    Caller,
    Choices,
    CommandTask,
    Duration,
    Hint,
    Secret,
    Text,
    Upload,
    Value,
    task,
)

FOLDER = Path(__file__).parents[1] / "files"

COUNTRIES = ["Austria", "Belgium", "Chile", "Denmark", "Estonia", "Finland", "Ghana", "Hungary"]
COUNTRIES += ["Iceland", "Japan", "Kenya", "Latvia"]
TOWNS = {"north": ["Bergen", "Oslo"], "south": ["Bari", "Naples", "Palermo"]}


@dataclass
class Size:
    width: Annotated[int, Field(ge=1, le=4000), Hint(unit="px")]
    height: int = 480


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Box(BaseModel):
    kind: Literal["box"]
    size: Size


def towns(arguments: dict[str, Any], caller: Caller) -> list[tuple[str, str]]:
    """The towns of the region."""
    found = TOWNS.get(arguments.get("region", ""), [])
    return [(name.lower(), name) for name in found]


@task(name="forms.all")
def everything(
    line: Annotated[str, Field(title="A line", min_length=2), Hint(placeholder="two letters")],
    story: Text = "",
    quality: Annotated[int, Field(ge=0, le=51), Hint(unit="crf")] = 23,
    ratio: Annotated[float | None, Field(gt=0)] = None,
    loud: bool = False,
    preset: Annotated[Literal["web", "print"], Hint(titles={"web": "For the web"})] = "web",
    format: Literal["a3", "a4", "a5", "a6", "b4", "b5"] = "a4",
    country: Annotated[
        str, Field(json_schema_extra={"enum": COUNTRIES}), Hint(group="Places")
    ] = "Kenya",
    region: Annotated[Literal["north", "south"], Hint(group="Places")] = "north",
    town: Annotated[str | None, Choices(towns, after=["region"]), Hint(group="Places")] = None,
    days: list[Literal["mon", "tue", "wed"]] = [],
    day: date | None = None,
    at: time | None = None,
    moment: datetime | None = None,
    pause: Duration = 90,  # type: ignore[assignment]
    words: list[str] = [],
    numbers: list[int] = [],
    define: dict[str, int] = {},
    size: Size = Size(640),
    shape: Annotated[Circle | Box, Field(discriminator="kind")] | None = None,
    boxes: list[Size] = [],
    server: Annotated[Path | None, Below(FOLDER)] = None,
    photo: Annotated[Path | None, Upload(max=100_000, accept=[".txt", "image/*"])] = None,
    more: list[Annotated[Path, Upload()]] = [],
    password: Secret | None = None,
    anything: Any = None,
) -> dict[str, Any]:
    """Say what has come."""
    found = dict(locals())
    named = {name: _plain(value) for name, value in found.items() if name != "password"}
    return {**named, "password": password and len(password.get_secret_value())}


def _plain(value: Any) -> Any:
    match value:
        case Size():
            return {"width": value.width, "height": value.height}
        case BaseModel():
            return {name: _plain(each) for name, each in value}
        case Path():
            return value.read_text() if value.is_file() else value.name
        case list():
            return [_plain(each) for each in value]
        case date() | time() | datetime():
            return value.isoformat()
        case _:
            return getattr(value, "total_seconds", lambda: value)()


class Greet(CommandTask):
    """Print a greeting, whatever stands in it."""

    name = "forms.greet"
    words: str
    times: Annotated[int, Field(ge=1, le=9)] = 1
    password: Secret | None = None
    command = ("printf", "%s\n", Value("words", dash=True), Value("times"))
    environment = {"PASSWORD": Value("password")}
