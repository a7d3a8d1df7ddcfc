"""Bring tables into a database."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from taskrealm.tasks import Below, TaskError, report, task

FILES = (Path(__file__).parents[1] / "files").resolve()
DATABASE = FILES / "products.sqlite"
COLUMNS = ("number", "name", "price")
LATEST = 1_000  # lines between two reports of progress
TOLD = 100  # mistakes that are told one by one

TABLE = """
CREATE TABLE IF NOT EXISTS products (
    number TEXT PRIMARY KEY, name TEXT NOT NULL, price_in_cents INTEGER NOT NULL
)
"""
INSERT = """
INSERT INTO products VALUES (?, ?, ?)
ON CONFLICT (number) DO UPDATE SET name = excluded.name, price_in_cents = excluded.price_in_cents
"""


@task(name="table.import", timeout=600, most_running=1)
def import_table(
    source: Annotated[
        Path, Below(FILES), Field(description="A CSV file with the columns number, name and price")
    ],
    mistakes: Annotated[
        int, Field(ge=0, description="How many lines may be wrong; they are left out")
    ] = 0,
) -> Iterator[Any]:
    """
    Import products from a table.

    New products are added and known ones changed in files/products.sqlite, all or none: a job
    that fails or is cancelled leaves the database as it was. What is wrong with a line is told
    while the import goes on.
    """
    size = max(1, source.stat().st_size)
    imported = wrong = 0
    # Leaving the block by an exception, as a cancel is one, rolls the transaction back.
    with closing(sqlite3.connect(DATABASE)) as database, database:
        database.execute(TABLE)
        with source.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.DictReader(_counted(lines, done := [0]))
            if missing := set(COLUMNS) - set(rows.fieldnames or ()):
                raise TaskError(f"The first line does not name {', '.join(sorted(missing))}")
            for row in rows:
                try:
                    database.execute(INSERT, _product(row))
                    imported += 1
                except ValueError as error:
                    wrong += 1
                    if wrong <= TOLD:
                        data = {"line": rows.line_num}
                        report.message(f"Line {rows.line_num}: {error}", level="error", data=data)
                if (imported + wrong) % LATEST == 0:
                    yield min(1.0, done[0] / size), f"line {rows.line_num}"
        if wrong > mistakes:
            raise TaskError(f"{wrong} lines are wrong, and {mistakes} may be; nothing was imported")
    return {"imported": imported, "wrong": wrong}


def _counted(lines: Iterator[str], done: list[int]) -> Iterator[str]:
    """The *lines*; the number of their bytes so far is *done*."""
    for line in lines:
        done[0] += len(line.encode())
        yield line


def _product(row: dict[str, str]) -> tuple[str, str, int]:
    """
    The product in a line.

    Raises:
        ValueError: The line is wrong.
    """
    number, name, price = ((row[column] or "").strip() for column in COLUMNS)
    if not number or not name:
        raise ValueError("number and name must not be empty")
    try:
        cents = Decimal(price) * 100
    except InvalidOperation:
        raise ValueError(f"the price {price!r} is no number") from None
    if not cents.is_finite() or cents < 0 or cents != int(cents):
        raise ValueError(f"the price {price!r} must be an amount with two decimals, from 0")
    return number, name, int(cents)
