"""The node grants points by role or by a function, and no mistake in it stops anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.access.hooks import load_hook
from taskrealm.executor.priorities import Priorities
from taskrealm.settings import SettingsError
from taskrealm.tasks import Caller

if TYPE_CHECKING:
    from pathlib import Path

ANN = Caller("ann", "operator", "ann")


@pytest.mark.capability("Q5")
async def test_roles_have_the_points_of_the_table_and_others_none() -> None:
    priorities = Priorities({"operator": 100, "backend": -5})

    assert await priorities.of(ANN) == 100
    assert await priorities.of(Caller("b", "backend", "b")) == -5
    assert await priorities.of(Caller("c", "user", "c")) == 0


@pytest.mark.capability("Q5")
async def test_of_several_teams_the_one_with_the_most_points_counts() -> None:
    priorities = Priorities({"user": 1}, by_team={"editors": 50, "guests": -20, "press": 10})

    def points_of(*teams: str) -> Any:
        return priorities.of(Caller("c", "user", "c", teams))

    assert await points_of("press", "editors", "guests") == 51
    assert await points_of("guests") == -19
    assert await points_of("strangers") == 1


@pytest.mark.capability("Q6")
@pytest.mark.parametrize(
    ("answer", "points"),
    [(7, 7), (0, 0), (-7, -7), (None, 100), (True, 100), ("7", 100), (10**9, 100)],
)
async def test_what_the_function_gives_counts_if_it_is_a_whole_number(
    answer: Any, points: int
) -> None:
    async def points_of(caller: Caller) -> Any:
        return answer

    assert await Priorities({"operator": 100}, points_of).of(ANN) == points
    assert await Priorities({"operator": 100}, lambda _: answer).of(ANN) == points


@pytest.mark.capability("Q6")
async def test_a_function_that_fails_decides_nothing() -> None:
    def fails(caller: Caller) -> int:
        raise RuntimeError(caller.authid)

    assert await Priorities({"operator": 100}, fails).of(ANN) == 100


@pytest.mark.capability("Q6")
async def test_the_function_is_found_in_a_file_or_a_module(tmp_path: Path) -> None:
    (tmp_path / "points.py").write_text("def points_of(caller):\n    return len(caller.authid)\n")
    function = load_hook("points.py:points_of", tmp_path, setting="executor.priority")

    assert await Priorities({}, function).of(ANN) == 3
    assert load_hook("os.path:basename", tmp_path, setting="executor.priority")("a/b") == "b"


@pytest.mark.parametrize(
    "name", ["missing.py:points_of", "points.py:missing", "no.such.module:f", "points.py:NUMBER"]
)
def test_a_function_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "points.py").write_text("NUMBER = 5\n")

    with pytest.raises(SettingsError, match=name):
        load_hook(name, tmp_path, setting="executor.priority")
