"""The fair comparison: what its four runs share, what it refuses, and what it says of them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simqueue as sq
from simqueue.errors import InputError, SimqueueError
from simqueue.experiments.four_runs import at_load, balanced_slots, four_runs, split
from simqueue.results.modes.words import LETTERS
from simqueue.simulation import ENGINES, Replication
from simqueue.workload.draws import generator
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

EXPONENTIAL = {"distribution": "exponential", "mean_s": 1.0}


def shop(**changes: Any) -> Scenario:
    """Orders, and payments for them after a while; emails follow both."""
    return sq.build_scenario(
        {
            "name": "small shop",
            "duration_s": 400,
            "workers": {"count": 2, "concurrency": 3},
            "arrivals": {
                "order": {"rate_per_s": 2.4},
                "payment": {"follows": "order", "think": EXPONENTIAL},
            },
            "queues": {
                "order": {
                    "service": {"distribution": "exponential", "mean_s": 2.4},
                    "failure_rate": 0.05,
                },
                "payment": {"service": EXPONENTIAL, "failure_rate": 0.05},
                "email": {
                    "service": {"distribution": "exponential", "mean_s": 0.3},
                    "failure_rate": 0.02,
                },
            },
        }
    ).replace(changes)


def one_queue(**changes: Any) -> Scenario:
    """One kind of jobs that nothing follows."""
    return sq.build_scenario(
        {
            "duration_s": 1000,
            "workers": {"concurrency": 4},
            "arrivals": {"invoices": {"rate_per_s": 3.0}},
            "queues": {"invoices": {"service": EXPONENTIAL}},
        }
    ).replace(changes)


@pytest.fixture(scope="module")
def both() -> sq.ModeComparison:
    return sq.compare_modes(shop(), replications=3)


# ---- what the four runs are


def test_the_four_runs_have_as_many_places() -> None:
    """As many callers as slots in all, in as many processes; B and S differ in the split only."""
    runs = four_runs(shop())
    places = {letter: sum(runs[letter].slots.values()) for letter in "BSP"}

    assert runs["T"].caller.callers == 18
    assert set(places.values()) == {18}
    assert runs["T"].event_loops == runs["P"].event_loops == 2
    assert {queue.attempts for letter in "BS" for queue in runs[letter].queues.values()} == {1}
    assert runs["P"].queues == shop().queues
    concurrency = {"workers.concurrency": runs["S"].workers.concurrency}
    assert runs["B"].replace(concurrency) == runs["S"]


def test_slots_are_split_by_work() -> None:
    """The default day's queues bring 2.0, 1.0 and 0.8 s an order: 8, 4 and 3 of 15 slots."""
    day = four_runs(sq.read_scenario())["S"]

    assert balanced_slots(day) == {"order": 8, "payment": 4, "email": 3}


def test_classes_have_one_attempt_and_their_own_work() -> None:
    """Gold jobs take 3 s and the others 1: with as many of both that is 2 s a job."""
    slow = {"distribution": "constant", "mean_s": 3.0}
    classes = {"gold": {"share": 0.5, "service": slow, "attempts": 4}, "rest": {"share": 0.5}}
    quick = {"distribution": "constant", "mean_s": 1.0}
    scenario = sq.build_scenario(
        {
            "duration_s": 100,
            "workers": {"concurrency": 6},
            "arrivals": {"a": {"rate_per_s": 1.0}, "b": {"rate_per_s": 1.0}},
            "queues": {"a": {"service": quick, "classes": classes}, "b": {"service": quick}},
        }
    )
    runs = four_runs(scenario)

    assert balanced_slots(runs["S"]) == {"a": 8, "b": 4}
    for letter in "BS":
        assert {one.attempts for _, one in runs[letter].queues["a"].parts} == {1}
    assert runs["P"].queues == scenario.queues


@pytest.mark.parametrize("seed", range(10))
def test_a_split_is_whole_and_fair(seed: int) -> None:
    """All places are given, one at least to each; nobody is a place or more from a fair share."""
    rng = np.random.default_rng(seed)
    work = {f"q{n}": float(w) for n, w in enumerate(rng.exponential(1, rng.integers(1, 8)) + 0.01)}
    places = len(work) + int(rng.integers(0, 40))
    found = split(places, work)

    assert sum(found.values()) == places
    assert min(found.values()) >= 1
    shared = {name: one for name, one in work.items() if found[name] > 1}
    left = places - sum(found[name] for name in work if name not in shared)
    for name, one in shared.items():
        assert found[name] <= np.ceil(places * one / sum(work.values()) + 1e-9)
        assert abs(found[name] - left * one / sum(shared.values())) < 2


@pytest.mark.parametrize(
    "stream",
    [
        {"rate_per_s": 3.0},
        {"interval_s": 0.25},
        {"profile": [[0, 4.0], [500, 2.0]]},
        {"rate_per_s": 3.0, "sent": [[10, 50], [20, 400]], "factor": [[100, 2.5], [200, 1]]},
    ],
    ids=lambda stream: next(iter(stream)),
)
def test_a_load_is_a_multiple_of_what_comes(stream: dict[str, Any]) -> None:
    scenario = one_queue(**{"arrivals.invoices": stream})
    end = np.array([scenario.duration_s])
    comes = [
        float(at_load(scenario, load).arrivals["invoices"].coming(end, end[0])[0])
        for load in (1, 0.5, 3)
    ]

    assert comes == pytest.approx([comes[0], comes[0] / 2, comes[0] * 3])
    assert at_load(scenario, 1) is scenario


@pytest.mark.parametrize("load", [0.1, 0.3, 1.4, 1.5, 3])
def test_jobs_that_are_sent_one_by_one_are_as_many_times_as_many(load: float) -> None:
    sent = [[second, 1] for second in range(100)]
    scenario = one_queue(**{"arrivals.invoices.sent": sent})
    stream = at_load(scenario, load).arrivals["invoices"]
    moments = np.arange(101.0)

    assert stream.sent_by(moments) == pytest.approx(load * moments, abs=0.5)
    assert stream.sent_by(moments)[-1] == pytest.approx(100 * load)


def test_a_trace_at_1x_is_what_was_recorded() -> None:
    day = sq.read_scenario()

    assert at_load(day, 1).traces[0].scale == 1
    assert at_load(day, 400) is day
    assert len(Workload(at_load(day, 1)).streams["order"].times_s) == 136


# ---- what they share


def test_every_draw_is_shared(both: sq.ModeComparison) -> None:
    """Requests, and cpu, io and failures of each first attempt, bit for bit."""
    for replication in range(3):
        mine = [Workload(both.runs[1, letter].scenario, replication) for letter in LETTERS]
        for other in mine[1:]:
            for queue in ("order", "payment"):
                np.testing.assert_array_equal(
                    mine[0].streams[queue].times_s, other.streams[queue].times_s
                )
            for kind in mine[0].kinds:
                for one, two in zip(
                    mine[0].attempts(kind.number, 1), other.attempts(kind.number, 1), strict=True
                ):
                    np.testing.assert_array_equal(np.asarray(one), np.asarray(two))


def test_the_loads_share_what_a_request_brings() -> None:
    """Not their arrivals, but service times and failures: the n-th order is the same order."""
    day = sq.read_scenario()
    calm, busy = (Workload(at_load(day, load)) for load in (1, 400))
    for kind in calm.kinds:
        for one, two in zip(
            calm.attempts(kind.number, 1), busy.attempts(kind.number, 1), strict=True
        ):
            few = np.asarray(one)
            np.testing.assert_array_equal(few, np.asarray(two)[: len(few)])


def test_all_runs_have_the_same_requests(both: sq.ModeComparison) -> None:
    counted = {(row.of, row.letter): row.measures.requests for row in both.rows}

    for of in ("all", "order", "payment"):
        assert len({counted[of, letter] for letter in LETTERS}) == 1


def test_an_engine_that_draws_for_itself_is_refused() -> None:
    """One attempt of 0.1 s more than was drawn, in one run, is found and named."""

    def odd(workload: Workload, *more: Any) -> Replication:
        done = ENGINES["simpy"](workload, *more)
        if workload.scenario.in_process:
            done.log.rows["finished_s"][7] += 0.1
        return done

    with pytest.raises(SimqueueError, match=r"run T at 1x: attempt 1 at .* drawn were .* s and no"):
        sq.compare_modes(one_queue(duration_s=100), engine=odd)


def test_a_failure_that_was_not_drawn_is_refused() -> None:
    def odd(workload: Workload, *more: Any) -> Replication:
        done = ENGINES["simpy"](workload, *more)
        rows = done.log.rows
        rows["outcome"][7] = {1: 3, 3: 1}[int(rows["outcome"][7])]
        return done

    with pytest.raises(SimqueueError, match=r"run T at 1x: attempt 1 at invoices-"):
        sq.compare_modes(one_queue(duration_s=100), engine=odd)


def test_a_request_that_is_missing_is_refused() -> None:
    def odd(workload: Workload, *more: Any) -> Replication:
        done = ENGINES["simpy"](workload, *more)
        return replace(done, log=replace(done.log, rows=done.log.rows[1:]))

    with pytest.raises(SimqueueError, match=r"run T at 1x: the log has \d+ invoices requests"):
        sq.compare_modes(one_queue(duration_s=100), engine=odd)


def test_draws_that_differ_between_modes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if failures were drawn anew in training mode: the first that differs is named."""
    drawn = Workload._generator

    def other(self: Workload, queue: str, kind: str, purpose: str, attempt: int = 0) -> Any:
        if purpose == "failure" and self.scenario.in_process:
            return generator(99, self.replication, queue, kind, purpose, attempt)
        return drawn(self, queue, kind, purpose, attempt)

    monkeypatch.setattr(Workload, "_generator", other)
    with pytest.raises(SimqueueError, match=r"run T at 1x and run P .* failures of the first"):
        sq.compare_modes(shop(duration_s=100))


# ---- what they show


def test_one_queue_without_more_is_training_mode() -> None:
    """Nothing follows, nothing is retried, nothing is split: T is S, attempt by attempt."""
    both = sq.compare_modes(one_queue(duration_s=500), replications=2)
    logs = [both.runs[1, letter].log.rows for letter in "TBSP"]

    for rows in logs[1:]:
        for column in ("replication", "job", "enqueued_s", "started_s", "finished_s", "outcome"):
            np.testing.assert_array_equal(logs[0][column], rows[column])


@pytest.mark.parametrize("workers", [1, 2])
def test_training_mode_agrees_with_the_formula(workers: int) -> None:
    """M/M/4: the formula's mean is within the interval of 12 replications, or close to it."""
    scenario = one_queue(**{"workers.count": workers, "workers.concurrency": 4 // workers})
    both = sq.compare_modes(scenario.replace({"warmup_s": 200}), replications=12)
    (row,) = (row for row in both.rows if row.letter == "T" and row.of == "invoices")
    mean = row.measures.last_effect_s.mean

    assert row.known is not None
    assert row.known.model == "M/M/4"
    assert row.known.seconds == pytest.approx(sq.theory.mmc_wait_mean(3.0, 1.0, 4) + 1.0)
    assert mean is not None
    assert mean.interval is not None
    low, high = mean.interval
    assert low is not None
    assert high is not None
    assert abs(mean - row.known.seconds) < 2 * (high - low) / 2


@pytest.mark.parametrize("seed", range(10))
def test_what_each_step_does(seed: int) -> None:
    """On ten seeds: queues hold nobody; only retries change how many jobs fail for good."""
    rows = {
        row.letter: row.measures
        for row in sq.compare_modes(shop(seed=seed)).rows
        if row.of == "all"
    }

    assert rows["T"].held_s == rows["T"].last_effect_s
    assert [rows[letter].held_s.max for letter in "BSP"] == [0, 0, 0]
    assert rows["T"].failed == rows["B"].failed == rows["S"].failed > rows["P"].failed
    assert rows["T"].told > 0
    assert [rows[letter].told for letter in "BSP"] == [0, 0, 0]
    # Six slots for 2.4 orders a second of 2.4 s each are too few by a hair.
    assert float(rows["S"].last_effect_s.mean or 0) > float(rows["B"].last_effect_s.mean or 0)


def test_failures_are_as_many_as_expected() -> None:
    """Within four standard errors of a Poisson count."""
    both = sq.compare_modes(shop(), replications=8)
    for row in both.rows:
        assert row.failures_expected is not None
        error = (row.failures_expected / 8) ** 0.5
        assert abs(row.measures.failed - row.failures_expected) < 4 * error


def test_a_backlog_has_its_fluid_limit() -> None:
    """8 a second for 4 slots of 1 s: behind by 100 s at the end of 100, in every mode."""
    scenario = one_queue(**{"arrivals.invoices": {"interval_s": 0.125}, "duration_s": 100})
    scenario = scenario.replace(
        {"queues.invoices.service": {"distribution": "constant", "mean_s": 1}}
    )
    both = sq.compare_modes(scenario)
    for row in both.rows:
        assert row.known is not None
        assert row.known.model == "fluid limit"
        assert row.known.seconds == pytest.approx(100, rel=0.01)
        assert row.measures.last_effect_s.max == pytest.approx(row.known.seconds + 1, rel=0.02)


def test_a_line_whose_answers_bring_more_has_no_fluid_limit() -> None:
    """Payments come after the answers: the fluid, in which no answer is late, has too many come."""
    overloaded = shop(**{"arrivals.order.rate_per_s": 12.0})
    both = sq.compare_modes(overloaded)
    known = {(row.letter, row.of): row.known for row in both.rows}
    assert known["T", "order"] is known["T", "payment"] is None
    assert known["S", "order"] is not None

    alone = overloaded.replace({"arrivals.payment": {"rate_per_s": 12.0}})
    row = next(
        row for row in sq.compare_modes(alone).rows if (row.letter, row.of) == ("T", "order")
    )
    assert row.known is not None
    assert row.measures.last_effect_s.max == pytest.approx(row.known.seconds, rel=0.1)


def test_what_a_crash_loses() -> None:
    """Web processes die when workers do: there requests are lost, here jobs run again."""
    crash = {"workers.crashes": [{"at_s": 200, "worker": 1, "down_s": 10}]}
    both = sq.compare_modes(shop(**crash))
    rows = {row.letter: row.measures for row in both.rows if row.of == "all"}

    assert both.runs[1, "T"].scenario.caller.crashes[0].at_s == 200
    assert rows["T"].lost > 0
    assert rows["T"].told >= rows["T"].lost
    assert rows["T"].again == 0
    assert [rows[letter].lost for letter in "BSP"] == [0, 0, 0]
    assert all(rows[letter].again > 0 for letter in "BSP")
    assert any("lost in crashes" in sentence for sentence in both.sentences())


def test_who_is_turned_away_pays_for_nothing() -> None:
    both = sq.compare_modes(shop(**{"caller.max_waiting": 0, "arrivals.order.rate_per_s": 6}))
    rows = {row.letter: row.measures for row in both.rows if row.of == "all"}

    assert rows["T"].refused > 0
    assert rows["T"].requests == rows["P"].requests - rows["T"].refused + _paid_in_vain(both)
    assert any("caller.max_waiting = 0" in note for note in both.notes)


def _paid_in_vain(both: sq.ModeComparison) -> float:
    """Payments that were turned away themselves: they had been asked for."""
    (payments,) = (r.measures for r in both.rows if r.letter == "T" and r.of == "payment")
    return float(payments.refused)


@pytest.mark.parametrize(
    "stream",
    [
        {"rate_per_s": 0.5, "batch": [1, 4]},
        {"per_hour": [1800] * 24},
        {"profile": [[0, 1], [5, 0.5]], "repeat_s": 20},
        {"calm": {"rate_per_s": 0.2, "mean_s": 20}, "burst": {"rate_per_s": 4, "mean_s": 4}},
    ],
    ids=["batch", "per_hour", "repeat_s", "burst"],
)
def test_other_arrivals_are_shared_and_scaled_too(stream: dict[str, Any]) -> None:
    """Each run is checked against its draws; twice the load brings twice the requests."""
    both = sq.compare_modes(shop(**{"duration_s": 400, "arrivals.order": stream}), loads=[1, 3])
    once, thrice = (
        sum(row.measures.requests for row in both.rows if (row.letter, row.load) == ("P", load))
        for load in (1, 3)
    )

    assert 2 < thrice / once < 4.5


def test_who_finds_a_queue_full_pays_for_nothing_there() -> None:
    """The bound is of the queues, and training mode has none."""
    both = sq.compare_modes(
        shop(**{"arrivals.order.max_waiting": 1, "arrivals.order.rate_per_s": 6})
    )
    rows = {row.letter: row.measures for row in both.rows if row.of == "all"}

    assert rows["T"].refused == 0
    assert rows["P"].refused > 0
    assert rows["P"].requests == rows["T"].requests - rows["P"].refused


# ---- what is refused, and what is said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"workers.type": "order"}, "workers.type = 'order'"),
        ({"arrivals.order.client": {"timeout_s": 5}}, "arrivals.order.client"),
        (
            {"arrivals": {"order": {"customers": 3, "think": EXPONENTIAL}}},
            "arrivals.order.customers: who waits for the end of each job",
        ),
        (
            {"arrivals": {"order": {"every_s": 3}}},
            "arrivals.order.every_s: training mode has no job schedulers",
        ),
        (
            {
                "workers.crashes": [{"at_s": 5, "down_s": 1}],
                "caller.crashes": [{"at_s": 6, "down_s": 1}],
            },
            "caller.crashes and workers.crashes differ",
        ),
    ],
    ids=["type", "client", "customers", "scheduler", "crashes"],
)
def test_what_one_mode_cannot_have_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sq.compare_modes(shop(**changes))


@pytest.mark.parametrize("loads", [(), (0,), (-1, 2), (float("inf"),)])
def test_loads_are_above_nothing(loads: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="loads = "):
        sq.compare_modes(shop(), loads=loads)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bullmq.overhead": "measured"}, "bullmq.overhead is left out"),
        ({"queues.order.lifo": True}, "queues.order.lifo: not for T"),
        ({"bullmq.max_stalled": 3}, "bullmq.max_stalled: not for T"),
        ({"arrivals.order.max_waiting": 3}, "arrivals.order.max_waiting: not for T"),
        ({"queues.order.later_attempts": [{}]}, "queues.order.later_attempts: not for T"),
        ({"caller.concurrency": 4}, "caller.concurrency is 9 in T, not 4"),
        ({"caller.max_waiting": 4}, "caller.max_waiting = 4: for T only"),
        ({"workers.crashes": [{"at_s": 5, "down_s": 1, "drain": True}]}, "with drain: not for T"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_key_that_not_all_can_use_is_named(changes: dict[str, Any], words: str) -> None:
    both = sq.compare_modes(shop(duration_s=50, **changes))

    assert sum(words in note for note in both.notes) == 1


def test_nothing_is_noted_where_all_is_used(both: sq.ModeComparison) -> None:
    assert not [note for note in both.notes if "T" in note.split()]


# ---- what it gives


def test_the_mode_of_the_scenario_does_not_matter(both: sq.ModeComparison) -> None:
    again = sq.compare_modes(shop(mode="in-process"), replications=3)

    assert again.table().equals(both.table())


def test_the_table_has_a_row_for_each_run(both: sq.ModeComparison) -> None:
    table = both.table()

    assert list(table.index) == [(1.0, letter) for letter in LETTERS]
    assert list(table.index.names) == ["load", "run"]
    assert (table["held_mean_s"].loc[1.0][["B", "S", "P"]] == 0).all()
    assert (table["last_effect_mean_low_s"] <= table["last_effect_mean_s"]).all()
    orders, payments = (both.table(of)["requests"] for of in ("order", "payment"))
    assert (orders + payments == table["requests"]).all()
    with pytest.raises(InputError, match="of = 'email': no request starts there"):
        both.table("email")


def test_it_pickles(both: sq.ModeComparison) -> None:
    again = pickle.loads(pickle.dumps(both))

    assert again.document() == both.document()


def test_progress_goes_from_start_to_end() -> None:
    seen: list[float] = []
    sq.compare_modes(shop(duration_s=50), loads=(0.5, 1), progress=seen.append)

    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)


def test_the_figure_says_what_is_to_be_seen(both: sq.ModeComparison, tmp_path: Path) -> None:
    figure = both.plot(tmp_path / "modes.png")

    assert figure.get_suptitle().replace("\n", " ") == both.finding()
    assert (tmp_path / "modes.png").stat().st_size > 0
    for letter in LETTERS:
        assert f"1x, {letter}: holds the line" in both.alt()


def test_a_day_without_requests(tmp_path: Path) -> None:
    """Nothing came: there is nothing to say, and nothing breaks."""
    both = sq.compare_modes(one_queue(**{"arrivals.invoices": {"profile": [[0, 0.0]]}}), 2)

    assert (both.table()["requests"] == 0).all()
    assert len(both.sentences()) == 3
    both.plot(tmp_path / "modes.png")
