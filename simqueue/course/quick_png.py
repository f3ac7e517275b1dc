"""Pictures in a hurry: a slider that moves wants a new one at once."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class QuickPng:
    """Makes PNGs of like figures: fewer dots, and the margins of the first while they will do.

    Half of the time that a figure takes goes into finding its margins.
    """

    _DPI = 100

    def __init__(self) -> None:
        self._places: list[Any] = []

    def __call__(self, drawn: Figure) -> bytes:
        """Make the PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from PIL import Image

        drawn.set_dpi(self._DPI)
        canvas: Any = FigureCanvasAgg(drawn)
        layout = drawn.get_layout_engine()
        if len(self._places) == len(drawn.axes):
            drawn.set_layout_engine("none")
            for axes, place in zip(drawn.axes, self._places, strict=True):
                axes.set_position(place)
                axes.set_in_layout(True)  # Setting it has taken it out.
            canvas.draw()
        if len(self._places) != len(drawn.axes) or not _fits(drawn, canvas.get_renderer()):
            drawn.set_layout_engine(layout)
            if layout is not None:
                layout.execute(drawn)
            drawn.set_layout_engine("none")
            self._places = [axes.get_position() for axes in drawn.axes]
            canvas.draw()
        file = io.BytesIO()
        picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
        picture.convert("RGB").save(file, format="png", compress_level=1)
        return file.getvalue()


def _fits(drawn: Figure, renderer: Any) -> bool:
    """Whether no label is cut off, and the title stands clear of the axes."""
    width, top = drawn.bbox.width, drawn.bbox.height
    for title in drawn.texts:
        top = min(top, title.get_window_extent(renderer).y0)
    for axes in drawn.axes:
        if axes.get_window_extent(renderer).y1 > top:
            return False
        for label in (axes.xaxis.label, axes.yaxis.label):
            box = label.get_window_extent(renderer)
            if label.get_text() and (box.x0 < 0 or box.y0 < 0 or box.x1 > width):
                return False
    return True
