"""Orders, and the CSV files that they are read from."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from simqueue.errors import InputError
from simqueue.jobs import LARGEST_AMOUNT
from simqueue.shop.catalogue import read_catalogue

#: The columns that an orders file must have, in any order; others are ignored.
COLUMNS = ("order_id", "placed_at", "customer_id", "country", "sku", "quantity", "unit_price")
_MAX_QUANTITY = 100_000
_MAX_PRICE = Decimal("99999.99")
#: What may stand before the @ of an address, and as any part of a job's id.
_NAME = re.compile(r"(?=.{1,50}\Z)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class OrderLine(NamedTuple):
    """Units of one product: its ``sku``, the ``quantity``, and the ``unit_price`` in pounds."""

    sku: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """What one customer ordered.

    Attributes
    ----------
    order_id
        Its number.
    placed_at
        When it was placed, local time of the shop, no zone.
    customer_id, country
        Who ordered; the number is empty when it is not known.
    lines
        The products. One product may be on several lines.
    """

    order_id: str
    placed_at: datetime
    customer_id: str
    country: str
    lines: tuple[OrderLine, ...]

    @property
    def total(self) -> Decimal:
        """What the customer owes, pounds."""
        return sum((line.quantity * line.unit_price for line in self.lines), Decimal("0.00"))


def check_order(order: Order) -> None:
    """The door of the shop: what comes in here can be stored, paid and written to.

    Raises
    ------
    InputError
        If the order cannot be.
    """
    try:
        if not _NAME.fullmatch(order.order_id):
            raise ValueError("order_id: expected letters, digits and single dots, at most 50")
        _customer_id(order.customer_id)
        _country(order.country)
        if not order.lines:
            raise ValueError("no lines; expected at least one")
        for line in order.lines:
            _check_line(line)
        _check_total(order)
    except (ValueError, TypeError) as error:
        raise InputError(f"order {_shown(order.order_id)[1:-1]}: {error}") from None


def _check_line(line: OrderLine) -> None:
    if type(line.quantity) is not int or not 1 <= line.quantity <= _MAX_QUANTITY:
        raise ValueError(
            f"quantity {_shown(str(line.quantity))}: expected a whole number of units, 1 to "
            f"{_MAX_QUANTITY}"
        )
    price = Decimal(line.unit_price)
    if not (price.is_finite() and 0 < price <= _MAX_PRICE and price == round(price, 2)):
        raise ValueError(
            f"unit_price {_shown(str(price))}: expected a price above 0 and below 100000 pounds, "
            "with at most 2 decimals"
        )


def _check_total(order: Order) -> None:
    if order.total > LARGEST_AMOUNT:
        raise ValueError(
            f"total {order.total:,.2f}: expected at most {LARGEST_AMOUNT:,.2f} pounds, which is "
            "the most that a payment can be"
        )


class BadRowsError(InputError):
    """An orders file has rows that are no order lines.

    Attributes
    ----------
    rows
        Every bad row as ``FILE:LINE: column value: what was expected``.
    """

    def __init__(self, rows: list[str]) -> None:
        self.rows = rows
        others = f" (and {len(rows) - 1:,} more bad rows)" if len(rows) > 1 else ""
        super().__init__(rows[0] + others)


def read_orders(path: str | Path, skus: Container[str] | None = None) -> list[Order]:
    """Read orders from a CSV file, in the order in which they were placed.

    Lines of one number form one order, wherever they are; its time is that of its earliest line
    and its customer that of its first one. Orders of the same minute are sorted by number.

    Parameters
    ----------
    path
        A CSV file in UTF-8 with the columns `COLUMNS`.
    skus
        The products on sale; the packaged catalogue's by default.

    Raises
    ------
    BadRowsError
        If any row is bad; all of them are named.
    InputError
        If the file cannot be read, has no orders, or lacks a column.
    """
    checks = _checks(read_catalogue() if skus is None else skus)
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            return _orders(str(path), csv.reader(file, strict=True), checks)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; expected a CSV file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; expected a CSV file in UTF-8") from None


def _orders(name: str, reader: Any, checks: dict[str, Callable[[str], Any]]) -> list[Order]:
    rows = _rows(name, reader)
    header = next(rows, (1, []))[1]
    _check_header(name, header)
    fields = [(column, header.index(column), check) for column, check in checks.items()]
    bad: list[str] = []
    found: dict[str, list[tuple[Any, ...]]] = {}
    begun: dict[str, int] = {}
    for line, row in rows:
        try:
            values = _values(row, fields, len(header))
        except ValueError as error:
            bad.append(f"{name}:{line}: {error}")
        else:
            found.setdefault(values[0], []).append(values)
            begun.setdefault(values[0], line)
    orders = [_order(lines) for lines in found.values()]
    for order in orders:
        try:
            _check_total(order)
        except ValueError as error:
            bad.append(f"{name}:{begun[order.order_id]}: order {order.order_id}: {error}")
    if bad:
        raise BadRowsError(bad)
    if not found:
        raise InputError(f"{name}: no orders; expected a row for each line of an order")
    return sorted(orders, key=lambda order: (order.placed_at, int(order.order_id)))


def _rows(name: str, reader: Any) -> Iterator[tuple[int, list[str]]]:
    try:
        for row in reader:
            if row:  # a blank line holds nothing that could be wrong
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"{name}:{reader.line_num}: not CSV: {error}") from None


def _check_header(name: str, header: list[str]) -> None:
    if not header:
        raise InputError(f"{name}: empty; expected the columns {', '.join(COLUMNS)}")
    for column in COLUMNS:
        if header.count(column) != 1:
            trouble = "appears twice" if column in header else "is missing"
            raise InputError(
                f"{name}:1: column {column} {trouble}; expected {', '.join(COLUMNS)}, "
                f"found {_shown(','.join(header))}"
            )


def _values(
    row: list[str], fields: Iterable[tuple[str, int, Callable[[str], Any]]], width: int
) -> tuple[Any, ...]:
    if len(row) != width:
        raise ValueError(f"fields {len(row)}: expected {width}, as in the header")
    values = []
    for column, place, check in fields:
        try:
            values.append(check(row[place]))
        except ValueError as error:
            raise ValueError(f"{column} {_shown(row[place])}: {error}") from None
    return tuple(values)


def _order(lines: list[tuple[Any, ...]]) -> Order:
    order_id, _, customer_id, country = lines[0][:4]
    return Order(
        order_id=order_id,
        placed_at=min(line[1] for line in lines),
        customer_id=customer_id,
        country=country,
        lines=tuple(OrderLine(*line[4:]) for line in lines),
    )


def _checks(skus: Container[str]) -> dict[str, Callable[[str], Any]]:
    """A check for each column, in the order of `COLUMNS`.

    Values repeat from line to line, so each is looked at once: that makes reading fast.
    """

    def sku(text: str) -> str:
        if text not in skus:
            raise ValueError("expected a product of the catalogue")
        return text

    checks = (_order_id, _placed_at, _customer_id, _country, sku, _quantity, _unit_price)
    return {column: cache(check) for column, check in zip(COLUMNS, checks, strict=True)}


def _order_id(text: str) -> str:
    if re.fullmatch("[Cc][0-9]+", text):
        raise ValueError("a cancellation; expected the number of an order, such as 536365")
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ValueError("expected the number of an order, such as 536365")
    return text


def _placed_at(text: str) -> datetime:
    expected = "expected a local time such as 2011-11-17T09:15"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(expected) from None
    if moment.tzinfo is not None or len(text) < len("2011-11-17T09:15"):
        raise ValueError(expected)
    return moment


def _customer_id(text: str) -> str:
    if text and not _NAME.fullmatch(text):
        raise ValueError("expected a customer number, or nothing")
    return text


def _country(text: str) -> str:
    if len(text) > 100 or not text.isprintable():
        raise ValueError("expected the name of a country")
    return text


def _quantity(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or not 1 <= int(text) <= _MAX_QUANTITY:
        raise ValueError(f"expected a whole number of units, 1 to {_MAX_QUANTITY}")
    return int(text)


def _unit_price(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,2})?", text) or not Decimal(text):
        raise ValueError("expected a price above 0 and below 100000 pounds, such as 2.95")
    return Decimal(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
