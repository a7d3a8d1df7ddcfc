"""A program whose output is a terminal runs and ends like any other, and leaves nothing behind."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.processes import Exit
from taskrealm.engine.programs import SpawnFailed
from taskrealm.tasks import Terminal

if TYPE_CHECKING:
    from .conftest import MostFiles, Node, Running

SIZE = 5_000_000  # bytes; a terminal holds some thousand of them at a time

SEES = """
import os, sys
print(sys.stdin.isatty(), sys.stdout.isatty(), sys.stderr.isatty(), os.get_terminal_size())
try:
    open("/dev/tty")
except OSError as error:
    print("no controlling terminal")
print("the end", file=sys.stderr)
"""


STOPS = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"


def on_terminal(node: Node, *argv: str, terminal: Terminal | None = None) -> Running:
    """Start a program on a terminal, of the usual size unless one is given."""
    program = node.program(*argv)
    return node.run(dataclasses.replace(program, terminal=terminal or Terminal()))


async def test_a_program_sees_a_terminal_of_the_size_that_was_asked_for(node: Node) -> None:
    running = on_terminal(
        node, sys.executable, "-ISuc", SEES, terminal=Terminal(columns=132, lines=50)
    )

    assert await running.end() == Exit(0, None, 0)
    assert running.stdout == (
        "False True True os.terminal_size(columns=132, lines=50)\n"
        "no controlling terminal\nthe end\n"
    )
    assert running.stderr == ""


async def test_all_that_was_printed_arrives_though_the_program_has_ended(node: Node) -> None:
    for _ in range(20):
        running = on_terminal(node, "sh", "-c", "seq 1 3000; exit 3")

        assert await running.end() == Exit(3, None, 0)
        assert running.stdout == "".join(f"{number}\n" for number in range(1, 3_001))


async def test_bytes_of_any_kind_arrive_as_they_are(node: Node) -> None:
    source = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {SIZE // 256})"
    running = on_terminal(node, sys.executable, "-ISc", source)

    assert await running.end() == Exit(0, None, 0)
    assert b"".join(data for _, data in running.pieces) == bytes(range(256)) * (SIZE // 256)


async def test_a_program_that_lets_go_of_its_terminal_runs_on(node: Node) -> None:
    running = on_terminal(node, "sh", "-c", "echo ready; exec >/dev/null 2>&1; sleep 0.1; exit 5")

    assert await running.end() == Exit(5, None, 0)
    assert running.stdout == "ready\n"


async def test_what_is_left_on_a_terminal_is_killed(node: Node) -> None:
    running = on_terminal(node, "sh", "-c", "setsid sleep 1000 & echo daemon $!")

    assert (await running.end()).leftovers == 1
    assert not node.lives(await running.pid_of("daemon"))


async def test_a_program_on_a_terminal_is_stopped_like_any_other(node: Node) -> None:
    running = on_terminal(node, "sh", "-c", STOPS)
    await running.line("ready")
    running.process.stop(grace=10.0)

    assert await running.end() == Exit(0, None, 0)
    # The shell may say besides that its `sleep` was terminated.
    assert running.stdout.startswith("ready\n")
    assert running.stdout.endswith("bye\n")


async def test_a_program_that_is_not_there_costs_no_terminal(node: Node) -> None:
    for _ in range(3):
        with pytest.raises(SpawnFailed, match="not in the PATH"):
            on_terminal(node, "no-such-program")


async def test_without_files_for_a_terminal_no_program_starts(
    node: Node, most_files: MostFiles
) -> None:
    for spare in range(3):
        with most_files(spare), pytest.raises(SpawnFailed) as failure:
            on_terminal(node, "true")
        assert failure.value.is_shortage
