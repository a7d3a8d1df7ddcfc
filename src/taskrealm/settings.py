"""What a site sets in `taskrealm.toml`."""

from __future__ import annotations

import json
import os
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from .documents import Unreadable, load

# The components of nodes have it from here.
from .folder import NodeFolder as NodeFolder

# A part of an origin's host name may be `*`.
ORIGIN = r"^https?://[a-z0-9*][a-z0-9.*-]*(:[0-9]{1,5})?$"
OWN_ORIGIN = r"^https?://[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?$"

Hook = Annotated[str, Field(pattern=r"^[^:]+:[A-Za-z_][A-Za-z0-9_]*$")]
"""`module:function`, or `file.py:function` with a file relative to the node."""
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Points = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


def _network(text: str) -> str:
    ip_network(text, strict=False)
    return text


Address = Annotated[str, AfterValidator(_network)]
"""An address of the Internet Protocol, or a network of them."""

LOOPBACK = "127.0.0.1"


class SettingsError(Exception):
    """The settings cannot be used; the message names file, setting and remedy."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TlsSettings(_Section):
    """The certificate of a port; its files are named relative to the node."""

    certificate: str
    """PEM file with the certificate, and behind it those that have signed it."""
    key: str
    """PEM file with the private key, readable by the node's user alone."""
    client_authorities: str | None = None
    """PEM file with the authorities whose certificates clients must have; None for no such
    demand. A browser has none as a rule, so this is for ports of programs."""


class RawSocketSettings(_Section):
    """A port for backends elsewhere, which speak WAMP without WebSocket."""

    interface: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)]
    tls: TlsSettings | None = None


class RouterSettings(_Section):
    """The realm, the one public port, and the port of backends."""

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
    origin: Annotated[str, Field(pattern=OWN_ORIGIN)] | None = None
    """The node's own origin, `https://tasks.example.org`, under which browsers find it; None if
    they do so by interface and port."""
    tls: TlsSettings | None = None
    """The certificate of the public port; None for no TLS."""
    raw_socket: RawSocketSettings | None = None
    """None for no such port."""
    trusted_proxies: tuple[Address, ...] = ()
    """Addresses, or networks such as `10.1.0.0/16`, of the proxies in front of this node, whose
    word is taken for where a client comes from."""
    connections_per_address: Annotated[int, Field(ge=1)] = 200
    """Connections that one address, other than a proxy's, may have open at once."""
    handshake_limit: Annotated[float, Field(ge=0.1)] = 10.0
    """Seconds from opening a connection until its session has joined, or its request is sent."""
    message_rate: Annotated[float, Field(gt=0)] = 1_000.0
    """Messages a second that one session may send for long; five times as many in a burst."""

    @property
    def home(self) -> str:
        """The origin under which browsers find the node."""
        host = {"0.0.0.0": LOOPBACK}.get(self.interface, self.interface)
        return self.origin or f"{self._scheme}://{host}:{self.port}"

    @property
    def origins(self) -> tuple[str, ...]:
        """Every origin that the node's own pages may have."""
        hosts = (LOOPBACK, "localhost", *{self.interface} - {LOOPBACK, "localhost", "0.0.0.0"})
        local = (f"{self._scheme}://{host}:{self.port}" for host in hosts)
        return (*local, *((self.origin,) if self.origin else ()))

    @property
    def _scheme(self) -> str:
        return "http" if self.tls is None else "https"


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
    jobs: Annotated[int, Field(ge=1)] = 10_000
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
    team_priorities: dict[str, Points] = {}
    """Points that the jobs of a team's members get in addition; of several teams the most."""
    priority: Hook | None = None
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


class JwtSettings(_Section):
    """Tokens that the site's own web application signs: JSON Web Tokens (RFC 7519)."""

    keys: str
    """Where the keys are that verify them: a file of the node with a secret, a PEM public key
    or a key set (RFC 7517), or the https address of a key set."""
    algorithms: Annotated[
        tuple[Literal["HS256", "RS256", "ES256", "EdDSA"], ...], Field(min_length=1)
    ]
    audience: str
    """What `aud` must name."""
    issuer: str | None = None
    """What `iss` must be; None if it does not matter."""
    leeway: Annotated[float, Field(ge=0, le=300)] = 10.0
    """Seconds by which the clock of who signs may differ."""
    longest: Annotated[float, Field(gt=0)] = 86_400.0
    """Seconds that a token may be valid; a longer one is refused."""
    user_claim: str = "sub"
    role_claim: str | None = None
    """The claim that says the role; None if all of them are users."""
    teams_claim: str | None = None
    """The claim that lists the teams."""
    roles: tuple[Literal["user", "backend", "operator"], ...] = ("user",)
    """The roles that they may give."""


class AccessSettings(_Section):
    """How sessions from outside prove who they are, besides by the node's own tokens."""

    authenticate: Hook | None = None
    """The site's own function, called with a token: it gives who that is."""
    authenticate_limit: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds that it may take."""
    authorize: Hook | None = None
    """The site's own function, which may refuse what the rules allow."""
    authorize_limit: Annotated[float, Field(gt=0, le=60)] = 5.0
    """Seconds that it may take."""
    jwt: JwtSettings | None = None
    passwords: bool = False
    """Whether people may sign in with a password, which `taskrealm user` sets."""
    wampcra: bool = False
    scram: bool = False
    cryptosign: bool = False
    """Whether programs may join by a challenge: WAMP-CRA, WAMP-SCRAM, or by a key of theirs."""
    certificates: bool = False
    """Whether programs may join by their TLS certificate, on a port that demands one."""
    anonymous: bool = False
    """Whether sessions may join without proof, as users that each have a name of their own."""
    sign_in_hours: Annotated[float, Field(gt=0)] = 12.0
    """Hours that a sign-in lasts."""
    mint_minutes: Annotated[float, Field(gt=0)] = 1_440.0
    """Minutes that a token may last which a program makes for a page."""


class GatewaySettings(_Section):
    """The HTTP side of the node: `/api` on the public port."""

    sessions: Annotated[int, Field(ge=1)] = 500
    """Tokens that may be in use at once."""
    session_idle: Annotated[float, Field(ge=1)] = 60.0
    """Seconds after its last request for which a token's session is kept."""
    body_limit: Annotated[int, Field(ge=65_536)] = 8_388_608
    """Bytes of one request, a piece of an upload included."""


class ConsoleSettings(_Section):
    """By what people tell this node's console from that of another."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = "TaskRealm"
    """What the node is called, in the console and in the titles of its pages."""
    environment: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """Text of a strip above every page, such as `Production`; None for no strip."""
    colour: Literal["blue", "green", "amber", "red"] = "amber"
    """Of that strip."""


class AuditSettings(_Section):
    """What is kept of who did what."""

    days: Annotated[float, Field(gt=0)] = 365.0
    """Days that a record is kept; until then nothing removes it."""


class ScheduleSettings(_Section):
    """When jobs of a task are made, as `Schedule` of the tasks says."""

    task: str
    cron: str
    zone: str = "UTC"
    arguments: dict[str, Any] = Field(default_factory=dict)
    owner: str | None = None
    teams: tuple[str, ...] = ()
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
    access: AccessSettings = AccessSettings()
    gateway: GatewaySettings = GatewaySettings()
    console: ConsoleSettings = ConsoleSettings()
    audit: AuditSettings = AuditSettings()
    schedules: tuple[ScheduleSettings, ...] = ()


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
