"""A site's unit tests run its tasks as a node does, without a node."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import Field
from tests.site import is_running

from taskrealm.client import File, JobFailed, JobTimedOut
from taskrealm.protocol.errors import InvalidArguments, UnknownTask
from taskrealm.tasks import (
    Child,
    CommandTask,
    Limits,
    MultiTask,
    Pattern,
    TaskError,
    Upload,
    Value,
)
from taskrealm.testing import Trial, run

if TYPE_CHECKING:
    from taskrealm.tasks import Caller, Output

pytestmark = pytest.mark.capability("O7")

LIMIT = 30.0  # seconds

REPORTING = """
from taskrealm.tasks import report
for page in range(1, 5):
    report.progress(page / 4, f"page {page}")
report.message("The disk is nearly full", level="warning")
print("printed")
"""

ASKING = """
from taskrealm.tasks import report
report.tag("old")
report.data(rows=214)
try:
    print(report.ask("Overwrite 214 rows?"))
except report.NoAnswer as none:
    print(none.reason)
print(report.ask("How many?", type=int, default=3))
"""

FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


class Shell(CommandTask):
    """Do what a script says."""

    name = "shell"
    script: str
    command = ("bash", "-c", Value("script", dash=True))
    grace = 0.2


class Python(CommandTask):
    """Run Python code."""

    name = "python"
    code: str
    command = (sys.executable, "-c", Value("code", dash=True))
    grace = 0.2


class Print(CommandTask):
    """Print a word, and for whom."""

    name = "print"
    word: Annotated[str, Field(min_length=1)]
    times: int = 1
    roles = frozenset({"user", "operator"})
    command = ("echo", Value("word"), Value("times"))

    def validate(self, caller: Caller) -> dict[str, Any] | None:
        if self.times == 0:
            raise InvalidArguments(fields={"times": f"must not be 0, {caller.authid}"})
        return {"word": self.word.upper()}


class Steps(CommandTask):
    """Take three steps."""

    name = "steps"
    command = ("seq", "--format=%g of 3", "1", "3")
    progress = Pattern(r"^(?P<done>\d) of (?P<total>\d)$")

    def parse_result(self, output: Output) -> list[int]:
        return [int(line.split()[0]) for line in output.stdout.splitlines()]


class Broken(CommandTask):
    """Fail in its own code after the program."""

    name = "broken"
    command = ("true",)

    def parse_result(self, output: Output) -> int:
        return {"known": 1}["unknown"]


class Refuses(CommandTask):
    """Say that the job failed after all."""

    name = "refuses"
    command = ("echo", "nothing to see")

    def parse_result(self, output: Output) -> int:
        raise TaskError(f"There is no number in {output.stdout.decode().strip()!r}")


def test_a_program_is_run_and_its_result_is_given() -> None:
    outcome = run(Steps)

    assert outcome.result == [1, 2, 3]
    assert outcome.stdout == "1 of 3\n2 of 3\n3 of 3\n"
    assert outcome.progress[-1] == 1.0
    assert outcome.events[0].type.value == "started"
    assert outcome.events[-1].type.value == "succeeded"


def test_what_a_program_reports_is_among_the_events() -> None:
    outcome = run(Python, REPORTING)

    assert outcome.progress[-1] == 1.0
    assert outcome.messages == ["The disk is nearly full"]
    assert outcome.result == "printed"


def test_a_question_gets_the_answer_of_the_trial_or_its_default() -> None:
    answered = Trial(answers={"Overwrite 214 rows?": True, "How many?": 7}).run(Python, ASKING)
    alone = run(Python, ASKING)

    assert answered.stdout.split() == ["True", "7"]
    assert (answered.tags, answered.data) == (("old",), {"rows": 214})
    kinds = [event.type.value for event in answered.events]
    assert kinds == ["started", *["question", "answered"] * 2, "succeeded"]
    assert alone.stdout.split() == ["timeout", "3"]


def test_a_program_that_fails_raises_what_a_client_would_be_told() -> None:
    outcome = run(Shell, "echo so far; echo no paper >&2; exit 3")

    assert outcome.state == "failed"
    assert (outcome.stdout, outcome.stderr) == ("so far\n", "no paper\n")
    with pytest.raises(JobFailed, match="exit code 3") as caught:
        _ = outcome.result
    assert (caught.value.exit_code, caught.value.stderr_tail) == (3, "no paper\n")


def test_arguments_are_refused_and_changed_as_by_a_node() -> None:
    assert run(Print, "hi", times=2).result == "HI 2"
    with pytest.raises(InvalidArguments, match="word"):
        run(Print)
    with pytest.raises(InvalidArguments, match="times"):
        run(Print, "hi", times="many")
    with pytest.raises(InvalidArguments, match="must not be 0, ana"):
        Trial(owner="ana").run(Print, "hi", times=0)
    with pytest.raises(UnknownTask, match="'print' that the role backend may run"):
        Trial(role="backend").run(Print, "hi")


def test_the_tasks_own_mistake_is_the_cause_of_the_failure() -> None:
    with pytest.raises(JobFailed) as caught:
        _ = run(Broken).result

    error: BaseException = caught.value
    while error.__cause__ is not None:
        error = error.__cause__
    assert isinstance(error, KeyError)
    with pytest.raises(JobFailed, match="There is no number in 'nothing to see'"):
        _ = run(Refuses).result


def test_a_declaration_that_is_wrong_is_refused() -> None:
    class Wrong(CommandTask):
        name = "Wrong name"
        command = ()

    with pytest.raises(TaskError, match="command: must be a tuple"):
        run(Wrong)


def test_a_batch_is_left_to_a_node() -> None:
    class Many(MultiTask):
        """Run others."""

        name = "many"

        def children(self) -> list[Child]:
            return []

    with pytest.raises(TypeError, match=r"many is a batch, .*: use taskrealm_client"):
        run(Many)


def test_a_trial_that_runs_too_long_is_stopped_with_all_that_it_started() -> None:
    outcome = Trial(timeout=1.0).run(Python, FAMILY)

    assert outcome.state == "timed_out"
    with pytest.raises(JobTimedOut, match="longer than 1 s"):
        _ = outcome.result
    assert not is_running(int(outcome.stdout))
    with pytest.raises(InvalidArguments, match="must not exceed the task's 3600 s"):
        Trial(timeout=5_000.0).run(Steps)


def test_the_limits_of_a_task_hold() -> None:
    class Short(Shell):
        """Print little."""

        name = "short"
        limits = Limits(output=1_024, overflow="fail")

    with pytest.raises(JobFailed, match="printed more than 1024 bytes"):
        _ = run(Short, "yes").result


def test_a_program_that_is_missing_fails_its_job() -> None:
    class Missing(CommandTask):
        """Name a program that is not there."""

        name = "missing"
        command = ("no-such-program-anywhere",)

    with pytest.raises(JobFailed, match="no-such-program-anywhere"):
        _ = run(Missing).result


def test_a_program_gets_the_environment_of_a_job_and_what_the_trial_adds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "of the tests")
    script = 'echo "$TASKREALM_OWNER $SHOP ${SECRET:-none}"; pwd; touch left'
    outcome = Trial(owner="ana", environment={"SHOP": "open"}).run(Shell, script)

    words, directory = outcome.stdout.splitlines()
    assert words == "ana open none"
    assert not Path(directory).exists()


def test_a_program_gets_its_standard_input_and_its_terminal() -> None:
    class Screen(Shell):
        """Look at a terminal."""

        name = "screen"
        terminal = True

    class Upper(CommandTask):
        """Write in capitals."""

        name = "upper"
        text: str
        stdin = Value("text")
        command = ("tr", "a-z", "A-Z")

    assert run(Screen, "test -t 1 && stty size </dev/stdout").result == "24 80"
    assert run(Upper, "grüße").result == "GRüßE"


def test_the_process_of_the_tests_keeps_its_own_children() -> None:
    """A server that a fixture has started is none of a job's remains."""
    server = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        assert run(Steps).result == [1, 2, 3]
        assert server.poll() is None
    finally:
        server.kill()

    assert server.wait() == -signal.SIGKILL


def test_nothing_outlives_a_test_process_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "from tests.testing.test_trial import Shell\n"
        "from taskrealm.testing import run\n"
        f"run(Shell, 'echo $$ >{pid}.new; mv {pid}.new {pid}; sleep 600')\n"
    )
    tests = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + LIMIT
    while not pid.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    tests.kill()
    tests.wait()

    while is_running(int(pid.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_a_coroutine_is_told_how_to_run_a_task() -> None:
    with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
        run(Steps)

    outcome = await asyncio.to_thread(run, Steps)
    assert outcome.result == [1, 2, 3]


def test_a_result_of_megabytes_is_given_whole() -> None:
    class Big(Shell):
        """Have a big result."""

        name = "big"

        def parse_result(self, output: Output) -> Any:
            return json.loads(output.stdout)

    assert len(run(Big, "seq -s, 1 200000 | sed 's/.*/[&]/'").result) == 200_000


class Pages(CommandTask):
    """Copy a file, and leave the copy."""

    name = "pages"
    source: Annotated[Path, Upload(accept=[".txt"])]
    artifacts = ("*.txt",)
    command = ("cp", Value("source"), "copy.txt")


@pytest.mark.capability("N10", "N11")
def test_a_task_is_given_files_and_leaves_some(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"some words")
    by_path = run(Pages, tmp_path / "a.txt")
    by_bytes = run(Pages, source=File(b"others", "b.txt"))

    assert by_path.artifacts == {"copy.txt": b"some words"}
    assert by_bytes.artifacts == {"copy.txt": b"others"}
    with pytest.raises(InvalidArguments, match=r"must be of \.txt; a\.mov is not"):
        run(Pages, File(b"film", "a.mov"))
