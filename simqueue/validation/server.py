"""Which Redis a validation runs on: a given one, a private one, or one in this process."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simqueue.adapters.bull_queue.connection import EMBEDDED, connected
from simqueue.errors import SimqueueError
from simqueue.safe_text import masked_url

_log = logging.getLogger(__name__)

PROGRAM = "redis-server"
#: How long a private server may take to answer, and to end.
_PATIENCE_S = 10.0
#: Somebody may take the port that was free a moment ago.
_TRIES = 3
_KEYS_AT_ONCE = 1000


@dataclass(frozen=True)
class Server:
    """A Redis.

    Attributes
    ----------
    url
        Where it is, with the password.
    version
        Its version, or ``unknown``.
    kind
        ``given``, ``private`` or ``embedded``.
    prefix
        What the keys of this run begin with.
    """

    url: str
    version: str
    kind: str
    prefix: str

    @property
    def embedded(self) -> bool:
        """Whether it is in this process."""
        return self.kind == "embedded"

    @property
    def words(self) -> str:
        """Which one it is, for a person."""
        if self.embedded:
            return f"fakeredis {self.version} in this process: not a real Redis"
        if self.kind == "private":
            return f"a private Redis {self.version}, started for this run"
        return f"the Redis {self.version} at {masked_url(self.url)}"


@contextmanager
def open_server(url: str | None = None) -> Iterator[Server]:
    """The Redis at ``url``, else a private one if it is installed, else an embedded one.

    A server that is not ours keeps what it holds: only the keys of this run are removed from it.

    Raises
    ------
    InputError
        If no Redis answers at ``url``.
    SimqueueError
        If a private server does not start.
    """
    prefix = f"simqueue-validate-{secrets.token_hex(4)}"
    if url is None and shutil.which(PROGRAM):
        with _private_server() as private:
            yield Server(private, asyncio.run(_version(private)), "private", prefix)
    elif url is None or url.startswith(EMBEDDED):
        from importlib.metadata import version

        asyncio.run(_version(EMBEDDED))  # says what to install
        yield Server(EMBEDDED, version("fakeredis"), "embedded", prefix)
    else:
        server = Server(url, asyncio.run(_version(url)), "given", prefix)
        try:
            yield server
        finally:
            asyncio.run(_remove_keys(server))


async def _version(url: str) -> str:
    async with connected(url) as connection:
        from redis.exceptions import ResponseError

        if connection.embedded:
            return ""
        try:
            return str((await connection.client.info("server"))["redis_version"])
        except ResponseError:  # hosted servers may forbid INFO
            return "of unknown version"


async def _remove_keys(server: Server) -> None:
    pattern = f"{server.prefix}:*"
    try:
        async with connected(server.url) as connection:
            client = connection.client
            found = [key async for key in client.scan_iter(match=pattern, count=_KEYS_AT_ONCE)]
            for start in range(0, len(found), _KEYS_AT_ONCE):
                await client.unlink(*found[start : start + _KEYS_AT_ONCE])
    except SimqueueError as error:
        _log.warning("the keys %s may be left in the Redis: %s", pattern, error)


@contextmanager
def _private_server() -> Iterator[str]:
    """Start a server that keeps nothing; its URL."""
    folder = Path(tempfile.mkdtemp(prefix="simqueue-redis-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        for left in reversed(range(_TRIES)):
            port = _free_port()
            process = _start(folder, port)
            if _answers(process, port):
                break
            if not left:
                raise SimqueueError(f"{PROGRAM} did not start: {_last_words(folder)}")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        if process is not None:
            _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [
        PROGRAM, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder),
        "--save", "", "--appendonly", "no", "--logfile", str(folder / "log"),
    ]  # fmt: skip
    # In a session of its own it does not hear of Ctrl-C: it has to outlive the workers.
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it answers; whether it does."""
    until = time.monotonic() + _PATIENCE_S
    while process.poll() is None and time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as line:
                line.sendall(b"PING\r\n")
                if line.recv(16).startswith(b"+PONG"):
                    # Somebody else's server may be what answers on this port.
                    return process.poll() is None
        except OSError:
            pass
        time.sleep(0.02)
    _end(process)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / "log").read_text(errors="replace").splitlines()
    except OSError:
        return "it left no log"
    return " / ".join(lines[-3:])
