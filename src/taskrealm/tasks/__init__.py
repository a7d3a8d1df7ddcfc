"""What a site imports to declare its tasks, and what loads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..protocol.errors import InvalidArguments, NotAuthorized
    from .artifacts import Artifact
    from .batch import BatchTask
    from .capacity import Rate
    from .choices import Choices
    from .command import CommandTask, Output
    from .context import Cancelled, Context
    from .definition import Arguments, Caller, Definition
    from .durations import Duration
    from .errors import TaskError
    from .files import Below
    from .function import FunctionTask
    from .hints import Hint, Line, Text
    from .kinds import ready
    from .limits import Limits
    from .loaded import Task
    from .loader import load_module, load_tasks
    from .multi import Child, Finished, MultiTask
    from .parsers import (
        PARSERS,
        BarProgress,
        CurlProgress,
        RsyncFilesProgress,
        RsyncProgress,
    )
    from .parts import Flag, Glued, Option, Part, Value
    from .program import TEXT_LIMIT, ProgramTask
    from .progress import FfmpegProgress, Pattern, Percent, Progress, ProgressParser
    from .python import PythonTask, task
    from .registry import Registry
    from .retry import Retry
    from .schedule import Schedule
    from .secrets import MASK, Secret
    from .terminal import Terminal
    from .uploads import Upload, UploadedFile
else:
    # Programs of jobs import `taskrealm.tasks.report`, which is quick: they must not wait a
    # tenth of a second for what only those need who declare tasks.
    from ..lazily import lazily

    __getattr__ = lazily(
        __name__,
        {
            "..protocol.errors": ("InvalidArguments", "NotAuthorized"),
            ".capacity": ("Rate",),
            ".choices": ("Choices",),
            ".batch": ("BatchTask",),
            ".command": ("CommandTask", "Output"),
            ".context": ("Cancelled", "Context"),
            ".definition": ("Arguments", "Caller", "Definition"),
            ".errors": ("TaskError",),
            ".durations": ("Duration",),
            ".files": ("Below",),
            ".hints": ("Hint", "Line", "Text"),
            ".function": ("FunctionTask",),
            ".limits": ("Limits",),
            ".loader": ("load_module", "load_tasks"),
            ".parsers": (
                "PARSERS",
                "BarProgress",
                "CurlProgress",
                "RsyncFilesProgress",
                "RsyncProgress",
            ),
            ".multi": ("Child", "Finished", "MultiTask"),
            ".parts": ("Flag", "Glued", "Option", "Part", "Value"),
            ".progress": ("FfmpegProgress", "Pattern", "Percent", "Progress", "ProgressParser"),
            ".python": ("PythonTask", "task"),
            ".registry": ("Registry",),
            ".retry": ("Retry",),
            ".schedule": ("Schedule",),
            ".secrets": ("MASK", "Secret"),
            ".program": ("ProgramTask", "TEXT_LIMIT"),
            ".kinds": ("ready",),
            ".loaded": ("Task",),
            ".artifacts": ("Artifact",),
            ".uploads": ("Upload", "UploadedFile"),
            ".terminal": ("Terminal",),
        },
    )


__all__ = [
    "MASK",
    "PARSERS",
    "TEXT_LIMIT",
    "Arguments",
    "Artifact",
    "BarProgress",
    "BatchTask",
    "Below",
    "Caller",
    "Cancelled",
    "Child",
    "Choices",
    "CommandTask",
    "Context",
    "CurlProgress",
    "Definition",
    "Duration",
    "FfmpegProgress",
    "Finished",
    "Flag",
    "FunctionTask",
    "Glued",
    "Hint",
    "InvalidArguments",
    "Limits",
    "Line",
    "MultiTask",
    "NotAuthorized",
    "Option",
    "Output",
    "Part",
    "Pattern",
    "Percent",
    "ProgramTask",
    "Progress",
    "ProgressParser",
    "PythonTask",
    "Rate",
    "Registry",
    "Retry",
    "RsyncFilesProgress",
    "RsyncProgress",
    "Schedule",
    "Secret",
    "Task",
    "TaskError",
    "Terminal",
    "Text",
    "Upload",
    "UploadedFile",
    "Value",
    "load_module",
    "load_tasks",
    "ready",
    "task",
]
