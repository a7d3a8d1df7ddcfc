"""Where a node keeps its things."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """The folder of one node, and the names of what lies in it."""

    root: Path

    @property
    def settings_file(self) -> Path:
        """`taskrealm.toml`, written by people only."""
        return self.root / "taskrealm.toml"

    @property
    def policy(self) -> Path:
        """`router/roles.toml`: what each role may do."""
        return self.root / "router" / "roles.toml"

    @property
    def crossbar(self) -> Path:
        """Crossbar's own folder, with the rendered `config.json`."""
        return self.root / ".crossbar"

    @property
    def state(self) -> Path:
        """Everything the running node keeps; readable by its owner alone."""
        return self.root / "state"

    @property
    def socket(self) -> Path:
        """The Unix socket over which executor and local backends join."""
        return self.state / "router.sock"

    @property
    def gateway_socket(self) -> Path:
        """The Unix socket over which the router hands on requests to the gateway."""
        return self.state / "gateway.sock"

    @property
    def keys(self) -> Path:
        """The Ed25519 keys with which the node's own components join."""
        return self.state / "keys"

    def private_key(self, component: str) -> Path:
        """The private key of *component*: its seed of 32 bytes as 64 hexadecimal digits."""
        return self.keys / f"{component}.key"

    def public_key(self, component: str) -> Path:
        """The public key of *component*: 64 hexadecimal digits."""
        return self.keys / f"{component}.pub"

    @property
    def gateway_secret(self) -> Path:
        """The key by which the gateway proves where it says that a client comes from."""
        return self.keys / "gateway.secret"

    @property
    def authenticator_secret(self) -> Path:
        """The key that the authenticator makes things of which nobody is to guess."""
        return self.keys / "authenticator.secret"

    @property
    def secrets_key(self) -> Path:
        """The key that seals the secrets of waiting and running jobs."""
        return self.keys / "secrets.key"

    @property
    def tokens(self) -> Path:
        """The store of token hashes, and of what else was revoked."""
        return self.state / "tokens.sqlite"

    @property
    def credentials(self) -> Path:
        """The store of passwords and keys: never themselves, but what verifies them."""
        return self.state / "credentials.sqlite"

    @property
    def operator_token(self) -> Path:
        """A token of role operator, for programs of the same user on the same machine."""
        return self.state / "operator.token"

    @property
    def journal(self) -> Path:
        """The folder of the journal: its database, the output of jobs, and files."""
        return self.state / "journal"

    @property
    def paused(self) -> Path:
        """There as long as an operator has paused the queue."""
        return self.state / "paused"

    @property
    def jobs(self) -> Path:
        """Private working directories of running jobs."""
        return self.state / "jobs"

    @property
    def logs(self) -> Path:
        """What the node's processes log."""
        return self.state / "logs"

    def log(self, program: str) -> Path:
        """What *program* logs: `node` is Crossbar, the others are the components."""
        return self.logs / f"{program}.log"

    def node_id(self) -> str:
        """
        What tells the processes of this node from those of others on the machine.

        It is made when first asked for; the state folder must exist.
        """
        path = self.state / "node.id"
        if not path.exists():
            # Linking is atomic and never replaces: of several processes, the first one's id stays.
            draft = path.with_name(f"node.id.{os.getpid()}")
            draft.write_text(secrets.token_hex(8))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text()
