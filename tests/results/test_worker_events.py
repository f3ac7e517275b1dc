"""Events of real workers become the very table that the simulator writes."""

import json
from pathlib import Path
from typing import Any

import pytest

from simqueue.errors import InputError
from simqueue.jobs import order_job
from simqueue.results.attempt_log import COLUMNS, read_log
from simqueue.results.events import Event, EventFile, merge_events, start_event

T0 = 1_700_000_000.0


def start(
    at: float, attempt: int = 1, worker: str = "a", job: str = "1", enqueued: float = 0.0
) -> Event:
    return start_event(
        order_job(job), at=T0 + at, enqueued=T0 + enqueued, attempt=attempt, worker=worker, slot=0
    )


def end(
    at: float, outcome: str, attempt: int = 1, worker: str = "a", job: str = "1", **more: Any
) -> Event:
    if "due" in more:
        more["due"] += T0
    return Event(
        "end", T0 + at, "order", f"order-{job}", attempt, worker, 0, outcome=outcome, **more
    )


def rows(*events: Event) -> list[tuple[Any, ...]]:
    frame = merge_events(events).frame()
    assert tuple(frame.columns) == COLUMNS
    names = ["job_id", "attempt", "run", "ready_s", "started_s", "finished_s", "outcome", "worker"]
    frame = frame[names].astype({"outcome": str, "worker": str}).round(6).fillna(-1)
    return [tuple(row) for row in frame[names].to_numpy().tolist()]


def test_an_attempt_is_a_start_and_an_end() -> None:
    assert rows(start(1.5), end(2.0, "completed", result="processing")) == [
        ("order-1", 1, 1, 0.0, 1.5, 2.0, "completed", "a")
    ]


def test_a_retry_is_ready_when_it_is_due_wherever_it_runs() -> None:
    assert rows(
        start(1),
        end(2, "retried", due=4),
        start(4.5, attempt=2, worker="b"),
        end(5, "completed", attempt=2, worker="b"),
    ) == [
        ("order-1", 1, 1, 0, 1, 2, "retried", "a"),
        ("order-1", 2, 1, 4, 4.5, 5, "completed", "b"),
    ]


def test_a_killed_workers_attempt_is_stalled_and_runs_again() -> None:
    stalled = Event("stalled", T0 + 40, "order", "order-1")

    assert rows(start(1), stalled, start(41, worker="b"), end(42, "completed", worker="b")) == [
        ("order-1", 1, 1, 0, 1, 40, "stalled", "a"),
        ("order-1", 1, 2, 40, 41, 42, "completed", "b"),
    ]


def test_a_stall_that_nobody_noted_ends_when_the_job_starts_again() -> None:
    assert rows(start(1), start(41, worker="b"), end(42, "completed", worker="b")) == [
        ("order-1", 1, 1, 0, 1, 41, "stalled", "a"),
        ("order-1", 1, 2, 41, 41, 42, "completed", "b"),
    ]


def test_the_late_end_of_a_job_that_was_taken_away_does_not_count() -> None:
    """A handler that blocks past its lock: its job runs elsewhere, its own end comes too late."""
    assert rows(
        start(1),
        start(41, worker="b"),
        end(41.5, "completed"),
        end(42, "completed", worker="b"),
    ) == [
        ("order-1", 1, 1, 0, 1, 41, "stalled", "a"),
        ("order-1", 1, 2, 41, 41, 42, "completed", "b"),
    ]


def test_what_never_ended_has_no_outcome() -> None:
    assert rows(start(1))[0][5:7] == (-1, "")


def test_a_job_that_was_redriven_has_runs_of_its_attempts() -> None:
    found = rows(start(1), end(2, "failed"), start(60), end(61, "completed"))

    assert [(row[1], row[2], row[6]) for row in found] == [(1, 1, "failed"), (1, 2, "completed")]


def test_files_of_all_workers_are_read_as_one_log(tmp_path: Path) -> None:
    log = tmp_path / "friday.csv"
    first, second = EventFile(log, "host-1"), EventFile(log, "host-2")
    for event in (start(1), end(2, "retried", due=4)):
        first.write(event)
    for event in (start(4.5, attempt=2, worker="b"), end(5, "completed", attempt=2, worker="b")):
        second.write(event)
    first.close()
    second.close()

    read = read_log(log)
    assert read.engine == "bullmq"
    assert read.frame()["outcome"].tolist() == ["retried", "completed"]
    read.write(log)
    assert read_log(log).frame()["outcome"].tolist() == ["retried", "completed"]


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "log.csv", "w")
    file.write(start(1))
    file.close()
    with file.path.open("a") as cut_off:
        cut_off.write('{"kind":"end","at":17')

    assert len(read_log(tmp_path / "log.csv")) == 1


def test_a_worker_that_returns_under_its_name_begins_a_new_line(tmp_path: Path) -> None:
    """In a container every worker is process 1 of the same host."""
    file = EventFile(tmp_path / "log.csv", "w")
    file.write(start(1))
    file.close()
    with file.path.open("a") as cut_off:
        cut_off.write('{"kind":"end","at":17')
    again = EventFile(tmp_path / "log.csv", "w")
    again.write(start(5))
    again.write(end(6, "completed"))
    again.close()

    outcomes = read_log(tmp_path / "log.csv").frame()["outcome"].tolist()
    assert outcomes == ["stalled", "completed"]


def test_a_broken_line_elsewhere_is_named(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "log.csv", "w")
    file.close()
    file.path.write_text("nonsense\n" + json.dumps({"kind": "start"}) + "\n")

    with pytest.raises(InputError, match=r"w\.jsonl:1: not an event"):
        read_log(tmp_path / "log.csv")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "log.csv.events").write_text("a file in the way")

    with pytest.raises(InputError, match="cannot write events"):
        EventFile(tmp_path / "log.csv", "w")
