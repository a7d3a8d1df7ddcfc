"""Finds the tasks that modules and other files declare."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import itertools
import sys
import traceback
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

from .definition import Definition
from .errors import TaskError
from .kinds import ready
from .python import declaration_of
from .registry import Registry
from .written import SUFFIXES, read_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from .loaded import Task

_packages = itertools.count(1)


def load_tasks(folder: Path) -> Registry:
    """
    The tasks that the modules and the TOML and YAML files of *folder* declare.

    Files whose names begin with `_` hold no tasks; modules import them relatively, as in
    `from ._shared import FILES`. Each load imports the modules anew.

    Raises:
        TaskError: The folder is missing, or a module or task is wrong; all problems are
            named, each with file and line.
    """
    if not folder.is_dir():
        raise TaskError(f"{folder} is no folder; make it, or name the right one in the settings")
    files = sorted(folder.glob("[!_]*.py"))
    misnamed = [file for file in files if not file.stem.isidentifier()]
    if misnamed:
        remedy = "rename the file: a module has a name of letters, digits and '_'"
        raise TaskError(*(f"{file}: {remedy}" for file in misnamed))
    package = _package(folder)
    try:
        return _load(
            (f"{package}.{file.stem}" for file in files),
            sorted(each for each in folder.glob("[!_]*") if each.suffix in SUFFIXES),
        )
    except TaskError:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        raise


def load_module(name: str) -> Registry:
    """
    The tasks that the installed module *name* declares.

    Raises:
        TaskError: The module or a task is wrong; all problems are named.
    """
    return _load([name])


def _package(folder: Path) -> str:
    """A new package whose modules are the files of *folder*, under a name nobody else has."""
    name = f"_taskrealm_tasks_{next(_packages)}"
    spec = ModuleSpec(name, loader=None, is_package=True)
    spec.submodule_search_locations = [str(folder.resolve())]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    importlib.invalidate_caches()
    return name


def _load(names: Iterable[str], files: Iterable[Path] = ()) -> Registry:
    problems: list[str] = []
    tasks: list[Task] = []
    for name in names:
        try:
            module = importlib.import_module(name)
        except (Exception, SystemExit) as error:
            reason = f"{type(error).__name__}: {error}"
            problems.append(f"{_place_of(error, name)}: the module cannot be imported: {reason}")
            continue
        tasks += _made_ready(_declarations(module), problems)
    for file in files:
        try:
            tasks += _made_ready(read_tasks(file), problems)
        except TaskError as error:
            problems += error.problems
    try:
        registry = Registry(tasks)
    except TaskError as error:
        problems += error.problems
    if problems:
        raise TaskError(*problems)
    return registry


def _made_ready(declarations: Iterable[type[Definition]], problems: list[str]) -> list[Task]:
    """The tasks of *declarations* that are right; what is wrong goes to *problems*."""
    tasks = []
    for declaration in declarations:
        try:
            tasks.append(ready(declaration))
        except TaskError as error:
            problems += error.problems
    return tasks


def _declarations(module: ModuleType) -> list[type[Definition]]:
    """The tasks that *module* itself declares, in order, not those it imported."""
    values = ((declaration_of(value) or value) for value in vars(module).values())
    classes = [value for value in values if inspect.isclass(value)]
    return [
        each
        for each in dict.fromkeys(classes)  # a class may have two names
        if issubclass(each, Definition)
        and each.__module__ == module.__name__
        and not each.__name__.startswith("_")
    ]


def _place_of(error: BaseException, module: str) -> str:
    """File and line that made the import fail, as near to the site's own code as may be."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in (__file__, importlib.__file__)
        and not frame.filename.startswith("<frozen ")
    ]
    if not frames:
        return module
    folder = Path(frames[0].filename).parent
    own = [frame for frame in frames if Path(frame.filename).parent == folder]
    return f"{own[-1].filename}:{own[-1].lineno}"
