"""What was read from a file is remembered until the file is another one."""

import os
from pathlib import Path

import pytest

from simqueue.files import read_once


@pytest.fixture
def reads() -> list[str]:
    return []


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, reads: list[str]) -> None:
    @read_once(files=4)
    def read(path: Path, more: str) -> str:
        reads.append(more)
        return path.read_text() + more

    file = tmp_path / "a.txt"
    file.write_text("one")
    assert [read(file, "!"), read(file, "!"), read(file, "?")] == ["one!", "one!", "one?"]
    assert reads == ["!", "?"]

    # As long as before, as an editor may leave it.
    state = file.stat()
    file.write_text("two")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    assert read(file, "!") == "two!"

    # At the same moment, as a coarse clock may have it.
    state = file.stat()
    file.write_text("three")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert read(file, "!") == "three!"


def test_a_name_is_looked_for_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = read_once(files=4)(Path.read_text)
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(f"{folder:5}")
        os.utime(tmp_path / folder / "a.txt", ns=(0, 0))

    found = []
    for folder in ("here", "there"):
        monkeypatch.chdir(tmp_path / folder)
        found.append(read(Path("a.txt")).strip())
    assert found == ["here", "there"]


def test_a_file_that_is_not_there_is_looked_for_again(tmp_path: Path) -> None:
    read = read_once(files=4)(Path.read_text)
    file = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError):
        read(file)
    file.write_text("now")

    assert read(file) == "now"
