"""What the executor logs: one JSON object a line, on stderr, where the wrapper collects it."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def log_to_stderr() -> None:
    """
    Let everything that is logged, with `structlog` or `logging`, go to stderr as JSON lines.

    JSON keeps what users send inside its quotes: nobody can forge a line.
    """
    stamp: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = [
        # Not structlog's own `dict_tracebacks`, which writes local variables out: arguments, tokens.
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*stamp, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
            foreign_pre_chain=[*stamp, structlog.stdlib.ExtraAdder()],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
