from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from servers import free_port
from small_shop import an_order

from simqueue.errors import InputError, JobError
from simqueue.shop.letters import letter
from simqueue.shop.mailer import FolderMailer, SmtpMailer, open_mailer

# The test server takes a password without encryption, which its makers warn of.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

KINDS = ("order-confirmation", "payment-success", "payment-failed")


def a_letter(kind: str = "order-confirmation") -> EmailMessage:
    return letter(an_order("536365", A=2, POST=1), kind, {"A": "RED RETROSPOT MUG"}, 1.3e9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_reads_well(kind: str) -> None:
    message = a_letter(kind)
    assert message["From"] == "The simqueue shop <shop@simqueue.example>"
    assert message["To"] == "customer-17850@customers.simqueue.example"
    assert "536365" in message["Subject"]
    assert message["Date"] == "Sun, 13 Mar 2011 07:06:40 +0000"
    assert message["Message-ID"] == f"<536365-{kind}@simqueue.example>"
    text = message.get_content()
    assert text.startswith("Dear customer,\n")
    assert "     2 x RED RETROSPOT MUG" in text
    assert text.endswith("Kind regards\nThe simqueue shop\n")
    assert "7.50" in text.split("Total in pounds")[1].splitlines()[0]
    assert all(len(line) <= 78 for line in text.splitlines())


def test_a_letter_to_a_customer_without_a_number() -> None:
    order = an_order("536365")
    nobody = type(order)(order.order_id, order.placed_at, "", order.country, order.lines)
    assert letter(nobody, "payment-failed", {}, 0.0)["To"].startswith("order-536365@")


def test_a_folder_holds_each_email_once(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path / "sent")
    for kind in (*KINDS, KINDS[0]):
        asyncio.run(mailer.send(a_letter(kind)))
    files = sorted((tmp_path / "sent").iterdir())
    assert [file.name for file in files] == sorted(f"536365-{kind}.eml" for kind in KINDS)
    read = message_from_bytes(files[2].read_bytes(), policy=policy.default)
    assert read["Subject"] == a_letter("payment-success")["Subject"]
    assert "£7.50" in read.get_content()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "sent").write_text("a file")
    with pytest.raises(JobError, match=r"536365-order-confirmation.*sent: File exists"):
        asyncio.run(FolderMailer(tmp_path / "sent").send(a_letter()))


class Inbox:
    """What a mail server does with an email: keep it, or give the answer it was told to give."""

    def __init__(self) -> None:
        self.answer = "250 OK"
        self.received: list[Envelope] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        return self.answer


def _login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    right = (given.login, given.password) == (b"shop", b"se/cret")
    return AuthResult(success=right, handled=right)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    """An SMTP server that wants the password ``se/cret``, and its host:port."""
    inbox, port = Inbox(), free_port()
    server = Controller(
        inbox, "127.0.0.1", port,
        authenticator=_login, auth_required=True, auth_require_tls=False,
    )  # fmt: skip
    server.start()
    yield inbox, f"127.0.0.1:{port}"
    server.stop()


def test_an_email_goes_to_the_mail_server(inbox: tuple[Inbox, str]) -> None:
    mailer = open_mailer(f"smtp://shop:se%2Fcret@{inbox[1]}?plaintext=allowed")
    asyncio.run(mailer.send(a_letter("payment-success")))
    (envelope,) = inbox[0].received
    assert envelope.rcpt_tos == ["customer-17850@customers.simqueue.example"]
    assert isinstance(envelope.content, bytes)
    read = message_from_bytes(envelope.content, policy=policy.default)
    assert read["Message-ID"] == "<536365-payment-success@simqueue.example>"


def test_a_wrong_password_is_not_shown(inbox: tuple[Inbox, str]) -> None:
    with pytest.raises(JobError, match=r"mail server smtp://shop:\*\*\*@127.0.0.1") as error:
        asyncio.run(SmtpMailer(f"smtp://shop:wrong@{inbox[1]}?plaintext=allowed").send(a_letter()))
    assert "wrong" not in str(error.value)


def test_a_refusal_of_the_mail_server(inbox: tuple[Inbox, str]) -> None:
    inbox[0].answer = "451 come back later"
    with pytest.raises(JobError, match=": 451 come back later; check SMTP_URL"):
        asyncio.run(
            SmtpMailer(f"smtp://shop:se%2Fcret@{inbox[1]}?plaintext=allowed").send(a_letter())
        )


def test_a_mail_server_that_is_not_there() -> None:
    port = free_port()
    for scheme in ("smtp", "smtps"):
        with pytest.raises(JobError, match=f"email <.*mail server {scheme}://127.0.0.1:{port}: "):
            asyncio.run(SmtpMailer(f"{scheme}://127.0.0.1:{port}").send(a_letter()))


@pytest.mark.parametrize("url", ["smtp://", "smtp://host:port", "http://host", "host", "smtp://[x"])
def test_a_url_of_no_mail_server(url: str) -> None:
    with pytest.raises(InputError, match="not a mail server's URL; expected smtp://HOST:PORT"):
        SmtpMailer(url)


def test_starttls_is_used_when_it_is_offered() -> None:
    """The server offers it without having a certificate: no email goes out in the clear."""
    inbox, port = Inbox(), free_port()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server = Controller(inbox, "127.0.0.1", port, tls_context=context)
    server.start()
    try:
        with pytest.raises(JobError, match=r"(?i)ssl|tls|upgrading"):
            asyncio.run(SmtpMailer(f"smtp://127.0.0.1:{port}").send(a_letter()))
    finally:
        server.stop()
    assert inbox.received == []
