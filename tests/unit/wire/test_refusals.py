"""What the router's own refusals become."""

from __future__ import annotations

import pytest
from autobahn.wamp import message as wamp

from taskrealm.protocol.errors import Error, NotAuthorized, Unavailable
from taskrealm.wire.session import _error_from


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        pytest.param("wamp.error.not_authorized", NotAuthorized, id="no"),
        pytest.param("wamp.error.authorization_failed", Unavailable, id="nobody can tell"),
        pytest.param("wamp.error.no_such_procedure", Unavailable, id="nobody answers"),
        pytest.param("wamp.error.canceled", Unavailable, id="nobody answers any more"),
    ],
)
def test_a_refusal_of_the_router_becomes(uri: str, error: type[Error]) -> None:
    refusal = wamp.Error(wamp.Call.MESSAGE_TYPE, 1, uri, args=["no callee for <a.system.name>"])

    assert type(_error_from(refusal, limit=0)) is error
