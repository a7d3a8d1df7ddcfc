"""Prepare videos for the web."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from taskrealm.tasks import (
    Below,
    Caller,
    CommandTask,
    FfmpegProgress,
    Option,
    Output,
    TaskError,
)

FILES = (Path(__file__).parents[1] / "files").resolve()

# A playlist must not make ffmpeg read from the network.
FFMPEG = ("ffmpeg", "-nostdin", "-hide_banner", "-protocol_whitelist", "file")
PROGRESS = ("-progress", "pipe:1")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac")
FAST_START = ("-movflags", "+faststart")
ONE_FRAME = ("-frames:v", "1")


class Transcode(CommandTask):
    """
    Convert a video for the web.

    Makes an MP4 file with H.264 and AAC, which every browser plays while it loads.
    """

    name = "video.transcode"
    source: Annotated[Path, Below(FILES), Field(description="The video to convert")]
    preset: Annotated[
        Literal["480p", "720p", "1080p"], Field(description="Height of the picture")
    ] = "720p"
    quality: Annotated[
        int, Field(ge=0, le=51, description="0 is perfect and large, 51 is poor and small")
    ] = 23
    target: Annotated[
        Path | None,
        Below(FILES, new=True),
        Field(description="The file to make; without one it is named after the source"),
    ] = None

    command = (
        *FFMPEG,
        *PROGRESS,
        Option("-i", "source"),
        Option("-vf", "scale"),
        *H264,
        Option("-crf", "quality"),
        *AAC,
        *FAST_START,
        "video.mp4",
    )
    progress = FfmpegProgress
    timeout = 7200.0  # seconds

    @property
    def scale(self) -> str:
        return f"scale=-2:{self.preset.removesuffix('p')}"  # -2: in proportion, and even

    def validate(self, caller: Caller) -> dict[str, object] | None:
        if self.target is None:
            return {"target": self.source.with_suffix(f".{self.preset}.mp4")}
        return None

    def parse_result(self, output: Output) -> dict[str, object]:
        file = keep(output.directory / "video.mp4", self.target)
        microseconds = re.findall(rb"out_time_us=(\d+)", output.stdout)[-1]
        return {**file, "duration": int(microseconds) / 1_000_000}


class Thumbnail(CommandTask):
    """Take a picture out of a video."""

    name = "video.thumbnail"
    source: Annotated[Path, Below(FILES), Field(description="The video")]
    at: Annotated[float, Field(ge=0, le=86_400, description="Seconds from the start")] = 0.0
    width: Annotated[int, Field(ge=16, le=3840, description="Pixels")] = 320
    target: Annotated[
        Path | None,
        Below(FILES, new=True),
        Field(description="The file to make; without one it is named after the video"),
    ] = None

    command = (
        *FFMPEG,
        Option("-ss", "at"),
        Option("-i", "source"),
        *ONE_FRAME,
        Option("-vf", "scale"),
        "picture.jpg",
    )
    timeout = 60.0  # seconds

    @property
    def scale(self) -> str:
        return f"scale={self.width}:-2"

    def validate(self, caller: Caller) -> dict[str, object] | None:
        if self.target is None:
            return {"target": self.source.with_suffix(f".{self.at:g}s.jpg")}
        return None

    def parse_result(self, output: Output) -> dict[str, object]:
        picture = output.directory / "picture.jpg"
        if not picture.exists():
            raise TaskError(f"The video is over before {self.at:g} seconds have passed")
        return keep(picture, self.target)


def keep(made: Path, target: Path | None) -> dict[str, object]:
    """Move a finished file to its place; nobody ever sees half of it there."""
    assert target is not None, "validate names one"
    try:
        target.touch(exist_ok=False)  # so that two jobs never overwrite each other's file
    except FileExistsError:
        raise TaskError(f"Somebody has made {target.name} meanwhile") from None
    shutil.move(made, target)
    return {"file": str(target.relative_to(FILES)), "bytes": target.stat().st_size}
