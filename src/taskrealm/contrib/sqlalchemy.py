"""
Gives each job a session of the site's database, in a transaction of its own.

It needs SQLAlchemy: `pip install "taskrealm[sqlalchemy]"`, and the driver of the database.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import os
import time
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

try:
    from sqlalchemy import URL, create_engine, event
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.orm import Session
    from sqlalchemy.pool import NullPool
except ImportError as error:
    raise ImportError(
        'SQLAlchemy is missing or incomplete: pip install "taskrealm[sqlalchemy]"'
    ) from error

from ..tasks import TaskError
from ..tasks.yields import result_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator

    from sqlalchemy import Connection, Engine, Select
    from sqlalchemy.ext.asyncio import AsyncEngine

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
ROW_LIMIT = 10.0  # seconds that a row is waited for unless the task says otherwise
FIRST_PAUSE = 0.05  # seconds between the first two looks for a row; each pause is twice as long
LONGEST_PAUSE = 1.0  # seconds

# A server that is busy with a statement does not see that its client has been killed, unless
# told to look. Not every version and not every system can.
WATCH_CLIENT = """
SELECT set_config(name, '1000', false) FROM pg_settings
WHERE name = 'client_connection_check_interval'
"""


class RowMissing(TaskError):
    """A row was not there, and nobody committed it within the time that there was."""


class Database:
    """
    A database of the site, for functions that are tasks.

        database = Database.from_environment("SHOP_DATABASE")

        @task
        @database.transaction
        def import_rows(session: Session, source: Path) -> int:
            ...

    The engine is made when a job first needs it, once in each process; a worker keeps it, and
    with it a connection, for its next jobs.
    """

    def __init__(self, url: str | URL | Callable[[], str | URL], **options: Any) -> None:
        """
        *url* is a URL of SQLAlchemy, or a function that is called when it is needed. *options*
        are those of `create_engine`, such as `isolation_level="SERIALIZABLE"`.
        """
        self._url = url
        self._options = {
            "pool_pre_ping": True,
            # What was bound to a statement does not belong into the error that the owner reads.
            "hide_parameters": True,
            **options,
        }
        self._engine: Engine | None = None
        self._pid = 0

    @classmethod
    def from_environment(cls, variable: str, **options: Any) -> Database:
        """The database whose URL is in the environment *variable* of the job."""

        def url() -> str:
            value = os.environ.get(variable)
            if not value:
                raise TaskError(
                    f"The environment variable {variable} is not set: set it for the node, and"
                    f' add "{variable}" to `environment` under [executor] in taskrealm.toml'
                )
            return value

        return cls(url, **options)

    @property
    def engine(self) -> Engine:
        """
        The engine of this process.

        Raises:
            TaskError: The environment variable with its URL is not set.
        """
        if self._engine is None or self._pid != os.getpid():
            if self._engine is not None:
                # The connections belong to the process that we were forked from.
                self._engine.dispose(close=False)
            self._engine = create_engine(self.url, **self._options)
            self._pid = os.getpid()
            _watch_clients(self._engine)
            atexit.register(self._engine.dispose)
        return self._engine

    @property
    def url(self) -> str | URL:
        """Where the database is."""
        return self._url() if callable(self._url) else self._url

    def dispose(self) -> None:
        """Close the connections that no job uses just now."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A session whose transaction is committed at the end, or rolled back by any exception."""
        with self.engine.connect() as connection, Session(connection) as session:
            try:
                yield session
                session.commit()
            except Exception:
                raise
            except BaseException:
                # The job has to end now, perhaps in the middle of a statement.
                _abandon(connection)
                raise

    @contextlib.asynccontextmanager
    async def async_session(self) -> AsyncIterator[AsyncSession]:
        """The same for coroutines; the URL has to name a driver that can be awaited."""
        engine = self._async_engine()
        try:
            async with AsyncSession(engine) as session:
                yield session
                await session.commit()
        finally:
            await engine.dispose()

    @overload
    def transaction(self, function: Callable[Concatenate[Session, P], R], /) -> Callable[P, R]: ...

    @overload
    def transaction(
        self, function: Callable[Concatenate[AsyncSession, P], R], /
    ) -> Callable[P, R]: ...

    def transaction(self, function: Callable[..., Any], /) -> Callable[..., Any]:
        """
        Call *function* with a session as its first argument, in a transaction.

        The task's parameters are those that follow. The transaction is committed when
        *function* has returned, before anybody hears that the job has succeeded, and rolled back
        if it raises, is cancelled, runs out of time or is killed. It may be a plain function, a
        generator, or a coroutine or asynchronous generator; these are given an `AsyncSession`.

        The call raises `TaskError`, before anything is committed, if what *function* returns is
        no result.

        Raises:
            TypeError: *function* has no parameter for the session.
        """
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())
        if not parameters or parameters[0].kind not in POSITIONAL:
            raise TypeError(
                f"{function.__qualname__} needs a first parameter for the session, such as"
                f" def {function.__name__}(session: Session, ...)"
            )
        wrapper: Callable[..., Any] = functools.wraps(function)(self._wrapped(function))
        wrapper.__annotations__ = {
            name: hint
            for name, hint in function.__annotations__.items()
            if name != parameters[0].name
        }
        vars(wrapper)["__signature__"] = signature.replace(parameters=parameters[1:])
        return wrapper

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What opens a session and calls *function*, and is of the same kind."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.session() as session:
                return _fit(function(session, *args, **kwargs))

        def generate(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with self.session() as session:
                return _fit((yield from function(session, *args, **kwargs)))

        async def await_it(*args: Any, **kwargs: Any) -> Any:
            async with self.async_session() as session:
                return _fit(await function(session, *args, **kwargs))

        async def iterate(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
            async with self.async_session() as session:
                async for each in function(session, *args, **kwargs):
                    yield each

        if inspect.isasyncgenfunction(function):
            return iterate
        if inspect.iscoroutinefunction(function):
            return await_it
        return generate if inspect.isgeneratorfunction(function) else call

    def _async_engine(self) -> AsyncEngine:
        # Connections belong to an event loop, and each job may have one of its own.
        options = {**self._options, "poolclass": NullPool}
        engine = create_async_engine(self.url, **options)
        _watch_clients(engine.sync_engine)
        return engine


@overload
def wait_for_row(session: Session, what: type[T], key: Any, *, timeout: float = ...) -> T: ...


@overload
def wait_for_row(session: Session, what: Select[tuple[T]], *, timeout: float = ...) -> T: ...


@overload
def wait_for_row(session: Session, what: Select[Any], *, timeout: float = ...) -> Any: ...


def wait_for_row(
    session: Session, what: Any, key: Any = None, *, timeout: float = ROW_LIMIT
) -> Any:
    """
    The row that a job was submitted for, once its submitter has committed it.

        order = wait_for_row(session, Order, order_id)
        order = wait_for_row(session, select(Order).where(Order.number == number))

    *what* is a mapped class with the *key* of the row, or a statement, whose first row is
    given. Where the transaction sees the database as it was when it began, as in SERIALIZABLE,
    wait before anything else is asked or written.

    Raises:
        RowMissing: It was not there within *timeout* seconds.
        ValueError: This transaction would never see it, because it began before.
    """
    deadline = time.monotonic() + timeout
    has_begun = session.in_transaction()
    pause = FIRST_PAUSE
    while (row := _look_for(session, what, key)) is None:
        if not _sees_commits(session):
            if has_begun:
                raise ValueError(
                    "This transaction does not see what others commit after it began: call"
                    " wait_for_row before anything else is read or written"
                )
            session.rollback()  # so that the next look is one at the database as it is then
        left = deadline - time.monotonic()
        if left <= 0:
            raise RowMissing(f"{_name_of(what, key)} was not in the database within {timeout:g} s")
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)
    return row


def _look_for(session: Session, what: Any, key: Any) -> Any:
    if isinstance(what, type):
        return session.get(what, key, populate_existing=True)
    row = session.execute(what, execution_options={"populate_existing": True}).first()
    return row[0] if row is not None and len(row) == 1 else row


def _sees_commits(session: Session) -> bool:
    """Whether the transaction of *session* sees what is committed while it lasts."""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        # Python's driver begins a transaction only with the first change. From then on nobody
        # else can commit anything.
        driver: Any = connection.connection.driver_connection
        return not driver.in_transaction
    return connection.get_isolation_level() in ("READ COMMITTED", "READ UNCOMMITTED", "AUTOCOMMIT")


def _name_of(what: Any, key: Any) -> str:
    if isinstance(what, type):
        return f"The row of {what.__name__} with the key {key!r}"
    return "The row that the job waits for"


def _fit(made: T) -> T:
    """What a task has *made*, if it is a result: a job that fails for it leaves nothing behind."""
    result_of(made, of="The function")
    return made


def _watch_clients(engine: Engine) -> None:
    """Let a PostgreSQL server notice soon when the process of a job has been killed."""

    def watch(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(WATCH_CLIENT)
            connection.commit()
        except Exception:
            connection.rollback()  # it cannot on its system, and notices after the statement
        finally:
            cursor.close()

    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", watch)


def _abandon(connection: Connection) -> None:
    """End what the database does for *connection*, and give the connection up."""
    with contextlib.suppress(Exception):
        driver: Any = connection.connection.driver_connection
        driver.cancel()  # not every driver can; to lose the connection has the same effect later
    connection.invalidate()
