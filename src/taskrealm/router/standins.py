"""
Stand-ins for packages that Crossbar imports and a node never uses.

Most of the time that Crossbar takes to start goes into the mathematics of a blockchain, of
which a node calls nothing. After `install`, which comes before the import of Crossbar, there
are inert names instead: they can be imported, subclassed and stand in annotations. Whatever
really uses one of them fails with `NotLoaded`.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGES = (
    # Payments between nodes, and the databases beneath them.
    *("cfxdb", "crossbar.edge", "eth_abi", "eth_account", "eth_keys", "eth_typing", "web3", "xbr"),
    "zlmdb",
    # Containers, Tor, downloads, and statistics of the machine.
    *("docker", "numpy", "treq", "txtorcon"),
)
"""What is stood in for, with all that is in it."""

REFUSED = ("autobahn.wamp.message_fbs", "bjdata")
"""Serializers that no transport of a node offers; autobahn knows what to do without them."""


class NotLoaded(Exception):
    """Something uses what is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is used, which the router of a node does not load: see {__name__}"
        )


def install() -> None:
    """Let all further imports of this process find the stand-ins."""
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the stand-ins, and makes them."""

    def find_spec(self, name: str, *_where: object) -> ModuleSpec | None:
        if name in REFUSED:
            raise ModuleNotFoundError(f"{name} is not for nodes", name=name)
        if any(name == package or name.startswith(f"{package}.") for package in PACKAGES):
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing: all that is in it is made when somebody asks for it."""


class _Module(ModuleType):
    """A module that has whatever name it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return _stand_in(self.__name__, name)


class _StandIn(type):
    """The class of every such name: it has whatever name it is asked for, and cannot be called."""

    def __getattr__(cls, name: str) -> Any:
        return _stand_in(f"{cls.__module__}.{cls.__qualname__}", name)

    def __call__(cls, *_args: object, **_named: object) -> Any:
        raise NotLoaded(f"{cls.__module__}.{cls.__qualname__}")


def _stand_in(owner: str, name: str) -> _StandIn:
    # What Python itself looks for, such as `__all__`, is not there.
    if name.startswith("__"):
        raise AttributeError(name)
    return _StandIn(name, (), {"__module__": owner})
