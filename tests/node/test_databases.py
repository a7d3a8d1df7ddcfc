"""Jobs that use a site's own database change it wholly or not at all, however they end."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from tests import site
from tests.nodes import ROOT, Node, comes_true, make_node, the_one
from tests.site import client
from tests.site.jobs import LIMIT, end_of, until

from taskrealm.client import JobCancelled, JobFailed, JobTimedOut
from taskrealm.protocol.jobs import EventType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.databases import Postgres

SETTINGS = '\n[executor]\nslots = 2\nenvironment = ["PATH", "SHOP_DATABASE"]\n'

TABLES = """
CREATE TABLE orders (number int PRIMARY KEY, state text NOT NULL);
CREATE TABLE payments (
    number int REFERENCES orders DEFERRABLE INITIALLY DEFERRED
);
"""

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()
"""

pytestmark = [pytest.mark.capability("G1"), pytest.mark.timeout(120)]


class Shop:
    """The database of the site, as its other programs see it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._conninfo = url.replace("postgresql+psycopg", "postgresql")
        with self.connect() as connection:
            connection.execute(TABLES)

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(self._conninfo)

    def state(self, number: int) -> str | None:
        """The state of an order; None if there is no such order."""
        with closing(self.connect()) as connection:
            row = connection.execute("SELECT state FROM orders WHERE number = %s", [number])
            found = row.fetchone()
        return None if found is None else found[0]

    def is_quiet(self) -> bool:
        """Whether no job has a transaction any more."""
        with closing(self.connect()) as connection:
            return connection.execute(WAITING).fetchone() == (0,)


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Shop:
    return Shop(postgres.create())


@pytest.fixture(scope="module")
def node(shop: Shop) -> Iterator[Node]:
    """A node whose tasks use the database."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        component = (ROOT / "components" / "executor.py").read_text()
        folder = make_node(Path(path), component=component, settings=SETTINGS)
        shutil.copy(Path(site.__file__).with_name("shop.py"), folder.root / "tasks")
        with Node(folder, environment={"SHOP_DATABASE": shop.url}) as node:
            node.until("READY")
            yield node


async def test_an_order_is_there_before_anybody_hears_of_success(node: Node, shop: Shop) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec("shop.place", [1])
        await until(job, EventType.SUCCEEDED)

        assert shop.state(1) == "placed"


async def test_a_job_that_fails_leaves_nothing(node: Node, shop: Shop) -> None:
    async with client(node, "shop_eva") as eva:
        with pytest.raises(JobFailed, match="ValueError: sold out"):
            await (await eva.exec("shop.place", [2, True])).result(LIMIT)
        with pytest.raises(JobFailed, match=r"IntegrityError.*violates foreign key"):
            await (await eva.exec("shop.owe", [3])).result(LIMIT)
        with pytest.raises(JobFailed, match="The function made no result"):
            await (await eva.exec("shop.object", [4])).result(LIMIT)

    assert [shop.state(number) for number in (2, 3, 4)] == [None, None, None]


@pytest.mark.parametrize("task", ["shop.wait", "shop.wait_in_coroutine", "shop.stubborn"])
async def test_a_job_that_is_cancelled_leaves_nothing(node: Node, shop: Shop, task: str) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec(task, [5])
        await comes_true(lambda: not shop.is_quiet())
        assert await job.cancel() == "stopping"
        with pytest.raises(JobCancelled):
            await job.result(LIMIT)

        await comes_true(shop.is_quiet)
        assert shop.state(5) is None


async def test_a_job_that_runs_out_of_time_leaves_nothing(node: Node, shop: Shop) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec("shop.wait", [6], timeout=0.5)
        with pytest.raises(JobTimedOut):
            await job.result(LIMIT)

        await comes_true(shop.is_quiet)
        assert shop.state(6) is None


async def test_a_job_whose_process_is_killed_leaves_nothing(node: Node, shop: Shop) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec("shop.wait", [7])
        told = await until(job, EventType.MESSAGE)
        os.kill(int(told.data["text"]), signal.SIGKILL)
        with pytest.raises(JobFailed):
            await job.result(LIMIT)

        await comes_true(shop.is_quiet)
        assert shop.state(7) is None


async def test_a_job_whose_executor_is_killed_leaves_nothing(node: Node, shop: Shop) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec("shop.wait", [8])
        await until(job, EventType.MESSAGE)
        os.kill(the_one(node.folder, "components/executor.py"), signal.SIGKILL)

        assert (await end_of(job)).type is EventType.LOST
        await comes_true(shop.is_quiet)
        assert shop.state(8) is None
        assert await (await eva.exec("shop.place", [8])).result(LIMIT)


async def test_a_warm_worker_keeps_its_connection(node: Node) -> None:
    async with client(node, "shop_eva") as eva:
        backends = {
            await (await eva.exec("shop.place", [number])).result(LIMIT)
            for number in range(100, 110)
        }

    assert len(backends) <= 2


@pytest.mark.capability("N12")
async def test_a_job_that_collides_with_another_transaction_runs_again(
    node: Node, shop: Shop
) -> None:
    async with client(node, "shop_eva") as eva:
        await (await eva.exec("shop.place", [20])).result(LIMIT)
        with closing(shop.connect()) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(1)")
            job = await eva.exec("shop.ship", [20])
            await until(job, EventType.MESSAGE)
            connection.execute("UPDATE orders SET state = 'paid' WHERE number = 20")
            connection.commit()

        assert await job.result(LIMIT) == "paid, shipped"
        assert (await job.snapshot())["attempt"] == 2
        assert shop.state(20) == "paid, shipped"


@pytest.mark.capability("G2")
async def test_a_job_waits_for_the_row_that_its_submitter_has_not_committed(
    node: Node, shop: Shop
) -> None:
    async with client(node, "shop_eva") as eva:
        with closing(shop.connect()) as connection:
            connection.execute("INSERT INTO orders VALUES (9, 'placed')")
            job = await eva.exec("shop.confirm", [9])
            await until(job, EventType.STARTED)
            connection.commit()

        assert await job.result(LIMIT) == "confirmed"
        assert shop.state(9) == "confirmed"


@pytest.mark.capability("G2")
async def test_a_job_whose_row_never_comes_says_which(node: Node) -> None:
    async with client(node, "shop_eva") as eva:
        job = await eva.exec("shop.confirm", [10, 0.2])
        with pytest.raises(JobFailed, match=r"The row of Order with the key 10 .* within 0\.2 s"):
            await job.result(LIMIT)
