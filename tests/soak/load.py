"""Users who run, cancel and watch jobs, and note down what they were told."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

from taskrealm.client import Client, Disconnected, Request, StreamReset
from taskrealm.protocol.errors import (
    Draining,
    Error,
    QueueFull,
    Unavailable,
    UnknownJob,
)

from .ledger import Answer, Cancellation, Hearing, Reading, Submission

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.wire.line import Line

    from taskrealm.client import Job

    from .hours import Hours
    from .ledger import Ledger

RATE = 4.0  # actions of a user in a second, besides the time that they take
HANG = 150.0  # seconds after which a call or a job that should have ended counts as hung
FORGOTTEN = (Disconnected, Unavailable)  # after these nobody knows whether the call took effect

KINDS: dict[str, int] = {
    "nothing": 28,
    "lines": 14,
    "nap": 12,
    "long": 8,
    "family": 6,
    "clan": 5,
    "broken": 6,
    "late": 6,
    "many": 6,
    "session": 4,
    "none": 3,
}
"""What users run, and how often of a hundred."""


class User:
    """
    One user with one client that stays from the first moment to the last.

    Everything is chosen by *rng*, so that a seed gives the same choices again.
    """

    def __init__(
        self, name: str, rng: random.Random, line: Line, token: str, ledger: Ledger
    ) -> None:
        self.name = name
        self.line = line
        self._rng = rng
        self._token = token
        self._ledger = ledger
        self._jobs: list[Job] = []
        self._following: set[asyncio.Task[None]] = set()
        self._visits = 0
        self.is_present = asyncio.Event()

    def client(self) -> Client:
        """A client of this user, over a line that may be cut."""
        return Client(self.line.ws, token=self._token)

    async def live(self, hours: Hours, others: list[User]) -> None:
        """Run jobs and cancel some during the *hours*, and listen until these are over."""
        async with self.client() as client:
            hearing = Hearing(self.name, "resident")
            self._ledger.hearings.append(hearing)
            listening = asyncio.create_task(self._listen(client, hearing))
            # Once something was accepted, the client knows its place in the stream.
            while not self._jobs:
                await self._submit(client, "nothing", self._rng)
            self.is_present.set()
            while not hours.is_over:
                async with hours.action() as may:
                    if may:
                        await self._act(client, others)
                await asyncio.sleep(self._rng.expovariate(RATE))
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def visit(self, hours: Hours) -> None:
        """Come with a new client again and again, listen for a while, and leave."""
        rng = random.Random(f"{self._token} visits")
        while True:
            await hours.opened()
            if hours.is_over:
                return
            await asyncio.sleep(rng.uniform(0, 2))
            with contextlib.suppress(*FORGOTTEN):
                async with self.client() as client:
                    self._visits += 1
                    name = f"visitor {self._visits}"
                    # It must hear what comes after its own job; before, there may be nothing.
                    hearing = Hearing(self.name, name, is_resident=False, is_open=False)
                    self._ledger.hearings.append(hearing)
                    listening = asyncio.create_task(self._listen(client, hearing))
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._drop_in(client, hours, hearing, rng))
                        group.create_task(asyncio.sleep(rng.uniform(1, 12)))
                    hearing.is_open = False
                    listening.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await listening
            self._ledger.count("visits")

    async def _drop_in(
        self, client: Client, hours: Hours, hearing: Hearing, rng: random.Random
    ) -> None:
        async with hours.action() as may:
            if may:
                hearing.is_open = await self._submit(client, "nothing", rng)

    async def followed(self) -> None:
        """Return once everything that is followed has come to its end."""
        if self._following:
            await asyncio.gather(*self._following)

    async def _listen(self, client: Client, hearing: Hearing) -> None:
        events = client.events()
        while True:
            try:
                async for event in events:
                    hearing.events.append(event.as_dict())
            except StreamReset as reset:
                self._ledger.differ(f"{hearing.client} of {self.name}: {reset}")

    async def _act(self, client: Client, others: list[User]) -> None:
        choice = self._rng.random()
        if choice < 0.62 or not self._jobs:
            kind = self._rng.choices(tuple(KINDS), tuple(KINDS.values()))[0]
            await self._submit(client, kind, self._rng)
        elif choice < 0.97:
            # The newest ones may not have been started yet.
            recent = self._jobs[-self._rng.choice((1, 2, 5, 40)) :]
            await self._cancel(self._rng.choice(recent))
        else:
            other = self._rng.choice(others)
            if other is not self and other._jobs:
                await self._meddle(client, self._rng.choice(other._jobs[-20:]).job_id)

    async def _submit(self, client: Client, kind: str, rng: random.Random) -> bool:
        """Run something of this *kind*; whether it is known to have been accepted."""
        if kind == "many":
            group = self._ledger.token()
            submissions = [
                self._submission("nothing", rng, group) for _ in range(rng.randint(2, 20))
            ]
        else:
            submissions = [self._submission(kind, rng, "")]
        requests = [
            Request(
                each.task,
                each.arguments,
                priority=rng.randint(-5, 5),
                timeout=each.timeout,
                tags=[each.token],
                deliver=each.deliver,
            )
            for each in submissions
        ]
        follow = rng.random() < 0.4
        hasty = rng.random() < 0.12

        async def run() -> list[Job]:
            if len(requests) > 1:
                return await client.exec_many(requests)
            request = requests[0]
            job = await client.exec(
                request.task,
                request.arguments,
                priority=request.priority,
                timeout=request.timeout,
                tags=request.tags,
                deliver=request.deliver,
            )
            return [job]

        answer = Answer.UNSURE
        jobs: list[Job] = []
        try:
            jobs = await self._timely(run, f"exec of {submissions[0].task}") or []
            answer = Answer.ACCEPTED if jobs else Answer.UNSURE
        except (QueueFull, Draining) as error:
            answer = Answer.REFUSED
            self._ledger.count(error.code)
        except FORGOTTEN:
            self._ledger.count("unsure", len(submissions))
        for submission in submissions:
            submission.answer = answer
        for submission, job in zip(submissions, jobs, strict=False):
            submission.job_id = job.job_id
            self._ledger.count("accepted")
            # Visitors leave; what they have run is cancelled by the resident's jobs only.
            self._jobs.append(job)
        del self._jobs[:-200]
        if jobs and follow and client is not None:
            self._follow(jobs[0], submissions[0])
        if jobs and hasty:
            await self._cancel(jobs[0])
        return bool(jobs)

    def _submission(self, kind: str, rng: random.Random, group: str) -> Submission:
        deliver = kind if kind in ("session", "none") else "user"
        timeout = None
        arguments: dict[str, Any] = {}
        if kind == "lines":
            task = "soak.lines"
            arguments = {"count": rng.choice((1, 30, 400, 3_000)), "pause": rng.choice((0.0, 0.05))}
        elif kind == "nap":
            task, arguments = "probe.nap", {"seconds": round(rng.uniform(0.05, 2.0), 2)}
        elif kind == "long":
            task, arguments, timeout = "probe.nap", {"seconds": 600.0}, rng.uniform(5, 25)
        elif kind == "family":
            task, arguments, timeout = "probe.family", {"stubborn": True}, rng.uniform(3, 12)
        elif kind == "clan":
            task, timeout = "soak.clan", rng.uniform(3, 12)
            arguments = {"seconds": rng.choice((0.0, 1.0, 600.0))}
        elif kind == "broken":
            task = "soak.broken"
        elif kind == "late":
            task = "probe.short"
        else:
            task = "probe.nothing"
        token = self._ledger.token()
        return self._ledger.ask(
            Submission(token, self.name, task, arguments, deliver, group or token, timeout)
        )

    async def _cancel(self, job: Job) -> None:
        now = self._rng.random() < 0.3
        twice = self._rng.random() < 0.3
        for _ in range(2 if twice else 1):
            with contextlib.suppress(*FORGOTTEN):
                answer = await self._timely(
                    lambda: job.cancel("no longer wanted", now=now), f"cancel of {job.job_id}"
                )
                if answer is not None:
                    self._ledger.cancellations.append(Cancellation(job.job_id, answer))
                    self._ledger.count(f"cancel {answer}")

    async def _meddle(self, client: Client, job_id: str) -> None:
        """Try to cancel somebody else's job."""
        with contextlib.suppress(*FORGOTTEN, UnknownJob):
            answer = await self._timely(client.job(job_id).cancel, "foreign cancel")
            if answer is not None:
                self._ledger.differ(f"{self.name} could cancel {job_id} of another user: {answer}")

    def _follow(self, job: Job, submission: Submission) -> None:
        async def events() -> None:
            heard = [event.as_dict() async for event in job]
            self._ledger.followed[job.job_id] = heard

        async def output() -> None:
            text = "".join([chunk.text async for chunk in job.output("stdout")])
            self._ledger.readings.append(Reading(job.job_id, text))

        work = output if submission.task == "soak.lines" else events

        async def follow() -> None:
            # Its client may leave before the job ends.
            with contextlib.suppress(Disconnected):
                await work()

        task = asyncio.create_task(follow())
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _timely(self, call: Callable[[], Awaitable[Any]], what: str) -> Any:
        """The result of *call*; None and a difference if it hangs or fails as it must not."""
        try:
            async with asyncio.timeout(HANG):
                return await call()
        except TimeoutError:
            self._ledger.differ(f"{self.name}: {what} hung for {HANG:.0f} s")
        except (QueueFull, Draining, UnknownJob, *FORGOTTEN):
            raise
        except Error as error:
            self._ledger.differ(f"{self.name}: {what} failed with {error!r}")
        return None
