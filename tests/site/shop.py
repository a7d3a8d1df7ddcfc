"""Tasks that use the database of a site, which the node of tests/node/test_databases.py has."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from taskrealm.contrib.sqlalchemy import Database, wait_for_row
from taskrealm.tasks import Cancelled, Retry, task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncSession

database = Database.from_environment("SHOP_DATABASE")
strict = Database.from_environment("SHOP_DATABASE", isolation_level="SERIALIZABLE")


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    number: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]


@task(name="shop.place")
@database.transaction
def place(session: Session, number: int, fail: bool = False) -> int:
    """Place an order, and say by which connection."""
    session.add(Order(number=number, state="placed"))
    session.flush()
    if fail:
        raise ValueError("sold out")
    return session.execute(text("SELECT pg_backend_pid()")).scalar_one()


@task(name="shop.owe")
@database.transaction
def owe(session: Session, number: int) -> None:
    """Promise a payment that the database looks for when all is committed."""
    session.add(Order(number=number, state="placed"))
    session.flush()
    session.execute(text("INSERT INTO payments VALUES (:number)"), {"number": number + 1})


@task(name="shop.object")
@database.transaction
def give_object(session: Session, number: int) -> Any:
    """Return what is no result."""
    order = Order(number=number, state="placed")
    session.add(order)
    return order


@task(name="shop.wait", grace=5.0)
@database.transaction
def wait(session: Session, number: int) -> Iterator[str]:
    """Place an order, tell the process, and wait in the database."""
    session.add(Order(number=number, state="placed"))
    session.flush()
    yield str(os.getpid())
    session.execute(text("SELECT pg_sleep(600)"))


@task(name="shop.wait_in_coroutine", grace=5.0)
@database.transaction
async def wait_in_coroutine(session: AsyncSession, number: int) -> None:
    """Place an order, and wait in the database, in a coroutine."""
    session.add(Order(number=number, state="placed"))
    await session.flush()
    await session.execute(text("SELECT pg_sleep(600)"))


@task(name="shop.stubborn", grace=0.5)
@database.transaction
def stubborn(session: Session, number: int) -> Iterator[str]:
    """Place an order, and end for nobody."""
    session.add(Order(number=number, state="placed"))
    session.flush()
    yield "placed"
    while True:
        try:
            time.sleep(600)
        except Cancelled:
            pass


@task(name="shop.confirm")
@database.transaction
def confirm(session: Session, number: int, timeout: float = 30.0) -> str:
    """Confirm an order, once it is there."""
    order = wait_for_row(session, Order, number, timeout=timeout)
    order.state = "confirmed"
    return order.state


@task(name="shop.ship", retries=Retry(2, on=("OperationalError",), pause=0.1))
@strict.transaction
def ship(session: Session, number: int) -> Iterator[str]:
    """Ship an order, once somebody lets go of a lock."""
    order = session.get_one(Order, number)
    yield "read"
    session.execute(text("SELECT pg_advisory_xact_lock(1)"))
    order.state += ", shipped"
    return order.state
