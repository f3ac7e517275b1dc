from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simqueue.course import (
    busy_day,
    open_classroom,
    real_orders,
    replay_orders,
    training_adapter,
)
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.shop import Conditions, GatewayError

FIRST = real_orders()[:12]


def test_one_checkout_in_two_modes() -> None:
    order = FIRST[0]
    for mode, state, emails in (
        ("none", ("pending", "pending"), 0),
        ("in-process", ("processing", "paid"), 2),
    ):
        with open_classroom(mode) as shop:  # type: ignore[arg-type]
            asyncio.run(shop.place(order))
            asyncio.run(shop.pay(order))
            assert shop.state(order) == state
            assert len(shop.letters) == emails
            assert len(shop.log) == 2 * emails


def test_a_failing_gateway_reaches_the_caller() -> None:
    with open_classroom("in-process", conditions=Conditions(error_rate=1)) as shop:
        asyncio.run(shop.place(FIRST[0]))
        with pytest.raises(GatewayError):
            asyncio.run(shop.pay(FIRST[0]))


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(InputError, match="expected one of in-process, none"):
        open_classroom("telepathy")  # type: ignore[arg-type]


def test_replays_repeat_themselves_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_MODE", "bull-queue")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///elsewhere.db")
    monkeypatch.setenv("SMTP_URL", "smtp://nobody.example")
    one, two = (asyncio.run(replay_orders("in-process", FIRST)) for _ in range(2))
    assert one.log.frame().equals(two.log.frame())
    assert one.counts == two.counts
    assert sum(n for word, n in one.counts.items() if word.startswith("order ")) == len(FIRST)
    assert list(tmp_path.iterdir()) == []


def test_emails_bear_the_day_of_the_orders() -> None:
    done = asyncio.run(replay_orders("none", FIRST))
    assert done.counts == {"order pending": 12, "payment pending": 12}
    assert len(done.log) == 0
    assert asyncio.run(replay_orders("none", [])).counts == {}


def test_your_own_handler_gets_the_very_job() -> None:
    seen = []

    async def handler(job: Job) -> str:
        seen.append(job)
        return "done"

    job = Job(queue="order", name="mine", id="1", flow="1", payload={"x": object()})
    asyncio.run(training_adapter(handler).add(job))
    assert seen[0] is job


def test_real_orders_of_a_day() -> None:
    assert len(real_orders()) == 1547
    assert len(real_orders("2011-11-17")) == 136
    for day, words in (("2011-11-19", "no orders"), ("yesterday", "expected a date")):
        with pytest.raises(InputError, match=words):
            real_orders(day)


def test_the_busy_day_takes_settings_as_the_command_line_does() -> None:
    assert busy_day().slots == {"order": 5, "payment": 5, "email": 5}
    assert busy_day("workers.count=2", "mode=bull-queue").slots["order"] == 10
    with pytest.raises(InputError, match=r"workers\.count"):
        busy_day("workers.count=0")
