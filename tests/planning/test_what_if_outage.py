"""An outage tried: what is lost and when it is over, by hand; and what is said of it."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simqueue as sq
from simqueue.errors import InputError
from simqueue.experiments.run import replicate
from simqueue.planning.outages.clock import moment_s
from simqueue.planning.outages.days import spans, unfinished
from simqueue.planning.outages.finding import difference
from simqueue.planning.outages.outage import OutageResult
from simqueue.results.history import histories


def shop(**changes: Any) -> sq.Scenario:
    """A payment a second, 0.5 s each, and orders whose jobs share the workers' event loops."""
    return sq.build_scenario(
        {
            "name": "shop",
            "duration_s": 900,
            "arrivals": {"pay": {"rate_per_s": 1.0}, "mail": {"rate_per_s": 0.5}},
            "queues": {
                "pay": {
                    "attempts": 3,
                    "backoff": {"type": "fixed", "delay_ms": 5000},
                    "service": {"distribution": "exponential", "mean_s": 0.5},
                },
                "mail": {"service": {"distribution": "exponential", "mean_s": 0.2}},
            },
            "workers": {"count": 1, "concurrency": 4},
        }
    ).replace(changes)


def by_hand(**changes: Any) -> sq.Scenario:
    """A job each 10 s that takes 1 s; nothing of it is left to chance."""
    return sq.build_scenario(
        {
            "duration_s": 200,
            "arrivals": {"pay": {"interval_s": 10}},
            "queues": {"pay": {"service": {"distribution": "constant", "mean_s": 1}}},
        }
    ).replace(changes)


@pytest.fixture(scope="module")
def found() -> OutageResult:
    return sq.outage(
        shop(), "pay", 300, 120, tries={"attempts": [2, 40], "backoff.jitter": [0, 1]},
        days=4, cores=1,
    )  # fmt: skip


# ---- by hand


@pytest.mark.parametrize(
    ("policy", "outage", "lost", "recovery"),
    [
        # One attempt each: the jobs of 30 and 40 s are lost at 31 and 41 s, and it is over.
        ({}, {"from_s": 25, "lasts_s": 20}, 2, 0.0),
        # Jobs of 30 and 40 s fail at once, and are tried again 20 s later: at 51 and 61 s they
        # succeed, and are done at 52 and 62 s; the outage ends at 45 s.
        ({"attempts": 2, "backoff": {"delay_ms": 20_000}}, {"from_s": 25, "lasts_s": 20}, 0, 17.0),
        # An attempt that begins at 40 s hangs for 8 s, two seconds longer than the outage.
        ({}, {"from_s": 25, "lasts_s": 21, "hangs_s": 8}, 2, 2.0),
    ],
)
def test_what_is_lost_and_when_it_is_over(
    policy: dict[str, Any], outage: dict[str, Any], lost: int, recovery: float
) -> None:
    scenario = by_hand(**{f"queues.pay.{key}": value for key, value in policy.items()})
    found = sq.outage(scenario, "pay", **outage, tries={}, days=2, cores=1)

    assert found.as_it_is.each("pay", "failed").tolist() == [lost, lost]
    assert found.as_it_is.each("pay", "failed", outage=False).tolist() == [0, 0]
    assert found.as_it_is.recovery_s == pytest.approx([recovery, recovery])


@pytest.mark.parametrize("seed", range(10))
def test_recovery_is_when_the_curves_meet(seed: int) -> None:
    """Counted job by job, at every moment at which anything happens."""
    scenario = shop(seed=seed)
    found = sq.outage(scenario, "pay", 300, 120, tries={"attempts": [40]}, days=1, cores=1)
    sick, well = (
        [
            (start, end if end == end else math.inf)
            for one in histories(replicate(each, 0).log)
            if one.queue == "pay"
            for start, end in zip(
                one.jobs.enqueued_s.tolist(), one.jobs.finished_s.tolist(), strict=True
            )
        ]
        for each in (found.policies[1].scenario, scenario.replace({"queues.pay.attempts": 40}))
    )
    moments = sorted({420.0, *(at for job in sick + well for at in job if at >= 420)})
    meet = next(
        at
        for at in moments
        if sum(a <= at < b for a, b in sick) <= sum(a <= at < b for a, b in well)
    )
    assert found.policies[1].recovery_s.tolist() == [meet - 420]


def test_unfinished_by_hand() -> None:
    came, went = np.array([0.0, 1.0, 1.0, 7.0]), np.array([1.0, 4.0, 9.0, np.inf])
    counted = unfinished(came, went, np.array([0.0, 1.0, 4.0, 8.0, 99.0]))
    assert counted.tolist() == [1, 2, 1, 2, 1]


def test_a_jobs_end_is_its_final_outcome() -> None:
    run = sq.simulate(shop())
    came, went = spans([one for one in histories(run.log) if one.queue == "pay"])
    assert len(came) == len(went) == run.summary().queues["pay"].arrived
    assert np.isfinite(went).all()


# ---- the same days


def test_days_are_those_of_a_run(found: OutageResult) -> None:
    for day in range(4):
        sick = replicate(shop(**{"queues.pay.outages": [[300, 420]]}), day)
        well = replicate(shop(), day)
        for queue in ("pay", "mail"):
            for outage, run in ((True, sick), (False, well)):
                failed = found.as_it_is.each(queue, "failed", outage=outage)[day]
                assert failed == run.summary().queues[queue].failed
                inside = run.log.responses(queue, 300, 540)
                p95 = found.as_it_is.each(queue, "p95_s", outage=outage)[day]
                assert p95 == np.quantile(inside, 0.95)


def test_an_outage_that_hits_nothing_changes_nothing() -> None:
    found = sq.outage(shop(), "pay", 300, 120, rate=0.0, tries={}, days=2, cores=1)

    np.testing.assert_array_equal(found.as_it_is.found[:, 0], found.as_it_is.found[:, 1])
    assert found.as_it_is.recovery_s.tolist() == [0, 0]
    assert "no job is lost" in found.sentence()


def test_outages_that_there_were_stay() -> None:
    old = shop(**{"queues.pay.outages": [[100, 130]]})
    found = sq.outage(old, "pay", 300, 120, tries={}, days=1, cores=1)

    assert [one.from_s for one in found.as_it_is.scenario.queues["pay"].outage_tables] == [100, 300]
    assert found.outage.from_s == 300


def test_every_combination_is_tried(found: OutageResult) -> None:
    assert [one.changes for one in found.policies] == [
        {},
        {"attempts": 2, "backoff.jitter": 0},
        {"attempts": 2, "backoff.jitter": 1},
        {"attempts": 40, "backoff.jitter": 0},
        {"attempts": 40, "backoff.jitter": 1},
    ]


@pytest.mark.parametrize("seed", range(10))
def test_retries_that_outlast_it_lose_nobody_and_are_named(seed: int) -> None:
    found = sq.outage(
        shop(seed=seed), "pay", 300, 120, tries={"attempts": [4, 40]}, days=3, cores=1
    )
    assert found.as_it_is.each("pay", "failed").min() > 50
    assert found.best is found.policies[2]
    assert "With attempts = 40 none is lost" in found.sentence()
    apart = found.against_as_it_is(found.policies[2], "failed")
    assert apart is not None
    assert apart.surely_less
    assert apart.mean == -found.as_it_is.each("pay", "failed").mean()


def test_where_no_policy_helps_it_is_said() -> None:
    found = sq.outage(shop(), "pay", 300, 120, tries={"attempts": [2, 3]}, days=3, cores=1)

    assert found.best is None
    assert "None of the other policies that were tried surely loses fewer." in found.sentence()


@pytest.mark.parametrize("tries", [{}, {"attempts": [2]}])
def test_a_page_explains_other_policies_where_there_are_some(
    tries: dict[str, list[int]], tmp_path: Path
) -> None:
    found = sq.outage(shop(), "pay", 300, 120, tries=tries, days=2, cores=1)
    found.page().write(tmp_path / "outage.html")
    page = (tmp_path / "outage.html").read_text(encoding="utf-8")

    assert "Each day was simulated with the outage and without it" in page
    assert "95 % interval of the mean" in page
    for words in ("with each policy", "another policy", "day by day"):
        assert (words in page) == bool(tries), words


def test_differences_are_of_days() -> None:
    apart = difference(np.array([3.0, np.nan, 5.0]), np.array([1.0, 1.0, 4.0]))
    assert apart is not None
    assert apart.mean == 1.5
    assert difference(np.array([np.nan]), np.array([1.0])) is None


# ---- classes with keys of their own


def with_classes(attempts: int = 2) -> sq.Scenario:
    backoff = {"type": "fixed", "delay_ms": 5000}
    own = {"share": 0.5, "attempts": attempts, "backoff": backoff}
    return shop(**{"queues.pay.classes": {"big": own, "small": own}})


@pytest.mark.parametrize("tries", [{"attempts": [40]}, {"attempts": [25, 40]}, None])
def test_policies_hold_for_classes_too(tries: dict[str, list[int]] | None) -> None:
    found = sq.outage(with_classes(), "pay", 300, 120, tries=tries, days=3, cores=1)

    assert found.best is not None
    assert found.best.each("pay", "failed").max() < found.as_it_is.each("pay", "failed").min() / 10
    assert "in all its classes" in found.sentence()


def test_usual_policies_go_by_what_the_classes_say() -> None:
    found = sq.outage(with_classes(7), "pay", 300, 120, days=1, cores=1)
    assert [one.changes["attempts"] for one in found.policies[1:]] == [14, 25, 7]


@pytest.mark.parametrize("order", [1, -1])
def test_one_class_may_be_kept_apart(order: int) -> None:
    tries = {"attempts": [9], "classes.big.attempts": [3]}
    found = sq.outage(
        with_classes(), "pay", 300, 60, tries=dict([*tries.items()][::order]), days=1, cores=1
    )
    queue = found.policies[1].scenario.queues["pay"]
    assert {name: one.attempts for name, one in queue.by_class.items()} == {"big": 3, "small": 9}


def test_a_class_that_says_nothing_goes_by_the_queue() -> None:
    half = {"share": 0.5}
    scenario = shop(**{"queues.pay.classes": {"big": half, "small": {**half, "attempts": 2}}})
    found = sq.outage(scenario, "pay", 300, 60, tries={"attempts": [9]}, days=1, cores=1)
    queue = found.policies[1].scenario.queues["pay"]
    assert [one.attempts for one in queue.by_class.values()] == [9, 9]


# ---- who else suffers


@pytest.mark.parametrize("seed", range(10))
def test_a_queue_of_the_same_event_loop_suffers(seed: int) -> None:
    """Retries without a pause hold the one event loop, and mail waits for it."""
    loop = {"distribution": "constant", "mean_s": 0.1}
    hot = shop(
        seed=seed,
        **{
            "queues.pay.cpu": loop,
            "queues.pay.service": {"distribution": "constant", "mean_s": 0.05},
            "queues.mail.cpu": loop,
            "queues.pay.attempts": 40,
            "queues.pay.backoff": {"delay_ms": 0},
        },
    )
    found = sq.outage(hot, "pay", 300, 120, tries={}, days=8, cores=1)

    assert list(found.suffering) == ["mail"]
    assert "Others suffer, p95: mail (" in found.sentence()


@pytest.mark.parametrize("seed", range(10))
def test_a_queue_with_slots_of_its_own_and_no_event_loop_does_not(seed: int) -> None:
    found = sq.outage(shop(seed=seed), "pay", 300, 120, tries={}, days=4, cores=1)
    assert found.suffering == {}


# ---- when


@pytest.mark.parametrize(
    ("clock", "arrivals", "moment"),
    [
        ("10:00", {"per_hour": [1] * 24}, 36_000),
        ("00:00", {"per_hour": [1] * 168}, 0),
        ("10:00", {"per_hour": [1] * 24, "speed": 60}, 600),
    ],
)
def test_the_clock(clock: str, arrivals: dict[str, Any], moment: float) -> None:
    assert moment_s(shop(**{"arrivals.pay": arrivals}), clock) == moment


def test_the_clock_of_a_trace_goes_round() -> None:
    friday = sq.read_scenario("incident.toml")  # from 13:00 on
    assert moment_s(friday, "13:05") == 300
    assert moment_s(friday, "12:00") == 23 * 3600
    assert friday.moment(moment_s(friday, "14:30")) == "14:30"


@pytest.mark.parametrize(
    ("clock", "said"), [("10", "10:00"), ("24:00", "10:00"), ("10:00", "no clock")]
)
def test_no_time_of_the_day(clock: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        moment_s(shop(), clock)


# ---- what is said


def test_what_is_said(found: OutageResult, tmp_path: Path) -> None:
    words = found.sentence()
    assert words.startswith("shop: when pay attempts fail for 2 min from 300 s on, ")
    assert pickle.loads(pickle.dumps(found)).sentence() == words
    assert len(found.frame()) == 4 * 5
    figure = found.plot(tmp_path / "outage.png")
    assert figure.axes[0].get_title(loc="left").replace("\n", " ") == words
    assert (tmp_path / "outage.png").stat().st_size > 10_000


class _Interrupted:
    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, *arguments: Any) -> Any:
        from simqueue.simulation import SimPyEngine

        self.runs += 1
        if self.runs == 8:
            raise KeyboardInterrupt
        return SimPyEngine()(*arguments)


def test_ctrl_c_keeps_the_days_that_all_policies_had() -> None:
    """Two policies, four runs a day: the eighth run is the second day's last."""
    found = sq.outage(
        shop(), "pay", 300, 120, tries={"attempts": [9]}, cores=1, engine=_Interrupted()
    )
    assert found.interrupted
    assert [one.days for one in found.policies] == [1, 1]
    assert found.sentence().endswith("Interrupted.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"queue": "payment"}, "there are pay, mail"),
        ({"from_s": -1}, "from -1 s"),
        ({"from_s": 900}, "before the end of arrivals, 900 s"),
        ({"lasts_s": 0}, "lasts 0 s"),
        ({"rate": 2}, "rate"),
        ({"hangs_s": -1}, "attempt_takes_s"),
        ({"days": 0}, "days = 0"),
        ({"cores": 0}, "cores = 0"),
        ({"tries": {"attempts": []}}, "attempts: expected at least one value"),
        ({"tries": {"attempts": [0]}}, "attempts"),
        ({"tries": {"atempts": [3]}}, "atempts"),
        ({"tries": {"attempts": 3}}, "expected several values"),
    ],
)
def test_bad_input(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        sq.outage(shop(), **({"queue": "pay", "from_s": 300, "lasts_s": 60} | arguments))
    assert said in str(error.value)
    assert "\n" not in str(error.value)
