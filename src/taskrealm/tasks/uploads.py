"""Parameters that are files which the caller has sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PosixPath
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import PydanticCustomError, core_schema

from .hints import with_hints
from .media import MEDIA_TYPE, UNKNOWN, media_type_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

FORMAT = "taskrealm-file"
"""The format, in JSON Schema, of a parameter that is an upload."""

FILE = re.compile(r"file_[0-9a-f]{32}")
"""What the id of a file looks like."""

_EXTENSION = re.compile(r"\.[A-Za-z0-9][A-Za-z0-9._-]{0,20}")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that a user has sent, and the `path` at which the job in question finds it."""

    file: str
    name: str
    size: int
    media_type: str
    sha256: str
    kind: str | None = None
    """The media type that its first bytes speak of."""
    path: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """The file in JSON's own kinds."""
        return {**asdict(self), "path": None if self.path is None else str(self.path)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UploadedFile:
        """The file that `as_dict` made *data* of."""
        path = data["path"]
        return cls(**{**data, "path": None if path is None else Path(path)})


class UploadedPath(PosixPath):
    """The path of an uploaded file in the working directory of its job."""

    file: str = ""
    """The id of the file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """
    Lets a `Path` parameter be a file that the caller sends.

    It has at most *max* bytes, and is of one of the kinds in *accept*: extensions such as
    `".mov"`, media types such as `"image/png"`, or groups of them such as `"video/*"`; any
    kind if there are none. The program finds a copy, for reading only, in its working
    directory, under the name that the file had.
    """

    max: int | None = None
    accept: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.max is not None and (isinstance(self.max, bool) or self.max < 0):
            raise TypeError(f"Upload: max is {self.max!r}; it must be a number of bytes")
        if isinstance(self.accept, str):
            raise TypeError('Upload: accept must be a list, such as [".mov", "video/*"]')
        for each in self.accept:
            if not _EXTENSION.fullmatch(each) and not MEDIA_TYPE.fullmatch(
                each.removesuffix("*") + "x" * each.endswith("/*")
            ):
                raise TypeError(
                    f"Upload: accept has {each!r}; use extensions such as '.mov' and media types"
                    " such as 'video/*'"
                )

    def resolve(self, value: object, info: core_schema.ValidationInfo) -> Path:
        """
        The path of the uploaded file with the id *value*.

        Raises:
            PydanticCustomError: There is no such file of the caller, or it is of no use here.
        """
        files = info.context if isinstance(info.context, Mapping) else {}
        file = files.get(value) if isinstance(value, str) else None
        if not isinstance(file, UploadedFile):
            raise _refused(
                "must be the id of a file that you have uploaded; this is none, or expired"
            )
        if self.max is not None and file.size > self.max:
            raise _refused(f"must have at most {self.max} bytes; {file.name} has {file.size}")
        if self.accept and not any(_is_named(file, each) for each in self.accept):
            raise _refused(f"must be of {', '.join(self.accept)}; {file.name} is not")
        if self.accept and file.kind and not any(_fits(file.kind, each) for each in self.accept):
            raise _refused(
                f"must be of {', '.join(self.accept)}; {file.name} is {file.kind} by its content"
            )
        path = UploadedPath(file.name if file.path is None else file.path)
        path.file = file.file
        return path

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema: core_schema.CoreSchema = core_schema.with_info_plain_validator_function(
            self.resolve,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _id_of, when_used="unless-none"
            ),
        )
        if source is Path:
            return schema
        if set(get_args(source)) == {Path, NoneType}:
            return core_schema.nullable_schema(schema)
        raise TypeError("Upload belongs to a Path, as in `Annotated[Path, Upload()]`")

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        file: dict[str, Any] = {"type": "string", "format": FORMAT}
        hints: dict[str, Any] = {"max_size": self.max, "accept": list(self.accept)}
        hints = {name: hint for name, hint in hints.items() if hint not in (None, [])}
        if hints:
            file = with_hints(file, hints)
        return {"anyOf": [file, {"type": "null"}]} if schema["type"] == "nullable" else file


def files_in(*values: object) -> set[str]:
    """Whatever in *values*, at any depth, looks like the id of a file."""
    found: set[str] = set()
    left = list(values)
    while left:
        value = left.pop()
        match value:
            case str():
                if FILE.fullmatch(value):
                    found.add(value)
            case list() | tuple():
                left += value
            case dict() | Mapping():
                left += value.values()
    return found


def as_given(value: Any) -> Any:
    """*value* with the id of each uploaded file in place of its path, at any depth."""
    match value:
        case UploadedPath():
            return _id_of(value)
        case Mapping():
            return {name: as_given(each) for name, each in value.items()}
        case list() | tuple():
            return [as_given(each) for each in value]
    return value


def _id_of(path: object) -> str:
    """The id of the file at *path*, as callers give it."""
    return path.file if isinstance(path, UploadedPath) else str(path)


def _is_named(file: UploadedFile, accepted: str) -> bool:
    if accepted.startswith("."):
        return file.name.lower().endswith(accepted.lower())
    return any(
        _matches(each, accepted)
        for each in (media_type_of(file.name), file.kind)
        if each not in (None, UNKNOWN)
    )


def _fits(kind: str, accepted: str) -> bool:
    """
    Whether content of *kind* can be what is *accepted*.

    The first bytes tell groups of media types well, and single ones badly: what is a zip
    file may be a document as well.
    """
    media_type = media_type_of(accepted) if accepted.startswith(".") else accepted
    return media_type == UNKNOWN or kind.partition("/")[0] == media_type.partition("/")[0]


def _matches(media_type: str | None, accepted: str) -> bool:
    if media_type is None:
        return False
    if accepted.endswith("/*"):
        return media_type.startswith(accepted.removesuffix("*"))
    return media_type == accepted


def _refused(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("upload", "{sentence}", {"sentence": sentence})
