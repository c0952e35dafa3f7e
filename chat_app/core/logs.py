"""Logs: one JSON object a line; never a token, password or message text.

Every line names its node, and the request or frame that it is about, though another node got that.
"""

import logging
import os
import re
import socket
import sys
from typing import cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from chat_app.core import request_context

QUIET = {
    # Its connection lines hold the query of `/_event`, which is a tab's key.
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "sqlalchemy": logging.WARNING,
    # SQLAlchemy logs under the name of the pool's class.
    "chat_app.core.database.CountingPool": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
    "engineio": logging.WARNING,
    "socketio": logging.WARNING,
}


# Anybody who has the token of an invitation or of a reset link may use it.
_TOKEN = re.compile(r"(/(?:invites?|reset)/)[^/?#\s]+")


def configure_logs(level: str, log_format: str, node: str = "") -> None:
    """Write all logs of this process to standard error, as `json` or `text`.

    `node` names the process among others; by default its host and process id do.
    """
    node = node or f"{socket.gethostname()}-{os.getpid()}"

    def add_node(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        line["node"] = node
        return line

    shared: list[Processor] = [
        _add_request_context,
        add_node,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = cast(
        "Processor",
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A line below the level costs next to nothing.
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )


def _add_request_context(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    context = request_context.current()
    if context.request_id:
        line.setdefault("request_id", context.request_id)
    if context.trace:
        # version-trace-span-flags
        line["trace_id"] = context.trace.split("-")[1]
    return line


def without_token(path: str) -> str:
    """Return the path of a request for the log, without the token of a link."""
    return _TOKEN.sub(r"\1*", path)
