"""How an email leaves the shop: by SMTP, or into a folder."""

from __future__ import annotations

import asyncio
import os
import threading
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib

from simqueue.errors import InputError, JobError
from simqueue.safe_text import masked_url

#: In a URL: the password may go over a connection that is not encrypted.
_PLAINTEXT = "plaintext=allowed"


class InDoubtError(JobError):
    """An email was on its way when the trouble came: whether it was taken is not known."""


class Mailer(Protocol):
    """What sends an email."""

    async def send(self, message: EmailMessage) -> None:
        """Send ``message``.

        Raises
        ------
        InDoubtError
            If it may have been handed over.
        JobError
            If it certainly was not: try again.
        """


class FolderMailer:
    """Writes each email into a folder as a file that mail programs open.

    Parameters
    ----------
    folder
        Made when the first email comes. An email that is sent twice is one file, because it is
        named after its Message-ID.
    """

    def __init__(self, folder: str | Path = "sent-emails") -> None:
        self._folder = Path(folder)

    async def send(self, message: EmailMessage) -> None:
        """Write ``message``; a reader of the folder sees all of it or nothing."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            reason = error.strerror or error
            raise JobError(f"email {message['Message-ID']}: {self._folder}: {reason}") from error

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        draft = self._folder / f".{name}.{os.getpid()}.{threading.get_ident()}"
        try:
            draft.write_bytes(message.as_bytes(policy=SMTP))
            draft.replace(self._folder / f"{name}.eml")
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


class SmtpMailer:
    """Hands each email to a mail server.

    Parameters
    ----------
    url
        ``smtp://host:port`` (encrypted by STARTTLS when the server offers it) or
        ``smtps://host:port``, with ``user:password@`` before the host if it wants a login. The
        ports are 25 and 465 unless given. A password is sent over an encrypted connection only,
        unless ``?plaintext=allowed`` follows.
    timeout_s
        Longest wait for an answer, and half of what the whole of an email may take; seconds.

    Raises
    ------
    InputError
        If the URL is no such thing.
    """

    def __init__(self, url: str, timeout_s: float = 30) -> None:
        self._shown = masked_url(url)
        self._timeout_s = timeout_s
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not _plain(parts):
            raise InputError(
                f"mail server {self._shown}: not a mail server's URL; expected "
                "smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT"
            )
        self._host = parts.hostname
        self._secure = parts.scheme == "smtps"
        self._port = port or (465 if self._secure else 25)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        # Left open, it is encrypted if the server offers that: who sits between can take it away.
        must = self._password is not None and parts.query != _PLAINTEXT
        self._start_tls = True if must and not self._secure else None

    async def send(self, message: EmailMessage) -> None:
        """Hand ``message`` over; one connection each."""
        client = _Client(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._secure,
            start_tls=self._start_tls,
            timeout=self._timeout_s,
        )
        try:
            async with asyncio.timeout(2 * self._timeout_s), client:
                await client.send_message(message)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            if client.taken:
                return  # it is the server's: what goes wrong afterwards is of no concern
            why = _reason(error)
            if self._start_tls and "STARTTLS extension not supported" in why:
                why = (
                    "it offers no encryption, so it does not get the password; expected smtps://, "
                    f"or ?{_PLAINTEXT} in SMTP_URL where nobody can listen"
                )
            about = f"email {message['Message-ID']}: mail server {self._shown}: {why}"
            if client.given and not isinstance(error, aiosmtplib.SMTPResponseException):
                raise InDoubtError(f"{about}; it may have been sent") from error
            raise JobError(f"{about}; check SMTP_URL if this lasts") from error


class _Client(aiosmtplib.SMTP):
    """Knows how far an email has come: ``given`` to the server, and ``taken`` by it."""

    given = taken = False

    async def data(self, message: str | bytes, /, **options: Any) -> aiosmtplib.SMTPResponse:
        self.given = True
        answer = await super().data(message, **options)
        self.taken = True
        return answer


def _plain(parts: SplitResult) -> bool:
    """Whether a URL has no part that would be passed over."""
    return parts.path in ("", "/") and not parts.fragment and parts.query in ("", _PLAINTEXT)


def _reason(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {' '.join(error.message.split())}"
    return " ".join(str(error).split()) or type(error).__name__


def open_mailer(smtp_url: str | None) -> Mailer:
    """The mailer of ``SMTP_URL``, or without one the folder ``sent-emails`` in the current one."""
    return FolderMailer() if smtp_url is None else SmtpMailer(smtp_url)
