"""Parameters that name files, and that nothing outside their folder can be named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import pytest

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import Below, CommandTask, ProgramTask, TaskError, Value


def reader(root: Path) -> ProgramTask:
    body = {
        "__annotations__": {"source": Annotated[Path, Below(root)]},
        "name": "reader",
        "command": ("cat", Value("source")),
    }
    return ProgramTask(type("Reader", (CommandTask,), body))


def writer(root: Path) -> ProgramTask:
    body = {
        "__annotations__": {"target": Annotated[Path | None, Below(root, new=True)]},
        "name": "writer",
        "command": ("touch", Value("target")),
        "target": None,
    }
    return ProgramTask(type("Writer", (CommandTask,), body))


def refusal(task: ProgramTask, name: object) -> str:
    with pytest.raises(InvalidArguments) as refused:
        task.bind([name], {})
    (sentence,) = refused.value.fields.values()
    return sentence


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder `files/` with a few files, and a secret beside it."""
    root = tmp_path / "files"
    (root / "films").mkdir(parents=True)
    (root / "films" / "a b.mov").write_text("film")
    (root / "-rf").write_text("odd name")
    (root / "near.mov").symlink_to("films/a b.mov")
    (root / "far.txt").symlink_to(tmp_path / "secret.txt")
    (root / "gone.txt").symlink_to("nowhere")
    (root / "circle").symlink_to("circle")
    (root / "up").symlink_to(tmp_path)
    os.mkfifo(root / "pipe")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "files-of-others").mkdir()
    (tmp_path / "files-of-others" / "b.mov").write_text("film")
    return root


@pytest.mark.parametrize("name", ["films/a b.mov", "./films//a b.mov", "near.mov", "-rf"])
def test_the_program_receives_the_absolute_path_of_a_file_below(files: Path, name: str) -> None:
    task = reader(files)

    arguments = task.bind([name], {})

    (_, path) = task.argv(arguments)
    assert Path(path) == (files / name).resolve()
    assert arguments.values == {"source": name}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("", "must be a name below the folder files/", id="empty"),
        pytest.param(".", "must be a name below the folder files/", id="the folder itself"),
        pytest.param("../secret.txt", "without '..'", id="up"),
        pytest.param("films/../../secret.txt", "without '..'", id="down and up"),
        pytest.param("films/../near.mov", "without '..'", id="up but not out"),
        pytest.param("/etc/passwd", "must be a name below the folder files/", id="absolute"),
        pytest.param("../files-of-others/b.mov", "without '..'", id="a folder of a like name"),
        pytest.param("far.txt", "leads out of the folder files/", id="link to the outside"),
        pytest.param("up/secret.txt", "leads out of the folder files/", id="linked folder"),
        pytest.param("circle", "names no file", id="circle of links"),
        pytest.param("gone.txt", "names no file", id="link to nothing"),
        pytest.param("b.mov", "names no file in the folder files/", id="not there"),
        pytest.param("near.mov/x", "names no file in the folder files/", id="below a file"),
        pytest.param("films", "must name a file, not a folder", id="folder"),
        pytest.param("pipe", "must name a file", id="pipe"),
        pytest.param("x" * 300, "cannot be used", id="name too long"),
        pytest.param(5, "must be the name of a file, as text", id="number"),
        pytest.param("a\0b", "must not contain the NUL character", id="NUL"),
    ],
)
def test_any_other_name_is_refused(files: Path, name: object, sentence: str) -> None:
    assert sentence in refusal(reader(files), name)


@pytest.mark.parametrize("name", ["new.mp4", "films/new.mp4", "sub..name"])
def test_a_new_file_is_named_in_a_folder_that_exists(files: Path, name: str) -> None:
    task = writer(files)

    assert task.argv(task.bind([name], {})) == ("touch", str(files / name))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        pytest.param("films/a b.mov", "nothing is overwritten", id="exists"),
        pytest.param("gone.txt", "nothing is overwritten", id="link to nothing"),
        pytest.param("films", "nothing is overwritten", id="folder"),
        pytest.param("new/", "must name a file", id="a folder to be"),
        pytest.param("no/new.mp4", "must be in a folder that exists", id="no such folder"),
        pytest.param("near.mov/new.mp4", "must be in a folder that exists", id="below a file"),
        pytest.param("up/new.mp4", "leads out of", id="linked folder"),
        pytest.param("../new.mp4", "without '..'", id="up"),
        pytest.param("/tmp/new.mp4", "must be a name below", id="absolute"),
    ],
)
def test_a_new_file_elsewhere_is_refused(files: Path, name: str, sentence: str) -> None:
    assert sentence in refusal(writer(files), name)


def test_no_name_is_fine_where_it_is_optional(files: Path) -> None:
    task = writer(files)

    assert task.argv(task.bind([None], {})) == ("touch",)


def test_a_file_that_has_gone_is_missed_when_the_job_is_taken_up_again(files: Path) -> None:
    task = reader(files)
    arguments = task.bind(["near.mov"], {})
    (files / "near.mov").unlink()

    with pytest.raises(InvalidArguments, match="names no file"):
        task.restore(arguments.values)


def test_the_folder_is_made_when_the_task_is_loaded(tmp_path: Path) -> None:
    reader(tmp_path / "state" / "files")

    assert (tmp_path / "state" / "files").is_dir()


def test_the_folder_may_be_a_link(files: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(files)
    task = reader(tmp_path / "link")

    assert task.argv(task.bind(["near.mov"], {})) == ("cat", str(files / "films" / "a b.mov"))


def test_the_schema_calls_it_a_path(files: Path) -> None:
    assert reader(files).schema["properties"]["source"] == {
        "title": "Source",
        "type": "string",
        "format": "path",
    }
    assert writer(files).schema["properties"]["target"]["anyOf"] == [
        {"type": "string", "format": "path"},
        {"type": "null"},
    ]


@pytest.mark.parametrize("type_", [str, str | None, list[Path]])
def test_only_paths_are_below_a_folder(tmp_path: Path, type_: Any) -> None:
    body = {
        "__annotations__": {"source": Annotated[type_, Below(tmp_path)]},
        "name": "wrong",
        "command": ("cat", Value("source")),
    }

    with pytest.raises(TaskError, match=r"source: cannot be a parameter: Below belongs to a Path"):
        ProgramTask(type("Wrong", (CommandTask,), body))


def test_several_files_can_be_named(files: Path) -> None:
    body = {
        "__annotations__": {"sources": list[Annotated[Path, Below(files)]]},
        "name": "several",
        "command": ("cat", Value("sources")),
    }
    task = ProgramTask(type("Several", (CommandTask,), body))

    assert task.argv(task.bind([["near.mov", "-rf"]], {})) == (
        "cat",
        str(files / "films" / "a b.mov"),
        str(files / "-rf"),
    )
    assert "item 2 names no file" in refusal(task, ["near.mov", "nope"])
