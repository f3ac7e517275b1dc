from __future__ import annotations

import csv
import time
from decimal import Decimal
from pathlib import Path

import pytest

from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.shop import BadRowsError, made_up_stock, read_catalogue, read_orders

HEADER = "order_id,placed_at,customer_id,country,sku,quantity,unit_price"
GOOD = "536365,2011-11-17T09:15,17850,United Kingdom,85123A,6,2.55"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "o.csv"


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_the_packaged_orders_are_all_good_and_read_fast() -> None:
    start = time.process_time()  # what else the machine does takes none of it
    orders = read_orders(data_path("orders.csv"))
    assert time.process_time() - start < 1.5
    assert len(orders) == 1547
    assert sum(len(order.lines) for order in orders) == 45_218
    assert orders == sorted(orders, key=lambda order: (order.placed_at, int(order.order_id)))


def test_totals_agree_with_the_arrivals() -> None:
    with data_path("arrivals.csv").open(newline="") as file:
        totals = {row["order_id"]: row["total"] for row in csv.DictReader(file)}
    for order in read_orders(data_path("orders.csv")):
        assert order.total == Decimal(totals[order.order_id])


def test_every_rejected_line_is_named() -> None:
    path = data_path("orders_rejected.csv")
    with pytest.raises(BadRowsError) as error:
        read_orders(path)
    assert [row.split(": ")[0] for row in error.value.rows] == [
        f"{path}:{number}" for number in range(2, 897)
    ]
    assert "(and 894 more bad rows)" in str(error.value)


def test_the_reason_is_not_looked_at(path: Path) -> None:
    with data_path("orders_rejected.csv").open(newline="") as file:
        rows = [row[:7] for row in csv.reader(file)]
    with pytest.raises(BadRowsError) as error:
        read_orders(write(path, *(",".join(row) for row in rows)))
    assert len(error.value.rows) == 895


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("order_id", "C536365", "a cancellation"),
        ("order_id", "A536365", "expected the number of an order"),
        ("order_id", "", "expected the number of an order"),
        ("order_id", "५", "expected the number of an order"),
        ("placed_at", "17/11/2011 09:15", "expected a local time such as"),
        ("placed_at", "2011-11-17", "expected a local time such as"),
        ("placed_at", "2011-02-30T09:15", "expected a local time such as"),
        ("placed_at", "2011-11-17T09:15Z", "expected a local time such as"),
        ("customer_id", "a@b", "expected a customer number"),
        ("country", "United\x00Kingdom", "expected the name of a country"),
        ("sku", "85123b", "expected a product of the catalogue"),
        ("sku", "M", "expected a product of the catalogue"),
        ("quantity", "six", "expected a whole number of units"),
        ("quantity", "6.5", "expected a whole number of units"),
        ("quantity", "0", "expected a whole number of units"),
        ("quantity", "-6", "expected a whole number of units"),
        ("quantity", "1" * 5000, "expected a whole number of units"),
        ("unit_price", "0", "expected a price above 0"),
        ("unit_price", "0.00", "expected a price above 0"),
        ("unit_price", "-2.55", "expected a price above 0"),
        ("unit_price", "NaN", "expected a price above 0"),
        ("unit_price", "inf", "expected a price above 0"),
        ("unit_price", "1e3", "expected a price above 0"),
        ("unit_price", "2.555", "expected a price above 0"),
        ("unit_price", "", "expected a price above 0"),
    ],
)
def test_a_bad_value_is_named(path: Path, column: str, value: str, said: str) -> None:
    row = GOOD.split(",")
    row[HEADER.split(",").index(column)] = value
    with pytest.raises(BadRowsError) as error:
        read_orders(write(path, HEADER, GOOD, ",".join(row)))
    (text,) = error.value.rows
    assert text.startswith(f"{path}:3: {column} ")
    assert said in text
    assert len(text) < 250


@pytest.mark.parametrize("row", ["536365", GOOD + ",more", GOOD.rpartition(",")[0]])
def test_too_few_or_too_many_fields(path: Path, row: str) -> None:
    with pytest.raises(BadRowsError, match=r"o.csv:3: fields \d: expected 7, as in the header"):
        read_orders(write(path, HEADER, GOOD, row))


def test_lines_are_grouped_by_order_and_orders_sorted_by_time(path: Path) -> None:
    later, sooner = GOOD, GOOD.replace("536365", "536400").replace("09:15", "09:14")
    again = GOOD.replace("17850", "").replace("09:15", "09:13")
    first, second = read_orders(write(path, HEADER, sooner, later, "", again))
    assert (first.order_id, second.order_id) == ("536365", "536400")
    assert first.placed_at.minute == 13
    assert first.customer_id == "17850"
    assert first.lines == second.lines * 2


def test_columns_in_any_order_and_others_ignored(path: Path) -> None:
    lines = [",".join([*reversed(row.split(",")), "x"]) for row in (HEADER, GOOD)]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    (order,) = read_orders(path)
    assert order.lines[0].sku == "85123A"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty; expected the columns order_id, placed_at"),
        (b"\n\n", "empty; expected the columns"),
        (HEADER.encode(), "no orders; expected a row"),
        (HEADER.replace("sku", "SKU").encode(), "column sku is missing"),
        (HEADER.encode() + b",sku", "column sku appears twice"),
        (HEADER.replace(",", ";").encode(), "column order_id is missing"),
        (b"\x1f\x8b\x08\x00" * 50, "not a text file"),
        (b"\0" * 100, "column order_id is missing"),
        (f'{HEADER}\n"{GOOD}'.encode(), "o.csv:2: not CSV: "),
    ],
)
def test_a_file_that_holds_no_orders(path: Path, content: bytes, said: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"o\.csv") as error:
        read_orders(path)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(path: Path) -> None:
    with pytest.raises(InputError, match=r"o\.csv: No such file"):
        read_orders(path)
    with pytest.raises(InputError, match="Is a directory"):
        read_orders(path.parent)


def test_the_made_up_stock_turns_some_orders_away() -> None:
    left = made_up_stock(read_catalogue())
    rejected = 0
    for order in read_orders(data_path("orders.csv")):
        needed: dict[str, int] = {}
        for line in order.lines:
            if line.sku in left:
                needed[line.sku] = needed.get(line.sku, 0) + line.quantity
        if all(left[sku] >= units for sku, units in needed.items()):
            for sku, units in needed.items():
                left[sku] -= units
        else:
            rejected += 1
    assert rejected == 78


def test_an_installed_wheel_carries_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simqueue.data._PACKAGE", tmp_path / "simqueue")
    for folder in ("data", "simqueue/_data"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "orders.csv").write_text("")
        assert data_path("orders.csv") == tmp_path / folder / "orders.csv"


def test_data_that_is_not_packaged() -> None:
    with pytest.raises(InputError, match=r"data file nope\.csv: not found"):
        data_path("nope.csv")
