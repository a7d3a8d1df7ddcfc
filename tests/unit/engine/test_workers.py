"""Warm workers: what they run, how they are stopped, and when another takes their place."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.engine import Assignment, SpawnFailed, Wear, Work, Workers
from taskrealm.engine.trees import identity_of
from taskrealm.tasks import Caller, Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from tests.unit.engine.conftest import Node

LIMIT = 30.0  # seconds after which a test no longer waits for what was promised
TASKS = Path(__file__).parents[2] / "site" / "functions.py"


class Office:
    """Workers with the tasks of `tests/site/functions.py`, and what their steps have printed."""

    def __init__(self, root: Path, node: Node, **settings: Any) -> None:
        self.root = root
        self.tasks = root / "tasks"
        self.tasks.mkdir()
        (self.tasks / "functions.py").write_bytes(TASKS.read_bytes())
        self.troubles: list[str] = []
        chosen = {"ready": 1, "most": None, "wear": Wear(steps=100, memory=500_000_000)}
        self.workers = Workers(
            self.tasks,
            node_id=node.prefix.rstrip("."),
            on_trouble=self.troubles.append,
            **{**chosen, **settings},
        )
        self.printed: dict[Assignment, list[tuple[str, bytes]]] = {}
        self._numbers = iter(range(1_000))

    def begin(
        self,
        name: str,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Assignment:
        directory = self.root / f"job{next(self._numbers)}"
        directory.mkdir()
        head = {
            "step": "function",
            "task": name,
            "arguments": arguments,
            "files": [],
            "environment": {"PATH": "/usr/bin:/bin", **(environment or {})},
            "context": {
                "job_id": "job",
                "task": name,
                "attempt": 1,
                "caller": asdict(Caller("ana", "user", "shop")),
                "directory": str(directory),
                "deadline": time.monotonic() + 60,
            },
        }
        pieces: list[tuple[str, bytes]] = []
        assignment = self.workers.assign(
            Work(head, limits=limits or Limits()), lambda *piece: pieces.append(piece)
        )
        self.printed[assignment] = pieces
        return assignment

    async def result(self, name: str, **arguments: Any) -> Any:
        assignment = self.begin(name, **arguments)
        async with asyncio.timeout(LIMIT):
            await assignment.wait()
        assert assignment.reply is not None
        assert assignment.reply.head["error"] is None
        return json.loads(assignment.reply.body)

    def output(self, assignment: Assignment, stream: str = "stdout") -> str:
        return b"".join(data for name, data in self.printed[assignment] if name == stream).decode()


@pytest.fixture
async def opened(node: Node, tmp_path: Path) -> AsyncIterator[Callable[..., Office]]:
    """Opens an office, which is closed after the test."""
    offices: list[Office] = []

    def opened(**settings: Any) -> Office:
        offices.append(Office(tmp_path, node, **settings))
        return offices[-1]

    yield opened
    for office in offices:
        async with asyncio.timeout(LIMIT):
            await office.workers.close()


async def comes_true(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.capability("A15")
async def test_successive_steps_run_in_the_same_process(opened: Callable[..., Office]) -> None:
    office = opened()
    pids = {(await office.result("func.who"))["pid"] for _ in range(5)}

    assert len(pids) == 1
    assert office.workers.started == 1


@pytest.mark.capability("A15", "X9")
async def test_what_a_function_prints_in_any_way_arrives_in_order_to_the_last_byte(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    for _ in range(3):
        assignment = office.begin("func.prints")
        async with asyncio.timeout(LIMIT):
            await assignment.wait()

        head, long, end = office.output(assignment).rsplit("\n", 2)
        assert head.split("\n") == ["from print", "from below", "from C", "from a child"]
        assert (len(long), end) == (300_000, "no end")
        assert office.output(assignment, "stderr") == "an error\n"
    assert office.workers.started == 1


@pytest.mark.capability("A15")
@pytest.mark.parametrize(
    ("how", "error", "code"),
    [
        pytest.param("error", "ValueError: no such album", 1, id="exception"),
        pytest.param("said", "The album is empty", 1, id="sentence of its own"),
        pytest.param("exit", "The function ended with exit code 3", 3, id="exit code"),
        pytest.param("text", "The function ended with exit code 1", 1, id="exit with words"),
        pytest.param("memory", "MemoryError", 1, id="no memory"),
        pytest.param(
            "nonsense",
            "The function made no result: must be a value that JSON has, not object",
            1,
            id="no result",
        ),
    ],
)
async def test_a_function_that_fails_says_why_and_its_worker_goes_on(
    opened: Callable[..., Office], how: str, error: str, code: int
) -> None:
    office = opened()
    assignment = office.begin("func.fails", how=how)
    async with asyncio.timeout(LIMIT):
        exit = await assignment.wait()
    await office.result("func.nothing")

    assert assignment.reply is not None
    assert (assignment.reply.head["error"], exit.code, exit.signal) == (error, code, None)
    assert office.output(assignment) == "before\n"
    assert office.workers.started == 1
    complaint = office.output(assignment, "stderr")
    match how:
        case "error":
            first, place, *_ = complaint.splitlines()
            assert first == "Traceback (most recent call last):"
            assert place.startswith(f'  File "{office.tasks}/functions.py"')
            assert complaint.endswith("ValueError: no such album\n")
        case "text":
            assert complaint == "no such album\n"
        case "said" | "exit":
            assert complaint == ""


@pytest.mark.capability("X12")
@pytest.mark.parametrize(
    ("how", "code", "number"),
    [
        pytest.param("leave", 7, None, id="leaves without a word"),
        pytest.param("crash", None, signal.SIGSEGV, id="reads what is not its own"),
        pytest.param("killed", None, signal.SIGKILL, id="kills itself"),
    ],
)
async def test_a_worker_that_dies_is_replaced(
    opened: Callable[..., Office], how: str, code: int | None, number: int | None
) -> None:
    office = opened()
    assignments = [office.begin("func.fails", how=how) for _ in range(2)]
    after = office.begin("func.nothing")
    async with asyncio.timeout(LIMIT):
        exits = [await assignment.wait() for assignment in assignments]
        await after.wait()

    assert [(exit.code, exit.signal) for exit in exits] == [(code, number)] * 2
    assert [assignment.reply for assignment in assignments] == [None, None]
    assert after.reply is not None
    assert office.workers.started == 3


@pytest.mark.capability("C6")
@pytest.mark.parametrize("name", ["func.waits", "func.awaits"])
async def test_a_function_that_is_stopped_cleans_up(
    opened: Callable[..., Office], tmp_path: Path, name: str
) -> None:
    office = opened()
    assignment = office.begin(name, mark=str(tmp_path / "mark"))
    await comes_true((tmp_path / "mark.began").exists)
    assignment.stop(grace=LIMIT)
    async with asyncio.timeout(LIMIT):
        await assignment.wait()

    assert (tmp_path / "mark.cleaned").exists()
    assert assignment.reply is not None
    assert assignment.reply.head["error"] == "The function was stopped"


@pytest.mark.capability("C6", "X5")
async def test_a_function_that_goes_on_is_killed_after_the_grace(
    opened: Callable[..., Office], tmp_path: Path
) -> None:
    office = opened()
    mark = tmp_path / "mark"
    for name, arguments in (("func.waits", {"stubborn": True}), ("func.loops", {})):
        assignment = office.begin(name, mark=str(mark), **arguments)
        await comes_true(mark.with_suffix(".began").exists)
        mark.with_suffix(".began").unlink()
        assignment.stop(grace=0.2)
        async with asyncio.timeout(LIMIT):
            exit = await assignment.wait()

        assert (exit.signal, assignment.reply) == (signal.SIGKILL, None)
    assert not mark.with_suffix(".cleaned").exists()


async def test_a_step_may_be_stopped_at_any_moment(opened: Callable[..., Office]) -> None:
    office = opened(ready=2)
    await office.result("func.nothing")
    for moment in range(40):
        assignment = office.begin("func.who")
        for _ in range(moment):
            await asyncio.sleep(0.0002)
        assignment.stop(grace=LIMIT)
        async with asyncio.timeout(LIMIT):
            await assignment.wait()
        # It had its say, or was stopped; the next one is not affected.
        if assignment.reply is not None:
            assert assignment.reply.head["error"] in (None, "The function was stopped")
        assert (await office.result("func.who"))["word"] == "hello"


async def test_a_step_that_waits_for_a_worker_can_be_stopped(
    opened: Callable[..., Office], tmp_path: Path
) -> None:
    office = opened(most=1)
    first = office.begin("func.waits", mark=str(tmp_path / "mark"))
    waiting = office.begin("func.nothing")
    waiting.stop(grace=LIMIT)
    async with asyncio.timeout(LIMIT):
        exit = await waiting.wait()
        first.kill()
        await first.wait()

    assert (exit.code, exit.signal, waiting.reply) == (None, None, None)
    assert await office.result("func.nothing") is None


@pytest.mark.parametrize(
    "what",
    ["thread", "environment", "directory", "umask", "signals", "streams", "child", "fork"],
)
async def test_who_leaves_something_in_its_process_takes_that_along(
    opened: Callable[..., Office], what: str
) -> None:
    office = opened()
    assignment = office.begin("func.leaves", what=what)
    async with asyncio.timeout(LIMIT):
        exit = await assignment.wait()
    clean = {
        "content": [],
        "colour": None,
        "umask": 0o022,
        "term": True,
        "blocked": 0,
        "threads": 1,
    }
    umask = os.umask(0o022)
    os.umask(umask)

    assert assignment.reply is not None
    assert assignment.reply.head["error"] is None
    for pid in json.loads(assignment.reply.body):
        assert identity_of(pid) is None
    assert exit.leftovers == (1 if what in ("child", "fork") else 0)
    after = office.begin("func.looks")
    async with asyncio.timeout(LIMIT):
        await after.wait()
    assert after.reply is not None
    assert after.reply.head["error"] is None
    assert json.loads(after.reply.body) == {**clean, "umask": umask}
    assert office.output(after) == "clean\n"
    assert office.workers.started == 2


async def test_a_step_finds_its_own_environment_and_nothing_of_earlier_ones(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    given: list[dict[str, str]] = [
        {"COLOUR": "red", "SECRET": "of the first"},
        {"COLOUR": "red", "SIZE": "big"},
        {},
        {"COLOUR": os.fsdecode(b"\xff"), "SIZE": ""},
    ]
    found = []
    for environment in given:
        assignment = office.begin("func.environment", environment=environment)
        async with asyncio.timeout(LIMIT):
            await assignment.wait()
        assert assignment.reply is not None
        found.append(json.loads(assignment.reply.body))
    cookies = {each.pop("TASKREALM_COOKIE") for each in found}

    path = {"PATH": "/usr/bin:/bin"}
    assert found[:3] == [{**path, **each} for each in given[:3]]
    assert found[3] == {**path, "COLOUR": "\\xff", "SIZE": ""}
    assert len(cookies) == 1
    assert office.workers.started == 1


async def test_a_daemon_that_a_function_left_behind_ends_with_it(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    assignment = office.begin("func.leaves", what="daemon")
    async with asyncio.timeout(LIMIT):
        exit = await assignment.wait()

    assert assignment.reply is not None
    [pid] = json.loads(assignment.reply.body)
    assert identity_of(pid) is None
    assert exit.leftovers == 1


async def test_a_worker_is_replaced_after_so_many_steps(opened: Callable[..., Office]) -> None:
    office = opened(wear=Wear(steps=3, memory=500_000_000))
    pids = [(await office.result("func.who"))["pid"] for _ in range(7)]

    assert len(set(pids)) == 3
    assert pids[0] == pids[2] != pids[3] == pids[5] != pids[6]


async def test_a_worker_that_has_grown_is_replaced(opened: Callable[..., Office]) -> None:
    office = opened(wear=Wear(steps=100, memory=1_000_000))
    before = (await office.result("func.who"))["pid"]
    await office.result("func.swells", size=5_000_000)

    assert (await office.result("func.who"))["pid"] != before


@pytest.mark.capability("X4")
@pytest.mark.parametrize(
    ("name", "limits", "much", "little", "sentence"),
    [
        pytest.param(
            "func.eats",
            Limits(memory=100_000_000),
            {"size": 150_000_000},
            {"size": 50_000_000},
            "The job used more than its limit of 100 MB of memory",
            id="memory",
        ),
        pytest.param(
            "func.burns",
            Limits(cpu=0.6),
            {"seconds": 10.0},
            {"seconds": 0.4},
            "The job used more than its limit of 0.6 s of processor time",
            id="processor time",
        ),
        pytest.param(
            "func.breeds",
            Limits(processes=5),
            {"count": 20},
            {"count": 2},
            "The job used more than its limit of 5 processes",
            id="processes",
        ),
    ],
)
async def test_limits_hold_for_each_step_alone(
    opened: Callable[..., Office],
    name: str,
    limits: Limits,
    much: dict[str, Any],
    little: dict[str, Any],
    sentence: str,
) -> None:
    office = opened()
    for _ in range(3):
        modest = office.begin(name, limits, **little)
        async with asyncio.timeout(LIMIT):
            exit = await modest.wait()
        assert (exit.excess, exit.code) == (None, 0)
    greedy = office.begin(name, limits, **much)
    async with asyncio.timeout(LIMIT):
        exit = await greedy.wait()

    assert exit.excess == sentence


async def test_a_limit_of_open_files_is_not_passed_on_to_others(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    limited = office.begin("func.opens", Limits(open_files=40), count=60)
    free = office.begin("func.opens", count=60)
    async with asyncio.timeout(LIMIT):
        await limited.wait()
        await free.wait()

    assert limited.reply is not None
    assert limited.reply.head["error"].startswith("OSError: [Errno 24] Too many open files")
    assert free.reply is not None
    assert free.reply.head["error"] is None


async def test_a_worker_is_replaced_before_files_that_were_left_open_fill_it(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    for _ in range(6):
        assignment = office.begin("func.leaves", Limits(open_files=40), what="open files")
        async with asyncio.timeout(LIMIT):
            await assignment.wait()

        assert assignment.reply is not None
        assert assignment.reply.head["error"] is None
    assert 1 < office.workers.started < 6


async def test_no_more_workers_run_than_may(opened: Callable[..., Office], tmp_path: Path) -> None:
    office = opened(ready=4, most=2)
    assignments = [office.begin("func.waits", mark=str(tmp_path / str(each))) for each in range(3)]
    for each in range(2):
        await comes_true((tmp_path / f"{each}.began").exists)
    assert office.workers.started == 2
    assert not (tmp_path / "2.began").exists()
    assignments[0].stop(grace=LIMIT)
    await comes_true((tmp_path / "2.began").exists)

    assert office.workers.started == 3


async def test_workers_are_started_before_there_are_steps(opened: Callable[..., Office]) -> None:
    office = opened(ready=2)
    office.workers.start()
    await comes_true(lambda: len(office.workers._idle) == 2)
    await asyncio.gather(office.result("func.nothing"), office.result("func.nothing"))

    assert office.workers.started == 2


async def test_tasks_that_cannot_be_loaded_fail_each_step_with_the_reason(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    (office.tasks / "broken.py").write_text("import nothing_like_that\n")
    assignments = [office.begin("func.nothing") for _ in range(3)]
    for assignment in assignments:
        with pytest.raises(SpawnFailed, match="No module named 'nothing_like_that'"):
            async with asyncio.timeout(LIMIT):
                await assignment.wait()
    (office.tasks / "broken.py").unlink()

    assert await office.result("func.nothing") is None


async def test_a_worker_that_cannot_load_is_told_of_once_and_not_started_again(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    (office.tasks / "broken.py").write_text("import os\nprint('bye')\nos._exit(3)\n")
    office.workers.start()
    await comes_true(lambda: bool(office.troubles))

    assert office.troubles == ["A worker ended while it loaded the tasks: bye"]
    assert office.workers.started == 1


async def test_renewed_workers_know_the_tasks_of_today(opened: Callable[..., Office]) -> None:
    office = opened()
    text = "from taskrealm.tasks import task\n\n@task\ndef {name}() -> None: ...\n"
    await office.result("func.nothing")
    (office.tasks / "more.py").write_text(text.format(name="added"))
    early = office.begin("added")
    async with asyncio.timeout(LIMIT):
        await early.wait()
    office.workers.renew()

    assert early.reply is not None
    assert early.reply.head["error"].startswith("The task added is no longer in the folder")
    assert await office.result("added") is None


async def test_closing_ends_idle_workers_and_kills_the_others(
    opened: Callable[..., Office], tmp_path: Path
) -> None:
    office = opened(ready=2)
    pid = (await office.result("func.who"))["pid"]
    assignment = office.begin("func.waits", mark=str(tmp_path / "mark"), stubborn=True)
    await comes_true((tmp_path / "mark.began").exists)
    async with asyncio.timeout(LIMIT):
        await office.workers.close()
        exit = await assignment.wait()

    assert exit.signal == signal.SIGKILL
    assert identity_of(pid) is None


async def test_a_worker_ends_with_the_process_that_started_it(
    opened: Callable[..., Office],
) -> None:
    office = opened()
    pid = (await office.result("func.who"))["pid"]
    [worker] = office.workers._all
    worker.let_go()
    await comes_true(lambda: identity_of(pid) is None)
