"""Tell what there is."""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from taskrealm.tasks import Artifact, Context, task

FILES = (Path(__file__).parents[1] / "files").resolve()
LARGEST = 20  # files that are listed
EVERY = 500  # files between two reports of progress

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Files of this node</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .5rem; text-align: left }}
td:last-child, th:last-child {{ text-align: right }}
</style>
<h1>Files of this node</h1>
<p>{count} files of {size} on {day}, for {owner}.</p>
<h2>By kind</h2>
<table><tr><th>Kind<th>Size</tr>
{kinds}
</table>
<h2>The largest</h2>
<table><tr><th>File<th>Size</tr>
{largest}
</table>
</html>
"""


@task(
    name="files.report",
    timeout=600,
    artifacts=[Artifact("report.html", title="Report", required=True)],
)
def make_report(context: Context) -> Iterator[Any]:
    """
    Make a report of all files.

    A page that says how much room they take, by kind, and which are the largest.
    """
    sizes: dict[Path, int] = {}
    kinds: Counter[str] = Counter()
    for path in FILES.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[path] = path.stat().st_size
            kinds[path.suffix.lower() or "without"] += sizes[path]
            if len(sizes) % EVERY == 0:
                yield None, f"{len(sizes)} files"
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:LARGEST]
    page = PAGE.format(
        count=len(sizes),
        size=_amount(sum(sizes.values())),
        day=time.strftime("%Y-%m-%d"),
        owner=html.escape(context.owner),
        kinds=_rows((kind, size) for kind, size in kinds.most_common()),
        largest=_rows((str(path.relative_to(FILES)), sizes[path]) for path in largest),
    )
    (context.directory / "report.html").write_text(page, encoding="utf-8")
    yield 1.0
    return {"files": len(sizes), "bytes": sum(sizes.values())}


def _rows(lines: Iterator[tuple[str, int]]) -> str:
    return "\n".join(f"<tr><td>{html.escape(name)}<td>{_amount(size)}</tr>" for name, size in lines)


def _amount(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1_000:
            return f"{size:.3g} {unit}"
        size /= 1_000
    return f"{size:.3g} GB"
