"""The connection to the shop's database: SQLite, or PostgreSQL by URL."""

from __future__ import annotations

import selectors
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table, event, exc
from sqlalchemy.dialects import postgresql, sqlite

from simqueue.errors import InputError, JobError
from simqueue.extras import naming_extras
from simqueue.safe_text import masked_url, said

_EXPECTED = "expected sqlite:///FILE.db or postgresql://USER:PASSWORD@HOST/NAME"
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
#: How long to wait for another process's lock (SQLite) or for an answer (PostgreSQL).
_PATIENCE_S = 30
#: A connection to PostgreSQL that was not used for so long is tried before it is used.
_IDLE_S = 1.0
#: How soon SQLite is asked again where it does not wait by itself.
_ASK_AGAIN_S = 0.01
#: Any number will do, if every simqueue uses the same one.
_MAKING_TABLES = 7_736_783


class Database:
    """A database, seen as transactions.

    Trouble inside a transaction (a lost connection, a lock held too long) rolls it back and
    raises `JobError`: it may pass, so the attempt is worth repeating.
    """

    def __init__(self, engine: Engine, shown: str) -> None:
        self._engine = engine
        self._reader = engine.execution_options(reading=True)
        self._shown = shown

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; it commits at the end of the block."""
        with self._trouble(JobError), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing and, on SQLite, waits for nobody."""
        with self._trouble(JobError), self._reader.begin() as connection:
            yield connection

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ON CONFLICT, which each dialect has for itself."""
        if self._engine.dialect.name == "postgresql":
            return postgresql.insert(table)
        return sqlite.insert(table)

    def make_tables(
        self, tables: sa.MetaData, fill: Callable[[Connection], None] | None = None
    ) -> None:
        """Create the tables that are missing and fill them, as one transaction.

        Several workers may start at once: the first one does it while the others wait.

        Raises
        ------
        InputError
            If the database cannot be reached or written, or holds something else.
        """
        with self._trouble(InputError), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                lock = sa.func.pg_advisory_xact_lock(_MAKING_TABLES)
                connection.execute(sa.select(lock))
            tables.create_all(connection)
            for table in tables.sorted_tables:  # an older or foreign table lacks a column
                connection.execute(sa.select(table).limit(0))
            if fill is not None:
                fill(connection)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def _trouble(self, kind: type[InputError | JobError]) -> Iterator[None]:
        try:
            yield
        except (exc.DBAPIError, exc.TimeoutError, UnicodeError) as error:  # no name of a host
            why = reason(error)
            advice = _later_advice(why) if kind is JobError else _advice(self._engine, why)
            raise kind(f"database {self._shown}: {said(why)}{advice}") from error


def open_database(url: str) -> Database:
    """Prepare a database for use; the first transaction connects.

    Parameters
    ----------
    url
        ``sqlite:///shop.db``, ``sqlite://`` (in memory, for one process), or
        ``postgresql://user:password@host/name``. `shop.db` is relative to the current folder.

    Raises
    ------
    InputError
        If the URL is of no known kind, or the database's driver is not installed. The text never
        shows the password.
    """
    shown = masked_url(url)
    try:
        place = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise InputError(f"database {shown}: not a database URL; {_EXPECTED}") from None
    if place.drivername not in _DRIVERS:
        raise InputError(f"database {shown}: no support for {place.drivername}; {_EXPECTED}")
    place = place.set(drivername=_DRIVERS[place.drivername])
    try:
        with naming_extras("postgres"):
            engine = _sqlite(place) if place.drivername.startswith("sqlite") else _postgresql(place)
    except (exc.ArgumentError, ValueError, TypeError) as error:
        raise InputError(f"database {shown}: {reason(error)}; {_EXPECTED}") from None
    return Database(engine, shown)


def _postgresql(place: sa.URL) -> Engine:
    engine = sa.create_engine(
        place,
        connect_args={} if "connect_timeout" in place.query else {"connect_timeout": 10},
    )

    def see_that_it_is_open(connection: Any, record: Any, _fairy: Any) -> None:
        # A server that closes a connection says so; SQLAlchemy's own `pool_pre_ping` asks it
        # before each transaction.
        idle_s = time.monotonic() - record.info.get("used", -_IDLE_S)
        try:
            if idle_s >= _IDLE_S or _has_something_to_say(connection):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise exc.DisconnectionError from error

    def note_when(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    event.listen(engine, "checkout", see_that_it_is_open)
    event.listen(engine, "checkin", note_when)
    return engine


def _has_something_to_say(connection: Any) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _sqlite(place: sa.URL) -> Engine:
    if sqlite3.sqlite_version_info < (3, 35):
        raise ValueError(f"SQLite is {sqlite3.sqlite_version}, expected 3.35 or later")
    if place.database in (None, "", ":memory:"):
        # A database in memory is its connection: there is one, and threads take turns.
        engine = sa.create_engine(
            place,
            poolclass=sa.QueuePool,
            pool_size=1,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )
    else:
        engine = sa.create_engine(place, connect_args={"timeout": _PATIENCE_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver begins transactions late and on its own; we say BEGIN ourselves.
    connection.isolation_level = None
    _write_ahead(connection)
    # With WAL this loses nothing if a process dies, only the newest orders in a power failure.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have a new file's journal be a WAL, whoever else is at it.

    Of several processes that want this at once SQLite refuses some immediately, whatever their
    timeout; who asks again finds that it is done.
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_ASK_AGAIN_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and wants to write later fails at once when another one
    # wrote in between, however long the timeout; so a writer takes its lock before it reads.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def reason(error: Exception) -> str:
    """The first line of what a database's driver says about an error."""
    cause = getattr(error, "orig", None) or error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def _advice(engine: Engine, why: str) -> str:
    if engine.dialect.name != "sqlite":
        return "; check DATABASE_URL: is the server running, and are host, name and password right?"
    if "locked" in why or "busy" in why:
        return "; another program holds it: end that one, or wait until it lets go"
    if "full" in why:
        return "; make room for it"
    return (
        "; DATABASE_URL should name a simqueue database, or a new file in a folder that exists "
        "and can be written"
    )


def _later_advice(why: str) -> str:
    """What may be the matter with a database that could be used at the start."""
    lost = ("no such table", "disk I/O error", "readonly database", "unable to open")
    if any(words in why for words in lost):
        return "; was the file removed or replaced? End all that use it, and start them again"
    return ""
