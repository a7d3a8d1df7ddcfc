"""What the journal's tests share."""

from __future__ import annotations

import contextlib
import resource
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from taskrealm.journal import filing, staging

from .lives import open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from taskrealm.journal import Journal


@pytest_asyncio.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await open_journal(tmp_path)
    yield journal
    await journal.close()


@pytest.fixture(params=[1, 3, 1_000], ids=["filed at once", "some filed", "none filed"])
def _filing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that have ended are in the indexes of the history, or not yet; few steps are staged."""
    monkeypatch.setattr(filing, "AT_ONCE", request.param)
    monkeypatch.setattr(staging, "AT_ONCE", request.param - 1)


@pytest.fixture
def file_limit() -> Callable[[int], AbstractContextManager[None]]:
    """Lets no file grow beyond some bytes for a while: the writes fail as on a full disk."""

    @contextlib.contextmanager
    def limit(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit
