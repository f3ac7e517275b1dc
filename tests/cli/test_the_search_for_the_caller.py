"""JSON lines do not say where in the code they were made; words may, with a stack."""

import io
import logging
import sys

import pytest

from simqueue.cli.logs import configure_logging


def test_words_show_a_stack_also_after_json_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "_srcfile", logging._srcfile)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log = logging.getLogger("simqueue.worker")

    configure_logging(as_json=True)
    log.info("here", stack_info=True)
    assert stream.getvalue().startswith('{"event": "here", "level": "info", "timestamp": ')
    assert "Stack" not in stream.getvalue()

    configure_logging(as_json=False)
    log.info("there", stack_info=True)
    assert "Stack (most recent call last)" in stream.getvalue()
