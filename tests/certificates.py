"""Certificates for tests: an authority of our own, and what it signs."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, TLSVersion
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)


class Authority:
    """Signs certificates, directly or by an authority in between."""

    def __init__(self, name: str = "Authority", signer: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.signer = signer or self
        self.name = _name(name)
        now = datetime.now(UTC)
        self.certificate = (
            _builder(self.name, self.signer.name, self.key, now - DAY, now + 10 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.signer.key, hashes.SHA256())
        )

    def write(self, path: Path) -> Path:
        """Put the authority's own certificate into the file *path*."""
        path.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        return path

    def issue(
        self, folder: Path, name: str = "127.0.0.1", *, days: float = 5, serial: int | None = None
    ) -> tuple[Path, Path]:
        """
        Sign a certificate for *name*; gives its file, with those in between, and that of its key.

        It is valid for *days* from now; if that is less than none, it was.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names: list[x509.GeneralName] = [x509.DNSName("localhost")]
        if name[0].isdigit():
            names.append(x509.IPAddress(ipaddress.ip_address(name)))
        certificate = (
            _builder(_name(name), self.name, key, now - 10 * DAY, now + days * DAY, serial)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        chain = [certificate, *([self.certificate] if self.signer is not self else [])]
        certificate_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
        certificate_file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file

    def trusted(
        self,
        *,
        own: tuple[Path, Path] | None = None,
        newest: TLSVersion = TLSVersion.MAXIMUM_SUPPORTED,
    ) -> SSLContext:
        """How a client connects that trusts this authority, with a certificate of its *own*."""
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.certificate.public_bytes(Encoding.PEM).decode())
        context.maximum_version = newest
        if own is not None:
            context.load_cert_chain(*own)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    since: datetime,
    until: datetime,
    serial: int | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
    )
