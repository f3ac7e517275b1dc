"""Runs a learner's handler twice: with a kill in the middle of the first run, or a rival."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from simqueue.course.making import Results

#: What a try gives if all is well.
WELL = "all is well"


class _KilledError(BaseException):
    """Ends a handler as a kill does: nothing that it catches stops it."""


@dataclass(frozen=True)
class Night:
    """What happens to one order's job: it is always run twice.

    Attributes
    ----------
    on_hand
        Items on the shelf.
    killed
        The first run is killed after so many steps: statements, and commits.
    rival
        Before this step another worker takes the last item, if no transaction is open.
    """

    on_hand: int
    killed: int = 0
    rival: int = 0

    def __repr__(self) -> str:
        if self.killed:
            return f"killed after step {self.killed}, then run again"
        if self.rival:
            return f"the last item, and a rival before step {self.rival}"
        return f"{self.on_hand} on the shelf, run twice"


@dataclass(frozen=True)
class Ended:
    """Sign of a wrong handler: at the end of some try stands this."""

    words: str

    def fits(self, read: Results) -> bool:
        """Whether it does."""
        return any(self.words in str(result) for result in read.returned)


class _Watched:
    """A connection that counts steps, and dies or lets a rival in at one of them."""

    def __init__(self, database: sqlite3.Connection, killed: int = 0, rival: int = 0) -> None:
        self._database, self._killed, self._rival = database, killed, rival
        self._step = 0
        self.taken_by_rival = 0

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        self._before()
        cursor = self._database.execute(statement, values)
        self._after()
        return cursor

    def cursor(self) -> Self:
        return self

    def commit(self) -> None:
        self._before()
        self._database.commit()
        self._after()

    def rollback(self) -> None:
        self._database.rollback()

    @property
    def in_transaction(self) -> bool:
        return self._database.in_transaction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()

    def _before(self) -> None:
        self._step += 1
        if self._step == self._rival and not self._database.in_transaction:
            took = self._database.execute(
                "UPDATE shelf SET on_hand = on_hand - 1 WHERE on_hand >= 1"
            )
            self.taken_by_rival += took.rowcount
            self._database.commit()

    def _after(self) -> None:
        if self._step == self._killed:
            raise _KilledError


def play(handler: Callable[..., Any], night: Night) -> str:
    """Run a handler twice in a database of its own, and say how it ended."""
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE TABLE orders (order_id TEXT PRIMARY KEY, status TEXT)")
        database.execute("INSERT INTO orders VALUES ('576892', 'pending')")
        database.execute("CREATE TABLE shelf (on_hand INTEGER)")
        database.execute("INSERT INTO shelf VALUES (?)", (night.on_hand,))
        database.commit()
        rivals = 0
        for watched in (_Watched(database, night.killed, night.rival), _Watched(database)):
            with suppress(_KilledError):
                handler(watched, "576892")
            database.rollback()  # whoever ends, or dies, leaves behind what was committed
            rivals += watched.taken_by_rival
        left = database.execute("SELECT on_hand FROM shelf").fetchone()[0]
        status = database.execute("SELECT status FROM orders").fetchone()[0]
        return _judged(night.on_hand - rivals, left, status)
    finally:
        database.close()


def _judged(there: int, left: int, status: str) -> str:
    gone = there - left
    if left < 0:
        return "the shelf is below zero"
    if status not in ("processing", "rejected"):
        return f"the order is still {status}"
    if gone != (status == "processing"):
        return f"{gone} item{'' if gone == 1 else 's'} gone for an order that is {status}"
    return WELL if gone or not there else "rejected, though an item is there"
