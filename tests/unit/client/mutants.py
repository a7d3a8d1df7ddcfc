"""Streams that each lack one rule, to show that the schedules would find it missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from taskrealm.client.stream import Page, Position, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class IgnoresHoles(Stream):
    def _is_next(self, event: dict[str, Any]) -> bool:
        return event["epoch"] == self._position.epoch and event["seq"] > self._position.seq


class DeliversRepeats(Stream):
    def _is_next(self, event: dict[str, Any]) -> bool:
        here = self._position
        return event["epoch"] == here.epoch and event["seq"] in (here.seq, here.seq + 1)


class MixesEpochs(Stream):
    def _is_next(self, event: dict[str, Any]) -> bool:
        return bool(self.is_placed and event["seq"] == self._position.seq + 1)


class DeliversBeforeHistory(Stream):
    def take(self, publication: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        events = list(publication)
        if not self.is_placed:
            self._position = Position(events[0]["epoch"], events[0]["seq"] - 1)
        return super().take(events)


class DropsWhatIsAhead(Stream):
    def _keep(self, event: dict[str, Any]) -> None:
        pass


class KeepsWithoutBound(Stream):
    def _keep(self, event: dict[str, Any]) -> None:
        self._ahead_limit = len(self._ahead) + 1
        super()._keep(event)


class ForgetsWhatDidNotFit(Stream):
    def _keep(self, event: dict[str, Any]) -> None:
        if len(self._ahead) < self._ahead_limit:
            super()._keep(event)


class ForgetsDoubts(Stream):
    def doubt(self) -> None:
        pass


class ForgetsDoubtsWhileAsking(Stream):
    def doubt(self) -> None:
        if self._asked is None:
            super().doubt()


class ForgetsFailures(Stream):
    def failed(self) -> None:
        self._asked = None


class AsksAnotherQuestionAtOnce(Stream):
    def question(self) -> Position | None:
        self._asked = None
        return super().question()


class AsksForOnePage(Stream):
    def answered(self, answer: Mapping[str, Any]) -> Page:
        last = answer["events"][-1]["seq"] if answer.get("events") else answer["seq"]
        return super().answered({**answer, "seq": last})


class KeepsWhatIsOver(Stream):
    def _prune_ahead(self) -> None:
        self._is_doubtful = self._is_doubtful or bool(self._ahead)


class ForgetsHolesBehindAnswers(Stream):
    def _prune_ahead(self) -> None:
        is_doubtful = self._is_doubtful
        super()._prune_ahead()
        self._is_doubtful = is_doubtful


class TrustsOldAnswers(Stream):
    def answered(self, answer: Mapping[str, Any]) -> Page:
        self._asked = self._position
        return super().answered(answer)


class ResetsInSilence(Stream):
    def answered(self, answer: Mapping[str, Any]) -> Page:
        return replace(super().answered(answer), is_reset=False)


class StaysWhereItWas(Stream):
    def answered(self, answer: Mapping[str, Any]) -> Page:
        if not answer["recovered"] and self.is_placed:
            answer = {**answer, "recovered": True, "seq": 0, "events": []}
        return super().answered(answer)


MUTANTS = [each for each in Stream.__subclasses__() if each.__module__ == __name__]
