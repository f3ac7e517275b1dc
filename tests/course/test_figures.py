from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from simqueue.course import display, figure
from simqueue.course.display import kept

NUMBERS = pd.DataFrame({"wait, s": [0.5, None, 1234.5]}, index=["8:00", "<b>", "8:30"])


def drawn(monkeypatch: pytest.MonkeyPatch, numbers: pd.DataFrame = NUMBERS) -> tuple[Any, Any]:
    shown: list[tuple[dict[str, str], dict[str, Any]]] = []
    monkeypatch.setattr(display, "_publish", lambda data, about: shown.append((data, about)))
    with figure("Waits grow", 'A line that rises to "1,234 s".', numbers) as axes:
        axes.plot([1, 2, 3])
    (one,) = shown
    return one


def test_a_figure_has_alternative_text_and_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    data, about = drawn(monkeypatch)
    assert 'alt="A line that rises to &quot;1,234 s&quot;."' in data["text/html"]
    assert about["image/png"]["alt"] == data["text/plain"] == 'A line that rises to "1,234 s".'
    for cell in ("<details>", "1,234", "–", "&lt;b&gt;", "wait, s"):
        assert cell in data["text/html"]


def test_equal_figures_are_equal_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch) == drawn(monkeypatch)


def test_the_picture_says_nothing_of_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    png = base64.b64decode(drawn(monkeypatch)[0]["image/png"])
    with Image.open(io.BytesIO(png)) as picture:
        assert set(picture.info) <= {"dpi"}
        assert picture.size == (870, 660)


def test_text_can_be_read_on_a_phone() -> None:
    """Of 390 CSS pixels, notebooks leave some 355 for a figure."""
    with kept(), figure("Waits grow", "A line that rises.", NUMBERS) as axes:
        axes.plot([1, 2, 3], label="wait")
        axes.set(xlabel="time")
        texts = [axes.xaxis.label, *axes.get_xticklabels(), *axes.legend().get_texts()]
        width = axes.figure.get_figwidth() * 100
        shrunk = min(1, 355 / width)
        assert min(text.get_fontsize() * 100 / 72 * shrunk for text in texts) > 8.4


def test_long_tables_are_thinned_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    html = drawn(monkeypatch, pd.DataFrame({"x": range(500)}))[0]["text/html"]
    assert "Every 9th point is listed." in html
    assert html.count("<tr>") < 62


def test_without_a_notebook_the_words_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with figure("Waits grow", "A line that rises.", NUMBERS) as axes:
        axes.plot([1, 2, 3])
    assert capsys.readouterr().out == "A line that rises.\n"
