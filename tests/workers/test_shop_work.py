"""Each job alone, done twice, failing, and given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from small_shop import CALM, LetterBox, an_order, run, small_shop

from simqueue.errors import InputError, JobError
from simqueue.jobs import EMAIL, EmailKind, Job, order_job, payment_job
from simqueue.policies import Outcome
from simqueue.shop import Conditions, GatewayError, Shop
from simqueue.shop.gateway import Answer, SimulatedGateway
from simqueue.workers.shop_work import ShopWork

PRICE = Decimal("2.50")
ORDER, PAYMENT = order_job("1"), payment_job("1", PRICE)


def email_job(kind: EmailKind) -> Job:
    return Job(queue=EMAIL, name=kind, id=f"email-1-{kind}", flow="f", payload={"order_id": "1"})


def give_up(shop: Shop, job: Job) -> str:
    return asyncio.run(ShopWork(shop).give_up(job))


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url) as shop:
        shop.store.place(an_order("1", A=1))
        yield shop


def test_an_order_done_twice_takes_stock_once(shop: Shop) -> None:
    assert run(shop, ORDER, ORDER) == ["processing", "processing"]
    assert shop.store.on_hand()["A"] == 9


def test_a_payment_done_twice_charges_once(shop: Shop) -> None:
    assert run(shop, PAYMENT, PAYMENT) == ["paid", "paid"]
    assert shop.gateway.balance() == PRICE


def test_an_email_done_twice_is_sent_once(shop: Shop) -> None:
    for kind in get_args(EmailKind):
        assert run(shop, email_job(kind), email_job(kind)) == ["sent", "sent"]
    assert isinstance(shop.mailer, LetterBox)
    assert len(shop.mailer.messages) == len(shop.store.emails()) == 3


@pytest.mark.parametrize("jobs", [(ORDER, PAYMENT), (PAYMENT, ORDER)])
@pytest.mark.parametrize("on_hand", [0, 1])
@pytest.mark.parametrize("decline_rate", [0, 1])
def test_the_end_does_not_tell_which_job_ran_first(
    jobs: tuple[Job, Job], on_hand: int, decline_rate: int
) -> None:
    conditions = Conditions(decline_rate=decline_rate, error_rate=0)
    with small_shop(stock={"A": on_hand}, conditions=conditions) as shop:
        shop.store.place(an_order("1", A=1))
        run(shop, *jobs)
        end = (str(shop.store.state("1").customer_status), shop.gateway.balance())
        assert shop.store.on_hand()["A"] == 0
        if on_hand == 0:
            assert end == ("rejected", Decimal(0))
        elif decline_rate == 1:
            assert end == ("payment declined", Decimal(0))
        else:
            assert end == ("confirmed", PRICE)


def test_words_of_a_rejected_order() -> None:
    for jobs, words in (
        ((ORDER, PAYMENT, PAYMENT), ["rejected", "cancelled", "cancelled"]),
        ((PAYMENT, ORDER, PAYMENT), ["paid", "rejected", "refunded"]),
    ):
        with small_shop(stock={"A": 0}) as shop:
            shop.store.place(an_order("1", A=1))
            assert run(shop, *jobs) == words


def test_a_payment_given_up_leaves_the_customer_the_money() -> None:
    """All three answers are lost after the charge; nobody knows that it was taken."""
    lost = Conditions(decline_rate=0, error_rate=1, late_share=1)
    with small_shop(conditions=lost) as shop:
        shop.store.place(an_order("1"))
        assert run(shop, PAYMENT, PAYMENT, PAYMENT) == ["error"] * 3
        assert shop.gateway.balance() == PRICE
        with pytest.raises(GatewayError):
            give_up(shop, PAYMENT)  # the refund's answer is lost too: the reconciler comes again
        well = SimulatedGateway(shop.database, shop.clock, conditions=CALM)
        shop = replace(shop, gateway=well)
        assert [give_up(shop, PAYMENT) for _ in range(2)] == ["failed", "failed"]
        assert shop.gateway.balance() == 0
        assert run(shop, PAYMENT) == ["failed"]
        assert shop.store.state("1").customer_status == "payment failed"


def test_a_job_that_was_done_after_all_is_not_failed(shop: Shop) -> None:
    """Its worker died twice before it could say so; the queue then fails it without a word."""
    run(shop, ORDER, PAYMENT, email_job("payment-success"))
    assert give_up(shop, ORDER) == "processing"
    assert give_up(shop, PAYMENT) == "paid"
    assert give_up(shop, email_job("payment-success")) == "sent"
    assert shop.gateway.balance() == PRICE


def test_what_was_not_done_is_failed(shop: Shop) -> None:
    assert give_up(shop, ORDER) == "failed"
    assert give_up(shop, email_job("payment-success")) == "failed"
    assert shop.store.state("1") == ("pending", "pending")


class Meanwhile(SimulatedGateway):
    """A gateway during whose charge something else happens: before it acts, or after."""

    def __init__(self, shop: Shop, moment: str, meanwhile: Callable[[], None]) -> None:
        super().__init__(shop.database, shop.clock, conditions=CALM)
        self._moment, self._meanwhile = moment, meanwhile

    async def charge(self, key: str, amount: Decimal) -> Answer:
        if self._moment == "before":
            await asyncio.to_thread(self._meanwhile)
        answer = await super().charge(key, amount)
        if self._moment == "after":
            await asyncio.to_thread(self._meanwhile)
        return answer


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", ["reject", "give up", "cancel"])
def test_what_happens_during_the_charge_is_seen_after_it(moment: str, what: str) -> None:
    with small_shop(stock={"A": 0 if what != "give up" else 1}) as shop:
        shop.store.place(an_order("1"))

        def meanwhile() -> None:
            if what == "give up":
                give_up(shop, PAYMENT)
            elif what == "reject":
                run(shop, ORDER)
            else:  # a second run of the same payment finds the order rejected
                run(shop, ORDER, PAYMENT)

        (word,) = run(replace(shop, gateway=Meanwhile(shop, moment, meanwhile)), PAYMENT)
        assert word == {"give up": "failed", "reject": "refunded", "cancel": "cancelled"}[what]
        assert shop.gateway.balance() == 0


@pytest.mark.parametrize(
    ("job", "result", "kinds"),
    [
        (ORDER, "processing", ["order-confirmation"]),
        (ORDER, "rejected", []),
        (ORDER, "failed", []),
        (PAYMENT, "paid", ["payment-success"]),
        (PAYMENT, "declined", ["payment-failed"]),
        (PAYMENT, "failed", ["payment-failed"]),
        (PAYMENT, "cancelled", []),
        (PAYMENT, "refunded", []),
        (email_job("payment-failed"), "sent", []),
        (email_job("payment-failed"), "failed", []),
    ],
)
def test_the_word_says_which_email_follows(
    shop: Shop, job: Job, result: str, kinds: list[str]
) -> None:
    outcomes: list[Outcome] = ["completed", "failed"]
    for outcome in outcomes:
        following = ShopWork(shop).follow_ups(job, outcome, result)
        assert [follower.name for follower in following] == kinds


def test_trouble_with_the_mail_is_a_failed_attempt(shop: Shop) -> None:
    class Down:
        async def send(self, _message: object) -> None:
            raise JobError("mail server down")

    assert run(replace(shop, mailer=Down()), email_job("payment-failed")) == ["error"]
    assert shop.store.emails() == []


@pytest.mark.parametrize(
    "job",
    [
        order_job("7"),
        Job(queue="order", name="process-order", id="x", flow="x", payload={}),
        Job(queue="payment", name="process-payment", id="x", flow="x",
            payload={"order_id": "1", "amount": "NaN"}),
        Job(queue="parcels", name="send", id="x", flow="x"),
    ],
)  # fmt: skip
def test_a_job_that_can_never_be_done(shop: Shop, job: Job) -> None:
    with pytest.raises(InputError):
        run(shop, job)
