"""The functions that a site names in its settings."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from ..settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def load_hook(name: str, root: Path, *, setting: str) -> Callable[..., Any]:
    """
    The function *name*, `module:function` or `file.py:function` with a file relative to *root*.

    Raises:
        SettingsError: There is no such function; the message begins with *setting*.
    """
    home, _, attribute = name.rpartition(":")
    try:
        if home.endswith(".py"):
            own_name = f"_taskrealm_{setting.rpartition('.')[2]}"
            spec = importlib.util.spec_from_file_location(own_name, root / home)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(home)
        function: Callable[..., Any] = getattr(module, attribute)
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"{setting}: {name!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not callable(function) or isinstance(function, type):
        # What a class gives, such as `bool` or `str`, says nothing of what it was asked.
        raise SettingsError(f"{setting}: {name!r} is no function")
    return function
