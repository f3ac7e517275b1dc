"""A database that cannot be used: the advice fits what is the matter."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from simqueue.errors import InputError, JobError
from simqueue.shop import database
from simqueue.shop.database import open_database
from simqueue.shop.tables import SHOP


def start(file: Path) -> str:
    """What a process says that cannot begin with this database."""
    opened = open_database(f"sqlite:///{file}")
    try:
        with pytest.raises(InputError) as caught:
            opened.make_tables(SHOP)
    finally:
        opened.close()
    return str(caught.value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_PATIENCE_S", 0.2)


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_that_somebody_holds_is_not_to_be_replaced(
    lock: str, mode: str, tmp_path: Path, impatient: None
) -> None:
    file = tmp_path / "shop.db"
    with sqlite3.connect(file, isolation_level=None) as holder:
        holder.execute(f"PRAGMA journal_mode = {mode}")
        holder.execute("CREATE TABLE t (x)")
        holder.execute(lock)
        said = start(file)
        holder.execute("ROLLBACK")
    holder.close()
    assert "database is locked" in said
    assert "another program holds it" in said
    assert "new file" not in said


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_text("no database at all, but long enough to be read as one" * 9),
        lambda file: file.mkdir(),
        lambda file: sqlite3.connect(file).execute("CREATE TABLE orders (x)").connection.close(),
    ],
)
def test_what_is_no_database_of_ours_is_to_be_replaced(
    spoil: Callable[[Path], object], tmp_path: Path, impatient: None
) -> None:
    spoil(tmp_path / "shop.db")
    assert "or a new file" in start(tmp_path / "shop.db")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_is_removed_while_it_is_used_is_named_as_that(
    replaced: bool, tmp_path: Path, impatient: None
) -> None:
    """Connections that are opened later see a new, empty file in its place."""
    file = tmp_path / "shop.db"
    opened = open_database(f"sqlite:///{file}")
    opened.make_tables(SHOP)
    opened.close()
    for one in tmp_path.iterdir():
        one.unlink()
    if replaced:
        sqlite3.connect(file).close()
    with pytest.raises(JobError) as caught, opened.writing() as connection:
        connection.exec_driver_sql("INSERT INTO orders DEFAULT VALUES")
    opened.close()
    assert "was the file removed or replaced" in str(caught.value)


@pytest.mark.parametrize("option", ["timeout=abc", "detect_types=x", "check_same_thread=perhaps"])
def test_an_option_that_the_driver_does_not_know_is_one_line(option: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="database sqlite:///"):
        open_database(f"sqlite:///{tmp_path}/shop.db?{option}").make_tables(SHOP)


@pytest.mark.parametrize("host", ["a..b", ".", "x" * 64, f"{'x' * 64}.example"])
def test_a_host_whose_name_cannot_be_is_one_line(host: str) -> None:
    """The name is written as DNS wants it before anybody is asked: no driver's error yet."""
    opened = open_database(f"postgresql://me:geheim@{host}:1/shop")
    try:
        with pytest.raises(InputError, match="database postgresql://me:") as caught:
            opened.make_tables(SHOP)
    finally:
        opened.close()
    assert "geheim" not in str(caught.value)
