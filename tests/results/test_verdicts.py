"""What is said to bind a run: scenarios whose answer is known, with seeds at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import verdicts as table
from simqueue.experiments.run import simulate
from simqueue.results.offered import Outlook, offered
from simqueue.results.verdicts import Verdict, judge, shortest
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
    assert "needs 2 slots; it has 1: the longest wait of a run is" in sentence
    assert "±" in sentence


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
