"""Events of real workers become the very table that the simulator writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simqueue.errors import InputError
from simqueue.jobs import order_job
from simqueue.record.attempt_log import COLUMNS
from simqueue.record.reading import read_log
from simqueue.record.worker_events import Event, EventFile, merge_events, start_event

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


def test_a_job_that_was_added_with_a_delay_is_ready_when_it_is_due() -> None:
    first = start(3.5, enqueued=1.0)._replace(due=T0 + 3)

    # Second zero is the moment at which it was added.
    assert rows(first, end(4, "completed")) == [
        ("order-1", 1, 1, 2, 2.5, 3, "completed", "a"),
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


def stalled(at: float, job: str = "1") -> Event:
    return Event("stalled", T0 + at, "order", f"order-{job}")


def test_an_end_that_the_queue_refused_becomes_a_stall() -> None:
    """The worker held its loop past the lock: it wrote an end, and the job was put back later."""
    assert rows(
        start(1),
        end(35, "completed"),
        stalled(60),
        start(61, worker="b"),
        end(62, "completed", worker="b"),
    ) == [
        ("order-1", 1, 1, 0, 1, 60, "stalled", "a"),
        ("order-1", 1, 2, 60, 61, 62, "completed", "b"),
    ]


def test_a_refused_failure_does_not_count_as_an_attempt() -> None:
    """Refused as well: the job was not tried again by its backoff, but put back."""
    assert rows(
        start(1), end(35, "retried", due=37), stalled(60), start(61), end(62, "completed")
    ) == [
        ("order-1", 1, 1, 0, 1, 60, "stalled", "a"),
        ("order-1", 1, 2, 60, 61, 62, "completed", "a"),
    ]


def test_a_start_may_be_written_just_before_the_stall_that_led_to_it() -> None:
    """Who puts a job back asks Redis first, and hears of it after another worker has the job."""
    assert rows(
        start(1), start(60.0, worker="b"), stalled(60.02), end(62, "completed", worker="b")
    ) == [
        ("order-1", 1, 1, 0, 1, 60, "stalled", "a"),
        ("order-1", 1, 2, 60, 60, 62, "completed", "b"),
    ]


def test_a_stall_long_after_a_start_is_that_starts_own() -> None:
    assert [row[5:] for row in rows(start(1), start(60, worker="b"), stalled(120))] == [
        (60, "stalled", "a"),
        (120, "stalled", "b"),
    ]


def test_the_first_start_of_a_job_comes_before_any_stall() -> None:
    """Locks of some milliseconds: there is nothing that the stall could have led to."""
    assert rows(start(1), stalled(1.05))[0][5:7] == (1.05, "stalled")


def test_no_attempt_ends_before_it_starts() -> None:
    """It was enqueued by a clock that is half a millisecond ahead of its worker's."""
    ahead = start(1)._replace(enqueued=T0 + 1.0005)
    (row,) = rows(ahead, end(1.0002, "completed"))
    assert row[4] == row[5] == 0  # counted from when it was enqueued


def test_who_was_killed_before_its_start_was_written_leaves_the_others_end() -> None:
    """The stall is of somebody without a row: what is known to have run did so to its end."""
    found = rows(start(60.0, worker="b"), stalled(60.02), end(60.5, "completed", worker="b"))
    assert [row[5:] for row in found] == [(60.5, "completed", "b")]
    # If another one starts it again, it was this one's own.
    again = rows(
        start(60.0), stalled(60.02), start(61, worker="b"), end(62, "completed", worker="b")
    )
    assert [row[5:] for row in again] == [(60.02, "stalled", "a"), (62, "completed", "b")]


def test_a_job_that_stalled_too_often_ends_with_a_row_that_has_no_start() -> None:
    """Nobody called the handler: whoever fetched the job failed it at once, in no slot."""
    unrun = Event("end", T0 + 120.1, "order", "order-1", 1, "b", outcome="failed")

    found = rows(start(1), stalled(60), start(61), stalled(120), unrun)
    assert found == [
        ("order-1", 1, 1, 0, 1, 60, "stalled", "a"),
        ("order-1", 1, 2, 60, 61, 120, "stalled", "a"),
        ("order-1", 1, 3, 120, -1, 120.1, "failed", "b"),
    ]


def test_a_row_without_a_start_is_in_no_slot_and_can_be_written(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "log.csv", "b")
    unrun = Event("end", T0 + 60.1, "order", "order-1", 1, "b", outcome="failed")
    for event in (start(1), stalled(60), unrun):
        file.write(event)
    file.close()

    log = read_log(tmp_path / "log.csv")
    log.write(tmp_path / "log.csv")
    last = read_log(tmp_path / "log.csv").frame().iloc[-1]
    assert last["outcome"] == "failed"
    assert last[["started_s", "slot"]].isna().all()


def test_the_end_of_a_lost_run_in_another_slot_of_the_same_worker_does_not_count() -> None:
    """The worker got its own job again: the first run's late end is not the second's."""
    assert rows(
        start(1),
        stalled(60),
        start(61)._replace(slot=1),
        end(61.5, "completed"),
        end(63, "completed")._replace(slot=1),
    ) == [
        ("order-1", 1, 1, 0, 1, 60, "stalled", "a"),
        ("order-1", 1, 2, 60, 61, 63, "completed", "a"),
    ]


def test_the_end_of_an_earlier_attempt_does_not_count() -> None:
    assert rows(
        start(1), stalled(60), start(61), end(62, "retried", due=64), start(64, attempt=2),
        end(64.5, "completed"), end(66, "completed", attempt=2),
    )[-1] == ("order-1", 2, 1, 64, 64, 66, "completed", "a")  # fmt: skip


def test_a_slot_that_asked_before_the_job_was_there_waited_for_nothing() -> None:
    """The answer to an earlier question may bring a job that came meanwhile."""
    assert rows(start(1.0, enqueued=1.05), end(2, "completed"))[0][3:6] == (0, 0, 0.95)


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


def test_a_line_holds_what_the_event_says_whatever_that_is(tmp_path: Path) -> None:
    text = 'order "1"\n\ud800\u2028'
    event = Event("end", np.float64(T0), "order", text, 2, "w", result="50 µs", due=T0 + 1e-7)
    events = EventFile(tmp_path / "log.csv", "w")
    events.write(event)
    events.close()
    known = {key: value for key, value in event._asdict().items() if value not in ("", None)}
    assert events.path.read_text() == json.dumps(known, separators=(",", ":")) + "\n"
