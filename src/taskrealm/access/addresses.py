"""Where a session comes from, as far as that can be believed."""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Address, IPv6Address

ADDRESS_LIMIT = 100  # characters


class Proxies:
    """The proxies whose word is taken for where a client comes from: addresses and networks."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """*trusted* are addresses or networks, such as `10.1.0.0/16`."""
        self._networks = tuple(ip_network(each, strict=False) for each in trusted)

    def trusts(self, address: str) -> bool:
        """Whether *address* is one of them."""
        found = _parsed(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """
        The address of the client of the connection from *peer*.

        Of *forwarded_for*, the header `X-Forwarded-For`, only what trusted proxies have
        written is believed: it is read from its end.
        """
        address = peer
        for named in reversed(forwarded_for.split(",")):
            found = _parsed(named.strip())
            if found is None or not self.trusts(address):
                break
            address = str(found)
        return address


def address_of(transport: Mapping[str, Any], proxies: Proxies) -> str | None:
    """Where a connection comes from by TCP, in Crossbar's words `tcp4:127.0.0.1:4711`."""
    kind, _, rest = str(transport.get("peer")).partition(":")
    if kind not in ("tcp4", "tcp6"):
        return None
    headers = transport.get("http_headers_received") or {}
    return proxies.client(rest.rpartition(":")[0], str(headers.get("x-forwarded-for", "")))


def proof_of(address: str, key: str) -> str:
    """What the gateway says together with *address*, to be believed; *key* is its secret."""
    return hmac.new(key.encode(), address.encode(), hashlib.sha256).hexdigest()


def vouched_address(extra: object, key: str) -> str | None:
    """The address that the gateway has proven in a session's *extra*, under `via`."""
    via = extra.get("via") if isinstance(extra, dict) else None
    if not isinstance(via, dict):
        return None
    address, proof = via.get("address"), via.get("proof")
    if (
        not (isinstance(address, str) and isinstance(proof, str))
        or len(address) > ADDRESS_LIMIT
        or not address.isprintable()
        or not hmac.compare_digest(proof.encode(errors="replace"), proof_of(address, key).encode())
    ):
        return None
    return address


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found.ipv4_mapped or found if found.version == 6 else found
