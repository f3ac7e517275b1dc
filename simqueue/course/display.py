"""Showing things: as HTML or a picture in a notebook, as text anywhere else."""

from __future__ import annotations

import html
import re
import sys
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from simqueue.notebook import shell

#: A MIME bundle and its metadata.
Shown = tuple[dict[str, Any], dict[str, Any]]

_kept: ContextVar[list[Shown] | None] = ContextVar("kept", default=None)


def show(markup: str, text: str) -> None:
    """Show something below the cell.

    Parameters
    ----------
    markup
        It in HTML, for a notebook.
    text
        It in words alone, for a terminal; also what a notebook falls back to.
    """
    _publish({"text/html": markup, "text/plain": text}, {})


def show_png(png: bytes, alt: str, width: int, below: str = "") -> None:
    """Show a picture with its alternative text; outside a notebook, the text alone.

    JupyterLab and nbconvert give a bare PNG no alternative text, so it is shown as HTML; the bare
    PNG is there for tools that want it.

    Parameters
    ----------
    png
        The file's bytes.
    alt
        What somebody who does not see the picture should know.
    width
        Width on the screen, CSS pixels; narrow screens shrink it.
    below
        HTML to show under it.
    """
    data = b64encode(png).decode("ascii")
    picture = (
        f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}" width="{width}" '
        'style="max-width: 100%; height: auto; background: white">'
    )
    _publish(
        {"text/html": picture + below, "image/png": data, "text/plain": alt},
        {"image/png": {"alt": alt, "width": width}},
    )


@contextmanager
def kept() -> Iterator[list[Shown]]:
    """What the block would show is kept instead, for whoever shows it elsewhere."""
    things: list[Shown] = []
    token = _kept.set(things)
    try:
        yield things
    finally:
        _kept.reset(token)


def _publish(data: dict[str, str], metadata: dict[str, Any]) -> None:
    things = _kept.get()
    if things is not None:
        things.append((data, metadata))
    elif shell() is None:
        _print(data["text/plain"])
    else:
        import_module("IPython.display").display(data, metadata=metadata, raw=True)


def _print(text: str) -> None:
    """Print a text; where the terminal lacks a character, without it."""
    try:
        print(text)
    except UnicodeEncodeError:
        known = sys.stdout.encoding or "ascii"
        print(text.encode(known, "replace").decode(known))


def prose(text: str) -> str:
    """HTML of a few plain paragraphs, in which backticks mark code.

    >>> prose("At most `a < b`.")
    '<p>At most <code>a &lt; b</code>.</p>'
    """
    paragraphs = [" ".join(part.split()) for part in text.strip().split("\n\n")]
    marked = (re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(p)) for p in paragraphs)
    return "".join(f"<p>{paragraph}</p>" for paragraph in marked)


def lines(text: str) -> str:
    r"""HTML of a text line by line; those that begin with a dash become a list.

    >>> lines("Different:\n- one: `a` 1\n- two: `a` 2")
    '<p>Different:</p><ul><li>one: <code>a</code> 1</li><li>two: <code>a</code> 2</li></ul>'
    """
    made = prose(text.replace("\n", "\n\n"))
    items = re.sub(r"<p>- (.*?)</p>", r"<li>\1</li>", made)
    return re.sub(r"((?:<li>.*?</li>)+)", r"<ul>\1</ul>", items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """HTML of a small table; the first cell of each row is its heading."""
    title = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    top = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table>{title}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def folded(summary: str, markup: str) -> str:
    """HTML that opens on a click."""
    return f"<details><summary>{html.escape(summary)}</summary>{markup}</details>"


def code(source: str) -> str:
    """HTML of a piece of code, line by line."""
    return f"<pre><code>{html.escape(source)}</code></pre>"


def signed(sign: str, paragraphs: str) -> str:
    """HTML of `prose` with a sign before it, for the eye alone: the words say the same.

    >>> signed("✓", prose("Right."))
    '<p><span aria-hidden="true">✓</span> Right.</p>'
    """
    return paragraphs.replace("<p>", f'<p><span aria-hidden="true">{html.escape(sign)}</span> ', 1)
