"""A program runs as told, reports its output and its end, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import errno
import functools
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine import processes
from taskrealm.engine.orphans import ORPHANS
from taskrealm.engine.processes import DRAIN_LIMIT, Exit, Process, adopt_orphans
from taskrealm.engine.trees import kill_all

if TYPE_CHECKING:
    from .conftest import MostFiles, Node

LONG = 1_000  # seconds; what lasts this long was killed if the test ends

# Leaves its parent, group and session as a daemon does, tells its pid and sleeps.
DAEMON = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("daemon", os.getpid(), flush=True)
        time.sleep({LONG})
    os._exit(0)
"""

# Likewise without any environment in which a cookie could be.
DAEMON_WITHOUT_COOKIE = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve("/bin/sh", ["sh", "-c", "echo daemon $$; exec sleep {LONG}"], {{}})
    os._exit(0)
"""


@pytest.mark.fault("F12")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param("exit 0", Exit(0, None, 0), id="success"),
        pytest.param("exit 255", Exit(255, None, 0), id="failure"),
        pytest.param("kill -SEGV $$", Exit(None, signal.SIGSEGV, 0), id="killed by a signal"),
    ],
)
async def test_the_exit_tells_the_code_or_the_signal(
    node: Node, script: str, expected: Exit
) -> None:
    assert await node.sh(script).end() == expected


async def test_everybody_who_waits_learns_the_same_exit(node: Node) -> None:
    running = node.sh("exit 3")

    first, second = await asyncio.gather(running.end(), running.end())

    assert first == second == Exit(3, None, 0)
    assert await running.end() == Exit(3, None, 0)


async def test_who_stops_waiting_does_not_disturb_the_program(node: Node) -> None:
    running = node.sh("echo ready; exec sleep 1000")
    await running.line("ready")
    waiting = asyncio.ensure_future(running.process.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    running.process.kill()

    assert (await running.end()).signal == signal.SIGKILL


async def test_both_streams_are_reported_each_by_its_name(node: Node) -> None:
    running = node.sh("echo out; echo err >&2")
    await running.end()

    assert (running.stdout, running.stderr) == ("out\n", "err\n")


async def test_output_comes_while_the_program_runs(node: Node) -> None:
    running = node.sh("echo first; exec sleep 1000")
    await running.line("first")
    running.process.kill()
    exit = await running.end()

    assert exit.signal == signal.SIGKILL


async def test_output_arrives_whole_in_pieces_of_at_most_64_kib(node: Node) -> None:
    running = node.python("import sys; sys.stdout.write('x' * 3_000_000)")
    await running.end()

    assert len(running.stdout) == 3_000_000
    assert max(len(data) for _, data in running.pieces) <= 65_536


async def test_a_flood_of_output_leaves_the_loop_its_turns(node: Node) -> None:
    flood = node.sh("exec cat /dev/zero")
    other = node.sh("echo through; exec sleep 1000")
    await other.line("through")
    flood.process.kill()
    other.process.kill()

    assert (await flood.end()).signal == (await other.end()).signal == signal.SIGKILL


@pytest.mark.fault("F18")
async def test_standard_input_is_at_its_end_at_once(node: Node) -> None:
    running = node.sh("cat; echo end")
    await running.end()

    assert running.stdout == "end\n"


async def test_a_program_receives_the_given_environment_and_its_cookie_only(node: Node) -> None:
    running = node.start("/usr/bin/env", environment={"COLOUR": "blå", "EMPTY": ""})
    await running.end()

    assert sorted(running.stdout.splitlines()) == [
        "COLOUR=blå",
        "EMPTY=",
        f"TASKREALM_COOKIE={running.program.cookie}",
    ]


async def test_a_program_starts_in_its_directory(node: Node) -> None:
    running = node.sh("pwd -P")
    await running.end()

    assert running.stdout.strip() == str(running.program.directory.resolve())


async def test_a_program_leads_a_session_and_a_group_of_its_own(node: Node) -> None:
    running = node.python("import os; print(os.getpid(), os.getsid(0), os.getpgid(0))")
    await running.end()

    assert running.stdout.split() == [str(running.process.pid)] * 3


async def test_a_program_has_no_open_files_but_the_standard_ones(node: Node) -> None:
    running = node.sh("ls /proc/self/fd")
    await running.end()

    # The fourth is the folder that ls lists.
    assert running.stdout.split() == ["0", "1", "2", "3"]


@pytest.mark.fault("F19")
async def test_a_program_may_close_its_output_and_run_on(node: Node) -> None:
    running = node.sh("echo ready; exec >&- 2>&-; while [ ! -e go ]; do sleep 0.01; done; exit 7")
    await running.line("ready")
    (running.program.directory / "go").touch()

    assert await running.end() == Exit(7, None, 0)


async def test_a_polite_program_ends_in_its_own_way(node: Node) -> None:
    running = node.sh("trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done")
    await running.line("ready")
    running.process.stop(grace=LONG)

    assert await running.end() == Exit(5, None, 0)
    assert running.stdout == "ready\nbye\n"


@pytest.mark.fault("F3")
async def test_a_program_that_ignores_the_request_is_killed_after_the_grace(node: Node) -> None:
    running = node.sh("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    await running.line("ready")
    running.process.stop(grace=0.05)

    assert (await running.end()).signal == signal.SIGKILL


async def test_a_second_stop_can_shorten_the_grace_but_not_lengthen_it(node: Node) -> None:
    running = node.sh("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    await running.line("ready")
    running.process.stop(grace=LONG)
    running.process.stop(grace=0.05)
    running.process.stop(grace=LONG)

    assert (await running.end()).signal == signal.SIGKILL


async def test_the_request_to_end_is_made_once(node: Node) -> None:
    running = node.python(
        """
import signal
count = 0
def on_term(number, frame):
    global count
    count += 1
signal.signal(signal.SIGTERM, on_term)
print("ready")
while not count:
    signal.pause()
signal.sigtimedwait([], 0.1)
print("asked", count)
"""
    )
    await running.line("ready")
    running.process.stop(grace=LONG)
    running.process.stop(grace=LONG / 2)
    await running.end()

    assert await running.line("asked") == "1"


async def test_kill_ends_a_program_at_once(node: Node) -> None:
    running = node.sh("trap '' TERM; echo ready; while :; do sleep 0.01; done")
    await running.line("ready")
    running.process.stop(grace=LONG)
    running.process.kill()
    running.process.kill()

    assert (await running.end()).signal == signal.SIGKILL


@pytest.mark.fault("F9")
async def test_a_stopped_program_is_woken_to_hear_the_request(node: Node) -> None:
    running = node.sh("trap 'exit 5' TERM; echo ready; kill -STOP $$; while :; do sleep 0.01; done")
    await running.line("ready")
    running.process.stop(grace=LONG)

    assert await running.end() == Exit(5, None, 0)


async def test_stop_and_kill_after_the_end_do_nothing(node: Node) -> None:
    running = node.sh("exit 0")
    await running.end()
    running.process.stop(grace=0)
    running.process.kill()

    assert await running.end() == Exit(0, None, 0)


@pytest.mark.fault("F5")
async def test_a_stop_that_races_the_natural_end_gives_one_exit(node: Node) -> None:
    for number in range(500):
        running = node.start("true")
        ending = asyncio.ensure_future(running.end())
        for _ in range(number % 8):
            await asyncio.sleep(0)
        running.process.stop(grace=0 if number % 2 else LONG)

        assert await ending in (
            Exit(0, None, 0),
            Exit(None, signal.SIGTERM, 0),
            Exit(None, signal.SIGKILL, 0),
        )


CHILDREN = [
    pytest.param("sleep 1000 & echo child $!;", id="in the background"),
    pytest.param("(trap '' TERM; exec sleep 1000) & echo child $!;", id="ignores the request"),
    pytest.param("setsid sh -c 'echo child $$; exec sleep 1000' &", id="in a session of its own"),
    pytest.param(
        "setsid sh -c 'setsid sh -c \"echo child \\$\\$; exec sleep 1000\" &' &",
        id="a daemon",
    ),
    pytest.param(
        "setsid env -i /bin/sh -c 'echo child $$; exec sleep 1000' &", id="without a cookie"
    ),
]


@pytest.mark.parametrize("child", CHILDREN)
async def test_kill_reaches_a_child(node: Node, child: str) -> None:
    running = node.sh(f"{child} echo ready; exec sleep 1000")
    await running.line("ready")
    pid = await running.pid_of("child")
    running.process.kill()
    await running.end()

    assert not node.lives(pid)


@pytest.mark.fault("F1", "F2")
@pytest.mark.parametrize("child", CHILDREN)
async def test_a_child_does_not_outlive_a_stopped_program(node: Node, child: str) -> None:
    running = node.sh(f"{child} echo ready; exec sleep 1000")
    await running.line("ready")
    pid = await running.pid_of("child")
    running.process.stop(grace=0.2)
    await running.end()

    assert not node.lives(pid)


@pytest.mark.parametrize("child", CHILDREN)
async def test_a_child_does_not_outlive_a_program_that_succeeds(node: Node, child: str) -> None:
    # The output of the child is closed when it has told its pid, so that nothing is awaited.
    running = node.sh(child.replace("exec sleep 1000", "exec sleep 1000 >&- 2>&-") + " echo ready")
    pid = await running.pid_of("child")
    exit = await running.end()

    assert (exit.code, exit.leftovers) == (0, 1)
    assert not node.lives(pid)


async def test_a_child_that_heeds_the_request_has_the_grace_to_clean_up(node: Node) -> None:
    running = node.sh(
        "(trap 'sleep 0.2; touch cleaned; exit' TERM; echo ready; exec >&- 2>&-;"
        " while :; do sleep 0.01; done) & wait"
    )
    await running.line("ready")
    running.process.stop(grace=LONG)
    exit = await running.end()

    # The shell is gone at once.
    assert exit == Exit(None, signal.SIGTERM, 0)
    assert (running.program.directory / "cleaned").exists()


@pytest.mark.fault("F2")
@pytest.mark.parametrize(
    "tree",
    [
        pytest.param(
            "while True:\n    os.fork() or (os.setsid(), time.sleep(1000))\n    time.sleep(0.003)",
            id="one that starts others",
        ),
        pytest.param(
            "while True:\n    os.fork() and os._exit(0)\n    os.setsid()\n    time.sleep(0.001)",
            id="one that goes on as its own child",
        ),
        pytest.param(
            """
def guard(other):
    while True:
        if not os.path.exists(f"/proc/{other}") or "Z" in open(f"/proc/{other}/stat").read():
            me = os.getpid()
            if (pid := os.fork()) == 0:
                os.setsid()
                guard(me)
            other = pid
guard(0)
""",
            id="two that start one another again",
        ),
    ],
)
async def test_an_escaped_tree_that_grows_again_is_killed_to_the_last(
    node: Node, tree: str
) -> None:
    running = node.python(
        f"import os, signal, time\n"
        f"signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        f"if os.fork():\n    print('ready')\n    time.sleep(1000)\nos.setsid()\n{tree}"
    )
    await running.line("ready")
    running.process.stop(grace=0.1)
    await running.end()

    assert node.living() == []


@pytest.mark.fault("F6")
async def test_a_daemon_that_holds_the_output_open_delays_the_end_by_the_drain_limit_at_most(
    node: Node,
) -> None:
    running = node.python(DAEMON)
    pid = await running.pid_of("daemon")
    async with asyncio.timeout(DRAIN_LIMIT + 2):
        exit = await running.process.wait()

    assert exit == Exit(0, None, 1)
    assert not node.lives(pid)


@pytest.mark.fault("F7")
async def test_a_daemon_that_goes_on_writing_does_not_prevent_the_end(node: Node) -> None:
    running = node.sh("setsid cat /dev/zero & exit 0")
    async with asyncio.timeout(DRAIN_LIMIT + 2):
        exit = await running.process.wait()

    assert exit == Exit(0, None, 1)


async def test_a_stranger_that_holds_the_output_open_does_not_prevent_the_end(node: Node) -> None:
    running = node.sh("echo ready; while [ ! -e go ]; do sleep 0.01; done")
    await running.line("ready")
    stranger = subprocess.Popen(
        f"exec >/proc/{running.process.pid}/fd/1; echo got it; exec sleep 1000", shell=True
    )
    await running.line("got it")
    (running.program.directory / "go").touch()
    async with asyncio.timeout(DRAIN_LIMIT + 2):
        exit = await running.process.wait()

    assert exit == Exit(0, None, 0)
    stranger.kill()
    stranger.wait()


async def test_what_a_child_writes_just_after_the_end_still_arrives(node: Node) -> None:
    running = node.sh("(sleep 0.1; echo last) & exit 0")
    exit = await running.end()

    assert exit == Exit(0, None, 0)
    assert running.stdout == "last\n"


@pytest.mark.parametrize(
    "child",
    [
        pytest.param("", id="with its cookie"),
        pytest.param("env -i", id="without a cookie, in the session of its job"),
    ],
)
async def test_the_daemon_of_a_job_that_runs_on_is_left_alone(node: Node, child: str) -> None:
    session = "" if child else "setsid"
    script = f"({session} {child} /bin/sh -c 'echo daemon $$; exec sleep 1000' &)"
    host = node.sh(f"{script}; echo ready; exec sleep 1000")
    await host.line("ready")
    kept = await host.pid_of("daemon")
    guilty = node.python(DAEMON)
    dropped = await guilty.pid_of("daemon")
    exit = await guilty.end()

    assert exit.leftovers == 1
    assert node.lives(kept)
    assert not node.lives(dropped)
    host.process.kill()
    await host.end()
    assert not node.lives(kept)


async def test_a_daemon_without_cookie_and_session_of_a_job_is_killed(node: Node) -> None:
    running = node.python(DAEMON_WITHOUT_COOKIE)
    pid = await running.pid_of("daemon")
    exit = await running.end()

    assert exit == Exit(0, None, 1)
    assert not node.lives(pid)


async def test_many_jobs_at_once_keep_their_own_daemons_only(node: Node) -> None:
    hosts = [node.python(f"{DAEMON}\nos.wait(); time.sleep(1000)") for _ in range(4)]
    kept = [await host.pid_of("daemon") for host in hosts]
    exits = await asyncio.gather(*(node.python(DAEMON).end() for _ in range(8)))

    assert [exit.code for exit in exits] == [0] * 8
    assert sum(exit.leftovers for exit in exits) == 8
    assert all(map(node.lives, kept))
    for host in hosts:
        host.process.kill()
    await asyncio.gather(*(host.end() for host in hosts))
    assert not any(map(node.lives, kept))


@pytest.mark.fault("F11")
async def test_orphans_that_end_while_their_job_runs_are_reaped(node: Node) -> None:
    running = node.sh(
        "for number in 1 2 3; do (setsid sh -c 'echo orphan $$' &); done; echo ready;"
        " exec sleep 1000"
    )
    pid = await running.pid_of("orphan")
    async with asyncio.timeout(30):
        # A zombie that is reaped sends nobody a word.
        while True:
            if not os.path.exists(f"/proc/{pid}"):
                break
            await asyncio.sleep(0.05)
    running.process.kill()

    assert (await running.end()).leftovers == 0


async def test_children_of_this_process_that_are_no_job_are_left_alone(node: Node) -> None:
    helper = subprocess.Popen(["sleep", "1000"])
    exit = await node.python(DAEMON).end()

    assert exit.leftovers == 1
    assert helper.poll() is None
    helper.kill()
    assert helper.wait() == -signal.SIGKILL


@pytest.mark.fault("F10")
async def test_three_hundred_short_programs_leave_nothing_behind(node: Node) -> None:
    codes = []
    for start in range(0, 300, 10):
        some = [node.sh(f"exit {number % 256}") for number in range(start, start + 10)]
        codes += [(await running.end()).code for running in some]

    # The fixture looks for files, zombies and children.
    assert codes == [number % 256 for number in range(300)]


@pytest.mark.parametrize(
    "session", [pytest.param("", id="same session"), pytest.param("setsid", id="own session")]
)
async def test_without_files_to_look_for_them_remains_are_killed_at_the_next_end(
    node: Node, most_files: MostFiles, session: str
) -> None:
    running = node.sh(f"{session} sh -c 'echo child $$; exec sleep 1000 >&- 2>&-' & exit 0")
    pid = await running.pid_of("child")
    with most_files(0):
        exit = await running.end()
    await node.start("true").end()

    assert exit.code == 0
    assert not node.lives(pid)


async def test_processes_that_may_not_be_signalled_are_left_to_themselves(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    running = node.sh("sleep 1000 >&- 2>&- & echo child $!; while [ ! -e go ]; do sleep 0.01; done")
    pid = await running.pid_of("child")
    # As it is with programs that become another user.
    with monkeypatch.context() as patch:
        for module, name in (os, "kill"), (os, "killpg"), (signal, "pidfd_send_signal"):
            patch.setattr(module, name, refuse)
        running.process.stop(grace=0)
        (running.program.directory / "go").touch()
        exit = await running.end()

    assert exit == Exit(0, None, 0)
    assert node.lives(pid)
    # When it ends one day, it is reaped.
    os.kill(pid, signal.SIGKILL)
    await_end(pid)
    await node.start("true").end()


async def test_an_exit_status_that_something_else_took_is_unknown(node: Node) -> None:
    running = node.sh("exit 3")
    take_exit_status(running.process.pid)

    assert await running.end() == Exit(None, None, 0)


async def test_the_last_resort_is_asked_when_a_job_outruns_us(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    adopt_orphans(on_outrun=lambda: calls.append("outrun"))
    monkeypatch.setattr(processes, "kill_all", functools.partial(kill_all, patience=0.0))
    running = node.sh("setsid sh -c 'sleep 1000 & wait' >&- 2>&- & sleep 0.2")
    exit = await running.end()
    adopt_orphans()

    assert calls == ["outrun"]
    assert exit.code == 0


# Signals 32 and 33 belong to the C library; Python 3.13 leaves them ignored in a new program.
LIBC_SIGNALS = 0b11 << 31


async def test_a_program_inherits_no_ignored_or_blocked_signal(node: Node) -> None:
    program = node.program("grep", "^Sig[BI]", "/proc/self/status")
    source = f"""
import asyncio, signal, sys
from pathlib import Path
from taskrealm.engine.processes import Process, adopt_orphans
from taskrealm.engine.programs import Program
async def main():
    adopt_orphans()
    program = Program({program.argv!r}, {program.environment!r}, Path("/"), {program.cookie!r})
    process = Process.start(program, lambda stream, data: print(data.decode()))
    await process.wait()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
asyncio.run(main())
"""
    parent = run_python(source)

    assert parent.stderr == ""
    _, blocked, _, ignored = parent.stdout.split()
    assert int(blocked, 16) == 0
    assert int(ignored, 16) & ~LIBC_SIGNALS == 0


IN_CHARGE = """
import asyncio, os, resource
from pathlib import Path
from taskrealm.engine.processes import Process, adopt_orphans
from taskrealm.engine.programs import Program, SpawnFailed

def start(number, *argv):
    program = Program(argv, {"PATH": os.environ["PATH"]}, Path("/"), f"node.{number}.1")
    return Process.start(program, lambda stream, data: None)
"""


@pytest.mark.fault("F11")
async def test_the_first_process_of_a_container_reaps_orphans_and_steals_no_exit_status() -> None:
    source = f"""{IN_CHARGE}
async def main():
    adopt_orphans()
    codes = []
    for number in range(0, 200, 10):
        some = [start(each, "sh", "-c", f"(setsid true &); exit {{each}}")
                for each in range(number, number + 10)]
        codes += [(await each.wait()).code for each in some]
    await start(999, "true").wait()
    children = Path("/proc/self/task/1/children").read_text()
    print(os.getpid(), codes == list(range(200)), children.split())
asyncio.run(main())
"""
    unshare = ("unshare", "--pid", "--fork", "--mount-proc")
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("needs the right to make a PID namespace")
    result = subprocess.run(
        [*unshare, sys.executable, "-c", source], capture_output=True, text=True, timeout=60
    )

    assert (result.stdout, result.stderr) == ("1 True []\n", "")


@pytest.mark.fault("F38")
async def test_without_room_for_another_process_a_start_fails_and_what_runs_is_killed() -> None:
    if os.getuid() != 0:
        pytest.skip("needs the right to become another user, whose processes are counted")
    source = f"""{IN_CHARGE}
async def main():
    os.setgid(54321)
    os.setuid(54321)  # nobody else's: no process but this one counts
    adopt_orphans()
    host = start(1, "sh", "-c", "sleep 1000 & setsid sleep 1000 & exec sleep 1000")
    children = Path(f"/proc/{{host.pid}}/task/{{host.pid}}/children")
    while len(children.read_text().split()) < 2:
        await asyncio.sleep(0.01)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        start(2, "true")
    except SpawnFailed as failure:
        print(failure)
    host.kill()
    print((await host.wait()).signal)
    print(Path(f"/proc/self/task/{{os.getpid()}}/children").read_text().split())
asyncio.run(main())
"""
    result = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60
    )

    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "true could not be started just now: Resource temporarily unavailable",
        str(int(signal.SIGKILL)),
        "[]",
    ]


async def test_nothing_starts_before_orphans_are_adopted(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ORPHANS, "_children", -1)

    with pytest.raises(RuntimeError, match="adopt_orphans"):
        Process.start(node.program("true"), lambda stream, data: None)


def take_exit_status(pid: int) -> None:
    os.waitpid(pid, 0)


def run_python(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=20, check=False
    )


def await_end(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
