"""Files in the console: chosen in a form, sent with a bar, and looked at when a job has left them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.async_api import Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.capability("N10", "N11", "J1"),
]


def picture(width: int = 480, height: int = 270) -> bytes:
    """A PNG with a gradient."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (x % 256, y % 256, 160))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


async def test_a_file_is_chosen_sent_and_what_comes_of_it_shown_and_saved(
    visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    (tmp_path / "view.png").write_bytes(picture())
    script = 'mkdir pages; cp "$1" pages/1.png; echo "{\\"a\\": 1}" > out.txt; cp "$1" report.pdf'
    async with visit("paper_cleo") as page:
        await page.goto(page.url.partition("#")[0] + "#/tasks/papers.leave")
        await page.locator("taskrealm-form").get_by_label("Script").fill(script)
        await page.get_by_label("Source").set_input_files(tmp_path / "view.png")
        await screenshot(page, "files-form")
        await page.get_by_role("button", name="Run", exact=True).click()
        await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", "succeeded")
        files = page.get_by_test_id("job-files")
        await expect(files.get_by_role("listitem")).to_have_count(3)
        shown = page.get_by_role("img", name="pages/1.png")
        await expect(shown).to_be_visible()
        width = await shown.evaluate("image => image.decode().then(() => image.naturalWidth)")
        await screenshot(page, "files-job")
        await page.get_by_role("button", name="Show out.txt").click()
        await expect(files.get_by_text('{"a": 1}')).to_be_visible()
        async with page.expect_download() as saving:
            await page.get_by_role("button", name="Save pages/1.png").click()
        download = await saving.value
        await download.save_as(tmp_path / "saved.png")

    assert width == 480
    assert download.suggested_filename == "1.png"
    assert (tmp_path / "saved.png").read_bytes() == picture()


async def test_a_large_file_shows_how_far_it_is_and_can_be_stopped(
    visit: Any, screenshot: Callable[[Page, str], Any], tmp_path: Path
) -> None:
    (tmp_path / "large.bin").write_bytes(b"x" * 20_000_000)
    async with visit("paper_dora") as page:
        await page.goto(page.url.partition("#")[0] + "#/tasks/papers.look")
        await page.get_by_label("Source").set_input_files(tmp_path / "large.bin")
        await page.get_by_role("button", name="Run", exact=True).click()
        bar = page.get_by_test_id("sending")
        await expect(bar).to_contain_text("Sending large.bin:")
        await screenshot(page, "files-sending")
        await bar.get_by_role("button", name="Stop").click()
        await expect(bar).to_have_count(0)
        run = page.get_by_role("button", name="Run", exact=True)
        await expect(run).to_be_enabled()
        await run.click()
        await page.get_by_test_id("job-state").wait_for(timeout=60_000)
        await expect(page.get_by_test_id("job-state")).to_have_attribute("data-state", "succeeded")


async def test_a_refused_file_is_told_at_its_field(visit: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mov").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.mov").write_bytes(b"x" * 10_001)
    async with visit("paper_emma") as page:
        await page.goto(page.url.partition("#")[0] + "#/tasks/papers.film")
        for name, reason in (
            ("b.mov", "is too large: it has 10001 bytes of 10000"),
            ("a.mov", "is application/pdf by its content"),
        ):
            await page.get_by_label("Source").set_input_files(tmp_path / name)
            await page.get_by_role("button", name="Run", exact=True).click()
            await expect(page.locator(".field .error")).to_contain_text(reason)
