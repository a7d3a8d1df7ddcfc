"""Keeps the secrets of jobs that have not ended, for nobody but the executor of this node."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY_SIZE = 32  # bytes
NONCE_SIZE = 12  # bytes, as AES-GCM wants


class SecretsLost(Exception):
    """What was sealed cannot be opened here."""


class Vault:
    """
    Seals secrets with the key of this node, for as long as their job waits or runs.

    The journal keeps what is sealed and never the key, so that a copy of the journal, such
    as a backup, gives no secret away. What was sealed for one job opens for no other.
    """

    def __init__(self, file: Path) -> None:
        """The key is in *file*, readable by its owner alone; it is made when first needed."""
        self._file = file
        self._cipher: AESGCM | None = None

    def seal(self, job_id: str, secrets: Mapping[str, str]) -> str | None:
        """*secrets* of a job, as the journal may keep them; None if it has none."""
        if not secrets:
            return None
        nonce = os.urandom(NONCE_SIZE)
        text = json.dumps(dict(secrets)).encode()
        sealed = self._opened().encrypt(nonce, text, job_id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, job_id: str, sealed: str | None) -> dict[str, str]:
        """
        The secrets that were *sealed* for a job.

        Raises:
            SecretsLost: The key of this node does not open them.
        """
        if sealed is None:
            return {}
        try:
            data = base64.b64decode(sealed, validate=True)
            text = self._opened().decrypt(data[:NONCE_SIZE], data[NONCE_SIZE:], job_id.encode())
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise SecretsLost(
                f"The secrets of the job cannot be read any more: {self._file.name} is not the "
                "key that they were sealed with"
            ) from error
        secrets: dict[str, str] = json.loads(text)
        return secrets

    def _opened(self) -> AESGCM:
        if self._cipher is None:
            if not self._file.exists():
                self._make_key()
            self._cipher = AESGCM(bytes.fromhex(self._file.read_text(encoding="ascii")))
        return self._cipher

    def _make_key(self) -> None:
        # Linking is atomic: the key is there as a whole or not at all, also after a crash.
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(os.urandom(KEY_SIZE).hex())
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            self._file.hardlink_to(draft)
        draft.unlink()
