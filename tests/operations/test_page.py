"""The page in a real browser: read, used with the keyboard, and left alone by what Redis holds."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from bullmq import Job, Queue
from chromium import Page
from queues import connected, failed_jobs, until, worker
from test_serve import TOKEN, serving

from simqueue.adapters.bull_queue import Connection
from simqueue.operations import monitor
from simqueue.operations.failed import Failures

Look = Callable[[Connection, str], Awaitable[None]]


@pytest.fixture(autouse=True)
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks every fifth of a second, and so does the page."""
    monkeypatch.setattr(monitor, "SAMPLE_S", 0.2)


def visit(url: str, look: Look, *queues: str) -> None:
    """Run a server, and look at it."""

    async def scenario() -> None:
        async with connected(url) as connection, serving(connection, *queues) as address:
            await look(connection, address)

    asyncio.run(scenario())


def count(queue: str, what: str) -> str:
    """JavaScript: a number that a queue's card shows."""
    return (
        f"[...[...document.querySelectorAll('.queue')].find(card => card.querySelector('h3')"
        f".textContent === '{queue}').querySelectorAll('dt')].find(term => term.textContent === "
        f"'{what}').nextElementSibling.firstElementChild.textContent"
    )


FAILURES = "document.querySelectorAll('.failure').length"
FOCUS = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.id)"
NEWS = "document.getElementById('news').textContent"


def tab_to(page: Page, label: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(20):
        page.press("Tab")
        if page.value(FOCUS) == label:
            return
    raise AssertionError(f"Tab never reaches {label!r}")


def test_numbers_move_while_jobs_run(redis_url: str, page: Page) -> None:
    async def look(connection: Connection, address: str) -> None:
        queue = Queue("order", connection.options())
        await queue.addBulk([{"name": "x", "data": {}, "opts": {}} for _ in range(1200)])
        await queue.add("x", {}, {"delay": 60_000})
        await asyncio.to_thread(page.open, address)
        await asyncio.to_thread(page.until, f"{count('order', 'waiting')} === '1,200'")
        assert await asyncio.to_thread(page.value, count("order", "delayed")) == "1"
        badges = "[...document.querySelectorAll('.badge')].map(badge => badge.textContent)"
        assert await asyncio.to_thread(page.value, badges) == ["", "no such queue yet"]

        # The history is sampled now and then: let it see the backlog before it is gone.
        said = "document.querySelector('.queue .chart').getAttribute('aria-label')"
        await asyncio.to_thread(page.until, f"{said}.includes('ready 1200')")

        async def succeed(job: Job, token: str) -> None:
            pass

        async with worker(connection, "order", succeed, concurrency=20) as made:
            done = asyncio.create_task(until(made, "completed", 1200))
            await done
            await asyncio.to_thread(page.until, f"{count('order', 'waiting')} === '0'")
            await asyncio.to_thread(page.until, f"{count('order', 'completed')} === '1,200'")
        await asyncio.to_thread(page.until, f"{said}.includes('ready 0, at most 1200')")
        line = "document.querySelector('.queue .chart path.ready').getAttribute('d')"
        assert await asyncio.to_thread(page.value, line)

    visit(redis_url, look, "order", "email")

    assert not page.errors
    hosts = {request.split("/")[2].partition(":")[0] for request in page.requests[1:]}
    assert hosts == {"127.0.0.1"}


def test_retry_by_keyboard_brings_a_failed_job_back(redis_url: str, page: Page) -> None:
    async def look(connection: Connection, address: str) -> None:
        await failed_jobs(connection, "order", ["order-1"], attempts=3)
        await failed_jobs(connection, "order", ["order-2"], attempts=3)
        await asyncio.to_thread(use, address)
        assert await Failures(connection, "order").ids() == ["order-1"]

        async def succeed(job: Job, token: str) -> None:
            assert (job.id, job.attemptsMade) == ("order-2", 0)

        async with worker(connection, "order", succeed) as made:
            await until(made, "completed", 1)
        await asyncio.to_thread(page.until, f"{count('order', 'completed')} === '1'")

    def use(address: str) -> None:
        page.open(f"{address}#token={TOKEN}")
        page.until(f"{FAILURES} === 2")
        # The token is in no address that a history or a screenshot keeps.
        assert page.value("location.href") == address
        tab_to(page, "Retry job order-2 of queue order")
        page.press("Enter")
        page.until(f"{FAILURES} === 1")
        page.until(f"{NEWS} === 'Job order-2 of order: waits again.'")
        page.until(f"{FOCUS} === 'Retry job order-1 of queue order'")
        page.until(f"{count('order', 'waiting')} === '1'")

    visit(redis_url, look, "order")

    assert not page.errors


def test_without_the_token_the_page_asks_for_it(redis_url: str, page: Page) -> None:
    async def look(connection: Connection, address: str) -> None:
        await failed_jobs(connection, "order", ["order-1"])
        await asyncio.to_thread(use, address)
        assert await Failures(connection, "order").count() == 0

    def use(address: str) -> None:
        page.open(address)
        page.until(f"{FAILURES} === 1")
        tab_to(page, "Remove job order-1 of queue order")
        page.press(" ")
        page.until("document.getElementById('remove-dialog').open")
        page.press("Escape")
        page.until(f"{FOCUS} === 'Remove job order-1 of queue order'")
        page.until("!document.activeElement.hasAttribute('aria-disabled')")
        page.press("Enter")
        page.until("document.getElementById('remove-dialog').open")
        page.press("Enter")
        page.until("document.getElementById('token-dialog').open")
        assert page.value(FOCUS) == "token"
        page.type("not the token")
        page.press("Enter")
        page.until("document.getElementById('token-wrong').textContent !== ''")
        page.type(TOKEN)
        page.press("Enter")
        page.until(f"{FAILURES} === 0")
        page.until(f"{FOCUS} === 'failures-heading'")
        page.until("!document.getElementById('no-failures').hidden")

    visit(redis_url, look, "order")

    # The one refusal, and nothing else.
    assert [error for error in page.errors if "401" not in error] == []
    assert len(page.errors) == 1


def test_news_do_not_steal_the_focus(redis_url: str, page: Page) -> None:
    async def look(connection: Connection, address: str) -> None:
        await failed_jobs(connection, "order", ["order-1"])
        await asyncio.to_thread(page.open, address)
        await asyncio.to_thread(page.until, f"{FAILURES} === 1")
        await asyncio.to_thread(tab_to, page, "Remove job order-1 of queue order")
        await failed_jobs(connection, "order", ["order-2"])
        await asyncio.to_thread(page.until, f"{FAILURES} === 2")
        first = "document.querySelector('.failure b').textContent"
        assert await asyncio.to_thread(page.value, first) == "order-2"
        held = await asyncio.to_thread(page.value, FOCUS)
        assert held == "Remove job order-1 of queue order"

    visit(redis_url, look, "order")


def test_what_redis_holds_is_text(redis_url: str, page: Page) -> None:
    evil = "<img src=x onerror=alert(1)>"

    async def look(connection: Connection, address: str) -> None:
        await failed_jobs(connection, "order", [evil])
        key = f"bull:order:{evil}"
        await connection.client.hset(key, mapping={"name": evil, "failedReason": evil})
        await asyncio.to_thread(page.open, address)
        await asyncio.to_thread(page.until, f"{FAILURES} === 1")
        assert await asyncio.to_thread(page.value, "document.querySelector('main img')") is None
        shown = await asyncio.to_thread(page.value, "document.querySelector('.failure').innerText")
        assert shown.count(evil) == 3

    visit(redis_url, look, "order")

    assert not page.errors


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(redis_url: str, page: Page, width: int) -> None:
    async def look(connection: Connection, address: str) -> None:
        await failed_jobs(connection, "order", ["x" * 200], attempts=1)
        await asyncio.to_thread(page.look, width)
        await asyncio.to_thread(page.open, address)
        await asyncio.to_thread(page.until, f"{FAILURES} === 1")
        wide = await asyncio.to_thread(page.value, "document.documentElement.scrollWidth")
        assert wide <= width

    visit(redis_url, look, "order", "payment", "email")


def test_a_server_that_is_gone_makes_the_numbers_old(redis_url: str, page: Page) -> None:
    async def scenario() -> None:
        async with connected(redis_url) as connection:
            async with serving(connection, "order") as address:
                await asyncio.to_thread(page.open, address)
                await asyncio.to_thread(page.until, "connection.textContent === 'live'")
            await asyncio.to_thread(page.until, "document.body.classList.contains('stale')")
        said = page.value("document.querySelector('header').innerText")
        assert "out of date" in said
        assert "the server does not answer" in said

    asyncio.run(scenario())
