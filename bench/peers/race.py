"""Races the bare parts, a node of ours and every peer, in turn in each round."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from ..figures import Figures, alone
from ..node import TASKS, free_port, running_node, token_for, url_of
from ..trees import node_of
from . import PEERS
from .servers import SERVERS, Server, running

if TYPE_CHECKING:
    from taskrealm.settings import NodeFolder

    from . import Peer

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENTS = Path(tempfile.gettempdir()) / "taskrealm-peers"
OURS = {"ours": "TaskRealm, an `exec` each", "ours_together": "TaskRealm, `exec_many`"}
KINDS = {"nothing": "functions", "true": "programs"}
LIMIT = 180.0  # seconds that a peer may take in a round

FUNCTION = '''

from taskrealm.tasks import task


@task
def nothing() -> None:
    """Do nothing, successfully."""
'''


async def measure(rounds: int, slots: int = 2) -> Figures:
    """Tasks a second, as a part of the bare rate, and what each costs of the processor."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tr-bench-")))
        scratch.chmod(0o755)  # PostgreSQL has a user of its own
        race = Race(scratch, slots, stack)
        for number in range(rounds):
            figures.add(race.round(number))
    return figures


class Race:
    """The contestants at so many slots, with the servers and the node that they share."""

    def __init__(self, scratch: Path, slots: int, stack: contextlib.ExitStack) -> None:
        self._scratch = scratch
        self._slots = slots
        self._log = scratch / "log"
        self._node: NodeFolder = stack.enter_context(running_node(slots, TASKS + FUNCTION))
        self._servers: dict[str, Server] = {}
        for name, server in SERVERS.items():
            folder = scratch / name
            folder.mkdir()
            try:
                self._servers[name] = stack.enter_context(server(folder))
            except (OSError, subprocess.SubprocessError) as error:
                print(f"No peers on {name}: {error}", file=sys.stderr)

    def round(self, number: int) -> dict[str, float]:
        """One burst of each kind by each contestant."""
        bare = self._burst(sys.executable, "bare", [], {})
        found = self._figures("bare", bare, bare)
        environment = {"NODE_URL": url_of(self._node), "NODE_TOKEN": token_for(self._node, "ana")}
        ours: dict[str, dict[str, dict[str, float]]] = {}
        for name, title in OURS.items():
            told = self._burst(sys.executable, name, [node_of(self._node.root)], environment)
            found |= self._figures(title, told, bare)
            ours[name] = told
        peers: dict[str, dict[str, dict[str, float]]] = {}
        for name, peer in PEERS.items():
            if not self._servers.keys() >= set(peer.servers):
                continue
            try:
                peers[name] = self._peer(name, peer, f"{name}-{number}")
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                # That a peer fails is no reason to learn nothing of the others.
                print(f"{peer.title}: {error}\n{self._last_words()}", file=sys.stderr)
                continue
            found |= self._figures(peer.title, peers[name], bare)
        return found | self._against_the_fastest(ours, peers)

    def _peer(self, name: str, peer: Peer, queue: str) -> dict[str, dict[str, float]]:
        python = _python_for(peer)
        environment = {each.variable: each.address for each in self._servers.values()}
        environment |= {"QUEUE": queue, "FREE_PORT": str(free_port())}
        ask = f"import json; from bench.peers.{name} import workers; print(json.dumps(workers({self._slots})))"
        with (
            tempfile.TemporaryDirectory(dir=self._scratch) as scratch,
            contextlib.ExitStack() as stack,
        ):
            folder = Path(scratch)
            told = self._run([python, "-c", ask], folder, environment)
            pids = [
                stack.enter_context(running(words, folder, self._environment(environment)))
                for words in json.loads(told)
            ]
            pids += [self._servers[each].pid for each in peer.servers]
            return self._burst(python, name, pids, environment, folder)

    def _burst(
        self,
        python: str,
        name: str,
        pids: list[int],
        environment: dict[str, str],
        folder: Path | None = None,
    ) -> dict[str, dict[str, float]]:
        words = [python, "-m", "bench.peers.submitter", name, *map(str, pids)]
        told = self._run(words, folder or self._scratch, environment)
        found: dict[str, dict[str, float]] = json.loads(told.splitlines()[-1])
        return found

    def _run(self, words: list[str], folder: Path, environment: dict[str, str]) -> str:
        with self._log.open("ab") as log:
            ended = subprocess.run(
                words,
                cwd=folder,
                env=self._environment(environment),
                stdout=subprocess.PIPE,
                stderr=log,
                check=True,
                text=True,
                timeout=LIMIT,
            )
        return ended.stdout

    def _last_words(self) -> str:
        """The end of what submitters have said, which is why one of them has failed."""
        return "\n".join(self._log.read_text().splitlines()[-10:])

    def _environment(self, own: dict[str, str]) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(ROOT), "SLOTS": str(self._slots)} | own

    def _against_the_fastest(
        self,
        ours: dict[str, dict[str, dict[str, float]]],
        peers: dict[str, dict[str, dict[str, float]]],
    ) -> dict[str, float]:
        """Our rates as a part of the fastest one of those peers that they are held against."""
        found = {}
        for name, kind, what, rivals in (
            ("ours_together", "true", "programs by exec_many / fastest peer", peers),
            (
                "ours",
                "true",
                "programs by an exec each / fastest peer over a socket",
                [each for each in peers if PEERS[each].socket],
            ),
            (
                "ours_together",
                "nothing",
                "functions / fastest peer",
                [each for each in peers if PEERS[each].processes],
            ),
        ):
            if rivals:
                fastest = max(peers[each][kind]["rate"] for each in rivals)
                found[f"{what}, {self._slots} slots"] = ours[name][kind]["rate"] / fastest
        return found

    def _figures(
        self,
        title: str,
        told: dict[str, dict[str, float]],
        bare: dict[str, dict[str, float]],
    ) -> dict[str, float]:
        found = {}
        for kind, name in KINDS.items():
            what = f"{name}, {self._slots} slots: {title}"
            found[f"{what}, tasks/s"] = told[kind]["rate"]
            found[f"{what} / bare"] = told[kind]["rate"] / bare[kind]["rate"]
            found[f"{what}, CPU ms a task"] = told[kind]["cpu"] * 1e3
        return found


def _python_for(peer: Peer) -> str:
    """The interpreter of the virtual environment that has what this peer requires."""
    folder = ENVIRONMENTS / peer.environment
    python, installed = folder / "bin" / "python", folder / "installed"
    wanted = "\n".join(peer.requirements)
    if not installed.exists() or installed.read_text() != wanted:
        print(f"Installing {', '.join(peer.requirements)} into {folder} ...", flush=True)
        venv.create(folder, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", *peer.requirements]
        subprocess.run(install, check=True)
        installed.write_text(wanted)
    return str(python)


if __name__ == "__main__":
    alone(measure, rounds=3)
