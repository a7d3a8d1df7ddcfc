"""A short soak: what `scripts/soak` does for a quarter of an hour, in some seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tests.soak.soak import Soak

LENGTH = 15.0  # seconds


@pytest.mark.timeout(300)
@pytest.mark.capability("L1", "L2", "L4", "L5", "L7", "N1", "N5")
@pytest.mark.fault("F20", "F4", "R1", "R2", "R3", "R4")
async def test_under_load_and_random_kills_everything_adds_up() -> None:
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        lines: list[str] = []
        ledger = await Soak(Path(path), length=LENGTH, seed=3, say=lines.append).run()

        assert not ledger.differences, "\n".join((*ledger.differences, *lines))
        assert ledger.counts["accepted"] > 0
