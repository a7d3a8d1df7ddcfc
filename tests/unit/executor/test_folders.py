"""Working directories: private, empty, and gone if a job has left anything in them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from taskrealm.executor.folders import WorkFolders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> WorkFolders:
    return WorkFolders(tmp_path / "jobs")


def test_what_is_lent_is_empty_and_private(folders: WorkFolders) -> None:
    first, second = folders.lend(), folders.lend()

    assert first != second
    assert list(first.iterdir()) == []
    assert stat.S_IMODE(first.stat().st_mode) == 0o700


async def test_a_folder_left_as_it_was_is_lent_again(folders: WorkFolders) -> None:
    folder = folders.lend()
    await folders.take_back(folder)

    assert folders.lend() == folder


def leave_files(folder: Path) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_text("left")


def lock_folders(folder: Path) -> None:
    leave_files(folder)
    (folder / "deep").chmod(0)
    folder.chmod(0)


def open_it(folder: Path) -> None:
    folder.chmod(0o777)


def remove_it(folder: Path) -> None:
    folder.rmdir()


def replace_it(folder: Path) -> None:
    folder.rmdir()
    folder.symlink_to(folder.parent.parent)


def put_a_file_there(folder: Path) -> None:
    folder.rmdir()
    folder.touch()


@pytest.mark.parametrize(
    "harm", [leave_files, lock_folders, open_it, remove_it, replace_it, put_a_file_there]
)
async def test_a_folder_that_a_job_has_changed_is_never_lent_again(
    folders: WorkFolders, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    (tmp_path / "precious").touch()
    folder = folders.lend()
    harm(folder)
    await folders.take_back(folder)

    assert not folder.exists()
    assert not folder.is_symlink()
    assert folders.lend() != folder
    assert (tmp_path / "precious").exists()


def test_what_an_earlier_executor_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "7").mkdir(parents=True)
    (tmp_path / "jobs" / "7" / "file").touch()

    WorkFolders(tmp_path / "jobs")

    assert list((tmp_path / "jobs").iterdir()) == []
