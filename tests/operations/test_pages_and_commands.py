"""Pages and commands show what is there and say what they did, whatever things are called.

Names and ids of any signs, errors of any length, terminals of any width, clients of any patience.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from chromium import Page
from queues import connected, failed_jobs
from rich.console import Console
from test_page import NEWS, visit
from test_serve import BEARER, TOKEN, serving, talk

from simqueue.adapters.bull_queue import Connection
from simqueue.cli import run
from simqueue.cli.stats import table
from simqueue.operations import connections
from simqueue.operations.failed import LONGEST_ERROR, Failures
from simqueue.operations.stats import QueueStats

NAMES = ["a/b", ".", "..", "a\nb", "../api", "x/failed", "?limit=1", "a b", "%2F", "größe"]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def put_failed(client: redis.Redis, queue: str, *ids: str, error: str = "no") -> None:
    for i, job_id in enumerate(ids):
        fields = {"name": "x", "data": "{}", "opts": "{}", "failedReason": error,
                  "finishedOn": 1_764_000_000_000}  # fmt: skip
        client.hset(f"bull:{queue}:{job_id}", mapping=fields)
        client.zadd(f"bull:{queue}:failed", {job_id: 1_764_000_000_000 + i})


# ---- any name, any id


@pytest.mark.parametrize("name", NAMES)
def test_a_queue_of_any_name_is_served_beside_others(
    name: str, redis_url: str, client: redis.Redis
) -> None:
    put_failed(client, name, "one", "two")
    put_failed(client, "order", "three")

    async def what(connection: Connection, http: httpx.AsyncClient) -> None:
        for queue, number in ((name, 2), ("order", 1)):
            answer = await http.get("/api/failed", params={"queue": queue})
            assert len(answer.json()["failed"]) == number

    talk(redis_url, what, name, "order")


@pytest.mark.parametrize("verb", ["retry", "remove"])
@pytest.mark.parametrize("job_id", [*NAMES, "", "a:b", "\x1b[2J", "x" * 3000])
def test_a_job_of_any_id_is_changed(
    verb: str, job_id: str, redis_url: str, client: redis.Redis
) -> None:
    put_failed(client, "order", job_id or "empty")
    job_id = job_id or "empty"

    async def what(connection: Connection, http: httpx.AsyncClient) -> None:
        which = {"queue": "order", "id": job_id}
        answer = await http.post(f"/api/failed/{verb}", params=which, headers=BEARER)
        assert answer.status_code == 200, answer.text

    talk(redis_url, what, "order")
    assert client.zcard("bull:order:failed") == 0
    assert client.llen("bull:order:wait") == (verb == "retry")


def test_the_page_shows_and_changes_them(redis_url: str, client: redis.Redis, page: Page) -> None:
    """In a browser, which has its own ideas of what a path with dots means."""
    for name in ("a/b", "..", "."):
        put_failed(client, name, "..")

    async def look(connection: Connection, address: str) -> None:
        await asyncio.to_thread(page.open, f"{address}#token={TOKEN}")
        failures = "document.querySelectorAll('.failure').length"
        await asyncio.to_thread(page.until, f"{failures} === 3")
        await asyncio.to_thread(page.value, "document.querySelector('.failure button').click()")
        await asyncio.to_thread(page.until, f"{failures} === 2")
        said = await asyncio.to_thread(page.value, NEWS)
        assert said.endswith("waits again.")
        seen = "document.getElementById('news').getBoundingClientRect().height > 10"
        assert await asyncio.to_thread(page.value, seen)

    visit(redis_url, look, "a/b", "..", ".")


def test_a_change_that_failed_is_seen(redis_url: str, client: redis.Redis, page: Page) -> None:
    put_failed(client, "order", "a")
    client.set("bull:order:wait", "somebody else's")
    client.delete("bull:order:wait")

    async def look(connection: Connection, address: str) -> None:
        await asyncio.to_thread(page.open, f"{address}#token={TOKEN}")
        await asyncio.to_thread(page.until, "document.querySelectorAll('.failure').length === 1")
        await connection.client.set("bull:order:a:lock", "a worker")
        await asyncio.to_thread(
            page.value, "document.querySelector('.failure button.quiet').click()"
        )
        await asyncio.to_thread(page.value, "document.getElementById('remove-yes').click()")
        await asyncio.to_thread(page.until, f"{NEWS}.includes('a worker holds its lock')")
        seen = "getComputedStyle(document.getElementById('news')).clipPath === 'none'"
        assert await asyncio.to_thread(page.value, seen)

    visit(redis_url, look, "order")


# ---- any length


def test_a_list_of_failures_is_short_whatever_they_hold(
    redis_url: str, client: redis.Redis
) -> None:
    put_failed(client, "order", *(f"job-{n}" for n in range(18)), error="é" * 1_500_000)
    put_failed(client, "order", "long", error="é" * 5_000)

    async def what(connection: Connection, http: httpx.AsyncClient) -> None:
        before = (await connection.client.info("stats"))["total_net_output_bytes"]
        answer = await http.get("/api/failed?queue=order")
        sent = (await connection.client.info("stats"))["total_net_output_bytes"] - before
        errors = {job["id"]: job["error"] for job in answer.json()["failed"]}
        assert errors["job-17"] == "(3000000 bytes: failed show has them)"
        assert errors["long"] == "é" * (LONGEST_ERROR - 1) + "…"
        assert sent < 200_000
        whole = await Failures(connection, "order").show("job-0")
        assert len(whole["error"]) == 1_500_000

    talk(redis_url, what, "order")


@pytest.mark.parametrize("most", ["limit=1000", "limit=20"])
def test_names_and_options_are_short_too(most: str, redis_url: str, client: redis.Redis) -> None:
    for i in range(30):
        put_failed(client, "order", f"job-{i}")
        client.hset(f"bull:order:job-{i}", mapping={"name": "n" * 10**6, "opts": "o" * 10**6})

    async def what(connection: Connection, http: httpx.AsyncClient) -> None:
        assert len((await http.get(f"/api/failed?queue=order&{most}")).content) < 20_000

    talk(redis_url, what, "order")


# ---- a slip is no empty queue


@pytest.mark.parametrize(
    "command", ["stats", "failed list", "failed retry --all --yes", "failed remove --all --yes",
                "failed show a"],
)  # fmt: skip
@pytest.mark.parametrize("slip", ["ordre", "order ", "Order", "or*"])
def test_a_slip_in_a_queues_name_is_said(
    command: str, slip: str, redis_url: str, client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    put_failed(client, "order", "a")
    client.hset("bull:order:meta", "opts.maxLenEvents", 10)

    assert run([*command.split(), "--queue", slip]) == 2

    said = capsys.readouterr().err
    assert "no such queue" in said
    assert "there are order" in said
    assert client.zcard("bull:order:failed") == 1


def test_a_slip_in_the_prefix_is_said(
    redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    put_failed(client, "order", "a")
    assert run(["failed", "list", "--queue", "order", "--prefix", "bul"]) == 2
    assert "there is none at all" in capsys.readouterr().err


# ---- an entry of which nothing is left


@pytest.mark.parametrize("verb", ["retry", "remove"])
def test_an_entry_without_its_job_is_said_or_removed(
    verb: str, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    client.zadd("bull:order:failed", {"gone": 1})
    code = run(["failed", verb, "gone", *(["--yes"] if verb == "remove" else [])])
    assert code == (2 if verb == "retry" else 0)
    assert client.zcard("bull:order:failed") == (verb == "retry")
    if verb == "retry":
        assert "nothing but its id is left" in capsys.readouterr().err


# ---- any width


def a_queue(name: str, **more: Any) -> QueueStats:
    found: dict[str, Any] = {
        "exists": True, "waiting": 123_456, "active": 17, "delayed": 2_345, "prioritized": 0,
        "waiting_children": 0, "completed": 100, "failed": 50, "paused": 0, "is_paused": False,
        "oldest_waiting_s": 7_300.0, "workers": 731,
        "retention": {"kept_completed": 100, "kept_failed": 50}, **more,
    }  # fmt: skip
    return QueueStats(queue=name, **found)


@pytest.mark.parametrize("width", [120, 80, 60, 40])
@pytest.mark.parametrize(
    "queues",
    [
        [a_queue("order"), a_queue("payment")],
        [a_queue("transactional-emails-eu"), a_queue("x", prioritized=12, paused=5)],
        [a_queue("order", prioritized=1_234, waiting_children=22, paused=7)],
    ],
    ids=["the shop's", "a long name", "rare states"],
)
def test_stats_keep_every_number_and_name(width: int, queues: list[QueueStats]) -> None:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(table(queues))
    said = captured.get()

    assert max(map(len, said.splitlines())) <= width
    for one in queues:
        assert one.queue in said
    for number in ("123,456", "17", "2,345", "100 of 100", "50 of 50", "2 h 1 min", "731"):
        assert said.count(number) >= len(queues), number
    assert "…" not in said


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_lists_of_failures_keep_every_name_and_id(
    width: int, redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("QUEUE_REDIS_URL", redis_url)
    monkeypatch.setenv("COLUMNS", str(width))
    ids = ["email-536365-order-confirmation", "email-7"]
    put_failed(client, "email", *ids, error="the mail server does not answer")

    assert run(["failed", "list"]) == 0

    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= width
    for job_id in ids:
        assert job_id in said
    assert "2025-11-24 16:00:00" in said


# ---- any client


async def half_requests(address: str, number: int) -> list[socket.socket]:
    place = urlsplit(address)
    assert place.hostname
    assert place.port
    opened = []
    for _ in range(number):
        one = socket.create_connection((place.hostname, place.port))
        one.setblocking(False)
        one.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        opened.append(one)
        await asyncio.sleep(0)
    return opened


async def answered(address: str) -> None:
    """Ask until there is an answer: clients that are too many are turned away."""
    async with httpx.AsyncClient(base_url=address) as http, asyncio.timeout(100):
        while True:
            try:
                if (await http.get("/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


def test_half_requests_do_not_keep_others_out(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)

    async def story() -> None:
        async with connected(redis_url) as connection, serving(connection, "order") as address:
            slow = await half_requests(address, 100)
            await answered(address)
            for one in slow:
                one.close()

    asyncio.run(story())
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.message for record in said] == ["20 connections are open: more are turned away"]


def test_a_client_that_is_slow_is_let_go(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never ends its request, one that never begins it, one that keeps the line."""
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)

    async def story() -> None:
        async with connected(redis_url) as connection, serving(connection, "order") as address:
            place = urlsplit(address)
            for sent in (b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
                reader, writer = await asyncio.open_connection(place.hostname, place.port)
                writer.write(sent)
                async with asyncio.timeout(100):
                    with_answer = await reader.read(-1) if sent else b""
                    assert await reader.read(-1) == b""
                assert with_answer.startswith(b"HTTP/1.1 200") == sent.endswith(b"\r\n\r\n")
                writer.close()

    asyncio.run(story())


def test_clients_that_do_not_take_their_answers_are_let_go(
    redis_url: str, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold all the places that there are, until their time is over."""
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connections, "ANSWER_S", 1.0)
    monkeypatch.setattr(connections, "REQUEST_S", 60.0)
    put_failed(client, "order", *(f"job-{n}" for n in range(1000)), error="x" * 2000)
    asked = b"GET /api/failed?queue=order&limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def story() -> None:
        async with connected(redis_url) as connection, serving(connection, "order") as address:
            place = urlsplit(address)
            greedy = [socket.socket() for _ in range(8)]
            for one in greedy:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                one.connect((place.hostname, place.port))
                one.send(asked * 20)
            try:
                await answered(address)
            finally:
                for one in greedy:
                    one.close()

    asyncio.run(story())


def test_rubbish_is_not_logged_line_by_line(
    redis_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    async def story() -> None:
        async with connected(redis_url) as connection, serving(connection, "order") as address:
            place = urlsplit(address)
            for _ in range(50):
                reader, writer = await asyncio.open_connection(place.hostname, place.port)
                writer.write(b"\x16\x03\x01 hello\r\n\r\n")
                await reader.read(-1)
                writer.close()

    asyncio.run(story())
    assert len(capfd.readouterr().err.splitlines()) < 5


# ---- what other programs see of us


def test_failed_jobs_of_other_programs_are_json_for_all(redis_url: str) -> None:
    async def story() -> str:
        async with connected(redis_url) as connection:
            await failed_jobs(connection, "video", ["a"])
            await connection.client.hset("bull:video:a", "name", "caf\udced\udca0")
            found = await Failures(connection, "video").list()
            return json.dumps([job.as_json() for job in found])

    assert "caf" in asyncio.run(story())
