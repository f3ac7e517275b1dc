from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from small_shop import CALM, small_shop

from simqueue.shop import Conditions, GatewayError, Shop

TEN = Decimal("10.00")


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url) as shop:
        yield shop


def call(shop: Shop, *calls: tuple[Any, ...]) -> list[Any]:
    """Make calls one after another; "error" for one without an answer."""

    async def all_of_them() -> list[Any]:
        answers = []
        for method, *arguments in calls:
            try:
                answers.append(await getattr(shop.gateway, method)(*arguments))
            except GatewayError:
                answers.append("error")
        return answers

    return asyncio.run(all_of_them())


def test_one_key_is_charged_once(shop: Shop) -> None:
    assert call(shop, ("charge", "k", TEN), ("charge", "k", TEN)) == ["paid", "paid"]
    assert shop.gateway.balance("k") == shop.gateway.balance() == TEN


def test_a_refund_gives_back_once_and_closes_the_key(shop: Shop) -> None:
    calls = [("charge", "k", TEN), ("refund", "k"), ("refund", "k"), ("charge", "k", TEN)]
    assert call(shop, *calls) == ["paid", None, None, "paid"]
    assert shop.gateway.balance() == 0


def test_a_charge_after_the_refund_takes_nothing(shop: Shop) -> None:
    assert call(shop, ("refund", "k"), ("charge", "k", TEN)) == [None, "declined"]
    assert shop.gateway.balance() == 0


def test_a_lost_answer_may_have_charged() -> None:
    for late_share, taken in ((0.0, 0), (1.0, TEN)):
        conditions = Conditions(decline_rate=0, error_rate=1, late_share=late_share)
        with small_shop(conditions=conditions) as shop:
            assert call(shop, *[("charge", "k", TEN)] * 3) == ["error"] * 3
            assert shop.gateway.balance() == taken
            assert call(shop, ("refund", "k")) == ["error"]
            assert shop.gateway.balance() == 0


def test_every_call_made_in_an_outage_fails() -> None:
    conditions = Conditions(decline_rate=0, error_rate=0, outages=[(10, 20)])
    answers = []
    for moment in (9.9, 10.0, 19.9, 20.0):
        with small_shop(conditions=conditions, now=moment) as shop:
            answers += call(shop, ("charge", "k", TEN))
    assert answers == ["paid", "error", "error", "paid"]


def test_draws_belong_to_the_key_and_not_to_the_order_of_the_calls() -> None:
    conditions = Conditions(decline_rate=0.3, error_rate=0.3)
    keys = [f"k{number}" for number in range(30)]
    seen = []
    for order in (keys, keys[::-1]):
        with small_shop(conditions=conditions, seed=3) as shop:
            answers = call(shop, *[("charge", key, TEN) for key in order for _ in range(2)])
            pairs = zip(answers[::2], answers[1::2], strict=True)
            seen.append(dict(zip(order, pairs, strict=True)))
    assert seen[0] == seen[1]
    assert {"paid", "declined", "error"} <= {word for pair in seen[0].values() for word in pair}


def test_another_seed_is_another_day() -> None:
    days = []
    for seed in (1, 2):
        with small_shop(conditions=Conditions(decline_rate=0.5), seed=seed) as shop:
            days.append(call(shop, *[("charge", f"k{number}", TEN) for number in range(30)]))
    assert days[0] != days[1]


def test_rates_and_latency_are_as_stated() -> None:
    conditions = Conditions(decline_rate=0.2, error_rate=0.1, latency_median_s=0.2)
    with small_shop(conditions=conditions) as shop:
        times, answers = [shop.clock.now()], []
        for number in range(400):
            answers += call(shop, ("charge", f"k{number}", TEN))
            times.append(shop.clock.now())
    waits = [later - sooner for sooner, later in pairwise(times)]
    # Three standard errors of 400 independent draws.
    assert statistics.median(waits) == pytest.approx(0.2, rel=0.11)
    assert answers.count("error") == pytest.approx(40, abs=18)
    assert answers.count("declined") == pytest.approx(72, abs=23)


def test_calm_is_calm() -> None:
    with small_shop(conditions=CALM) as shop:
        assert call(shop, *[("charge", f"k{n}", TEN) for n in range(50)]) == ["paid"] * 50
