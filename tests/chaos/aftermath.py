"""When the fire is out: what comes back by itself, what a person does, and what has to be so."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import redis
import sqlalchemy as sa
from faults import QUEUES
from shop_under_fire import ShopUnderFire

from simqueue.adapters.bull_queue import BullQueueAdapter, connect
from simqueue.jobs import payment_job
from simqueue.policies import POLICIES
from simqueue.shop import Shop
from simqueue.shop.tables import outbox

_PROJECT = Path(__file__).parent.parent.parent
#: The states of a job that is not over, and how Redis keeps them.
_LISTS, _SETS = ("wait", "paused", "active"), ("delayed", "prioritized", "waiting-children")


def strangers_pay(url: str, orders: list[str]) -> None:
    """Somebody else adds payments of a penny, before the shop does."""

    async def add() -> None:
        adapter = BullQueueAdapter(await connect(url))
        for order in orders:
            await adapter.add(payment_job(order, Decimal("0.01")))
        await adapter.close()

    asyncio.run(add())


class Aftermath:
    """Waits for what the documents say comes back, and does by hand what they leave to a person.

    Parameters
    ----------
    fire
        The shop.
    client
        Its Redis.
    patience_s
        How long nothing may move before what is left is stuck.

    Attributes
    ----------
    by_hand
        How many orders' and emails' jobs failed for good and were retried by hand.
    """

    def __init__(self, fire: ShopUnderFire, client: redis.Redis, patience_s: float) -> None:
        self._fire = fire
        self._client = client
        self.patience_s = patience_s
        self.by_hand = 0

    def settle(self, held: str = "") -> None:
        """Wait until all is done, but what waits for an order that something is in the way of."""
        while True:
            self._wait(held)
            if not self._retry(0):
                return

    def left(self, held: str) -> str:
        """What is not over, but what waits for the order that something is in the way of."""
        with self._fire.shop() as shop:
            return _some_of(self._left(shop, held))

    def retry_what_would_be_forgotten(self) -> None:
        """Retry failed emails while the queue still has them all: it keeps 25, and says so."""
        self._retry(POLICIES["email"].keep_failed // 2)

    def check_asked(self) -> None:
        """Prove that each order has both of its jobs written down, now that nobody was refused."""
        with self._fire.shop() as shop, shop.database.reading() as connection:
            there = set(connection.execute(sa.select(outbox.c.job_id)).scalars())
        due = {f"{q}-{order.order_id}" for order in self._fire.orders for q in QUEUES[:2]}
        assert due <= there, f"nobody asked for {sorted(due - there)}"

    def check_commands(self) -> None:
        """Prove that failed jobs, strangers' too, can be listed, shown and removed."""
        listed = json.loads(self._command("failed", "list", "--json"))["failed"]
        assert listed, "no job has failed: there is nothing to show"
        strange = [job for job in listed if re.fullmatch(r"stranger-\d+", job["id"])] or listed
        which = ("--queue", strange[0]["queue"], "--", strange[0]["id"])
        self._command("failed", "show", *which)
        self._command("failed", "remove", "--yes", *which)
        assert self._client.zscore(f"bull:{which[1]}:failed", which[3]) is None

    def _command(self, *arguments: str) -> str:
        environment = {**os.environ, "QUEUE_REDIS_URL": self._fire.redis_url}
        done = subprocess.run(
            [sys.executable, "-m", "simqueue", *arguments], cwd=_PROJECT, env=environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stderr[-800:]}"
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        return done.stdout

    def _failed(self, queue: str) -> list[str]:
        """The shop's own jobs that failed for good and are kept."""
        found = self._client.zrange(f"bull:{queue}:failed", 0, -1)
        names = [job_id.decode(errors="replace") for job_id in found]
        return [name for name in names if name.startswith(f"{queue}-")]

    def _retry(self, more_than: int) -> int:
        """What the page says to do about orders and emails that failed for good."""
        most = POLICIES["email"].keep_failed
        assert self._client.zcard("bull:email:failed") < most, "more emails failed than are kept"
        count = 0
        for queue in ("order", "email"):
            for job_id in self._failed(queue):
                if not self._client.exists(f"bull:{queue}:{job_id}"):
                    # Nothing but its id is left: it can be removed, and then added anew.
                    self._command("failed", "remove", "--yes", "--queue", queue, job_id)
            if len(failed := self._failed(queue)) > more_than:
                self._command("failed", "retry", "--all", "--yes", "--queue", queue)
                count += len(failed)
        self.by_hand += count
        return count

    def _wait(self, held: str) -> None:
        with self._fire.shop() as shop:
            least, since = math.inf, time.monotonic()
            quiet = 0
            # Twice in a row: a job may be on its way from the one to the other.
            while quiet < 2:
                left = self._left(shop, held)
                number = sum(map(len, left.values()))
                # What goes round in circles, from outbox to queue and back, is stuck as well.
                if number < least:
                    least, since = number, time.monotonic()
                assert time.monotonic() - since < self.patience_s, f"stuck: {_some_of(left)}"
                quiet = 0 if number else quiet + 1
                time.sleep(0.2)

    def _left(self, shop: Shop, held: str) -> dict[str, list[Any]]:
        assert shop.store.outbox is not None
        waiting = [entry.job_id for entry in shop.store.outbox.waiting(500)]
        states = self._fire.states(shop).items()
        of_a_person = {job_id.removeprefix("order-") for job_id in self._failed("order")} | {held}
        return {
            "outbox": [job_id for job_id in waiting if job_id != f"order-{held}"],
            "queues": [job for queue in QUEUES for job in self._unfinished(queue)],
            "in doubt": shop.store.mail.in_doubt(math.inf),
            "owed": sorted(self._fire.owed(shop)),
            "orders": [o for o, s in states if s.status == "pending" and o not in of_a_person],
            "payments": [o for o, s in states if s.payment_status == "pending"],
        }

    def _unfinished(self, queue: str) -> list[bytes]:
        keys = [f"bull:{queue}:{name}" for name in _LISTS]
        found = [job for key in keys for job in self._client.lrange(key, 0, -1)]
        keys = [f"bull:{queue}:{name}" for name in _SETS]
        return found + [job for key in keys for job in self._client.zrange(key, 0, -1)]


def _some_of(left: dict[str, list[Any]]) -> str:
    return str({what: things[:5] for what, things in left.items() if things})
