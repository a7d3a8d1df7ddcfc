"""How parameters that are files, and the files that a task leaves, are declared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import (
    Artifact,
    Child,
    CommandTask,
    ProgramTask,
    TaskError,
    Upload,
    UploadedFile,
    Value,
)
from taskrealm.tasks.artifacts import declared
from taskrealm.tasks.media import kind_of, media_type_of

ID = "file_" + 32 * "0"
OTHER = "file_" + 32 * "1"


def task(hint: Any, **more: Any) -> ProgramTask:
    body = {
        "__annotations__": {"source": hint},
        "name": "reader",
        "command": ("cat", Value("source")),
        **more,
    }
    return ProgramTask(type("Reader", (CommandTask,), body))


def uploaded(name: str, *, size: int = 10, kind: str | None = None) -> dict[str, UploadedFile]:
    return {ID: UploadedFile(ID, name, size, media_type_of(name), 64 * "0", kind)}


@pytest.mark.capability("N10", "A2")
def test_the_schema_says_that_it_is_a_file_and_of_which_kind() -> None:
    film = task(Annotated[Path, Upload(max=10, accept=[".mov", "video/*"])])
    plain = task(Annotated[Path | None, Upload()], source=None)

    assert film.schema["properties"]["source"] == {
        "title": "Source",
        "type": "string",
        "format": "taskrealm-file",
        "x-taskrealm": {"max_size": 10, "accept": [".mov", "video/*"]},
    }
    assert plain.schema["properties"]["source"]["anyOf"] == [
        {"type": "string", "format": "taskrealm-file"},
        {"type": "null"},
    ]


def test_an_argument_is_the_path_at_which_the_job_finds_the_file() -> None:
    reader = task(list[Annotated[Path, Upload()]])
    files = uploaded("a.mov") | {OTHER: UploadedFile(OTHER, "b", 1, "x/y", "", path=Path("/w/b"))}
    bound = reader.bind([[ID, OTHER]], {}, files)

    assert bound.values == {"source": [ID, OTHER]}
    assert set(bound.files) == {ID, OTHER}
    assert reader.argv(bound) == ("cat", "a.mov", "/w/b")
    assert reader.restore(bound.values, files=files).model.source == [Path("a.mov"), Path("/w/b")]


def test_a_hook_can_hand_a_file_on() -> None:
    reader = task(Annotated[Path, Upload()])
    bound = reader.bind([ID], {}, uploaded("a.mov"))

    assert reader._as_json({"source": bound.model.source}, "validate") == {"source": ID}


@pytest.mark.capability("N10")
@pytest.mark.parametrize(
    ("accept", "name", "kind", "refused"),
    [
        ([".mov"], "A.MOV", None, None),
        ([".mov"], "a.mov", "video/quicktime", None),
        ([".mov"], "a.mov", "application/pdf", "is application/pdf by its content"),
        ([".mov"], "a.mp4", "video/mp4", "a.mp4 is not"),
        (["video/*"], "a.mp4", "video/mp4", None),
        (["video/*"], "film", "video/mp4", None),
        (["video/*"], "film", None, "film is not"),
        (["image/png"], "a.png", "image/png", None),
        (["image/png"], "a.png", "application/x-executable", "by its content"),
        ([".docx"], "a.docx", "application/zip", None),
        ([".csv"], "a.csv", None, None),
        ([".csv", "image/*"], "a.csv", "image/png", None),
        ([".unheard"], "a.unheard", "application/zip", None),
    ],
)
def test_a_file_is_taken_by_name_unless_its_content_speaks_against_it(
    accept: list[str], name: str, kind: str | None, refused: str | None
) -> None:
    reader = task(Annotated[Path, Upload(accept=accept)])
    if refused is None:
        reader.bind([ID], {}, uploaded(name, kind=kind))
        return
    with pytest.raises(InvalidArguments) as refusal:
        reader.bind([ID], {}, uploaded(name, kind=kind))

    assert refused in refusal.value.fields["source"]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\0\0\0\x20ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x20ftypisom", "video/mp4"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"a,b\n1,2\n", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell_well_known_kinds(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"accept": ".mov"}, "must be a list"),
        ({"accept": ["mov"]}, "use extensions such as"),
        ({"accept": ["*/*"]}, "use extensions such as"),
        ({"max": -1}, "must be a number of bytes"),
    ],
)
def test_a_parameter_that_cannot_be_is_told_when_it_is_written(wrong: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        Upload(**wrong)


def test_an_upload_that_is_no_path_is_refused() -> None:
    with pytest.raises(TaskError, match="Upload belongs to a Path"):
        task(Annotated[str, Upload()])


@pytest.mark.capability("N11")
@pytest.mark.parametrize(
    ("pattern", "path", "is_meant"),
    [
        ("out.mp4", "out.mp4", True),
        ("out.mp4", "sub/out.mp4", False),
        ("*.png", "a.png", True),
        ("*.png", "sub/a.png", False),
        ("sub/*.png", "sub/a.png", True),
        ("**/*.png", "a.png", True),
        ("**/*.png", "a/b/c.png", True),
        ("a/**/c", "a/c", True),
        ("page-[0-9].txt", "page-7.txt", True),
        ("page-?.txt", "page-10.txt", False),
    ],
)
def test_a_pattern_means_files_by_their_path(pattern: str, path: str, is_meant: bool) -> None:
    assert Artifact(pattern).matches(path) is is_meant


@pytest.mark.parametrize(
    ("artifacts", "reason"),
    [
        ("out.txt", "must be a list"),
        ([5], "is neither a pattern nor an Artifact"),
        (["../out.txt"], "must name files below the working directory"),
        (["/etc/passwd"], "must name files below the working directory"),
        (["sub/"], "must name files below the working directory"),
        (["a\0b"], "must name files below the working directory"),
        (["result.json"], "is the name of results"),
        ([Artifact("a", keep=0)], "keep must be a number of days"),
        ([Artifact("a", title=5)], "title must be text"),  # type: ignore[arg-type]
    ],
)
def test_a_declaration_that_cannot_be_is_told_by_attribute(artifacts: Any, reason: str) -> None:
    with pytest.raises(TaskError, match=rf"Reader\.artifacts: .*{reason}"):
        task(str, artifacts=artifacts)


def test_a_plain_name_is_an_artifact_without_more() -> None:
    artifact = Artifact("b", required=True)
    assert declared(["a", artifact]) == (Artifact("a"), artifact)


def test_a_batch_hands_a_file_on_to_its_children_by_its_id() -> None:
    reader = task(list[Annotated[Path, Upload()]])
    [path] = reader.bind([[ID]], {}, uploaded("a.mov")).model.source

    assert Child("papers.look", {"source": path, "more": [path]}).arguments == {
        "source": ID,
        "more": [ID],
    }
    assert Child("papers.look", [path, Path("a.mov")]).arguments == [ID, Path("a.mov")]
