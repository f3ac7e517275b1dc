"""A mail server that goes silent, away or says no at one point of a dialogue."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class MailServer(socketserver.ThreadingTCPServer):
    """Takes what it is given, until ``fails(point, number of the call)`` is true.

    Points are the words of a dialogue (``EHLO``, ``MAIL``, ``RCPT``, ``DATA``, ``QUIT``): it hangs
    up there. At ``body`` it hangs up when it has read an email and not taken it, at ``refuse`` it
    says no to it, at ``answer`` it takes it and hangs up.

    Attributes
    ----------
    taken, lost
        The emails that it took, and those of them whose answer got lost.
    senders
        Who said hello before each email that it took.
    failed
        How often it failed, by the point.
    """

    allow_reuse_address = daemon_threads = True
    request_queue_size = 64

    def __init__(self, fails: Callable[[str, int], bool]) -> None:
        self.taken: list[str] = []
        self.lost: list[str] = []
        self.senders: list[str] = []
        self.failed: Counter[str] = Counter()
        self._fails = fails
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Dialogue)

    @property
    def url(self) -> str:
        """What SMTP_URL should be."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def fails(self, point: str) -> bool:
        """Whether it fails here and now."""
        with self._lock:
            self._calls[point] += 1
            fails = self._fails(point, self._calls[point])
            self.failed[point] += bool(fails)
            return fails

    def take(self, text: str, sender: str) -> None:
        """Keep an email."""
        with self._lock:
            self.taken.append(text)
            self.senders.append(sender)


class _Dialogue(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        with suppress(ConnectionError):  # whoever was killed hangs up on us
            self._talk()

    def _talk(self) -> None:
        self.wfile.write(b"220 here\r\n")
        sender = ""
        for line in self.rfile:
            word = line.strip().upper()[:4].decode()
            if self.server.fails(word):
                return
            if word == "EHLO":
                sender = line.decode().split()[1]
            if word == "DATA":
                self.wfile.write(b"354 go on\r\n")
                text = self._read_text()
                if text is None or self.server.fails("body"):
                    return
                if self.server.fails("refuse"):
                    self.wfile.write(b"451 come back later\r\n")
                    continue
                self.server.take(text, sender)
                if self.server.fails("answer"):
                    self.server.lost.append(text)
                    return
            self.wfile.write(b"221 bye\r\n" if word == "QUIT" else b"250 OK\r\n")

    def _read_text(self) -> str | None:
        """An email, or nothing if its sender is gone in the middle of it."""
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines).decode()
            lines.append(line)
        return None


@contextmanager
def mail_server(fails: Callable[[str, int], bool] = lambda *_: False) -> Iterator[MailServer]:
    """A mail server for as long as the block runs."""
    with MailServer(fails) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
