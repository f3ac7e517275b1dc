"""A shop with worker processes that can be killed, and a look at its books when all is over."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from books import check_mail, same
from mail_server import MailServer

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.clock import SystemClock
from simqueue.data import data_path
from simqueue.jobs import order_job, payment_job
from simqueue.record.reading import read_log
from simqueue.settings import Settings
from simqueue.shop import Order, OrderState, Shop, open_shop, payment_key, read_orders
from simqueue.shop.gateway import gateway_charges
from simqueue.shop.tables import orders as orders_table
from simqueue.workers.relay import Relay
from simqueue.workers.replay import Replayed, replay

_RETRIED = "job failed, will be retried"
_IN_DOUBT = "email in doubt, will be tried again"
_ENDS = ("job completed", _RETRIED, "job failed for good")
PROGRAM = Path(__file__).with_name("chaos_worker.py")


class ChaosWorker:
    """``chaos_worker.py`` in a process of its own, and what it logs.

    Parameters
    ----------
    folder
        Where it runs: its emails and its log are there.
    database_url, redis_url
        The shop's records and its queues.
    changed
        Notified of every line that it logs; one for all workers of a shop.
    grace_s
        What running jobs get when it is to stop.
    variables
        More of its environment.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        changed: threading.Condition,
        grace_s: float = 20,
        **variables: str,
    ) -> None:
        environment = {
            **os.environ,
            "WORKER_MODE": "bull-queue",
            "QUEUE_REDIS_URL": redis_url,
            "DATABASE_URL": database_url,
            **variables,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--log", "run.csv", "--grace", f"{grace_s:g}"],
            cwd=folder, env=environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        #: How often each event was logged, and what was no event: a traceback.
        self.seen: Counter[str] = Counter()
        self.other: list[str] = []
        #: Events that came with a traceback.
        self.tracebacks: list[str] = []
        #: The jobs in hand, and how often each one was brought to an end of some kind.
        self.running: set[str] = set()
        self.ended: Counter[str] = Counter()
        #: The jobs that failed and were to be retried, and those that came to their end.
        self.retried: set[str] = set()
        self.over: set[str] = set()
        #: The jobs for which there was once no room in the database, or for what they had sent.
        self.refused: set[str] = set()
        #: Its standard error, to be looked at when something was found.
        self.log = folder / f"worker-{self.process.pid}.log"
        self._changed = changed
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stderr, self.log.open("w", encoding="utf-8") as log:
            for line in stderr:
                log.write(line)
                with self._changed:
                    if line.startswith("{") and line.endswith("}\n"):
                        self._note(json.loads(line))
                    else:
                        self.other.append(line.rstrip())
                    self._changed.notify_all()

    def _note(self, line: dict[str, Any]) -> None:
        event, job = line["event"], line.get("job_id", "")
        self.seen[event] += 1
        if "exception" in line:
            self.tracebacks.append(f"{event}: {line['exception']}")
        if event == "job started":
            self.running.add(job)
        elif event in _ENDS:
            self.running.discard(job)
            self.ended[job] += 1
            (self.retried if event == _RETRIED else self.over).add(job)
            if "disk is full" in line.get("error", ""):
                self.refused.add(job)
        elif event.startswith(_IN_DOUBT) and "disk is full" in event:
            # Nobody knew whether it had been sent: its job was over, and it is sent again.
            self.refused.add(f"email-{line['order_id']}-{line['email']}")

    def wait_for(self, event: str, more: int = 1, seconds: float = 200) -> None:
        """Wait until it has logged an event so many times from now on."""
        with self._changed:
            enough = self.seen[event] + more
            came = self._changed.wait_for(lambda: self.seen[event] >= enough, seconds)
            assert came, f"{self.seen[event]} of {enough} {event!r}: {self.seen} {self.other[-20:]}"

    def kill(self) -> None:
        """``kill -9``, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(5)

    def join(self) -> None:
        """Wait until all that it has logged is read; it has ended."""
        self._reader.join(5)

    def end(self, seconds: float = 200) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self._reader.join(5)
        return code


@dataclass
class ShopUnderFire:
    """Orders, workers, and the shop's books.

    Attributes
    ----------
    folder, database_url, redis_url
        What all of it works on.
    workers
        Those that run, and those that were killed.
    orders
        What was placed.
    before
        Units on the shelves before the first order.
    mail
        The server that takes the emails, if it is none of the folder's.
    excused
        Emails that a worker had sent and not put on record when it was killed, by Message-ID.
    """

    folder: Path
    database_url: str
    redis_url: str
    workers: list[ChaosWorker] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=dict)
    mail: MailServer | None = None
    excused: Counter[str] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def shop(self) -> Iterator[Shop]:
        """The shop, opened from the test's process."""
        settings = Settings(database_url=self.database_url)  # type: ignore[arg-type]
        with open_shop(settings, SystemClock(), outbox=True) as shop:
            yield shop

    def place(self, orders: Sequence[Order]) -> None:
        """Place orders and ask for their payment, as the web shop would."""
        self.orders += orders
        with self.shop() as shop:
            self.before = self.before or shop.store.on_hand()
            for order in orders:
                shop.store.place(order, [order_job(order.order_id)])
                shop.store.request_payment(payment_job(order.order_id, order.total))

    def place_only(self, orders: Sequence[Order]) -> None:
        """Place orders whose customers leave before they pay; they may come again."""
        with self.shop() as shop:
            self.before = self.before or shop.store.on_hand()
            for order in orders:
                shop.store.place(order, [order_job(order.order_id)])

    def replay(self, orders: Sequence[Order]) -> Replayed:
        """Have customers place and pay orders, as ``simqueue replay`` does; some may be cut off."""

        async def placed(shop: Shop) -> Replayed:
            relay = Relay(shop.store, NoAdapter(), shop.clock)  # type: ignore[arg-type]
            return await replay(orders, shop, relay, shop.clock, speed=math.inf)

        self.orders = list(orders)
        with self.shop() as shop:
            self.before = self.before or shop.store.on_hand()
            return asyncio.run(placed(shop))

    def start_worker(self, grace_s: float = 20, **variables: str) -> ChaosWorker:
        """Start one more worker process; it works when this returns."""
        (worker,) = self.start_workers(1, grace_s, **variables)
        return worker

    def start_workers(
        self, number: int, grace_s: float = 20, **variables: str
    ) -> list[ChaosWorker]:
        """Start some at once; all work when this returns."""
        where = (self.folder, self.database_url, self.redis_url, self._changed)
        workers = [ChaosWorker(*where, grace_s, **variables) for _ in range(number)]
        self.workers += workers
        for worker in workers:
            came = self.wait_until(lambda worker=worker: worker.seen["worker started"], 180)
            assert came, f"not started: {worker.process.poll()} {worker.seen} {worker.other[-20:]}"
        return workers

    def wait_until(self, so: Callable[[], object], seconds: float) -> bool:
        """Wait until something is so that workers log; whether it is."""
        with self._changed:
            return bool(self._changed.wait_for(so, seconds))

    def wait_for_completed(self, number: int, seconds: float = 200) -> None:
        """Wait until the workers have completed so many jobs."""

        def enough() -> bool:
            return sum(worker.seen["job completed"] for worker in self.workers) >= number

        assert self.wait_until(enough, seconds), [w.seen for w in self.workers]

    def refused(self, order: Order) -> bool:
        """Whether a full disk has refused the record of an order's email, which was sent."""
        email = f"email-{order.order_id}-"
        return any(job.startswith(email) for one in self.workers for job in tuple(one.refused))

    def wait_for_retries(self, seconds: float = 200) -> None:
        """Wait until all jobs that have failed so far came to their end.

        Else one job may meet trouble at each of its attempts, and then it fails for good, as it
        should: an order is left for a person to look at.
        """
        with self._changed:
            failed = {job for worker in self.workers for job in worker.retried}
            done = self._changed.wait_for(
                lambda: not failed.difference(*(worker.over for worker in self.workers)), seconds
            )
            assert done, f"not tried again: {failed}"

    def kill(self, worker: ChaosWorker) -> set[str]:
        """``kill -9``, and one more worker in its place: what it had in hand, once others did it.

        Waiting for that matters: a job that stalls twice fails for good, without its handler, and
        an order job of that kind is left for a person to look at.
        """
        worker.kill()
        in_hand = set(worker.running)
        before = {job: self._ended(job) for job in in_hand}
        self.start_worker()
        with self._changed:
            done = self._changed.wait_for(
                lambda: all(self._ended(job) > ends for job, ends in before.items()), 200
            )
            assert done, f"nobody did all of {in_hand}"
        return in_hand

    def _ended(self, job: str) -> int:
        return sum(worker.ended[job] for worker in self.workers)

    def wait_until_done(self, seconds: float) -> None:
        """Wait until nothing waits in outbox and queues, and no money is owed to anybody."""

        async def done() -> None:
            adapter = BullQueueAdapter(await connect(self.redis_url))
            with self.shop() as shop:
                assert shop.store.outbox is not None
                until = time.monotonic() + seconds
                quiet = 0
                # Twice in a row: a job may be on its way from the one to the other.
                while quiet < 2:
                    left = {
                        "outbox": len(shop.store.outbox.waiting(1)),
                        "queues": await adapter.unfinished(),
                        "in doubt": len(shop.store.mail.in_doubt(math.inf)),
                        # Failed jobs are given up until that has had its effects: the database may
                        # have been away, and the gateway has to give the money back.
                        "not given up": len(await self._not_given_up(shop, adapter)),
                        "owed": len(self.owed(shop)),
                    }
                    assert time.monotonic() < until, f"not done after {seconds} s: {left}"
                    quiet = 0 if any(left.values()) else quiet + 1
                    await asyncio.sleep(0.1)
            await adapter.close()

        asyncio.run(done())

    async def _not_given_up(self, shop: Shop, adapter: BullQueueAdapter) -> set[str]:
        """The payments that failed for good, of which the books do not know it yet."""
        states = self.states(shop)
        failed = {job.id.removeprefix("payment-") for job, _ in await adapter.failed("payment")}
        return {o for o in failed & states.keys() if states[o].payment_status == "pending"}

    def check_books(self) -> Counter[OrderState]:
        """Prove that nothing was lost and nothing done twice; how many orders ended how."""
        with self.shop() as shop:
            states = self.states(shop)
            emails = shop.store.emails()
            on_hand = shop.store.on_hand()
            kept = self._kept(shop)
            assert shop.store.outbox is not None
            same("the outbox (waiting, refused)", shop.store.outbox.counts(), (0, 0))
        same("orders", states.keys(), {order.order_id for order in self.orders})
        pending = {o: state for o, state in states.items() if "pending" in state}
        assert not pending, f"not in a final state: {pending}"
        assert not [o for o, state in states.items() if state.refund_due]

        # Stock, to the unit.
        sold: Counter[str] = Counter()
        for order in self.orders:
            if states[order.order_id].status == "processing":
                for line in order.lines:
                    sold[line.sku] += line.quantity
        left = {sku: units - sold[sku] for sku, units in self.before.items()}
        same("stock", on_hand.items(), left.items())

        # Money: one charge, of the right amount, for each paid order; nothing from anybody else.
        totals = {order.order_id: order.total for order in self.orders}
        right = {o: totals[o] for o, state in states.items() if state[1] == "paid"}
        same("money", kept.items(), right.items())

        # Emails: what is due is on record, once, and nothing else.
        same("emails on record", Counter(emails), Counter(set(emails)))
        told = {kind: {o for o, k in emails if k == kind} for _, kind in emails}
        of = {word: {o for o, state in states.items() if word in state} for word in _WORDS}
        same("confirmations", told["order-confirmation"], of["processing"])
        same("failures told", told.get("payment-failed", set()), of["declined"] | of["failed"])
        # Who paid before the order was rejected was told of the payment, and got the money back.
        same(
            "successes told", told["payment-success"] | of["refunded"], of["paid"] | of["refunded"]
        )
        # A mail sent twice is one file; a kill may have left a draft, which is none.
        if self.mail is None:
            assert len(list((self.folder / "sent-emails").glob("*.eml"))) == len(emails)
        else:
            check_mail(self.mail, emails, self.excused)
        return Counter(states.values())

    def stalled(self) -> set[str]:
        """The jobs with an attempt that was cut off, by the merged log of all workers.

        No attempt is without an end, and each one cut off was run again under the same number.
        """
        frame = read_log(self.folder / "run.csv").frame()
        assert (frame["outcome"].astype(str) != "").all()
        rows = frame[frame["outcome"] == "stalled"]
        runs = frame.groupby(["job_id", "attempt"], observed=True)["run"].max()
        last = [row for row in rows.itertuples() if runs[row.job_id, row.attempt] <= row.run]
        assert not last, f"cut off and not run again: {last}"
        return {str(job) for job in rows["job_id"]}

    def close(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            worker.kill()

    def states(self, shop: Shop) -> dict[str, OrderState]:
        """The states of all orders."""
        columns = (orders_table.c.order_id, orders_table.c.status, orders_table.c.payment_status)
        with shop.database.reading() as connection:
            rows = connection.execute(sa.select(*columns)).all()
        return {row.order_id: OrderState(row.status, row.payment_status) for row in rows}

    def owed(self, shop: Shop) -> set[str]:
        """The orders whose money the gateway has, and should give back."""
        states = self.states(shop)
        # What was taken from nobody's order is owed to nobody: the books tell of it.
        known = states.keys() & self._kept(shop)
        return {order for order in known if states[order].payment_status != "paid"}

    def _kept(self, shop: Shop) -> dict[str, Decimal]:
        """What the gateway has taken and not given back, by order: its own books."""
        columns = gateway_charges.c
        rows = sa.select(columns.key, columns.amount).where(
            columns.answer == "paid", columns.refunded.is_(False)
        )
        orders = {payment_key(order.order_id): order.order_id for order in self.orders}
        with shop.database.reading() as connection:
            found = connection.execute(rows).all()
        # A charge for an order that nobody placed stands under its own key.
        return {orders.get(row.key, row.key): row.amount for row in found}


class NoAdapter:
    """What a relay that is only woken needs: the workers' own relays carry the jobs over."""


_WORDS = ("processing", "paid", "declined", "failed", "refunded")


def real_orders(number: int) -> list[Order]:
    """Recorded orders; when there are no more, the first ones once more under other numbers."""
    recorded = read_orders(data_path("orders.csv"))
    again = (replace(order, order_id=f"9{order.order_id}") for order in recorded)
    return [*recorded, *again][:number]
