"""Whatever cut a customer off between placing and paying, the order gets both of its jobs."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from small_shop import an_order, small_shop

from simqueue.adapters.in_process import InProcessAdapter
from simqueue.adapters.noop import NoOpAdapter
from simqueue.clock import VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import Job, order_job, payment_job
from simqueue.shop import Shop
from simqueue.shop.outbox import FORGOTTEN_S, KEEP_S, Outbox
from simqueue.shop.tables import outbox
from simqueue.workers.relay import Relay
from simqueue.workers.replay import Replayed, replay
from simqueue.workers.shop_work import ShopWork

ORDERS = [an_order("1", A=1), an_order("2", A=2, B=1)]
ALL = {f"{queue}-{number}" for queue in ("order", "payment") for number in "12"}


@dataclass
class Queues:
    """Queues that keep what they are given."""

    jobs: list[Job] = field(default_factory=list)

    async def add(self, job: Job) -> None:
        self.jobs.append(job)

    async def add_bulk(self, jobs: list[Job]) -> None:
        self.jobs += jobs


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url, outbox=True) as shop:
        yield shop


def the_outbox(shop: Shop) -> Outbox:
    assert shop.store.outbox is not None
    return shop.store.outbox


def replayed(shop: Shop) -> Replayed:
    """Replay the orders into the outbox."""
    relay = Relay(shop.store, Queues(), shop.clock)
    return asyncio.run(replay(ORDERS, shop, relay, shop.clock))


def written(shop: Shop) -> set[str]:
    """Ids of the jobs in the outbox."""
    with shop.database.reading() as connection:
        return set(connection.execute(sa.select(outbox.c.job_id)).scalars())


def forbid_payments(shop: Shop) -> Callable[[], None]:
    """Have the database refuse what asks for a payment; what ends that."""
    if shop.database._engine.dialect.name == "sqlite":
        begin = (
            "CREATE TRIGGER no_payment BEFORE INSERT ON outbox WHEN NEW.job_id LIKE 'payment-%' "
            "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
        end = "DROP TRIGGER no_payment"
    else:
        begin = "ALTER TABLE outbox ADD CONSTRAINT no_payment CHECK (job_id NOT LIKE 'payment-%')"
        end = "ALTER TABLE outbox DROP CONSTRAINT no_payment"

    def execute(statement: str) -> None:
        with shop.database.writing() as connection:
            connection.execute(sa.text(statement))

    execute(begin)
    return lambda: execute(end)


def test_a_payment_that_could_not_be_written_down(shop: Shop) -> None:
    allow = forbid_payments(shop)
    assert replayed(shop).errors == {"JobError": 2}
    assert written(shop) == {"order-1", "order-2"}
    allow()
    again = replayed(shop)
    assert (again.placed, again.already_placed, again.errors) == (0, 2, {})
    assert written(shop) == ALL


@pytest.mark.parametrize("error", [KeyboardInterrupt(), JobError("database: locked"), OSError()])
def test_whatever_comes_between_placing_and_paying(
    shop: Shop, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, a database that is away, a descriptor that is not to be had."""

    def fail(_job: Job) -> None:
        raise error

    with monkeypatch.context() as cut_off:
        cut_off.setattr(shop.store, "request_payment", fail)
        if isinstance(error, Exception):
            replayed(shop)
        else:
            with pytest.raises(KeyboardInterrupt):
                replayed(shop)
    assert "payment-1" not in written(shop)
    replayed(shop)
    assert written(shop) == ALL


KILLED = """
import asyncio, os, signal, sys
from test_no_order_without_its_jobs import ORDERS, Queues
from small_shop import small_shop
from simqueue.workers.relay import Relay
from simqueue.workers.replay import replay

with small_shop(sys.argv[1], outbox=True) as shop:
    shop.store.request_payment = lambda job: os.kill(os.getpid(), signal.SIGKILL)
    asyncio.run(replay(ORDERS, shop, Relay(shop.store, Queues(), shop.clock), shop.clock))
"""


def test_a_kill_between_placing_and_paying(shop: Shop, database_url: str) -> None:
    tests = Path(__file__).parent
    code = f"import sys; sys.path[:0] = [{str(tests)!r}, {str(tests.parent)!r}]\n{KILLED}"
    killed = subprocess.run([sys.executable, "-c", code, database_url], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert written(shop) == {"order-1"}
    replayed(shop)
    assert written(shop) == ALL


def test_orders_that_were_placed_while_jobs_were_ignored(shop: Shop) -> None:
    """Placed with ``WORKER_MODE=none``: there is no job of any kind."""
    for order in ORDERS:
        shop.store.place(order)
    replayed(shop)
    assert written(shop) == ALL


def test_what_is_at_its_end_is_not_asked_for_again(shop: Shop) -> None:
    replayed(shop)
    shop.store.process("1", order_job("1"))
    shop.store.settle("1", "declined", payment_job("1", ORDERS[0].total))
    with shop.database.writing() as connection:
        connection.execute(sa.delete(outbox))
    replayed(shop)
    assert written(shop) == {"order-2", "payment-2"}


@pytest.mark.parametrize("lost", ["order", "payment", "both"])
def test_in_training_mode_too_a_replay_does_what_is_left(lost: str) -> None:
    """The caller was killed after the order was stored, or after its first job."""
    with small_shop() as shop:
        shop.store.place(ORDERS[0])
        if lost == "payment":
            shop.store.process("1")
        elif lost == "order":
            shop.store.settle("1", "paid")
        adapter = InProcessAdapter(ShopWork(shop), shop.clock)
        again = asyncio.run(replay(ORDERS, shop, adapter, shop.clock))
        assert (again.placed, again.already_placed) == (1, 1)
        assert [shop.store.state(n) for n in "12"] == [("processing", "paid")] * 2
        assert shop.store.on_hand()["A"] == 7


def test_ignoring_jobs_ignores_those_of_old_orders_too() -> None:
    with small_shop() as shop:
        shop.store.place(ORDERS[0])
        again = asyncio.run(replay(ORDERS, shop, NoOpAdapter(), shop.clock))
        assert (again.placed, again.already_placed) == (1, 1)
        assert shop.store.state("1") == ("pending", "pending")


def place(shop: Shop) -> None:
    for order in ORDERS:
        shop.store.place(order, [order_job(order.order_id)])


def test_nobody_replays_and_the_payment_is_asked_for_all_the_same(shop: Shop) -> None:
    """Not before the customer had time to do it; of the right amount; once."""
    assert isinstance(shop.clock, VirtualClock)
    place(shop)
    shop.store.process("1", order_job("1"))
    shop.clock.burn(FORGOTTEN_S - 1)
    assert the_outbox(shop).complete() == []
    shop.clock.burn(2)
    assert the_outbox(shop).complete() == [
        payment_job("1", Decimal("2.50")), payment_job("2", Decimal("7.50")),
    ]  # fmt: skip
    assert the_outbox(shop).complete() == []


def test_an_order_that_only_its_payment_knows_of_is_processed(shop: Shop) -> None:
    """Its own row is gone: somebody removed it, or an earlier version did after a week."""
    assert isinstance(shop.clock, VirtualClock)
    for order in ORDERS:
        shop.store.place(order)
        shop.store.request_payment(payment_job(order.order_id, order.total))
    shop.store.process("2")
    shop.clock.burn(FORGOTTEN_S + 1)
    assert the_outbox(shop).complete() == [order_job("1")]


@pytest.mark.parametrize("word", ["paid", "declined", "failed", "cancelled"])
def test_a_payment_that_has_an_end_is_not_asked_for(shop: Shop, word: str) -> None:
    assert isinstance(shop.clock, VirtualClock)
    place(shop)
    shop.store.settle("1", word)  # type: ignore[arg-type]
    shop.clock.burn(FORGOTTEN_S + 1)
    assert [job.id for job in the_outbox(shop).complete()] == ["payment-2"]


def test_the_jobs_of_a_pending_order_are_not_pruned(shop: Shop) -> None:
    """Nobody worked for eight days, and Redis lost its jobs: they come back."""
    assert isinstance(shop.clock, VirtualClock)
    replayed(shop)
    shop.store.process("1")
    shop.store.settle("1", "paid")
    the_outbox(shop).published([entry.number for entry in the_outbox(shop).waiting(9)])
    shop.clock.burn(KEEP_S + 1)
    assert the_outbox(shop).prune() == 2
    assert the_outbox(shop).remember() == 2
    assert {entry.job_id for entry in the_outbox(shop).waiting(9)} == {"order-2", "payment-2"}


def test_a_running_relay_asks_and_says_so(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """The first round of a worker that is started is one of those that look back."""
    assert isinstance(shop.clock, VirtualClock)
    place(shop)
    shop.clock.burn(FORGOTTEN_S + 1)
    queues, stop = Queues(), asyncio.Event()

    async def story() -> None:
        running = asyncio.create_task(Relay(shop.store, queues, shop.clock).run(stop))
        async with asyncio.timeout(100):
            while len(queues.jobs) < 4:
                await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(story())
    assert {job.id for job in queues.jobs} == ALL
    assert "2 jobs that nobody asked for (payment-1, payment-2)" in caplog.text
