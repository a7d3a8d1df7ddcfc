"""What components log: one JSON object a line, on stderr, where the wrapper collects it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from structlog.typing import EventDict


def log_to_stderr() -> None:
    """
    Let everything that is logged, with `structlog` or `logging`, go to stderr as JSON lines.

    JSON keeps what users send inside its quotes: nobody can forge a line.
    """
    structlog.configure(
        processors=[_stamped, _rendered],
        wrapper_class=_Logger,
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _rendered],
            foreign_pre_chain=[_stamped, structlog.stdlib.ExtraAdder()],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


# Each job logs two lines: what follows makes them at a lower cost than what structlog has for it.


class _Logger(structlog.make_filtering_bound_logger(logging.INFO)):  # type: ignore[misc]
    def info(self, event: str, **values: Any) -> None:
        """Log *event* with the *values* that belong to it."""
        line: Any = {**self._context, **values, "event": event}
        for process in self._processors:
            line = process(self._logger, "info", line)
        self._logger.info(line)


def _stamped(logger: Any, name: str, event: EventDict) -> EventDict:
    """Say in *event* how grave it is, and when it happened."""
    event["level"] = "error" if name == "exception" else name
    event["timestamp"] = datetime.now(UTC).isoformat().removesuffix("+00:00") + "Z"
    return event


def _rendered(logger: Any, name: str, event: EventDict) -> str:
    """The line for *event*."""
    if "exc_info" in event:
        _EXCEPTIONS(logger, name, event)
    return _encoder.encode(event)


_encoder = json.JSONEncoder(default=repr)

# Not structlog's own `dict_tracebacks`, which writes local variables out: arguments, tokens.
_EXCEPTIONS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
