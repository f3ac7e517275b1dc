"""Logs for people and for machines: one line an event, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure_logging(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Send the logs of simqueue to standard error, through structlog.

    The library itself logs with the standard library, so that whoever embeds it keeps the say.

    Parameters
    ----------
    as_json
        One JSON object a line instead of words and colours.
    level
        The least level that is shown; job starts and completions are ``INFO``.
    """
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logger = logging.getLogger("simqueue")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
