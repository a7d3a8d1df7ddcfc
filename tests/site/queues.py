"""Tasks that share the slots of a node in every way there is."""

from __future__ import annotations

from taskrealm.tasks import Caller, CommandTask, InvalidArguments, Rate, Value

NAP = ("sleep", "600")


class Plain(CommandTask):
    """Take one slot."""

    name = "queue.plain"
    command = NAP


class Sole(CommandTask):
    """Run one at a time."""

    name = "queue.sole"
    command = NAP
    most_running = 1


class Own(CommandTask):
    """Run one at a time for each user."""

    name = "queue.own"
    command = NAP
    most_running_per_user = 1


class Grouped(CommandTask):
    """Share the slots of a group."""

    name = "queue.grouped"
    command = NAP
    group = "pair"


class Heavy(CommandTask):
    """Take two slots."""

    name = "queue.heavy"
    command = NAP
    slots = 2


class Weightless(CommandTask):
    """Take no slot."""

    name = "queue.weightless"
    command = NAP
    slots = 0


class Rated(CommandTask):
    """May be asked for twice in ten minutes."""

    name = "queue.rated"
    number: int = 0
    command = ("true", Value("number"))
    rate = Rate(2, 600.0)

    def validate(self, caller: Caller) -> None:
        if self.number < 0:
            raise InvalidArguments(fields={"number": "must not be negative"})


class Broken(CommandTask):
    """Fail to say what is to be run, but only when it is time."""

    name = "queue.broken"
    marker: str
    command = ("true", Value("word"))

    @property
    def word(self) -> str:
        with open(self.marker) as file:
            return file.read()
