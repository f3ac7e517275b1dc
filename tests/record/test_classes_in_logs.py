"""The columns of classes and priorities: there where a scenario has them, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simqueue.errors import InputError
from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import CLASS_COLUMNS, COLUMNS, ROW, AttemptLog
from simqueue.record.merging import merge
from simqueue.record.reading import read_log
from simqueue.workload.reading import build_scenario


def log(**queue: Any) -> AttemptLog:
    service = {"distribution": "exponential", "mean_s": 1.0}
    table = {
        "duration_s": 50,
        "arrivals": {"q": {"rate_per_s": 1}},
        "queues": {"q": {"service": service, **queue}},
    }
    return simulate(build_scenario(table)).log


def classed() -> AttemptLog:
    classes = {"vip": {"share": 0.3, "priority": 1}, "bulk": {"share": 0.7, "priority": 5}}
    return log(classes=classes)


def test_a_log_without_them_is_as_ever() -> None:
    plain = log()

    assert plain.rows.dtype == ROW
    assert tuple(plain.frame().columns) == COLUMNS


def test_a_priority_of_the_queue_is_a_column_and_no_class() -> None:
    frame = log(priority=7).frame()

    assert tuple(frame.columns) == (*COLUMNS, *CLASS_COLUMNS)
    assert set(frame["priority"]) == {7}
    assert frame["class"].isna().all()


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    written = classed()
    written.write(tmp_path / "log.csv")
    read = read_log(tmp_path / "log.csv")

    assert set(read.classes) == {"vip", "bulk"}
    for column in CLASS_COLUMNS:
        assert read.frame()[column].tolist() == written.frame()[column].tolist()


@pytest.mark.parametrize("wrong", ["-1", "high", "1.5", ""])
def test_a_priority_that_is_none_is_named(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / "log.csv"
    classed().write(path)
    lines = path.read_text().splitlines()
    lines[1] = lines[1].rpartition(",")[0] + f",{wrong}"
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(InputError, match="row 1, column priority"):
        read_log(path)


def test_logs_with_and_without_classes_make_one_log() -> None:
    one, other = classed(), log()
    both = merge([one, other])

    assert both.classes == one.classes
    assert np.array_equal(both.rows["class"][: len(one)], one.rows["class"])
    assert set(both.rows["class"][len(one) :]) == {-1}
    assert set(both.rows["priority"][len(one) :]) == {0}


def test_a_part_of_a_log_has_its_classes() -> None:
    part = classed().select("q", since_s=20)

    assert part.has_classes
    assert tuple(part.frame().columns) == (*COLUMNS, *CLASS_COLUMNS)
