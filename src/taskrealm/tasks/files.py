"""Parameters that name files on this machine."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args

from pydantic_core import PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

REFUSED = "file"
"""The type of the errors of a name that `Below` refuses."""

_is_looked_for: ContextVar[bool] = ContextVar("is_looked_for", default=True)


@contextlib.contextmanager
def accepted_before() -> Iterator[None]:
    """
    Take files as they were found when their job was accepted.

    Its program may have made the new ones and removed the others meanwhile.
    """
    token = _is_looked_for.set(False)
    try:
        yield
    finally:
        _is_looked_for.reset(token)


@dataclass(frozen=True, slots=True)
class Below:
    """
    Lets a `Path` parameter name only files below the folder *root*.

    Callers give the name relative to it, and never reach anything outside, not by `..` nor
    through a symbolic link; the program receives the absolute path. The file must exist; or,
    if *new*, it must not, but its folder must. The *root* is made when the task is loaded.
    """

    root: Path
    new: bool = False

    def resolve(self, name: object) -> Path:
        """
        The absolute path of the file that *name* stands for.

        Raises:
            PydanticCustomError: The name leads to no file that may be used.
        """
        if not isinstance(name, str):
            raise _refused("must be the name of a file, as text")
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/"):
            raise _refused(f"must be a name below {self._folder}, without '..'")
        try:
            if not _is_looked_for.get():
                return self._inside(self.root / name)
            return self._new(name) if self.new else self._existing(name)
        except OSError as error:  # such as a name that is too long, or a closed folder
            raise _refused(f"cannot be used: {error.strerror}") from None

    def name_of(self, path: object) -> str:
        """The name below the root of the file at *path*, as callers give it."""
        path = Path(str(path))
        root = self.root.resolve()
        return str(path.relative_to(root) if path.is_relative_to(root) else path)

    @property
    def _folder(self) -> str:
        return f"the folder {self.root.name}/"

    def _existing(self, name: str) -> Path:
        path = self._inside(self.root / name)
        if not path.exists():
            raise _refused(f"names no file in {self._folder}")
        if not path.is_file():
            raise _refused("must name a file, not a folder")
        return path

    def _new(self, name: str) -> Path:
        path = self.root / name
        if name.endswith(("/", "/.")):
            raise _refused("must name a file, not a folder")
        folder = self._inside(path.parent)
        if not folder.is_dir():
            raise _refused(f"must be in a folder that exists in {self._folder}")
        path = folder / path.name
        if path.exists() or path.is_symlink():
            raise _refused("names a file that exists; nothing is overwritten")
        return path

    def _inside(self, path: Path) -> Path:
        try:
            path = path.resolve()
        except RuntimeError:  # symbolic links that lead in a circle
            raise _refused(f"names no file in {self._folder}") from None
        if not path.is_relative_to(self.root.resolve()):
            raise _refused(f"leads out of {self._folder}")
        return path

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        self.root.mkdir(parents=True, exist_ok=True)
        schema: core_schema.CoreSchema = core_schema.no_info_plain_validator_function(
            self.resolve,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.name_of, when_used="unless-none"
            ),
        )
        if source is Path:
            return schema
        if set(get_args(source)) == {Path, NoneType}:
            return core_schema.nullable_schema(schema)
        raise TypeError("Below belongs to a Path, as in `Annotated[Path, Below(FILES)]`")

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        path = {"type": "string", "format": "path"}
        return {"anyOf": [path, {"type": "null"}]} if schema["type"] == "nullable" else path


def _refused(sentence: str) -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{sentence}", {"sentence": sentence})
