"""How a site declares a batch: a task whose jobs make other jobs, its children."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .definition import Definition
from .secrets import revealed
from .uploads import as_given

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Iterable

CHILDREN_LIMIT = 10_000  # children of one batch


@dataclass(frozen=True, slots=True)
class Child:
    """
    A job that a batch wants to be run.

    The arguments are a mapping by name or a sequence by position, of anything that the
    parameters of the task take. `priority` is that of the batch unless given. `timeout` in
    seconds may only shorten what the task allows, `retries` only lower it.
    """

    task: str
    arguments: Mapping[str, Any] | Sequence[Any] = field(default=(), repr=False)
    priority: int | None = None
    timeout: float | None = None
    retries: int | None = None
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.task, str):
            raise TypeError(f"The task of a Child is its name, not {self.task!r}")
        if isinstance(self.arguments, str) or not isinstance(self.arguments, Mapping | Sequence):
            raise TypeError(
                "The arguments of a Child are a mapping by name or a sequence by position, not "
                f"{type(self.arguments).__name__}"
            )
        # The secrets of a batch go on to its children, whose tasks then hide them.
        if isinstance(self.arguments, Mapping):
            shown: Any = {name: revealed(value) for name, value in self.arguments.items()}
        else:
            shown = [revealed(value) for value in self.arguments]
        # A file that was sent is handed on as itself, not as the batch's own copy.
        object.__setattr__(self, "arguments", as_given(shown))


@dataclass(frozen=True, slots=True)
class Finished:
    """A child that has ended."""

    job_id: str
    task: str
    arguments: Mapping[str, Any]
    state: str
    """`succeeded`, or how else it ended."""
    error: str | None
    """Why it did not succeed; None if it did."""
    value: Any = None
    file: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether it has a result."""
        return self.error is None

    @property
    def result(self) -> Any:
        """Its result; None if it did not succeed. A large one is read anew each time."""
        return self.value if self.file is None else json.loads(Path(self.file).read_bytes())


class MultiTask(Definition):
    """
    A task that runs other tasks. A site's batches are subclasses, and are never called.

        class Thumbnails(MultiTask):
            \"""Make thumbnails of all images of a folder.\"""

            name = "images.thumbnails"
            folder: Annotated[Path, Below(PICTURES)]
            parallel = 4

            def children(self):
                for image in sorted(self.folder.glob("*.jpg")):
                    yield Child("images.thumbnail", {"source": image})

    Both methods run in a warm worker process, under the limits of the task, in a worker
    slot. While its children wait and run, the batch holds none.
    """

    parallel: ClassVar[int | None] = 1
    """How many children run at once: 1 is in sequence, None as many as the node has room for."""
    on_failure: ClassVar[Literal["stop", "continue"]] = "stop"
    """
    What happens when a child does not succeed: the batch stops the others and fails, or goes
    on with them and succeeds, with a result that says what failed.
    """

    def children(
        self,
    ) -> Iterable[Child] | AsyncIterable[Child] | Awaitable[Iterable[Child]]:
        """
        The children, at most 10,000, in order; asked for once, when the batch starts.

        A plain method, a coroutine, a generator or an asynchronous generator.

        Raises:
            TaskError: The batch fails; the owner reads the sentence.
        """
        raise NotImplementedError

    def gather(self, children: Sequence[Finished]) -> Any:
        """
        The result of the batch; a plain method or a coroutine, called when all have ended.

        Without one, the result lists what has become of each child.

        Raises:
            TaskError: The batch fails after all; the owner reads the sentence.
        """
        return None
