"""One round of the long run: a shop opens, meets a number of faults and kills, and closes.

Its queues, records and mail are its own. When all is over, its books are looked at.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis
import sqlalchemy as sa
from aftermath import Aftermath, strangers_pay
from books import check_log, message_id
from faults import FAULTS, Place, postgres_locked, sqlite_locked
from machine import a_command_takes, check_stop
from mail_server import mail_server
from redis_servers import RedisServer
from servers import PostgresServer
from shop_under_fire import ChaosWorker, ShopUnderFire, real_orders
from strangers import Strangers

from simqueue.errors import SimqueueError
from simqueue.shop import Order
from simqueue.shop.database import open_database
from simqueue.shop.tables import sent_emails

GRACE_S = 1.0
#: How long an email is in doubt; on a busy machine so many times what a small command takes.
DOUBT_S = 6.0
DOUBT_TIMES = 10
#: Orders of customers who come when a fault of a queue needs one.
_NEEDED = 4
#: How likely the mail server fails, at each point of a dialogue.
BAD_MAIL = {"refuse": 0.1, "answer": 0.07, "body": 0.05, "EHLO": 0.05}
#: How the points of a dialogue are called in the table.
_POINTS = {"refuse": "emails refused", "answer": "answers lost", "body": "cut off after DATA",
           "EHLO": "hung up at once"}  # fmt: skip

Trouble = list[tuple[str, str]]


@dataclass(frozen=True)
class Plan:
    """What a round has of everything.

    Attributes
    ----------
    orders, workers, kills, strangers
        So many.
    redis, database, mail
        Faults of these; each kind of Redis' and of the queues' comes once besides.
    patience_s
        How long nothing may move before it is stuck.
    only
        These faults, one after the other, in place of those that are drawn.
    """

    orders: int = 120
    workers: int = 4
    kills: int = 20
    strangers: int = 24
    redis: int = 2
    database: int = 2
    mail: int = 2
    patience_s: float = 60
    only: Trouble = field(default_factory=list)


#: Some of everything, in about a minute.
SMALL = Plan(orders=40, workers=2, kills=2, strangers=20, redis=0, mail=1)


@dataclass
class Tally:
    """What a round has had: faults by what failed and how, counts, and how the orders ended."""

    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Count another round too."""
        self.faults += other.faults
        self.counts += other.counts
        self.ends += other.ends


class Round:
    """A round, from its seed.

    Parameters
    ----------
    seed
        Chooses the faults, their moments, and what strangers and the mail do.
    folder
        Where the workers run.
    plan
        How much of everything.
    postgres
        The server of the records; without one they are in SQLite.
    bug
        One that the workers are to have.

    Attributes
    ----------
    tally
        What there was of everything, so far.
    """

    def __init__(
        self, seed: str, folder: Path, plan: Plan, postgres: PostgresServer | None = None,
        bug: str = "",
    ) -> None:  # fmt: skip
        self.tally = Tally()
        self._seed = seed
        self._folder = folder
        self._plan = plan
        self._postgres = postgres
        self._bug = bug
        self._draw = random.Random(seed)
        #: Workers that were killed and whose emails have not been looked at.
        self._just_killed: list[ChaosWorker] = []

    def run(self) -> None:
        """Play it; what it finds is an `AssertionError`, or whatever else nobody foresaw."""
        server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
        mail_draw = random.Random(f"{self._seed} mail")
        bad_mail = dict(BAD_MAIL)
        try:
            with (
                mail_server(lambda point, _: mail_draw.random() < bad_mail.get(point, 0)) as mail,
                redis.Redis(port=server.port, socket_timeout=10) as client,
            ):
                url = f"sqlite:///{self._folder / 'shop.db'}"
                if self._postgres is not None:
                    url = self._postgres.new_database()
                self._mail = mail
                self._fire = ShopUnderFire(self._folder, url, server.url, mail=mail)
                orders = real_orders(self._plan.orders)
                later = orders[-_NEEDED - self._plan.database :]
                self._doubt_s = max(DOUBT_S, DOUBT_TIMES * a_command_takes())
                patience_s = self._plan.patience_s + self._doubt_s - DOUBT_S
                self._after = Aftermath(self._fire, client, patience_s)
                self._place = Place(
                    server, client, url, self._postgres, self._draw, bad_mail, iter(later),
                    lambda order: self._fire.place([order]), self._fire.refused, patience_s,
                    lambda: self._after.left(self._held),
                )  # fmt: skip
                try:
                    self._play(orders, orders[: -len(later)])
                finally:
                    self._fire.close()
        finally:
            server.stop()

    def _play(self, orders: Sequence[Order], at_once: Sequence[Order]) -> None:
        troubles = self._troubles()
        size = -(-len(at_once) // (len(troubles) + 1))
        first, *rest = (at_once[at : at + size] for at in range(0, len(at_once), size))
        strangers = Strangers(self._place.client, random.Random(f"{self._seed} strangers"))
        after = self._after
        self._held = held = self._draw.choice(rest[0]).order_id
        self._place.client.set(f"bull:order:order-{held}", "somebody else's")
        strangers_pay(self._fire.redis_url, [order.order_id for order in first[::3]])
        self._fire.place_only(first[:1])
        self._customers(first)
        self._start(self._plan.workers)
        for trouble, some, kills in zip(
            troubles, [*rest, *([[]] * len(troubles))], self._kills(len(troubles)), strict=False
        ):
            strangers.add(self._plan.strangers // len(troubles) + 1)
            self._meet(trouble, some, kills)
            after.retry_what_would_be_forgotten()
        self._place.bad_mail.clear()

        refused = self._fire.replay(orders).errors
        assert not refused, f"customers are refused: {refused}"
        after.check_asked()
        after.settle(held)
        self._place.client.delete(f"bull:order:order-{held}")
        after.settle()
        ends = self._fire.check_books()
        strangers.check()
        after.check_commands()
        self._stop_while_all_hangs()
        assert check_log(self._folder / "run.csv"), "no line was torn"
        self._check_output()

        emails = len(set(map(message_id, self._mail.taken)))
        self.tally.ends += Counter(f"{end.status}, {end.payment_status}" for end in ends.elements())
        self.tally.faults += Counter({("strangers", kind): n for kind, n in strangers.came.items()})
        self.tally.faults += Counter(
            {("mail", words): self._mail.failed[point] for point, words in _POINTS.items()}
        )
        self.tally.counts += Counter(
            {"orders": len(orders), "emails": emails, "retried by hand": after.by_hand,
             "emails sent again": len(self._mail.taken) - emails}
        )  # fmt: skip

    # ---- trouble

    def _troubles(self) -> list[Trouble]:
        """Faults in the order in which they come; some come together."""
        if self._plan.only:
            return [[fault] for fault in self._plan.only]
        database = "SQLite" if self._postgres is None else "PostgreSQL"
        drawn = [(what, kind) for what in ("Redis", "queue") for kind in FAULTS[what]]
        more = {"Redis": self._plan.redis, database: self._plan.database, "mail": self._plan.mail}
        for what, number in more.items():
            drawn += [(what, self._draw.choice(list(FAULTS[what]))) for _ in range(number)]
        self._draw.shuffle(drawn)
        troubles: list[Trouble] = []
        for fault in drawn:
            last = troubles[-1] if troubles else []
            together = {what for what, _ in (*last, fault)}
            if (
                len(last) == 1
                and len(together) == 2
                and self._draw.random() < 0.4
                and not together >= {"queue", database}
            ):
                # What needs all else to be well in order to end comes first, and so goes last.
                last.insert(int(fault[0] in ("Redis", "mail")), fault)
            else:
                troubles.append([fault])
        return troubles

    def _kills(self, number: int) -> list[int]:
        """How many workers are killed in each trouble."""
        each, more = divmod(self._plan.kills, number)
        lucky = self._draw.sample(range(number), k=more)
        return [each + (i in lucky) for i in range(number)]

    def _meet(self, trouble: Trouble, orders: Sequence[Order], kills: int) -> None:
        customers = threading.Thread(target=self._customers, args=(orders,))
        customers.start()
        with ExitStack() as stack:
            for what, kind in trouble:
                stack.enter_context(FAULTS[what][kind](self._place))
                self.tally.faults[what, kind] += 1
            for _ in range(kills):
                self._kill()
        customers.join()
        self._excuse_unrecorded()
        for worker in self._alive():
            code = worker.process.poll()
            assert code is None, f"ended by itself in {trouble}: {code} {worker.other[-20:]}"
        self._start(self._plan.workers - len(self._alive()))

    def _kill(self) -> None:
        """``kill -9`` of a worker that has something in hand, if there is one soon."""
        if not (alive := self._alive()):
            return
        self._draw.shuffle(alive)
        self._fire.wait_until(lambda: any(one.running for one in alive), self._draw.uniform(0.5, 2))
        victim = max(alive, key=lambda one: bool(one.running))
        victim.kill()
        self._just_killed.append(victim)
        with suppress(SimqueueError):  # the database may be away: nobody records anything there
            self._excuse_unrecorded()
        self.tally.counts["kills"] += 1
        self.tally.counts["kills with work in hand"] += bool(victim.running)
        self.tally.counts["jobs cut off"] += len(victim.running)

    def _excuse_unrecorded(self) -> None:
        """Emails that are not on record when their sender is killed may be sent again."""
        if not self._just_killed:
            return
        columns = sa.select(sent_emails.c.order_id, sent_emails.c.kind)
        database = open_database(self._place.database_url)
        try:
            with database.reading() as connection:
                rows = connection.execute(columns).all()
        finally:
            database.close()
        recorded = {f"<{row.order_id}-{row.kind}@simqueue.example>" for row in rows}
        names = {f"worker-{worker.process.pid}.example" for worker in self._just_killed}
        taken = zip(self._mail.taken, self._mail.senders, strict=False)
        sent = {message_id(text) for text, sender in taken if sender in names}
        self._fire.excused.update(sent - recorded)
        self._just_killed.clear()

    def _customers(self, orders: Sequence[Order]) -> None:
        """Customers place and pay orders; whoever sees an error page comes again at the end."""
        with suppress(SimqueueError):
            done = self._fire.replay(orders)
            self.tally.counts["customers cut off"] += done.errors.total()

    # ---- workers

    def _alive(self) -> list[ChaosWorker]:
        return [w for w in self._fire.workers if w.process.poll() != -signal.SIGKILL]

    def _start(self, number: int) -> None:
        variables = {"SMTP_URL": self._mail.url, "CHAOS": "torn impatient slow", "PLANT": self._bug,
                     "DOUBT_S": f"{self._doubt_s:.0f}"}  # fmt: skip
        self._fire.start_workers(number, GRACE_S, **variables)

    def _stop_while_all_hangs(self) -> None:
        """Redis does not answer, orders wait to be carried over, the database is locked."""
        workers = self._alive()
        locked = sqlite_locked if self._postgres is None else postgres_locked
        extra = real_orders(self._plan.orders + 5)[-5:]
        with self._place.redis.frozen():
            self._customers(extra)
            with locked(self._place):
                began = time.monotonic()
                for worker in workers:
                    worker.process.send_signal(signal.SIGTERM)
                codes = [worker.process.wait(60) for worker in workers]
                took = time.monotonic() - began
        assert codes == [0] * len(workers), f"exit codes of a stop: {codes}"
        check_stop(took, GRACE_S)

    def _check_output(self) -> None:
        for worker in self._fire.workers:
            worker.join()
            other = worker.other
            if worker.process.returncode == -signal.SIGKILL and other and other[-1][:1] == "{":
                other = other[:-1]  # the last line of a worker that was killed may be half of one
            assert not other, f"no line of a log: {other[-20:]}"
            assert not worker.tracebacks, f"a traceback: {worker.tracebacks[0]}"
