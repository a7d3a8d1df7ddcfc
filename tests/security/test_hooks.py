"""Whatever is wrong with a function of the site, it opens nothing and tells nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from structlog.testing import capture_logs
from tests.nodes import Node
from tests.plain import Refused
from tests.security.evidence import Evidence
from tests.site import client, make_site
from tests.site.jobs import LIMIT

from taskrealm.access.authorize import AccessRequest, load_authorize
from taskrealm.access.hooks import load_hook
from taskrealm.access.rules import Right
from taskrealm.client import JobCancelled, JobFailed
from taskrealm.executor import priorities
from taskrealm.executor.priorities import load_priorities
from taskrealm.protocol import uris
from taskrealm.protocol.errors import Internal, NotAuthorized, Unavailable, UnknownTask
from taskrealm.router.doorkeeper import SITE, Doorkeeper
from taskrealm.settings import AccessSettings, ExecutorSettings, NodeFolder, SettingsError
from taskrealm.tasks import Caller, Choices, CommandTask, ProgramTask, TaskError, Value
from taskrealm.tasks import loaded as loaded_module

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(120)

MALLORY = Caller("mallory_of_hooks", "user", "mallory_of_hooks")
SECRET = "swordfish"
HOOKS = """
import asyncio
import time


def raises(*given):
    raise RuntimeError("swordfish")


async def raises_later(*given):
    await asyncio.sleep(0)
    raise RuntimeError("swordfish")


def exits(*given):
    raise SystemExit("swordfish")


def interrupts(*given):
    raise KeyboardInterrupt("swordfish")


async def cancels(*given):
    raise asyncio.CancelledError("swordfish")


def hangs(*given):
    time.sleep(600)


async def never(*given):
    await asyncio.Event().wait()


def takes_nothing():
    return True


def takes_too_much(one, two, three, four):
    return True


a_lambda = lambda: True


async def generates(*given):
    yield True


def gives_a_function(*given):
    return raises


def gives_a_class(*given):
    return bool


def gives_an_object(*given):
    return object()


def gives_bytes(*given):
    return b"swordfish"


def gives_a_number(*given):
    return 1.5


def gives_an_exception(*given):
    return RuntimeError("swordfish")


class Kind:
    def __init__(self, *given):
        pass


number = 5
nothing = None
text = "raises"
"""
BAD = (
    *("raises", "raises_later", "exits", "interrupts", "cancels"),
    *("takes_nothing", "takes_too_much", "a_lambda", "generates", "gives_a_function"),
    *("gives_a_class", "gives_an_object", "gives_bytes", "gives_a_number"),
    *("gives_an_exception", "never", "hangs"),
)
"""Functions that fail, wait, are of the wrong kind or give nonsense, whatever they are for."""
KINDS = ("Kind", "number", "nothing", "text")
"""What is no function at all."""
UNFIT = ("takes_nothing", "takes_too_much", "a_lambda", "generates", *KINDS)
"""What a task is not even loaded with."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a node with these functions."""
    (tmp_path / "router").mkdir()
    (tmp_path / "router" / "hooks.py").write_text(HOOKS)
    (tmp_path / "logs").mkdir()
    return tmp_path


def function(root: Path, name: str) -> Any:
    scope: dict[str, Any] = {}
    exec((root / "router" / "hooks.py").read_text(), scope)
    return scope[name]


# Those that settings name -----------------------------------------------------------------------


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize(
    "hook",
    [
        *(f"router/hooks.py:{name}" for name in (*KINDS, "missing", "")),
        *("router/missing.py:raises", "no_such_module:raises", "builtins:bool", "builtins:str"),
        *("builtins:missing", ":raises", "router/hooks.py:raises.__class__"),
    ],
)
@pytest.mark.parametrize(
    "setting", ["access.authenticate", "access.authorize", "executor.priority"]
)
def test_what_is_missing_or_no_function_is_not_taken(root: Path, setting: str, hook: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        load_hook(hook, root, setting=setting)


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize("name", [*BAD, *KINDS, "missing"])
async def test_nobody_is_let_in_by(root: Path, name: str) -> None:
    settings = AccessSettings(authenticate=f"router/hooks.py:{name}", authenticate_limit=0.1)
    folder = NodeFolder(root)
    folder.log("doorkeeper").parent.mkdir(parents=True, exist_ok=True)
    doorkeeper = Doorkeeper(folder, settings)
    answer = await doorkeeper.answer({"kind": SITE, "secret": "the token of mallory"})

    assert answer == {"failed": True}
    log = folder.log("doorkeeper").read_text()
    assert "access.authenticate" in log
    assert "the token of mallory" not in log


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize("name", BAD)
async def test_nothing_is_agreed_to_by(root: Path, name: str) -> None:
    settings = AccessSettings(authorize=f"router/hooks.py:{name}", authorize_limit=0.1)
    authorize = load_authorize(settings, root)
    assert authorize is not None
    request = AccessRequest(MALLORY, Right.RUN, "date", {}, MALLORY.authid)
    with capture_logs() as logs:
        answers = await authorize.answers([request, request])

    assert answers == [False, False]
    assert "authorize" in logs[0]["event"]
    assert logs[0]["log_level"] == "error"


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize("name", BAD)
async def test_nobody_is_more_urgent_by(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(priorities, "LIMIT", 0.1)
    settings = ExecutorSettings(priority=f"router/hooks.py:{name}", priorities={"user": 3})
    with capture_logs() as logs:
        points = await load_priorities(settings, root).of(MALLORY)

    assert points == 3
    assert "the role decides" in logs[0]["event"]


# Those of tasks ---------------------------------------------------------------------------------


class Plain(CommandTask):
    """Print what is given."""

    name = "hook.plain"
    given: str = "x"
    command = ("printf", "%s", Value("given"))


def declared(**members: Any) -> ProgramTask:
    return ProgramTask(type("Declared", (Plain,), {"__doc__": "Is ill-made.", **members}))


@pytest.mark.capability("S6")
@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("hook", ["validate", "may_cancel", "prepare", "parse_result"])
def test_no_task_is_loaded_with(root: Path, hook: str, name: str) -> None:
    with pytest.raises(TaskError, match=f"Declared.{hook}: must "):
        declared(**{hook: function(root, name)})


@pytest.mark.capability("S6")
@pytest.mark.parametrize("name", [name for name in BAD if name not in UNFIT])
@pytest.mark.parametrize("hook", ["validate", "may_cancel"])
async def test_a_task_is_neither_run_nor_stopped_by(
    root: Path, monkeypatch: pytest.MonkeyPatch, hook: str, name: str
) -> None:
    monkeypatch.setattr(loaded_module, "VALIDATE_LIMIT", 0.1)
    task = declared(**{hook: function(root, name)})
    ask = task.prepare if hook == "validate" else task.ask_to_cancel
    with pytest.raises(TaskError) as refusal:
        await ask(task.bind((), {}), MALLORY)

    assert str(refusal.value).startswith(f"hook.plain: {hook} ")
    assert SECRET not in str(refusal.value)


ENDLESS = "endless", "hangs_in_the_middle", "fails_in_the_middle", "fails_to_be_shown"


def endless(given: object, caller: object) -> Iterator[str]:
    while True:
        yield "again"


def hangs_in_the_middle(given: object, caller: object) -> Iterator[str]:
    import time

    yield "x"
    time.sleep(600)


def fails_in_the_middle(given: object, caller: object) -> Iterator[str]:
    yield "x"
    raise RuntimeError(SECRET)


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


def fails_to_be_shown(given: object, caller: object) -> list[object]:
    return [("x", Unspeakable())]


@pytest.mark.capability("S6")
@pytest.mark.parametrize("name", [*BAD, "Kind", *ENDLESS])
async def test_nothing_is_offered_by(root: Path, name: str) -> None:
    find = globals()[name] if name in ENDLESS else function(root, name)
    task = declared(__annotations__={"given": Annotated[str, Choices(find, limit=0.1)]}, given="x")
    with pytest.raises(TaskError) as refusal:
        await task.choices("given", {}, MALLORY)
    with pytest.raises(TaskError):
        await task.prepare(task.bind((), {"given": "x"}), MALLORY)

    assert str(refusal.value).startswith("hook.plain: the choices of given ")
    assert SECRET not in str(refusal.value)


# Over the wire ----------------------------------------------------------------------------------

SITE_HOOKS = """

def authenticate(token):
    return globals()[token](token) if token in globals() else None


def authorize(request):
    name = request.caller.authid.removeprefix("mallory_rights_")
    return globals()[name](request) if name in globals() else True


def priority(caller):
    name = caller.authid.removeprefix("mallory_urgent_")
    return globals()[name](caller) if name in globals() else None
"""
SITE_TASKS = """
import sys
from pathlib import Path
from typing import Annotated

from taskrealm.tasks import Choices, CommandTask, Value

bad = {}
exec((Path(__file__).parents[1] / "router" / "hooks.py").read_text(), bad)


class Hook(CommandTask):
    name = "hook"
    how: str
    command = ("printf", "%s", Value("how"))
    timeout = 5.0
    grace = 0.1


class Validates(Hook):
    \"\"\"Judge badly.\"\"\"

    name = "hook.validate"

    def validate(self, caller):
        return bad[self.how](self)


class Prepares(Hook):
    \"\"\"Get ready badly.\"\"\"

    name = "hook.prepare"

    def prepare(self, context):
        return bad[self.how](self)


class Parses(Hook):
    \"\"\"Read badly.\"\"\"

    name = "hook.parse_result"

    def parse_result(self, output):
        return bad[self.how](self)


class Stops(Hook):
    \"\"\"Be stopped badly.\"\"\"

    name = "hook.may_cancel"
    command = ("bash", "-c", "exec sleep 600", Value("how"))
    timeout = 600.0

    def may_cancel(self, caller):
        return bad[self.how](self)


def offers(given, caller):
    return bad[given["how"]](given)


class Offers(Hook):
    \"\"\"Offer badly.\"\"\"

    name = "hook.choices"
    command = ("printf", "%s", Value("how"), Value("one"))
    one: Annotated[str, Choices(offers, after=["how"], limit=0.3)] = "x"
"""
SETTINGS = """
priorities = {user = 3}
priority = "router/hooks.py:priority"

[access]
authenticate = "router/hooks.py:authenticate"
authenticate_limit = 0.3
authorize = "router/hooks.py:authorize"
authorize_limit = 0.3
"""
TOLD = [name for name in BAD if name not in ("hangs", "never")]
"""Those of which nobody has to wait to hear."""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node of which every function is as bad as one asks for."""
    with tempfile.TemporaryDirectory(prefix="tr-") as path:
        folder = make_site(Path(path), settings=SETTINGS)
        (folder.root / "router" / "hooks.py").write_text(HOOKS + SITE_HOOKS)
        (folder.root / "tasks" / "hooks.py").write_text(SITE_TASKS)
        with Node(folder) as node:
            node.until("READY")
            yield node


@pytest.mark.capability("S6")
@pytest.mark.parametrize("name", TOLD)
async def test_a_task_with_bad_hooks_tells_nothing(node: Node, name: str) -> None:
    evidence = Evidence(node)
    async with (
        client(node, f"mallory_urgent_{name}") as mallory,
        client(node, "warden", "operator") as warden,
    ):
        with pytest.raises(Internal) as invalid:
            await mallory.exec("hook.validate", [name])
        with pytest.raises(Internal) as chosen:
            await mallory.choices("hook.choices", "one", {"how": name})
        with pytest.raises(Internal):
            await mallory.exec("hook.choices", [name])
        texts = [str(each.value) for each in (invalid, chosen)]
        sleeping = await mallory.exec("hook.may_cancel", [name])
        with pytest.raises(NotAuthorized) as unstopped:
            await sleeping.cancel(now=True)
        texts.append(str(unstopped.value))
        await warden.job(sleeping.job_id).cancel(now=True)
        prepared = await mallory.exec("hook.prepare", [name])
        with pytest.raises(JobFailed) as unprepared:
            await prepared.result(LIMIT)
        texts.append(str(unprepared.value))
        if name not in ("gives_a_number", "gives_bytes"):  # which are results
            parsed = await mallory.exec("hook.parse_result", [name])
            with pytest.raises(JobFailed) as unread:
                await parsed.result(LIMIT)
            texts.append(str(unread.value))
        with pytest.raises(JobCancelled):
            await sleeping.result(LIMIT)
        snapshot = await sleeping.snapshot()

    assert snapshot["state"] == "cancelled"
    assert snapshot["priority"] == 3
    assert SECRET not in "".join(texts)
    for failure in (invalid.value, chosen.value):
        await evidence.shows(str(failure.reference))


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize("name", BAD)
async def test_authenticate_lets_nobody_in(node: Node, name: str) -> None:
    evidence = Evidence(node)
    async with await node.outside() as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.join(name, authid="mallory_of_doors")

    assert refusal.value.uri == Unavailable.uri
    assert SECRET not in refusal.value.text
    await evidence.shows("access.authenticate")


@pytest.mark.capability("S6", "Z6")
@pytest.mark.parametrize("name", BAD)
async def test_authorize_and_priority_open_nothing(node: Node, name: str) -> None:
    async with await node.user(f"mallory_rights_{name}") as mallory:
        with pytest.raises(Refused) as refusal:
            await mallory.call(uris.EXEC, "date")
        assert refusal.value.uri == UnknownTask.uri
        assert SECRET not in refusal.value.text
        assert await mallory.call(uris.TASKS) == []
