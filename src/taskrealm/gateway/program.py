"""The gateway as a program: settings in, an HTTP server out, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from ..access.addresses import proof_of
from ..ending import spare_last_collection
from ..logs import log_to_stderr
from ..protocol.errors import Unavailable
from ..settings import load_settings
from ..wire import join, stay_joined
from .app import application
from .bearers import Bearers
from .gateway import Gateway
from .metrics import Requests

if TYPE_CHECKING:
    from ..settings import NodeFolder, Settings
    from ..wire import Session

log = structlog.get_logger()

NAME = "gateway"
REJOIN_LIMIT = 2.0  # seconds between two tries to join, at most
END_LIMIT = 3.0  # seconds that requests have to be answered when the gateway stops
HEADERS_LIMIT = 65_536  # bytes; the router takes fewer
KEEP_ALIVE = 60.0  # seconds that a connection from the router is kept without a request


def run(folder: NodeFolder) -> None:
    """
    Run the gateway of the node in *folder* until SIGTERM or SIGINT.

    Requests are answered then for a little while longer. The end of stdin means that the
    wrapper is gone: then it ends at once.

    Raises:
        SettingsError: The settings cannot be used.
        Refused: The router knows neither this node's key nor its realm.
    """
    log_to_stderr()
    spare_last_collection()
    asyncio.run(_serve(folder, load_settings(folder.settings_file)))


async def _serve(folder: NodeFolder, settings: Settings) -> None:
    stop = _orders()
    async with _bearers(folder, settings) as bearers:
        gateway = Gateway(folder, settings, bearers, Requests(bearers))
        runner = web.AppRunner(
            application(gateway),
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,
            keepalive_timeout=KEEP_ALIVE,
            max_line_size=HEADERS_LIMIT,
            max_field_size=HEADERS_LIMIT,
            shutdown_timeout=END_LIMIT,
        )
        joined = asyncio.create_task(_stay_joined(gateway))
        try:
            await runner.setup()
            await web.UnixSite(runner, str(folder.gateway_socket)).start()
            log.info("Taking requests")
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((joined, stopping), return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if joined.done():
                await joined
            log.info("Stopping")
        finally:
            await runner.cleanup()
            joined.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await joined


def _bearers(folder: NodeFolder, settings: Settings) -> Bearers:
    secret = folder.gateway_secret.read_text(encoding="ascii").strip()

    async def enter(ticket: str, address: str, user: str) -> Session:
        try:
            return await join(
                f"unix:{folder.socket}",
                realm=settings.router.realm,
                ticket=ticket,
                authid=user,
                extra={"via": {"address": address, "proof": proof_of(address, secret)}},
            )
        except Unavailable as error:
            # Where on this machine the router is to be found is nobody's business.
            log.warning("Nobody can join", reason=error.message)
            raise Unavailable("The router is not there just now; try again in a moment") from None

    chosen = settings.gateway
    return Bearers(enter, most=chosen.sessions, idle=chosen.session_idle)


async def _stay_joined(gateway: Gateway) -> None:
    folder, settings = gateway.folder, gateway.settings

    async def enter() -> Session:
        return await join(
            f"unix:{folder.socket}",
            realm=settings.router.realm,
            key=folder.private_key(NAME),
            authid=NAME,
            authrole=NAME,
        )

    async def serve(session: Session) -> None:
        gateway.own = session
        log.info("Joined the realm", realm=settings.router.realm)

    await stay_joined(enter, serve, longest=REJOIN_LIMIT)


def _orders() -> asyncio.Event:
    """Set by the signals to stop; at the end of stdin this process ends at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def read() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            os._exit(1)

    loop.add_reader(sys.stdin.fileno(), read)
    return stop
