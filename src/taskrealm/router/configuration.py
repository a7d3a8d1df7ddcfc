"""Renders Crossbar's own configuration from a node's settings and policy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..protocol import uris

if TYPE_CHECKING:
    from ..settings import RouterSettings, Settings
    from .policy import Policy

SYSTEM = "system"
"""The role of the component embedded in the router worker."""

EXECUTOR = "executor"
"""The role, authid and program name of the executor."""

CONSOLE = "console"
"""The folder of the package `taskrealm` into which npm builds the web console."""

INSIDE_MESSAGE_LIMIT = 16_777_216  # bytes; the most that a raw socket carries

_SERIALIZERS = ["cbor", "msgpack", "json"]
_AUTHENTICATOR = {"type": "dynamic", "authenticator": uris.AUTHENTICATE}


def render(settings: Settings, policy: Policy) -> str:
    """
    The text of `.crossbar/config.json` for a node with *settings* and *policy*.

    It holds no secret and nothing of the machine: every path in it is relative to the
    folder of the file.
    """
    return json.dumps(configuration(settings.router, policy), indent=2) + "\n"


def configuration(settings: RouterSettings, policy: Policy) -> dict[str, Any]:
    """The configuration as data: one router worker, and the guest that runs the executor."""
    return {
        "version": 2,
        "controller": {"id": "taskrealm"},
        "workers": [
            {
                "type": "router",
                "id": "router",
                "realms": [_realm(settings, policy)],
                "components": [
                    {
                        "type": "class",
                        "id": "authority",
                        "classname": "taskrealm.router.authority.Authority",
                        "realm": settings.realm,
                        "role": SYSTEM,
                        "extra": {"idle_timeout": settings.idle_timeout},
                    }
                ],
                "transports": [_inside(), _public(settings)],
            },
            _guest(EXECUTOR),
        ],
    }


def _realm(settings: RouterSettings, policy: Policy) -> dict[str, Any]:
    outside = [{"name": name, "authorizer": uris.AUTHORIZE} for name in sorted(policy.roles)]
    return {
        "name": settings.realm,
        # Only URIs of lower case letters, digits, underscores and dots.
        "options": {"uri_check": "strict"},
        "roles": [
            {"name": SYSTEM, "permissions": _system_permissions()},
            {"name": EXECUTOR, "permissions": _executor_permissions()},
            *outside,
        ],
    }


def _system_permissions() -> list[dict[str, Any]]:
    return [_permission(uri, "register") for uri in (uris.AUTHENTICATE, uris.AUTHORIZE)]


def _executor_permissions() -> list[dict[str, Any]]:
    return [
        *(_permission(uri, "register") for uri in uris.REGISTERED),
        _permission(uris.USER_PREFIX, "publish"),
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
    ]


def _permission(uri: str, action: str) -> dict[str, Any]:
    return {
        "uri": uri,
        "match": "prefix" if uri.endswith(".") else "exact",
        "allow": {action: True},
        # A cache would keep an entry for every topic ever published on.
        "cache": False,
    }


def _inside() -> dict[str, Any]:
    """The Unix socket, which only the node's own user can reach: its folder is 0700."""
    return {
        "type": "rawsocket",
        "id": "inside",
        "endpoint": {"type": "unix", "path": "../state/router.sock"},
        "serializers": _SERIALIZERS,
        "options": {"max_message_size": INSIDE_MESSAGE_LIMIT},
        "auth": {"cryptosign": _AUTHENTICATOR, "ticket": _AUTHENTICATOR},
    }


def _public(settings: RouterSettings) -> dict[str, Any]:
    """The one port for people and programs elsewhere: web console and WebSocket."""
    ping_interval = round(settings.ping_interval * 1_000)  # milliseconds
    return {
        "type": "web",
        "id": "public",
        "endpoint": {
            "type": "tcp",
            "interface": settings.interface,
            "port": settings.port,
            "backlog": 1024,
        },
        "max_connections": settings.max_connections,
        "paths": {
            "/": {
                "type": "static",
                "package": "taskrealm",
                "resource": CONSOLE,
                "options": {"cache_timeout": 0},
            },
            "ws": {
                "type": "websocket",
                "serializers": _SERIALIZERS,
                "auth": {"ticket": _AUTHENTICATOR},
                "options": {
                    "allowed_origins": _origins(settings),
                    "allow_null_origin": False,
                    "max_message_size": settings.max_message_size,
                    "auto_ping_interval": ping_interval,
                    "auto_ping_timeout": ping_interval,
                    "enable_webstatus": False,
                    "show_server_version": False,
                },
            },
        },
    }


def _origins(settings: RouterSettings) -> list[str]:
    own = [f"http://{host}:{settings.port}" for host in ("127.0.0.1", "localhost")]
    return [*own, *(_with_port(origin) for origin in settings.allowed_origins)]


def _with_port(origin: str) -> str:
    # Crossbar compares with the port spelt out, also where browsers leave it out.
    scheme, _, host = origin.partition("://")
    return origin if ":" in host else f"{origin}:{443 if scheme == 'https' else 80}"


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
