"""What one asks of a log: parts of it, waits, responses; and how many words it can hold."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hand import NAN, QUEUES, hand_log, row
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.errors import InputError
from simqueue.experiments.run import simulate
from simqueue.record.attempt_log import COLUMNS, OUTCOMES, AttemptLog
from simqueue.record.reading import read_log
from simqueue.record.table import from_frame
from simqueue.results.statistics import Statistics
from simqueue.results.summary import summarise
from simqueue.workload.reading import build_scenario

rows = st.builds(
    row,
    job=st.integers(0, 5),
    queue=st.sampled_from(QUEUES),
    replication=st.sampled_from([0, 1, 4]),
    outcome=st.sampled_from(OUTCOMES),
    times=st.tuples(*[st.integers(0, 9).map(float)] * 4),
)
logs = st.lists(rows, max_size=12).map(lambda given: hand_log(*given))


def positions(part: AttemptLog, log: AttemptLog) -> list[int]:
    """Where the rows of ``part``, which are numbered by their ``slot``, stand in ``log``."""
    found: list[int] = part.rows["slot"].tolist()
    assert part.rows.tobytes() == log.rows[found].tobytes()
    arrays = {"rows": 0, "presence": 0}
    assert {**vars(part), **arrays} == {**vars(log), **arrays}
    return found


@given(logs)
def test_replications_are_parts_that_make_the_whole(log: AttemptLog) -> None:
    log.rows["slot"] = np.arange(len(log))
    parts = list(log.by_replication())

    assert list(log.replications) == sorted(set(log.rows["replication"].tolist()))
    assert [part.replications for part in parts] == [(number,) for number in log.replications]
    found = [positions(part, log) for part in parts]
    assert found == [sorted(part) for part in found]
    assert sorted(chain.from_iterable(found)) == list(range(len(log)))
    for number, part in zip(log.replications, parts, strict=True):
        assert log.replication(number).rows.tobytes() == part.rows.tobytes()


def test_a_replication_without_jobs_is_an_empty_log() -> None:
    empty = hand_log(row(job=1, times=(0, 0, 1, 2))).replication(7)

    assert len(empty) == len(empty.frame()) == len(empty.waits()) == len(empty.responses()) == 0
    assert empty.queues == QUEUES
    assert list(empty.by_replication()) == []


@given(
    logs,
    st.none() | st.sampled_from(QUEUES),
    st.none() | st.sampled_from(OUTCOMES[1:]),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_what_is_selected_is_what_one_would_pick_by_hand(
    log: AttemptLog, queue: str | None, outcome: str | None, since_s: int, until_s: int
) -> None:
    log.rows["slot"] = np.arange(len(log))
    picked = [
        number
        for number, line in enumerate(log.rows)
        if queue in (None, log.queues[line["queue"]])
        and outcome in (None, OUTCOMES[line["outcome"]])
        and since_s <= line["enqueued_s"] < until_s
    ]

    part = log.select(queue, outcome=outcome, since_s=since_s, until_s=until_s)
    assert positions(part, log) == picked
    assert positions(log.select(), log) == list(range(len(log)))
    if queue is not None:
        assert log.of_queue(queue).tobytes() == log.select(queue).rows.tobytes()


@pytest.mark.parametrize("ask", ["of_queue", "select", "waits", "responses"])
def test_a_queue_that_there_is_not_is_named_with_those_there_are(ask: str) -> None:
    said = "attempt log: there is no queue 'orders'; it has 'order', 'payment', 'email'"
    with pytest.raises(InputError, match=f"^{said}$"):
        getattr(hand_log(), ask)("orders")
    with pytest.raises(InputError, match=r"no queue 'orders'; it has none$"):
        getattr(hand_log(queues=()), ask)("orders")


@pytest.mark.parametrize("outcome", ["won", ""])
def test_an_outcome_that_there_is_not_is_named_with_those_there_are(outcome: str) -> None:
    known = ("completed", "retried", "failed", "stalled", "refused", "lost")
    said = f"no outcome '{outcome}'; it has {', '.join(map(repr, known))}$"
    with pytest.raises(InputError, match=said):
        hand_log().select(outcome=outcome)


def scenario(seed: int, rate: float, failure: float, warmup_s: float, down_s: float) -> Any:
    failing = {
        "service": {"distribution": "gamma", "mean_s": 0.8, "cv": 1.5},
        "failure_rate": failure,
        "backoff": {"type": "fixed", "delay_ms": 900, "jitter": 0.5},
    }
    crashes = [{"at_s": 10, "down_s": down_s}] if down_s else []
    return build_scenario(
        {
            "seed": seed,
            "duration_s": 30,
            "warmup_s": warmup_s,
            "workers": {"count": 1, "concurrency": 2, "crashes": crashes},
            "bullmq": {"lock_duration_s": 3, "stalled_interval_s": 3, "max_stalled": 0},
            "arrivals": {"order": {"rate_per_s": rate}},
            "queues": {"order": failing, "email": failing},
        }
    )


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rate=st.floats(0.1, 3),
    failure=st.floats(0, 1),
    warmup_s=st.integers(0, 20),
    down_s=st.sampled_from([0.0, 0.5, 10.0]),
    cut=st.booleans(),
)
def test_waits_and_responses_are_those_that_the_summary_describes(cut: bool, **drawn: Any) -> None:
    """Jobs that fail, stall, are given up without a start, or have no end included."""
    its = scenario(**drawn)
    log = simulate(its, replications=3).log
    if cut:  # as if nothing after 20 s had been written down
        log = AttemptLog(**{**vars(log), "rows": log.rows[log.rows["finished_s"] < 20]})
    window = (its.warmup_s, its.duration_s)
    summary = summarise(log, window, its.slots, replications=3)

    for queue, found in summary.queues.items():
        days = list(log.by_replication())
        described(found.wait_s, [day.waits(queue, *window) for day in days])
        responses = [day.responses(queue, *window) for day in days]
        described(found.response_s, responses)
        assert sum(map(len, responses)) == found.completed + found.failed
        assert sorted(log.responses(queue, *window)) == sorted(np.concatenate([*responses, []]))
    pooled = [getattr(log, ask)(queue) for ask in ("waits", "responses") for queue in log.queues]
    assert sum(map(len, pooled)) == len(log.waits()) + len(log.responses())


def described(told: Statistics, samples: Sequence[Any]) -> None:
    samples = [sample for sample in samples if len(sample)]
    if not samples:
        assert told.mean is told.max is None
        return
    pooled = np.concatenate(samples)
    assert told.mean == pytest.approx(np.mean([sample.mean() for sample in samples]), abs=1e-9)
    assert told.max == pooled.max()
    for quantile, value in ((0.5, told.p50), (0.95, told.p95), (0.99, told.p99)):
        assert value == pytest.approx(np.quantile(pooled, quantile), abs=1e-9)


def test_a_job_that_was_done_again_by_hand_counts_once_with_its_last_end() -> None:
    """It failed for good at 8; an operator gave it all its attempts again, and the first did it.

    A second job was done again too, in the other queue, and failed again.
    """
    log = hand_log(
        row(job=1, attempt=1, times=(0, 0, 0, 1), outcome="retried"),
        row(job=1, attempt=2, times=(0, 2, 3, 4), outcome="retried"),
        row(job=1, attempt=3, times=(0, 6, 6, 8), outcome="failed"),
        row(job=2, queue="email", times=(5, 5, 6, 9), outcome="failed"),
        row(job=1, attempt=1, run=2, times=(0, 50, 51, 52), outcome="completed"),
        row(job=2, queue="email", run=2, times=(5, 60, 60, 61), outcome="failed"),
        row(job=3, times=(7, 7, NAN, NAN), outcome=""),
    )
    summary = summarise(log, (0, 100), dict.fromkeys(QUEUES, 1)).queues

    assert log.responses("order").tolist() == [52]
    assert log.responses("email").tolist() == [56]
    assert log.responses().tolist() == [52, 56]
    assert log.waits("order").tolist() == [0, 1, 0, 1]
    order, email = summary["order"], summary["email"]
    assert (order.completed, order.failed, order.response_s.max, order.attempts) == (1, 0, 52, 4)
    assert order.delayed.mean == (1 + 2) / 100
    assert (email.completed, email.failed, email.response_s.max) == (0, 1, 56)


def many(**columns: Sequence[str]) -> pd.DataFrame:
    """A log of completed attempts with columns of their own."""
    (length,) = {len(words) for words in columns.values()}
    job = np.arange(length).astype(str)
    table: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(
        ("enqueued_s", "ready_s", "started_s", "finished_s"), 1.0
    )
    table |= {"engine": "simpy", "queue": "order", "name": "process-order", "replication": 0}
    table |= {"attempt": 1, "run": 1, "slot": 0, "worker": "0", "outcome": "completed"}
    return pd.DataFrame({**table, "job_id": job, "flow": job, **columns}, index=range(length))


WORDS = [f"word-{number}" for number in range(2**15 + 10)]


def test_names_and_results_may_be_many(tmp_path: Any) -> None:
    """More than 16 bits count: foreign jobs may have a name each."""
    results = WORDS[::-1]
    log = from_frame(many(name=WORDS, result=results))
    log.write(tmp_path / "log.csv")

    for found in (log, read_log(tmp_path / "log.csv")):
        frame = found.frame()
        assert frame["name"].astype(str).tolist() == WORDS
        assert frame["result"].astype(str).tolist() == results


@pytest.mark.parametrize("column", ["queue", "worker"])
def test_too_many_queues_or_workers_are_one_clear_error(column: str, tmp_path: Any) -> None:
    frame = many(**{column: WORDS})
    frame.to_csv(tmp_path / "log.csv", index=False)
    said = f"column {column}: 32,778 words; at most 32,767 fit$"

    with pytest.raises(InputError, match=f"^attempt log: {said}"):
        from_frame(frame)
    with pytest.raises(InputError, match=f"log.csv: {said}"):
        read_log(tmp_path / "log.csv")
