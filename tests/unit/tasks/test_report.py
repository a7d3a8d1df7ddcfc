"""What the code of a job's program is given to report with."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.needs import needs

import taskrealm.tasks
from taskrealm.tasks import report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[Any]]]:
    """What has come through the pipe since it was asked last, as in a job."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv(report.VARIABLE, str(path))
    yield lambda: [json.loads(line) for line in os.read(reader, 100_000).splitlines()]
    os.close(reader)


def test_progress_and_messages_are_lines_of_json(reported: Callable[[], list[Any]]) -> None:
    report.progress(0.4, "page 12", eta=3)
    report.progress(None)
    report.message("The disk is nearly full", level="warning", data={"free": 1})

    assert reported() == [
        {"progress": 0.4, "message": "page 12", "eta": 3},
        {"progress": None, "message": None, "eta": None},
        {"message": "The disk is nearly full", "level": "warning", "data": {"free": 1}},
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["0.4", "page 12"], {"progress": 0.4, "message": "page 12"}, id="both"),
        pytest.param(["1"], {"progress": 1.0, "message": None}, id="a fraction alone"),
        pytest.param(["warning", "full"], {"message": "full", "level": "warning"}, id="message"),
    ],
)
def test_a_shell_reports_likewise(
    reported: Callable[[], list[Any]], words: list[str], expected: object
) -> None:
    program = [sys.executable, "-m", "taskrealm.tasks.report", *words]

    assert subprocess.run(program, check=True, capture_output=True).stderr == b""
    assert reported() == [expected]


@pytest.mark.parametrize("words", [[], ["4"], ["nan"], ["0.4", "a", "b"], ["loud", "a"]])
def test_a_shell_is_told_what_is_right(words: list[str]) -> None:
    assert "Usage: " in (report.main(words) or "")


@pytest.mark.parametrize("where", [None, "", "/nowhere/pipe"])
def test_outside_a_job_nothing_happens(monkeypatch: pytest.MonkeyPatch, where: str | None) -> None:
    monkeypatch.delenv(report.VARIABLE, raising=False)
    if where is not None:
        monkeypatch.setenv(report.VARIABLE, where)

    report.progress(0.5)
    report.message("nobody hears this")


def test_where_nobody_reads_any_more_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(report.VARIABLE, str(tmp_path / "pipe"))

    report.progress(0.5)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: report.progress(1.5), "from 0 to 1", id="fraction"),
        pytest.param(lambda: report.progress(math.nan), "from 0 to 1", id="no number"),
        pytest.param(lambda: report.progress(0, eta=math.inf), "number of seconds", id="eta"),
        pytest.param(lambda: report.message("a", level="loud"), "must be one of", id="level"),
        pytest.param(lambda: report.message("x" * 20_000), "at most 16384 bytes", id="too long"),
        pytest.param(lambda: report.message("a", data=math.nan), "Out of range", id="no JSON"),
    ],
)
def test_wrong_use_is_told_inside_and_outside_a_job(call: Callable[[], None], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        call()


def test_importing_it_loads_nothing_beyond_the_standard_library() -> None:
    look = (
        "import sys; before = set(sys.modules); import taskrealm.tasks.report;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(new - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)

    assert done.stdout.split() == ["taskrealm"]


def test_all_that_declares_tasks_is_there_by_name() -> None:
    assert all(getattr(taskrealm.tasks, name) for name in taskrealm.tasks.__all__)
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec("from taskrealm.tasks import Nonsense")


def test_tags_data_and_results_are_lines_of_json_too(reported: Callable[[], list[Any]]) -> None:
    report.tag("slow")
    report.data(rows=1, of=None)
    report.result([1])

    assert reported() == [{"tag": "slow"}, {"data": {"rows": 1, "of": None}}, {"result": [1]}]


@pytest.mark.parametrize("is_gone", [False, True], ids=["no job", "a job that has ended"])
def test_where_nobody_can_be_asked_the_default_is_the_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_gone: bool
) -> None:
    monkeypatch.delenv(report.VARIABLE, raising=False)
    if is_gone:
        monkeypatch.setenv(report.VARIABLE, str(tmp_path / "removed"))
        monkeypatch.setenv(report.DIRECTORY, str(tmp_path))

    assert report.ask("Go on?", default=False) is False
    assert report.ask("How many?", type=int, default=0) == 0
    with pytest.raises(report.NoAnswer, match=r"no default: Go on\?") as refusal:
        report.ask("Go on?")
    assert refusal.value.reason == "outside"
    assert not [*tmp_path.iterdir()]


def test_a_question_of_an_unknown_type_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match="must be bool, int, float or str"):
        report.ask("Which?", type=list)
    with pytest.raises(ValueError, match="must have from 1 to 100 characters"):
        report.tag("")


@pytest.mark.parametrize("awk", ["awk", "mawk"])
@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("text", ['a "b" \\ c', "ü\n\t\x01\x7f'$(x)`y`%s", "", "-n", "\\u0041"])
def test_any_text_passes_through_the_functions_of_the_shell(
    reported: Callable[[], list[Any]], tmp_path: Path, awk: str, shell: str, text: str
) -> None:
    (tmp_path / "awk").symlink_to(needs(awk))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    script = f'. {report.SHELL_FILE}; report_message "$1" error; report_data "$1" "$1"'
    subprocess.run([needs(shell), "-euc", script, shell, text], check=True, env=environment)

    assert reported() == [{"message": text, "level": "error"}, {"data": {text: text}}]


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_outside_a_job_the_functions_of_the_shell_do_nothing(shell: str) -> None:
    script = f"""
    . {report.SHELL_FILE}
    report_progress 0.5 half; report_message text; report_tag x; report_data a b; report_result c
    report_ask "Go on?" false
    TASKREALM_REPORT=/nowhere/at/all; export TASKREALM_REPORT
    report_progress 0.5; report_ask "Go on?" true
    report_ask "Go on?" || echo "no answer"
    """
    environment = {key: value for key, value in os.environ.items() if key != report.VARIABLE}
    done = subprocess.run(
        [needs(shell), "-euc", script], check=True, capture_output=True, text=True, env=environment
    )

    assert done.stdout == "false\ntrue\nno answer\n"
    assert done.stderr == "report_ask: nobody can be asked here, and there is no default\n"


def test_the_file_of_these_functions_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["--shell"]) is None
    assert capsys.readouterr().out == f"{report.SHELL_FILE}\n"
