"""Sessions of jobs: committed or rolled back as a whole, whichever way the job ends."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import threading
import typing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import NullPool

from taskrealm.contrib.sqlalchemy import Database, RowMissing, wait_for_row
from taskrealm.tasks import TaskError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession
    from tests.databases import Postgres

LIMIT = 30.0  # seconds


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    number: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]


class Stopped(BaseException):
    """What ends a function from outside, as a cancel does."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database with the table of orders."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.sqlite"
    else:
        url = request.getfixturevalue("postgres").create()
    prepare(url)
    return url


@pytest.fixture
def server(postgres: Postgres) -> str:
    url = postgres.create()
    prepare(url)
    return url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.dispose()


def prepare(url: str) -> None:
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def numbers(url: str) -> list[int]:
    """What is in the table, as somebody else sees it."""
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            return list(session.scalars(select(Order.number).order_by(Order.number)))
    finally:
        engine.dispose()


def test_what_a_job_wrote_is_committed_when_it_returns(database: Database, url: str) -> None:
    @database.transaction
    def place(session: Session, number: int, customer: str = "ana") -> int:
        session.add(Order(number=number, customer=customer))
        return number

    assert place(7) == 7
    assert place(8, customer="ben") == 8
    assert numbers(url) == [7, 8]


@pytest.mark.parametrize("error", [ValueError("no"), Stopped(), SystemExit(1)])
def test_what_a_job_wrote_is_rolled_back_when_it_raises(
    database: Database, url: str, error: BaseException
) -> None:
    @database.transaction
    def place(session: Session, number: int) -> None:
        session.add(Order(number=number, customer="ana"))
        session.flush()
        raise error

    with pytest.raises(type(error)):
        place(7)

    assert numbers(url) == []


def test_what_a_job_wrote_is_rolled_back_when_it_returns_no_result(
    database: Database, url: str
) -> None:
    @database.transaction
    def place(session: Session, number: int) -> Order:
        order = Order(number=number, customer="ana")
        session.add(order)
        return order

    with pytest.raises(TaskError, match="The function made no result"):
        place(7)

    assert numbers(url) == []


def test_a_job_whose_commit_fails_fails_without_what_was_bound(url: str) -> None:
    database = Database(url)

    @database.transaction
    def place(session: Session, number: int) -> None:
        session.add(Order(number=number, customer="a secret"))

    place(7)
    with pytest.raises(IntegrityError) as caught:
        place(7)

    assert "a secret" not in str(caught.value)
    assert numbers(url) == [7]
    database.dispose()


def test_a_generator_reports_within_its_transaction(database: Database, url: str) -> None:
    @database.transaction
    def place(session: Session, count: int) -> Iterator[float]:
        for number in range(count):
            session.add(Order(number=number, customer="ana"))
            session.flush()
            yield number / count

    assert inspect.isgeneratorfunction(place)
    assert list(place(2)) == [0, 0.5]
    assert numbers(url) == [0, 1]
    half = place(5)
    with pytest.raises(IntegrityError):
        next(half)
    half.close()
    assert numbers(url) == [0, 1]


def test_a_generator_that_is_left_is_rolled_back(database: Database, url: str) -> None:
    @database.transaction
    def place(session: Session) -> Iterator[float]:
        session.add(Order(number=1, customer="ana"))
        session.flush()
        yield 0.5

    half = place()
    next(half)
    half.close()

    assert numbers(url) == []


async def test_a_coroutine_has_a_session_that_can_be_awaited(server: str) -> None:
    database = Database(server)

    @database.transaction
    async def place(session: AsyncSession, number: int) -> int:
        session.add(Order(number=number, customer="ana"))
        await session.flush()
        if number < 0:
            raise ValueError("too few")
        return number

    @database.transaction
    async def count(session: AsyncSession) -> AsyncIterator[int]:
        for number in await session.scalars(select(Order.number)):
            yield number

    assert inspect.iscoroutinefunction(place)
    assert inspect.isasyncgenfunction(count)
    assert await place(7) == 7
    with pytest.raises(ValueError, match="too few"):
        await place(-1)
    assert [number async for number in count()] == [7]
    assert numbers(server) == [7]


async def test_a_coroutine_that_is_cancelled_is_rolled_back(server: str) -> None:
    database = Database(server)
    reached = asyncio.Event()

    @database.transaction
    async def place(session: AsyncSession) -> None:
        session.add(Order(number=1, customer="ana"))
        await session.flush()
        reached.set()
        await session.execute(text("SELECT pg_sleep(600)"))

    job = asyncio.create_task(place())
    async with asyncio.timeout(LIMIT):
        await reached.wait()
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    assert numbers(server) == []


def test_the_session_is_no_parameter_of_the_task() -> None:
    database = Database("sqlite://")

    @database.transaction
    def place(session: Session, number: int, customer: str = "ana") -> bool:
        """Place an order."""
        return True

    assert str(inspect.signature(place)) == "(number: 'int', customer: 'str' = 'ana') -> 'bool'"
    assert typing.get_type_hints(place) == {"number": int, "customer": str, "return": bool}
    assert (place.__name__, place.__doc__) == ("place", "Place an order.")


@pytest.mark.parametrize("missing", ["sqlalchemy", "greenlet"])
def test_a_site_without_the_extra_is_told_its_name(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import taskrealm.contrib.sqlalchemy"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert 'pip install "taskrealm[sqlalchemy]"' in tried.stderr


@pytest.mark.parametrize("function", [lambda: None, lambda *, session: None])
def test_a_function_without_room_for_the_session_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="needs a first parameter for the session"):
        Database("sqlite://").transaction(function)


def test_an_environment_without_the_url_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SHOP_DATABASE", raising=False)
    database = Database.from_environment("SHOP_DATABASE")

    with pytest.raises(TaskError, match=r'add "SHOP_DATABASE" to `environment` under \[executor\]'):
        _ = database.engine

    monkeypatch.setenv("SHOP_DATABASE", "sqlite://")
    assert database.engine.dialect.name == "sqlite"


def test_a_worker_keeps_its_engine_and_its_connection_for_the_next_job(server: str) -> None:
    database = Database(server)

    @database.transaction
    def backend(session: Session) -> int | None:
        return session.scalar(text("SELECT pg_backend_pid()"))

    assert backend() == backend()
    database.dispose()


def test_a_connection_that_was_lost_is_replaced_before_the_next_job(server: str) -> None:
    database = Database(server)

    @database.transaction
    def backend(session: Session) -> int | None:
        return session.scalar(text("SELECT pg_backend_pid()"))

    first = backend()
    with other(server).connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})

    assert backend() not in (None, first)
    database.dispose()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_makes_connections_of_its_own(server: str) -> None:
    database = Database(server)
    with database.session() as session:
        parent = session.scalar(text("SELECT pg_backend_pid()"))
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            with database.session() as session:
                os.write(writer, str(session.scalar(text("SELECT pg_backend_pid()"))).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.wait()

    assert os.read(reader, 20).decode() not in ("", str(parent))
    with database.session() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) == parent
    os.close(reader)
    database.dispose()


def test_a_statement_under_way_is_stopped_when_its_job_is(server: str) -> None:
    """A signal's handler raises in the middle of it, and the server lets go of it at once."""
    database = Database(server)

    def stop(*_: object) -> None:
        raise Stopped

    @database.transaction
    def wait(session: Session) -> None:
        session.add(Order(number=1, customer="ana"))
        session.flush()
        threading.Thread(target=kill_when_waiting, args=[server]).start()
        session.execute(text("SELECT pg_sleep(600)"))

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(Stopped):
            wait()
    finally:
        signal.signal(signal.SIGTERM, before)

    until_nobody_waits(server)
    assert numbers(server) == []
    with database.session() as session:
        assert session.scalar(text("SELECT 1")) == 1
    database.dispose()


KILLED = """
import sys
from sqlalchemy import text
from taskrealm.contrib.sqlalchemy import Database

with Database(sys.argv[1]).session() as session:
    session.execute(text("INSERT INTO orders VALUES (1, 'ana')"))
    session.execute(text("SELECT pg_sleep(600)"))
"""


def test_a_statement_of_a_process_that_was_killed_is_rolled_back_soon(server: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, server])
    until_somebody_waits(server)
    process.kill()
    process.wait()

    until_nobody_waits(server)
    assert numbers(server) == []


def test_a_row_that_is_there_is_given_at_once(database: Database, url: str) -> None:
    with database.session() as session:
        session.add(Order(number=7, customer="ana"))

    with database.session() as session:
        assert wait_for_row(session, Order, 7).customer == "ana"
        assert wait_for_row(session, select(Order).where(Order.customer == "ana")).number == 7
        assert wait_for_row(session, select(Order.number, Order.customer)) == (7, "ana")


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_row_is_seen_once_its_submitter_has_committed_it(server: str, level: str) -> None:
    database = Database(server, isolation_level=level)
    with other(server).connect() as submitter, database.session() as session:
        submitter.execute(text("INSERT INTO orders VALUES (7, 'ana')"))
        committing = threading.Timer(0.3, submitter.commit)
        committing.start()

        assert wait_for_row(session, Order, 7, timeout=LIMIT).customer == "ana"
        committing.join()
    database.dispose()


def test_a_row_of_sqlite_is_seen_once_its_submitter_has_committed_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.sqlite"
    prepare(url)
    database = Database(url)

    def submit() -> None:
        with Database(url).session() as session:
            session.add(Order(number=7, customer="ana"))

    with database.session() as session:
        assert session.get(Order, 7) is None
        submitting = threading.Timer(0.3, submit)
        submitting.start()
        assert wait_for_row(session, Order, 7, timeout=LIMIT).customer == "ana"
        submitting.join()
    database.dispose()


def test_a_row_that_never_comes_ends_the_wait_with_its_name(database: Database) -> None:
    with database.session() as session:
        with pytest.raises(RowMissing, match=r"row of Order with the key 7 .* within 0\.1 s"):
            wait_for_row(session, Order, 7, timeout=0.1)
        with pytest.raises(RowMissing, match=r"the job waits for was not"):
            wait_for_row(session, select(Order), timeout=0.1)


def test_a_transaction_that_cannot_see_the_row_is_told_so_at_once(server: str) -> None:
    database = Database(server, isolation_level="SERIALIZABLE")
    with database.session() as session:
        session.add(Order(number=1, customer="ana"))
        session.flush()
        with pytest.raises(ValueError, match="call wait_for_row before anything else"):
            wait_for_row(session, Order, 7, timeout=LIMIT)
        session.rollback()
    database.dispose()


def test_jobs_that_collide_raise_what_retries_can_name(server: str) -> None:
    database = Database(server, isolation_level="SERIALIZABLE")
    with database.session() as session:
        session.add(Order(number=1, customer="ana"))

    def collide() -> None:
        with database.session() as first:
            first.get_one(Order, 1).customer = "ben"
            with database.session() as second:
                second.get_one(Order, 1).customer = "cleo"

    with pytest.raises(OperationalError, match="could not serialize access"):
        collide()
    database.dispose()


def other(url: str) -> Engine:
    """An engine of somebody else, which keeps no connection."""
    return create_engine(url, poolclass=NullPool)


def waiting(url: str) -> bool:
    """Whether somebody sleeps in the database."""
    asked = """
        SELECT count(*) FROM pg_stat_activity
        WHERE query = 'SELECT pg_sleep(600)' AND state = 'active' AND datname = current_database()
    """
    with other(url).connect() as connection:
        return bool(connection.scalar(text(asked)))


def until_somebody_waits(url: str) -> None:
    repeat_until(lambda: waiting(url))


def until_nobody_waits(url: str) -> None:
    repeat_until(lambda: not waiting(url))


def repeat_until(holds: Callable[[], bool]) -> None:
    asked = threading.Event()
    for _ in range(int(LIMIT / 0.05)):
        if holds():
            return
        asked.wait(0.05)
    raise AssertionError(f"Not so within {LIMIT} s")


def kill_when_waiting(url: str) -> None:
    until_somebody_waits(url)
    os.kill(os.getpid(), signal.SIGTERM)
