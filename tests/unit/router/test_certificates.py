"""What stands in the way of TLS is said before a node starts, with file and setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.certificates import Authority

from taskrealm.router.certificates import require_certificates
from taskrealm.settings import (
    NodeFolder,
    RawSocketSettings,
    RouterSettings,
    SettingsError,
    TlsSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AUTHORITY = Authority()


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    """A node with a certificate `node.crt`, its key `node.key`, and an authority `ca.crt`."""
    AUTHORITY.issue(tmp_path, "node")
    AUTHORITY.write(tmp_path / "ca.crt")
    return NodeFolder(tmp_path)


def settings(**files: str) -> RouterSettings:
    return RouterSettings(tls=TlsSettings(**{"certificate": "node.crt", "key": "node.key"} | files))


def test_what_belongs_together_is_taken(folder: NodeFolder) -> None:
    require_certificates(folder, settings(client_authorities="ca.crt"))
    require_certificates(folder, RouterSettings())


def lock(root: Path) -> None:
    key = load_pem_private_key((root / "node.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (root / "node.key").write_bytes(locked)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda root: (root / "node.crt").unlink(),
            r"router\.tls\.certificate: .*node\.crt cannot be read: No such file",
            id="no certificate",
        ),
        pytest.param(
            lambda root: (root / "node.key").unlink(),
            r"router\.tls\.key: .*node\.key cannot be read: No such file",
            id="no key",
        ),
        pytest.param(
            lambda root: (root / "node.crt").write_text("certificate"),
            "holds no certificate in PEM form",
            id="no PEM",
        ),
        pytest.param(
            lambda root: (root / "node.key").write_text("key"),
            "holds no private key in PEM form",
            id="no PEM key",
        ),
        pytest.param(lock, "locked by a password", id="a locked key"),
        pytest.param(
            lambda root: (root / "node.key").chmod(0o644),
            "open to everybody",
            id="a key that everybody can read",
        ),
        pytest.param(
            lambda root: AUTHORITY.issue(root, "other")[1].rename(root / "node.key"),
            r"node\.key does not belong to the certificate .*node\.crt",
            id="the key of another",
        ),
        pytest.param(
            lambda root: AUTHORITY.issue(root, "node", days=-1), "has expired on", id="expired"
        ),
        pytest.param(
            lambda root: (root / "ca.crt").unlink(),
            r"router\.tls\.client_authorities: .*ca\.crt cannot be read",
            id="no authorities",
        ),
    ],
)
def test_what_cannot_be_used_is_named(
    folder: NodeFolder, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(folder.root)

    with pytest.raises(SettingsError, match=said):
        require_certificates(folder, settings(client_authorities="ca.crt"))


def test_each_port_is_looked_over(folder: NodeFolder) -> None:
    raw_socket = RawSocketSettings(port=9_001, tls=TlsSettings(certificate="a", key="b"))

    with pytest.raises(SettingsError) as error:
        require_certificates(folder, RouterSettings(raw_socket=raw_socket))

    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "router.raw_socket.tls.certificate",
        "router.raw_socket.tls.key",
    ]
