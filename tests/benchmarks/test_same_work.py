"""The model against two others that share no code with it, attempt by attempt.

What the benchmarks need before they compare speeds is also a test of the model: three engines
that were written apart, on random numbers that were drawn once.
"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import speed
from benchmarks.textbook import TEXTBOOK
from benchmarks.work import SIMQUEUE, Engine, Work, disagreement, draw, scenario
from simqueue.record.attempt_log import COMPLETED, FAILED, RETRIED

BACKOFFS = {
    "fixed": {"type": "fixed", "delay_ms": 700},
    "exponential": {"type": "exponential", "delay_ms": 300},
    "jittered": {"type": "exponential", "delay_ms": 300, "jitter": 0.5},
}
#: Workers and the slots of each: with all cpu parts 0, only their product matters.
PLACES = {1: (1, 1), 2: (1, 2), 7: (7, 1)}

every_kind = pytest.mark.parametrize(
    ("backoff", "places", "failure_rate"),
    list(itertools.product(BACKOFFS, PLACES, (0.0, 0.1, 0.5))),
)


def work_of(jobs: int, backoff: str, places: int, failure_rate: float) -> Work:
    workers, slots = PLACES[places]
    return draw(
        scenario(
            jobs,
            load=0.9,
            workers=workers,
            slots=slots,
            failure_rate=failure_rate,
            backoff=BACKOFFS[backoff],
            seed=17,
        )
    )


def difference(work: Work, other: Engine) -> str | None:
    ours = SIMQUEUE.attempts(work, SIMQUEUE.run(work))
    return disagreement(ours, other.attempts(work, other.run(work)))


@every_kind
def test_a_process_for_each_job_tells_the_same_of_every_attempt(backoff, places, failure_rate):
    work = work_of(5_000, backoff, places, failure_rate)
    assert work.jobs > 4_500
    assert difference(work, TEXTBOOK) is None


@every_kind
def test_a_network_in_ciw_tells_the_same_of_every_attempt(backoff, places, failure_rate):
    pytest.importorskip("ciw", reason="an extra: pip install -e '.[benchmarks]'")
    from benchmarks.network import CIW

    assert difference(work_of(2_000, backoff, places, failure_rate), CIW) is None


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    load=st.floats(0.1, 3.0),
    workers=st.integers(1, 3),
    slots=st.integers(1, 4),
    failure_rate=st.floats(0.0, 1.0),
    attempts=st.integers(1, 5),
    kind=st.sampled_from(["fixed", "exponential"]),
    delay_ms=st.integers(1, 5_000),
    jitter=st.floats(0.0, 1.0),
)
def test_any_small_scenario_is_the_same_to_a_process_for_each_job(kind, delay_ms, jitter, **rest):
    backoff = {"type": kind, "delay_ms": delay_ms, "jitter": jitter}
    assert difference(draw(scenario(100, backoff=backoff, **rest)), TEXTBOOK) is None


def test_the_last_attempt_fails_or_completes_as_drawn():
    work = work_of(2_000, "fixed", 2, 0.5)
    model = SIMQUEUE.run(work)
    rows = model.record.log(work.workload, model.waiting()).rows
    assert set(rows["outcome"].tolist()) == {COMPLETED, RETRIED, FAILED}
    for job, attempt, outcome in rows[["job", "attempt", "outcome"]].tolist():
        fails = work.fails[attempt - 1][job]
        last = attempt == work.attempts
        assert outcome == ((FAILED if last else RETRIED) if fails else COMPLETED)


def test_an_engine_that_disagrees_gets_no_ratio():
    def shifted(work, log):
        first, *others = TEXTBOOK.attempts(work, log)
        return [first._replace(finished_s=first.finished_s + 1e-5), *others]

    work = draw(scenario(50, load=0.5))
    late = Engine("late", TEXTBOOK.run, shifted)
    lossy = Engine("lossy", TEXTBOOK.run, lambda work, log: TEXTBOOK.attempts(work, log)[1:])
    ours, *lines = speed.compare(work, "small", [TEXTBOOK, late, lossy], rounds=1)
    assert ours.value is not None
    assert [(line.value is None, line.failed) for line in lines] == [
        (False, False),
        (True, True),
        (True, True),
    ]
    assert lines[1].note.startswith("disagrees: Attempt(job=")
    made = len(TEXTBOOK.run(work))
    assert lines[2].note == f"disagrees: {made} attempts against {made - 1}"
