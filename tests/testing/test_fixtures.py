"""A site's pytest gets one real node for all its tests, and a client for each."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.nodes import ROOT

from taskrealm.settings import SettingsError, load_settings
from taskrealm.testing import copy_node

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

SETTINGS = """\
[router]
port = 8080
interface = "0.0.0.0"
idle_timeout = 600.0

[executor]
slots = 2
"""

TASKS = '''
"""Tasks of a shop."""

from pathlib import Path

from shop.names import NAME

from taskrealm.tasks import CommandTask, Value

FILES = Path(__file__).parents[1] / "files"


class Greet(CommandTask):
    """Greet somebody."""

    name = NAME
    who: str
    command = ("echo", "Hello,", Value("who"))


class Write(CommandTask):
    """Leave a file."""

    name = "shop.write"
    command = ("touch", str(FILES / "left"))
'''

TESTS = """
from taskrealm.testing import run


def test_one(taskrealm_client, taskrealm_node):
    taskrealm_node.first = taskrealm_client.authid
    assert taskrealm_client.exec("shop.greet", {"who": "Ana"}).result(30) == "Hello, Ana"


def test_another(taskrealm_client, taskrealm_node):
    assert taskrealm_client.authid != taskrealm_node.first
    assert list(taskrealm_client.jobs()) == []
    taskrealm_client.exec("shop.write").result(30)
    assert (taskrealm_node.folder.root / "files" / "left").exists()
    assert taskrealm_node.settings.executor.slots == 2


async def test_a_coroutine(taskrealm_node):
    async with taskrealm_node.client("boss", "operator") as boss:
        assert {job["task"] async for job in boss.jobs()} == {"shop.greet", "shop.write"}
"""


def write_project(root: Path) -> None:
    """A site's project: its node in a folder, a package beside it, and tests of both."""
    node = root / "node"
    for folder in ("router", "components"):
        (node / folder).mkdir(parents=True)
        for file in (ROOT / folder).glob("*.*"):
            (node / folder / file.name).write_bytes(file.read_bytes())
    (node / "taskrealm.toml").write_text(SETTINGS)
    (node / "tasks").mkdir()
    (node / "tasks" / "shop.py").write_text(TASKS)
    (node / "files").mkdir()
    (node / "files" / "precious").touch()
    (root / "src" / "shop").mkdir(parents=True)
    (root / "src" / "shop" / "names.py").write_text('NAME = "shop.greet"\n')


@pytest.mark.timeout(120)
@pytest.mark.capability("O7")
def test_a_site_tests_its_tasks_on_a_node_of_its_own(pytester: pytest.Pytester) -> None:
    write_project(pytester.path)
    pytester.makepyfile(test_shop=TESTS)
    pytester.makeini(
        "[pytest]\ntaskrealm_node = node\npythonpath = src\nasyncio_mode = auto\n"
        "asyncio_default_fixture_loop_scope = function\n"
    )

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)

    assert [path.name for path in (pytester.path / "node" / "files").iterdir()] == ["precious"]
    assert not (pytester.path / "node" / "state").exists()


def test_a_project_without_a_node_is_told_how_to_name_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(taskrealm_client): pass")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*taskrealm.toml does not exist*taskrealm_node of pytest says*"])


def test_a_run_of_pytest_does_not_wait_for_the_library() -> None:
    loaded = "import sys, taskrealm.testing.fixtures; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    ).stdout.split()

    assert {name for name in modules if name.startswith("taskrealm")} == {
        "taskrealm",
        "taskrealm.testing",
        "taskrealm.testing.fixtures",
    }
    assert "pydantic" not in modules


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param("", id="no settings at all"),
        pytest.param(
            "[router]\nport = 1\n[executor]\nslots = 3\n", id="a section that comes first"
        ),
        pytest.param("[executor]\nslots = 3\n\n[router]\nport=1\n", id="a section that comes last"),
        pytest.param("[router] # ours\nport = 1 # one\n", id="remarks"),
        pytest.param("[router]\n interface = '::'\nrealm = 'shop'", id="an address of the world"),
    ],
)
def test_a_copy_has_a_port_of_its_own_and_listens_on_this_machine(
    tmp_path: Path, settings: str
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "taskrealm.toml").write_text(settings)
    (tmp_path / "copy").mkdir()
    copy = copy_node(tmp_path / "site", tmp_path / "copy")

    before = load_settings(tmp_path / "site" / "taskrealm.toml")
    after = load_settings(copy.settings_file)
    assert (after.router.interface, after.router.realm) == ("127.0.0.1", before.router.realm)
    assert after.router.port not in (1, 8080)
    assert after.executor == before.executor


def test_settings_that_cannot_be_changed_are_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "copy").mkdir()
    (tmp_path / "site" / "taskrealm.toml").write_text("router = {port = 8080}\n")

    with pytest.raises(SettingsError, match=r"write the settings of the router as a section"):
        copy_node(tmp_path / "site", tmp_path / "copy")
