"""The node's own tasks, each run once for real."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.parsing import result_of

from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import Caller, Output, Progress, Registry, TaskError, load_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

TASKS = Path(__file__).parents[3] / "tasks"


@dataclass(frozen=True)
class Run:
    """What a program left behind."""

    exit_code: int
    stderr: str
    progress: list[Progress]
    output: Output


@dataclass(frozen=True)
class Node:
    """A folder with a copy of the node's tasks."""

    registry: Registry
    root: Path

    @property
    def files(self) -> Path:
        return self.root / "files"

    async def run(self, name: str, **kwargs: Any) -> Run:
        """Run the program of a task as an executor would."""
        task = self.registry[name]
        caller = Caller("ana", "user", "ana")
        arguments = await task.prepare(task.bind((), kwargs), caller)
        directory = self.root / f"job{len(list(self.root.iterdir()))}"
        directory.mkdir()
        process = await asyncio.create_subprocess_exec(
            *task.argv(arguments),
            cwd=directory,
            env={**os.environ, **task.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        reader = task.progress_parser()
        found = []
        if reader is not None:
            reader.feed("stderr", stderr)
            found = [reader.feed("stdout", line) for line in stdout.splitlines(keepends=True)]
        assert process.returncode is not None
        return Run(
            process.returncode,
            stderr.decode(),
            [each for each in found if each is not None],
            Output(stdout, stderr, process.returncode, directory, arguments, caller),
        )

    async def result(self, name: str, **kwargs: Any) -> Any:
        """The result of a job that succeeds."""
        run = await self.run(name, **kwargs)
        assert run.exit_code == 0, run.stderr
        return await result_of(self.registry[name], run.output)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    shutil.copytree(TASKS, tmp_path / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    return Node(load_tasks(tmp_path / "tasks"), tmp_path)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of moving picture, with a tone."""
    file = tmp_path_factory.mktemp("films") / "film.mkv"
    subprocess.run(
        [
            *("ffmpeg", "-v", "error"),
            *("-f", "lavfi", "-i", "testsrc=duration=2:size=128x96:rate=10"),
            *("-f", "lavfi", "-i", "sine=duration=2"),
            str(file),
        ],
        check=True,
    )
    return file


def probe(file: Path, entries: str) -> list[str]:
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", entries, str(file)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()


def test_every_task_has_a_title_and_describes_its_parameters(node: Node) -> None:
    for name, task in node.registry.items():
        assert task.title != name
        for parameter in task.schema["properties"].values():
            assert parameter["description"]


async def test_the_date_is_told(node: Node) -> None:
    assert await node.result("date", format="%Y", utc=True) == str(datetime.now(UTC).year)
    assert str(datetime.now(UTC).year) in await node.result("date")


async def test_a_film_is_converted(node: Node, film: Path) -> None:
    (node.files / "films").mkdir()
    shutil.copy(film, node.files / "films")

    run = await node.run("video.transcode", source="films/film.mkv", preset="480p", quality=40)
    result = await result_of(node.registry["video.transcode"], run.output)

    made = node.files / "films" / "film.480p.mp4"
    assert result["file"] == "films/film.480p.mp4"
    assert result["bytes"] == made.stat().st_size
    assert result["duration"] == pytest.approx(2, abs=0.1)
    assert probe(made, "stream=codec_name,height") == ["h264,480", "aac"]
    assert run.progress[-1].fraction == 1.0
    assert run.progress[-1].message is not None
    assert run.progress[-1].message.startswith("frame 20")


async def test_no_film_is_overwritten(node: Node, film: Path) -> None:
    shutil.copy(film, node.files)
    (node.files / "film.720p.mp4").write_text("precious")

    with pytest.raises(InvalidArguments, match="target: names a file that exists"):
        await node.run("video.transcode", source="film.mkv")


async def test_no_film_is_overwritten_that_was_made_meanwhile(node: Node, film: Path) -> None:
    shutil.copy(film, node.files)
    run = await node.run("video.transcode", source="film.mkv", target="new.mp4", quality=51)
    (node.files / "new.mp4").write_text("precious")

    with pytest.raises(TaskError, match=r"^Somebody has made new\.mp4 meanwhile$"):
        await result_of(node.registry["video.transcode"], run.output)
    assert (node.files / "new.mp4").read_text() == "precious"


async def test_a_file_that_is_no_film_fails(node: Node) -> None:
    (node.files / "notes.txt").write_text("no film")

    run = await node.run("video.transcode", source="notes.txt")

    assert run.exit_code != 0
    assert "Invalid data" in run.stderr


async def test_a_playlist_does_not_lead_into_the_network(node: Node) -> None:
    (node.files / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n"
    )

    run = await node.run("video.transcode", source="list.m3u8")

    assert run.exit_code != 0
    assert "not on whitelist" in run.stderr


async def test_a_picture_is_taken_out_of_a_film(node: Node, film: Path) -> None:
    shutil.copy(film, node.files)

    result = await node.result("video.thumbnail", source="film.mkv", at=1.5, width=64)

    assert result["file"] == "film.1.5s.jpg"
    assert probe(node.files / result["file"], "stream=width,height") == ["64,48"]


async def test_there_is_no_picture_after_the_end(node: Node, film: Path) -> None:
    shutil.copy(film, node.files)

    with pytest.raises(TaskError, match=r"^The video is over before 60 seconds have passed$"):
        await node.result("video.thumbnail", source="film.mkv", at=60)


async def test_words_are_counted(node: Node) -> None:
    (node.files / "my notes.txt").write_text("one two\nthree\n")

    assert await node.result("text.count", source="my notes.txt") == {
        "lines": 2,
        "words": 3,
        "bytes": 14,
    }


@pytest.mark.parametrize("name", ["plain.bin", "back\\slash", "new\nline", "ü b"])
async def test_a_checksum_is_computed(node: Node, name: str) -> None:
    (node.files / name).write_bytes(b"\0\xff" * 500)

    assert await node.result("archive.checksum", source=name) == {
        "algorithm": "sha256",
        "digest": hashlib.sha256(b"\0\xff" * 500).hexdigest(),
        "bytes": 1000,
    }


async def test_counting_reports_its_progress(node: Node) -> None:
    run = await node.run("demo.count", to=4, interval=0)

    assert [each.fraction for each in run.progress] == [0.25, 0.5, 0.75, 1.0]
    assert run.progress[-1].message == "4 of 4"
    assert await result_of(node.registry["demo.count"], run.output) == 4


async def test_failing_fails_as_it_was_told(node: Node) -> None:
    run = await node.run("demo.fail", code=7, message="--no such luck")

    assert run.exit_code == 7
    assert run.stderr == "--no such luck\n"


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server that gives away what is in *folder*; gives its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a repository, of which a web server can give clones."""
    origin = tmp_path / "web" / "project.git"
    origin.mkdir(parents=True)
    git(origin, "init", "--initial-branch=main")
    (origin / "read.me").write_text("one")
    git(origin, "add", ".")
    git(origin, "commit", "-m", "one")
    git(origin, "tag", "v1")
    git(origin, "branch", "old")
    git(origin, "update-server-info")
    return origin


async def test_a_repository_is_mirrored_and_then_brought_up_to_date(
    node: Node, project: Path
) -> None:
    with served(project / ".git") as address:
        first = await node.result("git.mirror", source=address, mirror="project")
        git(project, "branch", "--delete", "old")
        git(project, "branch", "new")
        git(project, "branch", "newer")
        git(project, "update-server-info")
        second = await node.result("git.mirror", source=address, mirror="project")

    assert first == {"mirror": "mirrors/project.git", "branches": 2, "tags": 1}
    assert second == {"mirror": "mirrors/project.git", "branches": 3, "tags": 1}


async def test_a_mirror_keeps_to_its_repository(node: Node, project: Path) -> None:
    with served(project / ".git") as address:
        await node.result("git.mirror", source=address, mirror="project")

        with pytest.raises(TaskError, match="is the mirror of something else"):
            await node.run("git.mirror", source=f"{address}/", mirror="project")


@pytest.mark.parametrize(
    "source",
    ["ext::sh -c date", "--upload-pack=date", "/etc", "file:///etc", "http://a b", "https://"],
)
async def test_a_mirror_takes_only_addresses_of_the_network(node: Node, source: str) -> None:
    with pytest.raises(InvalidArguments, match="source"):
        await node.run("git.mirror", source=source, mirror="project")


def test_the_progress_of_a_clone_is_read(node: Node, project: Path, tmp_path: Path) -> None:
    command = ["git", "clone", "--mirror", "--progress", f"file://{project}", str(tmp_path / "m")]
    printed = subprocess.run(command, capture_output=True, check=True).stderr

    reader = node.registry["git.mirror"].progress_parser()
    found = reader.feed("stderr", printed)

    assert found == Progress(fraction=1.0, message="Receiving objects")
