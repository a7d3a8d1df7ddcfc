"""The Python code of tasks is tried in the process of the tests."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from taskrealm.client import JobFailed, JobTimedOut
from taskrealm.contrib.sqlalchemy import Database
from taskrealm.protocol.errors import InvalidArguments
from taskrealm.tasks import Cancelled, Context, PythonTask, TaskError, report, task
from taskrealm.testing import Trial, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy.orm import Session

pytestmark = pytest.mark.capability("O7")

database = Database.from_environment("SHOP_DATABASE")
stopped: list[str] = []


@task
def double(number: int, times: int = 2) -> int:
    """Multiply a number."""
    return number * times


@task
def count(to: int) -> Iterator[Any]:
    """Count, and report."""
    for number in range(1, to + 1):
        yield number / to, f"{number} of {to}"
    yield {"message": "Enough", "level": "warning"}
    print("counted")  # noqa: T201
    print("quietly", file=sys.stderr)  # noqa: T201
    return {"to": to}


@task
async def count_awaiting(to: int) -> AsyncIterator[float]:
    """Count in a coroutine."""
    for number in range(1, to + 1):
        await asyncio.sleep(0)
        yield number / to


@task
def look_around(context: Context) -> dict[str, object]:
    """Say where it is."""
    Path("left").touch()
    return {
        "owner": context.owner,
        "directory": str(context.directory),
        "here": Path.cwd().samefile(context.directory),
        "job": os.environ["TASKREALM_JOB_ID"] == context.job_id,
        "shop": os.environ.get("SHOP"),
    }


@task(grace=5.0)
def sleep() -> None:
    """Wait, and clean up when stopped."""
    try:
        while True:
            time.sleep(0.01)
    except Cancelled:
        stopped.append("cleaned up")
        raise


@task
def tell_from_a_program() -> Any:
    """Let a program report, and ask."""
    code = "from taskrealm.tasks import report; report.progress(0.5, 'in a program')"
    subprocess.run([sys.executable, "-c", code], check=True)
    return report.ask("Go on?", default=False)


@task
@database.transaction
def place(session: Session, number: int) -> None:
    """Place an order."""
    session.execute(text("INSERT INTO orders VALUES (:number)"), {"number": number})
    if number < 0:
        raise TaskError("There is no such number")


class Area(PythonTask):
    """Compute an area."""

    name = "area"
    width: float
    height: float = 1.0

    def run(self) -> float:
        return self.width * self.height


def test_a_function_is_called_with_arguments_that_were_checked() -> None:
    assert run(double, 4).result == 8
    assert run(double, number=4, times=3).result == 12
    assert run(Area, width=2.5).result == 2.5
    with pytest.raises(InvalidArguments, match="number"):
        run(double, "four")


def test_what_a_function_yields_and_prints_is_told() -> None:
    outcome = run(count, to=4)

    assert outcome.result == {"to": 4}
    assert outcome.progress[-1] == 1.0
    assert outcome.messages == ["Enough"]
    assert (outcome.stdout, outcome.stderr) == ("counted\n", "quietly\n")
    assert run(count_awaiting, to=4).progress[-1] == 1.0


def test_a_mistake_in_a_function_is_shown_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("laid hands on")

    monkeypatch.setattr(Path, "touch", break_down)
    with pytest.raises(JobFailed, match="ZeroDivisionError: laid hands on") as caught:
        _ = run(look_around).result

    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_function_finds_itself_in_a_job() -> None:
    before = (Path.cwd(), dict(os.environ))
    found = Trial(owner="ana", environment={"SHOP": "open"}).run(look_around).result

    assert found.pop("directory") != str(before[0])
    assert found == {"owner": "ana", "here": True, "job": True, "shop": "open"}
    assert (Path.cwd(), dict(os.environ)) == before


def test_a_function_that_runs_too_long_is_interrupted() -> None:
    stopped.clear()
    with pytest.raises(JobTimedOut):
        _ = Trial(timeout=0.3).run(sleep).result

    assert stopped == ["cleaned up"]


def test_programs_of_a_function_report_and_ask_as_well() -> None:
    outcome = Trial(answers={"Go on?": True}).run(tell_from_a_program)

    assert outcome.result is True
    assert outcome.progress == [0.5]


def test_a_function_with_a_session_is_tried_on_a_database_of_the_test(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.sqlite"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (number int)"))
    trial = Trial(environment={"SHOP_DATABASE": url})

    assert trial.run(place, number=7).state == "succeeded"
    with pytest.raises(JobFailed, match="There is no such number"):
        _ = trial.run(place, number=-1).result
    with engine.begin() as connection:
        assert list(connection.scalars(text("SELECT number FROM orders"))) == [7]
    engine.dispose()
    database.dispose()
