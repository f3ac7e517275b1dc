"""A job is a key in a queue of a replication, and its rows lie in the order of its attempts."""

import numpy as np
from hand import NAN, hand_log, row
from hypothesis import given
from hypothesis import strategies as st

from simqueue.record.by_job import by_job

LOG = hand_log(
    row(job=2, times=(0, 0, 1, 2)),
    row(job=1, times=(0, 5, 6, 7), attempt=2, outcome="failed"),
    row(job=1, times=(0, 0, 1, 3), outcome="retried"),
    row(job=1, times=(9, 9, 9, 9), queue="email"),
    row(job=1, times=(0, 0, 1, 4), replication=1, outcome="stalled"),
    row(job=1, times=(0, 4, NAN, 8), replication=1, run=2, outcome="failed"),
)


def test_jobs_of_one_id_in_two_queues_or_replications_are_two() -> None:
    jobs = by_job(LOG.rows)

    assert jobs.rows["job"][jobs.first].tolist() == [1, 2, 1, 1]
    assert jobs.number.tolist() == [0, 0, 1, 2, 3, 3]
    assert LOG.rows[jobs.order].tobytes() == jobs.rows.tobytes()


def test_what_became_of_each_is_told_by_its_last_row() -> None:
    jobs = by_job(LOG.rows)

    assert [LOG.rows["finished_s"][jobs.order[i]] for i in jobs.last] == [7, 2, 9, 8]
    assert jobs.outcome.tolist() == [3, 1, 1, 3]
    assert jobs.attempts.tolist() == [2, 1, 1, 1]
    assert jobs.runs.tolist() == [2, 1, 1, 1]


def test_each_queue_of_each_replication_has_its_jobs() -> None:
    parts = list(by_job(LOG.rows).by_queue())

    assert [part.rows["job"][part.first].tolist() for part in parts] == [[1, 2], [1], [1]]
    assert [part.attempts.tolist() for part in parts] == [[2, 1], [1], [1]]


def test_responses_over_all_queues_take_each_job_once() -> None:
    assert sorted(LOG.responses().tolist()) == [0, 2, 7, 8]


def test_no_rows_are_no_jobs() -> None:
    jobs = by_job(LOG.rows[:0])

    assert len(jobs.first) == len(jobs.attempts) == len(jobs.outcome) == len(jobs.number) == 0
    assert list(jobs.by_queue()) == []


def test_ids_of_any_size_are_sorted() -> None:
    far = 2**62
    rows = hand_log(*(row(job=0, times=(0, at, at, at)) for at in (3, 1, 2, 0))).rows
    rows["job"] = [far, -1, far - 1, far]
    jobs = by_job(rows)

    assert jobs.rows["job"].tolist() == [-1, far - 1, far, far]
    assert jobs.order.tolist() == [1, 2, 3, 0]
    assert (jobs.first.tolist(), jobs.last.tolist()) == ([0, 1, 2], [0, 1, 3])


def test_a_row_that_became_ready_at_no_known_time_is_the_last_of_its_job() -> None:
    rows = hand_log(*(row(job=1, times=(0, at, 5, 6)) for at in (NAN, 1, 0))).rows

    assert by_job(rows).order.tolist() == [2, 1, 0]


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 5), max_size=30, unique=True))
def test_any_rows_are_sorted_as_python_sorts_them(keys: list[tuple[int, ...]]) -> None:
    rows = hand_log(*(row(job=0, times=(0, 0, 0, 0)) for _ in keys)).rows
    fields = ("replication", "queue", "job", "attempt", "run")
    for place, field in enumerate(fields):
        rows[field] = [key[place] for key in keys]
    jobs = by_job(rows)

    assert [tuple(line) for line in jobs.rows[list(fields)].tolist()] == sorted(keys)
    assert len(jobs.first) == len({key[:3] for key in keys})
    np.testing.assert_array_equal(np.sort(jobs.order), np.arange(len(keys)))
