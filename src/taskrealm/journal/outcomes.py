"""How the latest jobs of tasks ended, and how long they ran."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..protocol.jobs import State, timestamp
from .rows import SIDES

if TYPE_CHECKING:
    from collections.abc import Collection

    from .rows import Row

_ENDED = tuple(state for state in State if state.is_terminal)
_COLUMNS = "task, job_id, state, ended_at, json_extract(status, '$.outcome.duration')"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one job ended."""

    task: str
    job_id: str
    state: State
    ended_at: datetime
    duration: float | None
    """Seconds that its last attempt ran; None if it never ran."""

    def as_dict(self) -> dict[str, Any]:
        """It as it travels, without its task."""
        return {
            "job_id": self.job_id,
            "state": self.state.value,
            "ended_at": timestamp(self.ended_at),
            "duration": self.duration,
        }


def outcome_of(row: Row) -> Outcome:
    """The outcome in a row of `query` or `query_named`."""
    task, job_id, state, ended_at, duration = row
    moment = datetime.fromisoformat(ended_at)
    return Outcome(
        task, job_id, State(state), moment, None if duration is None else float(duration)
    )


def query(tasks: Collection[str], *, owner: str | None, limit: int) -> tuple[str, dict[str, Any]]:
    """What asks for the newest *limit* jobs of each of *tasks*, of everybody or one *owner*."""
    whose = "" if owner is None else "owner = :owner and "
    # Short walks along an index for each state, however many jobs there are.
    walks = " union all ".join(
        f"select number from (select number from {side} and {whose}task = wanted.value"
        f" and state = '{state.value}' and child = {child}"
        " order by number desc limit :limit)"
        for side in SIDES
        for state in _ENDED
        for child in (0, 1)
    )
    # The numbers of a task make one list, so that the jobs are looked up by number and no other way.
    newest = f"select json_group_array(number) from (select number from ({walks}) order by number desc limit :limit)"
    text = (
        f"select {_COLUMNS} from jobs where number in (select found.value"
        f" from json_each(:tasks) as wanted cross join json_each(({newest})) as found)"
        " order by number desc"
    )
    return text, {"tasks": json.dumps(list(tasks)), "owner": owner, "limit": limit}


def query_named(job_ids: Collection[str], *, owner: str | None) -> tuple[str, dict[str, Any]]:
    """What asks for those of *job_ids* that have ended, of everybody or one *owner*."""
    among = ", ".join(f"'{state.value}'" for state in _ENDED)
    text = (
        f"select {_COLUMNS} from jobs where job_id in (select value from json_each(:ids))"
        f" and +state in ({among}) and (:owner is null or +owner = :owner) order by number desc"
    )
    return text, {"ids": json.dumps(list(job_ids)), "owner": owner}
