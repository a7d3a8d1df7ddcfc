"""TLS on the node's ports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobahn.twisted import util
from autobahn.util import peer_certificate_details
from crossbar.common.twisted import endpoint
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL.crypto import X509, PKey
from OpenSSL.SSL import Connection
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import CertificateOptions, TLSVersion
from txaio import make_logger
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Mapping

log = make_logger()


def install() -> None:
    """
    Let every port that Crossbar opens from now on have TLS as `Tls` makes it.

    The number of a client's certificate, which is longer than any that MessagePack can tell the
    executor, is told in hexadecimal digits.
    """
    util.peer_certificate_details = _details
    endpoint._create_tls_server_context = lambda config, folder, _log: Tls(config, Path(folder))


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """
    TLS 1.2 or newer with the certificate of a port, and those that have signed it.

    When its files have changed, because the certificate was renewed, the next connection
    gets the new one. As long as they cannot be used the old one stays.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        """
        Read what *config*, that of a port in Crossbar's words, names relative to *folder*.

        Raises:
            OSError, ValueError: A file is missing or is not what it should be.
        """
        self._certificate = folder / config["certificate"]
        self._key = folder / config["key"]
        self._authorities = [folder / each for each in config.get("ca_certificates", ())]
        self._state = self._look()
        self._options = self._load()

    def serverConnectionForTLS(self, _protocol: Any) -> Any:
        """A connection with the newest certificate; called by Twisted."""
        try:
            state = self._look()
            if state != self._state:
                self._state = state
                self._options = self._load()
        except (OSError, ValueError) as error:
            log.error("The changed certificate cannot be used: {error}", error=error)
        return Connection(self._options.getContext(), None)

    def _look(self) -> list[tuple[int, int]]:
        files = (self._certificate, self._key, *self._authorities)
        return [(stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in files)]

    def _load(self) -> Any:
        own, *signers = _certificates(self._certificate)
        key = load_pem_private_key(self._key.read_bytes(), password=None)
        if own.to_cryptography().public_key() != key.public_key():
            raise ValueError("The certificate and the key do not belong together")
        authorities = [each for file in self._authorities for each in _certificates(file)]
        return CertificateOptions(
            privateKey=PKey.from_cryptography_key(key),  # type: ignore[arg-type]
            certificate=own,
            extraCertChain=signers,
            caCerts=authorities or None,
            verify=bool(authorities),
            raiseMinimumTo=TLSVersion.TLSv1_2,
            enableSessionTickets=False,
            fixBrokenPeers=False,
        )


def _details(certificate: Any, **known: Any) -> dict[str, Any]:
    details: dict[str, Any] = peer_certificate_details(certificate, **known)
    return {**details, "serial": f"{details['serial']:x}"}


def _certificates(file: Path) -> list[Any]:
    return [X509.from_cryptography(each) for each in load_pem_x509_certificates(file.read_bytes())]
