"""Nothing that is unpacked or read reaches beyond its place: backups, and folders of tasks."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from tests.nodes import ROOT

from taskrealm.journal.backup import restore
from taskrealm.journal.errors import JournalError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = json.dumps({"format": 1, "made_at": "2030-01-01T00:00:00Z", "jobs": {}}).encode()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HOSTILE = [
    pytest.param([member("../evil")], id="a parent"),
    pytest.param([member("output/../../evil")], id="a parent further down"),
    pytest.param([member("output/a/../../../evil")], id="a parent at the right depth"),
    pytest.param([member("/tmp/evil")], id="an absolute path"),
    pytest.param([member("//tmp/evil")], id="an absolute path with two slashes"),
    pytest.param([member("output/a/evil", tarfile.SYMTYPE, "/etc/passwd")], id="a link"),
    pytest.param([member("output/a/evil", tarfile.LNKTYPE, "/etc/passwd")], id="a hard link"),
    pytest.param(
        [member("journal.sqlite", tarfile.SYMTYPE, "/etc/passwd")], id="a link as database"
    ),
    pytest.param(
        [member("output", tarfile.SYMTYPE, "/tmp"), member("output/a/evil")],
        id="a file below a link",
    ),
    pytest.param([member("output/a/evil", tarfile.CHRTYPE)], id="a device"),
    pytest.param([member("output/a/evil", tarfile.BLKTYPE)], id="a disk"),
    pytest.param([member("output/a/evil", tarfile.FIFOTYPE)], id="a pipe"),
    pytest.param([member("output/a/evil", tarfile.DIRTYPE)], id="a folder"),
    pytest.param([member("output/a/evil"), member("output/a/evil")], id="a file twice"),
    pytest.param([member("taskrealm.toml")], id="the settings"),
    pytest.param([member("keys/executor.key")], id="a key"),
    pytest.param([member("output/a/b/c/evil")], id="a file too deep"),
    pytest.param([member("output/evil\0/../../x")], id="a NUL"),
    pytest.param([], id="nothing"),
]


@pytest.mark.parametrize("members", HOSTILE)
def test_a_hostile_backup_puts_nothing_anywhere(
    tmp_path: Path, members: list[tarfile.TarInfo]
) -> None:
    file, journal = tmp_path / "hostile.tar", tmp_path / "state" / "journal"
    journal.mkdir(parents=True)
    with tarfile.open(file, "w") as archive:
        manifest = member("backup.json")
        manifest.size = len(MANIFEST)
        archive.addfile(manifest, io.BytesIO(MANIFEST))
        for each in members:
            archive.addfile(each, io.BytesIO())
    with pytest.raises(JournalError):
        restore(journal, file, replace=True)

    drafts = journal / "restoring"
    outside = [path for path in tmp_path.rglob("*") if drafts not in (path, *path.parents)]
    assert not [path for path in outside if "evil" in path.name]
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink() or path.is_fifo()]
    assert not (journal / "journal.sqlite").exists()


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"null", b"[" * 100_000, b'{"format": 1}', b'{"format": 1, "jobs": 5}', b"\xff"],
    ids=lambda manifest: ascii(manifest)[:20],
)
def test_a_backup_that_says_nonsense_of_itself_is_refused(tmp_path: Path, manifest: bytes) -> None:
    file, journal = tmp_path / "hostile.tar", tmp_path / "journal"
    journal.mkdir()
    with tarfile.open(file, "w") as archive:
        info = member("backup.json")
        info.size = len(manifest)
        archive.addfile(info, io.BytesIO(manifest))
    with pytest.raises(JournalError):
        restore(journal, file, replace=True)


TASK = 'tasks:\n  evil:\n    command: ["true"]\n'


@pytest.mark.parametrize(
    "kind", ["a link to a file", "a link to a folder", "a link in a circle", "a pipe", "no text"]
)
def test_a_hostile_folder_of_tasks_is_refused_or_ignored_and_tells_nothing(
    tmp_path: Path, kind: str
) -> None:
    node, secret = tmp_path / "node", tmp_path / "secret.toml"
    secret.write_text('password = "hunter2-hunter2"\n')
    subprocess.run([sys.executable, "-m", "taskrealm", "init", node], check=True, cwd=ROOT)
    tasks = node / "tasks"
    match kind:
        case "a link to a file":
            (tasks / "evil.toml").symlink_to(secret)
        case "a link to a folder":
            (tasks / "evil").symlink_to("/etc")
        case "a link in a circle":
            (tasks / "evil.toml").symlink_to(tasks / "evil.toml")
        case "a pipe":
            os.mkfifo(tasks / "evil.toml")
        case "no text":
            (tasks / "evil.toml").write_bytes(os.urandom(1_000))
    checked = subprocess.run(
        [sys.executable, "-m", "taskrealm", "check"],
        cwd=node,
        capture_output=True,
        text=True,
        timeout=50,
    )

    said = checked.stdout + checked.stderr
    assert "hunter2" not in said
    assert "Traceback" not in said
