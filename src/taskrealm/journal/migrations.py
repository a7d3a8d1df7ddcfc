"""The schema of the journal's database, as numbered steps."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

APPLICATION_ID = 0x7461_7265  # "tare"; tells our files from other programs' databases

FIRST = f"""
    pragma application_id = {APPLICATION_ID};

    -- `number` counts jobs in order of submission, which the clock cannot be trusted with.
    -- Every index ends with it, unseen: it is the rowid.
    create table jobs (
        number integer primary key,
        job_id text not null unique,
        owner text not null,
        task text not null,
        state text not null,
        status text not null
    );
    create index jobs_by_state on jobs (state);
    create index jobs_by_owner on jobs (owner, state);
    create index jobs_by_task on jobs (task, state);
    create index jobs_by_owner_and_task on jobs (owner, task, state);

    -- What never changes, apart: otherwise each change of state would copy the arguments.
    create table requests (
        number integer primary key,
        request text not null
    );

    -- `first` is the oldest event of the stream that is still held.
    create table streams (
        stream integer primary key,
        owner text not null unique,
        epoch text not null,
        first integer not null default 1
    );

    create table events (
        number integer not null,
        job_seq integer not null,
        stream integer,
        seq integer,
        type text not null,
        at text not null,
        attempt integer not null,
        data text not null,
        primary key (number, job_seq)
    ) without rowid;
    create unique index events_by_stream on events (stream, seq) where stream is not null;
"""

KEYS = """
    -- One owner has one job for each key. The index leaves out the many jobs without one.
    alter table jobs add column key text;
    create unique index jobs_by_key on jobs (owner, key) where key is not null;
"""

RETENTION = """
    -- When the job ended, in text that sorts like time.
    alter table jobs add column ended_at text;
    update jobs set ended_at = json_extract(status, '$.ended_at');
    create index jobs_by_end on jobs (ended_at) where ended_at is not null;

    -- Jobs that are forgotten, but of which events or output may still be there.
    create table pruned (
        number integer primary key,
        job_id text not null
    );

    -- Known outside the database too, which shows whether it was replaced; empty at first.
    create table mark (id text not null);
    insert into mark values ('');
"""

BATCHES = """
    -- The batch whose child a job is. Lists of jobs leave children out unless asked for them,
    -- hence the number 0 or 1 in their indexes.
    alter table jobs add column parent text;
    alter table jobs add column child integer not null default 0;
    create index jobs_by_parent on jobs (parent) where parent is not null;
    drop index jobs_by_state;
    drop index jobs_by_owner;
    drop index jobs_by_task;
    drop index jobs_by_owner_and_task;
    create index jobs_by_state on jobs (state, child);
    create index jobs_by_owner on jobs (owner, state, child);
    create index jobs_by_task on jobs (task, state, child);
    create index jobs_by_owner_and_task on jobs (owner, task, state, child);
"""

FILES = """
    -- Files on their way in, and those that have arrived. `sha256` is what was announced
    -- until the file is finished, and what was found from then on; `kind` is the media type
    -- that the first bytes speak of.
    create table uploads (
        upload text primary key,
        owner text not null,
        name text not null,
        media_type text,
        size integer not null,
        sha256 text,
        kind text,
        is_finished integer not null default 0,
        created_at text not null,
        expires_at text not null
    );
    create index uploads_by_owner on uploads (owner);
    create index uploads_by_expiry on uploads (expires_at);
    create index uploads_by_content on uploads (sha256) where is_finished = 1;

    -- Files that jobs have left. They go with their job, or before.
    create table artifacts (
        job_id text not null,
        name text not null,
        title text,
        media_type text not null,
        size integer not null,
        sha256 text not null,
        created_at text not null,
        expires_at text,
        primary key (job_id, name)
    ) without rowid;
    create index artifacts_by_content on artifacts (sha256);
    create index artifacts_by_expiry on artifacts (expires_at) where expires_at is not null;
    create index artifacts_by_size on artifacts (size);
"""

SCHEDULES = """
    -- Up to when the runs of each schedule have been seen to.
    create table schedules (
        name text primary key,
        rule text not null,
        seen text not null,
        job_id text,
        is_paused integer not null default 0
    ) without rowid;
"""

AUDIT = """
    -- Who did what. What stands here is never changed, and goes only when its time is over.
    create table audit (
        id integer primary key autoincrement,
        at text not null,
        actor text not null,
        role text,
        owner text,
        action text not null,
        object text,
        address text,
        outcome text not null,
        detail text not null
    );
    create index audit_by_time on audit (at);
    create index audit_by_actor on audit (actor);
    create index audit_by_action on audit (action);
    create index audit_by_object on audit (object) where object is not null;

    -- How long it is kept, as the settings say.
    create table audit_retention (days real not null);
    insert into audit_retention values (365);
    create view audit_horizon as
        select strftime('%Y-%m-%dT%H:%M:%f', 'now', '-' || days || ' days') as horizon
        from audit_retention;

    create trigger audit_never_changes before update on audit begin
        select raise(abort, 'the audit log is only added to');
    end;
    -- To replace a row is no deletion for SQLite. A row that has no id yet has a negative one here.
    create trigger audit_is_not_replaced before insert on audit
        when new.id between 1 and (select max(id) from audit) begin
        select raise(abort, 'the audit log is only added to');
    end;
    -- A horizon that cannot be told is none: then nothing may go.
    create trigger audit_is_kept before delete on audit
        when coalesce(old.at >= (select horizon from audit_horizon), true) begin
        select raise(abort, 'the audit log keeps this record');
    end;
"""

TAGS = """
    -- The tags of jobs, so that their jobs are found; each goes with its job.
    create table tags (
        owner text not null,
        tag text not null,
        number integer not null,
        primary key (owner, tag, number)
    ) without rowid;
    insert or ignore into tags
        select jobs.owner, tag.value, jobs.number from jobs join requests using (number),
        json_each(coalesce(json_extract(status, '$.tags'), json_extract(request, '$.tags'))) as tag;
    create index tags_by_tag on tags (tag, number);
"""

FILING = """
    -- A job that is open changes its state, and one that ends would change a page of every index
    -- of the history. Until jobs that have ended are filed there, hundreds at once, they stand
    -- with the open ones in one small index. With `filed` in it too, an index answers alone.
    update jobs set ended_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now') where ended_at is null
        and state in ('succeeded', 'failed', 'cancelled', 'timed_out', 'expired', 'lost');
    -- All that have ended count as filed without a change of their rows.
    alter table jobs add column filed integer not null default 1;
    update jobs set filed = 0 where ended_at is null;
    drop index jobs_by_end;
    drop index jobs_by_state;
    drop index jobs_by_owner;
    drop index jobs_by_task;
    drop index jobs_by_owner_and_task;
    create index jobs_unfiled on jobs (state, child, number, owner, task, filed) where filed = 0;
    create index jobs_by_end on jobs (ended_at) where filed = 1;
    create index jobs_by_state on jobs (state, child, filed) where filed = 1;
    create index jobs_by_owner on jobs (owner, state, child, filed) where filed = 1;
    create index jobs_by_task on jobs (task, state, child, filed) where filed = 1;
    create index jobs_by_owner_and_task on jobs (owner, task, state, child, filed)
        where filed = 1;
"""

STAGING = """
    -- What is durable, and not yet in the tables: the rows of some steps, packed.
    create table staged (
        id integer primary key,
        changes blob not null
    );
    create trigger staged_never_changes before update on staged begin
        select raise(abort, 'what is staged is only added to');
    end;
"""

MIGRATIONS = (FIRST, KEYS, RETENTION, BATCHES, FILES, SCHEDULES, AUDIT, TAGS, FILING, STAGING)
"""One script for each version of the schema; what was released is never edited."""


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """
    Bring the database to the newest schema, each step in a transaction of its own.

    A step that is interrupted has not happened: the next call starts it again.

    Raises:
        sqlite3.Error: A step failed; the steps before it are kept.
    """
    (version,) = connection.execute("pragma user_version").fetchone()
    for number, script in enumerate(migrations[version:], start=version + 1):
        try:
            connection.executescript(
                f"begin immediate; {script}; pragma user_version = {number}; commit"
            )
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("rollback")
            raise
