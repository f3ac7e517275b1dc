"""What must happen next is stored with what has happened: both, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from small_shop import an_order, small_shop

from simqueue.clock import VirtualClock
from simqueue.errors import InputError, JobError
from simqueue.jobs import FOLLOW_UPS, order_job, payment_job
from simqueue.shop import Shop
from simqueue.shop.outbox import FORGOTTEN_S, KEEP_S, Outbox
from simqueue.workers.shop_work import ShopWork

ORDER, PAYMENT = order_job("1"), payment_job("1", an_order("1").total)


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url, outbox=True) as shop:
        yield shop


def the_outbox(shop: Shop) -> Outbox:
    assert shop.store.outbox is not None
    return shop.store.outbox


def waiting(shop: Shop) -> list[str]:
    return [entry.job_id for entry in the_outbox(shop).waiting(100)]


def publish_all(shop: Shop) -> None:
    entries = the_outbox(shop).waiting(100)
    the_outbox(shop).published([entry.number for entry in entries])


def test_an_order_is_stored_with_its_job(shop: Shop) -> None:
    shop.store.place(an_order("1"), [ORDER])
    (entry,) = the_outbox(shop).waiting(100)
    assert entry.job() == ORDER


def test_placing_or_paying_twice_writes_one_row(shop: Shop) -> None:
    for _ in range(2):
        shop.store.place(an_order("1"), [ORDER])
        shop.store.request_payment(PAYMENT)
    assert waiting(shop) == ["order-1", "payment-1"]


def test_a_bad_order_leaves_no_job(shop: Shop) -> None:
    with pytest.raises(InputError):
        shop.store.place(an_order("1", NOPE=1), [ORDER])
    assert waiting(shop) == []


def test_a_bad_job_leaves_no_order(shop: Shop) -> None:
    order = an_order("1")
    with pytest.raises(InputError, match="job order-not an id: payload order_id"):
        shop.store.place(order, [order_job("not an id")])
    with pytest.raises(InputError, match="not in the database"):
        shop.store.state(order.order_id)


def test_only_an_order_that_is_there_can_be_paid(shop: Shop) -> None:
    with pytest.raises(InputError, match="order 1: not in the database"):
        shop.store.request_payment(PAYMENT)
    assert waiting(shop) == []


def test_a_payment_that_is_over_is_not_asked_for_again(shop: Shop) -> None:
    shop.store.place(an_order("1"))
    shop.store.settle("1", "declined")
    shop.store.request_payment(PAYMENT)
    assert waiting(shop) == []


@pytest.mark.parametrize(("units", "expected"), [(1, ["email-1-order-confirmation"]), (11, [])])
def test_an_order_that_moves_writes_what_follows(
    shop: Shop, units: int, expected: list[str]
) -> None:
    shop.store.place(an_order("1", A=units))
    for _ in range(2):  # the rerun of a finished job adds nothing
        shop.store.process("1", ORDER)
    assert waiting(shop) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("paid", ["email-1-payment-success"]),
        ("declined", ["email-1-payment-failed"]),
        ("failed", ["email-1-payment-failed"]),
        ("cancelled", []),
    ],
)
def test_a_payment_that_moves_writes_what_follows(
    shop: Shop, word: Any, expected: list[str]
) -> None:
    shop.store.place(an_order("1"))
    for _ in range(2):
        shop.store.settle("1", word, PAYMENT)
    assert waiting(shop) == expected


def test_money_that_goes_back_is_not_thanked_for(shop: Shop) -> None:
    shop.store.place(an_order("1", A=11))
    shop.store.process("1", ORDER)
    assert shop.store.settle("1", "paid", PAYMENT).refund_due
    shop.store.refunded("1", PAYMENT)
    assert waiting(shop) == []


def test_a_follower_says_whose_it_is(shop: Shop) -> None:
    shop.store.place(an_order("1"))
    shop.store.process("1", ORDER)
    (entry,) = the_outbox(shop).waiting(100)
    assert (entry.job().flow, entry.job().parent_id) == ("order-1", "order-1")


def test_if_the_job_cannot_be_written_nothing_moves(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise JobError("disk full")

    shop.store.place(an_order("1"))
    monkeypatch.setattr(the_outbox(shop), "add", full)
    for move in (
        lambda: shop.store.process("1", ORDER),
        lambda: shop.store.settle("1", "paid", PAYMENT),
    ):
        with pytest.raises(JobError, match="disk full"):
            move()
    with pytest.raises(JobError, match="disk full"):
        shop.store.place(an_order("2"), [order_job("2")])
    assert shop.store.state("1") == ("pending", "pending")
    assert shop.store.on_hand()["A"] == 10
    with pytest.raises(InputError, match="not in the database"):
        shop.store.state("2")


def test_every_rule_of_what_follows_reaches_the_outbox(database_url: str) -> None:
    """Whoever adds a rule for a word that the shop's records do not pass on finds it here."""
    with small_shop(database_url, outbox=True) as shop:
        for number, rule in enumerate(FOLLOW_UPS):
            order_id = str(number)
            shop.store.place(an_order(order_id))
            if rule.queue == "order":
                assert shop.store.process(order_id, order_job(order_id)).status == rule.result
            else:
                job = payment_job(order_id, an_order().total)
                shop.store.settle(order_id, rule.result, job)  # type: ignore[arg-type]
        assert len(waiting(shop)) == len(FOLLOW_UPS)


def test_published_rows_leave_after_a_while_and_do_not_come_back(shop: Shop) -> None:
    assert isinstance(shop.clock, VirtualClock)
    shop.store.place(an_order("1"), [ORDER])
    shop.store.process("1", ORDER)
    shop.store.settle("1", "paid", PAYMENT)
    publish_all(shop)
    shop.store.place(an_order("2"), [order_job("2")])
    assert the_outbox(shop).prune() == 0

    shop.clock.burn(KEEP_S + 1)
    assert the_outbox(shop).prune() == 3
    shop.store.place(an_order("1"), [ORDER])
    shop.store.request_payment(PAYMENT)
    shop.store.process("1", ORDER)
    shop.store.settle("1", "paid", PAYMENT)
    assert waiting(shop) == ["order-2"]


def test_a_refused_job_no_longer_waits_and_is_kept(shop: Shop) -> None:
    assert isinstance(shop.clock, VirtualClock)
    shop.store.place(an_order("1"), [ORDER])
    the_outbox(shop).refuse(the_outbox(shop).waiting(1)[0].number, "no such queue")
    shop.store.place(an_order("2"), [order_job("2")])
    assert the_outbox(shop).counts() == (1, 1)
    shop.clock.burn(KEEP_S + 1)
    assert the_outbox(shop).prune() == 0


def test_without_an_outbox_nothing_is_written(database_url: str) -> None:
    with small_shop(database_url) as shop:
        shop.store.place(an_order("1"), [ORDER])
        shop.store.request_payment(PAYMENT)
        shop.store.process("1", ORDER)
        assert Outbox(shop.database, shop.clock).counts() == (0, 0)
        assert [
            job.name for job in ShopWork(shop).follow_ups(ORDER, "completed", "processing")
        ] == ["order-confirmation"]


def test_what_the_outbox_has_is_not_added_by_the_runner_too(shop: Shop) -> None:
    assert ShopWork(shop).follow_ups(ORDER, "completed", "processing") == []


def test_what_the_queue_forgot_is_published_again(shop: Shop) -> None:
    """Only where an order has stayed pending, and not before its job had time to be done."""
    assert isinstance(shop.clock, VirtualClock)
    for number in ("1", "2", "3"):
        shop.store.place(an_order(number), [order_job(number)])
        shop.store.request_payment(payment_job(number, an_order(number).total))
    publish_all(shop)
    shop.store.process("1", ORDER)
    shop.store.settle("1", "paid", PAYMENT)
    shop.store.process("2", order_job("2"))
    publish_all(shop)
    shop.clock.burn(FORGOTTEN_S - 1)
    assert the_outbox(shop).remember() == 0

    shop.clock.burn(2)
    assert the_outbox(shop).remember() == 3
    assert waiting(shop) == ["payment-2", "order-3", "payment-3"]
    publish_all(shop)
    assert the_outbox(shop).remember() == 0
