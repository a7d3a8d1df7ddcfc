"""A short look by the fuzzer; `scripts/fuzz` has a long one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tests.fuzz.patient import Patient, make_patient
from tests.fuzz.wamp import fuzz
from tests.nodes import Node

START_LIMIT = 120.0  # seconds


@pytest.mark.timeout(300)
def test_a_node_minds_no_conversation_of_the_fuzzer() -> None:
    with tempfile.TemporaryDirectory(prefix="tr-") as path, Node(make_patient(Path(path))) as node:
        node.until("READY", START_LIMIT)
        fuzzer, findings = fuzz(node, seconds=10, first=1, mind=Patient(node).minds)

    assert findings == []
    assert fuzzer.conversations >= 200
