from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from servers import PostgresServer, free_port
from small_shop import an_order, small_shop

from simqueue.clock import VirtualClock
from simqueue.errors import InputError, JobError
from simqueue.settings import Settings
from simqueue.shop import open_shop
from simqueue.shop.database import open_database


def refusal(url: str) -> str:
    """What opening the shop at ``url`` says; it must be one line without the password."""
    with pytest.raises(InputError) as error:
        open_shop(Settings(database_url=SecretStr(url)), VirtualClock())
    text = str(error.value)
    assert "\n" not in text
    assert "secret" not in text
    return text


def test_a_url_of_no_database() -> None:
    assert "database shop.db: not a database URL; expected sqlite:///FILE.db" in refusal("shop.db")


@pytest.mark.parametrize("scheme", ["mysql", "sqlite+aiosqlite", "postgresql+asyncpg"])
def test_another_kind_of_database(scheme: str) -> None:
    text = refusal(f"{scheme}://shop:secret@db/shop")
    assert f"database {scheme}://shop:***@db/shop: no support for {scheme}; expected" in text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "folder that exists" in refusal(f"sqlite:///{tmp_path}/nowhere/shop.db")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, but rather long" * 100)
    assert "file is not a database" in refusal(f"sqlite:///{tmp_path}/notes.txt")


def test_a_database_of_another_program(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE orders (id INTEGER)")
    other.close()
    assert "DATABASE_URL should name a simqueue database" in refusal(
        f"sqlite:///{tmp_path}/other.db"
    )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_is_not_running(scheme: str) -> None:
    url = f"{scheme}://shop:secret@127.0.0.1:{free_port()}/shop"
    text = refusal(url)
    assert text.startswith(f"database {scheme}://shop:***@127.0.0.1")
    assert "check DATABASE_URL" in text


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert '-m pip install ".[postgres]"' in refusal("postgresql://shop:secret@db/shop")


def test_trouble_in_a_transaction_is_worth_another_attempt(database_url: str) -> None:
    with small_shop(database_url) as shop:
        shop.store.place(an_order())
        with shop.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE sent_emails")
        with pytest.raises(JobError, match=r"database .*sent_emails"):
            shop.store.emails()


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    with small_shop(database_url) as shop:

        def half_done() -> None:
            with shop.database.writing() as connection:
                connection.exec_driver_sql("UPDATE stock SET on_hand = 0")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            half_done()
        assert shop.store.on_hand()["A"] == 10


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    with small_shop(f"sqlite:///{tmp_path}/shop.db") as shop, shop.database.writing() as connection:
        connection.exec_driver_sql("UPDATE stock SET on_hand = 0")
        assert shop.store.on_hand()["A"] == 10


def test_whoever_opens_a_new_file_waits_for_who_came_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite does not wait by itself while a file's journal becomes a WAL."""
    first = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    first.execute("BEGIN IMMEDIATE")
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        first.execute("COMMIT")

    monkeypatch.setattr("simqueue.shop.database.time.sleep", sleep)
    with small_shop(f"sqlite:///{tmp_path}/shop.db") as shop:
        assert shop.store.on_hand()["A"] == 10
    assert len(waits) == 1
    first.close()


def test_the_shop_opens_with_its_catalogue_and_keeps_its_stock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_shop(Settings(), VirtualClock()) as shop:
        first = shop.store.on_hand()
        with shop.database.writing() as connection:
            connection.exec_driver_sql("UPDATE stock SET on_hand = 5 WHERE sku = '22423'")
    with open_shop(Settings(), VirtualClock(), seed=2) as shop:
        assert shop.store.on_hand() == first | {"22423": 5}
    assert len(first) == 2994
    assert (tmp_path / "shop.db").exists()


def test_open_database_in_memory_is_one_database_for_all_threads() -> None:
    database = open_database("sqlite:///:memory:")
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0
    database.close()


def test_a_connection_that_the_server_has_closed_is_replaced_unnoticed(
    postgres: PostgresServer,
) -> None:
    url = postgres.new_database()
    database, other = open_database(url), open_database(url)

    def number() -> int:
        with database.reading() as connection:
            found: int = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            return found

    first = number()
    assert number() == first
    end = f"SELECT pg_terminate_backend({first})"
    left = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {first}"
    with other.reading() as connection:
        connection.exec_driver_sql(end)
    while True:
        with other.reading() as connection:
            if not connection.exec_driver_sql(left).scalar_one():
                break
    assert number() != first
    database.close()
    other.close()
