"""What is loaded of Crossbar."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In processes of their own: stand-ins stay, and Crossbar warns and prints while it is imported.
START = """
import sys
from taskrealm.router import standins
standins.install()
from autobahn.twisted import install_reactor
install_reactor()
"""

LOADED = f"""
{START}
import crossbar.node.main
from taskrealm.router.personality import Personality, WORKER
import taskrealm.router.authority

for name, module in sys.modules.items():
    for package in (*standins.PACKAGES, *standins.REFUSED, "py_ecc"):
        if name == package or name.startswith(package + "."):
            assert isinstance(module, standins._Module), module

node = Personality.Node(Personality)
node.load_keys(".")
assert node.secmod.is_open and not node.secmod.is_locked
assert len(node.secmod[1].public_key()) == 64
arguments = ["python", "-u", "-m", "crossbar.worker.main", "--cbdir", "."]
node._extend_worker_args(arguments, {{}})
assert arguments == ["python", "-u", "-m", WORKER, "--cbdir", "."]
"""

USED = f"""
{START}
import web3.eth
from xbr import Key

class Own(Key):
    held: web3.Web3.Address

assert issubclass(Own, Key)
%s
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_nothing_of_a_blockchain_is_loaded_by_a_router() -> None:
    outcome = run(LOADED)

    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.parametrize(
    ("use", "name"),
    [
        pytest.param("Own()", "Own", id="a class derived from one"),
        pytest.param("web3.eth.pay(1)", "web3.eth.pay", id="a function of a module"),
        pytest.param("Key.load('x')", "xbr.Key.load", id="a method of a class"),
    ],
)
def test_whoever_uses_a_stand_in_is_told_which(use: str, name: str) -> None:
    outcome = run(USED % use)

    assert "NotLoaded" in outcome.stderr
    assert f"{name} is used" in outcome.stderr


def test_names_that_python_itself_asks_for_are_not_there() -> None:
    outcome = run(USED % "assert not hasattr(web3, '__all__') and not hasattr(Key, '__set_name__')")

    assert outcome.returncode == 0, outcome.stderr
