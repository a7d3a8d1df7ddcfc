"""What is contained ends, whatever it does to get away."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrealm.engine.containment import Containment, NotContained
from taskrealm.engine.trees import identity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 30.0  # seconds
ESCAPED = "setsid env -i /bin/sh -c 'echo $$; exec sleep 1000' & wait"


@pytest.fixture
def name() -> str:
    return f"taskrealm.test.{uuid.uuid4().hex}"


@pytest.fixture
def containment(name: str) -> Iterator[Containment]:
    try:
        containment = Containment.open(name)
    except NotContained as reason:
        pytest.skip(str(reason))
    yield containment
    containment.remove()


def run_contained(containment: Containment, script: str) -> subprocess.Popen[str]:
    with containment.entered():
        return subprocess.Popen(
            ["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
        )


def pid_told_by(program: subprocess.Popen[str]) -> int:
    assert program.stdout is not None
    return int(program.stdout.readline())


def cgroup_of(pid: int | str) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line for line in lines if line.startswith("0::")).removeprefix("0::")


def await_death(pid: int) -> None:
    give_up = time.monotonic() + LIMIT
    while identity_of(pid) is not None:
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_what_is_started_is_contained_from_its_birth_and_the_starter_is_not(
    containment: Containment, name: str
) -> None:
    home = cgroup_of("self")
    with run_contained(containment, "grep ^0:: /proc/self/cgroup") as program:
        output, _ = program.communicate(timeout=LIMIT)

    assert output.strip() == f"0::{home.rstrip('/')}/{name}"
    assert cgroup_of("self") == home


def test_a_daemon_without_parent_session_and_environment_is_killed(
    containment: Containment,
) -> None:
    with run_contained(containment, ESCAPED) as program:
        pid = pid_told_by(program)
        containment.kill()

        assert identity_of(pid) is None
        assert program.wait(LIMIT) == -9


def test_a_killed_cgroup_can_be_used_again(containment: Containment) -> None:
    containment.kill()
    with run_contained(containment, "exit 3") as program:
        assert program.wait(LIMIT) == 3


def test_opening_it_again_kills_what_an_earlier_one_held(
    containment: Containment, name: str
) -> None:
    with run_contained(containment, ESCAPED) as program:
        pid = pid_told_by(program)
        Containment.open(name)

        assert identity_of(pid) is None
        assert program.wait(LIMIT) == -9


def test_cgroups_that_programs_made_in_it_are_removed_with_it(
    containment: Containment, name: str
) -> None:
    moved = "mkdir a a/b && echo $$ >a/b/cgroup.procs && echo $$ && exec sleep 1000"
    with run_contained(containment, f"cd {containment.folder} && {moved}") as program:
        pid = pid_told_by(program)
        assert cgroup_of(pid).endswith(f"{name}/a/b")
        containment.remove()

        assert program.wait(LIMIT) == -9
    assert not containment.folder.exists()
    Containment.open(name)


def test_orphans_of_a_dead_child_are_adopted_and_ended() -> None:
    # In a process of its own: all children of the one that does it are killed.
    source = f"""
import os, subprocess
from taskrealm.engine.containment import adopt, end_children
adopt()
component = subprocess.Popen(["sh", "-c", {ESCAPED!r}], stdout=subprocess.PIPE, text=True)
escaped = int(component.stdout.readline())
component.kill()
component.wait()
print(end_children(), os.path.exists(f"/proc/{{escaped}}"), end_children())
"""
    result = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=LIMIT
    )

    assert (result.stdout, result.stderr) == ("[] False []\n", "")


def test_where_no_cgroup_can_be_made_the_reason_is_told(name: str) -> None:
    with pytest.raises(NotContained, match=r"No such file|no cgroups|Read-only|denied"):
        Containment.open(f"{name}/{name}")
