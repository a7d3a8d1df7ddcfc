"""What is said about settings that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrealm.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param(
            "[router]\nport = 80800\n",
            ["2:1: router.port: must be less than or equal to 65535"],
            id="out of range",
        ),
        pytest.param(
            "[router]\nprot = 8080\n",
            ["2:1: router.prot: is not known here; did you mean 'port'?"],
            id="misspelt",
        ),
        pytest.param(
            "[excutor]\nslots = 2\n",
            ["1:1: excutor: is not known here; did you mean 'executor'?"],
            id="misspelt section",
        ),
        pytest.param(
            "retention.hours = 1\n",
            ["1:11: retention.hours: is not known here; there may be: days, interval, size"],
            id="unlike any",
        ),
        pytest.param(
            '[executor]\nenvironment = [\n  "PATH",\n  5,\n]\n',
            ["4:3: executor.environment.1: must be a valid string"],
            id="an item of a list",
        ),
        pytest.param(
            '[executor]\nslots = "2"\n[router]\nport = 0\n[executor.limits]\nmemory = 0\n',
            [
                "2:1: executor.slots: must be a valid integer",
                "4:1: router.port: must be greater than or equal to 1",
                "6:1: executor.limits.memory: must be greater than 0",
            ],
            id="several",
        ),
        pytest.param("[router\n", ["1:8: is no TOML: Expected ']'"], id="no TOML"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_remedy(
    tmp_path: Path, text: str, sentences: list[str]
) -> None:
    file = tmp_path / "taskrealm.toml"
    file.write_text(text)

    with pytest.raises(SettingsError) as error:
        load_settings(file)

    lines = str(error.value).splitlines()
    assert len(lines) == len(sentences)
    for line, sentence in zip(lines, sentences, strict=True):
        assert line.startswith(f"{file}:{sentence}")
