"""Sends files into the journal named on its command line, and prints which are finished."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.unit.journal.lives import LIMITS, job

from taskrealm.journal import Artifacts, Journal, Uploads

WRITERS = 4
PIECE = 20_000  # bytes


async def main(folder: Path) -> None:
    journal = await Journal.open(folder, output_limit=1_000, on_commit=lambda events: None)
    await asyncio.gather(*(work(journal, f"user{number}") for number in range(WRITERS)))


async def work(journal: Journal, owner: str) -> None:
    uploads, artifacts = Uploads(journal, LIMITS), Artifacts(journal)
    while True:
        begun = await uploads.begin(owner, "a", 2 * PIECE, sha256=None, media_type=None)
        for offset in (0, PIECE):
            await uploads.append(owner, begun.upload, offset, os.urandom(PIECE))
        done = await uploads.finish(owner, begun.upload)
        tell("kept", owner, done.upload)
        draft = artifacts.new_draft()
        artifacts.path(draft).write_bytes(os.urandom(PIECE))
        job_id = job().job_id
        await artifacts.keep(
            draft, job_id=job_id, name="a", title=None, media_type="a/b", expires_at=None
        )
        tell("left", job_id, "a")
        if os.urandom(1)[0] < 100:
            tell("going", owner, done.upload)
            await uploads.remove(owner, done.upload)


def tell(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
