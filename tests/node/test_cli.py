"""The command line against a running node, as a person or a script uses it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import Node, free_port

from taskrealm.cli.template import write_node
from taskrealm.settings import NodeFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

LIMIT = 30.0  # seconds that one command may take

TASKS = '''
from __future__ import annotations

from taskrealm.tasks import Child, CommandTask, MultiTask, Value


class Stubborn(CommandTask):
    """Ignore the polite signal."""

    name = "stubborn"
    command = ("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
    grace = 60.0


class Say(CommandTask):
    """Print a text and nothing else."""

    name = "say"
    text: str
    command = ("printf", "%b", Value("text", dash=True))


class Argument(CommandTask):
    """Show an argument between brackets."""

    name = "argument"
    value: str = "default"
    command = ("printf", "[%s]", Value("value"))


class Tell(CommandTask):
    """Report what is given, and print a line."""

    name = "tell"
    report: str
    command = ("sh", "-c", 'echo "$0" >> "$TASKREALM_REPORT"; echo printed', Value("report"))


class Words(MultiTask):
    """Say each word."""

    name = "words"
    words: list[str]

    def children(self):
        return [Child("say", [word]) for word in self.words]


class Ask(CommandTask):
    """Ask something and print the answer."""

    name = "ask"
    more: str
    command = ("sh", "-c", '. "$TASKREALM_SHELL"; eval report_ask "$0"', Value("more"))


class Secret(CommandTask):
    """Only for operators."""

    name = "secret"
    roles = ("operator",)
    command = ("true",)
'''


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node as `taskrealm init` writes it, with tasks of ours, run by `taskrealm up`."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        root = Path(path) / "demo"
        write_node(root)
        (root / "tasks" / "ours.py").write_text(TASKS)
        settings = root / "taskrealm.toml"
        settings.write_text(settings.read_text().replace("8080", str(free_port())))
        with Node(NodeFolder(root), program=("-m", "taskrealm", "up")) as node:
            node.until("Ctrl-C stops the node.")
            yield node


def start(
    node: Node, *words: str, stderr: int = subprocess.PIPE, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    """Start the command line as the node's operator."""
    return subprocess.Popen(
        [sys.executable, "-m", "taskrealm", *words],
        cwd=node.folder.root,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


def taskrealm(node: Node, *words: str) -> tuple[int, str, str]:
    """Run the command line to its end: exit code, output, messages."""
    process = start(node, *words)
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, out.decode(), err.decode()


def as_user(node: Node, name: str) -> tuple[str, ...]:
    """The options that make *name* the user."""
    return ("--url", f"ws://127.0.0.1:{node.port}/ws", "--token", node.issue(name))


def detached(node: Node, *words: str) -> str:
    """The id of a job that runs on by itself."""
    code, out, err = taskrealm(node, "run", "--detach", *words)
    assert code == 0, err
    return out.strip()


def line_of(process: subprocess.Popen[bytes], word: str) -> None:
    """Read what the command prints until a line with *word*."""
    assert process.stdout is not None
    for line in process.stdout:
        if word in line.decode():
            return
    raise AssertionError(f"It ended without {word!r}")


@pytest.mark.capability("S1", "U4", "J5")
def test_a_task_runs_with_its_output_on_standard_output(node: Node) -> None:
    code, out, err = taskrealm(node, "run", "date", "--utc", "--format", "%Y in %Z")

    assert code == 0
    assert re.fullmatch(r"\d{4} in UTC\n", out)
    assert err.splitlines()[-1].startswith("Succeeded after ")


@pytest.mark.capability("S1", "A9")
@pytest.mark.parametrize("value", ["0", "False", "", "$(id) * ünï\t日本"])
def test_a_value_reaches_the_program_as_it_was_typed(node: Node, value: str) -> None:
    code, out, _ = taskrealm(node, "run", "argument", "--value", value)

    assert (code, out) == (0, f"[{value}]")


def test_output_comes_out_byte_by_byte(node: Node) -> None:
    code, out, _ = taskrealm(node, "run", "say", r"\033[31mred\r50%%\a")

    assert (code, out) == (0, "\x1b[31mred\r50%%\a")


@pytest.mark.capability("X8", "U5")
def test_the_exit_code_is_the_one_of_the_program(node: Node) -> None:
    code, out, err = taskrealm(node, "run", "demo.fail", "42", "it broke")

    assert code == 42
    assert out == ""
    assert "it broke\n" in err
    assert "exit code 42" in err.splitlines()[-1]


@pytest.mark.capability("X4", "X7")
def test_a_time_out_has_an_exit_code_of_its_own(node: Node) -> None:
    code, _, err = taskrealm(node, "run", "--timeout", "0.5", "demo.count", "1000")

    assert code == 124
    assert "Timed out after 0.5 s" in err


@pytest.mark.capability("S4", "S5", "A10", "A11", "S6")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(["nope"], 5, "no task 'nope'", id="an unknown task"),
        pytest.param(["text.count"], 3, "source", id="a missing argument"),
        pytest.param(["demo.count", "--to", "x"], 3, "--to", id="a word for a number"),
        pytest.param(["demo.count", "--to", "0"], 3, "to: ", id="a number out of range"),
        pytest.param(["argument", "--value=-rf"], 3, "value: must not begin", id="an option"),
        pytest.param(["argument", "a", "b"], 2, "no parameter for 'b'", id="a word too many"),
        pytest.param(["argument", "--nope", "b"], 2, "No such option", id="an unknown flag"),
        pytest.param(["--priority", "x", "date"], 2, "--priority", id="a wrong option"),
    ],
)
def test_what_cannot_run_is_refused_in_one_sentence(
    node: Node, words: list[str], code: int, sentence: str
) -> None:
    refused, out, err = taskrealm(node, "run", *words)

    assert (refused, out) == (code, "")
    assert sentence in err
    assert "Traceback" not in err


def test_the_help_of_a_task_shows_its_parameters(node: Node) -> None:
    code, out, _ = taskrealm(node, "run", "demo.count", "--help")

    assert code == 0
    assert "[TO] [INTERVAL]" in out
    assert re.search(r"--to INTEGER +The last number +\[≥ 1; ≤ 100000; default: 10\]", out)


@pytest.mark.capability("I1")
def test_tasks_are_listed_with_their_parameters(node: Node) -> None:
    _, everything, _ = taskrealm(node, "tasks")
    _, one, _ = taskrealm(node, "tasks", "demo.count")
    _, as_json, _ = taskrealm(node, "tasks", "--json", *as_user(node, "ana"))

    assert re.search(r"^demo.count +Count slowly *$", everything, re.MULTILINE)
    assert re.search(r"^interval +--interval +number ≥ 0 ≤ 60 +1.0 +Seconds", one, re.MULTILINE)
    names = [json.loads(line)["name"] for line in as_json.splitlines()]
    assert "date" in names
    assert "secret" not in names


@pytest.mark.capability("U2", "U3", "U8", "U12", "U13", "U15")
def test_json_gives_every_event_and_all_output_line_by_line(node: Node) -> None:
    code, out, _ = taskrealm(node, "run", "--json", "demo.count", "3", "0")

    lines = [json.loads(line) for line in out.splitlines()]
    events = [line for line in lines if line["type"] != "output"]
    text = "".join(line["text"] for line in lines if line["type"] == "output")
    assert code == 0
    assert [event["type"] for event in events[:2]] == ["queued", "started"]
    assert [event["job_seq"] for event in events] == list(range(1, len(events) + 1))
    assert lines[-1]["type"] == "succeeded"
    assert lines[-1]["result"] == 3
    assert text == "1 of 3\n2 of 3\n3 of 3\n"


@pytest.mark.capability("I2", "N6")
def test_logs_search_prints_the_lines_in_which_a_text_stands(node: Node) -> None:
    job_id = detached(node, "demo.count", "12", "0")
    taskrealm(node, "watch", job_id)

    code, found, _ = taskrealm(node, "logs", job_id, "--search", "2 OF 12")
    none, nothing, _ = taskrealm(node, "logs", job_id, "--search", "2 OF 12", "--match-case")
    _, as_json, _ = taskrealm(node, "logs", job_id, "--search", "10 of", "--json")
    wrong, _, _ = taskrealm(node, "logs", job_id, "--search", "x", "--follow")

    assert (code, found.splitlines()) == (0, ["stdout:8: 2 of 12", "stdout:91: 12 of 12"])
    assert (none, nothing) == (1, "")
    assert json.loads(as_json)["offset"] == 72
    assert wrong == 2


@pytest.mark.capability("S9", "I2", "I3", "C2")
def test_a_detached_job_can_be_found_shown_read_and_cancelled(node: Node) -> None:
    job_id = detached(node, "demo.count", "1000", "0.05", "--tag", "mine")

    _, listed, _ = taskrealm(node, "ls", "--state", "running", "--task", "demo.count", "--json")
    _, table, _ = taskrealm(node, "ls")
    _, shown, _ = taskrealm(node, "show", job_id)
    _, read, _ = taskrealm(node, "logs", job_id)
    cancelled = taskrealm(node, "cancel", job_id, "--reason", "enough\x1b[2J")
    code, _, err = taskrealm(node, "watch", job_id)

    assert [json.loads(line)["job_id"] for line in listed.splitlines()] == [job_id]
    assert f"{job_id}  demo.count" in table
    assert re.search(r"^tags: +\[\"mine\"\]$", shown, re.MULTILINE)
    assert read.startswith("1 of 1000\n")
    assert cancelled == (0, f"{job_id} stopping\n", "")
    assert code == 130
    assert err.splitlines()[-1] == r"Cancelled by operator (enough\x1b[2J)"


@pytest.mark.capability("C4", "I3")
def test_an_unknown_job_is_an_error(node: Node) -> None:
    unknown = "0" * 32

    for verb in ("show", "logs", "watch", "cancel"):
        code, out, err = taskrealm(node, verb, unknown)
        assert (code, out) == (5, ""), verb
        assert unknown in err
        assert "Traceback" not in err


@pytest.mark.capability("C4")
def test_cancelling_a_finished_job_says_that_it_has_ended(node: Node) -> None:
    job_id = json.loads(taskrealm(node, "run", "--json", "date")[1].splitlines()[0])["job_id"]

    code, out, _ = taskrealm(node, "cancel", job_id)

    assert (code, out) == (0, f"{job_id} already_succeeded\n")


@pytest.mark.capability("C4", "N22")
def test_many_jobs_are_cancelled_each_for_itself(node: Node) -> None:
    waiting = [
        taskrealm(node, "run", "--detach", "--delay", "600", "date")[1].strip() for _ in range(2)
    ]
    unknown = "0" * 32

    code, out, err = taskrealm(node, "cancel", waiting[0], unknown, waiting[1])
    as_json = taskrealm(node, "cancel", "--json", *waiting)[1]
    refused = taskrealm(node, "cancel", waiting[0], "x")

    assert (code, out) == (5, "".join(f"{each} removed_from_queue\n" for each in waiting))
    assert unknown in err
    assert [json.loads(line) for line in as_json.splitlines()] == [
        {"job_id": each, "answer": "already_cancelled"} for each in waiting
    ]
    assert refused[:2] == (3, "")
    assert "job_ids.1" in refused[2]


def test_logs_follows_one_stream_to_its_end(node: Node) -> None:
    job_id = detached(node, "demo.count", "20", "0.05")

    code, out, err = taskrealm(node, "logs", "-f", "--stream", "stdout", job_id)

    assert (code, err) == (0, "")
    assert out.splitlines() == [f"{number} of 20" for number in range(1, 21)]


@pytest.mark.capability("C2", "U11")
def test_ctrl_c_cancels_politely(node: Node) -> None:
    process = start(node, "run", "demo.count", "1000", "0.05")
    line_of(process, "1 of 1000")

    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert "Ctrl-C again kills" in err.decode()
    assert err.decode().splitlines()[-1] == "Cancelled by operator"


@pytest.mark.capability("N4")
def test_ctrl_c_twice_kills_what_ignores_the_polite_signal(node: Node) -> None:
    process = start(node, "run", "stubborn")
    line_of(process, "ready")
    assert process.stderr is not None

    process.send_signal(signal.SIGINT)
    while not process.stderr.readline().startswith(b"Stopping by operator"):
        assert process.poll() is None
    began = time.monotonic()
    process.send_signal(signal.SIGINT)

    process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert time.monotonic() - began < 30


@pytest.mark.capability("D13", "C2")
def test_ctrl_c_on_watch_only_leaves(node: Node) -> None:
    job_id = detached(node, "demo.count", "1000", "0.05")
    process = start(node, "watch", job_id)
    line_of(process, "1 of 1000")

    process.send_signal(signal.SIGINT)

    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0
    assert f"job {job_id} goes on" in err.decode()
    assert taskrealm(node, "cancel", "--now", job_id)[1] == f"{job_id} stopping\n"


@pytest.mark.capability("U7", "U8")
def test_progress_is_a_bar_on_a_terminal_and_leaves_no_trace(node: Node) -> None:
    terminal, end = pty.openpty()
    process = start(node, "run", "demo.count", "4", "0.3", stderr=end)
    os.close(end)

    shown = b""
    deadline = time.monotonic() + LIMIT
    while select.select([terminal], [], [], deadline - time.monotonic())[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:  # the other side has been closed
            break
    out, _ = process.communicate(timeout=LIMIT)
    os.close(terminal)
    drawn = shown.decode()
    assert out.decode().splitlines()[-1] == "4 of 4"
    assert "━" in drawn
    assert "50 %" in drawn
    assert re.search("\r\x1b\\[2KSucceeded after [\\d.]+ s: 4\r\n$", drawn)


def read_until(terminal: int, text: str, shown: str = "") -> str:
    """What a terminal shows, up to *text*."""
    deadline = time.monotonic() + LIMIT
    while text not in shown:
        ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
        assert ready, f"No {text!r} in {shown!r}"
        shown += os.read(terminal, 4_096).decode()
    return shown


@pytest.mark.capability("N18")
@pytest.mark.parametrize(
    ("more", "prompt", "typed", "remarks", "printed"),
    [
        pytest.param(
            "Go?", "Go? [yes | no]: ", ["maybe", "y"], ["boolean"], "true", id="yes or no"
        ),
        pytest.param("Go? false", "Go? [yes | no] (no): ", [""], [], "false", id="the default"),
        pytest.param(
            """Many? '' '' '{"type": "integer", "minimum": 1}'""",
            "Many? [integer ≥ 1]: ",
            ["x", "0", "7"],
            ["not a valid integer", "must be at least 1"],
            "7",
            id="a number",
        ),
        pytest.param(
            """Which? '' '' '{"enum": ["a", "b"]}'""", "[a | b]: ", ["b"], [], '"b"', id="a choice"
        ),
        pytest.param(
            """Who? '' '' '{"type": "string"}'""", "[string]: ", ["12"], [], '"12"', id="a text"
        ),
    ],
)
def test_what_a_job_asks_is_asked_on_the_terminal(
    node: Node, more: str, prompt: str, typed: list[str], remarks: list[str], printed: str
) -> None:
    terminal, end = pty.openpty()
    process = start(node, "run", "ask", more, stderr=end, stdin=end)
    os.close(end)

    shown = ""
    for line, remark in zip(typed, [*remarks, ""], strict=True):
        shown = read_until(terminal, prompt, shown)
        os.write(terminal, line.encode() + b"\n")
        shown = read_until(terminal, remark, shown.partition(prompt)[2])
    out, _ = process.communicate(timeout=LIMIT)
    os.close(terminal)
    assert out.decode() == f"{printed}\n"
    assert process.returncode == 0


@pytest.mark.capability("N18")
@pytest.mark.parametrize(
    ("more", "wrong", "right", "printed"),
    [
        pytest.param("Go?", "perhaps", "no", "false", id="yes or no"),
        pytest.param("""Go? '' '' '{"type": "integer"}'""", "1.5", "-5", "-5", id="a number"),
        pytest.param("""Go? '' '' '{"type": "array"}'""", "[1", "[-1]", "[-1]", id="JSON"),
    ],
)
def test_a_question_is_answered_by_a_verb(
    node: Node, more: str, wrong: str, right: str, printed: str
) -> None:
    process = start(node, "run", "ask", more)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(b"Asks: Go? "):
            break
    job_id, question = re.findall(r"answer (\w+) (\w+) VALUE", line.decode())[0]

    assert taskrealm(node, "answer", job_id, question, wrong)[0] == 3
    assert taskrealm(node, "answer", job_id, "another", "yes")[0] == 5
    assert taskrealm(node, "answer", job_id, question, right) == (0, "", "")
    out, err = process.communicate(timeout=LIMIT)
    assert (out.decode(), process.returncode) == (f"{printed}\n", 0)
    assert re.search(rf"^Answered by \w+: {re.escape(right)}$", err.decode(), re.MULTILINE)


@pytest.mark.capability("D1", "C3", "I2", "I3")
def test_users_neither_see_nor_touch_each_others_jobs(node: Node) -> None:
    ana, ben = as_user(node, "ana"), as_user(node, "ben")
    _, out, _ = taskrealm(node, "run", *ana, "--detach", "demo.count", "1000", "0.05")
    job_id = out.strip()

    of_ana = taskrealm(node, "ls", "--json", *ana)[1]
    of_ben = taskrealm(node, "ls", "--json", *ben)[1]

    assert job_id in of_ana
    assert of_ben == ""
    for verb in ("show", "logs", "watch", "cancel"):
        code, out, err = taskrealm(node, verb, job_id, *ben)
        assert (code, out) == (5, ""), verb
        assert job_id in err
    assert taskrealm(node, "ls", "--all", *ben)[0] == 4
    assert job_id in taskrealm(node, "ls", "--all")[1]
    assert taskrealm(node, "cancel", job_id, *ana)[1] == f"{job_id} stopping\n"


@pytest.mark.capability("Z2")
@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        pytest.param(["--token", "wrong"], 4, "does not let us in", id="a wrong token"),
        pytest.param([], 2, "Who are you", id="no token for another address"),
    ],
)
def test_without_a_good_token_nobody_gets_in(
    node: Node, words: list[str], code: int, sentence: str
) -> None:
    refused, _, err = taskrealm(node, "ls", "--url", f"ws://127.0.0.1:{node.port}/ws", *words)

    assert refused == code
    assert sentence in err


def test_nobody_there_is_said_in_one_sentence(node: Node, tmp_path: Path) -> None:
    code, _, err = taskrealm(
        node, "ls", "--url", f"ws://127.0.0.1:{free_port()}/ws", "--token", "x"
    )
    (tmp_path / "taskrealm.toml").touch()
    stopped = taskrealm(node, "ls", "--node", str(tmp_path))

    assert code == 7
    assert len(err.splitlines()) == 1
    assert stopped[0] == 7
    assert "is not running" in stopped[2]


@pytest.mark.capability("O1", "N28")
def test_check_names_file_and_line_of_every_mistake(node: Node, tmp_path: Path) -> None:
    root = tmp_path / "demo"
    write_node(root)
    (root / "taskrealm.toml").write_text(
        "[router]\nport = 8080\nprot = 1\n\n[executor]\nslots = 0\n"
    )
    (root / "router" / "roles.toml").write_text("[user]\ncall = 1\n")
    (root / "tasks" / "broken.py").write_text("import nothing_like_this\n")
    (root / "tasks" / "more.toml").write_text("[tasks.more]\ntitle = 'More'\n")

    code, _, err = taskrealm(node, "check", str(root))

    assert code == 2
    assert f"{root}/taskrealm.toml:3:1: router.prot: is not known here; did you mean 'port'?" in err
    assert f"{root}/taskrealm.toml:6:1: executor.slots: must be greater than or equal to 1" in err
    assert f"{root}/router/roles.toml:2:1: user.call" in err
    assert f"{root}/tasks/broken.py:1: " in err
    assert f"{root}/tasks/more.toml:1:1: tasks.more.command: is required" in err
    assert taskrealm(node, "up", str(root))[0] == 1


@pytest.mark.capability("A3")
def test_all_tasks_of_a_folder_are_loaded_and_a_name_taken_twice_is_refused(
    node: Node, tmp_path: Path
) -> None:
    root = tmp_path / "demo"
    write_node(root)
    assert taskrealm(node, "check", str(root))[0] == 0
    listed = taskrealm(node, "tasks")[1]
    assert all(name in listed for name in ("date", "demo.count", "demo.fail", "text.count"))
    (root / "tasks" / "watch.py").write_text((root / "tasks" / "clock.py").read_text())

    code, _, err = taskrealm(node, "check", str(root))

    assert code == 2
    assert "the name 'date' is taken by" in err
    assert "clock.py" in err
    assert "watch.py" in err


def test_init_writes_into_nothing_that_exists(node: Node, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()

    code, _, err = taskrealm(node, "init", str(tmp_path))

    assert code == 1
    assert "not an empty folder" in err
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_a_sign_in_link_carries_its_code_behind_the_hash(node: Node) -> None:
    code, out, err = taskrealm(node, "token", "ana", "--link")

    assert (code, err) == (0, "")
    assert re.fullmatch(rf"http://127\.0\.0\.1:{node.port}/#signin=tr_\S+\n", out)


@pytest.mark.capability("L3")
def test_up_shows_its_way_and_one_link_and_nothing_else(short_path: Path) -> None:
    root = short_path / "demo"
    write_node(root)
    port = free_port()
    settings = root / "taskrealm.toml"
    settings.write_text(settings.read_text().replace("8080", str(port)))

    with Node(NodeFolder(root), program=("-m", "taskrealm", "up")) as node:
        node.until("Ctrl-C stops the node.")
        code = node.stop()

    link = node.output.pop(4)
    assert code == 0
    assert link.startswith(f"http://127.0.0.1:{port}/#signin=tr_")
    assert node.output == [
        "Preparing …",
        "Starting the router …",
        "Waiting for executor and gateway …",
        "Ready. Sign in with this link, once, within 15 minutes:",
        "Ctrl-C stops the node.",
        "Stopping …",
    ]


@pytest.mark.capability("U9")
def test_what_a_program_tells_comes_out_on_stderr_with_its_level(node: Node) -> None:
    report = json.dumps({"message": "disk nearly full\x1b[2J", "level": "warning", "data": [1]})
    code, out, err = taskrealm(node, "run", "tell", report)
    _, lines, _ = taskrealm(node, "run", "--json", "tell", report)

    assert (code, out) == (0, "printed\n")
    assert "warning: disk nearly full\\x1b[2J" in err.splitlines()
    [told] = [event for event in map(json.loads, lines.splitlines()) if event["type"] == "message"]
    assert (told["level"], told["data"]) == ("warning", [1])


@pytest.mark.capability("O3")
def test_a_node_prints_and_logs_no_secret_but_the_link_to_sign_in_once(node: Node) -> None:
    taskrealm(node, *as_user(node, "ana"), "tasks")
    [code] = re.findall(r"#signin=(\S+)", "\n".join(node.output))
    logs = "".join(path.read_text() for path in node.folder.logs.iterdir())
    secrets = [
        node.folder.operator_token.read_text().strip(),
        node.folder.private_key("executor").read_text().strip(),
    ]

    assert code not in logs
    assert not [each for each in secrets if each in logs or each in "".join(node.output)]


@pytest.mark.capability("M1", "M10")
def test_a_batch_is_shown_with_its_children_and_others_may_wait_for_it(node: Node) -> None:
    batch = detached(node, "words", "--words", "one", "--words", "two")
    after = detached(node, "--after", batch, "say", "after")

    code, out, _ = taskrealm(node, "watch", after)
    _, shown, _ = taskrealm(node, "show", batch)
    _, children, _ = taskrealm(node, "ls", "--parent", batch, "--json")
    _, listed, _ = taskrealm(node, "ls", "--json")

    assert (code, out) == (0, "after")
    ids = [json.loads(line)["job_id"] for line in children.splitlines()]
    table = shown.rpartition("\n\n")[2]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ids[::-1]
    assert table.count("succeeded") == len(ids) == 2
    assert not set(ids) & {json.loads(line)["job_id"] for line in listed.splitlines()}


@pytest.mark.capability("N24")
def test_a_token_may_be_limited_and_is_listed_and_revoked(node: Node) -> None:
    words = ("--task", "say", "--task", "date", "--read-only", "--uses", "3", "--minutes", "90")
    code, out, err = taskrealm(node, "token", "scope_cli", *words, "--team", "editors")
    assert (code, err) == (0, "")
    _, listed, _ = taskrealm(node, "tokens", "ls", "scope_cli", "--json")
    [told] = map(json.loads, listed.splitlines())
    _, table, _ = taskrealm(node, "tokens", "ls")
    limited = ("--url", f"ws://127.0.0.1:{node.port}/ws", "--token", out.strip())
    refused, _, why = taskrealm(node, "run", *limited, "say", "hello")
    removed = taskrealm(node, "tokens", "rm", told["id"])
    again, _, _ = taskrealm(node, "tokens", "rm", told["id"])

    assert told["scope"] == {"tasks": ["say", "date"], "read_only": True}
    assert (told["user"], told["teams"], told["uses"]) == ("scope_cli", ["editors"], 3)
    assert told["issued_by"] is None
    assert "say, date, looking only" in table
    assert out.strip() not in listed + table
    assert refused == 4, why
    assert removed == (0, "", f"{told['id']} of scope_cli is revoked\n")
    assert again == 1
    assert taskrealm(node, "ls", *limited)[0] == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(["--hours", "1", "--minutes", "5"], "not both", id="two lifetimes"),
        pytest.param(["--link", "--uses", "2"], "signs in once", id="a link used twice"),
        pytest.param(["--team", "No Team"], "Teams are", id="no team"),
        pytest.param(["--uses", "0"], "uses", id="no use"),
    ],
)
def test_a_token_that_makes_no_sense_is_an_error_of_usage(
    node: Node, words: list[str], sentence: str
) -> None:
    code, out, err = taskrealm(node, "token", "scope_cli", *words)

    assert (code, out) == (2, "")
    assert sentence in err
