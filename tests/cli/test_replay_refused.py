"""An order that could not be placed: the others are, nobody's order is blamed, the code is 1."""

import json
import sqlite3
from pathlib import Path

import pytest

from simqueue.cli import run
from simqueue.clock import SystemClock
from simqueue.data import data_path
from simqueue.settings import read_settings
from simqueue.shop import open_shop, read_orders

Capture = pytest.CaptureFixture[str]

#: What makes a database refuse some orders, as a full disk, a lock or another version might.
TROUBLE = {
    "one order": "BEFORE INSERT ON orders WHEN NEW.order_id = (SELECT id FROM victim)",
    "one order's lines": "BEFORE INSERT ON order_lines WHEN NEW.order_id = (SELECT id FROM victim)",
    "every order": "BEFORE INSERT ON orders",
}


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlite3.Connection:
    """A shop that has placed no order yet, and its database."""
    monkeypatch.chdir(tmp_path)
    for variable in ("WORKER_MODE", "QUEUE_REDIS_URL", "DATABASE_URL", "SMTP_URL"):
        monkeypatch.delenv(variable, raising=False)
    open_shop(read_settings(), SystemClock()).close()
    return sqlite3.connect("shop.db")


def break_it(shop: sqlite3.Connection, where: str) -> None:
    victim = read_orders(data_path("orders.csv"))[1].order_id
    shop.execute("CREATE TABLE victim (id TEXT)")
    shop.execute("INSERT INTO victim VALUES (?)", [victim])
    shop.execute(f"CREATE TRIGGER broken {where} BEGIN SELECT RAISE(ABORT, 'disk is sad'); END")
    shop.commit()
    shop.close()


@pytest.mark.parametrize("mode", ["in-process", "none", "bull-queue"])
@pytest.mark.parametrize("trouble", list(TROUBLE))
def test_the_others_are_placed_and_the_summary_is_printed(
    trouble: str, mode: str, shop: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:  # fmt: skip
    break_it(shop, TROUBLE[trouble])
    monkeypatch.setenv("WORKER_MODE", mode)
    monkeypatch.setenv("QUEUE_REDIS_URL", "embedded://")

    code = run(["replay", "--limit", "4", "--json"])
    said = capsys.readouterr()

    assert code == 1, said.err
    result = json.loads(said.out)
    refused = 4 if trouble == "every order" else 1
    assert result["not_placed"] == refused
    assert result["placed"] == 4 - refused
    assert sum(result["order_status"].values()) == 4 - refused
    assert "disk is sad" in said.err
    assert "error:" not in said.err


def test_a_person_reads_how_many(shop: sqlite3.Connection, capsys: Capture) -> None:
    break_it(shop, TROUBLE["one order"])

    assert run(["replay", "--limit", "4"]) == 1
    said = capsys.readouterr()
    assert "1 of them could not be placed" in said.out
    assert "4 orders, WORKER_MODE=in-process" in said.out
