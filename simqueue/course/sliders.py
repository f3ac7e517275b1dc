"""Sliders around a function that draws a figure; without somebody to move them, its first picture.

A stored notebook holds no sliders, since they live only as long as the kernel: it holds the first
picture, as a plain cell would show it.
"""

from __future__ import annotations

import gc
import html
import inspect
import io
import math
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from simqueue.course.display import Shown, attended, kept, prose, show
from simqueue.course.figures import making_png
from simqueue.errors import InputError
from simqueue.results.wording import digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[..., Any]
Choice = Sequence[Any]

_STEPS = 100
_WIDGET = "application/vnd.jupyter.widget-view+json"


def explore(draw: Draw, /, **choices: Choice) -> None:
    """Draw a figure anew whenever a slider moves.

    A slider starts at its parameter's default. Parameters without a slider keep theirs. Where
    nobody can move sliders, such as on a static page, the first picture is shown.

    Parameters
    ----------
    draw
        Draws one `simqueue.course.figure` from numbers; it is called at every move, so what takes
        long belongs before it.
    choices
        For each parameter that gets a slider: ``(lowest, highest)``, ``(lowest, highest, step)``,
        or a list of the values to choose from.

    Raises
    ------
    InputError
        If ``draw`` has no such parameter, or a choice is none.

    Examples
    --------
    >>> def waits(load=0.8, slots=5):
    ...     print(f"{slots} slots at a load of {load}")
    >>> explore(waits, load=(0.5, 0.95), slots=[1, 5, 20])
    Run in JupyterLab, this cell has sliders: load from 0.5 to 0.95; slots 1, 5 or 20.
    5 slots at a load of 0.8
    """
    knobs = [_knob(draw, name, choice) for name, choice in choices.items()]
    spans = "; ".join(knob.span for knob in knobs)
    note = f"Run in JupyterLab, this cell has sliders: {spans}."
    if attended() and find_spec("ipywidgets"):
        Explorer(draw, knobs).show(note)
    else:
        show(f"<p><small>{html.escape(note)}</small></p>", note)
        draw(**{knob.name: knob.start for knob in knobs})


class Explorer:
    """Sliders, and a picture that follows them.

    Attributes
    ----------
    sliders
        The slider of each parameter.
    """

    def __init__(self, draw: Draw, knobs: Sequence[_Knob]) -> None:
        self._draw = draw
        self._png = _Quickly()
        self._handle: Any = None
        self.sliders = {knob.name: knob.slider() for knob in knobs}
        for slider in self.sliders.values():
            slider.observe(self._moved, names="value")

    def show(self, note: str) -> None:
        """Show the sliders and, below them, the picture; ``note`` is for pages without sliders."""
        box = import_module("ipywidgets").VBox(list(self.sliders.values()))
        view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
        display = import_module("IPython.display").display
        display({_WIDGET: view, "text/html": prose(note), "text/plain": note}, raw=True)
        data, metadata = self.picture()
        self._handle = display(data, metadata=metadata, raw=True, display_id=True)

    def picture(self) -> Shown:
        """Draw the picture for where the sliders stand, and all that is said with it."""
        values = {name: slider.value for name, slider in self.sliders.items()}
        said = io.StringIO()
        token = making_png.set(self._png)
        try:
            with kept() as things, redirect_stdout(said):
                self._draw(**values)
        except Exception as error:  # A traceback would go where no reader looks.
            where = ", ".join(f"{name} = {value}" for name, value in values.items())
            text = f"With {where}: {type(error).__name__}: {error}"
            return {"text/html": prose(text), "text/plain": text}, {}
        finally:
            making_png.reset(token)
        printed = said.getvalue()
        markup = [f"<pre>{html.escape(printed)}</pre>"] if printed else []
        markup += [data["text/html"] for data, _ in things]
        texts = [printed] if printed else []
        texts += [data["text/plain"] for data, _ in things]
        return {"text/html": "".join(markup), "text/plain": "\n".join(texts)}, {}

    def _moved(self, _change: Any) -> None:
        if self._handle is None:
            return
        # What matplotlib leaves behind is collected when the picture is out: a fifth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            data, metadata = self.picture()
            self._handle.update(data, metadata=metadata, raw=True)
        finally:
            if collecting:
                gc.enable()


class _Quickly:
    """Makes PNGs of like figures: fewer dots, and the margins of the first while they will do.

    Half of the time that a figure takes goes into finding its margins.
    """

    _DPI = 100

    def __init__(self) -> None:
        self._places: list[Any] = []

    def __call__(self, drawn: Figure) -> bytes:
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


@dataclass(frozen=True)
class _Knob:
    """A parameter that a slider turns: one of ``values``, or from the first to the last."""

    name: str
    start: Any
    values: list[Any]
    step: Any = None

    @property
    def label(self) -> str:
        return _label(self.name)

    @property
    def span(self) -> str:
        words = [digits(v) if isinstance(v, float) else str(v) for v in self.values]
        if self.step:
            return f"{self.label} from {words[0]} to {words[1]}"
        return f"{self.label} {' or '.join(filter(None, [', '.join(words[:-1]), words[-1]]))}"

    def slider(self) -> Any:
        widgets = import_module("ipywidgets")
        common = {
            "value": self.start,
            "description": self.label,
            "style": {"description_width": "initial"},
            "layout": {"width": "100%", "max_width": "40rem"},
        }
        if self.step is None:
            return widgets.SelectionSlider(options=self.values, **common)
        common |= {"min": self.values[0], "max": self.values[1], "step": self.step}
        if all(isinstance(value, int) for value in (*self.values, self.step)):
            return widgets.IntSlider(**common)
        decimals = len(f"{self.step:.9f}".rstrip("0").partition(".")[2])
        return widgets.FloatSlider(readout_format=f".{decimals}f", **common)


def _knob(draw: Draw, name: str, choice: Choice) -> _Knob:
    parameter = inspect.signature(draw).parameters.get(name)
    if parameter is None:
        raise InputError(f"{name}: {draw.__name__} has no parameter of this name")
    try:
        values, step = _values(choice)
    except (TypeError, ValueError):
        raise InputError(
            f"{name}: {choice!r}: expected (lowest, highest), (lowest, highest, step) or a list "
            "of the values to choose from"
        ) from None
    if parameter.default is inspect.Parameter.empty:
        return _Knob(name, values[0], values, step)
    inside = values[0] <= parameter.default <= values[-1] if step else parameter.default in values
    if not inside:
        raise InputError(f"{name}: the default, {parameter.default!r}, is not among {choice!r}")
    return _Knob(name, parameter.default, values, step)


def _values(choice: Choice) -> tuple[list[Any], Any]:
    """The values of a list, no step; or both ends, and the step."""
    if isinstance(choice, list):
        if not choice:
            raise ValueError("nothing to choose from")
        return choice, None
    low, high, *rest = choice
    if not low < high:
        raise ValueError("no room between lowest and highest")
    whole = isinstance(low, int) and isinstance(high, int)
    (step,) = rest or (1 if whole else 10.0 ** round(math.log10((high - low) / _STEPS)),)
    if not 0 < step <= high - low:
        raise ValueError("no such step")
    return [low, high], step


def _label(name: str) -> str:
    """A parameter's name in words.

    >>> _label("mean_wait_s"), _label("arrivals_per_s"), _label("load")
    ('mean wait, s', 'arrivals per s', 'load')
    """
    stem, _, unit = name.rpartition("_")
    if unit in ("s", "ms", "h") and stem and not stem.endswith("per"):
        return f"{stem.replace('_', ' ')}, {unit}"
    return name.replace("_", " ")
