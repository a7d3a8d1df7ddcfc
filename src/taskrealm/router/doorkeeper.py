"""
The doorkeeper: what is slow or foreign about proving who somebody is, in a process of its own.

`… -m taskrealm.router.doorkeeper FOLDER` answers the questions of the authority, one JSON
object in a line each, on its standard input and output: `{"id", "kind", "secret", …}`, and
`{"id", "answer"}`, `{"id", "refused"}` with a sentence, or `{"id", "failed"}`. It ends when
its standard input does, whatever it is busy with.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..access.answers import identity_of
from ..access.hooks import load_hook
from ..access.identity import Identity
from ..access.passwords import is_password
from ..access.signed import SignedTokens, open_keys
from ..protocol.errors import Error, InvalidToken, Unavailable
from ..settings import NodeFolder, load_settings
from ..tasks import hooks
from .logs import LOG_INTERVAL, trim_log, write_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ..settings import AccessSettings

    Answers = Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]

HASHING = 2  # passwords that are compared at the same time; each takes 64 MiB
VERIFYING = 4  # tokens that are verified at the same time; one may wait for a key set
STRAYS = 8  # calls of the site's function that hang in threads, before this process gives way

SITE, JWT, PASSWORD = "site", "jwt", "password"
"""The kinds of questions: of a token for the site's function, a signed token, a password."""


class Doorkeeper:
    """Answers questions; whatever fails is written to the log, and no answer tells of it."""

    def __init__(self, folder: NodeFolder, settings: AccessSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._hashing = ThreadPoolExecutor(HASHING, "passwords")
        self._verifying = ThreadPoolExecutor(VERIFYING, "tokens")
        self._answers: Answers = {SITE: self._site, JWT: self._jwt, PASSWORD: self._password}
        self._authenticate: Callable[..., Any] | None = None
        self._signed: SignedTokens | None = None

    async def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be said to *question*."""
        try:
            return {"answer": await self._answers[question["kind"]](question)}
        except InvalidToken as error:
            return {"refused": error.message}
        except Exception as error:
            cause = error.__cause__ or error
            write_record(
                self._folder.log("doorkeeper"),
                f"A session is refused: {error}",
                logger=__name__,
                trace="".join(traceback.format_exception(cause)),
            )
            return {"failed": True}

    async def _site(self, question: Mapping[str, Any]) -> dict[str, Any]:
        name = self._settings.authenticate
        if name is None:
            raise Unavailable("The site has no function that authenticates")
        if self._authenticate is None:
            where = f"{self._folder.settings_file}: access.authenticate"
            self._authenticate = load_hook(name, self._folder.root, setting=where)
        try:
            answer = await hooks.call(
                self._authenticate,
                question["secret"],
                what=f"access.authenticate, {name}",
                limit=self._settings.authenticate_limit,
            )
        except Error as error:
            # Its words are for the log alone.
            raise RuntimeError(f"access.authenticate, {name}, failed") from error
        try:
            identity = identity_of(answer, longest=self._settings.sign_in_hours * 3_600)
        except ValueError as error:
            raise RuntimeError(f"access.authenticate, {name}: {error}") from None
        if identity is None:
            raise InvalidToken("The token is not valid or has expired")
        return packed(identity)

    async def _jwt(self, question: Mapping[str, Any]) -> dict[str, Any]:
        if self._signed is None:
            if self._settings.jwt is None:
                raise Unavailable("There are no settings for signed tokens")
            keys = open_keys(self._settings.jwt, self._folder.root)
            self._signed = SignedTokens(self._settings.jwt, keys)
        signed = await _in(self._verifying, self._signed.verify, question["secret"])
        return {**packed(signed.identity), "issued_at": signed.issued_at.timestamp()}

    async def _password(self, question: Mapping[str, Any]) -> bool:
        matches: bool = await _in(self._hashing, is_password, question["hash"], question["secret"])
        return matches


def packed(identity: Identity) -> dict[str, Any]:
    """*identity*, as far as a doorkeeper can tell it, for the way back."""
    ends = identity.expires_at
    return {
        "authid": identity.authid,
        "role": identity.role,
        "teams": list(identity.teams),
        "expires_at": None if ends is None else ends.timestamp(),
        "method": identity.method,
    }


def unpacked(answer: Mapping[str, Any]) -> Identity:
    """
    The identity in *answer*.

    Raises:
        ValueError: It can be none.
    """
    ends = answer["expires_at"]
    return Identity(
        answer["authid"],
        answer["role"],
        tuple(answer["teams"]),
        expires_at=None if ends is None else datetime.fromtimestamp(ends, UTC),
        method=answer["method"],
    )


async def _in(pool: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(pool, function, *args)


async def _serve(folder: NodeFolder, questions: int, answers: int) -> None:
    """Answer what comes on one pipe on the other; nothing else can reach them."""
    doorkeeper = Doorkeeper(folder, load_settings(folder.settings_file).access)
    loop = asyncio.get_running_loop()
    pending: set[asyncio.Task[None]] = set()

    def say(message: Mapping[str, Any]) -> None:
        # Short enough for the pipe to take it whole, as a router reads on.
        os.write(answers, f"{json.dumps(message)}\n".encode())

    async def attend(question: Mapping[str, Any]) -> None:
        say({"id": question["id"], **await doorkeeper.answer(question)})
        if hooks.strays() > STRAYS:
            os._exit(1)

    def begin(line: str) -> None:
        task = loop.create_task(attend(json.loads(line)))
        pending.add(task)
        task.add_done_callback(pending.discard)

    def listen() -> None:
        with open(questions, encoding="utf-8") as lines:
            for line in lines:
                loop.call_soon_threadsafe(begin, line)
        os._exit(0)  # whoever asked is gone, and the site's code may hang

    threading.Thread(target=listen, name="questions", daemon=True).start()
    say({"ready": True})
    while True:
        await asyncio.sleep(LOG_INTERVAL)
        trim_log(folder.log("doorkeeper"))


def main() -> None:
    """Run the doorkeeper of the node in the folder that the command line names."""
    questions, answers = os.dup(0), os.dup(1)
    # What the site's function prints or reads must not get between questions and answers.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    asyncio.run(_serve(NodeFolder(Path(sys.argv[1])), questions, answers))


if __name__ == "__main__":
    main()
