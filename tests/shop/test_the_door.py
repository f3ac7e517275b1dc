"""What comes into the shop can be stored, paid and written to: one limit, at the door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from small_shop import LetterBox, an_order, run, small_shop

from simqueue.errors import InputError
from simqueue.jobs import EMAIL, LARGEST_AMOUNT, Job, order_job, parse_payload, payment_job
from simqueue.shop import BadRowsError, Order, OrderLine, Shop, read_orders
from simqueue.shop.outbox import FORGOTTEN_S
from simqueue.shop.tables import order_lines, orders, outbox
from simqueue.workers.shop_work import ShopWork

HEADER = "order_id,placed_at,customer_id,country,sku,quantity,unit_price"


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url, outbox=True) as shop:
        yield shop


def of_lines(*lines: tuple[Any, Any]) -> Order:
    """An order of products at (quantity, price) each."""
    return replace(an_order("1"), lines=tuple(OrderLine("A", *line) for line in lines))


#: One penny below the limit, at it, and one above.
LARGE = [(100_000, Decimal("99999.99"))]
AT_THE_LIMIT = of_lines(*LARGE, (1, Decimal("999.99")))
ABOVE_IT = of_lines(*LARGE, (1, Decimal("1000.00")))


def test_the_limits_of_order_and_payment_are_one() -> None:
    assert AT_THE_LIMIT.total == LARGEST_AMOUNT
    parse_payload(payment_job("1", LARGEST_AMOUNT))
    with pytest.raises(InputError):
        parse_payload(payment_job("1", ABOVE_IT.total))


def test_an_order_at_the_limit_is_paid(shop: Shop) -> None:
    shop.store.place(AT_THE_LIMIT)
    assert run(shop, payment_job("1", LARGEST_AMOUNT)) == ["paid"]
    assert shop.gateway.balance() == LARGEST_AMOUNT
    job = Job(queue=EMAIL, name="payment-success", id="e", flow="f", payload={"order_id": "1"})
    assert run(shop, job) == ["sent"]


def of_file(path: Path, order: Order) -> list[Order]:
    rows = [
        f"{order.order_id},2011-11-17T09:15,{order.customer_id},UK,85123A,{units},{price}"
        for _, units, price in order.lines
    ]
    path.write_text("\n".join([HEADER, f"9{rows[0][1:]}".replace("100000", "1"), *rows]) + "\n")
    return read_orders(path)


def test_a_file_with_an_order_above_it_is_refused_where_it_begins(tmp_path: Path) -> None:
    assert len(of_file(tmp_path / "o.csv", AT_THE_LIMIT)) == 2
    with pytest.raises(BadRowsError, match="order 1: total 10,000,000,") as error:
        of_file(tmp_path / "o.csv", ABOVE_IT)
    (row,) = error.value.rows
    assert row.startswith(f"{tmp_path / 'o.csv'}:3: order 1: total ")
    assert "expected at most 9,999,999,999.99 pounds" in row


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (ABOVE_IT.lines, "total 10,000,000,000.00: expected at most"),
        (of_lines(*LARGE * 1000).lines, "total 9,999,999,000,000.00: expected at most"),
        (of_lines((1, Decimal("100000"))).lines, "unit_price '100000': expected a price"),
        (of_lines((1, Decimal("2.505"))).lines, "unit_price '2.505': expected a price"),
        (of_lines((1, Decimal("0"))).lines, "unit_price '0': expected a price"),
        (of_lines((1, Decimal("-2.50"))).lines, "unit_price '-2.50': expected a price"),
        (of_lines((1, Decimal("NaN"))).lines, "unit_price 'NaN': expected a price"),
        (of_lines((1, Decimal("sNaN"))).lines, "unit_price 'sNaN': expected a price"),
        (of_lines((1, Decimal("Infinity"))).lines, "unit_price 'Infinity': expected a price"),
        (of_lines((100_001, Decimal("1"))).lines, "quantity '100001': expected a whole number"),
        (of_lines((10**30, Decimal("1"))).lines, "quantity '1000000"),
        (of_lines((1.5, Decimal("1"))).lines, "quantity '1.5': expected a whole number"),
        (of_lines((True, Decimal("1"))).lines, "quantity 'True': expected a whole number"),
        ((), "no lines"),
    ],
)
def test_what_cannot_be_paid_is_not_placed(
    shop: Shop, lines: tuple[OrderLine, ...], said: str
) -> None:
    with pytest.raises(InputError, match="order 1: ") as error:
        shop.store.place(replace(an_order("1"), lines=lines), [order_job("1")])
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    with shop.database.reading() as connection:
        assert connection.execute(sa.select(orders)).first() is None
        assert connection.execute(sa.select(outbox)).first() is None


@pytest.mark.parametrize("amount", ["0.01", "0", "83.34", "83.36", "9999999999.99"])
def test_whoever_wrote_the_job_the_order_s_amount_is_charged(
    shop: Shop, amount: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.store.place(of_lines((1, Decimal("83.35"))))
    assert run(shop, payment_job("1", Decimal(amount))) == ["paid"]
    assert shop.gateway.balance() == Decimal("83.35")
    assert "the job's amount is not the order's" in caplog.text


def test_an_amount_that_is_right_is_not_spoken_of(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """However it is written."""
    shop.store.place(of_lines((1, Decimal("83.50"))))
    job = payment_job("1", Decimal("83.5"))
    assert run(shop, job) == ["paid"]
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


#: What would be another address, a second one, a header of its own, or none that a server takes.
BAD = [
    "<eve@evil.example>", "a,eve", "a;b", "a b", "a@b", '"a"', "a\nBcc: eve@evil.example", "a\r",
    "a\0", "ä", "a..b", ".a", "a.", "a" * 51, "(a)", "a:b", "a\\b",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("field", ["customer_id", "order_id"])
def test_who_cannot_be_written_to_cannot_order(shop: Shop, field: str, bad: str) -> None:
    order = replace(an_order("1"), **{field: bad})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected ") as error:
        shop.store.place(order)
    assert "\n" not in str(error.value)
    with shop.database.reading() as connection:
        assert connection.execute(sa.select(orders)).first() is None


@pytest.mark.parametrize("bad", [bad for bad in BAD if not set(bad) & set('\n\r\0",')])
def test_nor_can_a_file_bring_one(tmp_path: Path, bad: str) -> None:
    with pytest.raises(BadRowsError, match=r"customer_id .*: expected a customer number"):
        of_file(tmp_path / "o.csv", replace(an_order("1"), customer_id=bad))


@pytest.mark.parametrize("good", ["", "17850", "a.b-c_D", "x" * 50])
def test_who_can_be_written_to_is(shop: Shop, good: str) -> None:
    shop.store.place(replace(an_order("1"), customer_id=good))
    job = Job(queue=EMAIL, name="payment-success", id="e", flow="f", payload={"order_id": "1"})
    assert run(shop, job) == ["sent"]
    assert isinstance(shop.mailer, LetterBox)
    (address,) = shop.mailer.messages[0]["To"].addresses
    assert address.domain == "customers.simqueue.example"
    assert len(address.username) <= 64


def of_an_earlier_version(shop: Shop, **changed: Any) -> None:
    """An order in the records that came in by a door which was open wider."""
    head = {"order_id": "1", "customer_id": "17850", "country": "UK"} | changed
    line = {"order_id": "1", "number": 1, "sku": "A", "quantity": 100_000}
    with shop.database.writing() as connection:
        connection.execute(sa.insert(orders), head | {"placed_at": an_order().placed_at})
        for number in (1, 2):
            row = line | {"number": number, "unit_price": Decimal("99999.99")}
            connection.execute(sa.insert(order_lines), row)


def test_an_address_that_is_in_the_records_already_is_not_written_to(shop: Shop) -> None:
    """Its email fails for good, and is not left in doubt."""
    of_an_earlier_version(shop, customer_id="17850, eve")
    job = Job(queue=EMAIL, name="payment-success", id="e", flow="f", payload={"order_id": "1"})
    with pytest.raises(InputError, match="expected a customer number"):
        run(shop, job)
    assert asyncio.run(ShopWork(shop).give_up(job)) == "failed"


def test_an_order_that_is_too_large_already_does_not_keep_the_others(shop: Shop) -> None:
    """The relay asks for the payments that are lacking, save this one: a person sees to it."""
    of_an_earlier_version(shop)
    shop.store.place(an_order("2"), [order_job("2")])
    assert shop.store.outbox is not None
    with shop.database.writing() as connection:
        shop.store.outbox.add(connection, [order_job("1")])
    shop.clock.burn(FORGOTTEN_S + 1)
    assert [job.id for job in shop.store.outbox.complete()] == ["payment-2"]
