"""Files: whole or not there when they are written, read once as long as they do not change."""

from __future__ import annotations

import codecs
import functools
import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO, TypeVar, TypeVarTuple

Rest = TypeVarTuple("Rest")
Found = TypeVar("Found")

#: That of UTF-32 begins as that of UTF-16 does.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a neighbour of ``path`` to write to; it takes its place when the block ends well."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield target  # a pipe or /dev/null is written to, not replaced; a folder will say no
        return
    draft = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        yield draft
        draft.replace(target)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file to write, gzipped if its name ends in ``.gz``: equal texts, equal bytes."""
    with replacing(path) as draft, draft.open("wb") as raw:
        # Neither name nor time goes into the gzip header.
        zipped = path.suffix == ".gz"
        file = gzip.GzipFile("", "wb", 6, raw, mtime=0) if zipped else raw
        with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            yield text


@contextmanager
def reading(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file to read, gzipped or not."""
    with path.open("rb") as raw:
        file = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
        with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
            yield text


def read_once(
    files: int,
) -> Callable[[Callable[[Path, *Rest], Found]], Callable[[Path, *Rest], Found]]:
    """Have a function remember what it read from a file, until the file is another one.

    Parameters
    ----------
    files
        How many results to remember.

    Notes
    -----
    A file is taken for unchanged while its place, its length and its time of modification are.
    """

    def decorate(read: Callable[[Path, *Rest], Found]) -> Callable[[Path, *Rest], Found]:
        @functools.lru_cache(files)
        def remembered(path: Path, _state: tuple[int, int] | None, *rest: *Rest) -> Found:
            return read(path, *rest)

        @functools.wraps(read)
        def look(path: Path, *rest: *Rest) -> Found:
            place = path.absolute()
            return remembered(place, _state(place), *rest)

        return look

    return decorate


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None  # whoever reads it says what is wrong
    return found.st_mtime_ns, found.st_size


def open_text(path: Path) -> TextIO:
    """Open a text file that somebody's program wrote: UTF-8, or what its byte order mark says."""
    with path.open("rb") as raw:
        head = raw.read(4)
    marks = (encoding for mark, encoding in _BYTE_ORDER_MARKS if head.startswith(mark))
    return path.open(encoding=next(marks, "utf-8-sig"), newline="")


def reason(error: BaseException) -> str:
    """Say on one line what went wrong, without the path."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
