"""The answers of lesson 00, found by other roads than the one they were written on."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from making import assert_hints

from simqueue import POLICIES, build_scenario, compare_modes, simulate
from simqueue.course import busy_day, real_orders
from simqueue.course.judging import mark
from simqueue.course.lessons.lesson_00 import waits
from simqueue.workload.workload import Workload


def test_callers_by_the_recorded_orders() -> None:
    quarters = [(o.placed_at.hour, o.placed_at.minute // 15) for o in real_orders("2011-11-17")]
    day = busy_day()
    seconds = {q: each.service.mean_s + each.cpu.mean_s for q, each in day.queues.items()}
    per_order = seconds["order"] + seconds["payment"] + 2 * seconds["email"]
    busy = max(map(quarters.count, quarters)) * 400 / 900 * per_order
    assert "only whole ones" in mark("00.b", busy).text
    assert mark("00.b", math.ceil(busy)).verdict == "right"


def test_callers_by_the_drawn_orders() -> None:
    times = Workload(busy_day()).streams["order"].times_s
    drawn = np.histogram(times, np.arange(49) * 900.0)[0].max()
    assert mark("00.b", np.ceil(drawn / 900 * 3.805)).verdict == "right"


def test_twelve_callers_are_enough_and_ten_are_not() -> None:
    longest = {}
    for callers in (10, 12):
        log = simulate(busy_day("mode=in-process", f"caller.concurrency={callers}")).log
        longest[callers] = (log.rows["started_s"] - log.rows["ready_s"]).max()
    assert longest[12] < 60 < 120 < longest[10]


def test_failures_by_three_roads() -> None:
    day = busy_day()
    rate, attempts = day.queues["payment"].failure_rate, POLICIES["payment"].attempts
    assert mark("00.c", 54_400 * rate**attempts).verdict == "right"
    assert mark("00.c", Fraction(54_400, 50**3)).verdict == "right"
    assert mark("00.c", "about 0.44 payments a day").verdict == "right"


def test_payloads_by_json_itself() -> None:
    payloads = {
        "a": {"order_id": "576892"},
        "b": {"amount": Decimal("12.75")},
        "c": {"skus": ("22423", "21669")},
        "d": {"quantity": {1: "22423"}},
        "e": {"lines": [{"sku": "22423", "quantity": 1}]},
    }

    def same(payload: object) -> bool:
        try:
            return bool(json.loads(json.dumps(payload)) == payload)
        except TypeError:
            return False

    letters = [letter for letter, payload in payloads.items() if same(payload)]
    assert mark("00.d", letters).verdict == "right"


@pytest.mark.parametrize("callers", [1, 3, 8])
def test_waits_by_the_simulator(callers: int) -> None:
    table = {
        "mode": "in-process",
        "duration_s": 600,
        "caller": {"concurrency": callers},
        "arrivals": {"q": {"rate_per_s": 0.9 * callers}},
        "queues": {"q": {"service": {"distribution": "lognormal", "mean_s": 1.0, "cv": 1.2}}},
    }
    log = simulate(build_scenario(table)).log
    rows = np.sort(log.rows, order="ready_s")
    found = waits(rows["ready_s"], rows["finished_s"] - rows["started_s"], callers)
    assert found == pytest.approx(rows["started_s"] - rows["ready_s"], abs=1e-6)
    assert max(found) > 1


def test_one_pool_waits_less_than_three() -> None:
    """As the answer says, of 2,000 requests: on ten seeds."""
    for seed in range(10):
        random = np.random.default_rng(seed)
        came = np.cumsum(random.exponential(1 / 13, 2_000))
        takes = random.exponential(1.0, 2_000)
        parts = [waits(came[n::3], takes[n::3], 5) for n in range(3)]
        assert np.mean(waits(came, takes, 15)) < np.mean(np.concatenate(parts))


def test_wrong_functions_get_a_hint() -> None:
    def in_turn(came_s, takes_s, places):  # type: ignore[no-untyped-def]
        parts = [waits(came_s[n::places], takes_s[n::places], 1) for n in range(places)]
        return [parts[n % places][n // places] for n in range(len(came_s))]

    def total(came_s, takes_s, places):  # type: ignore[no-untyped-def]
        return sum(waits(came_s, takes_s, places))

    assert_hints(
        "00.e",
        (lambda came_s, *_: [0] * len(came_s), "somebody has to wait"),
        (lambda came_s, takes_s, _: waits(came_s, takes_s, 1), "with one place"),
        (in_turn, "another place idles"),
        (below_zero, "below zero"),
        (free_too_soon, "when the request came"),
        (lambda *a: list(np.add(waits(*a), a[1])), "until each request is done"),
        (lambda *a: list(np.add(waits(*a), a[0])), "requests start"),
        (total, "right is [0, 4, 8]"),
        (lambda *_: None, "returned nothing"),
    )


def below_zero(came_s, takes_s, places):  # type: ignore[no-untyped-def]
    free_at, waited = [0.0] * places, []
    for came, takes in zip(came_s, takes_s, strict=True):
        first = free_at.index(min(free_at))
        waited.append(free_at[first] - came)
        free_at[first] = max(came, free_at[first]) + takes
    return waited


def free_too_soon(came_s, takes_s, places):  # type: ignore[no-untyped-def]
    free_at, waited = [0.0] * places, []
    for came, takes in zip(came_s, takes_s, strict=True):
        first = free_at.index(min(free_at))
        waited.append(max(0.0, free_at[first] - came))
        free_at[first] = came + takes
    return waited


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_what_the_lesson_says_holds_on_other_days(seed: int) -> None:
    table = compare_modes(busy_day(f"seed={seed}"), engine="auto").table()
    p95, failed, told = (table[name][400] for name in ("last_effect_p95_s", "failed", "told"))
    assert p95["T"] < p95["B"] < p95["S"] < p95["P"]
    assert p95["S"] - p95["B"] > (p95["P"] - p95["T"]) / 2
    assert failed["T"] == failed["B"] == failed["S"] > 3000
    assert failed["P"] <= 3
    assert told["T"] > 3000
    assert (told.drop("T") == 0).all()
    assert (table["held_max_s"][400].drop("T") == 0).all()
    calm = table["last_effect_p95_s"][1]
    assert calm["T"] == pytest.approx(calm["B"]) == pytest.approx(calm["S"])


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("00.b", 5, "whole day"),
        ("00.b", "4.8 callers", "whole day"),
        ("00.b", 7, "order jobs alone"),
        ("00.b", 10, "emails"),
        ("00.b", 11, "a little more"),
        ("00.b", 3.11, "orders come in a second"),
        ("00.b", 1, "57.5 hours"),
        ("00.b", 100, "at the peak"),
        ("00.c", 1088, "training mode"),
        ("00.c", 54_400 * 0.02**2, "two failures"),
        ("00.c", 54_400 * 0.02**4, "four failures"),
        ("00.c", 3264, "Adding"),
        ("00.c", 8e-6, "one payment"),
        ("00.c", 0, "Rare"),
        ("00.c", 17, "each of its 3 attempts"),
        ("00.d", "abe", "one of them raises"),
        ("00.d", "acde", "come back"),
        ("00.d", "ace", "tuple"),
        ("00.d", "ade", "key"),
        ("00.d", "a", "one more"),
        ("00.d", "e", "one more"),
        ("00.d", "bcd", "Let Python say"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
