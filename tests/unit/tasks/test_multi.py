"""Batches: how they are declared, and what calling their methods answers."""

from __future__ import annotations

import json
from datetime import date  # noqa: TC003 - parameters are read while the program runs
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from taskrealm.tasks import BatchTask, Child, Finished, MultiTask, TaskError, ready

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskrealm.tasks import Arguments


class Every(MultiTask):
    """One child of each kind."""

    name = "every"
    day: date

    def children(self) -> Iterator[Child]:
        yield Child("a", {"path": Path("/x"), "day": self.day}, priority=3, tags=["t"])
        yield Child("b", [{1}, (2, 3)])

    def gather(self, children: Sequence[Finished]) -> Any:
        return {child.task: child.result for child in children}


def problems(**attributes: Any) -> str:
    """What is wrong with a batch of these attributes."""
    body = {"name": "a.batch", "children": lambda self: [], **attributes}
    with pytest.raises(TaskError) as refused:
        ready(type("Batch", (MultiTask,), body))
    return str(refused.value)


def every() -> tuple[BatchTask, Arguments]:
    task = ready(Every)
    assert isinstance(task, BatchTask)
    return task, task.bind((), {"day": "2030-01-31"})


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"parallel": 0}, "parallel: is 0; it must be a whole number from 1, or None"),
        ({"parallel": True}, "parallel: is True"),
        ({"on_failure": "ignore"}, 'on_failure: is \'ignore\'; it must be "stop" or "continue"'),
        ({"children": None}, "children: must be a method: def children(self), async or not"),
        ({"children": lambda: []}, "children: must be a method"),
        ({"gather": lambda self: 1}, "gather: must be a method: def gather(self, children)"),
        ({"paralel": 3}, "did you mean 'parallel'?"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_is_wrong_about_a_batch_is_named_with_the_remedy(
    attributes: dict[str, Any], words: str
) -> None:
    assert words in problems(**attributes)


def test_a_batch_without_children_is_told_how_to_have_some() -> None:
    with pytest.raises(TaskError, match=r"children: is missing: add a method that yields them"):
        ready(type("Batch", (MultiTask,), {"name": "a.batch"}))


def test_a_batch_describes_how_its_children_run() -> None:
    class Pages(MultiTask):
        """Fetch pages."""

        name = "pages"
        parallel = None
        on_failure = "continue"

        def children(self) -> Iterator[Child]:
            yield Child("page")

    task = ready(Pages)

    assert isinstance(task, BatchTask)
    assert task.description()["batch"] == {"parallel": None, "on_failure": "continue"}
    assert not task.gathers


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Child(Path("a")), "The task of a Child is its name"),  # type: ignore[arg-type]
        (lambda: Child("a", "b"), "not str"),
        (lambda: Child("a", 3), "not int"),  # type: ignore[arg-type]
    ],
)
def test_a_child_that_makes_no_sense_is_refused_where_it_is_made(wrong: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        wrong()


def test_a_child_that_has_ended_gives_its_result_also_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text("[1, 2]")
    near = Finished("1", "a", {}, "succeeded", None, value=7)
    far = Finished("2", "a", {}, "succeeded", None, file=str(file))
    failed = Finished("3", "a", {}, "failed", "It failed")

    assert (near.result, far.result, failed.result) == (7, [1, 2], None)
    assert [each.succeeded for each in (near, far, failed)] == [True, True, False]


@pytest.mark.capability("M3")
def test_arguments_of_children_may_be_of_any_type_that_parameters_have() -> None:
    task, arguments = every()

    assert task.children(arguments) == [
        {
            "task": "a",
            "args": [],
            "kwargs": {"path": "/x", "day": "2030-01-31"},
            "options": {"priority": 3, "tags": ["t"]},
        },
        {"task": "b", "args": [[1], [2, 3]], "kwargs": {}, "options": {"tags": []}},
    ]


@pytest.mark.capability("M7")
def test_the_last_step_is_given_what_has_become_of_the_children(tmp_path: Path) -> None:
    task, arguments = every()
    ended = {"job_id": "1", "arguments": {}, "state": "succeeded", "error": None, "file": None}
    lines = [json.dumps({**ended, "task": task, "value": task * 2}) for task in ("a", "b")]
    (tmp_path / "finished").write_text("\n".join(lines))

    assert task.gather(arguments, tmp_path / "finished") == {"a": "aa", "b": "bb"}
