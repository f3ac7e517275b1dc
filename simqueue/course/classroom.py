"""A shop to try things in: it is made for the occasion, in memory, and leaves nothing behind."""

from __future__ import annotations

import logging
import weakref
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from email.message import EmailMessage
from typing import Literal, get_args

from pydantic import SecretStr

from simqueue.adapters import InProcessAdapter, Recorder, open_adapter
from simqueue.clock import VirtualClock
from simqueue.errors import InputError
from simqueue.jobs import Job
from simqueue.record.attempt_log import AttemptLog
from simqueue.settings import Settings
from simqueue.shop import Conditions, Order, OrderState, open_shop
from simqueue.workers.checkout import Checkout
from simqueue.workers.replay import replay
from simqueue.workers.shop_work import ShopWork

ClassroomMode = Literal["in-process", "none"]

# Without a handler Python would print the log of failed jobs below the cell.
logging.getLogger("simqueue").addHandler(logging.NullHandler())


class _LetterBox:
    """A mailer that keeps the letters."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []

    async def send(self, message: EmailMessage) -> None:
        self.letters.append(message)


class Classroom:
    """A shop with one adapter, on a virtual clock: time passes only while the gateway works.

    Everything is drawn from seeds, so the same steps always give the same attempt log. Environment
    variables do not matter.

    Attributes
    ----------
    mode
        The ``WORKER_MODE`` that brings jobs to their handlers.
    shop
        Records, payment gateway and mail.
    adapter
        Takes the jobs.
    letters
        Every email that was sent.
    """

    def __init__(
        self, mode: ClassroomMode, conditions: Conditions | None = None, opens_at: float = 0.0
    ) -> None:
        if mode not in get_args(ClassroomMode):
            raise InputError(f"mode {mode!r}: expected one of {', '.join(get_args(ClassroomMode))}")
        settings = Settings.model_construct(
            worker_mode=mode, database_url=SecretStr("sqlite://"), smtp_url=None
        )
        letter_box = _LetterBox()
        self.mode = mode
        self.letters = letter_box.letters
        self.clock = VirtualClock(opens_at)
        opened = open_shop(settings, self.clock, conditions=conditions)
        self.shop = replace(opened, mailer=letter_box)
        self._recorder = Recorder(mode)
        self.adapter = open_adapter(settings, ShopWork(self.shop), self.clock, self._recorder)
        self._checkout = Checkout(self.shop, self.adapter)
        self._close = weakref.finalize(self, opened.close)

    async def place(self, order: Order) -> None:
        """Place an order: it is written down, and an order job is added.

        Raises
        ------
        Exception
            What the job raised, if the adapter runs it in the caller and it failed.
        """
        await self._checkout.record(order)
        await self._checkout.process(order)

    async def pay(self, order: Order) -> None:
        """Pay an order: a payment job is added; raises as `place` does."""
        await self._checkout.pay(order)

    def state(self, order: Order) -> OrderState:
        """Where the goods and the money of an order are now."""
        return self.shop.store.state(order.order_id)

    @property
    def log(self) -> AttemptLog:
        """Every attempt so far; seconds count from the first."""
        return self._recorder.log()

    def close(self) -> None:
        """Throw the shop away."""
        self._close()

    def __enter__(self) -> Classroom:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_classroom(mode: ClassroomMode, *, conditions: Conditions | None = None) -> Classroom:
    """Open a throw-away shop.

    Parameters
    ----------
    mode
        ``in-process`` or ``none``.
    conditions
        How well the payment gateway works; see `simqueue.shop.Conditions`.

    Raises
    ------
    InputError
        If there is no such mode.
    """
    return Classroom(mode, conditions)


@dataclass(frozen=True)
class Replay:
    """What became of the orders of a replay.

    Attributes
    ----------
    mode
        The ``WORKER_MODE``.
    log
        Every attempt.
    counts
        How many orders, payments and emails ended in which way, keyed ``order processing``,
        ``payment paid``, ``email payment-success``...
    errors
        How many requests ended with an error page.
    """

    mode: ClassroomMode
    log: AttemptLog
    counts: dict[str, int]
    errors: int


async def replay_orders(mode: ClassroomMode, orders: Sequence[Order]) -> Replay:
    """Place and pay recorded orders at their recorded times, in a throw-away shop.

    Parameters
    ----------
    mode
        ``in-process`` or ``none``.
    orders
        Which; see `simqueue.course.real_orders`.
    """
    # The shop's clock shows the day of the orders, so that its emails do.
    opens_at = orders[0].placed_at.replace(tzinfo=UTC).timestamp() if orders else 0.0
    with Classroom(mode, opens_at=opens_at) as room:
        done = await replay(orders, room.shop, room.adapter, room.clock)
        states = [room.state(order) for order in orders]
        words = Counter(
            [f"order {state.status}" for state in states]
            + [f"payment {state.payment_status}" for state in states]
            + [f"email {kind}" for _, kind in room.shop.store.emails()]
        )
        return Replay(mode, room.log, dict(sorted(words.items())), sum(done.errors.values()))


Handler = Callable[[Job], Awaitable[str]]


class _OneHandler:
    """Work that one function does, whatever the job."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle(self, job: Job, attempt: int) -> str:  # noqa: ARG002
        return await self._handler(job)

    async def give_up(self, job: Job) -> str:  # noqa: ARG002
        return "failed"

    def follow_ups(self, job: Job, outcome: str, result: str) -> Sequence[Job]:  # noqa: ARG002
        return []


def training_adapter(handler: Handler) -> InProcessAdapter:
    """An in-process adapter that hands every job to your own function."""
    return InProcessAdapter(_OneHandler(handler), VirtualClock())
