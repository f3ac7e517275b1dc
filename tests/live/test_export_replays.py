"""`simulate` replays an exported session, job by job: jobs sent, rates changed, workers killed."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small import differing, shop

import simqueue as sq
from simqueue.errors import InputError
from simqueue.live.saving import scenario_text
from simqueue.live.session import Session
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

THINK = {"distribution": "exponential", "mean_s": 3.0}
#: Arrivals of orders, and times of jobs; some meet at round moments, as those that are sent do.
ARRIVALS: list[dict[str, Any]] = [
    {"rate_per_s": 5.0},
    {"interval_s": 0.25},
    {"profile": [[0, 2.0], [12, 9.0]], "batch": [1, 3]},
    {"calm": {"rate_per_s": 1.0, "mean_s": 5.0}, "burst": {"rate_per_s": 20.0, "mean_s": 2.0}},
    {
        "trace": "data/arrivals.csv",
        "window": ["2011-11-17T12:00", "2011-11-17T14:00"],
        "speed": 300,
    },
]
SERVICE: list[dict[str, Any]] = [
    {"distribution": "lognormal", "mean_s": 0.3, "cv": 1.0},
    {"distribution": "constant", "mean_s": 0.5},
]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    service = draw(st.sampled_from(SERVICE))
    queue = {"service": service, "failure_rate": draw(st.sampled_from([0.0, 0.2]))}
    backoff = {"type": "fixed", "delay_ms": 1000}
    return shop(
        seed=draw(st.integers(0, 99)),
        mode=draw(st.sampled_from(["bull-queue", "bull-queue", "in-process"])),
        **{
            "arrivals.order": draw(st.sampled_from(ARRIVALS)),
            "arrivals.payment": {"follows": "order", "think": THINK},
            "queues.order": {**queue, "backoff": backoff, "lifo": draw(st.booleans())},
            "queues.payment": queue,
        },
    )


MOMENTS = st.integers(0, 160).map(lambda quarters: quarters / 4)
SENDS = st.fixed_dictionaries(
    {"queue": st.sampled_from(["order", "payment"]), "jobs": st.integers(1, 30)}
)
TIMES = st.fixed_dictionaries(
    {"queue": st.just("order"), "times": st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.5, 4.0])}
)
CHANGES = st.one_of(
    st.tuples(MOMENTS, st.just("send"), SENDS), st.tuples(MOMENTS, st.just("arrivals"), TIMES)
)


def replayed(session: Session) -> list[str]:
    """In which columns a simulation of the exported file differs from the session."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "exported.toml"
        file.write_text(scenario_text(session.exported()), encoding="utf-8")
        again = sq.simulate(sq.read_scenario(file), engine="simpy").log
    ours, theirs = session.log(), again
    found = differing(ours, theirs)
    ids = [list(log.frame().job_id) for log in (ours, theirs)]
    return found if found or ids[0] == ids[1] else ["ids"]


@settings(deadline=None, max_examples=25)
@given(
    scenario=scenarios(),
    changes=st.lists(CHANGES, min_size=1, max_size=6),
    kill_at=st.none() | MOMENTS,
)
def test_random_sessions_are_replayed(
    scenario: Scenario, changes: list[tuple[float, str, dict[str, Any]]], kill_at: float | None
) -> None:
    """Arrivals that meet at one moment, both modes, newest first, a killed worker."""
    session = Session(scenario)
    acts: list[tuple[float, str, dict[str, Any]]] = [*changes]
    if kill_at is not None and not scenario.in_process:
        acts += [(kill_at, "kill", {"worker": 0}), (kill_at + 3, "start", {"worker": 0})]
    for at_s, what, how in sorted(acts, key=lambda act: act[0]):
        session.run_until(at_s)
        session.do(what, **how)
    session.finish()

    assert replayed(session) == []


def test_everything_that_a_scenario_can_say_at_once() -> None:
    session = Session(shop())
    for at_s, what, how in [
        (0.0, "send", {"queue": "order", "jobs": 3}),
        (2.0, "arrivals", {"queue": "order", "times": 2.5}),
        (5.2, "kill", {"worker": 0}),
        (6.0, "gateway", {"queue": "payment", "away": True}),
        (7.0, "send", {"queue": "payment", "jobs": 700}),  # more than there is room for at first
        (8.0, "start", {"worker": 0}),
        (11.0, "gateway", {"queue": "payment", "away": False}),
        (12.0, "pause", {"queue": "order", "paused": True}),
        (13.0, "send", {"queue": "order", "jobs": 5}),
        (15.0, "pause", {"queue": "order", "paused": False}),
        (16.0, "workers", {"count": 4}),
        (20.0, "arrivals", {"queue": "order", "times": 0.5}),
        (30.0, "workers", {"count": 2}),
        (60.0, "send", {"queue": "order", "jobs": 2}),  # after all others
    ]:
        session.run_until(at_s)
        session.do(what, **how)
    session.finish()

    exported = session.exported()
    assert replayed(session) == []
    assert exported.arrivals["order"].factor == [(2.0, 2.5), (20.0, 0.5)]  # type: ignore[union-attr]
    assert exported.arrivals["payment"].sent == [(7.0, 700)]  # type: ignore[union-attr]


def test_what_comes_is_what_is_expected() -> None:
    """Verdicts count on it: over many seeds as many come as the scenario expects."""
    sent = {"arrivals.order.sent": [[5, 40]], "arrivals.order.factor": [[10, 3.0], [20, 0.25]]}
    scenario = shop(**sent)
    stream = scenario.arrivals["order"]
    moments = np.array([4.0, 8.0, 15.0, 40.0])
    expected = [20.0, 80.0, 90 + 75.0, 90 + 150 + 25.0]
    assert stream.coming(moments, 40.0) == pytest.approx(expected)
    assert not stream.steady

    came = []
    for seed in range(30):
        rows = (
            sq.simulate(scenario.replace({"seed": seed}), engine="simpy").log.select("order").rows
        )
        came.append(len(np.unique(rows["job"])))
    assert np.mean(came) == pytest.approx(265, abs=4 * np.sqrt(225 / 30))


def test_both_engines_have_the_same_jobs() -> None:
    pytest.importorskip("numba")
    scenario = shop(**{"arrivals.order.sent": [[5, 40]], "arrivals.order.factor": [[10, 3.0]]})
    one, other = (sq.simulate(scenario, engine=name).log.frame() for name in ("simpy", "compiled"))

    columns = ["job_id", "attempt", "outcome"]
    assert one[columns].equals(other[columns])
    np.testing.assert_allclose(one.finished_s, other.finished_s, rtol=0, atol=1e-9)


@pytest.mark.parametrize("key", ["sent", "factor"])
@pytest.mark.parametrize("queue", ["order", "payment"])
def test_a_scenario_that_says_so_already_is_saved_instead(key: str, queue: str) -> None:
    """Payments have the numbers of the orders that they follow."""
    session = Session(shop(**{f"arrivals.order.{key}": [[5, 40]]}))
    session.run_until(3)
    session.do("send", queue=queue, jobs=2)

    with pytest.raises(InputError, match=r"says already what comes beside .* of order"):
        session.exported()


def other_too() -> Scenario:
    """Letters come by themselves, and orders already with others beside them."""
    sent = {"arrivals.order.sent": [[5, 40]], "arrivals.order.factor": [[10, 3.0], [20, 0.25]]}
    return shop(**{**sent, "arrivals.email": {"rate_per_s": 2.0}})


def test_what_the_scenario_says_of_other_queues_is_replayed_too() -> None:
    session = Session(other_too())
    for at_s, what, how in [
        (3.0, "send", {"queue": "email", "jobs": 20}),
        (8.0, "arrivals", {"queue": "email", "times": 3.0}),
        (25.0, "arrivals", {"queue": "email", "times": 0.5}),
    ]:
        session.run_until(at_s)
        session.do(what, **how)
    session.finish()

    assert replayed(session) == []
    assert session.exported().arrivals["order"] == session.scenario.arrivals["order"]


def test_jobs_that_are_sent_when_the_scenario_sends_some_are_saved_instead() -> None:
    """Who of them is first, a file says by the order of its queues."""
    session = Session(other_too())
    session.run_until(5)
    session.do("send", queue="email", jobs=2)

    with pytest.raises(InputError, match="sends jobs to order at this very moment"):
        session.exported()


def test_moments_rise() -> None:
    with pytest.raises(InputError, match=r"arrivals\.order\.sent.*the times should rise"):
        shop(**{"arrivals.order.sent": [[5, 1], [4, 1]]})


def test_who_comes_comes_at_the_moment_that_was_drawn() -> None:
    """To the last digit, however long nobody came before: now + (moment - now) may be off."""
    for seed in range(100):
        scenario = shop(seed=seed, **{"arrivals.order.rate_per_s": 0.2})
        log = sq.simulate(scenario, engine="simpy").log
        first = log.rows[(log.rows["parent"] < 0) & (log.rows["attempt"] == 1)]
        assert np.array_equal(np.sort(first["enqueued_s"]), Workload(scenario).arrivals[0])
