"""The doorkeeper, a process asked over its pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.settings import NodeFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 30.0  # seconds

SITE_CODE = """
import sys, time

print("loaded")

def authenticate(token):
    print("asked", token)
    sys.stdin.read()
    if token == "slow":
        time.sleep(3600)
    return {"known": "ana", "wrong": 5}.get(token)
"""


class Doorkeeper:
    """A running doorkeeper of a node with a plain function of its own, and passwords."""

    def __init__(self, root: Path, hook: str = "site.py:authenticate") -> None:
        self.folder = NodeFolder(root)
        self.folder.logs.mkdir(parents=True)
        self.folder.settings_file.write_text(
            f'[access]\nauthenticate = "{hook}"\nauthenticate_limit = 0.5\npasswords = true\n'
        )
        (root / "site.py").write_text(SITE_CODE)
        self._log = self.folder.log("printed").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "taskrealm.router.doorkeeper", root],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def ask(self, secret: str, kind: str = "site", **more: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        question = {"id": 7, "kind": kind, "secret": secret, **more}
        self.process.stdin.write(f"{json.dumps(question)}\n")
        self.process.stdin.flush()
        answer = self.hear()
        assert answer.pop("id") == 7
        return answer

    def close(self) -> int:
        self._log.close()
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(LIMIT)
        self.process.stdout.close()
        return code


@pytest.fixture
def doorkeeper(tmp_path: Path) -> Iterator[Doorkeeper]:
    doorkeeper = Doorkeeper(tmp_path)
    assert doorkeeper.hear() == {"ready": True}
    yield doorkeeper
    doorkeeper.close()


def test_what_the_sites_function_prints_and_reads_is_no_part_of_the_talk(
    doorkeeper: Doorkeeper,
) -> None:
    answer = doorkeeper.ask("known")

    assert answer["answer"]["authid"] == "ana"
    assert "asked known" in doorkeeper.folder.log("printed").read_text()


def test_no_is_no(doorkeeper: Doorkeeper) -> None:
    assert doorkeeper.ask("unknown") == {"refused": "The token is not valid or has expired"}


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    ("secret", "logged"), [("wrong", "not int"), ("slow", "took more than 0.5 s")]
)
def test_what_fails_is_logged_and_not_told(
    doorkeeper: Doorkeeper, secret: str, logged: str
) -> None:
    assert doorkeeper.ask(secret) == {"failed": True}
    assert logged in doorkeeper.folder.log("doorkeeper").read_text()


@pytest.mark.capability("Z6")
@pytest.mark.parametrize(
    "hook", ["missing.py:authenticate", "site.py:missing", "no.such.module:authenticate"]
)
def test_a_function_that_is_not_there_lets_nobody_in(tmp_path: Path, hook: str) -> None:
    doorkeeper = Doorkeeper(tmp_path, hook)
    try:
        assert doorkeeper.hear() == {"ready": True}
        assert doorkeeper.ask("known") == {"failed": True}
        assert "access.authenticate" in doorkeeper.folder.log("doorkeeper").read_text()
    finally:
        doorkeeper.close()


def test_what_is_not_set_is_not_answered(doorkeeper: Doorkeeper) -> None:
    assert doorkeeper.ask("a.b.c", "jwt") == {"failed": True}
    assert doorkeeper.ask("x", "nonsense") == {"failed": True}


def test_a_password_of_nobody_is_no_password(doorkeeper: Doorkeeper) -> None:
    assert doorkeeper.ask("the password of nobody", "password", hash=None) == {"answer": False}


def test_it_ends_with_who_asks_it_also_while_the_sites_function_hangs(tmp_path: Path) -> None:
    doorkeeper = Doorkeeper(tmp_path)
    doorkeeper.hear()
    assert doorkeeper.process.stdin is not None
    doorkeeper.process.stdin.write('{"id": 1, "kind": "site", "secret": "slow"}\n')
    doorkeeper.process.stdin.flush()

    assert doorkeeper.close() == 0


def test_it_gives_way_when_too_many_calls_of_the_sites_function_hang(
    doorkeeper: Doorkeeper,
) -> None:
    for _ in range(9):
        assert doorkeeper.ask("slow") == {"failed": True}

    assert doorkeeper.process.wait(LIMIT) == 1
