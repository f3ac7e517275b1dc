"""Sliders around a function that draws a figure; without somebody to move them, its first picture.

A stored notebook holds no sliders, since they live only as long as the kernel: it holds the first
picture, as a plain cell would show it.
"""

from __future__ import annotations

import gc
import html
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from simqueue.course.display import Shown, kept, prose, show
from simqueue.course.figures import making_png
from simqueue.course.knobs import Choice, Knob, knob_of
from simqueue.course.quick_png import QuickPng
from simqueue.notebook import attended

Draw = Callable[..., Any]

_WIDGET = "application/vnd.jupyter.widget-view+json"
# ipywidgets gives the handle of a slider no name that a screen reader could say. Its label stands
# beside it, once the browser has drawn both.
_NAMING = """
let tries = 100;
const naming = setInterval(() => {
  for (const slider of document.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label");
    const handle = slider.querySelector(".noUi-handle");
    if (label && handle) handle.setAttribute("aria-label", label.textContent);
  }
  if (--tries === 0) clearInterval(naming);
}, 100);
"""


def explore(draw: Draw, /, **choices: Choice) -> None:
    """Draw a figure anew whenever a slider moves.

    A slider starts at its parameter's default. Parameters without a slider keep theirs. Where
    nobody can move sliders, such as on a static page, the first picture is shown.

    Parameters
    ----------
    draw
        Draws one `simqueue.course.figure` from numbers; it is called at every move, so what takes
        long belongs before it. What it simulates it does with ``engine="auto"``, the fastest.
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
    knobs = [knob_of(draw, name, choice) for name, choice in choices.items()]
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

    def __init__(self, draw: Draw, knobs: Sequence[Knob]) -> None:
        self._draw = draw
        self._png = QuickPng()
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
        data["text/html"] += f"<script>{_NAMING}</script>"
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
