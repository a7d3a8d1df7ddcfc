"""Renders Crossbar's own configuration from a node's settings and policy."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..protocol import uris

if TYPE_CHECKING:
    from ..access.policy import Policy
    from ..settings import (
        AccessSettings,
        ConsoleSettings,
        RawSocketSettings,
        RouterSettings,
        Settings,
        TlsSettings,
    )

SYSTEM = "system"
"""The role of the component embedded in the router worker."""

EXECUTOR = "executor"
"""The role, authid and program name of the executor."""

GATEWAY = "gateway"
"""The role, authid and program name of the gateway."""

INSIDE = frozenset({SYSTEM, EXECUTOR, GATEWAY})
"""The roles of the node's own sessions, whose permissions the configuration holds."""

CONSOLE = "console"
"""The folder of the package `taskrealm` into which npm builds the web console."""

INSIDE_MESSAGE_LIMIT = 16_777_216  # bytes; the most that a raw socket carries

UNDIVIDED = 1_000_000
"""
To how many subscribers Crossbar sends an event at once: all of them; see `crowds`.

If it sent it to some later, it could send the next one to them before, as others have left.
"""

CLOSE_LIMIT = 1_000  # milliseconds for the closing handshake of a WebSocket
USER_TIMEOUT_LIMIT = 65_535  # milliseconds; the most that Crossbar takes

_SERIALIZERS = ["cbor", "msgpack", "json"]
_AUTHENTICATOR = {"type": "dynamic", "authenticator": uris.AUTHENTICATE}


def render(settings: Settings, policy: Policy) -> str:
    """
    The text of `.crossbar/config.json` for a node with *settings* and *policy*.

    It holds no secret and nothing of the machine: every path in it is relative to the
    folder of the file.
    """
    return json.dumps(configuration(settings, policy), indent=2) + "\n"


def configuration(settings: Settings, policy: Policy) -> dict[str, Any]:
    """The configuration as data: one router worker, and a guest for each component."""
    router = settings.router
    return {
        "version": 2,
        "controller": {"id": "taskrealm"},
        "workers": [
            {
                "type": "router",
                "id": "router",
                "realms": [_realm(router, policy)],
                "components": [
                    {
                        "type": "class",
                        "id": "authority",
                        "classname": "taskrealm.router.authority.Authority",
                        "realm": router.realm,
                        "role": SYSTEM,
                    }
                ],
                "transports": _transports(settings),
            },
            _guest(EXECUTOR),
            _guest(GATEWAY),
        ],
    }


def _realm(settings: RouterSettings, policy: Policy) -> dict[str, Any]:
    # Nobody registers that procedure: see `decisions`, without which all is refused.
    outside = [{"name": name, "authorizer": uris.AUTHORIZE} for name in sorted(policy.roles)]
    return {
        "name": settings.realm,
        # Only URIs of lower case letters, digits, underscores and dots.
        "options": {"uri_check": "strict", "event_dispatching_chunk_size": UNDIVIDED},
        "roles": [
            {"name": SYSTEM, "permissions": _system_permissions()},
            {"name": EXECUTOR, "permissions": _executor_permissions()},
            {"name": GATEWAY, "permissions": _gateway_permissions()},
            *outside,
        ],
    }


def _system_permissions() -> list[dict[str, Any]]:
    return [
        *(_permission(uri, "register") for uri in (uris.AUTHENTICATE, uris.END)),
        {**_permission(uris.RECORD, "call"), "disclose": {"caller": True}},
    ]


def _executor_permissions() -> list[dict[str, Any]]:
    return [
        *(_permission(uri, "register") for uri in uris.REGISTERED),
        _permission(uris.USER_PREFIX, "publish"),
        _permission(uris.JOB_PREFIX, "publish"),
        _permission(uris.CATALOG, "publish"),
        *(
            _permission(f"wamp.{uri}", "subscribe")
            for uri in (
                "session.on_join",
                "session.on_leave",
                "subscription.on_create",
                "subscription.on_delete",
            )
        ),
        *(
            _permission(f"wamp.{uri}", "call")
            for uri in ("session.list", "session.get", "subscription.list", "subscription.get")
        ),
        _permission(uris.END, "call"),
    ]


def _gateway_permissions() -> list[dict[str, Any]]:
    # Whatever it asks for on behalf of users, it asks for in sessions of theirs.
    return [{**_permission(uris.HEALTH, "call"), "disclose": {"caller": True}}]


def _permission(uri: str, action: str) -> dict[str, Any]:
    return {
        "uri": uri,
        "match": "prefix" if uri.endswith(".") else "exact",
        "allow": {action: True},
        # A cache would keep an entry for every topic ever published on.
        "cache": False,
    }


def _gateway() -> dict[str, Any]:
    """What hands requests on to the gateway, over a socket that only the node's user can reach."""
    return {
        "type": "resource",
        "classname": "taskrealm.router.proxy.Proxy",
        "extra": {"socket": "../state/gateway.sock"},
    }


def _transports(settings: Settings) -> list[dict[str, Any]]:
    router, access = settings.router, settings.access
    transports = [_inside(access), _public(router, access, settings.console)]
    if router.raw_socket is not None:
        transports.append(_backends(router, router.raw_socket, access))
    return transports


def _auth(access: AccessSettings, tls: TlsSettings | None = None) -> dict[str, Any]:
    """The ways to join over a transport that has this *tls*."""
    methods = {
        "ticket": True,
        "cryptosign": access.cryptosign,
        "wampcra": access.wampcra,
        "scram": access.scram,
        "tls": access.certificates and tls is not None and tls.client_authorities is not None,
        "anonymous": access.anonymous,
    }
    return {method: _AUTHENTICATOR for method, is_open in methods.items() if is_open}


def _inside(access: AccessSettings) -> dict[str, Any]:
    """The Unix socket, which only the node's own user can reach: its folder is 0700."""
    return {
        "type": "rawsocket",
        "id": "inside",
        "endpoint": {"type": "unix", "path": "../state/router.sock"},
        "serializers": _SERIALIZERS,
        "options": {"max_message_size": INSIDE_MESSAGE_LIMIT},
        "auth": {"cryptosign": _AUTHENTICATOR, **_auth(access)},
    }


def _public(
    settings: RouterSettings, access: AccessSettings, console: ConsoleSettings
) -> dict[str, Any]:
    """The one port for people and programs elsewhere: web console, WebSocket and HTTP."""
    ping_interval = round(settings.ping_interval * 1_000)  # milliseconds
    return {
        "type": "web",
        "id": "public",
        "endpoint": _endpoint(settings, settings),
        "max_connections": settings.max_connections,
        "paths": {
            "/": {
                "type": "resource",
                "classname": "taskrealm.router.console.packaged",
                "extra": _said_by_pages(console, access),
            },
            "api": _gateway(),
            "metrics": _gateway(),
            "ws": {
                "type": "websocket",
                "serializers": _SERIALIZERS,
                "auth": _auth(access, settings.tls),
                "options": {
                    "allowed_origins": _origins(settings),
                    "allow_null_origin": False,
                    "max_message_size": settings.max_message_size,
                    "open_handshake_timeout": round(settings.handshake_limit * 1_000),
                    "close_handshake_timeout": CLOSE_LIMIT,
                    "auto_ping_interval": ping_interval,
                    "auto_ping_timeout": ping_interval,
                    "enable_webstatus": False,
                    "show_server_version": False,
                },
            },
        },
    }


def _said_by_pages(console: ConsoleSettings, access: AccessSettings) -> dict[str, str]:
    """What the page of the console knows of its node before anybody has signed in."""
    said = {"name": console.name, "passwords": "yes" if access.passwords else "no"}
    if console.environment is not None:
        said |= {"environment": console.environment, "environment-colour": console.colour}
    return said


def _backends(
    settings: RouterSettings, port: RawSocketSettings, access: AccessSettings
) -> dict[str, Any]:
    """The port for programs elsewhere that speak WAMP from the first byte."""
    return {
        "type": "rawsocket",
        "id": "backends",
        "endpoint": _endpoint(settings, port),
        "max_connections": settings.max_connections,
        "serializers": _SERIALIZERS,
        "options": {"max_message_size": settings.max_message_size},
        "auth": _auth(access, port.tls),
    }


def _endpoint(settings: RouterSettings, port: RouterSettings | RawSocketSettings) -> dict[str, Any]:
    endpoint: dict[str, Any] = {
        "type": "tcp",
        "interface": port.interface,
        "port": port.port,
        "backlog": 1024,
        # A peer that takes nothing for so long is gone; the kernel sees to that.
        "user_timeout": min(round(2_000 * settings.ping_interval), USER_TIMEOUT_LIMIT),
    }
    if port.tls is not None:
        endpoint["tls"] = {
            "certificate": _beside(port.tls.certificate),
            "key": _beside(port.tls.key),
        }
        if port.tls.client_authorities is not None:
            endpoint["tls"]["ca_certificates"] = [_beside(port.tls.client_authorities)]
    return endpoint


def _beside(name: str) -> str:
    """The file *name* of the node, as it is called from the folder of the configuration."""
    return f"../{name}"


def _origins(settings: RouterSettings) -> list[str]:
    allowed = (*settings.origins, *settings.allowed_origins)
    return list(dict.fromkeys(_with_port(origin) for origin in allowed))


def _with_port(origin: str) -> str:
    # Crossbar compares with the port spelt out, also where browsers leave it out.
    scheme, _, host = origin.partition("://")
    return (
        origin if re.search(r":[0-9]+$", host) else f"{origin}:{443 if scheme == 'https' else 80}"
    )


def _guest(component: str) -> dict[str, Any]:
    """
    The wrapper that runs a component of the node.

    Its interpreter is the first `python3` on the PATH, which is the right one inside a
    virtual environment, and everywhere for `taskrealm up`.
    """
    return {
        "type": "guest",
        "id": component,
        "executable": "python3",
        # -P: the node's folder holds names, such as `tasks`, that are no packages to import.
        "arguments": ["-P", "-m", "taskrealm.router.guest", component],
        "options": {"workdir": ".."},
    }
