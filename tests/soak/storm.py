"""What a soak does to its node: chosen at random, by seed, and written down."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from tests.wire.line import Line

    from .ground import Ground
    from .ledger import Ledger

BLOWS: dict[str, int] = {
    "kill executor": 24,
    "kill router": 14,
    "kill wrapper": 9,
    "kill controller": 9,
    "kill wrapper and executor": 6,
    "kill node": 8,
    "stop executor for a while": 10,
    "stop router for a while": 5,
    "restart politely": 7,
    "kill executor twice": 8,
}
"""What happens to the node, and how often of a hundred."""

MISHAPS: dict[str, int] = {"cut": 6, "dead": 2, "silent": 2}
"""What happens to the line of a user."""


class Storm:
    """Harms a node as long as it is let."""

    def __init__(
        self, ground: Ground, rng: random.Random, ledger: Ledger, *, kills: int | None = None
    ) -> None:
        """With *kills*, it only kills the executor, so many times."""
        self._kills = kills
        self._ground = ground
        self._rng = rng
        self._ledger = ledger
        self.is_over = False
        """Set it to let the storm end after the blow that has begun."""
        self.slowest = 0.0
        """Seconds that the executor took to answer again, at most."""

    async def blow(self) -> None:
        """Harm the node in one way, and mostly wait until it answers again."""
        blow = self._rng.choices(tuple(BLOWS), tuple(BLOWS.values()))[0]
        patience = self._rng.random() < 0.7 or blow in ("kill node", "restart politely")
        self._ledger.note(blow)
        self._ledger.count(blow)
        began = time.monotonic()
        match blow:
            case "kill executor":
                self._ground.signal(signal.SIGKILL, "executor")
            case "kill executor twice":
                self._ground.signal(signal.SIGKILL, "executor")
                await asyncio.sleep(self._rng.uniform(0.2, 1.5))
                self._ground.signal(signal.SIGKILL, "executor")
            case "kill router":
                self._ground.signal(signal.SIGKILL, "router")
            case "kill wrapper":
                self._ground.signal(signal.SIGKILL, "wrapper")
            case "kill controller":
                self._ground.signal(signal.SIGKILL, "controller")
            case "kill wrapper and executor":
                self._ground.signal(signal.SIGKILL, "wrapper", "executor")
            case "kill node":
                await self._ground.die()
                await asyncio.sleep(self._rng.uniform(0, 2))
                await self._ground.start()
            case "stop executor for a while":
                await self._hold("executor", self._rng.uniform(1, 6))
            case "stop router for a while":
                await self._hold("router", self._rng.uniform(1, 4))
            case "restart politely":
                code = await self._ground.stop()
                if code != 0:
                    self._ledger.differ(f"The node ended with exit code {code} on SIGTERM")
                await self._ground.start()
        if patience:
            await self._recovered(blow, began)

    async def _shoot(self, kills: int) -> None:
        """Kill the executor at *kills* moments, also while it starts."""
        while kills > 0:
            await asyncio.sleep(self._rng.uniform(0, 3))
            if self._ground.signal(signal.SIGKILL, "executor"):
                kills -= 1
                self._ledger.count("kill executor")

    async def _recovered(self, blow: str, began: float) -> None:
        # What was killed may answer for a moment yet.
        await asyncio.sleep(0.5)
        try:
            await self._ground.answers()
        except TimeoutError:
            self._ledger.differ(f"The executor does not answer any more after: {blow}")
            return
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self._ledger.note(f"answers again after {took:.1f} s")

    async def _hold(self, role: str, seconds: float) -> None:
        pid = self._ground.processes().get(role)
        if pid is not None and self._ground.signal(signal.SIGSTOP, role):
            await asyncio.sleep(seconds)
            self._ground.signal(signal.SIGCONT, role)

    async def rage(self) -> None:
        """Harm the node again and again until it `is_over`."""
        if self._kills is not None:
            await self._shoot(self._kills)
            return
        while not self.is_over:
            await self.blow()
            await asyncio.sleep(self._rng.uniform(1, 9))


async def disturb(line: Line, rng: random.Random, ledger: Ledger) -> None:
    """Harm the *line* of a user again and again."""
    while True:
        await asyncio.sleep(rng.uniform(2, 15))
        mishap = rng.choices(tuple(MISHAPS), tuple(MISHAPS.values()))[0]
        ledger.count(f"line {mishap}")
        if mishap == "cut":
            line.cut()
        elif mishap == "dead":
            with line.dead():
                await asyncio.sleep(rng.uniform(0.5, 6))
        else:
            with line.silent():
                await asyncio.sleep(rng.uniform(0.5, 6))
