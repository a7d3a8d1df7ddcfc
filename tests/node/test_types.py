"""`taskrealm types`: what TypeScript then accepts, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from click.testing import CliRunner
from tests.needs import needs
from tests.nodes import ROOT, make_node

from taskrealm.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

LIMIT = 60.0  # seconds

TASKS = '''
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from taskrealm.tasks import Choices, Duration, Hint, Secret, Upload, task


@dataclass
class Size:
    width: Annotated[int, Field(ge=1), Hint(unit="px")]
    height: int = -2


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Box(BaseModel):
    kind: Literal["box"]
    size: Size


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


@task(name="draw.all")
def draw(
    source: Annotated[Path, Upload(100, (".svg",))],
    shape: Annotated[Circle | Box, Field(discriminator="kind")],
    more: list[Annotated[Path, Upload()]] = [],
    quality: Annotated[int, Field(ge=0, le=51, description="How good */ it is")] = 23,
    preset: Literal["web", "print"] = "web",
    day: date | None = None,
    table: Annotated[str, Choices(command=["echo", "a"])] = "a",
    pause: Duration = 90,
    size: Size = Size(640),
    define: dict[str, str] = {},
    password: Secret | None = None,
    color: Color = Color.RED,
    pair: tuple[str, int] = ("a", 1),
    tags: list[Literal["x", "y"]] = [],
    tree: Tree | None = None,
    anything: Any = None,
):
    """
    Draw something.

    What it */ draws is up to you.
    """


@task(name="rest")
def rest(loud: bool = False):
    """Do nothing."""
'''

CALLS = """
import {connect} from "@taskrealm/client"

const client = await connect({token: "tr_none"})
const shape = {kind: "circle", radius: 2} as const
const source = "019a"
const name: string = location.hash

// Right calls.
await client.exec("rest")
await client.exec("rest", {loud: true}, {priority: 5})
await client.exec("draw.all", {source, shape})
await client.exec("draw.all", {source, shape: {kind: "box", size: {width: 3}}})
await client.exec("draw.all", {
  source: new File(["a"], "a.svg"),
  more: [new Blob(["b"]), "019b"],
  shape,
  quality: 3,
  preset: "print",
  day: null,
  table: "orders",
  pause: "PT1H",
  size: {width: 3, height: 4},
  define: {a: "b"},
  password: "pst",
  color: "blue",
  pair: ["a", 2],
  tags: ["x", "y"],
  tree: {name: "a", children: [{name: "b"}]},
  anything: [1, {two: 3}],
})
await client.run("draw.all", ["019a", shape])
await client.check("draw.all", {source, shape, pause: 3.5})
await client.exec(name, {whatever: 1})

// Wrong ones.
// @ts-expect-error there is no such task
await client.exec("draw.none", {})
// @ts-expect-error what it needs is missing
await client.exec("draw.all")
// @ts-expect-error one of what it needs is missing
await client.exec("draw.all", {source})
// @ts-expect-error not this shape
await client.exec("draw.all", {source, shape: {kind: "line"}})
// @ts-expect-error a shape takes what belongs to it
await client.exec("draw.all", {source, shape: {kind: "box", radius: 2}})
// @ts-expect-error no such parameter
await client.exec("draw.all", {source, shape, colour: "red"})
// @ts-expect-error a number is no text
await client.exec("draw.all", {source, shape, quality: "3"})
// @ts-expect-error not one of the choices
await client.run("draw.all", {source, shape, preset: "video"})
// @ts-expect-error not one of the values
await client.check("draw.all", {source, shape, color: "green"})
// @ts-expect-error a group lacks what it needs
await client.exec("draw.all", {source, shape, size: {height: 2}})
// @ts-expect-error only what says so takes null
await client.exec("draw.all", {source, shape, quality: null})
// @ts-expect-error a list of other values
await client.exec("draw.all", {source, shape, tags: ["z"]})
// @ts-expect-error too short
await client.exec("draw.all", {source, shape, pair: ["a"]})
// @ts-expect-error not a mapping to text
await client.exec("draw.all", {source, shape, define: {a: 1}})
// @ts-expect-error no such option
await client.exec("rest", {}, {prioritee: 1})
"""

UNKNOWN = """
import {connect} from "@taskrealm/client"

const client = await connect({token: "tr_none"})
await client.exec("anything", {at: "all"}, {priority: 5})
await client.run("anything")
await client.check("anything", [1, 2])
// @ts-expect-error a task has a name
await client.exec(3)
"""

OPTIONS = {
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "Bundler",
    "lib": ["ES2023", "DOM"],
    "types": [],
    "strict": True,
    "noEmit": True,
}


def compiled(folder: Path, **files: str) -> str:
    """What the compiler says of *files*, which use the library as it is published."""
    needs("node")
    package = folder / "node_modules" / "@taskrealm" / "client"
    package.parent.mkdir(parents=True)
    package.symlink_to(ROOT / "web" / "client")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    settings = {"compilerOptions": OPTIONS, "include": ["*.ts"]}
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [ROOT / "web" / "node_modules" / ".bin" / "tsc", "--project", folder],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return done.stdout + done.stderr


def test_only_calls_that_fit_the_tasks_of_a_site_compile(tmp_path: Path, short_path: Path) -> None:
    site = make_node(short_path, component="")
    (site.root / "tasks" / "shapes.py").write_text(TASKS)
    written = CliRunner().invoke(main, ["types", "--offline", "--node", str(site.root)])

    assert written.exit_code == 0, written.stderr
    assert compiled(tmp_path, tasks_d_ts=written.stdout, calls_ts=CALLS) == ""


def test_as_long_as_no_tasks_are_known_any_may_be_called(tmp_path: Path) -> None:
    assert compiled(tmp_path, calls_ts=UNKNOWN) == ""


def test_a_running_node_tells_of_the_tasks_that_one_may_run(site: Node, tmp_path: Path) -> None:
    def types(role: str) -> str:
        token = site.issue("types_tom", role)
        command = [sys.executable, "-m", "taskrealm", "types", "--url", site.url, "--token", token]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=True)
        return done.stdout

    own = types("user")
    assert '"video.transcode": {' in own
    assert '"probe.operators"' not in own
    assert '"probe.operators"' in types("operator")
    assert compiled(tmp_path, tasks_d_ts=own) == ""


def test_a_mistake_in_the_tasks_of_a_site_is_named(short_path: Path) -> None:
    site = make_node(short_path, component="")
    (site.root / "tasks" / "broken.py").write_text("from nowhere import nothing\n")
    done = CliRunner().invoke(main, ["types", "--offline", "--node", str(site.root)])

    assert done.exit_code == 2
    assert done.stdout == ""
    assert "broken.py" in done.stderr
    assert "nowhere" in done.stderr
