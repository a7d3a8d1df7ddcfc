"""Has Schemathesis ask for everything that the document of the HTTP interface describes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.nodes import Node

VERSION = "schemathesis>=4.32,<5"
HOME = Path(sys.prefix) / "fuzz"
"""A virtual environment of its own: it does not go together with what Crossbar needs."""

HOOKS = Path(__file__).with_name("hooks.py")

ROLES = ("user", "operator")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,ignored_auth"
NOT_TRIED = r"/admin/(drain|pause|limits|revoke|sessions|users|tokens)"
"""What stops the node, or takes away what one asks with; that it works is no finding."""


def fuzz_requests(node: Node, *, minutes: float, seed: int) -> tuple[str, list[str]]:
    """
    Ask *node* for everything, as a user and as an operator, for so many minutes in all.

    Gives a summary, and what was found.
    """
    program = _program()
    summaries, findings = [], []
    for role in ROLES:
        token = node.issue(f"fuzz_http_{role}", role, lifetime=86_400)
        run = subprocess.run(
            [
                *(program, "run", f"http://127.0.0.1:{node.port}/api/openapi.json"),
                *("--header", f"Authorization: Bearer {token}"),
                *("--checks", CHECKS, "--exclude-path-regex", NOT_TRIED),
                *("--max-time", str(max(1, round(minutes * 60 / len(ROLES))))),
                *("--seed", str(seed), "--continue-on-failure", "--request-timeout", "75"),
                *("--suppress-health-check", "all", "--output-sanitize", "true", "--no-color"),
            ],
            capture_output=True,
            text=True,
            cwd=node.folder.root,
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        )
        lines = [line.strip("= ") for line in run.stdout.splitlines() if line.strip()]
        summaries.append(f"{role}: {lines[-1] if lines else 'nothing was said'}")
        if run.returncode:
            findings.append(f"Schemathesis as {role}:\n{(run.stdout + run.stderr)[-20_000:]}")
    return "; ".join(summaries), findings


def _program() -> Path:
    """Schemathesis, installed if it is not yet."""
    program = HOME / "bin" / "schemathesis"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        subprocess.run([HOME / "bin" / "pip", "install", "--quiet", VERSION], check=True)
    return program
