"""A soak from the start of its node to the last account."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from tests.wire.line import line_to

from .figures import Figures
from .ground import Ground
from .hours import Hours
from .ledger import Ledger
from .load import User
from .storm import Storm, disturb
from .verdict import Verdict, states

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

USERS = ("ana", "bo", "cleo", "dan")
SLOTS = 4
CYCLE = 150.0  # seconds between two accounts, about
CALM = 45.0  # seconds at the end of each cycle in which nothing is killed
PATIENCE = 60.0  # seconds that users have to join before the first storm
LOOK = 1.0  # seconds between two looks at memory and files
REPORT = 10.0  # seconds between two lines of progress
TOKEN_LIFETIME = 86_400.0  # seconds


class Soak:
    """
    Loads and harms a node of its own in *root* for so many seconds, and accounts for every job.

    The same *seed* makes the same choices, though not at the same moments.
    """

    def __init__(
        self,
        root: Path,
        *,
        length: float,
        seed: int,
        say: Callable[[str], None],
        kills: int | None = None,
    ) -> None:
        """
        *say* is given what people may want to know meanwhile.

        With *kills*, all that happens to the node is that its executor is killed so many
        times, however long that takes.
        """
        self._say = say
        self._length = length
        self._seed = seed
        (root / "node").mkdir()
        self._ledger = Ledger(root / "timeline.log")
        self._ground = Ground(root / "node", slots=SLOTS, is_restless=kills is not None)
        self._storm = Storm(self._ground, self._rng("storm"), self._ledger, kills=kills)
        self._kills = kills
        self._verdict = Verdict(self._ground, self._ledger)
        self._figures = Figures(self._ledger)
        self._phase = "start"

    async def run(self) -> Ledger:
        """Soak to the end and tell how it went."""
        await self._ground.start()
        reporting = asyncio.create_task(self._report())
        try:
            await self._live()
            code = await self._ground.stop()
            if code != 0:
                self._ledger.differ(f"The node ended with exit code {code} in the end")
            for left in self._ground.job_processes():
                self._ledger.differ(f"This process outlived the node: {left}")
        finally:
            reporting.cancel()
            if not self._ground.has_given_up:
                await self._ground.die()
        self._figures.judge()
        self._tell()
        return self._ledger

    async def _live(self) -> None:
        """Let users live on the node, cycle after cycle."""
        hours = Hours()
        port = self._ground.node.port
        async with line_to(port) as first, line_to(port) as second:
            users = [
                User(
                    name,
                    self._rng(name),
                    line,
                    self._ground.node.issue(name, lifetime=TOKEN_LIFETIME),
                    self._ledger,
                )
                for name, line in zip(USERS, (first, second) * 2, strict=True)
            ]
            lives = [
                asyncio.create_task(self._attend(life, user.name))
                for user in users
                for life in (user.live(hours, users), user.visit(hours))
            ]
            async with asyncio.timeout(PATIENCE):
                for user in users:
                    await user.is_present.wait()
            cycles = 1 if self._kills is not None else max(1, round(self._length / CYCLE))
            for _ in range(cycles):
                await self._cycle(self._length / cycles, users, hours)
            hours.end()
            await asyncio.gather(*lives)

    async def _attend(self, life: Coroutine[None, None, None], name: str) -> None:
        """Let somebody live, and notice when that ends before its time."""
        try:
            await life
        except Exception as error:
            logging.exception("A life ended")
            self._ledger.differ(f"A client of {name} gave up: {error!r}")

    async def _cycle(self, length: float, users: list[User], hours: Hours) -> None:
        calm = min(CALM, length / 3)
        lines = {user.line for user in users}
        self._enter("storm")
        hours.open()
        harm = [
            asyncio.create_task(self._storm.rage()),
            *(
                asyncio.create_task(disturb(line, self._rng(f"line {number}"), self._ledger))
                for number, line in enumerate(lines)
            ),
        ]
        if self._kills is None:
            await asyncio.wait(harm, timeout=length - calm, return_when=asyncio.FIRST_EXCEPTION)
        else:
            await asyncio.wait(harm[:1])
        await self._cease(harm)
        self._enter("calm")
        await asyncio.sleep(calm)
        self._enter("account")
        await hours.close()
        await self._verdict.settle()
        await asyncio.gather(*(user.followed() for user in users))
        await self._verdict.compare()
        self._ledger.count("accounts")
        if self._ground.has_given_up:
            self._ledger.differ("The supervisor has ended by itself")

    async def _cease(self, harm: list[asyncio.Task[None]]) -> None:
        # A blow that has begun is carried out: a process that was stopped must go on.
        self._storm.is_over = True
        for task in harm[1:]:
            task.cancel()
        for outcome in await asyncio.gather(*harm, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        self._storm.is_over = False

    async def _report(self) -> None:
        """Look at the processes all the time, and say from time to time how it goes."""
        spoken = 0.0
        while True:
            self._figures.look(self._ground.processes())
            if self._ledger.age - spoken >= REPORT:
                spoken = self._ledger.age
                self._say(self._line())
            await asyncio.sleep(LOOK)

    def _line(self) -> str:
        counts = self._ledger.counts
        heard = sum(len(hearing.events) for hearing in self._ledger.hearings)
        memory = "  ".join(
            f"{role} {sample.memory:.0f} MB"
            for role in ("executor", "router")
            if (sample := self._figures.latest(role)) is not None
        )
        kills = sum(number for what, number in counts.items() if what.startswith("kill"))
        return (
            f"{self._ledger.age:6.0f} s  {self._phase:<8}accepted {counts.get('accepted', 0):<6}"
            f"unsure {counts.get('unsure', 0):<5}heard {heard:<7}kills {kills:<4}"
            f"differences {len(self._ledger.differences):<3} {memory}"
        )

    def _enter(self, phase: str) -> None:
        self._phase = phase
        self._ledger.note(f"-- {phase}")

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")

    def _tell(self) -> None:
        ledger = self._ledger
        self._say(f"\n{self._figures.table()}\n")
        for what, number in sorted(ledger.counts.items()):
            self._say(f"{number:>8}  {what}")
        for state, number in sorted(states(self._ground).items()):
            self._say(f"{number:>8}  jobs {state}")
        self._say(f"{self._storm.slowest:>8.1f}  seconds at most until the executor answered again")
        self._say(f"{len(ledger.differences):>8}  differences in {ledger.age:.0f} s")
