"""Without a crash no email goes out twice, whatever fails after it was handed over.

After a crash, or when nobody can know, it goes out again: later, and not five times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa
from mail_server import mail_server
from servers import PostgresServer
from small_shop import LetterBox, an_order, small_shop

from simqueue.clock import VirtualClock
from simqueue.errors import JobError
from simqueue.jobs import EMAIL, Job
from simqueue.shop import Shop, emails
from simqueue.shop.emails import DOUBT_S, Email, EmailRecords
from simqueue.shop.mailer import InDoubtError, SmtpMailer
from simqueue.shop.store import Store
from simqueue.shop.tables import sending_emails, sent_emails
from simqueue.workers.email import Doubts
from simqueue.workers.shop_work import ShopWork

KIND = "payment-success"
JOB = Job(queue=EMAIL, name=KIND, id=f"email-1-{KIND}", flow="f", payload={"order_id": "1"})
ATTEMPTS = 5


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    with small_shop(database_url) as shop:
        shop.store.place(an_order("1"))
        yield shop


def another_worker(shop: Shop) -> Shop:
    """The same records and mail, seen from a process that remembers nothing."""
    return replace(shop, store=Store(shop.database))


def attempt(shop: Shop) -> str:
    try:
        return asyncio.run(ShopWork(shop).handle(JOB, 1))
    except JobError:
        return "error"


def later(shop: Shop, seconds: float = DOUBT_S + 1) -> None:
    assert isinstance(shop.clock, VirtualClock)
    shop.clock.burn(seconds)


def settled(shop: Shop, looks: int = 2) -> int:
    """What two looks at the emails in doubt send."""
    doubts = Doubts(shop)

    async def look() -> int:
        return sum([await doubts.settle() for _ in range(looks)])

    return asyncio.run(look())


def sent(shop: Shop) -> int:
    assert isinstance(shop.mailer, LetterBox)
    return len(shop.mailer.messages)


@contextmanager
def no_records(shop: Shop) -> Iterator[None]:
    """The database takes news of no email that was sent, and of nothing that ends."""
    sqlite = shop.database._engine.dialect.name == "sqlite"

    def execute(*statements: str) -> None:
        with shop.database.writing() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    if sqlite:
        execute(
            "CREATE TRIGGER full BEFORE INSERT ON sent_emails "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    else:
        execute("ALTER TABLE sent_emails ADD CONSTRAINT full_disk CHECK (sent_at < 0)")
    yield
    sqlite_end, other_end = "DROP TRIGGER full", "ALTER TABLE sent_emails DROP CONSTRAINT full_disk"
    execute(sqlite_end if sqlite else other_end)


def test_an_email_that_cannot_be_recorded_is_sent_once(shop: Shop) -> None:
    """The disk is full, the database locked: five attempts, one email."""
    with no_records(shop):
        assert {attempt(shop) for _ in range(ATTEMPTS)} == {"error"}
    assert (sent(shop), shop.store.emails()) == (1, [])
    assert attempt(shop) == "sent"
    assert (sent(shop), shop.store.emails()) == (1, [("1", KIND)])


def test_a_worker_that_did_not_send_it_does_not_send_it_again(shop: Shop) -> None:
    """The retries go to others; the one that knows says so at its next look."""
    with no_records(shop):
        assert attempt(shop) == "error"
        assert {attempt(another_worker(shop)) for _ in range(ATTEMPTS)} == {"in doubt"}
    later(shop)
    assert settled(another_worker(shop), looks=1) == 0, "whoever knows had no time to say so"
    assert settled(shop, looks=1) == 0
    assert settled(another_worker(shop)) == 0
    assert (sent(shop), shop.store.emails()) == (1, [("1", KIND)])


def test_a_job_that_runs_twice_at_once_sends_once(shop: Shop) -> None:
    """A worker lost its lock while it was busy: another one runs the job at the same moment."""

    @dataclass
    class Slow(LetterBox):
        others: list[str] = field(default_factory=list)

        async def send(self, message: EmailMessage) -> None:
            await super().send(message)
            if len(self.messages) == 1:
                others = another_worker(replace(shop, mailer=self))
                self.others += [await ShopWork(others).handle(JOB, 1) for _ in range(2)]

    slow = Slow()
    assert attempt(replace(shop, mailer=slow)) == "sent"
    assert (len(slow.messages), slow.others) == (1, ["in doubt"] * 2)


@pytest.mark.parametrize("lost", [1, 2])
def test_an_answer_that_is_lost_leaves_it_in_doubt(shop: Shop, lost: int) -> None:
    """Sent again after two minutes, until the answer comes: not at each attempt."""

    @dataclass
    class Loses(LetterBox):
        async def send(self, message: EmailMessage) -> None:
            await super().send(message)
            if len(self.messages) <= lost:
                raise InDoubtError("the answer was lost")

    mailer = Loses()
    shop = replace(shop, mailer=mailer)
    words = [attempt(shop) for _ in range(ATTEMPTS)]
    assert words == ["error"] + ["in doubt"] * 4
    assert asyncio.run(ShopWork(shop).give_up(JOB)) == "in doubt"
    assert len(mailer.messages) == 1
    for number in range(lost):
        assert settled(shop) == 0, "too early"
        later(shop)
        assert settled(shop) == (number == lost - 1)
    assert len(mailer.messages) == lost + 1
    assert (shop.store.emails(), attempt(shop)) == ([("1", KIND)], "sent")


def test_a_refusal_is_no_doubt(shop: Shop) -> None:
    """The server said no: the next attempt tries again at once, and the last one fails."""

    class Refuses:
        calls = 0

        async def send(self, _message: EmailMessage) -> None:
            self.calls += 1
            raise JobError("451 come back later")

    refuses = Refuses()
    assert [attempt(replace(shop, mailer=refuses)) for _ in range(ATTEMPTS)] == ["error"] * 5
    assert refuses.calls == ATTEMPTS
    assert asyncio.run(ShopWork(shop).give_up(JOB)) == "failed"
    assert attempt(shop) == "sent"


@pytest.mark.parametrize("others", [1, 2])
@pytest.mark.parametrize("attempts_left", [True, False])
def test_a_refusal_that_somebody_did_not_wait_for_is_not_the_end(
    shop: Shop, others: int, attempts_left: bool
) -> None:
    """A worker lost its lock; another one left the email to it, and then the server said no.

    Its job is over by then, so nobody would send the email, were it not in doubt.
    """

    class Refuses:
        async def send(self, _message: EmailMessage) -> None:
            words = [await ShopWork(another_worker(shop)).handle(JOB, 1) for _ in range(others)]
            assert words == ["in doubt"] * others
            raise JobError("451 come back later")

    assert attempt(replace(shop, mailer=Refuses())) == "error"
    if attempts_left:
        assert attempt(shop) == "in doubt"
    later(shop)
    assert settled(shop) == 1
    assert (sent(shop), shop.store.emails()) == (1, [("1", KIND)])


def test_a_killed_worker_s_email_is_sent_by_another(shop: Shop) -> None:
    """It may have been before: at once it is in doubt, two minutes later it goes out."""
    shop.store.mail.begin("1", KIND, shop.clock.now())
    others = another_worker(shop)
    assert attempt(others) == "in doubt"
    later(shop)
    assert settled(others) == 1
    assert (sent(shop), shop.store.emails()) == (1, [("1", KIND)])


@pytest.mark.parametrize(("meanwhile", "word"), [("recorded", "sent"), ("begun", "in doubt")])
def test_two_that_settle_it_at_once_send_it_once(
    meanwhile: str, word: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where writers do not wait for each other, one may come between another's look and its claim.

    A table was locked for a while, and both were on their way when it was free again.
    """
    now, read = 1000.0, emails.read_order

    def read_late(*given: Any) -> Any:
        monkeypatch.setattr(emails, "read_order", read)
        mine = EmailRecords(shop.database)
        assert isinstance(mine.begin("1", KIND, now), Email)
        if meanwhile == "recorded":
            mine.record("1", KIND, "<1@x>", now)
        return read(*given)

    with small_shop(postgres.new_database()) as shop:
        shop.store.place(an_order("1"))
        assert isinstance(shop.store.mail.begin("1", KIND, now - DOUBT_S - 1), Email)
        monkeypatch.setattr(emails, "read_order", read_late)

        assert EmailRecords(shop.database).begin("1", KIND, now + 0.1) == word
        assert shop.store.mail.word("1", KIND) == word


def test_one_that_cannot_be_sent_does_not_keep_the_others(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    class RefusesOne(LetterBox):
        async def send(self, message: EmailMessage) -> None:
            if "order 1" in message["Subject"]:
                raise JobError("550 no such mailbox")
            await super().send(message)

    shop.store.place(an_order("2"))
    for order_id in "12":
        shop.store.mail.begin(order_id, KIND, shop.clock.now())
    later(shop)
    assert settled(replace(shop, mailer=RefusesOne())) == 1
    assert shop.store.emails() == [("2", KIND)]
    assert "will be tried again: 550" in caplog.text
    assert attempt(shop) == "in doubt", "its job is over: nobody else would send it"
    later(shop)
    assert settled(shop) == 1


@pytest.mark.parametrize(
    ("point", "words", "taken"),
    [
        ("EHLO", ["error", "sent"], 1),
        ("MAIL", ["error", "sent"], 1),
        ("RCPT", ["error", "sent"], 1),
        ("refuse", ["error", "sent"], 1),
        ("answer", ["error", "in doubt"], 1),
        ("QUIT", ["sent", "sent"], 1),
    ],
)
def test_a_mail_server_that_goes_away_once(
    shop: Shop, point: str, words: list[str], taken: int
) -> None:
    """At whichever point: what was taken is not given to it again."""
    with mail_server(lambda where, call: where == point and call == 1) as server:
        shop = replace(shop, mailer=SmtpMailer(server.url, timeout_s=60))
        assert [attempt(shop) for _ in words] == words
        assert len(server.taken) == taken


def test_a_server_that_never_answers_for_what_it_took(shop: Shop) -> None:
    """Ten attempts within DOUBT_S are one email."""
    with mail_server(lambda where, _: where == "answer") as server:
        shop = replace(shop, mailer=SmtpMailer(server.url, timeout_s=60))
        for _ in range(2 * ATTEMPTS):
            attempt(shop)
        assert len(server.taken) == 1


def test_a_database_of_an_earlier_version_opens(database_url: str) -> None:
    """It has no table of emails that are being sent; its sent ones stay sent."""
    with small_shop(database_url) as shop:
        shop.store.place(an_order("1"))
        shop.store.place(an_order("2"))
        shop.store.mail.record("1", KIND, "<id>", 0.0)
        with shop.database.writing() as connection:
            sending_emails.drop(connection)
    with small_shop(database_url) as shop:
        assert attempt(shop) == "sent"
        assert sent(shop) == 0
        assert asyncio.run(ShopWork(shop).handle(_of_order_2(), 1)) == "sent"
        assert sent(shop) == 1


def _of_order_2() -> Job:
    return JOB.model_copy(update={"payload": {"order_id": "2"}})


def test_what_an_earlier_version_put_on_record_is_not_in_doubt(shop: Shop) -> None:
    """Workers of both versions side by side: ours died, theirs sent it and knows of no doubt."""
    shop.store.mail.begin("1", KIND, 0.0)
    row = {"order_id": "1", "kind": KIND, "message_id": "<id>", "sent_at": 1.0}
    with shop.database.writing() as connection:
        connection.execute(sa.insert(sent_emails), row)
    later(shop)
    assert settled(shop) == 0
    assert sent(shop) == 0
