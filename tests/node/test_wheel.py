"""What `pip install taskrealm` brings works without a checkout."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.nodes import ROOT, STOP_LIMIT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def distributions() -> Iterator[Path]:
    """A folder with the source distribution, and the wheel that was built from it."""
    assert (ROOT / "src/taskrealm/console/index.html").is_file(), "scripts/setup builds the console"
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", path, str(ROOT))
        subprocess.run(command, check=True, capture_output=True)
        yield Path(path)


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> Path:
    (wheel,) = distributions.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Iterator[Path]:
    """
    The `bin` folder of an environment into which only the wheel has been installed.

    What it needs besides is that of the tests, which were given it by the same list.
    """
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        venv.create(path, with_pip=True)
        programs = Path(path) / "bin"
        alone = ("--no-deps", "--no-index", "--quiet")
        subprocess.run([programs / "python", "-m", "pip", "install", *alone, wheel], check=True)
        (packages,) = Path(path).glob("lib/python*/site-packages")
        (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
        yield programs


def test_the_wheel_holds_one_package_with_console_and_node(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()

    top_level = {file.split("/")[0] for file in files}
    assert {name for name in top_level if not name.endswith(".dist-info")} == {"taskrealm"}
    assert len(top_level) == 2
    assert "taskrealm/console/index.html" in files
    assert {f"taskrealm/console/lib/{name}.js" for name in ("client", "elements", "taskrealm")} <= {
        *files
    }
    assert "taskrealm/py.typed" in files
    assert "taskrealm/node_template/taskrealm.toml" in files
    assert "taskrealm/node_template/.crossbar/config.json" in files
    assert "taskrealm/node_template/tasks/demo.py" in files
    assert not [file for file in files if "__pycache__" in file or "/state/" in file]


def test_the_source_distribution_holds_no_state_of_this_node(distributions: Path) -> None:
    (path,) = distributions.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = [name.split("/", 1)[1] for name in archive.getnames()]

    folders = {file.split("/")[0] for file in files if "/" in file}
    assert folders == {".crossbar", "components", "router", "src", "tasks"}
    assert [file for file in files if file.startswith(".crossbar/")] == [".crossbar/config.json"]


@pytest.mark.capability("J5", "O8")
def test_an_installed_wheel_makes_a_node_and_runs_a_task_on_it(
    installed: Path, short_path: Path
) -> None:
    def taskrealm(*words: str) -> str:
        command = [installed / "taskrealm", *words]
        done = subprocess.run(command, cwd=short_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    taskrealm("init", "demo")
    taskrealm("check", "demo")
    settings = short_path / "demo" / "taskrealm.toml"
    settings.write_text(settings.read_text().replace("8080", str(free_port())))
    up = subprocess.Popen(
        [installed / "taskrealm", "up", "demo"],
        cwd=short_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert up.stdout is not None
        link = up.stdout.readline()
        # Without a link it has ended, and its messages say why.
        year = taskrealm("run", "--node", "demo", "date", "--format", "%Y") if link else ""
    finally:
        up.terminate()
        _, messages = up.communicate(timeout=STOP_LIMIT)

    assert link.startswith("http://127.0.0.1:"), messages
    assert year.strip().isdecimal()
    assert up.returncode == 0
    assert "Traceback" not in messages
    top_level = {path.name for path in installed.parent.glob("lib/python*/site-packages/*")}
    assert {name for name in top_level if "taskrealm" in name.lower()} == {
        "taskrealm",
        f"taskrealm-{version(installed)}.dist-info",
    }


def version(programs: Path) -> str:
    """The version that is installed."""
    command = [programs / "taskrealm", "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]
