"""What axe-core finds wrong with a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page

SOURCE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

RUN = """rules => axe.run(document, {
  runOnly: rules,
  resultTypes: ["violations"],
}).then(({violations}) => violations.flatMap(({id, nodes}) =>
  nodes.map(({target, failureSummary}) =>
    `${id}: ${target.flat().join(" >> ")}: ${failureSummary.replaceAll("\\n", " ")}`)))"""


@cache
def _source() -> str:
    return SOURCE.read_text()


async def violations(page: Page) -> list[str]:
    """Each a sentence: the rule, the place, and what to do."""
    if not await page.evaluate("typeof axe === 'object'"):
        # By the debugger, which the page's own policy does not keep from it.
        await page.evaluate(_source())
    found: Any = await page.evaluate(RUN, RULES)
    return list(found)
