"""A program that cannot be started says why, in words that name the remedy."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.processes import Process, adopt_orphans
from taskrealm.engine.programs import Program, SpawnFailed, reason

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import MostFiles, Node


def refusal(program: Program) -> str:
    with pytest.raises(SpawnFailed) as failure:
        Process.start(program, lambda stream, data: None)
    return str(failure.value)


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


async def test_a_program_is_looked_up_in_the_path_of_its_own_environment(
    node: Node, tmp_path: Path
) -> None:
    script(tmp_path / "greet", "#!/bin/sh\necho hello\n")
    running = node.start("greet", environment={"PATH": str(tmp_path)})
    await running.end()

    assert running.stdout == "hello\n"


async def test_a_relative_name_is_looked_up_in_the_directory_of_the_job(node: Node) -> None:
    program = node.program("./greet")
    script(program.directory / "greet", "#!/bin/sh\nexit 4\n")
    process = Process.start(program, lambda stream, data: None)

    assert (await process.wait()).code == 4


@pytest.mark.fault("F12")
async def test_a_missing_program_is_named_with_the_path_that_was_searched(node: Node) -> None:
    program = node.program("no-such-program", environment={"PATH": "/opt/bin:/usr/bin"})

    assert refusal(program) == (
        "The program no-such-program is not in the PATH of the job, which is /opt/bin:/usr/bin"
    )


async def test_a_missing_file_is_named(node: Node) -> None:
    assert refusal(node.program("/no/such/file")) == "The program /no/such/file does not exist"


async def test_a_file_that_is_not_executable_is_named_with_the_remedy(
    node: Node, tmp_path: Path
) -> None:
    file = script(tmp_path / "plain", "#!/bin/sh\n", mode=0o644)

    assert refusal(node.program(file)) == f"{file} is not executable; chmod +x makes it so"


async def test_a_directory_is_not_a_program(node: Node, tmp_path: Path) -> None:
    assert refusal(node.program(str(tmp_path))) == f"{tmp_path} is a directory, not a program"


@pytest.mark.fault("F12")
async def test_a_missing_interpreter_is_named(node: Node, tmp_path: Path) -> None:
    file = script(tmp_path / "report", "#!/opt/python9 -u\n")

    assert refusal(node.program(file)) == (
        f"{file} cannot be run: its interpreter /opt/python9 does not exist"
    )


async def test_an_interpreter_that_is_not_executable_is_named(node: Node, tmp_path: Path) -> None:
    interpreter = script(tmp_path / "interpreter", "", mode=0o644)
    file = script(tmp_path / "report", f"#!{interpreter}\n")

    assert refusal(node.program(file)) == (
        f"{file} cannot be run: its interpreter {interpreter} is not executable"
    )


async def test_a_script_without_interpreter_is_named(node: Node, tmp_path: Path) -> None:
    file = script(tmp_path / "report", "echo hello\n")

    assert refusal(node.program(file)) == (
        f"{file} is neither a program for this machine nor a script that begins with #! and its"
        " interpreter"
    )


async def test_an_argument_that_is_too_long_is_measured_but_not_shown(node: Node) -> None:
    message = refusal(node.program("true", "x" * 200_000))

    assert "the longest argument has 200000 bytes" in message
    assert "xx" not in message


@pytest.mark.fault("F12")
async def test_a_directory_that_is_gone_is_named(node: Node, tmp_path: Path) -> None:
    gone = tmp_path / "gone"

    assert refusal(node.program("true", directory=gone)) == (
        f"The working directory {gone} cannot be used: No such file or directory"
    )


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        pytest.param(("echo", "a\0b"), {}, id="in an argument"),
        pytest.param(("echo",), {"NAME": "a\0b"}, id="in the environment"),
    ],
)
async def test_a_nul_character_cannot_be_passed_on(
    node: Node, argv: tuple[str, ...], environment: dict[str, str]
) -> None:
    message = refusal(node.program(*argv, environment=environment))

    assert (
        message
        == "The arguments or the environment of echo cannot be passed on: embedded null byte"
    )


@pytest.mark.fault("F38")
async def test_running_out_of_files_is_told_as_it_is(node: Node, most_files: MostFiles) -> None:
    program = node.program("sleep", "1000")
    reasons = set()
    # The fixture sees what stays open when there is room for some files but not for all.
    for spare in itertools.count():
        with most_files(spare):
            try:
                process = Process.start(program, lambda stream, data: None)
                break
            except SpawnFailed as failure:
                reasons.add(str(failure))
    process.kill()
    await process.wait()

    assert reasons == {"sleep could not be started just now: Too many open files"}
    assert spare > 4


async def test_running_out_of_files_on_the_first_start_is_told_as_it_is(
    most_files: MostFiles, tmp_path: Path
) -> None:
    adopt_orphans()

    with most_files(0):
        assert refusal(Program(("true",), {}, tmp_path, "node.job.1")) == (
            "true could not be started just now: Too many open files"
        )


async def test_a_program_that_cannot_be_held_on_to_does_not_run(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def out_of_files(pid: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", out_of_files)

    assert refusal(node.program("sleep", "1000")) == (
        "sleep could not be started just now: Too many open files"
    )


def test_running_out_of_processes_is_told_as_it_is(tmp_path: Path) -> None:
    program = Program(("true",), {}, tmp_path, "node.job.1")

    assert reason(BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), program) == (
        "true could not be started just now: Resource temporarily unavailable"
    )
