from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from decimal import Decimal
from multiprocessing import get_context

import pytest
from small_shop import CATALOGUE, an_order, small_shop

from simqueue.errors import InputError
from simqueue.shop import Order, Shop
from simqueue.shop.database import open_database
from simqueue.shop.emails import Email, read_order
from simqueue.shop.store import Store


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url) as shop:
        yield shop


def placed(shop: Shop) -> Order:
    """Order 1, as the shop's records have it."""
    with shop.database.reading() as connection:
        return read_order(connection, "1")[0]


def test_an_order_comes_back_as_it_was_placed(shop: Shop) -> None:
    order = an_order(A=2, B=1, POST=1)
    assert shop.store.place(order)
    assert placed(shop) == order
    assert order.total == Decimal("10.00")
    assert shop.store.state("1") == ("pending", "pending")


def test_placing_twice_places_once(shop: Shop) -> None:
    assert shop.store.place(an_order(A=2))
    assert not shop.store.place(an_order(A=2))
    assert placed(shop) == an_order(A=2)


@pytest.mark.parametrize("order", [an_order(NOPE=1), an_order(A=0), an_order(A=-1)])
def test_an_order_that_cannot_be_is_not_placed_by_half(shop: Shop, order: object) -> None:
    with pytest.raises(InputError, match="order 1: "):
        shop.store.place(order)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="order 1: not in the database"):
        shop.store.state("1")


@pytest.mark.parametrize("method", ["state", "process", "refunded"])
def test_an_unknown_order_is_named(shop: Shop, method: str) -> None:
    with pytest.raises(InputError, match="order 7: not in the database"):
        getattr(shop.store, method)("7")


def test_processing_takes_the_stock_once(shop: Shop) -> None:
    shop.store.place(an_order(A=3, B=10))
    assert shop.store.process("1") == ("processing", "pending")
    assert shop.store.process("1") == ("processing", "pending")
    assert shop.store.on_hand() == {"A": 7, "B": 0, "C": 10}


def test_a_rejected_order_takes_nothing(shop: Shop) -> None:
    shop.store.place(an_order(A=3, B=11, C=1))
    assert shop.store.process("1") == ("rejected", "pending")
    assert shop.store.process("1") == ("rejected", "pending")
    assert shop.store.on_hand() == {"A": 10, "B": 10, "C": 10}


def test_one_product_on_several_lines_is_one_need(shop: Shop) -> None:
    for order_id, expected in (("1", "rejected"), ("2", "processing")):
        order = an_order(order_id, A=6 if order_id == "1" else 5)
        twice = type(order)(
            order_id, order.placed_at, order.customer_id, order.country, order.lines * 2
        )
        shop.store.place(twice)
        assert shop.store.process(order_id).status == expected
    assert shop.store.on_hand()["A"] == 0


def test_delivery_never_runs_out(shop: Shop) -> None:
    shop.store.place(an_order(POST=1000))
    assert shop.store.process("1").status == "processing"


def test_a_payment_moves_once(shop: Shop) -> None:
    shop.store.place(an_order())
    assert shop.store.settle("1", "declined") == ("pending", "declined")
    assert shop.store.settle("1", "paid") == ("pending", "declined")
    assert shop.store.refunded("1") == ("pending", "declined")


def test_whoever_comes_second_sees_what_the_first_one_did(shop: Shop) -> None:
    shop.store.place(an_order("1"))
    shop.store.settle("1", "paid")
    assert shop.store.process("1") == ("processing", "paid")
    shop.store.place(an_order("2"))
    shop.store.process("2")
    assert shop.store.settle("2", "paid") == ("processing", "paid")


def test_what_customers_see(shop: Shop) -> None:
    for order_id in ("1", "2", "3", "4"):
        shop.store.place(an_order(order_id, A=5))
        if order_id != "4":
            shop.store.process(order_id)
    shop.store.settle("1", "paid")
    seen = [shop.store.state(order_id).customer_status for order_id in ("1", "2", "3", "4")]
    assert seen == ["confirmed", "awaiting payment", "rejected", "received"]


def test_an_email_is_on_record_once(shop: Shop) -> None:
    shop.store.place(an_order())
    mail = shop.store.mail
    assert mail.begin("1", "payment-failed", 0.0) == Email(an_order(), {"A": "PRODUCT A"}, False)
    for _ in range(2):
        mail.record("1", "payment-failed", "<id>", 0.0)
    assert mail.begin("1", "payment-failed", 0.0) == "sent"
    assert shop.store.emails() == [("1", "payment-failed")]


def test_the_last_item_is_sold_once(database_url: str) -> None:
    """Eight threads, each with its own connections as a process has, want the last item."""
    with ExitStack() as shops, ThreadPoolExecutor(8) as threads:
        stores = [
            shops.enter_context(small_shop(database_url, stock={"A": 1})).store for _ in range(8)
        ]
        for number in range(8):
            stores[0].place(an_order(str(number), A=1, B=1))
        start = threading.Barrier(8)

        def buy(number: int) -> str:
            start.wait()
            return stores[number].process(str(number)).status

        bought = sorted(threads.map(buy, range(8)))
        assert bought == ["processing"] + ["rejected"] * 7
        assert stores[0].on_hand() == {"A": 0, "B": 9, "C": 10}


def test_orders_of_the_same_products_do_not_block_each_other_for_ever(database_url: str) -> None:
    """Lines in opposite order are how two transactions come to wait for each other."""
    with small_shop(database_url, stock=dict.fromkeys("ABC", 1000)) as shop:
        for number in range(40):
            skus = "ABC" if number % 2 else "CBA"
            shop.store.place(an_order(str(number), **dict.fromkeys(skus, 1)))
        with ThreadPoolExecutor(8) as threads:
            states = list(threads.map(shop.store.process, map(str, range(40))))
        assert states == [("processing", "pending")] * 40
        assert shop.store.on_hand() == dict.fromkeys("ABC", 960)


def _prepare(url: str) -> int:
    database = open_database(url)
    store = Store(database)
    store.prepare(CATALOGUE, {"A": 1})
    units = sum(store.on_hand().values())
    database.close()
    return units


def test_several_workers_may_be_the_first(database_url: str) -> None:
    with get_context("spawn").Pool(3) as processes:
        assert processes.map(_prepare, [database_url] * 3) == [1] * 3
