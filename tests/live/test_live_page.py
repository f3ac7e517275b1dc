"""The page of `play` in a real browser: each control does to the model what it says."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from chromium import Page
from small import differing, shop

from simqueue.live.player import Player
from simqueue.live.session import Session
from simqueue.live.web import make_app
from simqueue.operations.serving import address_of, listen, run_app
from simqueue.workload.scenario import Scenario

TOKEN = "a-token-for-the-tests"
NEWS = "document.querySelector('[role=status]').textContent"
FOCUS = "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent)"

pytestmark = pytest.mark.slow


@contextmanager
def playing(scenario: Scenario) -> Iterator[tuple[Player, str]]:
    """A player and the address of its page, as long as the block runs."""
    player = Player(scenario)
    ready: list[Callable[[], None]] = []
    there = threading.Event()

    def started(stop: Callable[[], None]) -> None:
        ready.append(stop)
        there.set()

    with listen("127.0.0.1", 0) as listener:
        app = make_app(player, TOKEN, ["127.0.0.1"])
        loop = asyncio.new_event_loop()
        thread = threading.Thread(
            target=lambda: loop.run_until_complete(run_app(app, listener, started))
        )
        thread.start()
        try:
            assert there.wait(100)
            yield player, f"{address_of(listener, '127.0.0.1')}#token={TOKEN}"
        finally:
            loop.call_soon_threadsafe(ready[0])
            thread.join()
            loop.close()


def open_page(page: Page, url: str, lanes: int = 3) -> None:
    page.open(url)
    page.until(f"document.querySelectorAll('.lane').length === {lanes}")


def labelled(label: str) -> str:
    return f"""document.querySelector(':is(button, input)[aria-label="{label}"]')"""


def click(page: Page, label: str) -> None:
    page.value(f"{labelled(label)}.click()")


def put(page: Page, label: str, value: float) -> None:
    """Give an input a value as a person does: it changes, and then is left."""
    page.value(
        f"(() => {{ const one = {labelled(label)}; one.value = {value};"
        "one.dispatchEvent(new Event('input')); one.dispatchEvent(new Event('change')); })()"
    )


SET = {"do": "set", "queue": "payment"}
#: A control, what is put in (``None``: it is pressed), and the change that it is to make.
CONTROLS: list[tuple[str, float | None, dict[str, Any]]] = [
    ("Send one job, order", None, {"do": "send", "queue": "order", "jobs": 1}),
    ("Send a hundred jobs, payment", None, {"do": "send", "queue": "payment", "jobs": 100}),
    ("Arrivals, order", 7, {"do": "arrivals", "queue": "order", "times": 2}),
    ("Failures, payment", 30, {**SET, "key": "failure_rate", "value": 0.3}),
    ("Service, s, payment", 0.2, {**SET, "key": "service", "value": {"mean_s": 0.2}}),
    ("Attempts, payment", 5, {**SET, "key": "attempts", "value": 5}),
    ("Backoff, s, payment", 1.5, {**SET, "key": "backoff", "value": {"delay_ms": 1500}}),
    ("Jitter, payment", 5, {**SET, "key": "backoff", "value": {"jitter": 0.5}}),
    ("Take the gateway away, payment", None, {"do": "gateway", "queue": "payment", "away": True}),
    ("Kill worker 1", None, {"do": "kill", "worker": 0}),
    ("Slots for order", 5, {"do": "slots", "queue": "order", "count": 5}),
    ("Take the gateway away, payment", None, {"do": "gateway", "queue": "payment", "away": False}),
    ("Start worker 1", None, {"do": "start", "worker": 0}),
    ("Pause the queue, email", None, {"do": "pause", "queue": "email", "paused": True}),
    ("Drain worker 2", None, {"do": "drain", "worker": 1}),
    ("Pause the queue, email", None, {"do": "pause", "queue": "email", "paused": False}),
    ("Start worker 2", None, {"do": "start", "worker": 1}),
    ("Workers", 4, {"do": "workers", "count": 4}),
]  # fmt: skip


def test_each_control_does_what_python_does(page: Page) -> None:
    """The same changes from Python give the same attempts, job by job."""
    by_hand = Session(shop())
    with playing(shop()) as (player, url):
        open_page(page, url)
        for number, (label, value, change) in enumerate(CONTROLS):
            moment = 1.25 + 1.5 * number
            page.value(f"view.send({{until: {moment}}}), 1")
            page.until(f"{NEWS} && view.state.now === {moment}")
            if value is None:
                click(page, label)
            else:
                put(page, label, value)
            page.until(f"view.state.changes === {number + 1}")
            by_hand.run_until(moment)
            done = by_hand.do(
                **{"what": change["do"], **{k: v for k, v in change.items() if k != "do"}}
            )
            assert player.session.changes[-1] == done, label
            page.until(f"{NEWS}.includes({done.words!r})")
        page.value("view.send({until: 90}), 1")
        page.until("view.state.now === 90")
        by_hand.run_until(90)

        assert differing(player.session.log(), by_hand.log()) == []
        assert "stalled" in set(by_hand.log().frame().outcome)
    assert not page.errors


def test_what_is_shown_is_the_state(page: Page) -> None:
    with playing(shop()) as (player, url):
        open_page(page, url)
        page.value("view.send({until: 20}), 1")
        page.until("view.state.now === 20")
        state = player.session.state()
        for name, one in state["queues"].items():
            lane = f"document.querySelector('article[aria-label={name}]')"
            shown = page.value(f"{lane}.querySelector('dl').innerText")
            assert f"{one['active']} of {one['slots']}" in shown
            said = page.value(f"{lane}.querySelector('canvas').getAttribute('aria-label')")
            assert f"{one['ready']} jobs wait, {one['delayed']} are delayed" in said
            drawn = page.value(f"view.lanes.get('{name}').stage.jobs.size")
            assert drawn == one["ready"] + one["delayed"] + one["active"]
        assert page.value("document.querySelector('.clock').textContent") == "20 s"


def test_the_keyboard_is_enough(page: Page) -> None:
    with playing(shop()) as (player, url):
        open_page(page, url)
        page.press(".")
        page.until("view.state.now > 0")
        page.press(" ")
        page.until("view.state.running && view.state.now > 0.5")
        page.press(" ")
        page.until("!view.state.running")
        page.press("w")
        page.until(f"{NEWS}.startsWith('order: ')")
        page.press("0")
        page.until("view.state.now === 0")
        page.until(f"{NEWS}.includes('back at the start')")
        for _ in range(40):
            page.press("Tab")
            if page.value(FOCUS) == "Kill worker 2":
                break
        page.press("Enter")
        page.until("view.state.workers.some((one) => !one.up)")
        page.until(f"{NEWS}.includes('worker 2 was killed')")
        page.until(f"{FOCUS} === 'Start worker 2'")  # the focus is not lost with the button
        page.press(" ")
        page.until("view.state.workers.every((one) => one.up)")
        assert [change.do for change in player.session.changes] == ["kill", "start"]
    assert not page.errors


def test_who_wants_no_motion_sees_none(page: Page) -> None:
    with playing(shop()) as (_, url):
        page.look(1200, reduced=True)
        open_page(page, url)
        page.value("view.change({do: 'send', queue: 'order', jobs: 100}), 1")
        page.until("view.state.queues.order.ready > 50")
        page.value("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
        moves = "[...view.lanes.get('order').stage.jobs.values()].filter((one) => one.x !== one.tx)"
        assert page.value(f"{moves}.length") == 0
        assert page.value("view.lanes.get('order').stage.gone.length") == 0


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_no_page_of_play_is_wider_than_the_window(page: Page, width: int) -> None:
    with playing(shop()) as (_, url):
        page.look(width)
        open_page(page, url)
        page.value("view.send({beside: true}), 1")
        page.until("document.querySelectorAll('.lane').length === 4")
        page.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.value("document.documentElement.scrollWidth") <= width
    hosts = {request.split("/")[2].partition(":")[0] for request in page.requests[1:]}
    assert hosts == {"127.0.0.1"}


def test_without_its_token_the_page_says_so(page: Page) -> None:
    with playing(shop()) as (player, url):
        page.open(url.partition("#")[0])
        page.value("sessionStorage.clear(), location.reload()")
        page.until(
            "document.querySelector('[role=alert]').textContent.includes('token is missing')"
        )
        assert player.session.now == 0.0


def test_a_saved_session_and_a_score_are_shown(page: Page) -> None:
    with playing(shop()) as (player, url):
        open_page(page, url)
        page.value("view.send({challenge: 'broken'}), view.send({until: 60}), 1")
        page.until("view.state.now === 60")
        put(page, "Slots for order", 5)
        page.until("view.state.changes === 1")
        page.value("view.send({save: true}), view.send({until: 400}), 1")
        page.until("document.querySelector('.challenge').innerText.includes('Solved: 100 points')")
        text = page.value("view.saved")
        assert text.startswith("# A session of `simqueue play`")
        assert player.challenge is not None
