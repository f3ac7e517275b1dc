"""Faults of Redis, of the database, of the mail and of what others do to a queue, for some seconds.

Each is a block: it begins, trouble lasts as long as the block runs, and then all is well again.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import psycopg
import redis
from redis_servers import RedisServer
from servers import PostgresServer

from simqueue.errors import JobError
from simqueue.shop import Order

QUEUES = ("order", "payment", "email")
#: As short as a worker's patience, and longer than the locks of its jobs; seconds.
_SHORTEST_S, _LONGEST_S = 0.3, 3.5


@dataclass
class Place:
    """Where the shop lives, for one round.

    Attributes
    ----------
    redis, client
        The server of the queues, and somebody with a client of his own.
    database_url
        The shop's records.
    postgres
        Their server, if they are no file.
    draw
        Whatever is left to chance is drawn here.
    bad_mail
        How likely the mail server fails at each point of a dialogue.
    later
        Orders of customers who come when a fault needs one.
    place_order
        Has such a customer place an order and pay it.
    refused
        Whether a full disk has refused to put an order's email on record.
    patience_s
        How long the workers may take for what follows from an order, when all is well.
    left
        What has not been done, for whoever has waited for so long.
    """

    redis: RedisServer
    client: redis.Redis
    database_url: str
    postgres: PostgresServer | None
    draw: random.Random
    bad_mail: dict[str, float]
    later: Iterator[Order]
    place_order: Callable[[Order], None]
    refused: Callable[[Order], bool]
    patience_s: float
    left: Callable[[], str]

    def seconds(self, longest: float = _LONGEST_S) -> float:
        """How long a fault lasts."""
        return self.draw.uniform(_SHORTEST_S, longest)

    def wait_until(self, so: Callable[[], bool]) -> None:
        """Wait until something is so that an order is followed by."""
        until = time.monotonic() + self.patience_s
        while not so():
            assert time.monotonic() < until, f"stuck: {self.left()}"
            time.sleep(0.05)


Fault = Callable[[Place], AbstractContextManager[None]]


# ---- Redis


@contextmanager
def redis_killed(place: Place) -> Iterator[None]:
    place.redis.kill()
    try:
        yield
        time.sleep(place.seconds())
    finally:
        place.redis.start()


@contextmanager
def redis_frozen(place: Place) -> Iterator[None]:
    with place.redis.frozen():
        yield
        time.sleep(place.seconds(5))  # longer than the locks live


@contextmanager
def redis_connections_cut(place: Place) -> Iterator[None]:
    for kind in ("normal", "pubsub"):
        place.client.client_kill_filter(_type=kind, skipme=True)
    yield


@contextmanager
def redis_full(place: Place) -> Iterator[None]:
    """Redis has no memory left for anything new."""
    place.client.config_set("maxmemory", "1mb")
    try:
        yield
        time.sleep(place.seconds())
    finally:
        place.client.config_set("maxmemory", "0")


# ---- the database


@contextmanager
def _sqlite(place: Place) -> Iterator[sqlite3.Connection]:
    name = place.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(name, timeout=30, isolation_level=None)) as connection:
        yield connection


@contextmanager
def sqlite_locked(place: Place) -> Iterator[None]:
    with _sqlite(place) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        time.sleep(place.seconds(2.5))
        connection.execute("ROLLBACK")


@contextmanager
def sqlite_full(place: Place) -> Iterator[None]:
    """Every third request for a payment, record of an email, and of a charge is refused.

    Those of one order's emails are all refused, and it lasts until that has happened: emails that
    were sent must not be taken for ones that were not.
    """
    order = next(place.later)
    third = "abs(random()) % 3 = 0"
    some = {
        "outbox": f"NEW.job_id LIKE 'payment-%' AND {third}",
        "sent_emails": f"NEW.order_id = '{order.order_id}' OR {third}",
        "gateway_charges": third,
    }
    with _sqlite(place) as connection:
        for table, when in some.items():
            connection.execute(
                f"CREATE TRIGGER full_{table} BEFORE INSERT ON {table} WHEN {when} "
                "BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
            )
        try:
            with suppress(JobError):  # its payment may be refused: the customer comes again
                place.place_order(order)
            yield
            time.sleep(place.seconds(2.5))
            place.wait_until(lambda: place.refused(order))
        finally:
            for table in some:
                connection.execute(f"DROP TRIGGER full_{table}")


@contextmanager
def postgres_locked(place: Place) -> Iterator[None]:
    with psycopg.connect(place.database_url) as connection:
        connection.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        yield
        time.sleep(place.seconds(2.5))


@contextmanager
def postgres_connections_cut(place: Place) -> Iterator[None]:
    with psycopg.connect(place.database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    yield


@contextmanager
def postgres_killed(place: Place) -> Iterator[None]:
    assert place.postgres is not None
    place.postgres.kill()
    try:
        yield
        time.sleep(place.seconds(2))
    finally:
        place.postgres.start()


# ---- the mail


@contextmanager
def _mail_fails_at(place: Place, point: str) -> Iterator[None]:
    before = place.bad_mail.get(point, 0.0)
    place.bad_mail[point] = 1.0
    try:
        yield
        # No longer than some of an email's five attempts.
        time.sleep(place.seconds(1.5))
    finally:
        place.bad_mail[point] = before


def mail_away(place: Place) -> AbstractContextManager[None]:
    return _mail_fails_at(place, "EHLO")


def mail_refuses(place: Place) -> AbstractContextManager[None]:
    return _mail_fails_at(place, "refuse")


def mail_cut_after_data(place: Place) -> AbstractContextManager[None]:
    return _mail_fails_at(place, "body")


def mail_answers_lost(place: Place) -> AbstractContextManager[None]:
    return _mail_fails_at(place, "answer")


# ---- what others do to a queue

#: ``pause-7.lua`` and the resume of BullMQ 5: the list of the waiting jobs is renamed.
_PAUSE_5 = """
redis.call('HSET', KEYS[1] .. 'meta', 'version', 'bullmq:5.81.2')
if redis.call('EXISTS', KEYS[1] .. 'wait') == 1 then
  redis.call('RENAME', KEYS[1] .. 'wait', KEYS[1] .. 'paused')
end
redis.call('HSET', KEYS[1] .. 'meta', 'paused', '1')
redis.call('DEL', KEYS[1] .. 'marker')
"""
_RESUME_5 = """
if redis.call('EXISTS', KEYS[1] .. 'paused') == 1 then
  redis.call('RENAME', KEYS[1] .. 'paused', KEYS[1] .. 'wait')
end
redis.call('HDEL', KEYS[1] .. 'meta', 'paused')
redis.call('ZADD', KEYS[1] .. 'marker', 0, '0')
"""
#: Those of BullMQ 6: a mark.
_PAUSE_6 = """
redis.call('HSET', KEYS[1] .. 'meta', 'version', 'bullmq:6.7.0', 'paused', '1')
redis.call('DEL', KEYS[1] .. 'marker')
"""
_RESUME_6 = """
redis.call('HDEL', KEYS[1] .. 'meta', 'paused')
redis.call('ZADD', KEYS[1] .. 'marker', 0, '0')
"""


@contextmanager
def paused_by_bullmq_5(place: Place) -> Iterator[None]:
    """Emails wait when they are paused, and more come before that is over.

    Whoever adds to the other list loses them: that list is written over.
    """
    keys = ["bull:email:", f"bull:{place.draw.choice(QUEUES[:2])}:"]
    for key in keys:
        place.client.eval(_PAUSE_6, 1, key)
    place.place_order(next(place.later))
    place.wait_until(lambda: _waiting(place, keys[0]) > 0)
    for key in keys:
        place.client.eval(_PAUSE_5, 1, key)
    before = _waiting(place, keys[0])
    try:
        yield
        place.place_order(next(place.later))
        place.wait_until(lambda: _waiting(place, keys[0]) > before)
        time.sleep(place.seconds())
    finally:
        for key in keys:
            place.client.eval(_RESUME_5, 1, key)


@contextmanager
def paused_by_bullmq_6(place: Place) -> Iterator[None]:
    keys = [f"bull:{name}:" for name in place.draw.sample(QUEUES, k=2)]
    for key in keys:
        place.client.eval(_PAUSE_6, 1, key)
    try:
        yield
        time.sleep(place.seconds())
    finally:
        for key in keys:
            place.client.eval(_RESUME_6, 1, key)


def _waiting(place: Place, key: str) -> int:
    """How many wait, in both lists together."""
    return sum(cast(int, place.client.llen(key + name)) for name in ("wait", "paused"))


@contextmanager
def list_cut(place: Place) -> Iterator[None]:
    """Orders or payments that wait are in no list any more; an email would not come back."""
    with _some_wait(place) as (key, jobs):
        for job_id in jobs:
            place.client.lrem(f"{key}wait", 0, job_id)
    yield


@contextmanager
def data_deleted(place: Place) -> Iterator[None]:
    """Some that wait have lost their data."""
    with _some_wait(place) as (key, jobs):
        for job_id in jobs[:5]:
            place.client.delete(key + job_id)
    yield


@contextmanager
def _some_wait(place: Place) -> Iterator[tuple[str, list[str]]]:
    """A queue, and jobs of the shop that wait in it; it is paused for that long."""
    key = f"bull:{place.draw.choice(QUEUES[:2])}:"
    place.client.eval(_PAUSE_6, 1, key)
    place.place_order(next(place.later))
    try:
        place.wait_until(lambda: bool(_of_the_shop(place, f"{key}wait")))
        yield key, _of_the_shop(place, f"{key}wait")
    finally:
        place.client.eval(_RESUME_6, 1, key)


def _of_the_shop(place: Place, key: str) -> list[str]:
    found = (job_id.decode(errors="replace") for job_id in place.client.lrange(key, 0, -1))
    return [job_id for job_id in found if job_id.startswith(QUEUES)]


#: Of what, and how it goes wrong.
FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "Redis": {
        "killed and restarted": redis_killed,
        "frozen": redis_frozen,
        "connections cut": redis_connections_cut,
        "out of memory": redis_full,
    },
    "SQLite": {"locked": sqlite_locked, "disk full": sqlite_full},
    "PostgreSQL": {
        "locked": postgres_locked,
        "connections cut": postgres_connections_cut,
        "killed and restarted": postgres_killed,
    },
    "mail": {
        "away": mail_away,
        "refuses": mail_refuses,
        "cut off after DATA": mail_cut_after_data,
        "answers lost": mail_answers_lost,
    },
    "queue": {
        "paused by BullMQ 5": paused_by_bullmq_5,
        "paused by BullMQ 6": paused_by_bullmq_6,
        "list cut": list_cut,
        "data deleted": data_deleted,
    },
}
