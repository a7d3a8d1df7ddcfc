"""What the rules of a site allow: as a far simpler reading of them does, whatever they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrealm.access.policy import load_policy
from taskrealm.access.rules import Delegation, Right, Rule, Rules
from taskrealm.settings import NodeFolder, SettingsError
from taskrealm.tasks import Caller

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_RULES = load_policy(NodeFolder(Path(__file__).parents[3]).policy).rules

NAMES = ["ana", "ben", "an", ""]
TASKS = ["video.cut", "video.mix", "audio.mix"]
TEAMS = ["editors", "press"]
ROLES = ["user", "backend", "operator"]
VALUES = [1, 1.0, True, False, 0, None, "1", "a", [], [1], ["a", 1], {"a": 1}]


def patterns(names: Sequence[str]) -> st.SearchStrategy[tuple[str, ...] | None]:
    """None, or a few of *names* and of what stands for several."""
    several = ["*", "video.*", "?n?", "*mix", "[ab]*", "editor?"]
    return st.none() | st.lists(st.sampled_from([*names, *several]), min_size=1, max_size=2).map(
        tuple
    )


RIGHTS = st.frozensets(st.sampled_from(list(Right)), min_size=1)
RULES = st.builds(
    Rule,
    RIGHTS,
    tasks=patterns(TASKS),
    roles=st.none() | st.frozensets(st.sampled_from(ROLES), min_size=1),
    teams=patterns(TEAMS),
    users=patterns(NAMES),
    arguments=st.dictionaries(
        st.sampled_from(["preset", "size"]),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
        max_size=2,
    ),
)
DELEGATIONS = st.builds(
    Delegation,
    RIGHTS,
    backends=patterns(NAMES),
    users=patterns(NAMES),
    teams=st.lists(st.sampled_from([*TEAMS, "*"]), max_size=2).map(tuple),
    tasks=patterns(TASKS),
)
CALLERS = st.builds(
    lambda authid, role, teams: Caller(authid, role, authid, tuple(teams)),
    st.sampled_from(NAMES),
    st.sampled_from(ROLES),
    st.lists(st.sampled_from(TEAMS), max_size=2),
)
ARGUMENTS = st.dictionaries(st.sampled_from(["preset", "size", "other"]), st.sampled_from(VALUES))


def matches(name: str, pattern: str) -> bool:
    """Whether *name* fits *pattern*, letter by letter."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return matches(name, pattern[1:]) or (name != "" and matches(name[1:], pattern))
    if not name:
        return False
    if pattern[0] == "[":
        letters, _, rest = pattern[1:].partition("]")
        return name[0] in letters and matches(name[1:], rest)
    return pattern[0] in ("?", name[0]) and matches(name[1:], pattern[1:])


def named(name: str, wanted: Sequence[str] | None) -> bool:
    return wanted is None or any(matches(name, each) for each in wanted)


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, by their text."""
    return text_of(one) == text_of(other)


def text_of(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{name}:{text_of(value[name])}' for name in sorted(value))}}}"
    return repr(float(value))


def pleases(rule: Rule, arguments: dict[str, Any]) -> bool:
    for name, values in rule.arguments.items():
        if name not in arguments:
            return False
        given = arguments[name]
        if any(equal(given, value) for value in values):
            continue
        if not isinstance(given, list) or len(given) == 0:
            return False
        for item in given:
            if not any(equal(item, value) for value in values):
                return False
    return True


def plainly_allowed(
    rules: Rules, right: Right, caller: Caller, task: str, arguments: dict[str, Any] | None
) -> bool:
    for rule in rules.rules:
        if right not in rule.allow or not named(task, rule.tasks):
            continue
        if rule.roles is not None and caller.role not in rule.roles:
            continue
        if rule.teams is not None and not [t for t in caller.teams if named(t, rule.teams)]:
            continue
        if not named(caller.authid, rule.users):
            continue
        if arguments is None or pleases(rule, arguments):
            return True
    return False


@pytest.mark.capability("Z4", "Z5")
@given(
    rules=st.lists(RULES, max_size=4).map(lambda each: Rules(tuple(each))),
    right=st.sampled_from(list(Right)),
    caller=CALLERS,
    task=st.sampled_from(TASKS),
    arguments=st.none() | ARGUMENTS,
)
def test_rules_allow_what_a_plain_reading_of_them_allows(
    rules: Rules,
    right: Right,
    caller: Caller,
    task: str,
    arguments: dict[str, Any] | None,
) -> None:
    allowed = rules.allows(right, caller, task, arguments)

    assert allowed == plainly_allowed(rules, right, caller, task, arguments)
    if right is Right.RUN and arguments is not None:
        may_run_somehow = rules.allows(right, caller, task)
        assert bool(rules.forbidden(caller, task, arguments)) == (may_run_somehow and not allowed)


@pytest.mark.capability("B2")
@given(
    delegations=st.lists(DELEGATIONS, max_size=4),
    right=st.sampled_from(list(Right)),
    backend=st.sampled_from(NAMES),
    user=st.sampled_from(NAMES),
    task=st.sampled_from(TASKS),
    teams=st.lists(st.sampled_from(TEAMS), max_size=2),
)
def test_one_delegation_alone_has_to_cover_all(
    delegations: list[Delegation],
    right: Right,
    backend: str,
    user: str,
    task: str,
    teams: list[str],
) -> None:
    rules = Rules((), tuple(delegations))
    plainly = [
        each
        for each in delegations
        if right in each.allow
        and named(backend, each.backends)
        and named(user, each.users)
        and named(task, each.tasks)
        and all(named(team, each.teams) for team in teams)
    ]

    assert rules.delegates(right, backend, user, task, teams) == bool(plainly)
    if plainly:
        assert rules.delegates_some(right, backend, user)
    if rules.delegates(right, backend, user, None):
        assert all(rules.delegates(right, backend, user, each) for each in [*TASKS, "any.other"])


@given(rules=st.lists(RULES, max_size=4), more=RULES, caller=CALLERS)
def test_another_rule_never_takes_anything_away(
    rules: list[Rule], more: Rule, caller: Caller
) -> None:
    for right in Right:
        for task in TASKS:
            if Rules(tuple(rules)).allows(right, caller, task):
                assert Rules((more, *rules)).allows(right, caller, task)


@pytest.mark.parametrize("right", list(Right))
def test_without_a_rule_nobody_may_do_anything(right: Right) -> None:
    for role in ROLES:
        assert not Rules().allows(right, Caller("ana", role, "ana", ("editors",)), "video.cut")
    assert not Rules().delegates_some(right, "shop", "ana")


def test_a_right_to_every_task_is_one_that_names_none() -> None:
    ana = Caller("ana", "user", "ana")
    some = Rules((Rule(frozenset(Right), tasks=("video.*", "audio.*")),))

    assert not some.allows(Right.SEE, ana, None)
    assert Rules((Rule(frozenset(Right), tasks=("x", "*")),)).allows(Right.SEE, ana, None)
    assert Rules((Rule(frozenset(Right)),)).allows(Right.SEE, ana, None)


def test_a_name_that_looks_like_a_pattern_stands_for_itself_only() -> None:
    rules = Rules((Rule(frozenset(Right), users=("ana",)),))

    assert not rules.allows(Right.RUN, Caller("*", "user", "*"), "video.cut")
    assert not rules.allows(Right.RUN, Caller("[a]na", "user", "x"), "video.cut")


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("role", ROLES)
def test_the_node_s_own_rules_allow_everything_and_delegate_all_but_cancelling(
    role: str, right: Right
) -> None:
    assert OWN_RULES.allows(right, Caller("ana", role, "ana"), "video.cut", {"preset": "x"})
    assert OWN_RULES.delegates(right, "shop", "ana", None) == (right is not Right.CANCEL)
    assert not OWN_RULES.delegates(right, "shop", "ana", "video.cut", ["editors"])


def rules_of(tmp_path: Path, text: str) -> Rules:
    path = tmp_path / "roles.toml"
    path.write_text(text)
    return load_policy(path).rules


def test_rules_are_read_as_they_are_written(tmp_path: Path) -> None:
    rules = rules_of(
        tmp_path,
        """
        [user]
        call = ["taskrealm.tasks"]

        [[rules]]
        allow = ["see", "run"]
        tasks = ["video.*"]
        roles = ["user"]
        teams = ["editors"]
        users = ["*@example.org"]
        arguments = {preset = ["720p", "1080p"]}

        [[delegation]]
        backends = ["shop"]
        users = ["*"]
        teams = ["editors"]
        tasks = ["video.*"]
        """,
    )

    assert rules == Rules(
        (
            Rule(
                frozenset((Right.SEE, Right.RUN)),
                tasks=("video.*",),
                roles=frozenset({"user"}),
                teams=("editors",),
                users=("*@example.org",),
                arguments={"preset": ("720p", "1080p")},
            ),
        ),
        (
            Delegation(
                frozenset(Right),
                backends=("shop",),
                users=("*",),
                teams=("editors",),
                tasks=("video.*",),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("[[rules]]", "1:1: rules.0.allow: is required", id="nothing allowed"),
        pytest.param(
            '[[rules]]\nallow = ["see", "rum"]',
            "2:17: rules.0.allow.1: must be 'see', 'run', 'output' or 'cancel'",
            id="no such right",
        ),
        pytest.param("[[rules]]\nallow = []", "2:1: rules.0.allow: must have", id="an empty list"),
        pytest.param('[[rules]]\nallow = "see"', "2:1: rules.0.allow: must be", id="no list"),
        pytest.param(
            '[[rules]]\nallow = ["see"]\ntask = ["x"]', "did you mean 'tasks'", id="misspelt"
        ),
        pytest.param(
            '[[rules]]\nallow = ["see"]\nroles = ["executor"]',
            "3:10: rules.0.roles.0: must be 'user', 'backend' or 'operator'",
            id="a role of the node's own",
        ),
        pytest.param(
            '[[rules]]\nallow = ["see"]\nusers = [""]', "3:10: rules.0.users.0", id="no name"
        ),
        pytest.param(
            '[[rules]]\nallow = ["see"]\nteams = [1]', "3:10: rules.0.teams.0", id="no text"
        ),
        pytest.param(
            '[[rules]]\nallow = ["see"]\narguments = {size = [1]}',
            'rules.0: arguments say what may be run: add "run"',
            id="arguments of what is not run",
        ),
        pytest.param(
            '[[rules]]\nallow = ["run"]\narguments = {size = 1}',
            "rules.0.arguments.size: must be a valid list",
            id="a value without its list",
        ),
        pytest.param('[rules]\nallow = ["run"]', "1:1: rules: must be", id="one table"),
        pytest.param(
            "[[delegation]]\nroles = ['user']", "2:1: delegation.0.roles", id="roles delegated"
        ),
        pytest.param("[[rule]]\nallow = ['run']", "did you mean 'rules'?", id="a misspelt table"),
    ],
)
def test_a_wrong_rule_is_refused_by_file_line_and_column(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        rules_of(tmp_path, text)

    assert str(refusal.value).startswith(f"{tmp_path / 'roles.toml'}:")
    assert complaint in str(refusal.value)
