"""A mail server's password goes over an encrypted connection, or nowhere."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from servers import free_port
from small_shop import an_order

from simqueue.errors import InputError, JobError
from simqueue.shop.letters import letter
from simqueue.shop.mailer import SmtpMailer

# The test server takes a password without encryption, which its makers warn of.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")


class MailServer:
    """Takes every password, and remembers them."""

    def __init__(self) -> None:
        self.passwords: list[bytes] = []
        self.emails = 0
        self.place = f"127.0.0.1:{free_port()}"

    def login(
        self, _server: Any, _session: Any, _envelope: Any, _how: str, given: Any
    ) -> AuthResult:
        self.passwords.append(given.password)
        return AuthResult(success=True)

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802
        self.emails += 1
        return "250 OK"


@contextmanager
def serving(**options: Any) -> Iterator[MailServer]:
    found = MailServer()
    host, port = found.place.split(":")
    controller = Controller(
        found, host, int(port),
        authenticator=found.login, auth_required=True, auth_require_tls=False, **options,
    )  # fmt: skip
    controller.start()
    try:
        yield found
    finally:
        controller.stop()


def send(url: str) -> None:
    email = letter(an_order("536365"), "payment-success", {"A": "MUG"}, 1.3e9)
    asyncio.run(SmtpMailer(url, timeout_s=60).send(email))


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    """One that nobody vouches for."""
    key, chain = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-keyout", str(key), "-out", str(chain)],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


@pytest.mark.parametrize(
    "address",
    [
        lambda place: f"smtp://shop:geheim@{place}",
        lambda place: f"smtp://:geheim@{place}",
        lambda place: f"smtp://shop:g%65heim@{place}/",
        lambda place: f"SMTP://shop:geheim@{place}",
    ],
)
def test_a_server_without_encryption_does_not_get_the_password(
    address: Callable[[str], str],
) -> None:
    with serving() as server:
        with pytest.raises((JobError, InputError)) as caught:
            send(address(server.place))
        assert server.passwords == []
        assert server.emails == 0
    assert "no encryption" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_one_whose_certificate_nobody_vouches_for_does_not_get_it(
    certificate: ssl.SSLContext,
) -> None:
    with serving(tls_context=certificate) as server:
        for scheme in ("smtp", "smtps"):
            with pytest.raises(JobError):
                send(f"{scheme}://shop:geheim@{server.place}")
        assert server.passwords == []


def test_whoever_says_so_may_send_it_in_the_clear() -> None:
    with serving() as server:
        send(f"smtp://shop:geheim@{server.place}?plaintext=allowed")
        assert server.passwords == [b"geheim"]
        assert server.emails == 1


def test_without_a_password_there_is_nothing_to_protect() -> None:
    with serving() as server, pytest.raises(JobError, match="530"):
        send(f"smtp://{server.place}")


@pytest.mark.parametrize(
    "end",
    ["?plaintext=yes", "?plaintext", "?PLAINTEXT=allowed", "?plaintext=allowed&x=1", "#x", "/x"],
)
def test_a_flag_that_is_misspelt_is_refused(end: str) -> None:
    with pytest.raises(InputError, match="not a mail server's URL"):
        SmtpMailer(f"smtp://shop:geheim@localhost{end}")
