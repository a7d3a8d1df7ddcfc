"""Parameters that nobody may read but the program that they are for."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import SecretStr

Secret = SecretStr
"""
Text that is handed to the program and shown nowhere: a password, a token.

It reaches a program by a variable or by standard input, as in
`environment = {"PGPASSWORD": Value("password")}` and `stdin = Value("password")`.
"""

MASK = "***"
"""What stands in the place of a secret wherever arguments are shown or kept."""


def is_secret(annotation: Any) -> bool:
    """Whether a parameter of this type is a secret; it may be optional."""
    is_union = get_origin(annotation) in (Union, UnionType)
    types = {_bare(each) for each in get_args(annotation)} if is_union else {_bare(annotation)}
    return SecretStr in types <= {SecretStr, NoneType}


def revealed(value: object) -> object:
    """*value*, or the text that it hides."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
