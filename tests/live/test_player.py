"""The one door of page and widget: time that passes, commands, and who may ask."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from small import differing, shop

from simqueue.live.player import PATIENCE_S, Player
from simqueue.live.session import Session, read_session
from simqueue.live.web import make_app

TOKEN = "a-token-for-the-tests"
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Clock:
    """Real time, as the test has it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def player(clock: Clock) -> Player:
    return Player(shop(), clock)


def test_time_passes_at_its_speed_while_somebody_looks(player: Player, clock: Clock) -> None:
    player.answer({"speed": 10})
    player.answer({"running": True})
    for _ in range(5):
        clock.now += 0.1
        player.answer({})
    assert player.session.now == pytest.approx(5.0, abs=0.01)

    clock.now += 60  # nobody looked: it has stood still
    player.answer({"running": False})
    assert player.session.now == pytest.approx(5.0 + 10 * PATIENCE_S, abs=0.01)
    clock.now += 1
    assert player.answer({})["now"] == player.session.now


def test_it_halts_when_all_is_done(player: Player, clock: Clock) -> None:
    player.answer({"until": 39.0})
    player.answer({"speed": 1e6})
    player.answer({"running": True})
    for _ in range(100):
        clock.now += 0.1
        seen = player.answer({})
        if not seen["running"]:
            break
    assert seen["over"]
    assert not seen["running"]


def test_back_at_the_start_it_is_the_same_again(player: Player) -> None:
    player.answer({"until": 20.0})
    log = player.session.log()
    player.answer({"change": {"do": "kill", "worker": 0}})
    said = player.answer({"again": True})

    assert (said["now"], said["changes"]) == (0.0, 0)
    player.answer({"until": 20.0})
    assert differing(player.session.log(), log) == []


def test_training_mode_beside_has_the_same_arrivals_and_changes(player: Player) -> None:
    player.answer({"until": 5.0})
    player.answer({"beside": True})
    player.answer({"until": 10.0})
    for change in (
        {"do": "send", "queue": "order", "jobs": 3},
        {"do": "gateway", "queue": "payment", "away": True},
        {"do": "kill", "worker": 0},
    ):
        assert "error" not in player.answer({"change": change})
    seen = player.answer({"until": 60.0})
    assert player.beside is not None

    kept = [change.words for change in player.beside.changes]
    assert kept == ["3 jobs sent to order", "what payment depends on is away"]
    orders = [
        set(one.log().select("order").frame().job_id) for one in (player.session, player.beside)
    ]
    assert orders[0] == orders[1]
    assert seen["beside"]["mode"] == "in-process"
    assert seen["beside"]["queues"]["order"]["slots"] == 18  # as many callers as slots


def test_save_load_and_export_hand_out_texts(player: Player, tmp_path: Path) -> None:
    player.answer({"until": 5.0})
    player.answer({"change": {"do": "kill", "worker": 0}})
    assert "worker 1 is down" in player.answer({"export": True})["error"]
    player.answer({"until": 7.0})
    player.answer({"change": {"do": "start", "worker": 0}})
    saved = player.answer({"save": True})["text"]
    assert "crashes" in player.answer({"export": True})["text"]

    other = Player(shop(seed=9))
    other.answer({"load": saved})
    assert differing(other.session.log(), player.session.log()) == []
    assert read_session(saved).changes == player.session.changes
    assert other.answer({"load": "nonsense"})["error"].startswith("session: not TOML")
    assert "no session" in other.answer({"load": "a = 1"})["error"]


def test_a_challenge_has_rules_and_an_end(player: Player) -> None:
    seen = player.answer({"challenge": "broken"})
    assert seen["challenge"]["score"] is None
    refused = player.answer({"change": {"do": "workers", "count": 9}})
    assert "not allowed here" in refused["error"]
    seen = player.answer({"until": 1e6})

    assert seen["now"] == 400.0
    assert seen["challenge"]["score"]["solved"] is False
    assert player.answer({"again": True})["challenge"]["name"] == "broken"


def ask(
    player: Player, method: str, path: str, host: str = "127.0.0.1", **how: Any
) -> httpx.Response:
    """One request to the page's server, which answers to one host."""

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(player, TOKEN, ["127.0.0.1"]))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            return await client.request(method, path, **how)

    return asyncio.run(asked())


def test_only_who_knows_the_token_may_ask(player: Player) -> None:
    def code(**how: Any) -> int:
        return ask(player, "POST", "/api/play", **how).status_code

    assert code(json={"until": 1.0}) == 401
    assert code(json={"until": 1.0}, headers={"authorization": "Bearer something-else"}) == 401
    assert player.session.now == 0.0
    assert ask(player, "GET", "/api/play", headers=BEARER).status_code == 405
    assert code(content="[1]", headers=BEARER) == 400
    assert code(content="{", headers=BEARER) == 400
    assert code(json={"until": 1.0}, headers=BEARER) == 200
    assert player.session.now == 1.0


def test_a_foreign_page_cannot_drive_it(player: Player) -> None:
    named = ask(player, "POST", "/api/play", "evil.example", json={}, headers=BEARER)
    assert named.status_code == 421
    origin = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    asked = ask(player, "OPTIONS", "/api/play", headers=origin)
    assert "access-control-allow-origin" not in asked.headers
    page = ask(player, "GET", "/")
    assert page.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert ask(player, "GET", "/static/player.py").status_code == 404


def test_the_state_of_a_session_is_that_of_python(player: Player) -> None:
    player.answer({"until": 12.0})
    session = Session(shop())
    session.run_until(12.0)
    seen, state = player.answer({}), session.state()

    assert {key: seen[key] for key in state if key != "ended"} == {
        key: value for key, value in state.items() if key != "ended"
    }
