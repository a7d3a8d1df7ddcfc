"""What a site sets in `taskrealm.toml`, and where a node keeps its things."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .documents import Unreadable, load

# A part of an origin's host name may be `*`.
ORIGIN = r"^https?://[a-z0-9*][a-z0-9.*-]*(:[0-9]{1,5})?$"

GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Points = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class SettingsError(Exception):
    """The settings cannot be used; the message names file, setting and remedy."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class RouterSettings(_Section):
    """The realm and the one public port."""

    realm: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")] = "taskrealm"
    interface: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    max_message_size: Annotated[int, Field(ge=65_536, le=16_777_216)] = 1_048_576  # bytes
    max_connections: Annotated[int, Field(ge=10)] = 2_000
    ping_interval: Annotated[float, Field(ge=1, le=3_600)] = 10.0
    """Seconds between two pings, which keep a connection open where a proxy closes silent
    ones. A peer that does not answer within the same time is dropped."""
    idle_timeout: Annotated[float, Field(ge=1)] | None = None
    """Seconds after which a session that neither sent nor was sent anything is ended; pings
    do not count. None is for ever."""
    allowed_origins: tuple[Annotated[str, Field(pattern=ORIGIN)], ...] = ()
    """Origins besides the node's own from which pages may connect; `*` in a host name
    stands for any text."""


class LimitSettings(_Section):
    """The most that one job may use up, unless its task says otherwise."""

    memory: Annotated[int, Field(gt=0)] | None = None
    """Bytes in main memory, of all processes of the job together."""
    cpu: Annotated[float, Field(gt=0)] | None = None
    """Seconds of processor time, of all processes of the job together."""
    processes: Annotated[int, Field(gt=0)] | None = 1_000
    """Processes of the job that exist at once; none is so greedy unless by mistake."""
    open_files: Annotated[int, Field(gt=0)] | None = None
    """Files that each of its processes may have open; those of the executor if None."""


class WorkerSettings(_Section):
    """The warm processes in which the own Python code of tasks runs."""

    processes: Annotated[int, Field(ge=1, le=1_024)] | None = None
    """How many there are at most; None for one in each slot. Who finds none free waits."""
    jobs: Annotated[int, Field(ge=1)] = 1_000
    """Steps of jobs after which a worker is replaced."""
    memory: Annotated[int, Field(ge=1_048_576)] = 500_000_000
    """Bytes of memory by which a worker may have grown when it takes the next step."""


class ExecutorSettings(_Section):
    """How many jobs run and wait, and the limits of each."""

    tasks: str = "tasks"
    """Folder with this node's task definitions, relative to the node."""
    slots: Annotated[int, Field(ge=1, le=1_024)] = Field(
        default_factory=lambda: len(os.sched_getaffinity(0))
    )
    queue_limit: Annotated[int, Field(ge=1)] = 2_000
    queue_limit_per_user: Annotated[int, Field(ge=1)] | None = None
    """Jobs of one user that may wait; None for half of `queue_limit`."""
    slots_per_user: Annotated[int, Field(ge=1)] | None = None
    """Slots that the jobs of one user may take up; None for all."""
    groups: dict[GroupName, Annotated[int, Field(ge=1)]] = {}
    """Slots that the tasks of each group may take up together."""
    priorities: dict[Literal["user", "backend", "operator"], Points] = {}
    """Points that the jobs of a role get in addition to what their callers ask for; a role
    that is left out gets none."""
    priority: Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """`module:function` or `file.py:function`, which gives the points of a caller instead; the
    file is relative to the node."""
    drain_limit: Annotated[float, Field(ge=0)] = 10.0
    """Seconds that running jobs have to end by themselves when the node stops."""
    timeout: Annotated[float, Field(gt=0)] = 3_600.0  # seconds a job may run unless its task says
    output_limit: Annotated[int, Field(ge=1_024)] = 20_000_000  # bytes kept of each output stream
    environment: tuple[str, ...] = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
    """Variables of the executor's own environment that a job's program receives."""
    limits: LimitSettings = LimitSettings()
    workers: WorkerSettings = WorkerSettings()


class RetentionSettings(_Section):
    """How long finished jobs are kept, with their events, output and results."""

    days: Annotated[float, Field(gt=0)] = 30.0
    size: Annotated[int, Field(ge=1_048_576)] = 2_147_483_648
    """Bytes of database, output and artifacts together; beyond them the oldest finished jobs
    go first."""
    interval: Annotated[float, Field(gt=0)] = 60.0  # seconds between two looks


class FileSettings(_Section):
    """How much users may send and jobs may leave, and how long it is kept."""

    upload_limit: Annotated[int, Field(ge=0)] = 1_073_741_824
    """Bytes of one file that a user sends."""
    user_limit: Annotated[int, Field(ge=0)] = 4_294_967_296
    """Bytes of all files of one user together."""
    uploads_per_user: Annotated[int, Field(ge=0)] = 1_000
    """Files that one user may have here at once."""
    lifetime: Annotated[float, Field(gt=0)] = 604_800.0
    """Seconds that a file is kept after its last use; as long as a job needs it, always."""
    patience: Annotated[float, Field(gt=0)] = 86_400.0
    """Seconds within which an upload must be finished."""
    artifact_limit: Annotated[int, Field(ge=0)] = 2_147_483_648
    """Bytes of all files that one job leaves."""
    artifacts_per_job: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Files that one job leaves."""
    artifact_days: Annotated[float, Field(gt=0)] | None = None
    """Days that they are kept unless their task says otherwise; None for as long as the job."""


class ScheduleSettings(_Section):
    """When jobs of a task are made, as `Schedule` of the tasks says."""

    task: str
    cron: str
    zone: str = "UTC"
    arguments: dict[str, Any] = Field(default_factory=dict)
    owner: str | None = None
    missed: Literal["skip", "once", "all"] = "skip"
    overlap: Literal["allow", "skip"] = "allow"
    jitter: float = 0.0
    name: str | None = None


class Settings(_Section):
    """All settings of a node."""

    router: RouterSettings = RouterSettings()
    executor: ExecutorSettings = Field(default_factory=ExecutorSettings)
    retention: RetentionSettings = RetentionSettings()
    files: FileSettings = FileSettings()
    schedules: tuple[ScheduleSettings, ...] = ()


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
    def secrets_key(self) -> Path:
        """The key that seals the secrets of waiting and running jobs."""
        return self.keys / "secrets.key"

    @property
    def tokens(self) -> Path:
        """The store of token hashes."""
        return self.state / "tokens.sqlite"

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


def load_settings(path: Path) -> Settings:
    """
    Read the settings in *path*.

    Raises:
        SettingsError: The file is missing, not TOML, or a setting is unknown or wrong. There
            is a line for each mistake, beginning with file, line and column.
    """
    try:
        document = load(path)
    except FileNotFoundError:
        raise SettingsError(
            f"{path} does not exist; `taskrealm init {path.parent}` writes one"
        ) from None
    except Unreadable as error:
        raise SettingsError(str(error)) from error
    try:
        # TOML arrays are lists and its whole numbers are fair floats: both are what JSON
        # mode accepts in strict validation.
        return Settings.model_validate_json(json.dumps(document.values, default=str))
    except ValidationError as error:
        raise SettingsError("\n".join(document.mistakes(error, Settings))) from None
