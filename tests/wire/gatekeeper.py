"""Lets the sessions of these tests into the realm; runs inside the router worker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from autobahn.twisted.wamp import ApplicationSession
from autobahn.wamp.exception import ApplicationError

from taskrealm.protocol import uris


class Gatekeeper(ApplicationSession):  # type: ignore[misc]
    """Knows every ticket in the file `TICKETS`, a mapping to authid and role."""

    async def onJoin(self, _details: Any) -> None:
        await self.register(self.authenticate, uris.AUTHENTICATE)

    def authenticate(self, realm: str, _authid: str, details: dict[str, Any]) -> dict[str, Any]:
        known = json.loads(Path(os.environ["TICKETS"]).read_text())
        try:
            authid, role = known[details["ticket"]]
        except KeyError:
            raise ApplicationError("taskrealm.error.invalid_token", "Unknown token") from None
        if role == "unavailable":
            raise ApplicationError("wamp.error.canceled", "The authenticator died")
        extra = {"uid": uris.uid_of(authid)}
        return {"realm": realm, "authid": authid, "role": role, "extra": extra}
