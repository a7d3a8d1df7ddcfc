"""What tasks take up is there, or the node does not start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.nodes import ROOT

from taskrealm.cli.mistakes import find_mistakes
from taskrealm.engine import Claim
from taskrealm.executor.claims import claim_of, require_slots
from taskrealm.settings import ExecutorSettings, NodeFolder, SettingsError, load_settings
from taskrealm.tasks import CommandTask, Registry, TaskError, ready

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.capability("N13")


class Film(CommandTask):
    """Cut a film."""

    name = "film"
    command = ("true",)
    slots = 2
    group = "media"
    most_running = 4
    most_running_per_user = 3


REGISTRY = Registry([ready(Film)])


def test_a_task_says_what_its_jobs_take_up() -> None:
    claim = claim_of(REGISTRY["film"])

    assert claim == Claim("film", slots=2, group="media", most_running=4, most_running_per_user=3)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        pytest.param({"slots": 1}, "takes 2 slots and the node has 1; raise slots in", id="node"),
        pytest.param(
            {"slots_per_user": 1}, "a user may have 1; raise slots_per_user in", id="user"
        ),
        pytest.param(
            {"groups": {}}, r"add a line such as media = 2 to \[executor.groups\]", id="none"
        ),
        pytest.param({"groups": {"media": 1}}, "media has 1; raise media in", id="group"),
    ],
)
def test_what_the_node_has_not_is_named_with_its_setting(
    settings: dict[str, Any], problem: str
) -> None:
    enough: dict[str, Any] = {"slots": 2, "groups": {"media": 2}}
    require_slots(REGISTRY, ExecutorSettings(**enough))

    with pytest.raises(TaskError, match=problem) as refusal:
        require_slots(REGISTRY, ExecutorSettings(**(enough | settings)))
    assert "test_claims.py" in str(refusal.value)
    assert ": film: " in str(refusal.value)


@pytest.mark.parametrize(
    ("lines", "setting"),
    [
        ("groups = { media = 0 }", "executor.groups.media"),
        ("groups = { 'Big Ones' = 1 }", "executor.groups.Big Ones"),
        ("slots_per_user = 0", "executor.slots_per_user"),
        ("priorities = { executor = 1 }", "executor.priorities.executor"),
        ("priorities = { user = 'high' }", "executor.priorities.user"),
        ("priority = 'points'", "executor.priority"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, lines: str, setting: str) -> None:
    file = tmp_path / "taskrealm.toml"
    file.write_text(f"[executor]\n{lines}\n")

    with pytest.raises(SettingsError, match=setting):
        load_settings(file)


def test_the_check_of_a_node_names_what_it_has_not(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path)
    folder.policy.parent.mkdir()
    folder.policy.write_text((ROOT / "router" / "roles.toml").read_text())
    folder.settings_file.write_text("[executor]\nslots = 1\n")
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "film.py").write_text(
        "from taskrealm.tasks import CommandTask\n\n\n"
        'class Film(CommandTask):\n    """Cut."""\n\n'
        '    name = "film"\n    command = ("true",)\n    slots = 2\n    group = "media"\n'
    )

    mistakes = find_mistakes(folder)
    assert [each.partition(": film: ")[2].split(":")[0] for each in mistakes] == ["slots", "group"]
    assert all(each.startswith(f"{tmp_path}/tasks/film.py:4: ") for each in mistakes)
    folder.settings_file.write_text("[executor]\nslots = 2\ngroups = { media = 2 }\n")
    assert find_mistakes(folder) == []
    folder.settings_file.write_text(
        '[executor]\nslots = 2\ngroups = { media = 2 }\npriority = "points.py:points_of"\n'
    )
    [mistake] = find_mistakes(folder)
    assert "executor.priority" in mistake
