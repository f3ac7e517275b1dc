"""The claims and answers of lesson 16: against the company that was recorded, and on ten seeds."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from making import assert_hints

from benchmarks.standin.recording import COMPANY, FRIDAYS, PLANNED, RECORDING, planned
from simqueue.calibration.calibrate import Calibration, calibrate
from simqueue.course.lessons import exercises
from simqueue.course.lessons.lesson_16 import Events, slots_in_use
from simqueue.course.marking import mark
from simqueue.data import data_path
from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario

QUEUES = ("invoices", "webhooks")
TWICE = {f"arrivals.{queue}.scale": 2 for queue in QUEUES}
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    return calibrate(file=RECORDING, folder=tmp_path_factory.mktemp("lesson") / "company")


@pytest.fixture(scope="module")
def fridays() -> pd.DataFrame:
    jobs = pd.read_csv(data_path(FRIDAYS))
    return jobs.assign(response_s=jobs["over_s"] - jobs["enqueued_s"])


# ---- what is shipped


def test_the_recording_is_small_and_private() -> None:
    sizes = [data_path(name).stat().st_size for name in (RECORDING, FRIDAYS)]
    assert sum(sizes) < 300_000
    with gzip.open(data_path(RECORDING), "rt") as file:
        heads = [line["head"] for line in map(json.loads, file) if line["kind"] == "head"]
    assert {key for head in heads for key in head} <= {
        *("name", "added_ms", "attempts", "backoff", "priority"),
    }


def test_both_fridays_have_the_same_customers(fridays: pd.DataFrame) -> None:
    """Jobs of one number were added at the same time, to some milliseconds of the producer's."""
    columns = ["queue", "class", "enqueued_s"]
    one, other = (
        jobs[columns].sort_values(columns, ignore_index=True)
        for _, jobs in fridays.groupby("friday")
    )
    assert one[["queue", "class"]].equals(other[["queue", "class"]])
    assert np.quantile(abs(one["enqueued_s"] - other["enqueued_s"]), 0.99) < 0.1
    assert (fridays["outcome"] == "completed").all()


def test_what_was_planned_is_what_was_recorded() -> None:
    assert planned()["pools"]["office"]["count"] == PLANNED["workers"] == 3
    assert planned()["queues"]["webhooks"]["limiter"]["max"] == PLANNED["limiter"] == 8


def test_what_was_found_is_what_the_company_is(made: Calibration) -> None:
    office = COMPANY["pools"]["office"]
    for name, queue in COMPANY["queues"].items():
        found = made.scenario.queues[name]
        assert made.scenario.pools[name].count == office["count"]
        assert made.scenario.pools[name].queues == {name: office["queues"][name]}
        options = queue["options"]
        assert found.attempts == options["attempts"]
        assert found.backoff.type == options["backoff"]["type"]
        assert found.backoff.delay_ms == options["backoff"]["delay"]
        tries = made.estimates.queues[name].attempts
        rate = queue["failing"]
        assert abs(found.failure_rate - rate) < 3 * np.sqrt(rate * (1 - rate) / tries)
    limiter = made.scenario.queues["webhooks"].limiter
    assert limiter is not None
    assert (limiter.max, limiter.duration_s) == (6, 1)
    assert made.scenario.queues["invoices"].limiter is None
    shares = {kind: one.share for kind, one in made.scenario.queues["invoices"].classes.items()}
    assert shares["vip"] == pytest.approx(0.2, abs=0.05)


def test_the_model_replays_the_same_jobs(made: Calibration) -> None:
    frame = made.frame()
    for queue in QUEUES:
        assert abs(frame.loc[(queue, "response p95"), "error"]) < 0.02
        assert abs(frame.loc[(queue, "wait mean"), "error"]) < 0.1


# ---- what is claimed of Friday


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_as_it_is_and_as_planned_on_any_seed(made: Calibration, seed: int) -> None:
    """Nothing changed, both targets fail; with three processes and 8 a second both hold."""
    twice = made.scenario.replace({"seed": seed, **TWICE})
    changed = twice.replace({"pools.invoices.count": 3, "queues.webhooks.limiter.max": 8})
    for scenario, holds in ((twice, False), (changed, True)):
        for day in simulate(scenario, 2, engine="auto").log.by_replication():
            for queue in QUEUES:
                assert (np.quantile(day.responses(queue), 0.95) < 6) is np.bool_(holds)


@pytest.mark.slow
def test_a_few_customers_more_are_a_third_more_waiting_on_any_seed(made: Calibration) -> None:
    """Of sixty Fridays the p95 of the webhooks follows how many come."""
    alone = made.scenario.replace({**TWICE, "arrivals.invoices.scale": 0.01})
    counts, p95 = [], []
    for seed in range(1, 11):
        days = simulate(alone.replace({"seed": seed}), 6, engine="auto").log
        for day in days.by_replication():
            counts.append(len(day.responses("webhooks")))
            p95.append(np.quantile(day.responses("webhooks"), 0.95))
    line = np.polyfit(counts, p95, 1)
    assert 1.2 < np.polyval(line, 2244) / np.polyval(line, 2162) < 1.45
    assert np.corrcoef(counts, p95)[0, 1] > 0.85


def test_no_number_of_workers_helps_the_webhooks(made: Calibration) -> None:
    """With a hundred processes they wait as long as with two."""
    twice = made.scenario.replace({**TWICE, "arrivals.invoices.scale": 0.01})
    found = [
        np.quantile(simulate(twice.replace({"pools.webhooks.count": n})).log.waits("webhooks"), 0.9)
        for n in (2, 100)
    ]
    assert found[0] == pytest.approx(found[1], abs=0.1)
    assert found[0] > 10


@pytest.mark.parametrize("queue", QUEUES)
def test_the_recorded_fridays(fridays: pd.DataFrame, queue: str) -> None:
    p95 = fridays[fridays["queue"] == queue].groupby("friday")["response_s"].quantile(0.95)
    assert p95["as it is"] > 12
    assert p95["as planned"] < 6


def test_webhooks_of_friday_by_a_line_that_is_worked_off(fridays: pd.DataFrame) -> None:
    """One after the other, six a second, starting with the customers that really came."""
    jobs = fridays[(fridays["friday"] == "as it is") & (fridays["queue"] == "webhooks")]
    free, waits = 0.0, []
    for at in np.sort(jobs["enqueued_s"]):
        free = max(free, at) + 1.03 / 6
        waits.append(free - at)
    formula = np.quantile(waits, 0.95) + 0.6
    assert formula == pytest.approx(jobs["response_s"].quantile(0.95), rel=0.1)


# ---- exercises


def test_the_last_of_a_line_by_simulation() -> None:
    table = {
        "duration_s": 120,
        "workers": {"concurrency": 100},
        "arrivals": {"a": {"interval_s": 1 / 9}},
        "queues": {
            "a": {
                "service": {"distribution": "constant", "mean_s": 0.1},
                "limiter": {"max": 6, "duration_s": 1},
            }
        },
    }
    waits = simulate(build_scenario(table)).log.waits("a")
    assert mark("16.b", round(float(waits.max()))).verdict == "right"


def test_processes_that_keep_up_by_simulation() -> None:
    def longest(count: int, duration_s: float) -> float:
        table = {
            "duration_s": duration_s,
            "workers": {"count": count, "concurrency": 4},
            "arrivals": {"a": {"interval_s": 1 / 6}},
            "queues": {
                "a": {
                    "service": {"distribution": "constant", "mean_s": 1.5},
                    "failure_rate": 1 / 21,  # of 21 attempts one is the second of its job
                    "attempts": 9,
                }
            },
        }
        return float(simulate(build_scenario(table)).log.waits("a").max())

    grows = {n: longest(n, 1200) > 1.5 * longest(n, 600) > 5 for n in (2, 3)}
    assert grows == {2: True, 3: False}
    least = next(n for n in (2, 3) if not grows[n])
    assert mark("16.c", least).verdict == "right"


@pytest.mark.parametrize("asked", exercises()["16.e"].right.tries, ids=str)
def test_slots_in_use_by_looking_at_each_moment(asked: tuple[Events]) -> None:
    """Between any two events nothing changes: count what has begun and has not ended."""
    (events,) = asked
    over = ("completed", "failed", "delayed")
    times = sorted({at for at, _ in events})
    running = [
        sum((event == "active") - (event in over) for at, event in events if at <= moment)
        for moment in times
    ]
    assert slots_in_use(list(events)) == max([0, *running])


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("16.b", 40, "not by the 9"),
        ("16.b", 360, "until the last of them"),
        ("16.b", 120, "how long they come"),
        ("16.b", 180, "none started"),
        ("16.b", 1.5, "it is the line"),
        ("16.b", 20, "By how many a second"),
        ("16.c", 2, "have 8 slots"),
        ("16.c", 9.45, "A process has four"),
        ("16.c", 1.2, "twice as many"),
        ("16.c", 12, "Twelve slots"),
        ("16.c", 4, "was not full"),
        ("16.c", 7, "divide by the slots"),
        ("16.d", "ad", "between the event"),
        ("16.d", "ac", "never had as many"),
        ("16.d", "cd", "this lesson"),
        ("16.d", "acde", "Look at e"),
        ("16.d", "abcd", "Look at b"),
        ("16.d", "bef", "I want the others"),
        ("16.d", "f", "Ask of each"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text.replace("*", "")


def test_wrong_functions_get_a_hint() -> None:
    def steps(events: Events) -> list[tuple[float, int]]:
        known = {"active": 1, "completed": -1, "failed": -1, "delayed": -1}
        return [(at, known[event]) for at, event in events if event in known]

    def most(steps: list[tuple[float, int]]) -> int:
        return max([0, *np.cumsum([step for _, step in steps]).tolist()])

    def without(*names: str) -> Any:
        return lambda events: slots_in_use([one for one in events if one[1] not in names])

    assert_hints(
        "16.e",
        (lambda events: sum(event == "active" for _, event in events), "They also end"),
        (without("failed", "delayed"), "gives its slot back, too"),
        (without("delayed"), "its event is `delayed`"),
        (
            lambda events: most(sorted(steps(events), key=lambda s: (s[0], -s[1]))),
            "ends come first",
        ),
        (lambda events: most(steps(events)), "order of their times"),
        (lambda events: sum(step for _, step in steps(events)), "still ran at the end"),
        (lambda _: 8, "keep the largest"),
    )


# ---- the live cells


def cells(*words: str) -> list[str]:
    (path,) = NOTEBOOKS.glob("16_*.ipynb")
    code = [
        one.source for one in nbformat.read(path, as_version=4).cells if "code" in one.cell_type
    ]
    return [next(source for source in code if word in source) for word in words]


def test_the_live_cells_find_a_live_queue(redis_url: str, tmp_path: Path) -> None:
    """They swallow their errors, so that a lesson runs anywhere: here they must not make any."""
    names: dict[str, Any] = {}
    for source in cells("import numpy", "async def play", "def live"):
        exec(source, names)

    async def both() -> str:
        playing = asyncio.create_task(names["play"](redis_url))
        await asyncio.sleep(1)
        names["calibrate"] = lambda url, folder, **_: calibrate(url, folder, minutes=4 / 60)
        names["mine"] = redis_url
        told = await asyncio.to_thread(names["live"], tmp_path / "live")
        await playing
        return str(told)

    told = asyncio.run(both())
    assert "minutes of photos" in told
    assert "photos: workers: 1, with" in told
