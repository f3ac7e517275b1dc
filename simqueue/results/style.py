"""How figures look: colours that colour-blind readers can tell apart, never colour alone.

Source of the palette: Okabe and Ito, *Color Universal Design*, 2008.
"""

from __future__ import annotations

from typing import Any

#: Colours that colour-blind readers can tell apart, by name; RGB as ``#0072B2``.
OKABE_ITO = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "yellow": "#F0E442",
}
_COLOURS = list(OKABE_ITO.values())[:-1]  # yellow lines vanish on white
_MARKERS = "osD^vPX"
_LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), (0, (7, 2)))

#: Settings for ``matplotlib.rc_context``.
STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.7,
    "axes.axisbelow": True,
    "lines.linewidth": 1.7,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


def look(number: int) -> dict[str, Any]:
    """Colour, line and marker of the ``number``-th thing drawn, for ``Axes.plot``.

    >>> look(0)
    {'color': '#0072B2', 'linestyle': '-', 'marker': 'o'}
    """
    place = number % len(_COLOURS)
    return {"color": _COLOURS[place], "linestyle": _LINES[place], "marker": _MARKERS[place]}
