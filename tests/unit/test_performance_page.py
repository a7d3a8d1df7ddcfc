"""What the benchmarks write into docs/performance.md, and what they draw beside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from bench import page, plot, report
from bench.bars import BARS, Bar
from bench.runs import Finding, Run
from bench.subjects import SUBJECTS

if TYPE_CHECKING:
    from pathlib import Path

FEWER = Bar(1, "steps", "calls", "steps of an exec", "≤", 4.0, "steps that an `exec` takes")


def measured(*values: float) -> Run:
    """A run in which a burst was so many times as fast as the bare machine."""
    bar = BARS[0]
    finding = Finding("2030-01-01T00:00:00+00:00", len(values), 1.0, 0.0, [], {})
    finding.figures[bar.figure] = list(values)
    return Run({"cores": "2"}, {bar.subject: finding})


def test_each_table_has_its_place_on_the_page_and_each_place_its_table() -> None:
    places = re.findall(r"<!-- bench: (\w+) -->", page.PAGE.read_text())

    assert sorted(places) == sorted(page.SECTIONS)


def test_each_bar_is_about_a_subject_that_can_be_measured() -> None:
    assert {bar.subject for bar in BARS} <= SUBJECTS.keys()


def test_the_figures_of_a_run_replace_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(page, "PLOT", tmp_path / "plot.svg")
    page.PAGE.write_text("before\n\n<!-- bench: bars -->\n\nold\n\n<!-- end -->\n\nafter\n")

    page.fill(measured(0.5))
    page.fill(measured(0.8, 0.9, 1.0))

    text = page.PAGE.read_text()
    assert text.startswith("before\n\n<!-- bench: bars -->")
    assert text.endswith("<!-- end -->\n\nafter\n")
    assert "0.90 [0.80 … 1.00] | met |" in text
    assert "0.50" not in text
    assert "old" not in text


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = measured(0.8, 0.9)
    run.write(tmp_path / "run.json")

    assert Run.read(tmp_path / "run.json") == run


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        pytest.param([2.0, 3.0, 3.5], "met", id="each round meets it"),
        pytest.param([2.0, 3.0, 9.0], "met, not in each round", id="the median meets it"),
        pytest.param([2.0, 5.0, 9.0], "not met", id="the median misses it"),
    ],
)
def test_the_median_decides_whether_a_bar_is_met(values: list[float], verdict: str) -> None:
    assert report.verdict(FEWER, values) == verdict


@pytest.mark.parametrize("value", [0.0, 0.001, 0.75, 1_000.0])
def test_the_plot_keeps_whatever_was_measured_on_its_scale(value: float) -> None:
    drawn = ElementTree.fromstring(plot.drawn(measured(value)))

    (dot,) = drawn.iter("{http://www.w3.org/2000/svg}circle")
    assert plot.LEFT <= float(dot.attrib["cx"]) <= plot.RIGHT
