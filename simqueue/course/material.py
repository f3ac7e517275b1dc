"""What the lessons work with: recorded orders, and the busy day."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simqueue.shop import Order
    from simqueue.workload.scenario import Scenario


def real_orders(day: str | None = None) -> list[Order]:
    """Recorded orders, in the order in which they were placed.

    Parameters
    ----------
    day
        Only those of one day, such as ``2011-11-17``, the busiest; by default all 1,547 of three
        weeks.

    Raises
    ------
    InputError
        If the day is none, or nothing was recorded on it.
    """
    orders = _all_orders()
    if day is None:
        return list(orders)
    from simqueue.errors import InputError

    try:
        wanted = date.fromisoformat(day)
    except ValueError:
        raise InputError(f"day {day!r}: expected a date such as '2011-11-17'") from None
    found = [order for order in orders if order.placed_at.date() == wanted]
    if not found:
        days = sorted({order.placed_at.date() for order in orders})
        raise InputError(
            f"day {day!r}: no orders were recorded; expected one of the {len(days)} trading days "
            f"from {days[0]} to {days[-1]}, such as '2011-11-17'"
        )
    return found


@cache
def _all_orders() -> tuple[Order, ...]:
    from simqueue.data import data_path
    from simqueue.shop import read_orders

    return tuple(read_orders(data_path("orders.csv")))


def busy_day(*settings: str) -> Scenario:
    """The packaged scenario: 17 November 2011 with 400 times the orders, one worker of 5 slots.

    Parameters
    ----------
    settings
        What to change, as ``simqueue simulate --set`` takes it: ``"workers.count=2"``.

    Raises
    ------
    InputError
        If a setting is none.
    """
    from simqueue.workload.changes import parse_set
    from simqueue.workload.reading import read_scenario

    return read_scenario(changes=[parse_set(text) for text in settings])
