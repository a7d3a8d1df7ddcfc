"""Files on the command line: sent with `run`, fetched with `get`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.nodes import Node

LIMIT = 60.0  # seconds

pytestmark = [pytest.mark.capability("N10", "N11"), pytest.mark.timeout(120)]


class Shell:
    """A user's shell in a folder of its own."""

    def __init__(self, site: Node, folder: Path, authid: str) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "TASKREALM_URL": f"ws://127.0.0.1:{site.port}/ws",
            "TASKREALM_TOKEN": site.issue(authid),
        }

    def run(self, *words: str, code: int = 0, stderr: int | None = None) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "taskrealm", *words],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if stderr is None else stderr,
            timeout=LIMIT,
        )
        told = "" if stderr is not None else done.stderr.decode()
        assert done.returncode == code, told
        return done.stdout.decode() if code == 0 else told

    def job(self, *words: str) -> str:
        """The id of a job that has ended."""
        job_id = self.run("run", "--detach", *words).strip()
        self.run("watch", job_id)
        return job_id


@pytest.fixture
def shell(site: Node, tmp_path: Path) -> Shell:
    (tmp_path / "a.txt").write_bytes(b"some words\n")
    return Shell(site, tmp_path, "paper_shell")


def test_a_path_is_sent_with_or_without_its_sign(shell: Shell) -> None:
    for word in ("@a.txt", "a.txt", str(shell.folder / "a.txt")):
        job_id = shell.job("papers.look", "--source", word)
        job = json.loads(shell.run("show", "--json", job_id))

        assert job["result"][0]["name"] == "a.txt"


def test_lists_of_files_are_sent_too_and_an_id_is_taken_as_it_is(shell: Shell) -> None:
    job_id = shell.job("papers.look", "@a.txt", "@a.txt", "@a.txt")
    file = json.loads(shell.run("show", "--json", job_id))["arguments"]["source"]
    again = shell.job("papers.look", "--source", file)

    assert len(json.loads(shell.run("show", "--json", job_id))["result"]) == 3
    assert json.loads(shell.run("show", "--json", again))["arguments"]["source"] == file


def test_what_is_no_file_is_refused_before_anything_is_sent(shell: Shell) -> None:
    told = shell.run("run", "papers.look", "--source", "@nothing", code=3)

    assert "nothing is no file that can be read" in told
    assert "File  " not in told


def test_sending_shows_a_bar_on_a_terminal(shell: Shell) -> None:
    (shell.folder / "big").write_bytes(os.urandom(3_000_000))
    screen, terminal = pty.openpty()
    try:
        shell.run("run", "--detach", "papers.look", "@big", stderr=terminal)
        drawn = os.read(screen, 100_000).decode()
    finally:
        os.close(screen)
        os.close(terminal)

    assert "Sending big" in drawn
    assert "100%" in drawn


def test_what_a_job_left_is_listed_fetched_and_never_written_over(shell: Shell) -> None:
    job_id = shell.job("papers.leave", "mkdir pages; echo 1 > pages/1.png; echo text > out.txt")
    listed = [
        json.loads(line) for line in shell.run("get", "--list", "--json", job_id).splitlines()
    ]
    assert [(each["name"], each["size"]) for each in listed] == [("out.txt", 5), ("pages/1.png", 2)]
    assert "image/png" in shell.run("get", "--list", job_id)

    assert shell.run("get", job_id).splitlines() == ["out.txt", "pages/1.png"]
    assert (shell.folder / "pages" / "1.png").read_text() == "1\n"
    assert "--force replaces it" in shell.run("get", job_id, "out.txt", code=1)
    shell.run("get", job_id, "out.txt", "--force")
    assert shell.run("get", job_id, "-o", "-", "out.txt") == "text\n"
    assert shell.run("get", job_id, "out.txt", "-o", "other.txt") == "other.txt\n"
    shell.run("get", job_id, "-o", "new/folder/")
    assert (shell.folder / "new" / "folder" / "out.txt").read_text() == "text\n"
    assert "has no artifact 'nothing'" in shell.run("get", job_id, "nothing", code=5)


def test_the_parameters_of_a_task_say_which_are_files(shell: Shell) -> None:
    assert "file" in shell.run("tasks", "papers.film")
