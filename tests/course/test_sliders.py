"""Sliders: where they start and end, what they draw, and what stays without them."""

from __future__ import annotations

import io
import re
import time
from base64 import b64decode
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from PIL import Image

from simqueue.course import display, explore, figure
from simqueue.course.knobs import knob_of
from simqueue.course.sliders import Explorer
from simqueue.errors import InputError


def waits(load: float = 0.8, slots: int = 5) -> None:
    """A figure as lessons draw them: lines, a band, a legend, a title."""
    x = np.linspace(0.01, load, 200)
    numbers = pd.DataFrame({"wait, s": x / (1 - x)}, index=pd.Index(x, name="load"))
    with figure(f"At a load of {load:.2f} the wait is {load / (1 - load):.1f} s", "A curve that "
                f"rises to {load / (1 - load):.1f} s.", numbers) as axes:  # fmt: skip
        for line in range(3):
            axes.plot(
                x, (line + 1) * x / (1 - x) / slots, marker="o", markevery=20, label=f"{line}"
            )
        axes.fill_between(x, x, x / (1 - x), alpha=0.2)
        axes.set_xlabel("load")
        axes.set_ylabel("wait, s")
        axes.legend()


def explorer(draw: Any = waits, **choices: Any) -> Explorer:
    return Explorer(draw, [knob_of(draw, name, choice) for name, choice in choices.items()])


def png(data: dict[str, Any]) -> Image.Image:
    found = re.search(r'base64,([^"]+)', data["text/html"])
    assert found
    return Image.open(io.BytesIO(b64decode(found[1]))).convert("RGB")


def shown(*arguments: Any, **choices: Any) -> list[display.Shown]:
    with display.kept() as things:
        explore(*arguments, **choices)
    return things


def test_sliders_start_at_the_defaults_and_keep_their_kind() -> None:
    sliders = explorer(load=(0.5, 0.95), slots=[1, 5, 20]).sliders

    load, slots = sliders["load"], sliders["slots"]
    assert (load.value, load.min, load.max, load.step) == (0.8, 0.5, 0.95, 0.01)
    assert load.readout_format == ".2f"
    assert (slots.value, slots.options) == (5, (1, 5, 20))
    whole = explorer(slots=(1, 20)).sliders["slots"]
    assert (whole.value, whole.step, type(whole).__name__) == (5, 1, "IntSlider")
    coarse = explorer(load=(0, 1, 0.25)).sliders["load"]
    assert (coarse.step, coarse.readout_format) == (0.25, ".2f")


def test_the_picture_follows_the_sliders() -> None:
    both = explorer(load=(0.5, 0.95), slots=[1, 5])

    first, _ = both.picture()
    assert first["text/plain"] == "A curve that rises to 4.0 s."
    both.sliders["load"].value = 0.9
    both.sliders["slots"].value = 1
    second, _ = both.picture()
    assert second["text/plain"] == "A curve that rises to 9.0 s."
    assert 'alt="A curve that rises to 9.0 s."' in second["text/html"]
    assert "This figure in words and numbers" in second["text/html"]
    assert np.asarray(png(first)).shape == np.asarray(png(second)).shape == (440, 580, 3)
    assert (np.asarray(png(first)) != np.asarray(png(second))).any()


def test_without_anybody_the_first_picture_is_as_a_plain_cell_shows_it() -> None:
    with display.kept() as plain:
        waits()

    note, *pictures = shown(waits, load=(0.5, 0.95), slots=[1, 5, 20])

    assert pictures == plain
    words = "Run in JupyterLab, this cell has sliders: load from 0.5 to 0.95; slots 1, 5 or 20."
    assert note[0] == {"text/html": f"<p><small>{words}</small></p>", "text/plain": words}


def test_what_is_printed_is_shown_above_the_picture() -> None:
    def draw(load: float = 0.8) -> None:
        print("load <", load)
        waits(load)

    data, _ = explorer(draw, load=(0.5, 0.95)).picture()

    assert data["text/html"].startswith("<pre>load &lt; 0.8\n</pre><img ")


def test_an_error_is_shown_where_the_picture_was() -> None:
    def draw(load: float = 0.8) -> float:
        return 1 / (load - 0.8)

    data, _ = explorer(draw, load=(0.5, 0.95)).picture()

    assert data["text/plain"] == "With load = 0.8: ZeroDivisionError: float division by zero"


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"lod": (0, 1)}, "lod: waits has no parameter of this name"),
        ({"load": (1, 0)}, "expected .lowest, highest."),
        ({"load": (0.5, 0.95, 0)}, "expected .lowest, highest."),
        ({"load": (0.5, 0.95, 0.1, 3)}, "expected .lowest, highest."),
        ({"load": "ab"}, "expected .lowest, highest."),
        ({"load": 3}, "expected .lowest, highest."),
        ({"slots": []}, "expected .lowest, highest."),
        ({"slots": [1, 2]}, "slots: the default, 5, is not among"),
        ({"load": (0.9, 0.95)}, "load: the default, 0.8, is not among"),
    ],
)
def test_it_says_what_is_wrong_with_a_choice(choices: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        explore(waits, **choices)


def test_quick_pictures_have_the_margins_that_they_need() -> None:
    def draw(height: float = 1.0) -> None:
        title = "Short" if height < 10 else "A title of many words " * 8
        with figure(title, "A line.", pd.DataFrame({"x": [1]})) as axes:
            axes.plot([0, height])
            axes.set_ylabel("wait, s")
            axes.set_xlabel("time, s")

    quick = explorer(draw, height=(1.0, 1e9))
    quick.picture()
    quick.sliders["height"].value = 123_456_789.0
    after, fresh = quick.picture(), explorer(draw, height=(1.0, 1e9))
    fresh.sliders["height"].value = 123_456_789.0

    assert after == fresh.picture()


class Screen:
    """Where a picture is shown, and shown anew."""

    def __init__(self) -> None:
        self.pictures: list[dict[str, Any]] = []

    def __call__(self, data: dict[str, Any], **options: Any) -> Screen:
        self.pictures.append(data)
        return self

    update = __call__


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.setattr("IPython.display.display", made)
    return made


def test_a_move_replaces_the_picture(screen: Screen) -> None:
    load = explorer(load=(0.5, 0.95))

    load.show("A note.")
    load.sliders["load"].value = 0.9

    sliders, first, second = screen.pictures
    assert sliders["text/plain"] == "A note."
    assert "application/vnd.jupyter.widget-view+json" in sliders
    assert first["text/plain"] == "A curve that rises to 4.0 s."
    assert second["text/plain"] == "A curve that rises to 9.0 s."


def test_redrawing_is_quick(screen: Screen) -> None:
    quick = explorer(load=(0.5, 0.95))
    quick.show("A note.")

    times = []
    for load in np.linspace(0.6, 0.9, 9):
        start = time.process_time()
        quick.sliders["load"].value = load
        times.append(time.process_time() - start)

    assert len(screen.pictures) == 2 + 9
    # Below a tenth of a second; twice that leaves room for a machine that does other things too.
    assert min(times) < 0.2


def test_a_notebook_that_nobody_watches_keeps_the_picture_and_no_sliders() -> None:
    source = """\
import pandas as pd
from simqueue.course import explore, figure


def line(slope=2):
    with figure("It rises", "A line that rises.", pd.DataFrame({"x": [1]})) as axes:
        axes.plot([0, slope])


explore(line, slope=(1, 3))"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])

    NotebookClient(notebook, timeout=120, kernel_name="python3",
                   extra_arguments=["--IPKernelApp.log_level=ERROR"]).execute()  # fmt: skip

    note, picture = notebook.cells[0].outputs
    assert "slope from 1 to 3" in note.data["text/plain"]
    assert set(picture.data) == {"text/html", "image/png", "text/plain"}
    assert not notebook.metadata.get("widgets", {})
