"""Stands in for the executor: accepts jobs, and lets happen to them what a test wants."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from taskrealm.protocol import uris
from taskrealm.protocol.errors import InvalidArguments, NotAuthorized, UnknownJob, UnknownTask
from taskrealm.protocol.jobs import TERMINAL, Event, EventType, new_job_id, now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskrealm.wire import Call, Session


class StandIn:
    """
    An executor whose jobs do nothing by themselves.

    A job of the task `echo` succeeds at once with its arguments as the result; one of the
    task `wait` starts, and goes on by `happen`. The `journal` has the events of all.
    """

    def __init__(self) -> None:
        self.journal: list[dict[str, Any]] = []
        self.jobs: dict[str, dict[str, Any]] = {}
        self.epoch = "first"
        self.reaches_back_to = 0
        self.is_silent = False
        """Whether events are journalled only, as if their publications were lost."""
        self.is_stuck = False
        """Whether it never answers what tasks there are."""
        self.tells_streams = asyncio.Event()
        """Whether it answers what the stream of a user is."""
        self.tells_streams.set()
        self.was_asked = asyncio.Event()
        self.calls: list[str] = []
        self._session: Session | None = None
        self._output: dict[tuple[str, str], bytes] = {}
        self._receivers: dict[str, int] = {}
        self._newest: Counter[str] = Counter()

    async def serve(self, session: Session) -> None:
        """Answer calls on *session*, and announce that we are there."""
        self._session = session
        handlers: dict[str, Callable[..., Any]] = {
            uris.TASKS: self._tasks,
            uris.CHECK: self._check,
            uris.EXEC: self._exec,
            uris.EXEC_MANY: self._exec_many,
            uris.CANCEL: self._cancel,
            uris.JOB: self._job,
            uris.JOBS: self._jobs,
            uris.EVENTS: self._events,
            uris.OUTPUT: self._read_output,
            uris.TOKEN: lambda _call, code: {"token": f"token-for-{code}", "expires_at": "soon"},
        }
        for uri, handler in handlers.items():
            await session.register(uri, handler)
        session.publish(uris.CATALOG, {"tasks": 2})

    def happen(self, job_id: str, kind: str, **data: Any) -> dict[str, Any]:
        """Let something happen to a job: journal it, and publish it."""
        event = self._write(job_id, kind, data)
        self._publish([event])
        return event

    def happen_many(self, job_id: str, kind: str, count: int) -> None:
        """Let the same happen many times, published together."""
        self._publish([self._write(job_id, kind, {"number": n}) for n in range(count)])

    def end_all(self, job_ids: Sequence[str]) -> None:
        """Let jobs of one owner succeed with their ids as results, many by one publication."""
        for begin in range(0, len(job_ids), 100):
            self._publish(
                [
                    self._write(job_id, "succeeded", {"result": job_id})
                    for job_id in job_ids[begin : begin + 100]
                ]
            )

    def write(self, job_id: str, text: str, stream: str = "stdout", *, live: bool = True) -> None:
        """Let a job print *text*."""
        before = self._output.get((job_id, stream), b"")
        after = self._output[job_id, stream] = before + text.encode()
        if live and self._session is not None and not self._session.is_lost:
            self._session.publish(
                uris.output_topic(self.jobs[job_id]["owner"], job_id),
                {"stream": stream, "offset": len(before), "next": len(after), "text": text},
            )

    def forget(self) -> None:
        """Keep no event any more; numbers go on."""
        self.reaches_back_to = max(self._newest.values())
        self.journal.clear()

    def start_anew(self, epoch: str) -> None:
        """Begin all streams anew under another epoch."""
        self.epoch = epoch
        self.journal.clear()
        self._newest.clear()
        self.reaches_back_to = 0

    def stream(self, owner: str = "ana") -> list[int]:
        """The numbers of all events in the stream of *owner*."""
        return [each["seq"] for each in self.journal if each["owner"] == owner and each["seq"]]

    def _write(self, job_id: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs[job_id]
        is_streamed = job["deliver"] == "user"
        job["events"] += 1
        self._newest[job["owner"]] += is_streamed
        event = Event(
            owner=job["owner"],
            epoch=self.epoch if is_streamed else None,
            seq=self._newest[job["owner"]] if is_streamed else None,
            job_id=job_id,
            job_seq=job["events"],
            task=job["task"],
            type=EventType(kind),
            at=now(),
            attempt=1,
            data=data,
        ).as_dict()
        self.journal.append(event)
        if kind in TERMINAL:
            job |= {"state": kind, **data}
        return event

    def _publish(self, events: list[dict[str, Any]]) -> None:
        job = self.jobs[events[0]["job_id"]]
        if self.is_silent or self._session is None or self._session.is_lost:
            return
        topic = uris.jobs_topic(job["owner"])
        if job["deliver"] == "user":
            self._session.publish(topic, events)
        elif job["deliver"] == "session":
            self._session.publish(topic, events, eligible=[self._receivers[job["job_id"]]])

    async def _tasks(self, _call: Call) -> list[dict[str, Any]]:
        self.was_asked.set()
        if self.is_stuck:
            await asyncio.Event().wait()
        return [{"name": "echo"}, {"name": "wait"}]

    def _exec(self, call: Call, task: str, **options: Any) -> dict[str, Any]:
        self.calls.append(uris.EXEC)
        return self._submit(call, {"task": task, **options})

    def _exec_many(self, call: Call, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._submit(call, request) for request in requests]

    def _submit(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self._require_task(request["task"])
        request = {"args": [], "kwargs": {}, "deliver": "user", **request}
        job_id = new_job_id()
        self.jobs[job_id] = {
            "job_id": job_id,
            "state": "running",
            "owner": request.get("on_behalf_of", call.authid),
            "events": 0,
            "result": None,
            **request,
        }
        self._receivers[job_id] = call.caller
        events = [self._write(job_id, kind, {}) for kind in ("queued", "started")]
        if request["task"] == "echo":
            result = {"result": [request["args"], request["kwargs"]], "duration": 0.0}
            events.append(self._write(job_id, "succeeded", result))
        call.answered.add_done_callback(lambda _: self._publish(events))
        return {"job_id": job_id, "state": "queued", "position": 0}

    def _check(self, _call: Call, task: str, **_: Any) -> dict[str, Any]:
        self._require_task(task)
        return {"argv": [task], "timeout": 1.0, "position": 0}

    def _require_task(self, task: str) -> None:
        if task not in ("echo", "wait"):
            raise UnknownTask(f"There is no task {task!r}")

    def _cancel(self, call: Call, job_id: str, reason: str | None, now: bool) -> str:
        job = self._visible(call, job_id)
        if job["state"] in TERMINAL:
            return f"already_{job['state']}"
        self.happen(job_id, "stopping", by=call.authid, reason=reason, grace=0 if now else 10)
        self.happen(job_id, "cancelled", by=call.authid, reason=reason, duration=0.0)
        return "stopping"

    def _job(self, call: Call, job_id: str) -> dict[str, Any]:
        self.calls.append(uris.JOB)
        return self._visible(call, job_id)

    def _jobs(
        self,
        call: Call,
        state: Any,
        task: Any,
        owner: Any,
        before: str | None,
        limit: int,
        parent: str | None,
        children: bool,
        tag: str | None,
        since: str | None,
        until: str | None,
        text: str | None,
    ) -> dict[str, Any]:
        assert (tag, since, until, text) == (None, None, None, None), "nothing here knows of these"
        if owner is not None and call.authrole != "operator":
            raise NotAuthorized("You may ask for your own jobs only")
        mine = [
            job
            for job_id, job in sorted(self.jobs.items(), reverse=True)
            if job["owner"] == (owner or call.authid)
            and (before is None or job_id < before)
            and state in (None, job["state"])
            and task in (None, job["task"])
            and (job.get("parent") == parent or (parent is None and children))
        ]
        page = mine[:limit]
        return {"jobs": page, "next": page[-1]["job_id"] if len(mine) > limit else None}

    def _events(self, call: Call, **asked: Any) -> Any:
        if asked.get("job_id") is None and not self.tells_streams.is_set():
            return self._events_later(call, asked)
        return self._find_events(call, **asked)

    async def _events_later(self, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
        await self.tells_streams.wait()
        return self._find_events(call, **asked)

    def _find_events(
        self,
        call: Call,
        epoch: str | None = None,
        since: int = 0,
        limit: int = 1_000,
        job_id: str | None = None,
    ) -> dict[str, Any]:
        self.calls.append(uris.EVENTS)
        if not 1 <= limit <= 1_000:
            raise InvalidArguments(fields={"limit": "must be between 1 and 1000"})
        limit = min(limit, 7)  # so that every test that reads history turns pages
        if job_id is not None:
            job = self._visible(call, job_id)
            events = [
                event
                for event in self.journal
                if event["job_id"] == job_id and event["job_seq"] > since
            ]
            return {
                "events": events[:limit],
                "more": len(events) > limit,
                "ended": job["state"] in TERMINAL,
            }
        mine = [each for each in self.journal if each["owner"] == call.authid and each["seq"]]
        answer = {"epoch": self.epoch, "seq": self._newest[call.authid]}
        if epoch != self.epoch or since < self.reaches_back_to:
            jobs = [job for job in self.jobs.values() if job["state"] not in TERMINAL]
            return {**answer, "recovered": False, "events": [], "more": False, "jobs": jobs}
        events = [event for event in mine if event["seq"] > since]
        return {**answer, "recovered": True, "events": events[:limit], "more": len(events) > limit}

    def _read_output(
        self, call: Call, job_id: str, stream: str = "stdout", offset: int = 0, limit: int = 65_536
    ) -> dict[str, Any]:
        job = self._visible(call, job_id)
        data = self._output.get((job_id, stream), b"")
        gap, end = job.get("gap", (0, 0))
        skipped = end - offset if gap <= offset < end else 0
        edge = gap if offset < gap else len(data)
        offset += skipped
        piece = data[offset : min(edge, offset + min(limit, 1_000))]
        return {
            "stream": stream,
            "offset": offset,
            "next": offset + len(piece),
            "text": piece.decode(),
            "size": len(data),
            "skipped": skipped,
            "end": job["state"] in TERMINAL and offset + len(piece) == len(data),
        }

    def _visible(self, call: Call, job_id: str) -> dict[str, Any]:
        job = self.jobs.get(job_id)
        if job is None or (call.authrole == "user" and job["owner"] != call.authid):
            raise UnknownJob(f"There is no job {job_id!r}")
        return job
