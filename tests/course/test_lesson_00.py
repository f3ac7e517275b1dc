"""The answers of lesson 00, found by other roads than the one they were written on."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from simqueue import POLICIES, simulate
from simqueue.course import busy_day, real_orders
from simqueue.course.marking import mark
from simqueue.workload.workload import Workload


def test_callers_by_the_recorded_orders() -> None:
    quarters = [(o.placed_at.hour, o.placed_at.minute // 15) for o in real_orders("2011-11-17")]
    day = busy_day()
    seconds = {q: each.service.mean_s + each.cpu.mean_s for q, each in day.queues.items()}
    per_order = seconds["order"] + seconds["payment"] + 2 * seconds["email"]
    busy = max(map(quarters.count, quarters)) * 400 / 900 * per_order
    assert mark("00.b", busy).verdict == "right"
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


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("00.b", 5, "whole day"),
        ("00.b", "4.8 callers", "whole day"),
        ("00.b", 7, "order jobs alone"),
        ("00.b", 10, "emails"),
        ("00.b", 11, "a little more"),
        ("00.b", 3.11, "orders come in a second"),
        ("00.b", 1, "two days behind"),
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
