"""The model against three others that share no code with it, attempt by attempt.

What the benchmarks need before they compare speeds is also a test of the model: engines that were
written apart, on random numbers that were drawn once. A textbook model and a network in Ciw put a
retry into line at the moment it is due, BullMQ when a worker next asks for a job. So the model is
held against them twice: as it is, it makes the same attempts, each as long; told to put retries
into line at once, it starts and ends every one of them when they do. That it does neither more nor
less than BullMQ's rule is for a plain heap of events to say, at every moment.
"""

import itertools
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_heap import attempts_of

from benchmarks import speed
from benchmarks.textbook import TEXTBOOK
from benchmarks.work import SIMQUEUE, Attempt, Engine, Work, disagreement, draw, scenario
from simqueue.record.attempt_log import COMPLETED, FAILED, RETRIED
from simqueue.simulation import BullMQ, SimJob, SimPyEngine
from simqueue.simulation.waiting import DUE, Wait

BACKOFFS = {
    "fixed": {"type": "fixed", "delay_ms": 700},
    "exponential": {"type": "exponential", "delay_ms": 300},
    "jittered": {"type": "exponential", "delay_ms": 300, "jitter": 0.5},
}
#: Workers and the slots of each: with all cpu parts 0, only their product matters.
PLACES = {1: (1, 1), 2: (1, 2), 7: (7, 1)}

KINDS = list(itertools.product(BACKOFFS, PLACES, (0.0, 0.1, 0.5)))


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


class AtOnce(BullMQ):
    """BullMQ if it put a retry into line at the moment it is due."""

    def retry(self, job: SimJob) -> None:
        # The model hears of it when its millisecond begins.
        Wait(self.env, max(job.ready - self.env.now, 0.0), DUE, lambda _: self._in_line(job))

    def _in_line(self, job: SimJob) -> None:
        job.next_attempt(self.env.now)
        self.put(job, self.env.now)


def run_heap(work: Work) -> list[tuple[int, int, float, float, bool]]:
    tables = work.arrivals_s, work.service_s, work.fails, work.backoff_s
    return attempts_of(work.slots, work.attempts, *tables)


HEAP = Engine("heap", run_heap, lambda _, made: [Attempt(*row) for row in made])
SIMQUEUE_AT_ONCE = SIMQUEUE._replace(run=lambda work: SimPyEngine(AtOnce)(work.workload))


class Told:
    """What engines tell of one piece of work, each asked once."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self._by = cache(lambda engine: engine.attempts(work, engine.run(work)))

    def difference(self, one: Engine, other: Engine, *, in_order: bool = True) -> str | None:
        return disagreement(self._by(one), self._by(other), in_order=in_order)

    def difference_to_prompt(self, other: Engine) -> str | None:
        """Of the model to an engine that puts a retry into line when it is due."""
        if not self.work.retries:
            return self.difference(SIMQUEUE, other)
        return self.difference(SIMQUEUE, other, in_order=False) or self.difference(
            SIMQUEUE_AT_ONCE, other
        )


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: "-".join(map(str, kind)))
def told(request):
    told = Told(work_of(5_000, *request.param))
    assert told.work.jobs > 4_500
    return told


def test_a_heap_of_events_tells_the_same_of_every_attempt(told):
    assert told.difference(SIMQUEUE, HEAP) is None


def test_a_process_for_each_job_tells_the_same_of_every_attempt(told):
    assert told.difference_to_prompt(TEXTBOOK) is None


@pytest.mark.parametrize(("backoff", "places", "failure_rate"), KINDS)
def test_a_network_in_ciw_tells_the_same_of_every_attempt(backoff, places, failure_rate):
    pytest.importorskip("ciw", reason="an extra: pip install -e '.[benchmarks]'")
    from benchmarks.network import CIW

    assert Told(work_of(2_000, backoff, places, failure_rate)).difference_to_prompt(CIW) is None


@pytest.mark.parametrize("places", PLACES)
def test_the_order_of_retries_is_what_differs(places):
    """Else the words beside the table of speeds would explain nothing."""
    told = Told(work_of(2_000, "fixed", places, 0.1))
    assert told.work.retries
    assert told.difference(SIMQUEUE, SIMQUEUE_AT_ONCE) is not None
    assert not work_of(2_000, "fixed", places, 0.0).retries


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    load=st.floats(0.1, 3.0),
    workers=st.integers(1, 3),
    slots=st.integers(1, 4),
    failure_rate=st.floats(0.0, 1.0),
    attempts=st.integers(1, 5),
    kind=st.sampled_from(["fixed", "exponential"]),
    delay_ms=st.integers(0, 5_000),
    jitter=st.floats(0.0, 1.0),
)
def test_any_small_scenario_is_the_same_to_all(kind, delay_ms, jitter, **rest):
    backoff = {"type": kind, "delay_ms": delay_ms, "jitter": jitter}
    told = Told(draw(scenario(100, backoff=backoff, **rest)))
    assert told.difference(SIMQUEUE, HEAP) is None
    assert told.difference_to_prompt(TEXTBOOK) is None


def test_the_last_attempt_fails_or_completes_as_drawn():
    work = work_of(2_000, "fixed", 2, 0.5)
    rows = SIMQUEUE.run(work).log.rows
    assert set(rows["outcome"].tolist()) == {COMPLETED, RETRIED, FAILED}
    for job, attempt, outcome in rows[["job", "attempt", "outcome"]].tolist():
        fails = work.fails[attempt - 1][job]
        last = attempt == work.attempts
        assert outcome == ((FAILED if last else RETRIED) if fails else COMPLETED)


def changed(number: int, **fields: float) -> Engine:
    """The textbook, but for one attempt."""

    def attempts(work, log):
        told = TEXTBOOK.attempts(work, log)
        told[number] = told[number]._replace(**fields)
        return told

    return Engine("changed", TEXTBOOK.run, attempts)


@pytest.mark.parametrize("failure_rate", [0.0, 0.3])
def test_an_engine_that_disagrees_gets_no_ratio(failure_rate):
    work = draw(scenario(50, load=0.5, failure_rate=failure_rate))
    told = TEXTBOOK.attempts(work, TEXTBOOK.run(work))
    one = told[7]
    lossy = Engine("lossy", TEXTBOOK.run, lambda work, log: TEXTBOOK.attempts(work, log)[1:])
    others = [
        TEXTBOOK,
        changed(7, finished_s=one.finished_s + 1e-5),
        changed(7, retried=not one.retried),
        changed(7, job=one.job + 100),
        changed(7, attempt=one.attempt + 1),
        changed(7, started_s=float("nan")),
        lossy,
    ]
    ours, right, *lines = speed.compare(work, "small", others, rounds=1)

    assert ours.value is not None
    assert (right.value is None, right.failed) == (False, False)
    assert {(line.value, line.failed) for line in lines} == {(None, True)}
    assert all(line.note.startswith("disagrees: Attempt(job=") for line in lines[:-1])
    made = len(told)
    assert lines[-1].note == f"disagrees: {made} attempts against {made - 1}"


def test_where_nothing_is_tried_again_moments_have_to_agree():
    """An attempt that lasts as long, but later, is another; with retries the order may differ."""
    for failure_rate, agrees in ((0.0, False), (0.3, True)):
        work = draw(scenario(50, load=0.5, failure_rate=failure_rate))
        one = TEXTBOOK.attempts(work, TEXTBOOK.run(work))[7]
        late = changed(7, started_s=one.started_s + 1, finished_s=one.finished_s + 1)
        (*_, line) = speed.compare(work, "small", [late], rounds=1)
        assert (line.value is not None) == agrees


def test_the_table_of_speeds_says_why_the_order_differs(monkeypatch):
    monkeypatch.setattr(speed, "LOADS", ())
    (told, *_) = speed.measure()
    assert "in BullMQ's order: in line when a worker next asks, not when due" in told.note
