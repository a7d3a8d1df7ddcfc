"""A task's own limits count, and the node's where it leaves them open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.settings import LimitSettings, SettingsError, load_settings
from taskrealm.tasks import Limits

if TYPE_CHECKING:
    from pathlib import Path

# A node's settings know the same limits by the same names.
NODE = Limits(**LimitSettings(memory=1_000, cpu=10.0, processes=50).model_dump())


def test_a_limit_of_the_task_comes_before_that_of_the_node() -> None:
    assert Limits(memory=5_000, processes=7).within(NODE) == Limits(
        memory=5_000, cpu=10.0, processes=7
    )


def test_what_both_leave_open_is_unlimited() -> None:
    assert Limits().within(NODE).open_files is None


def test_no_job_has_processes_without_end_unless_the_site_says_so() -> None:
    assert LimitSettings().model_dump(exclude_none=True) == {"processes": 1_000}


def test_a_node_sets_its_limits_in_a_section_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "taskrealm.toml"
    file.write_text("[executor.limits]\nmemory = 2_000_000_000\ncpu = 60\n")

    limits = load_settings(file).executor.limits

    assert (limits.memory, limits.cpu, limits.processes) == (2_000_000_000, 60.0, 1_000)


def test_a_limit_of_nothing_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "taskrealm.toml"
    file.write_text("[executor.limits]\nprocesses = 0\n")

    with pytest.raises(SettingsError, match=r"executor\.limits\.processes"):
        load_settings(file)
