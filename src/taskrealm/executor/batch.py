"""One run of a batch: from the question what its children are to what has become of them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from ..protocol.jobs import EventType, now
from ..tasks import Progress
from .attempt import Attempt, Ending, failure
from .call import Call
from .children import Children
from .results import success
from .step import Step, StepStopped
from .summary import error_of, summary, write_finished

if TYPE_CHECKING:
    from ..protocol.jobs import Job
    from ..tasks import Arguments, BatchTask
    from .attempt import Reporter, Surroundings

STOPPED = "The batch was stopped"


class BatchAttempt(Attempt):
    """
    One run of *job*, which is a batch.

    It occupies a worker slot while code of its task runs, and none while its children wait or
    run: so whatever these need, their batch never has it. Once they are recorded, an executor
    that dies does not end this run, and the next one goes on with it.
    """

    def __init__(
        self,
        job: Job,
        task: BatchTask,
        arguments: Arguments,
        surroundings: Surroundings,
        reporter: Reporter,
    ) -> None:
        assert surroundings.batches is not None
        self.job = job
        self._task = task
        self._arguments = arguments
        self._surroundings = surroundings
        self._reporter = reporter
        self._batches = surroundings.batches
        age = 0.0 if job.started_at is None else (now() - job.started_at).total_seconds()
        self._began = time.monotonic() - max(0.0, age)
        self._running: Call | Step | None = None
        self._children: Children | None = None
        self._are_recorded = False
        self._are_cancelled = False
        self._waits_for_slot = False
        self._grace: float | None = None
        self._news = asyncio.Event()

    @property
    def rests(self) -> bool:
        """Whether it only waits: for children that run, for others to start, or for a slot."""
        if self._grace is not None:
            return False
        if self._children is None or not self._are_recorded:
            return False
        return self._waits_for_slot or not (self._children.are_done or self._children.is_stopping)

    def stop(self, grace: float) -> None:
        self._grace = grace
        if self._running is not None:
            self._running.stop(grace)
        if self._children is not None and self._are_recorded:
            self._children.stop()
            self._cancel_children()
        self._news.set()

    def child_moved(self, child: Job) -> None:
        """A child has come as far as its progress says."""
        fraction = (child.progress or {}).get("fraction")
        if self._children is not None and fraction is not None:
            self._children.move(child.job_id, fraction)
            self._tell_progress(self._children)

    def child_ended(self, child: Job) -> None:
        """The end of a child is durable."""
        if self._children is not None:
            self._children.end(child.job_id, child.state)
            self._news.set()

    async def run(self) -> Ending:
        self._batches.enter(self)
        try:
            ending = await self._run()
        finally:
            self._batches.leave(self)
        if "duration" in ending.data:
            ending.data["duration"] = self._duration
        return ending

    @property
    def _duration(self) -> float:
        return time.monotonic() - self._began

    async def _run(self) -> Ending:
        if self.job.step is None:
            ending = await self._plan()
            if ending is not None:
                return ending
        else:
            states, admitted = await self._batches.restore(self.job, self._take)
            self._are_recorded = True
            assert self._children is not None
            for job_id in admitted:
                self._children.restore(job_id)
            for job_id, state in states.items():
                self._children.end(job_id, state)
        assert self._children is not None
        await self._run_children(self._children)
        if self._grace is not None:
            return failure(STOPPED, duration=self._duration)
        if self._children.failed is not None:
            return await self._failure(self._children, self._children.failed)
        return await self._gather(self._children)

    async def _plan(self) -> Ending | None:
        """Find out what the children are, and record them; the end of the batch if that fails."""
        call = self._call()
        ending, wanted = await call.children()
        if ending.type is not EventType.SUCCEEDED or self._grace is not None:
            return ending if ending.type is EventType.FAILED else failure(STOPPED)
        stops = self._task.stops_on_failure
        self._running = Step(self._batches.prepare(self.job, wanted, stops=stops))
        try:
            planned = await self._running.outcome()
        except StepStopped:
            return failure(STOPPED)
        finally:
            self._running = None
        if isinstance(planned, Ending):
            return planned
        self._take([each.job.job_id for each in planned])
        await self._batches.record(self.job, planned)
        self._are_recorded = True
        return None

    def _take(self, job_ids: list[str]) -> None:
        """From now on the ends of these children count."""
        self._children = Children(
            job_ids, parallel=self._task.parallel, stops=self._task.stops_on_failure
        )

    async def _run_children(self, children: Children) -> None:
        if not children.are_done:
            self._batches.give_up_slot(self.job)
        if self._grace is not None:
            children.stop()
        while not children.are_done:
            if not children.is_stopping:
                for job_id in children.admit():
                    self._batches.admit(job_id)
            elif not self._are_cancelled:
                self._cancel_children()
            self._tell_progress(children)
            await self._news.wait()
            self._news.clear()
        self._tell_progress(children)

    def _cancel_children(self) -> None:
        """Let every child that has not ended be cancelled, for the reason for which this stops."""
        assert self._children is not None
        self._are_cancelled = True
        if self._grace is None:
            number = self._children.number(self._children.failed or "")
            by, reason = "batch", f"child {number} of its batch did not succeed"
        else:
            by, reason = self._batches.reason(self.job)
        ending = Ending(EventType.CANCELLED, {"by": by, "reason": reason, "duration": None})
        self._batches.cancel(self._children.unended(), ending, at_once=self._grace == 0.0)

    async def _failure(self, children: Children, job_id: str) -> Ending:
        child = await self._batches.ended_child(job_id)
        place = f"Child {children.number(job_id)} of {children.total}"
        ending = failure(f"{place} ({child.task}): {error_of(child)}", duration=self._duration)
        ending.data["child"] = job_id
        ending.data["counts"] = children.counts
        return ending

    async def _gather(self, children: Children) -> Ending:
        job, journal = self.job, self._batches.journal
        if not self._task.gathers:
            result = await summary(journal, job.job_id, children.counts)
            return await success(job.job_id, result, self._duration, self._surroundings)
        self._waits_for_slot = True
        try:
            has_slot = await self._batches.take_slot(job, self._news, lambda: self._grace is None)
        finally:
            self._waits_for_slot = False
        if not has_slot:
            return failure(STOPPED, duration=self._duration)
        await self._batches.begin_gathering(job)
        file = self._surroundings.folders.beside(f"{job.job_id}.finished")
        try:
            await write_finished(journal, job.job_id, file)
            return await self._call().gather(file)
        except OSError as error:
            return failure(f"The children could not be given to gather: {error.strerror}")
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)

    def _call(self) -> Call:
        call = Call(self.job, self._task, self._arguments, self._surroundings, self._reporter)
        self._running = call
        if self._grace is not None:
            call.stop(self._grace)
        return call

    def _tell_progress(self, children: Children) -> None:
        message = f"{children.ended} of {children.total}"
        self._reporter.progress(Progress(children.fraction, message))
