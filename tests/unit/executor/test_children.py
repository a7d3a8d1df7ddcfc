"""Which children of a batch run, and when it is over, whatever happens to them in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.engine import Scheduler
from taskrealm.executor.children import WINDOW, Children
from taskrealm.protocol.jobs import TERMINAL, State

ENDS = sorted(TERMINAL)


def children(count: int, *, parallel: int | None = 1, stops: bool = True) -> Children:
    return Children(map(str, range(1, count + 1)), parallel=parallel, stops=stops)


@pytest.mark.capability("M1")
def test_in_sequence_the_next_child_is_admitted_when_the_one_before_has_ended() -> None:
    batch = children(3)

    assert batch.admit() == ["1"]
    assert batch.admit() == []
    batch.end("1", State.SUCCEEDED)
    assert batch.admit() == ["2"]


def test_an_empty_batch_is_done_and_whole() -> None:
    batch = children(0)

    assert batch.are_done
    assert batch.fraction == 1.0


def test_a_batch_without_a_limit_leaves_room_in_the_queue() -> None:
    assert len(children(WINDOW + 1, parallel=None).admit()) == WINDOW


@pytest.mark.capability("M6")
def test_a_failure_admits_no_more_children_if_the_batch_stops() -> None:
    batch = children(4, parallel=2)
    batch.admit()
    batch.end("2", State.LOST)

    assert batch.is_stopping
    assert batch.failed == "2"
    assert batch.admit() == []
    assert batch.unended() == ["4", "3", "1"]


@pytest.mark.capability("M6")
def test_a_failure_changes_nothing_if_the_batch_goes_on() -> None:
    batch = children(2, stops=False)
    batch.admit()
    batch.end("1", State.FAILED)

    assert batch.admit() == ["2"]
    assert batch.failed is None
    assert batch.counts == {"failed": 1}


@pytest.mark.capability("U7")
def test_the_fraction_is_that_of_all_children_together() -> None:
    batch = children(4, parallel=2)
    batch.admit()
    batch.end("1", State.SUCCEEDED)
    batch.move("2", 0.25)
    batch.move("2", 0.5)
    batch.move("3", 1.0)  # it does not run yet

    assert batch.fraction == (1 + 0.5) / 4


def test_no_child_ends_twice() -> None:
    batch = children(1)
    batch.admit()
    batch.end("1", State.SUCCEEDED)

    with pytest.raises(KeyError):
        batch.end("1", State.FAILED)


@given(st.data())
def test_whatever_happens_every_child_ends_once_and_never_too_many_run(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 12))
    parallel = data.draw(st.integers(1, 4))
    stops = data.draw(st.booleans())
    batch = children(count, parallel=parallel, stops=stops)
    admitted: set[str] = set()
    ended: list[str] = []
    before = 0.0
    while not batch.are_done:
        new = batch.admit()
        assert not admitted & set(new)
        admitted |= set(new)
        running = admitted - set(ended)
        assert len(running) <= parallel
        # Somebody may cancel any of them, also one that was not admitted yet.
        candidates = batch.unended() if data.draw(st.booleans()) else sorted(running)
        assert running or batch.is_stopping
        child = data.draw(st.sampled_from(candidates or batch.unended()))
        batch.move(child, data.draw(st.floats(0, 1)))
        batch.end(child, data.draw(st.sampled_from(ENDS)))
        ended.append(child)
        if data.draw(st.integers(0, 9)) == 0:
            batch.stop()
        assert batch.fraction == pytest.approx(len(ended) / count)
        assert before <= batch.fraction <= 1
        before = batch.fraction

    assert sorted(ended, key=int) == [str(number) for number in range(1, count + 1)]
    assert batch.ended == count == sum(batch.counts.values())
    assert batch.unended() == []


@dataclass
class Tree:
    """A job: a batch of others, or a program."""

    parallel: int | None = 1
    stops: bool = False
    below: list[Tree] = field(default_factory=list)
    fails: bool = False

    @property
    def is_batch(self) -> bool:
        return self.parallel != 0


PROGRAMS = st.builds(Tree, st.just(0), fails=st.booleans())
TREES = st.recursive(
    PROGRAMS,
    lambda below: st.builds(
        Tree, st.sampled_from([None, 1, 2]), st.booleans(), st.lists(below, max_size=4)
    ),
    max_leaves=20,
)


class Node:
    """A node that runs trees as the executor does: a batch gives up its slot for its children."""

    def __init__(self, trees: list[Tree], slots: int) -> None:
        self.scheduler = Scheduler(slots=slots, queue_limit=1)
        self.trees: dict[str, Tree] = {}
        self.parents: dict[str, str] = {}
        self.batches: dict[str, Children] = {}
        self.log: list[str] = []
        for number, tree in enumerate(trees):
            self.add(f"{number}", tree)

    def add(self, job_id: str, tree: Tree) -> None:
        self.trees[job_id] = tree
        self.scheduler.add(job_id, priority=0, since=0.0)

    def run(self) -> None:
        while (job_id := self.scheduler.take()) is not None:
            tree = self.trees[job_id]
            self.scheduler.release(job_id)
            if not tree.is_batch:
                self.end(job_id, State.FAILED if tree.fails else State.SUCCEEDED)
            elif job_id in self.batches:
                self.end(job_id, State.SUCCEEDED)  # it has gathered
            else:
                below = {f"{job_id}.{number}": each for number, each in enumerate(tree.below)}
                self.trees |= below
                self.parents |= dict.fromkeys(below, job_id)
                self.batches[job_id] = Children(below, parallel=tree.parallel, stops=tree.stops)
                self.go_on(job_id)

    def go_on(self, job_id: str) -> None:
        batch = self.batches[job_id]
        if batch.are_done:
            if batch.is_stopping:
                self.end(job_id, State.FAILED)
            else:
                self.add(job_id, self.trees[job_id])
        elif batch.is_stopping:
            for child in batch.unended():
                self.cancel(child)
        for child in batch.admit():
            self.add(child, self.trees[child])

    def cancel(self, job_id: str) -> None:
        if job_id in self.log:
            return
        self.scheduler.remove(job_id)
        batch = self.batches.get(job_id)
        if batch is not None and not batch.are_done:
            batch.stop()
            for child in batch.unended():
                self.cancel(child)
        else:
            self.end(job_id, State.CANCELLED)

    def end(self, job_id: str, state: State) -> None:
        if job_id in self.log:
            return
        self.log.append(job_id)
        if (parent := self.parents.get(job_id)) is not None:
            self.batches[parent].end(job_id, state)
            self.go_on(parent)


@pytest.mark.capability("Q9", "M8", "M9")
@given(st.lists(TREES, max_size=4), st.integers(1, 3))
def test_however_batches_are_nested_no_bounded_queue_stops_them(
    trees: list[Tree], slots: int
) -> None:
    node = Node(trees, slots)
    node.run()

    ended = set(node.log)
    assert {f"{number}" for number in range(len(trees))} <= ended
    assert len(node.log) == len(ended)
    for job_id, parent in node.parents.items():
        assert node.log.index(job_id) < node.log.index(parent)
    assert node.scheduler.running == node.scheduler.waiting == 0
