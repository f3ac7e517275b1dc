"""The web server, by real requests on a free port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from bullmq import Job, Queue
from queues import connected, failed_jobs, until, worker
from redis_servers import RedisServer
from test_metrics import samples

from simqueue.adapters.bull_queue import Connection
from simqueue.errors import InputError
from simqueue.operations import monitor
from simqueue.operations.failed import Failures
from simqueue.operations.serving import address_of, listen, serve, token_from_environment

TOKEN = "a-token-for-the-tests"
HOSTS = ("127.0.0.1", "::1", "localhost")

Talk = Callable[[Connection, httpx.AsyncClient], Awaitable[None]]


@asynccontextmanager
async def serving(connection: Connection, *queues: str) -> AsyncIterator[str]:
    """A server's address, as long as the block runs."""
    started: asyncio.Future[Callable[[], None]] = asyncio.get_running_loop().create_future()
    with listen("127.0.0.1", 0) as listener:
        running = asyncio.create_task(
            serve(connection, queues, listener, TOKEN, HOSTS, started.set_result)
        )
        stop = await started
        try:
            yield address_of(listener, "127.0.0.1")
        finally:
            stop()
            await running


def talk(url: str, what: Talk, *queues: str, prefix: str = "bull") -> None:
    """Run a server and a client for it."""

    async def scenario() -> None:
        async with (
            connected(url, prefix) as connection,
            serving(connection, *queues) as address,
            httpx.AsyncClient(base_url=address) as client,
        ):
            await what(connection, client)

    asyncio.run(scenario())


async def ask_until(
    client: httpx.AsyncClient, path: str, good: Callable[[httpx.Response], object]
) -> httpx.Response:
    """Ask until the answer is good: readings of the last half second are not read again."""
    async with asyncio.timeout(100):
        while not good(answer := await client.get(path)):
            await asyncio.sleep(0.02)
    return answer


BEARER = {"authorization": f"Bearer {TOKEN}"}


def test_the_counts_state_what_is_kept(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await Queue("order", connection.options()).add("x", {}, {})
        answer = await ask_until(
            client, "/api/queues/stats", lambda said: said.json()["queues"]["order"]["exists"]
        )

        said = answer.json()
        assert list(said["queues"]) == ["order", "payment", "email"]
        assert said["queues"]["order"]["waiting"] == 1
        assert said["queues"]["order"]["retention"]["kept_failed"] == 50
        assert not said["queues"]["email"]["exists"]
        assert "no totals" in said["note"]

    talk(redis_url, what, "order", "payment", "email")


def test_prometheus_can_read_the_metrics(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await failed_jobs(connection, "video", ["a", "b"], attempts=3)
        await Queue("video", connection.options()).add("x", {}, {})
        depth = ("simqueue_queue_depth", ("video", "waiting"))
        failed = ("simqueue_jobs_failed_total", ("video",))
        answer = await ask_until(
            client, "/metrics",
            lambda said: (samples(said.text)[depth], samples(said.text)[failed]) == (1, 2),
        )  # fmt: skip
        found = samples(answer.text)

        assert answer.headers["content-type"].startswith("text/plain")
        assert found["simqueue_jobs_processed_total", ("failed", "video")] == 2
        assert found["simqueue_attempts_total", ("retried", "video")] == 4
        assert found["simqueue_job_processing_seconds_count", ("video",)] == 6
        assert found["simqueue_queue_depth", ("video", "failed")] == 2
        assert found["simqueue_oldest_waiting_age_seconds", ("video",)] >= 0
        assert found["simqueue_redis_up", ()] == 1
        assert "since this `simqueue serve` started" in answer.text

    talk(redis_url, what, "video", prefix="theirs")


def test_failures_are_listed_and_run_again_with_the_token_only(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await failed_jobs(connection, "video", ["a/b?c", "d"])
        (first, second) = (await client.get("/api/failed?queue=video")).json()["failed"]
        assert (first["id"], second["id"]) == ("d", "a/b?c")
        assert "payload" not in first

        path = "/api/failed/retry?queue=video&id=a%2Fb%3Fc"
        wrong = {"authorization": "Bearer wrong"}
        for headers in ({}, wrong, {"authorization": TOKEN}, {"authorization": "Basic " + TOKEN}):
            assert (await client.post(path, headers=headers)).status_code == 401
        assert (await client.get(path, headers=BEARER)).status_code == 405
        assert await Failures(connection, "video").count() == 2

        done = await client.post(path, headers=BEARER)
        assert (done.status_code, done.json()) == (200, {"retried": "a/b?c"})
        gone = await client.post("/api/failed/remove?queue=video&id=d", headers=BEARER)
        assert gone.json() == {"removed": "d"}
        again = await client.post(path, headers=BEARER)
        assert (again.status_code, again.json()["error"]) == (
            404, "queue video: no failed job 'a/b?c'",
        )  # fmt: skip

        async def succeed(job: Job, token: str) -> None:
            pass

        async with worker(connection, "video", succeed) as made:
            await until(made, "completed", 1)

    talk(redis_url, what, "video")


def test_a_job_that_a_worker_holds_is_a_conflict(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await failed_jobs(connection, "video", ["a"])
        await connection.client.set("bull:video:a:lock", "somebody")
        answer = await client.post("/api/failed/remove?queue=video&id=a", headers=BEARER)
        assert (answer.status_code, answer.json()["error"]) == (
            409, "queue video: job 'a' cannot be removed: a worker holds its lock",
        )  # fmt: skip
        await connection.client.delete("bull:video:a:lock")
        answer = await client.post("/api/failed/remove?queue=video&id=a", headers=BEARER)
        assert answer.status_code == 200

    talk(redis_url, what, "video")


@pytest.mark.parametrize("name", ["my queue", "a.b/c", 'größe "1"', "x/failed/y", "%2F?#"])
def test_a_queue_may_be_called_anything(redis_url: str, name: str) -> None:
    path = quote(name, safe="")

    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await failed_jobs(connection, name, ["a/failed/b", "c"])
        found = (await client.get(f"/api/failed?queue={path}")).json()["failed"]
        assert [(job["queue"], job["id"]) for job in found] == [(name, "c"), (name, "a/failed/b")]
        done = await client.post(
            f"/api/failed/retry?queue={path}&id=a%2Ffailed%2Fb", headers=BEARER
        )
        assert done.json() == {"retried": "a/failed/b"}
        stats = await ask_until(
            client, "/api/queues/stats", lambda said: said.json()["queues"][name]["waiting"]
        )
        assert stats.json()["queues"][name]["failed"] == 1
        depth = ("simqueue_queue_depth", (name, "failed"))
        assert samples((await client.get("/metrics")).text)[depth] == 1

    talk(redis_url, what, "other", name)


def test_only_the_named_queues_are_served(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        assert (await client.get("/api/failed?queue=secret")).status_code == 404
        answer = await client.post("/api/failed/remove?queue=secret&id=a", headers=BEARER)
        assert answer.status_code == 404
        for path in ("failed?queue=vide", "failed?queue=", "failed", "failed?id=video"):
            assert (await client.get(f"/api/{path}")).status_code == 404, path
        for limit in ("0", "-1", "x", "1001", "٣"):
            answer = await client.get(f"/api/failed?queue=video&limit={limit}")
            assert answer.status_code == 400

    talk(redis_url, what, "video")


def test_every_answer_is_locked_down(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        for path in ("/", "/static/page.js", "/api/queues/stats", "/nothing", "/metrics"):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "access-control-allow-origin" not in headers
        rebound = await client.get("/api/queues/stats", headers={"host": "evil.example:8080"})
        assert rebound.status_code == 421
        assert (await client.get("/healthz", headers={"host": "[::1]:80"})).status_code == 200
        assert (await client.get("/static/..%2fweb.py")).status_code == 404

    talk(redis_url, what, "video")


def test_it_is_ready_only_while_redis_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "PATIENCE_S", 0.3)
    server = RedisServer()

    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        assert (await client.get("/readyz")).status_code == 200
        server.kill()
        away = await client.get("/readyz", timeout=100)
        assert away.status_code == 503
        assert away.json()["reason"].startswith(f"Redis at {server.url}: ")
        assert (await client.get("/healthz")).json()["alive"]
        stats = await ask_until(client, "/api/queues/stats", lambda said: said.status_code == 503)
        assert "error" in stats.json()
        found = samples((await client.get("/metrics", timeout=100)).text)
        assert found["simqueue_redis_up", ()] == 0
        assert found["simqueue_jobs_failed_total", ("video",)] == 0
        server.start()
        assert (await client.get("/readyz", timeout=100)).status_code == 200

    try:
        talk(server.url, what, "video")
    finally:
        server.stop()


def test_the_history_grows_without_a_page(redis_url: str) -> None:
    async def what(connection: Connection, client: httpx.AsyncClient) -> None:
        await Queue("video", connection.options()).add("x", {}, {})
        answer = await ask_until(client, "/api/queues/history", lambda said: said.json()["samples"])

        said = answer.json()
        assert (said["queues"], said["states"]) == (["video"], ["ready", "active", "delayed"])
        at, depths = said["samples"][0]
        assert len(depths[0]) == 3
        later = await client.get(f"/api/queues/history?since={at}")
        assert all(sample[0] > at for sample in later.json()["samples"])
        assert (await client.get("/api/queues/history?since=x")).status_code == 200

    talk(redis_url, what, "video")


def test_a_port_that_is_taken_is_an_error() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f"--port {port}: .*in use"):
            listen("127.0.0.1", port)


def test_a_token_is_made_up_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIMQUEUE_TOKEN", raising=False)
    first, made_up = token_from_environment()
    assert made_up
    assert first != token_from_environment()[0]
    monkeypatch.setenv("SIMQUEUE_TOKEN", TOKEN)
    assert token_from_environment() == (TOKEN, False)


@pytest.mark.parametrize("weak", ["short", "with spaces in between", "zwölf-boxkämpfer-jagen"])
def test_a_weak_token_is_an_error(weak: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMQUEUE_TOKEN", weak)

    with pytest.raises(InputError, match="SIMQUEUE_TOKEN") as caught:
        token_from_environment()
    assert weak not in str(caught.value)


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_what_runs_in_the_background_ends_though_cancellations_get_lost(
    lost: int, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` of Python 3.11 loses them: `serve` did not end on a busy machine."""

    async def stubborn(_: object) -> None:
        left = lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                left -= 1
                if left < 0:
                    raise

    async def story() -> None:
        async with connected(redis_url) as connection:
            watching = monitor.Monitor(connection, ("order",))
            async with asyncio.timeout(100), watching.running():
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    monkeypatch.setattr(monitor.Supervised, "run", stubborn)
    asyncio.run(story())
