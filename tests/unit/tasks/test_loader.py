"""Loading the tasks of a folder, and what is said about those that cannot be."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from taskrealm.tasks import Caller, TaskError, load_module, load_tasks

if TYPE_CHECKING:
    from pathlib import Path

HEADER = """\
from __future__ import annotations

from typing import Annotated, ClassVar
from pydantic import Field
from taskrealm.tasks import *

"""


def write(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(HEADER + dedent(text))


def problems(folder: Path, **modules: str) -> list[str]:
    """What loading says, with the folder left out."""
    write(folder, **modules)
    with pytest.raises(TaskError) as error:
        load_tasks(folder)
    assert str(error.value) == "\n".join(error.value.problems)
    return [problem.replace(f"{folder}/", "") for problem in error.value.problems]


LIMITS = "__import__('taskrealm.tasks').tasks.Limits"
RETRY = "__import__('taskrealm.tasks').tasks.Retry"
RATE = "__import__('taskrealm.tasks').tasks.Rate"
NO_SETTING = "is no setting, and without annotation no parameter"
GREET = """\
class Greet(CommandTask):
    name = "greet"
    command = ("echo", "hello")
"""


def test_every_task_that_a_module_declares_is_loaded(tmp_path: Path) -> None:
    write(tmp_path, b=GREET, a=GREET.replace("reet", "rin") + GREET.replace("reet", "rasp"))

    registry = load_tasks(tmp_path)

    assert list(registry) == ["grasp", "greet", "grin"]
    assert registry["greet"].argv(registry["greet"].bind((), {})) == ("echo", "hello")
    assert registry["greet"].place == f"{tmp_path}/b.py:7"


def test_an_empty_folder_has_no_tasks(tmp_path: Path) -> None:
    assert len(load_tasks(tmp_path)) == 0


def test_private_files_and_classes_hold_no_tasks(tmp_path: Path) -> None:
    write(
        tmp_path,
        _shared="""\
            class _Echo(CommandTask):
                command = ("echo", Value("text"))
                text: str = "hi"
            class Imported(CommandTask):
                name = "imported"
            """,
        task="""\
            from ._shared import _Echo, Imported
            class _Loud(_Echo):
                timeout = 5.0
            class Greet(_Loud):
                name = "greet"
                text = "hello"
            """,
    )

    registry = load_tasks(tmp_path)

    assert list(registry) == ["greet"]
    assert registry["greet"].bind((), {}).values == {"text": "hello"}
    assert registry["greet"].timeout == 5.0


def test_a_class_with_two_names_is_one_task(tmp_path: Path) -> None:
    write(tmp_path, a=GREET + "Hello = Greet\n")

    assert list(load_tasks(tmp_path)) == ["greet"]


def test_loading_again_takes_what_has_changed(tmp_path: Path) -> None:
    write(tmp_path, a=GREET)
    before = load_tasks(tmp_path)
    write(tmp_path, a=GREET.replace('"hello"', '"good", "bye"'))

    after = load_tasks(tmp_path)

    assert len(before["greet"].argv(before["greet"].bind((), {}))) == 2
    assert len(after["greet"].argv(after["greet"].bind((), {}))) == 3


def test_the_path_of_the_interpreter_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, json=GREET)
    path = list(sys.path)

    load_tasks(tmp_path)

    assert sys.path == path


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="nowhere is no folder; make it, or name the right one"):
        load_tasks(tmp_path / "nowhere")


def test_an_installed_module_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, tasks_of_a_site=GREET)
    monkeypatch.syspath_prepend(tmp_path)

    assert list(load_module("tasks_of_a_site")) == ["greet"]


def test_a_module_that_is_not_there_is_an_error() -> None:
    with pytest.raises(TaskError, match=r"^nowhere: the module cannot be imported: ModuleNotFound"):
        load_module("nowhere")


def test_a_role_is_offered_the_tasks_that_it_may_run(tmp_path: Path) -> None:
    write(
        tmp_path,
        a=GREET,
        b="""\
            class Stop(CommandTask):
                name = "stop"
                command = ("halt",)
                roles = frozenset({"operator", "team:guards"})
            """,
    )
    registry = load_tasks(tmp_path)

    def admitted(role: str, *teams: str) -> list[str]:
        caller = Caller("ann", role, "ann", teams)
        return [task.name for task in registry.values() if task.admits(caller)]

    assert admitted("user") == ["greet"]
    assert admitted("operator") == ["greet", "stop"]
    assert admitted("user", "editors", "guards") == ["greet", "stop"]
    assert admitted("user", "operator") == ["greet"]
    assert admitted("anonymous") == []


def test_a_task_describes_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='''\
            class Greet(CommandTask):
                """
                Say hello.

                To whoever listens,
                    loudly.
                """

                name = "greet"
                command = ("echo", "hello")
                timeout = 5
            ''',
    )

    assert load_tasks(tmp_path)["greet"].description() == {
        "name": "greet",
        "title": "Say hello",
        "help": "To whoever listens,\n    loudly.",
        "parameters": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        },
        "timeout": 5,
        "retries": 0,
        "expires": None,
        "roles": ["backend", "operator", "user"],
        "slots": 1,
        "group": None,
        "most_running": None,
        "most_running_per_user": None,
        "rate": None,
    }


def test_a_task_without_docstring_is_titled_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, a=GREET)

    assert load_tasks(tmp_path)["greet"].title == "greet"


def test_all_problems_of_all_files_are_named_together(tmp_path: Path) -> None:
    assert problems(
        tmp_path,
        a=GREET + "    timout = 5\n    grace = -1\n",
        b="answer = = 42\n",
        c="import no_such_one\n",
        d="def compute():\n    return 1 / 0\nANSWER = compute()\n",
        e="import sys\nsys.exit('bye')\n",
        f=GREET,
        g=GREET,
    ) == [
        "a.py:11: Greet.grace: is -1; it must be a number of seconds, at least 0",
        f"a.py:10: Greet.timout: {NO_SETTING}; did you mean 'timeout'?",
        "b.py:7: the module cannot be imported: SyntaxError: invalid syntax (b.py, line 7)",
        "c.py:7: the module cannot be imported: ModuleNotFoundError: No module named 'no_such_one'",
        "d.py:8: the module cannot be imported: ZeroDivisionError: division by zero",
        "e.py:8: the module cannot be imported: SystemExit: bye",
        "g.py:7: the name 'greet' is taken by f.py:7; rename one",
    ]


def test_a_failure_in_a_private_file_is_placed_there(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, _shared="1 / 0\n", a="from . import _shared\n")

    assert problem.startswith("_shared.py:7: the module cannot be imported: ZeroDivisionError")


def test_a_file_name_that_is_no_module_name_is_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path, **{"my-tasks": GREET, "a.b": GREET}) == [
        "a.b.py: rename the file: a module has a name of letters, digits and '_'",
        "my-tasks.py: rename the file: a module has a name of letters, digits and '_'",
    ]


def test_a_failed_load_leaves_no_modules_behind(tmp_path: Path) -> None:
    modules = set(sys.modules)

    problems(tmp_path, a=GREET, b="1 / 0\n")

    assert set(sys.modules) == modules


TASK = """\
class Wrong(CommandTask):
    name = "wrong"
    command = ("program", Value("size"))
    size: int = 1
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('name = "Wrong.1"', "name: is 'Wrong.1'; it must be lower-case words"),
        ('name = "wrong\\n"', "name: is 'wrong\\n'; it must be"),
        ("name = 5", "name: is 5; it must be"),
        ("command = 'ls -l'", "command: must be a tuple of the program and its arguments, such as"),
        ("command = ()", "command: must be a tuple"),
        ("command = (Value('size'),)", "command: must begin with the name of the program"),
        ("command = ('p', 5, Value('size'))", "command: item 2 is 5; it must be text, or a part"),
        ("command = ('p\\0', Value('size'))", "command: item 1 must not contain the NUL character"),
        (
            "command = ('p', Glued('-s', 'sice'))",
            "command: Glued(prefix='-s', name='sice'): there is no parameter or property 'sice'; did",
        ),
        (
            "command = ('p', Value(size))",
            "command: Value(name=1, dash=False): there is no parameter or property 1",
        ),
        ("count: int = 1", "count: is used nowhere: put it into command, environment"),
        (
            "size: int = 1; command = ('p', Flag('-s', 'size'))",
            "size: must be a bool, as Flag(flag='-s', name='size') stands for it",
        ),
        ("size: dict[str, list[int]] = {}", "size: cannot become arguments of a program in Value"),
        ("size: list[list[str]]", "size: its default must be a valid array"),
        ("size: list[list[str]] = []", "size: cannot become arguments of a program in Value"),
        ("size: object", "size: cannot become arguments of a program in Value"),
        ("size: int = 'x'", "size: its default must be a valid integer"),
        ("size: int = None", "size: its default must be a valid integer"),
        ("size: Sise", "size: has an annotation that cannot be read: name 'Sise' is not defined"),
        ("size: 'int", "the module cannot be imported: SyntaxError: unterminated string literal"),
        ("size: Output", "size: cannot be a parameter: "),
        ("size: Secret = 'x'", "size: a secret has no default but None"),
        ("size: Secret | None = None", "size: is a secret, and everybody on the machine can read"),
        (
            "size: list[Secret]",
            "size: cannot be a parameter: a secret must be a parameter of its own",
        ),
        (
            "command = ('x', Glued('-', 'size'))",
            "command: Glued(prefix='-', name='size'",
        ),
        (
            "command = ('x', Glued('--s', 'size'))",
            "command: Glued(prefix='--s', name='size')",
        ),
        (
            "environment = {'A': Value('siez')}",
            "environment: Value(name='siez', dash=False",
        ),
        ("stdin = Value('siez')", "stdin: Value(name='siez', dash=False): there is no"),
        ("stdin = 5", "stdin: is 5; it must be text, or a Value"),
        ("size: Annotated[int, Field(alias='s')]", "size: cannot be a parameter: an alias is not"),
        ("timeout: float = 5.0", "timeout: is a setting, not a parameter: drop the annotation"),
        ("_x: int = 1", "_x: cannot be the name of a parameter: rename it"),
        ("validate: bool", "validate: cannot be the name of a parameter: rename it"),
        ("utc = False", f"utc: {NO_SETTING}; annotate it, or write a constant of your own in"),
        ("timout = 5", f"timout: {NO_SETTING}; did you mean 'timeout'?"),
        ("def parse_results(self, o): ...", "parse_results: is not known; did you mean 'parse_re"),
        ("def validate(self): ...", "validate: must be a method: def validate(self, caller), asyn"),
        ("async def parse_result(self, a, b): ...", "parse_result: must be a method: def parse_r"),
        ("validate = None", "validate: must be a method"),
        ("validate = staticmethod(print)", "validate: must be a method"),
        ("def validate(self, caller): yield", "validate: must return its answer, not yield it"),
        ("async def validate(self, caller): yield", "validate: must return its answer, not yield"),
        ("def __init__(self): ...", "__init__: is never called"),
        ("retries = -1", "retries: is -1; it must be a whole number from 0 to 100"),
        ("retries = 101", "retries: is 101; it must be"),
        ("retries = True", "retries: is True; it must be"),
        ("retries = 1.0", "retries: is 1.0; it must be"),
        (f"retries = {RETRY}(-1)", "retries: times is -1; it must be a whole number from 0 to 100"),
        (f"retries = {RETRY}(1, 'lost')", "retries: on must be a tuple of failures, such as"),
        (f"retries = {RETRY}(1, ('loss',))", "retries: on: 'loss' is none of lost, shortage"),
        (f"retries = {RETRY}(1, (0,))", "retries: on: 0 is no exit code of a failure"),
        (f"retries = {RETRY}(1, ('SIGNONE',))", "retries: on: 'SIGNONE' is none of lost, shor"),
        (f"retries = {RETRY}(1, (1.5,))", "retries: on: 1.5 must be an exit code, or the name"),
        (f"retries = {RETRY}(1, pause=-1)", "retries: pause is -1; it must be a number of sec"),
        ("expires = 0", "expires: is 0; it must be more than 0 seconds, or None"),
        ("duplicates = 'maybe'", 'duplicates: is \'maybe\'; it must be "same" or "refuse"'),
        ("timeout = 0", "timeout: is 0; it must be more than 0 seconds, or None"),
        ("timeout = -1.0", "timeout: is -1.0; it must be more than 0"),
        ("timeout = True", "timeout: is True; it must be"),
        ("timeout = '5'", "timeout: is '5'; it must be"),
        ("timeout = float('inf')", "timeout: is inf; it must be"),
        ("grace = -1", "grace: is -1; it must be a number of seconds, at least 0"),
        ("slots = -1", "slots: is -1; it must be a whole number from 0 to 1024"),
        ("slots = 1.5", "slots: is 1.5; it must be"),
        ("slots = True", "slots: is True; it must be"),
        ("group = 5", "group: is 5; it must be a lower-case word"),
        ("group = 'Big Ones'", "group: is 'Big Ones'; it must be a lower-case word"),
        ("most_running = 0", "most_running: is 0; it must be a whole number, at least 1, or None"),
        ("most_running_per_user = '1'", "most_running_per_user: is '1'; it must be"),
        ("rate = 5", "rate: must be a Rate, such as Rate(10, 60.0) for 10 jobs a minute, or None"),
        (f"rate = {RATE}(0, 1.0)", "rate: its count is 0; it must be a whole number, at least 1"),
        (f"rate = {RATE}(1, 0)", "rate: its seconds are 0; they must be a number above 0"),
        (f"rate = {RATE}(1, float('inf'))", "rate: its seconds are inf; they must be"),
        ("limits = {}", "limits: must be Limits, such as Limits(memory=500_000_000, processes=20)"),
        (f"limits = {LIMITS}(memory=0)", "limits: memory is 0; it must be a whole number above 0"),
        (f"limits = {LIMITS}(output=1.5)", "limits: output is 1.5; it must be a whole number"),
        (f"limits = {LIMITS}(cpu=-1)", "limits: cpu is -1; it must be a number of seconds above 0"),
        (f"limits = {LIMITS}(overflow='halt')", "limits: overflow is 'halt'; it must be"),
        ("roles = 'user'", "roles: must be a set with at least one of: backend, operator, user"),
        ("roles = ()", "roles: must be a set with at least one of"),
        ("roles = {'executor'}", "roles: there is no role 'executor'; the roles are: backend, op"),
        ("environment = []", 'environment: must be a mapping, such as {"LC_ALL": "C.UTF-8"}'),
        ("environment = {'A=B': 'c'}", "environment: 'A=B' cannot be the name of a variable"),
        ("environment = {'A': 5}", "environment: A is 5; it must be text"),
        ("environment = {'A': '\\0'}", "environment: A must not contain the NUL character"),
        ("environment = {'TASKREALM_A': ''}", "environment: TASKREALM_A: the node itself sets"),
        ("progress = FfmpegProgress()", "progress: must make a ProgressParser when called"),
        ("progress = Progress", "progress: must make a ProgressParser when called"),
        ("progress = '50%'", "progress: must make a ProgressParser when called"),
        ("progress = Pattern('50%')", "the module cannot be imported: ValueError: The pattern"),
        ("def progress(self): ...", "progress: must make a ProgressParser when called"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, expected: str) -> None:
    (problem,) = problems(tmp_path, a=f"{TASK}    {line}\n")

    assert problem.removeprefix("a.py:11: ").removeprefix("Wrong.").startswith(expected)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("name", 'is missing: add one, such as name = "video.transcode"'),
        ("command", "must be a tuple of the program and its arguments"),
    ],
)
def test_a_missing_setting_is_named(tmp_path: Path, name: str, remedy: str) -> None:
    lines = [line for line in TASK.splitlines() if f" {name} = " not in line]
    (problem,) = problems(tmp_path, a="\n".join(lines))

    assert problem.startswith(f"a.py:7: Wrong.{name}: {remedy}")


def test_everything_wrong_about_a_task_is_named(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        a="""\
            class Wrong(CommandTask):
                command = ("program", Value("nothing"))
                timeout = 0
                roles = ()
                first: Unknown
                second: int = "x"
            """,
    )

    assert [problem.split(":")[2].strip() for problem in found] == [
        "Wrong.first",
        "Wrong.name",
        "Wrong.command",
        "Wrong.timeout",
        "Wrong.roles",
        "Wrong.second",
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("timeout: ClassVar[float | None] = 5.0", id="annotated setting"),
        pytest.param("timeout: ClassVar = 5.0", id="setting of any type"),
        pytest.param("PRESETS = {'small': 1}", id="constant"),
        pytest.param("def double(self) -> int: return 2 * self.size", id="method"),
        pytest.param("roles = ['user']", id="list of roles"),
        pytest.param("environment = {'LC_ALL': 'C.UTF-8'}", id="environment"),
        pytest.param("progress = Percent", id="pattern"),
        pytest.param("progress = FfmpegProgress", id="parser"),
        pytest.param("@property\n    def names(self): return []", id="property like a setting"),
    ],
)
def test_what_is_right_is_accepted(tmp_path: Path, line: str) -> None:
    write(tmp_path, a=f"{TASK}    {line}\n")

    assert list(load_tasks(tmp_path)) == ["wrong"]


@pytest.mark.parametrize(
    "hook",
    [
        "def validate(self, caller): return None",
        "def parse_result(self, output): return self.size",
        '@property\n    def twice(self): return 2 * self.size\n    command = ("p", Value("twice"))',
    ],
)
def test_a_parameter_may_be_used_elsewhere_than_in_the_command(tmp_path: Path, hook: str) -> None:
    write(tmp_path, a=f"{TASK}    command = ('program',)\n    {hook}\n")

    assert list(load_tasks(tmp_path)) == ["wrong"]


def test_a_task_that_only_types_know_is_loaded_too(tmp_path: Path) -> None:
    write(tmp_path, a="Made = type('Made', (CommandTask,), {'name': 'made', 'command': ('ls',)})")

    assert list(load_tasks(tmp_path)) == ["made"]
