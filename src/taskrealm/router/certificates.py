"""Looks over the certificates of a node's ports before they are used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.x509 import Certificate

    from ..settings import NodeFolder, RouterSettings, TlsSettings


def require_certificates(folder: NodeFolder, router: RouterSettings) -> None:
    """
    Make sure that every port of the node in *folder* that is to have TLS can have it.

    Raises:
        SettingsError: A file is missing or unreadable, is not what it should be, has expired,
            or does not belong to the others. There is a line for each mistake.
    """
    ports: list[tuple[str, TlsSettings | None]] = [("router.tls", router.tls)]
    if router.raw_socket is not None:
        ports.append(("router.raw_socket.tls", router.raw_socket.tls))
    mistakes = [
        f"{folder.settings_file}: {name}.{mistake}"
        for name, tls in ports
        if tls is not None
        for mistake in _mistakes(folder.root, tls)
    ]
    if mistakes:
        raise SettingsError("\n".join(mistakes))


def _mistakes(root: Path, tls: TlsSettings) -> Iterator[str]:
    """What is wrong with the files of a port, each with the name of its setting."""
    certificate = key = None
    try:
        certificate = _certificates(root / tls.certificate)[0]
        _require_validity(root / tls.certificate, certificate)
    except _Unusable as error:
        yield f"certificate: {error}"
    try:
        key = _key(root / tls.key)
    except _Unusable as error:
        yield f"key: {error}"
    if certificate is not None and key is not None and certificate.public_key() != key:
        yield f"key: {root / tls.key} does not belong to the certificate {root / tls.certificate}"
    if tls.client_authorities is not None:
        try:
            _certificates(root / tls.client_authorities)
        except _Unusable as error:
            yield f"client_authorities: {error}"


class _Unusable(Exception):
    """A file cannot be used; the message says which and why."""


def _certificates(file: Path) -> list[Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(file))
    except ValueError:
        raise _Unusable(f"{file} holds no certificate in PEM form") from None


def _require_validity(file: Path, certificate: Certificate) -> None:
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc <= now:
        raise _Unusable(f"{file} has expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        raise _Unusable(f"{file} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")


def _key(file: Path) -> object:
    """The public half of the private key in *file*."""
    content = _content(file)
    if file.stat().st_mode & 0o007:
        raise _Unusable(f"{file} is open to everybody; `chmod 600` closes it")
    try:
        return load_pem_private_key(content, password=None).public_key()
    except TypeError:
        raise _Unusable(f"{file} is locked by a password, which nobody is there to type") from None
    except ValueError:
        raise _Unusable(f"{file} holds no private key in PEM form") from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _Unusable(f"{file} cannot be read: {error.strerror}") from None
