"""
The command line: one verb per function, grouped by noun.

The module of a verb is imported when the verb is used, so that `taskrealm --help` is
quick and the verbs of a client never load the router.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from ..ending import spare_last_collection
from ..protocol.errors import Error, InvalidArguments
from . import exits
from .terminal import say, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

VERBS: Final[Mapping[str, tuple[str, str]]] = {
    "up": ("node", "Start a node and run it until Ctrl-C."),
    "init": ("node", "Write a new node into a folder."),
    "check": ("node", "Find the mistakes in a node's settings, policy and tasks."),
    "reload": ("reloading", "Let a node take its tasks as they are written now; for operators."),
    "schema": ("reloading", "Print the JSON Schema of a kind of file, for editors."),
    "backup": ("backup", "Write a backup of the journal into a file, also while the node runs."),
    "restore": ("backup", "Make a backup the journal of a node that does not run."),
    "token": ("tokens", "Make a token or a sign-in link for a user of this node."),
    "tokens": ("tokens", "List the valid tokens of this node, and revoke some."),
    "user": ("users", "Manage the users of this node: passwords, secrets, keys, certificates."),
    "tasks": ("tasks", "List the tasks you may run, or the parameters of one."),
    "types": ("types", "Print the tasks you may run as TypeScript, for programs that run them."),
    "run": ("run", "Run a task and follow its job."),
    "watch": ("jobs", "Follow a job: its events and its output."),
    "ls": ("jobs", "List jobs, the newest first."),
    "show": ("jobs", "Show everything about one job."),
    "logs": ("jobs", "Print the output of a job."),
    "get": ("files", "Fetch the files that a job has left."),
    "cancel": ("jobs", "Cancel jobs, waiting or running."),
    "answer": ("jobs", "Answer a question that a running job asks."),
    "status": ("queue", "Show how busy a node is; for operators."),
    "queue": ("queue", "Pause, resume or drain a node, or change its limits; for operators."),
    "load": ("load", "Put a node under load, and check that no event is lost."),
    "schedule": ("schedule", "List, pause, resume and run schedules; for operators."),
    "audit": ("audit", "Show or export who did what; for operators."),
    "sessions": (
        "sessions",
        "List who has joined, and end sessions: operators everybody's, others --own ones.",
    ),
    "rights": ("rights", "Show what a user may do, and by which rules; for operators."),
}
"""Each verb, in the order of the help page: its module, and what it does."""


class Verbs(click.Group):
    """The verbs of `VERBS`; errors of the wire contract become sentences and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which a newcomer needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, imported now."""
        if cmd_name not in VERBS:
            return None
        module, _ = VERBS[cmd_name]
        verb: click.Command = getattr(import_module(f"{__name__}.{module}"), cmd_name)
        return verb

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in VERBS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words of the command line, which must be text for the wire to carry them."""
        for word in args:
            if any("\ud800" <= character <= "\udfff" for character in word):
                raise click.UsageError(f"{visible(word)} is not UTF-8 text", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb."""
        try:
            return super().invoke(ctx)
        except exits.Stopped as stop:
            message, code = stop.message, stop.code
        except InvalidArguments as error:
            message = "\n".join(f"{name}: {text}" for name, text in error.fields.items())
            code = exits.of_error(error)
        except Error as error:
            message, code = error.message, exits.of_error(error)
        except KeyboardInterrupt:
            message, code = "Interrupted", exits.CANCELLED
        say(message)
        ctx.exit(code)


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="taskrealm", message="%(prog)s %(version)s")
def main() -> None:
    """Run long tasks and watch them live."""
    spare_last_collection()
