"""The benchmark of serve feeds jobs whose events serve counts, each once."""

import pytest

from benchmarks import serving


def test_it_has_a_figure_only_where_every_job_was_counted(
    redis_program: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SECONDS", 0.2)
    monkeypatch.setattr(serving, "ROUNDS", 2)
    busy, idle = serving.measure()
    assert busy.value is not None
    assert idle.value is not None
    monkeypatch.setattr(serving, "completed", lambda _: 799)
    (failed,) = serving.measure()
    assert failed.failed
    assert failed.note == "799 of 400 jobs counted"
