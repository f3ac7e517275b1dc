"""The relay with queues that fail on command."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from small_shop import an_order, small_shop

from simqueue.clock import VirtualClock
from simqueue.errors import InputError, JobError
from simqueue.jobs import Job, order_job
from simqueue.shop import Shop
from simqueue.shop.outbox import Outbox
from simqueue.shop.tables import outbox
from simqueue.workers.relay import Relay


@dataclass
class FakeQueues:
    """Queues that are down for the first ``outage`` calls and never take what is in ``poison``."""

    outage: int = 0
    poison: frozenset[str] = frozenset()
    taken: list[str] = field(default_factory=list)
    bulks: list[int] = field(default_factory=list)
    calls: int = 0

    async def add(self, job: Job) -> None:
        await self.add_bulk([job])

    async def add_bulk(self, jobs: Iterable[Job]) -> None:
        await asyncio.sleep(0)
        self.calls += 1
        if self.calls <= self.outage:
            raise JobError("Redis at redis://nowhere: refused")
        ids = [job.id for job in jobs]
        if bad := self.poison.intersection(ids):
            raise InputError(f"job {min(bad)}: poison")
        self.bulks.append(len(ids))
        self.taken += ids


class Waits(VirtualClock):
    """Writes down what it is asked to wait; a wait for the next poll may never end."""

    def __init__(self, polls: bool = True) -> None:
        super().__init__()
        self.polls = polls
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if not self.polls:
            await asyncio.Event().wait()
        await super().sleep(seconds)


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url, outbox=True) as shop:
        yield shop


def place(shop: Shop, *numbers: int) -> list[str]:
    for number in numbers:
        shop.store.place(an_order(str(number)), [order_job(str(number))])
    return [f"order-{number}" for number in numbers]


def the_outbox(shop: Shop) -> Outbox:
    assert shop.store.outbox is not None
    return shop.store.outbox


def publish(shop: Shop, queues: FakeQueues) -> int:
    return asyncio.run(Relay(shop.store, queues, shop.clock).publish())


def test_it_publishes_in_order_and_once(shop: Shop) -> None:
    ids, queues = place(shop, 3, 1, 2), FakeQueues()
    assert publish(shop, queues) == 3
    assert publish(shop, queues) == 0
    assert queues.taken == ids


def test_it_publishes_in_bulk(shop: Shop) -> None:
    with shop.database.writing() as connection:
        the_outbox(shop).add(connection, [order_job(str(number)) for number in range(1200)])
    queues = FakeQueues()
    assert publish(shop, queues) == 1200
    assert queues.bulks == [500, 500, 200]
    assert queues.taken == [f"order-{number}" for number in range(1200)]


def test_an_outage_loses_nothing(shop: Shop) -> None:
    ids, queues = place(shop, 1, 2), FakeQueues(outage=2)
    for _ in range(2):
        with pytest.raises(JobError, match="refused"):
            publish(shop, queues)
    assert publish(shop, queues) == 2
    assert queues.taken == ids


def test_dying_between_publishing_and_marking_publishes_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids, queues = place(shop, 1, 2), FakeQueues()
    with monkeypatch.context() as dying:
        dying.setattr(the_outbox(shop), "published", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(shop, queues)
    assert publish(shop, queues) == 2
    assert queues.taken == ids + ids
    assert publish(shop, queues) == 0


def test_poison_is_set_aside_and_the_others_go_on(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    place(shop, 1, 2, 3, 4)
    with shop.database.writing() as connection:
        bad = sa.update(outbox).where(outbox.c.job_id == "order-3")
        connection.execute(bad.values(job='{"queue": "order"}'))
    queues = FakeQueues(poison=frozenset(["order-2"]))
    relay = Relay(shop.store, queues, shop.clock)
    assert asyncio.run(relay.publish()) == 2
    assert queues.taken == ["order-1", "order-4"]
    assert relay.refused == 2
    assert the_outbox(shop).counts() == (0, 2)
    assert "refuses job order-2: poison" in caplog.text
    assert "refuses job order-3 of the outbox: " in caplog.text
    assert publish(shop, queues) == 0


def test_an_outage_while_looking_for_poison_loses_nothing(shop: Shop) -> None:
    place(shop, 1, 2, 3)

    class FailsLater(FakeQueues):
        async def add(self, job: Job) -> None:
            if job.id == "order-3" and self.calls < 4:
                self.outage = 4
            await super().add(job)

    queues = FailsLater(poison=frozenset(["order-2"]))
    with pytest.raises(JobError):
        publish(shop, queues)
    assert publish(shop, queues) == 2
    assert set(queues.taken) == {"order-1", "order-3"}
    assert the_outbox(shop).counts() == (0, 1)


async def until(what: object) -> None:
    async with asyncio.timeout(100):
        while not what():  # type: ignore[operator]
            await asyncio.sleep(0.005)


def test_a_running_relay_waits_an_outage_out(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "simqueue")
    ids, queues, clock, stop = place(shop, 1), FakeQueues(outage=8), Waits(), asyncio.Event()

    async def story() -> None:
        running = asyncio.create_task(Relay(shop.store, queues, clock).run(stop))
        await until(lambda: queues.taken)
        stop.set()
        await running

    asyncio.run(story())
    assert queues.taken == ids
    assert clock.waits[:8] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    lines = [record.message for record in caplog.records]
    assert lines == [
        "relay: Redis at redis://nowhere: refused; trying again until it works",
        "relay: works again",
    ]


def test_a_running_relay_is_woken(shop: Shop) -> None:
    """Its clock never ends the wait between two polls, so only `wake` can."""
    queues, stop = FakeQueues(), asyncio.Event()

    async def story() -> None:
        clock = Waits(polls=False)
        relay = Relay(shop.store, queues, clock)
        running = asyncio.create_task(relay.run(stop))
        for number in range(3):
            await until(lambda: len(clock.waits) == number + 1)  # noqa: B023
            await asyncio.to_thread(place, shop, number)
            relay.wake()
            await until(lambda: f"order-{number}" in queues.taken)  # noqa: B023
        stop.set()
        await running

    asyncio.run(story())


def test_a_stopped_relay_publishes_what_is_left(shop: Shop) -> None:
    queues, stop = FakeQueues(), asyncio.Event()
    ids = place(shop, 1)
    stop.set()
    asyncio.run(Relay(shop.store, queues, shop.clock).run(stop))
    assert queues.taken == ids


def test_a_relay_that_stops_in_an_outage_says_so(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    stop = asyncio.Event()
    stop.set()
    place(shop, 1)
    asyncio.run(Relay(shop.store, FakeQueues(outage=1), shop.clock).run(stop))
    assert "what is left in the outbox waits for the next relay" in caplog.text
    assert the_outbox(shop).counts() == (1, 0)


def test_relays_side_by_side_publish_everything(database_url: str) -> None:
    queues = FakeQueues()
    with (
        small_shop(database_url, outbox=True) as one,
        small_shop(database_url, outbox=True) as other,
    ):
        ids = place(one, *range(40))

        async def both() -> None:
            relays = [Relay(shop.store, queues, shop.clock) for shop in (one, other)]
            await asyncio.gather(*(relay.publish() for relay in relays))

        asyncio.run(both())
        assert set(queues.taken) == set(ids)
        assert the_outbox(one).counts() == (0, 0)


def test_a_running_relay_prunes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = asyncio.Event()
    stop = asyncio.Event()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(
            the_outbox(shop), "prune", lambda: loop.call_soon_threadsafe(pruned.set)
        )
        running = asyncio.create_task(Relay(shop.store, FakeQueues(), Waits()).run(stop))
        await asyncio.wait_for(pruned.wait(), 100)
        stop.set()
        await running

    asyncio.run(story())


def test_a_shop_without_an_outbox_has_no_relay() -> None:
    with small_shop() as shop, pytest.raises(ValueError, match="outbox=True"):
        Relay(shop.store, FakeQueues(), shop.clock)
