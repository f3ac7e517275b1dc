"""Figures of the lessons: one style, the finding as title, and words for those who cannot see."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from simqueue.course.display import folded, lines, prose, show_png, table
from simqueue.results.style import STYLE
from simqueue.results.wording import digits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 150
_COLOURS = 128
_MOST_ROWS = 60
#: On a phone a figure is shown at three fifths of its size, and has to be read all the same.
_READABLE: dict[Any, Any] = STYLE | {"font.size": 11, "legend.fontsize": 10}


@contextmanager
def figure(
    finding: str,
    alt: str,
    numbers: pd.DataFrame,
    *,
    size: tuple[float, float] = (5.8, 4.4),
    note: str = "",
) -> Iterator[Axes]:
    """Draw a figure in the course's style; it is shown when the block ends.

    Below it, folded, are its description and the numbers it shows.

    Parameters
    ----------
    finding
        The title: what is to be seen, as a sentence.
    alt
        What somebody who does not see the figure should know.
    numbers
        What is plotted, a row for each point; the index names them.
    size
        Width and height, inches.
    note
        What stands under it, such as what `beside` says of runs that are side by side in it.

    Yields
    ------
    Axes
        To draw on; ``axes.figure`` is the figure.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_READABLE):
        drawn = Figure(figsize=size, layout="constrained")
        axes = drawn.subplots()
        title = _evenly(finding, int(size[0] * 9.5))
        drawn.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=12)
        yield axes
        png = making_png.get()(drawn)
    show_png(png, alt, int(size[0] * 100), below=lines(note) * bool(note) + _in_words(alt, numbers))


def _evenly(text: str, most: int) -> str:
    """Break a text into as few lines as it takes, none longer than it must be.

    >>> print(_evenly("80 % busy: a wait of 4 by formula, of 100 in a real year", 54))
    80 % busy: a wait of 4 by
    formula, of 100 in a real year
    """
    few = len(textwrap.wrap(text, most))
    return next(
        "\n".join(lines)
        for width in range(1, most + 1)
        if len(lines := textwrap.wrap(text, width)) <= few
    )


def _fine(drawn: Figure) -> bytes:
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=_DPI)
    return _small(file)


#: How a figure becomes a file. Sliders are in a hurry, and have their own way.
making_png: ContextVar[Callable[[Figure], bytes]] = ContextVar("making_png", default=_fine)


def _small(file: io.BytesIO) -> bytes:
    """The picture with a palette: a third of the bytes. Equal figures are equal files."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue()


def _in_words(alt: str, numbers: pd.DataFrame) -> str:
    step = -(-len(numbers) // _MOST_ROWS) if len(numbers) else 1
    part = numbers.iloc[::step]
    rows = [
        [str(label), *(_cell(value) for value in row)]
        for label, row in zip(part.index, part.itertuples(index=False), strict=True)
    ]
    note = f" Every {step}th point is listed." if step > 1 else ""
    head = [str(numbers.index.name or ""), *map(str, numbers.columns)]
    return folded("This figure in words and numbers", prose(alt + note) + table(head, rows))


def _cell(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return "–"
    return str(value) if isinstance(value, str) else digits(float(value))
