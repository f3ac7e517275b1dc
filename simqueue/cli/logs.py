"""Logs for people and for machines: one line an event, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from simqueue.cli.log_lines import FewTimesAMinute, JSONLines, Words, add_extra, fit_to_be_logged

_OURS = "simqueue"
#: By this the standard library knows its own frames when it looks for who logs.
_SOURCE = logging._srcfile


def configure_logging(*, as_json: bool = False, level: int = logging.INFO) -> None:
    """Send the logs of simqueue, and other libraries' warnings, to standard error.

    The library itself logs with the standard library, so that whoever embeds it keeps the say.
    Tracebacks are plain: they show no values of variables.

    Parameters
    ----------
    as_json
        One JSON object a line instead of words and colours.
    level
        The least level of simqueue's own that is shown; job starts and completions are ``INFO``.
    """
    # No line says in which thread or process it was made, and to find out takes time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Nor does JSON say where in the code: so the standard library's own guide to logging leaves
    # the search for the caller out. Words may show a stack, which is looked for on that way.
    logging._srcfile = None if as_json else _SOURCE
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(FewTimesAMinute(_OURS))
    handler.setFormatter(JSONLines() if as_json else _words())
    logger = logging.getLogger(_OURS)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level)
    # What asyncio, redis-py and uvicorn have to say would be lines of another form.
    root = logging.getLogger()
    for one in root.handlers[:]:
        if isinstance(one.formatter, (JSONLines, Words)):
            root.removeHandler(one)
    root.addHandler(handler)
    logging.captureWarnings(capture=True)


def _words() -> logging.Formatter:
    """Lines for people, in colours on a terminal."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        add_extra,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return Words(
        foreign_pre_chain=shared,
        processors=[
            Words.remove_processors_meta,
            structlog.processors.format_exc_info,
            fit_to_be_logged,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
    )
