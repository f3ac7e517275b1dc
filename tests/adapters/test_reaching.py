"""Why a Redis cannot be used: nobody is there, or somebody says no. Each is said as it is."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
from conftest import missing
from redis_servers import RedisServer, find_redis

from simqueue.adapters.bull_queue.connection import connect
from simqueue.adapters.bull_queue.reaching import OPTIONS
from simqueue.errors import InputError


def refused(url: str) -> str:
    with pytest.raises(InputError) as caught:
        asyncio.run(connect(url))
    said = str(caught.value)
    assert "geheim" not in said
    assert "\n" not in said
    return said


@pytest.fixture(scope="module")
def guarded() -> Iterator[RedisServer]:
    """A Redis that wants a password."""
    if not find_redis():
        missing("redis-server")
    server = RedisServer()
    with redis.Redis(port=server.port) as admin:
        admin.execute_command("ACL", "SETUSER", "mute", "on", ">geheim", "~*", "+@all", "-ping")
        admin.execute_command("ACL", "SETUSER", "gone", "off", ">geheim", "~*", "+@all")
        admin.config_set("requirepass", "geheim")
    yield server
    server.stop()


@pytest.mark.parametrize(
    "login", ["", ":geheim2@", "nobody:geheim@", "gone:geheim@", "mute:geheim@"]
)
def test_a_login_that_is_refused_is_no_missing_server(
    login: str, guarded: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redis.backoff.ExponentialBackoff.compute", lambda *_: 0.0)
    said = refused(f"redis://{login}127.0.0.1:{guarded.port}/0")

    assert "a Redis answers there, but refuses the login" in said
    assert "check user and password" in said
    assert "no Redis answers" not in said


def test_a_database_that_it_does_not_have_is_no_missing_server(guarded: RedisServer) -> None:
    said = refused(f"redis://:geheim@127.0.0.1:{guarded.port}/99")
    assert "a Redis answers there, but says: " in said


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does this with each connection; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line, suppress(OSError):
                    answer(line)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "words",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ESMTP\r\n", b"SSH-2.0-OpenSSH_9.6\r\n"],
)
def test_somebody_else_who_answers_is_said_to_be_no_redis(words: bytes, impatient: None) -> None:
    def answer(line: socket.socket) -> None:
        line.recv(1000)
        line.sendall(words)

    with answering(answer) as port:
        assert "what answers there is no Redis" in refused(f"redis://127.0.0.1:{port}/0")
        assert "does not agree on TLS" in refused(f"rediss://127.0.0.1:{port}/0")


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, int, Path]]:
    """A Redis with TLS, its TLS port, and the certificate that nobody vouches for."""
    if not find_redis():
        missing("redis-server")
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
         "-keyout", str(key), "-out", str(chain)],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = RedisServer(
        "--tls-port", str(port), "--tls-cert-file", str(chain), "--tls-key-file", str(key),
        "--tls-ca-cert-file", str(chain), "--tls-auth-clients", "no",
    )  # fmt: skip
    yield server, port, chain
    server.stop()


def test_a_certificate_that_is_not_accepted(
    certified: tuple[RedisServer, int, Path], impatient: None
) -> None:
    _, port, chain = certified
    said = refused(f"rediss://localhost:{port}/0")
    assert "has a certificate that is not accepted" in said
    assert "?ssl_ca_certs=FILE" in said
    # The right authority, and a name that is not in it.
    other = refused(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={chain}")
    assert "has a certificate that is not accepted" in other

    async def greet() -> None:
        connection = await connect(f"rediss://localhost:{port}/0?ssl_ca_certs={chain}")
        await connection.close()

    asyncio.run(greet())


def test_nobody_is_still_nobody(impatient: None) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for url in (f"redis://127.0.0.1:{port}/0", "redis://nowhere.invalid:1/0", "unix:///nowhere/x"):
        assert "no Redis answers there" in refused(url)


@pytest.mark.parametrize(
    "option",
    [
        *("credential_provider=x", "retry=3", "parser_class=x", "encoding=foo", "flavour=vanilla"),
        *("redis_connect_func=x", "decode_responses=false", "socket_read_size=abc", "PASSWORD=x"),
        *("event_dispatcher=x", "encoder_class=x", "connection_class=x", "cache=1"),
        *("protocol=9", "protocol=x", "max_connections=0", "socket_timeout=nan", "timeout=-1"),
        *("client_name=a%20b", "health_check_interval=inf", "ssl_ca_certs=/nowhere.pem"),
        *("ssl_cert_reqs=perhaps", "ssl_password=x", "db=x"),
    ],
)
def test_an_option_that_a_url_cannot_have_is_refused_before_anybody_is_asked(option: str) -> None:
    for scheme in ("redis", "unix"):
        said = refused(f"{scheme}://:geheim@127.0.0.1:1/0?{option}")
        assert "not a Redis URL (" in said
        assert option.partition("=")[0] in said


def test_every_option_of_the_list_is_one_of_redis_py() -> None:
    from inspect import signature

    from redis.asyncio import BlockingConnectionPool, SSLConnection
    from redis.asyncio.connection import AbstractConnection, Connection

    known = {"max_connections"}
    for kind in (AbstractConnection, Connection, SSLConnection, BlockingConnectionPool):
        known |= signature(kind).parameters.keys()
    assert set(OPTIONS) <= known, set(OPTIONS) - known


@pytest.mark.parametrize(
    "url",
    ["redis://h/x", "redis://h/0/1", "redis://h/٣", "redis://h/0#x", "unix::x", "x", "redis:/h"],
)
def test_what_would_be_passed_over_is_refused(url: str) -> None:
    assert "not a Redis URL" in refused(url)
