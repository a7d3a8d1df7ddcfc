"""Prepare images for the web."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from taskrealm.tasks import (
    Artifact,
    Below,
    Child,
    CommandTask,
    Finished,
    MultiTask,
    Option,
    Output,
    TaskError,
    Value,
)

FILES = (Path(__file__).parents[1] / "files").resolve()
KINDS = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"})

# Only this file is read, whatever it says.
FFMPEG = ("ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-protocol_whitelist", "file")


class Thumbnail(CommandTask):
    """
    Make a thumbnail of an image.

    It is kept with the job, to be looked at and downloaded.
    """

    name = "images.thumbnail"
    source: Annotated[Path, Below(FILES), Field(description="The image")]
    width: Annotated[int, Field(ge=16, le=3840, description="Pixels at most")] = 320
    command = (
        *FFMPEG,
        Option("-i", "source"),
        "-frames:v",
        "1",
        Option("-vf", "scale"),
        Value("thumbnail"),
    )
    artifacts = (Artifact("*.jpg", title="Thumbnail", required=True),)
    timeout = 60.0  # seconds

    @property
    def scale(self) -> str:
        return f"scale='min({self.width},iw)':-2"

    @property
    def thumbnail(self) -> str:
        name = self.source.stem.lstrip("-.") or "thumbnail"  # as it may be downloaded
        return f"./{name}.jpg"  # so that ffmpeg takes it for no protocol

    def parse_result(self, output: Output) -> dict[str, object]:
        made = output.directory / self.thumbnail
        return {"image": self.source.name, "thumbnail": made.name, "bytes": made.stat().st_size}


class Thumbnails(MultiTask):
    """
    Make thumbnails of all images of a folder.

    Each image is a job of its own; one that cannot be read stops none of the others.
    """

    name = "images.thumbnails"
    folder: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$", description="The folder below files/"),
    ]
    width: Annotated[int, Field(ge=16, le=3840, description="Pixels at most")] = 320
    parallel = 4
    on_failure = "continue"

    def children(self) -> Iterator[Child]:
        folder = FILES / self.folder
        if not folder.is_dir():
            raise TaskError(f"There is no folder files/{self.folder}")
        for image in sorted(folder.iterdir()):
            if image.suffix.lower() in KINDS and image.is_file():
                source = str(image.relative_to(FILES))
                yield Child("images.thumbnail", {"source": source, "width": self.width})

    def gather(self, children: Sequence[Finished]) -> dict[str, Any]:
        return {
            "made": [child.result["thumbnail"] for child in children if child.succeeded],
            "failed": {
                Path(child.arguments["source"]).name: child.error
                for child in children
                if not child.succeeded
            },
        }
