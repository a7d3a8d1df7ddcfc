"""Takes what a job leaves for its owner out of its working directory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..journal import JournalError
from ..journal.contents import copy_all
from ..protocol.errors import Error
from ..protocol.jobs import EventType, now, timestamp
from ..tasks import Artifact
from ..tasks.artifacts import RESULT_NAME
from ..tasks.media import clean_name, media_type_of
from ..tasks.values import visible
from .attempt import failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ..journal import Artifacts
    from ..protocol.jobs import Job
    from ..settings import FileSettings
    from ..tasks import Task
    from .attempt import Ending, Reporter

LOOKED_AT = 100_000  # files in a working directory among which those of a pattern are looked for
PROBLEMS = 3  # sentences about what was not kept that a job ends with
TITLE_LIMIT = 200  # characters


class Unkept(Exception):
    """A file was not kept; the message says which and why."""


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Where the artifacts of all jobs are kept, and how much of them."""

    artifacts: Artifacts
    size: int  # bytes of all artifacts of one job
    count: int  # artifacts of one job
    days: float | None  # for which they are kept unless their task says otherwise

    @classmethod
    def of(cls, artifacts: Artifacts, settings: FileSettings) -> ArtifactStore:
        """The store with the limits of a node."""
        return cls(
            artifacts,
            settings.artifact_limit,
            settings.artifacts_per_job,
            settings.artifact_days,
        )


class Collector:
    """
    The artifacts of one attempt: those that its program reports, and those that its task declares.

    Nothing is followed out of the working directory, and only regular files are taken. What
    is reported while programs run is copied; what is left at the end is moved.
    """

    def __init__(
        self, job: Job, task: Task, store: ArtifactStore, directory: Path, reporter: Reporter
    ) -> None:
        self._job = job
        self._task = task
        self._store = store
        self._directory = directory
        self._reporter = reporter
        self._inputs: frozenset[str] = frozenset()
        self._taken: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._sizes: dict[str, int] = {}
        self._problems: list[str] = []

    def ignore(self, names: Iterable[str]) -> None:
        """Files with these *names* were given to the job: patterns do not mean them."""
        self._inputs = frozenset(names)

    def take(self, path: str, title: str | None, name: str | None) -> asyncio.Future[None]:
        """Keep a file that the program reports; done when that has happened, or could not."""
        taking = asyncio.ensure_future(self._take(path, title, name))
        self._taken.add(taking)
        taking.add_done_callback(self._taken.discard)
        return taking

    async def finish(self, ending: Ending) -> Ending:
        """
        Keep what is declared, now that all programs of the job have ended.

        Gives *ending*, or a failure if the job would have succeeded and something that it
        should leave cannot be kept.
        """
        if self._taken:
            await asyncio.wait(self._taken)
        has_succeeded = ending.type is EventType.SUCCEEDED
        wanted = [each for each in self._task.artifacts if has_succeeded or each.always]
        if wanted:
            await self._collect(wanted)
        if not self._problems:
            return ending
        if has_succeeded:
            kept = {key: value for key, value in ending.data.items() if key == "duration"}
            return failure("; ".join(self._problems), exit_code=0, **kept)
        self._reporter.messages([_message("error", each) for each in self._problems])
        return ending

    async def _take(self, path: str, title: str | None, name: str | None) -> None:
        declared = next((each for each in self._task.artifacts if each.matches(path)), None)
        wanted = Artifact(path, title, None if declared is None else declared.keep)
        try:
            await self._keep(self._relative(path), wanted, name=name, is_final=False)
        except Unkept as error:
            if len(self._problems) < PROBLEMS:
                self._problems.append(str(error))

    async def _collect(self, wanted: Sequence[Artifact]) -> None:
        try:
            found = await asyncio.to_thread(_find, self._directory, wanted, self._inputs)
        except Unkept as error:
            self._problems.append(str(error))
            return
        missing = [each for each in wanted if all(each is not artifact for _, artifact in found)]
        for artifact in missing:
            self._miss(artifact)
        for path, artifact in found:
            try:
                await self._keep(path, artifact, name=None, is_final=True)
            except Unkept as error:
                self._problems.append(str(error))
                if len(self._problems) >= PROBLEMS:
                    return

    def _miss(self, artifact: Artifact) -> None:
        if artifact.required:
            self._problems.append(f"The job left no file {artifact.pattern}")
        elif artifact.is_one:
            text = f"The job left no file {artifact.pattern}"
            self._reporter.messages([_message("warning", text)])

    async def _keep(
        self, path: str, artifact: Artifact, *, name: str | None, is_final: bool
    ) -> None:
        """
        Keep the file at *path*, and tell its owner.

        Raises:
            Unkept: It was not kept.
        """
        name = _name_of(path if name is None else name)
        if name == RESULT_NAME:
            raise Unkept(f"{RESULT_NAME} is the name of results: give the file another name")
        artifacts = self._store.artifacts
        async with self._turn:
            room = self._room_for(name)
            draft = artifacts.new_draft()
            target = artifacts.path(draft)
            take = _move if is_final else _copy
            try:
                await asyncio.to_thread(take, self._directory, path, target, room)
                kept = await artifacts.keep(
                    draft,
                    job_id=self._job.job_id,
                    name=name,
                    title=None if artifact.title is None else _shown(artifact.title),
                    media_type=media_type_of(name),
                    expires_at=self._expiry(artifact),
                )
            except (Error, JournalError) as error:
                sentence = error.sentence if isinstance(error, JournalError) else str(error)
                raise Unkept(f"{visible(name)} was not kept: {sentence}") from error
            finally:
                target.unlink(missing_ok=True)
            self._sizes[name] = kept.size
        data = kept.as_dict()
        del data["created_at"]
        self._reporter.artifacts(data)

    def _room_for(self, name: str) -> int:
        """How many bytes the artifact *name* may have."""
        others = {each: size for each, size in self._sizes.items() if each != name}
        if len(others) >= self._store.count:
            raise Unkept(f"The job left more than {self._store.count} files, which is the limit")
        return max(0, self._store.size - sum(others.values()))

    def _expiry(self, artifact: Artifact) -> str | None:
        days = self._store.days if artifact.keep is None else artifact.keep
        return None if days is None else timestamp(now() + timedelta(days=days))

    def _relative(self, path: str) -> str:
        inside = PurePosixPath(path)
        if inside.is_absolute():
            # Programs see where they are, whatever links lead there.
            for directory in (self._directory, self._directory.resolve()):
                if inside.is_relative_to(directory):
                    inside = inside.relative_to(directory)
                    break
            else:
                raise Unkept(f"{visible(path)} was not kept: it is not in the working directory")
        if ".." in inside.parts or not inside.parts:
            raise Unkept(f"{visible(path)} was not kept: it names no file in the working directory")
        return str(inside)


class _Opened(NamedTuple):
    """A regular file in a working directory, and the folder in which it is."""

    file: int
    folder: int
    found: os.stat_result


@contextlib.contextmanager
def _opened(directory: Path, path: str, room: int) -> Iterator[_Opened]:
    """
    Open the file at *path* below *directory*, whatever a program has put there.

    Raises:
        Unkept: It is none, or has more than *room* bytes.
    """
    *folders, name = path.split("/")
    # Nothing is followed: neither the directory itself nor anything below it may be a link.
    way = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.ExitStack() as stack:
        try:
            folder = os.open(directory, way)
            stack.callback(os.close, folder)
            for each in folders:
                folder = os.open(each, way, dir_fd=folder)
                stack.callback(os.close, folder)
            # Not to wait for whoever writes into a pipe.
            last = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            file = os.open(name, last, dir_fd=folder)
            stack.callback(os.close, file)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it cannot be a name"
            raise Unkept(f"{visible(path)} was not kept: {reason}") from None
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise Unkept(f"{visible(path)} was not kept: it is no regular file")
        if found.st_size > room:
            raise _too_large(path, room)
        yield _Opened(file, folder, found)


def _copy(directory: Path, path: str, target: Path, room: int) -> None:
    with _opened(directory, path, room) as source:
        _copy_from(source, path, target, room)


def _move(directory: Path, path: str, target: Path, room: int) -> None:
    """Move a file that nobody writes any more; copied if it has other names or is elsewhere."""
    with _opened(directory, path, room) as source:
        if source.found.st_nlink == 1:
            try:
                os.rename(path.rpartition("/")[2], target, src_dir_fd=source.folder)
            except OSError:
                pass  # such as to another file system
            else:
                moved = os.lstat(target)
                if (moved.st_dev, moved.st_ino) == (source.found.st_dev, source.found.st_ino):
                    os.fchmod(source.file, 0o600)
                    return
                target.unlink()
                raise Unkept(f"{visible(path)} was not kept: it changed at that moment")
        _copy_from(source, path, target, room)


def _copy_from(source: _Opened, path: str, target: Path, room: int) -> None:
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        copied = copy_all(source.file, made, lambda: False, room + 1)
    except OSError as error:
        raise Unkept(f"{visible(path)} was not kept: {error.strerror}") from error
    finally:
        os.close(made)
    if copied > room:
        raise _too_large(path, room)


def _find(
    directory: Path, wanted: Sequence[Artifact], inputs: frozenset[str]
) -> list[tuple[str, Artifact]]:
    """The files that *wanted* means, each with the first that means it."""
    found: dict[str, Artifact] = {}
    for artifact in wanted:
        if artifact.is_one and os.path.lexists(directory / artifact.pattern):
            found.setdefault(artifact.pattern, artifact)
    patterns = [each for each in wanted if not each.is_one]
    for path in _files(directory) if patterns else ():
        if path not in inputs:
            for artifact in patterns:
                if artifact.matches(path):
                    found.setdefault(path, artifact)
                    break
    return sorted(found.items())


def _files(directory: Path) -> Iterator[str]:
    """The paths of all regular files below *directory*, no link followed."""
    count = 0
    for parent, _, names, folder in os.fwalk(directory):
        inside = os.path.relpath(parent, directory)
        for name in names:
            count += 1
            if count > LOOKED_AT:
                raise Unkept(f"The job left more than {LOOKED_AT} files to look through")
            with contextlib.suppress(OSError):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    yield name if inside == "." else f"{inside}/{name}"


def _name_of(path: str) -> str:
    """The name of the artifact that the file at *path* becomes: harmless wherever it is saved."""
    parts = [clean_name(part) for part in path.split("/") if part not in ("", ".", "..")]
    return "/".join(parts[-8:])


def _shown(title: str) -> str:
    """*title* as it may be shown."""
    shown = "".join(each if each.isprintable() else " " for each in title)
    return shown[:TITLE_LIMIT]


def _too_large(path: str, room: int) -> Unkept:
    return Unkept(
        f"{visible(path)} was not kept: it has more than the {room} bytes that are left for the"
        " files of this job"
    )


def _message(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "text": text, "data": None}
