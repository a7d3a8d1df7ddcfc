"""When cron expressions come, also where the clock is set forward and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskrealm.tasks.rhythm import Rhythm

BERLIN = "Europe/Berlin"  # forward on 2030-03-31 at 01:00 UTC, back on 2030-10-27 at 01:00 UTC
ZONES = (BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
CHANGES = (datetime(2030, 3, 31, 1, tzinfo=UTC), datetime(2030, 10, 27, 1, tzinfo=UTC))


def hours(*found: datetime) -> list[str]:
    return [f"{each:%d %H:%M}" for each in found]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        pytest.param("0 3 * * *", "2030-01-01T00:00Z", ["01 02:00", "02 02:00"], id="winter"),
        pytest.param("0 3 * * *", "2030-07-01T00:00Z", ["01 01:00", "02 01:00"], id="summer"),
        pytest.param("30 2 * * *", "2030-03-30T12:00Z", ["31 01:00", "01 00:30"], id="in the gap"),
        pytest.param(
            "0,30 2 * * *", "2030-03-30T12:00Z", ["31 01:00", "01 00:00"], id="twice in the gap"
        ),
        pytest.param(
            "30 2 * * *", "2030-10-26T12:00Z", ["27 00:30", "28 01:30"], id="in the hour twice"
        ),
        pytest.param(
            "30 2 * * *", "2030-10-27T01:10Z", ["28 01:30", "29 01:30"], id="in its second time"
        ),
        pytest.param(
            "30 * * * *", "2030-10-27T00:00Z", ["27 00:30", "27 01:30"], id="every hour goes on"
        ),
        pytest.param("0 0 29 2 *", "2030-01-01T00:00Z", ["28 23:00", "28 23:00"], id="leap days"),
        pytest.param("0 9 * * MON", "2030-01-01T00:00Z", ["07 08:00", "14 08:00"], id="Mondays"),
    ],
)
def test_a_rhythm_goes_by_the_clock_of_its_zone(cron: str, after: str, expected: list[str]) -> None:
    assert hours(*Rhythm(cron, BERLIN).after(datetime.fromisoformat(after), 2)) == expected


@pytest.mark.parametrize(
    ("rhythm", "problem"),
    [
        (Rhythm("0 3 * *"), "cron is '0 3 \\* \\*'; it must be five words"),
        (Rhythm("0 0 3 * * *"), "must be five words"),
        (Rhythm(""), "must be five words"),
        (Rhythm("0 25 * * *"), "and its hour makes no sense"),
        (Rhythm("0 3 * * MOO"), "and its day-of-week makes no sense"),
        (Rhythm("0 3 31 4 *"), "and its day-of-month makes no sense"),
        (Rhythm("0 3 * * *", "Berlin"), "zone is 'Berlin'; it must be a time zone such as Europe"),
        (Rhythm("0 3 * * *", "../etc"), "zone is '../etc'; it must be a time zone"),
        (Rhythm("0 3 * * *", ""), "zone is ''; it must be a time zone"),
    ],
    ids=lambda value: value.expression if isinstance(value, Rhythm) else "",
)
def test_what_makes_no_sense_is_named(rhythm: Rhythm, problem: str) -> None:
    assert re.search(problem, rhythm.problem() or "")


def test_what_makes_sense_has_no_problem() -> None:
    assert Rhythm("*/5 8-18 * * MON-FRI", BERLIN).problem() is None


crons = st.builds(
    "{} {} * * *".format,
    st.sampled_from(["0", "30", "*/20", "0,30", "59"]),
    st.sampled_from(["*", "1", "2", "*/6", "1-3"]),
)
moments = st.builds(
    lambda change, minutes: change + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-2_000, 2_000),
)


@given(cron=crons, zone=st.sampled_from(ZONES), since=moments, span=st.integers(1, 3_000))
@settings(max_examples=150, deadline=None)
def test_moments_rise_and_none_depends_on_where_one_begins(
    cron: str, zone: str, since: datetime, span: int
) -> None:
    rhythm = Rhythm(cron, zone)
    until = since + timedelta(minutes=span)
    found = rhythm.between(since, until, 10_000)
    middle = since + timedelta(minutes=span / 2)

    assert found == sorted(set(found))
    assert all(since < each <= until for each in found)
    assert found == [
        *rhythm.between(since, middle, 10_000),
        *rhythm.between(middle, until, 10_000),
    ]
    assert rhythm.between(since, until, 3) == found[-3:]
    assert rhythm.after(since, len(found) + 1)[: len(found)] == found


def test_years_that_were_missed_are_looked_through_quickly() -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)

    [newest] = Rhythm("* * * * *", BERLIN).between(until - timedelta(days=3_650), until, 1)

    assert newest == until
