"""Bugs that the shop has had, one of each kind: whatever watches over the shop must find them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bullmq import Worker

from simqueue.adapters.bull_queue import adapter, bulk, chaining
from simqueue.adapters.bull_queue.chaining import ChainingWorker
from simqueue.adapters.bull_queue.known_ids import KnownIds
from simqueue.jobs import Job
from simqueue.record import worker_events
from simqueue.record.worker_events import Event, EventFile
from simqueue.shop import payment_key
from simqueue.shop.emails import Email, EmailRecords, read_order
from simqueue.shop.store import Store
from simqueue.workers import relay, shop_work, shop_worker
from simqueue.workers.loop import LastResort
from simqueue.workers.payment import refund_if_rejected


def plant(bug: str) -> None:
    """Put a bug into this process; an empty name is none."""
    if bug:
        BUGS[bug]()


def _order_without_payment() -> None:
    Store._ask = _ask_once(Store._ask)  # type: ignore[method-assign]


def _emails_again() -> None:
    EmailRecords.begin = _begin_again  # type: ignore[method-assign]


def _glued_lines() -> None:
    EventFile.write = _write_on  # type: ignore[method-assign]


def _amount_of_the_job() -> None:
    shop_work.process_payment = _pay_what_is_said


def _no_deadlines() -> None:
    shop_worker.end_tasks = _wait_for_all
    LastResort.end_within = lambda *_: None  # type: ignore[method-assign]


def _one_layout() -> None:
    for module in (adapter, chaining):
        module.heed_old_pauses = lambda _: None  # type: ignore[attr-defined]
    bulk.heeding = lambda script: script


def _known_is_enough() -> None:
    KnownIds.let_go = _let_nothing_go  # type: ignore[method-assign]


def _stop_at_the_first() -> None:
    relay._of_all = lambda _: True


def _read_or_raise() -> None:
    ChainingWorker.nextJobFromJobData = _as_upstream_reads  # type: ignore[method-assign]


#: What each one breaks.
BUGS: Mapping[str, Callable[[], None]] = {
    "an order without its payment": _order_without_payment,
    "emails are repeated": _emails_again,
    "lines are glued": _glued_lines,
    "the job says the amount": _amount_of_the_job,
    "a stop without deadlines": _no_deadlines,
    "one layout of a paused queue": _one_layout,
    "an id that is known will run": _known_is_enough,
    "one bad thing stops everybody": _stop_at_the_first,
    "what nobody can read never ends": _read_or_raise,
}


def _ask_once(ask: Any) -> Any:
    """An order that is there already stays as it is: nobody asks for what it lacks."""
    asked: set[str] = set()

    def asking(store: Store, connection: Any, order_id: str, jobs: list[Job]) -> None:
        if order_id not in asked:
            asked.add(order_id)
            ask(store, connection, order_id, jobs)

    return asking


def _begin_again(records: EmailRecords, order_id: str, kind: str, now: float) -> Any:
    if records.word(order_id, kind) == "sent":
        return "sent"
    with records._database.reading() as connection:
        return Email(*read_order(connection, order_id), False)


def _write_on(file: EventFile, event: Event) -> None:
    known = {key: value for key, value in event._asdict().items() if value not in ("", None)}
    line = (json.dumps(known, separators=(",", ":")) + "\n").encode()
    worker_events.os.write(file._file, line)


async def _pay_what_is_said(shop: Any, order_id: str, amount: Decimal, job: Job) -> str:
    answer = await shop.gateway.charge(payment_key(order_id), amount)
    state = await asyncio.to_thread(shop.store.settle, order_id, answer, job)
    state = await refund_if_rejected(shop, order_id, state, job)
    return str(state.payment_status)


async def _wait_for_all(tasks: Any, _seconds: float) -> bool:
    await asyncio.gather(*tasks)
    return True


async def _let_nothing_go(_: KnownIds, pipe: Any, __: str, ___: Any) -> None:
    pipe.lrange("nothing", 0, -1)


async def _as_upstream_reads(worker: ChainingWorker, *taken: Any, **more: Any) -> Any:
    job = await Worker.nextJobFromJobData(worker, *taken, **more)
    if job is not None:
        job.unreadable = ""
        job.opts = {"attempts": 0, **job.opts}
    return job
