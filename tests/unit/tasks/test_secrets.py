"""Secrets reach the program and nothing else."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from taskrealm.protocol.errors import InvalidArguments, TooLarge
from taskrealm.tasks import (
    Caller,
    Child,
    CommandTask,
    ProgramTask,
    Secret,
    Value,
)

CLEAR = "correct horse battery"


class Login(CommandTask):
    """Sign in somewhere."""

    name = "login"
    user: str
    password: Annotated[Secret, Field(min_length=3)]
    token: Secret | None = None
    colour: str | None = None
    command = ("program", Value("user"))
    environment = {"PASSWORD": Value("password"), "TOKEN": Value("token"), "LANG": "C"}  # noqa: RUF012
    stdin = Value("line")

    @property
    def line(self) -> Secret:
        return Secret(f"{self.user}:{self.password.get_secret_value()}\n")

    def validate(self, caller: Caller) -> dict[str, Any] | None:
        return {"token": Secret(CLEAR)} if self.user == "robot" else None


task = ProgramTask(Login)


def test_a_secret_reaches_the_program_as_variable_and_by_standard_input() -> None:
    arguments = task.bind(["ana", CLEAR], {})

    assert task.argv(arguments) == ("program", "ana")
    assert task.variables(arguments) == {"PASSWORD": CLEAR, "LANG": "C"}
    assert task.stdin(arguments) == f"ana:{CLEAR}\n".encode()


def test_a_secret_shows_nowhere_else() -> None:
    arguments = task.bind(["ana", CLEAR], {"token": CLEAR})

    shown = [
        repr(arguments),
        repr(vars(arguments.model)),
        json.dumps([arguments.values, task.preview(arguments), task.description()]),
    ]
    assert arguments.values["password"] == arguments.values["token"] == "***"
    assert not any(CLEAR in each for each in shown)


def test_an_absent_secret_is_no_secret() -> None:
    arguments = task.bind(["ana", CLEAR], {})

    assert arguments.values["token"] is None
    assert arguments.secrets == {"password": CLEAR}


async def test_what_validate_makes_a_secret_stays_one() -> None:
    caller = Caller("ana", "user", "ana")

    arguments = await task.prepare(task.bind(["robot", CLEAR], {}), caller)

    assert arguments.secrets == {"password": CLEAR, "token": CLEAR}
    assert CLEAR not in json.dumps(arguments.values)


def test_arguments_come_back_with_their_secrets() -> None:
    arguments = task.bind(["ana", CLEAR], {})

    restored = task.restore(arguments.values, arguments.secrets)

    assert restored.secrets == arguments.secrets
    assert restored.values == arguments.values


def test_the_mask_is_not_taken_for_the_secret() -> None:
    with pytest.raises(InvalidArguments) as refused:
        task.restore(task.bind(["ana", CLEAR], {}).values)

    assert refused.value.fields == {"password": "must be given anew: nobody has kept it"}


@pytest.mark.parametrize("value", ["no", 5, ["x"], None])
def test_a_refusal_does_not_repeat_the_secret(value: object) -> None:
    with pytest.raises(InvalidArguments) as refused:
        task.bind(["ana", value], {})

    assert list(refused.value.fields) == ["password"]
    assert repr(value) not in refused.value.fields["password"] or value is None


def test_a_variable_holds_no_more_than_linux_takes() -> None:
    with pytest.raises(TooLarge, match="password: a variable has at most 131071 bytes"):
        task.argv(task.bind(["ana", "x" * 131_071], {}))


def test_a_batch_hands_a_secret_on_to_its_children() -> None:
    by_name = Child("login", {"password": Secret(CLEAR), "user": "ana"})
    by_position = Child("login", ["ana", Secret(CLEAR)])

    assert by_name.arguments == {"password": CLEAR, "user": "ana"}
    assert by_position.arguments == ["ana", CLEAR]
    assert CLEAR not in repr(by_name)


class Several(CommandTask):
    """Hand over what does not fit."""

    name = "several"
    names: list[str] = []  # noqa: RUF012
    secret: Secret | None = None
    command = ("program", Value("leak"))
    environment = {"NAMES": Value("names")}  # noqa: RUF012

    @property
    def leak(self) -> Secret | None:
        return self.secret


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"names": ["a", "b"]}, {"names": "has several values, and only one can be handed over"}),
        ({"secret": CLEAR}, {"leak": "is a secret, and everybody on the machine can read"}),
    ],
)
def test_what_cannot_be_handed_over_is_refused(
    arguments: dict[str, Any], fields: dict[str, str]
) -> None:
    several = ProgramTask(Several)

    with pytest.raises(InvalidArguments) as refused:
        several.require_runnable(several.bind((), arguments))

    assert [*refused.value.fields] == [*fields]
    assert all(refused.value.fields[name].startswith(fields[name]) for name in fields)
