"""What is said to bind a run: scenarios whose answer is known, with seeds at random."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import verdicts as table
from simqueue.experiments.run import simulate
from simqueue.results.lost import lost_jobs
from simqueue.results.offered import Outlook, offered
from simqueue.results.verdicts.judge import judge
from simqueue.results.verdicts.verdict import Verdict, shortest
from simqueue.results.wording import duration_up
from simqueue.workload.reading import build_scenario, read_scenario
from simqueue.workload.scenario import Scenario

CASES = list(table.cases())


def verdicts(scenario: Scenario, replications: int = 1) -> dict[str, Verdict]:
    run = simulate(scenario, replications)
    found = judge(run.log, Outlook(scenario, 0.0), run.window, replications)
    return {verdict.about: verdict for verdict in found}


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n].name)
def test_what_is_right_is_said(number: int) -> None:
    """With one seed; ``python -m benchmarks.verdicts`` takes a hundred."""
    mistake, sentences = table.tried((number, 4711))

    assert mistake is None, sentences


def test_the_table_has_each_kind_at_least_twice() -> None:
    kinds = [case.kind for case in CASES]
    assert len(CASES) >= 30
    assert all(kinds.count(kind) >= 2 for kind in kinds)


def test_wrong_advice_is_found() -> None:
    """The benchmark's own judge can say no."""
    case = table.Case("", "", {}, {"q": ("slots", 3)})
    right = Verdict("q", "slots", "", needed=3)
    assert table.wrong(case, [right]) is None
    assert table.wrong(case, [Verdict("q", "slots", "", needed=4)]) == "q: needs 4, not 3"
    assert table.wrong(case, [Verdict("q", "nothing", "", needed=3)]) == "q: not slots"
    assert table.wrong(case, [right, Verdict("z", "slots", "")]) is not None
    enough = table.Case("", "", {}, {}, {"q": 2})
    assert table.wrong(enough, [Verdict("q", "slots", "", needed=2)]) is not None
    assert table.wrong(enough, []) == "q: nothing said"


@pytest.mark.parametrize("replications", [1, 2])
def test_slots_that_a_scheduler_missed_are_counted(replications: int) -> None:
    """Each job takes 2.5 intervals: of five slots two have a job, and the very last."""
    scenario = build_scenario(
        {
            "duration_s": 1000,
            "workers": {"concurrency": 1},
            "arrivals": {"report": {"every_s": 1}, "other": {"rate_per_s": 0.1}},
            "queues": {
                "report": {"service": {"distribution": "constant", "mean_s": 2.5}},
                "other": {"follow_up": {"completed": ["report"]}},
            },
        }
    ).replace({"arrivals.other.rate_per_s": 1e-9})
    found = verdicts(scenario, replications)

    missed = found["scheduler.report"]
    assert next(iter(found)) == "scheduler.report"
    assert missed.load == pytest.approx(0.599)
    assert missed.sentence == (
        f"{599 * replications:,} of {1000 * replications:,} slots of the report "
        "queue's job scheduler had no job: the one before started too late."
    )
    assert found["report"].needed == 3
    more = verdicts(scenario.replace({"workers.concurrency": 3}), replications)
    assert "scheduler.report" not in more


def test_the_busy_day_needs_what_its_rates_ask_for() -> None:
    found = verdicts(read_scenario())
    order = found["order"]
    assert (order.binds, order.needed) == ("slots", 7)
    assert order.load == pytest.approx(6.355, abs=0.001)
    assert order.sentence == (
        "The order queue needs 7 slots at 12:45; it has 5: waits reach 4.88 min (at 14:00)."
    )
    assert found["lost.payment"].sentence == "1 of 54,487 payment jobs failed for good."
    assert found["payment"].binds == "bursts"


def test_a_number_is_raised_by_none_of_itself() -> None:
    """Whoever takes the advice is not told to take more."""
    scenario = read_scenario()
    needed = verdicts(scenario)["order"].needed
    more = scenario.replace({"workers.concurrency": needed})
    assert verdicts(more)["order"].binds != "slots"
    assert verdicts(more)["order"].needed == needed


def test_several_runs_have_a_mean_and_an_interval() -> None:
    scenario = build_scenario(table.one(1.5, table.exponential(1.0), duration_s=600))
    sentence = verdicts(scenario, replications=6)["q"].sentence
    words = r"needs 2 slots; it has 1: the longest wait of a run is [\d.]+ \w+ \([\d.]+ to [\d.]+\)"
    assert re.search(words, sentence)


def test_recorded_orders_are_one_sample() -> None:
    """Two jobs that came in one window are no need of two slots."""
    recorded = read_scenario().replace({"arrivals.order.scale": 1, "workers.concurrency": 1})
    found = verdicts(recorded)
    assert all(verdict.binds != "slots" for verdict in found.values())


def test_queues_without_slots_and_without_jobs() -> None:
    scenario = build_scenario(
        {
            "duration_s": 100,
            "workers": {"type": "a"},
            "arrivals": {"a": {"rate_per_s": 1.0}, "b": {"rate_per_s": 1.0}},
            "queues": {"a": {}, "b": {}, "c": {}},
        }
    )
    found = verdicts(scenario)
    assert found["b"].sentence == "The b queue has no slots: nothing starts."
    assert "c" not in found


def test_what_was_lost_comes_first() -> None:
    lost, few = Verdict("lost.q", "lost", "", 0.2), Verdict("lost.q", "lost", "", 0.0001)
    slots = Verdict("q", "slots", "", load=9.0)
    calm = Verdict("z", "nothing", "", load=0.9)
    assert shortest([lost, slots], {"q": 5}) is lost
    assert shortest([calm, Verdict("y", "nothing", "", load=3.0)], {"z": 1, "y": 4}) is calm
    assert shortest([calm, few], {"z": 1}) is calm, "one lost job in ten thousand is a footnote"
    assert shortest([few], {}) is None
    assert shortest([], {}) is None


def scenario_of(**more: object) -> Scenario:
    """Two jobs a second of half a second each on ten slots."""
    queue = {
        "service": {"distribution": "exponential", "mean_s": 0.5},
        "attempts": 3,
        "backoff": {"delay_ms": 3000},
        **more,
    }
    return build_scenario(
        {
            "duration_s": 3600,
            "workers": {"concurrency": 10},
            "arrivals": {"q": {"rate_per_s": 2}},
            "queues": {"q": queue},
            "downstreams": {"gateway": {"places": 2}, "pool": {"places": 1, "when_full": "wait"}},
        }
    )


def test_of_lost_jobs_it_is_said_how_many_no_retry_could_help() -> None:
    """p = 0.2, half of it fatal: 0.1 (1 + 0.1 + 0.01) of the jobs, and 0.001 after the last."""
    scenario = scenario_of(failure_rate=0.2, fatal_rate=0.5)
    run = simulate(scenario)
    (lost,) = lost_jobs(run.log, scenario, run.window)
    rows = run.frame()
    fatal = (rows["outcome"] == "failed") & (rows["attempt"] < 3)

    assert lost.fatal == fatal.sum()
    assert lost.fatal / lost.arrived == pytest.approx(0.11, abs=0.015)
    assert lost.failed - lost.fatal < 30, "those that failed three times"
    assert lost.sentence == (
        f"{lost.failed:,} of {lost.arrived:,} q jobs failed for good: {lost.fatal:,} with an "
        "error that no retry can help."
    )


def test_retries_do_not_save_fatal_failures_from_an_outage() -> None:
    """Nobody is lost in an outage that retries outlast; those that are lost are not its."""
    scenario = scenario_of(failure_rate=0.05, fatal_rate=1, outages=[[100, 130]], attempts=15)
    run = simulate(scenario)
    (lost,) = lost_jobs(run.log, scenario, run.window)

    assert (lost.in_outage, lost.fatal) == (0, lost.failed)
    assert "outage" not in lost.sentence


def test_how_long_retries_hope_counts_the_time_that_attempts_hang() -> None:
    """Two waits of 3 s, and two attempts that hang for 5 s before the last."""
    outage = {"from_s": 500, "to_s": 800, "attempt_takes_s": 5}
    found = verdicts(scenario_of(outages=[outage]))

    assert "their retries are over after 16 s" in found["lost.q"].sentence
    found = verdicts(scenario_of(outages=[{**outage, "attempt_takes_s": 60}], timeout_s=2))
    assert "their retries are over after 10 s" in found["lost.q"].sentence


def test_attempts_that_hang_are_work_while_the_outage_lasts() -> None:
    """2 jobs a second, three attempts of 5 s each: 30 slots' worth, where there are 10."""
    outage = {"from_s": 1000, "to_s": 1600, "attempt_takes_s": 5}
    scenario = scenario_of(outages=[outage])
    verdict = verdicts(scenario)["q"]
    edges = np.array([1100.0, 1500.0])

    assert offered(scenario).load("q", edges)[0] == pytest.approx(30, rel=0.01)
    assert offered(scenario, outages=False).load("q", edges)[0] == pytest.approx(1.0)
    assert (verdict.binds, verdict.needed) == ("outage", 2)
    assert "in and after its outage retries and attempts that hang bring" in verdict.sentence


def test_a_downstream_with_too_few_places_binds() -> None:
    """One io part's worth of work comes: three places are enough, one is not."""
    found = verdicts(scenario_of(downstream="pool"))
    pool = found["downstream.pool"]

    assert (pool.binds, pool.needed, pool.load) == ("downstream", 2, pytest.approx(1.0))
    assert pool.sentence == (
        "Downstream pool is the limit: io parts need 2 places; it has 1, and attempts that find "
        "them taken wait in line. More slots would not help."
    )
    assert "downstream.gateway" not in verdicts(scenario_of(downstream="gateway"))


def test_slots_that_cannot_fill_a_downstream_are_no_matter_of_its_places() -> None:
    few = scenario_of(downstream="pool").replace({"workers.concurrency": 1})

    assert "downstream.pool" not in verdicts(few)


def test_what_is_offered_has_the_new_rules() -> None:
    """Expected attempts and follow-ups against counted ones, with all rules but downstreams."""
    rules = {
        "failure_rate": 0.3,
        "fatal_rate": 0.4,
        "timeout_s": 1.0,
        "failure_service": {"distribution": "exponential", "mean_s": 0.1},
        "outages": [{"from_s": 1000, "to_s": 1500, "attempt_takes_s": 0.9, "rate": 0.5}],
    }
    follows = {"failed": ["complaint"]}
    scenario = scenario_of(**rules).replace(
        {
            "workers.concurrency": 200,
            "queues.complaint": {},
            "queues.q.follow_up": follows,
        }
    )
    runs = 5
    log = simulate(scenario, replications=runs).log
    expected = offered(scenario)
    edges = np.linspace(0.0, scenario.duration_s, 13)
    for queue in log.queues:
        counted = np.histogram(log.of_queue(queue)["ready_s"], edges)[0] / runs
        wanted = expected.rate(queue, edges) * np.diff(edges)
        assert (np.abs(counted - wanted) <= 4 * np.sqrt(wanted / runs) + 3).all()
    rows = log.of_queue("q")
    busy = np.histogram(rows["started_s"], edges, weights=rows["finished_s"] - rows["started_s"])[0]
    wanted = expected.load("q", edges) * np.diff(edges)
    assert busy / runs == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize("name", [None, "outage.toml", "incident.toml", "herd.toml"])
def test_what_is_offered_is_what_many_runs_bring(name: str | None) -> None:
    """Expected attempts against counted ones, over windows, where nobody waits for long."""
    plenty = {"workers.concurrency": 200, "workers.crashes": [], "seed": 5}
    scenario = read_scenario(name).replace(plenty)
    if name == "incident.toml":
        scenario = scenario.replace({"workers.count": 4})
    runs = 3
    log = simulate(scenario, replications=runs).log
    expected = offered(scenario)
    edges = np.linspace(0.0, scenario.duration_s, 13)
    for queue in log.queues:
        counted = np.histogram(log.of_queue(queue)["ready_s"], edges)[0] / runs
        wanted = expected.rate(queue, edges) * np.diff(edges)
        # Poisson counts: four standard deviations, and a little for moments on an edge.
        assert (np.abs(counted - wanted) <= 4 * np.sqrt(wanted / runs) + 0.02 * wanted + 3).all()


@given(seconds=st.floats(1e-6, 1e5))
def test_under_is_under(seconds):
    number, unit = duration_up(seconds).replace(",", "").split()
    assert float(number) * {"ms": 1e-3, "s": 1, "min": 60, "h": 3600}[unit] > seconds


def test_of_windows_that_bring_as_much_the_first_is_named() -> None:
    """Cpu parts come alike from 13:52 on; the modes add them up in another order."""
    said = [
        verdicts(read_scenario("incident.toml").replace({"mode": mode}))["event loop"].sentence
        for mode in ("bull-queue", "in-process")
    ]

    assert "at 13:52 the cpu parts" in said[0]
    assert said[0] == said[1]
