"""A session is its scenario and its changes: the same log each time, and what `simulate` gives."""

from pathlib import Path

import numpy as np
import pytest
from small import attempts_of, differing, shop

import simqueue as sq
from simqueue.errors import InputError
from simqueue.live.changes import TICK_S
from simqueue.live.formula import formula_lines
from simqueue.live.saving import scenario_text
from simqueue.live.session import Session, read_session
from simqueue.live.workload import LiveWorkload
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload


def eventful() -> Session:
    """Everything that a person can do, within forty seconds."""
    session = Session(shop())
    for at_s, what, how in [
        (3.1, "send", {"queue": "order", "jobs": 20}),
        (4.0, "arrivals", {"queue": "order", "times": 2.5}),
        (5.2, "kill", {"worker": 0}),
        (6.0, "gateway", {"queue": "payment", "away": True}),
        (7.7, "slots", {"queue": "order", "count": 1}),
        (8.0, "start", {"worker": 0}),
        (9.0, "set", {"queue": "order", "key": "failure_rate", "value": 0.5}),
        (9.5, "set", {"queue": "payment", "key": "attempts", "value": 5}),
        (9.9, "set", {"queue": "payment", "key": "backoff", "value": {"jitter": 1.0}}),
        (11.0, "gateway", {"queue": "payment", "away": False}),
        (12.0, "pause", {"queue": "order", "paused": True}),
        (14.0, "set", {"queue": "order", "key": "service", "value": {"mean_s": 0.1}}),
        (15.0, "pause", {"queue": "order", "paused": False}),
        (16.0, "workers", {"count": 4}),
        (17.0, "slots", {"queue": "order", "count": 6}),
        (20.0, "arrivals", {"queue": "order", "times": 0.5}),
        (22.0, "drain", {"worker": 1}),
        (25.0, "start", {"worker": 1}),
        (30.0, "workers", {"count": 1}),
        (31.0, "send", {"queue": "payment", "jobs": 1}),
    ]:
        session.run_until(at_s)
        session.do(what, **how)
    return session


@pytest.mark.parametrize("scenario", ["outage.toml", "herd.toml", "incident.toml"])
def test_untouched_it_is_what_simulate_gives(scenario: str) -> None:
    read = sq.read_scenario(scenario)
    played = read if read.duration_s < 300 else read.replace({"duration_s": 200.0})
    session = Session(played)
    session.finish()

    assert differing(session.log(), sq.simulate(played).log) == []


@pytest.mark.parametrize("seed", range(10))
def test_the_small_shop_is_what_simulate_gives(seed: int) -> None:
    for mode in ("bull-queue", "in-process"):
        session = Session(shop(seed=seed, mode=mode))
        session.finish()
        assert differing(session.log(), sq.simulate(session.scenario).log) == []


@pytest.mark.parametrize("beside", [{}, {"order": {"rate_per_s": 5.0}}])
def test_a_job_scheduler_ends_as_in_simulate(beside: dict[str, dict[str, float]]) -> None:
    """Its last slot is the last, although a session has room for jobs that nobody planned."""
    service = {"distribution": "lognormal", "mean_s": 0.6, "cv": 1.0}  # some slots are skipped
    names = ["report", *beside]
    scenario = build_scenario(
        {
            "name": "reports",
            "duration_s": 40,
            "arrivals": {"report": {"every_s": 1}, **beside},
            "queues": {name: {"service": service, "failure_rate": 0.2} for name in names},
        }
    )
    session = Session(scenario)
    session.finish()

    assert len(session.log().select("report")) > 20
    assert differing(session.log(), sq.simulate(scenario).log) == []


@pytest.mark.parametrize("times", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("factor", [[[0, 2], [20, 4]], [[0, 0.5], [20, 2]], [[20, 0.0]]])
def test_so_many_times_as_many_as_the_scenario_says(
    times: float, factor: list[list[float]]
) -> None:
    """With the scenario's own factors; what it sends comes at any rate."""
    varied = {"arrivals.order.factor": factor, "arrivals.order.sent": [[30, 40]]}
    session = Session(shop(**varied, **{"workers.concurrency": 50}))
    session.run_until(10)
    session.do("arrivals", queue="order", times=times)
    session.finish()

    rows = session.log().select("order").rows
    came = np.sort(rows["enqueued_s"][rows["attempt"] == 1])
    found = np.histogram(came, [0, 10, 20, 30, 40])[0] - [0, 0, 0, 40]
    said = np.append([one for _, one in factor], 1.0)
    at = np.searchsorted([start for start, _ in factor], [0, 10, 20, 30], side="right") - 1
    expected = 50.0 * said[at] * [1.0, times, times, times]
    assert np.all(np.abs(found - expected) <= 4 * np.sqrt(expected))  # they are Poisson


def test_no_job_has_the_name_of_one_that_the_scenario_sends() -> None:
    recorded = {
        "trace": "data/arrivals.csv",
        "window": ["2011-11-17T12:00", "2011-11-17T14:00"],
        "speed": 300,
        "sent": [[5, 10]],
    }
    session = Session(shop(**{"arrivals.order": recorded}))
    session.run_until(10)
    session.do("send", queue="order", jobs=10)
    session.finish()

    log = session.log().select("order").frame()
    first = log[(log.attempt == 1) & (log.run == 1)]
    assert first.job_id.str.contains("more-").sum() == 20
    assert first.job_id.is_unique


def test_the_same_changes_give_the_same_log() -> None:
    session = eventful()
    session.finish()
    again = Session(session.scenario, session.changes)
    again.finish()

    assert len(session.changes) == 20
    assert differing(session.log(), again.log()) == []


def test_how_one_got_there_does_not_matter() -> None:
    session = eventful()
    steps = Session(session.scenario, session.changes)
    while steps.now < 12.5:
        steps.step()
    session = Session(session.scenario, session.changes)
    session.run_until(steps.now)

    assert len(session.log()) > 50
    assert differing(session.log(), steps.log()) == []


def test_a_saved_session_plays_to_the_same_end(tmp_path: Path) -> None:
    session = eventful()
    session.run_until(35)
    session.save(tmp_path / "mine.toml")
    read = read_session(tmp_path / "mine.toml")

    assert (read.scenario, read.changes, read.now) == (
        session.scenario, session.changes, session.now
    )  # fmt: skip
    assert differing(session.log(), read.log()) == []


def test_simulate_replays_what_is_exported(tmp_path: Path) -> None:
    session = Session(shop())
    for at_s, what, how in [
        (0.0, "set", {"queue": "order", "key": "failure_rate", "value": 0.3}),
        (5.2, "kill", {"worker": 0}),
        (6.0, "gateway", {"queue": "payment", "away": True}),
        (8.0, "start", {"worker": 0}),
        (11.0, "gateway", {"queue": "payment", "away": False}),
        (12.0, "pause", {"queue": "order", "paused": True}),
        (15.0, "pause", {"queue": "order", "paused": False}),
        (16.0, "workers", {"count": 4}),
        (22.0, "drain", {"worker": 1}),
        (25.0, "start", {"worker": 1}),
        (30.0, "workers", {"count": 1}),
    ]:
        session.run_until(at_s)
        session.do(what, **how)
    session.finish()
    file = tmp_path / "exported.toml"
    file.write_text(scenario_text(session.exported()), encoding="utf-8")

    assert differing(session.log(), sq.simulate(sq.read_scenario(file)).log) == []


@pytest.mark.parametrize(
    ("what", "how", "why"),
    [
        ("slots", {"queue": "order", "count": 9}, "has slots for the whole run, and cannot say"),
        (
            "set",
            {"queue": "order", "key": "failure_rate", "value": 0.5},
            "has failure rate for the whole run, and cannot say that they change on the way",
        ),
        ("kill", {"worker": 1}, "worker 2 is down: start it first"),
        ("pause", {"queue": "order", "paused": True}, "order is paused"),
        ("gateway", {"queue": "order", "away": True}, "away: give it back first"),
    ],
)
def test_what_a_scenario_cannot_say_is_refused(what: str, how: dict, why: str) -> None:  # type: ignore[type-arg]
    session = Session(shop())
    session.run_until(2)
    session.do(what, **how)

    with pytest.raises(InputError, match=why):
        session.exported()


def test_jobs_sent_by_hand_disturb_nobody_elses_draws() -> None:
    """With slots for all, the others' attempts are the same to the last digit."""
    roomy = shop(**{"workers.concurrency": 320})
    alone, visited = Session(roomy), Session(roomy)
    visited.run_until(5)
    visited.do("send", queue="order", jobs=560)  # more than there was room for at first
    for session in (alone, visited):
        session.finish()
    before, after = attempts_of(alone.log()), attempts_of(visited.log())

    assert len(after) > len(before) + 560
    assert {key: after[key] for key in before} == before


def test_a_higher_rate_and_jobs_by_hand_do_not_meet() -> None:
    roomy = shop(**{"workers.concurrency": 80})
    busy, visited = Session(roomy), Session(roomy)
    for session in (busy, visited):
        session.do("arrivals", queue="order", times=2.0)
    visited.do("send", queue="order", jobs=7)
    for session in (busy, visited):
        session.finish()
    before, after = attempts_of(busy.log()), attempts_of(visited.log())

    assert len(before) > 1.5 * len(sq.simulate(roomy).log)
    assert {key: after[key] for key in before} == before


def test_a_lower_rate_keeps_some_of_the_same_jobs() -> None:
    roomy = shop(**{"workers.concurrency": 80})
    session = Session(roomy)
    session.do("arrivals", queue="order", times=0.5)
    session.finish()
    few, all_of_them = attempts_of(session.log()), attempts_of(sq.simulate(roomy).log)

    assert 0.3 * len(all_of_them) < len(few) < 0.7 * len(all_of_them)
    assert few.items() <= all_of_them.items()


def test_a_rate_of_nothing_brings_nobody() -> None:
    session = Session(shop())
    session.do("arrivals", queue="order", times=0.0)
    session.finish()

    assert len(session.log()) == 0


def test_a_policy_is_that_of_when_the_job_was_added() -> None:
    """BullMQ keeps attempts and backoff in the job: only those that come later have others."""
    session = Session(shop(**{"queues.order.failure_rate": 1.0, "duration_s": 30}))
    session.run_until(15)
    session.do("set", queue="order", key="attempts", value=1)
    session.finish()
    orders = session.log().frame().query("queue == 'order' and outcome == 'failed'")

    assert set(orders[orders.enqueued_s < 15].attempt) == {3}
    assert set(orders[orders.enqueued_s >= 15].attempt) == {1}


def test_a_gateway_that_is_away_fails_what_starts_meanwhile() -> None:
    session = Session(shop(**{"queues.payment.failure_rate": 0.0}))
    session.run_until(10)
    session.do("gateway", queue="payment", away=True)
    session.run_until(20)
    session.do("gateway", queue="payment", away=False)
    session.finish()
    payments = session.log().frame().query("queue == 'payment'")
    within = (payments.started_s >= 10) & (payments.started_s < 20)

    assert within.sum() > 20
    assert not (payments[within].outcome == "completed").any()
    assert (payments[~within].outcome == "completed").all()


def test_a_paused_queue_starts_nothing() -> None:
    session = Session(shop())
    session.run_until(10)
    session.do("pause", queue="order", paused=True)
    session.run_until(20)
    assert session.state()["queues"]["order"]["paused"]
    session.do("pause", queue="order", paused=False)
    session.finish()
    started = session.log().select("order").rows["started_s"]

    assert not ((started >= 10) & (started < 20)).any()
    assert (started >= 20).any()


def test_a_dead_workers_jobs_stall_and_are_done() -> None:
    session = Session(shop())
    session.run_until(10)
    workers = session.state()["workers"]
    busy = [job for one in workers for jobs in one["slots"].values() for job in jobs]
    session.do("kill", worker=0)
    session.finish()
    log = session.log()

    assert any(busy)
    assert "stalled" in set(log.frame().outcome)
    assert session.over


def test_slots_go_when_their_jobs_are_done_and_come_at_once() -> None:
    session = Session(shop(**{"workers.count": 1}))
    session.run_until(10)
    session.do("send", queue="order", jobs=50)
    session.do("slots", queue="order", count=1)
    session.run_until(14)
    assert session.state()["queues"]["order"]["active"] == 1
    session.do("slots", queue="order", count=20)
    assert session.state()["queues"]["order"]["active"] == 20
    session.finish()
    rows = session.log().select("order").rows

    assert rows["slot"].max() == 19


def test_workers_come_and_the_newest_go() -> None:
    session = Session(shop())
    session.run_until(5)
    session.do("workers", count=5)
    assert len(session.state()["workers"]) == 5
    session.run_until(10)
    session.do("workers", count=1)
    session.finish()

    assert [one["name"] for one in session.state()["workers"]] == ["worker 1"]
    presence = session.log().presence
    assert len(presence) == 5
    assert np.isnan(presence["gone_s"]).sum() == 1


def test_each_change_has_a_moment_of_its_own() -> None:
    session = Session(shop())
    session.run_until(1)
    moments = [session.do("send", queue="order").at_s for _ in range(3)]

    assert moments == [1.0, 1.0 + TICK_S, 1.0 + 2 * TICK_S]


@pytest.mark.parametrize(
    ("what", "how", "why"),
    [
        ("explode", {}, "do"),
        ("kill", {"worker": 7}, "there is no worker 8"),
        ("start", {"worker": 0}, "is up already"),
        ("send", {"queue": "email"}, "its jobs follow others"),
        ("send", {"queue": "orders"}, "there is no queue orders; there are order"),
        ("send", {"queue": "order", "jobs": 10**9}, "jobs"),
        ("arrivals", {"queue": "payment", "times": 2.0}, "follow those of order"),
        ("set", {"queue": "order", "key": "failure_rate", "value": 2}, "failure_rate"),
        ("set", {"queue": "order", "key": "cpu", "value": 2}, "key"),
        ("pause", {"queue": "order", "paused": False}, "is not paused"),
        ("gateway", {"queue": "order", "away": False}, "there already"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_noted(what: str, how: dict, why: str) -> None:  # type: ignore[type-arg]
    session = Session(shop())

    with pytest.raises(InputError, match=why):
        session.do(what, **how)
    assert session.changes == []


def test_draws_do_not_depend_on_how_much_room_there_is() -> None:
    scenario = sq.read_scenario("incident.toml")
    plain, roomy = Workload(scenario), LiveWorkload(scenario)
    for kind in plain.kinds:
        for attempt in (1, 2):
            for column, same in zip(
                plain.attempts(kind.number, attempt), roomy.attempts(kind.number, attempt),
                strict=True,
            ):  # fmt: skip
                assert list(same[: len(column)]) == list(column)


def test_the_formulas_line_stands_where_one_holds() -> None:
    service = {"distribution": "exponential", "mean_s": 0.5}
    scenario = shop().replace(
        {"arrivals": {"order": {"rate_per_s": 4.0}}, "queues": {"order": {"service": service}}}
    )
    session = Session(scenario.replace({"workers.count": 1}))
    line = formula_lines(session)["order"]
    assert line["model"] == "M/M/3"
    assert line["wait_mean_s"] == pytest.approx(sq.theory.mmc_wait_mean(4.0, 0.5, 3))

    session.do("slots", queue="order", count=4)
    assert formula_lines(session)["order"]["model"] == "M/M/4"
    session.do("gateway", queue="order", away=True)
    assert formula_lines(session) == {}


def test_the_numbers_beside_it_are_those_of_the_log() -> None:
    session = Session(shop())
    session.finish()
    log = session.log()
    for name, one in session.state()["queues"].items():
        rows = log.select(name).rows
        assert one["attempts"] == len(rows)
        assert one["done"] == (rows["outcome"] == 1).sum()
        waits = (rows["started_s"] - rows["ready_s"])[rows["finished_s"] >= session.now - 300]
        assert (one["p50"], one["p95"]) == pytest.approx(tuple(np.quantile(waits, (0.5, 0.95))))
