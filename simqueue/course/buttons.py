"""Questions with options to click, where there is somebody to click them."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from simqueue.course.choices import Item
from simqueue.course.display import prose, signed
from simqueue.course.judging import judge, said
from simqueue.course.learners import record
from simqueue.course.marking import keep_judged

_WIDGET = "application/vnd.jupyter.widget-view+json"


class _Buttons(ABC):
    """Questions one below the other.

    Attributes
    ----------
    fields
        What takes the answer to each question, by its key.
    """

    def __init__(self, title: str, items: Mapping[str, Item]) -> None:
        self._title = title
        self._widgets = import_module("ipywidgets")
        record.somebody_sits_here()  # the cell that is run tells, clicks will not
        self._items = items
        self.fields = {key: self._field(item) for key, item in items.items()}
        self.remarks = {key: self._widgets.HTML() for key in items}

    def show(self, markup: str, text: str) -> None:
        """Show them; ``markup`` and ``text`` are for pages on which nothing can be clicked."""
        box = self._widgets.VBox(self._rows())
        view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
        display = import_module("IPython.display").display
        display({_WIDGET: view, "text/html": markup, "text/plain": text}, raw=True)

    def given(self, key: str) -> Any:
        """The answer to a question as it stands: a letter, a text, or nothing."""
        value = self.fields[key].value
        return value if isinstance(value, str) and value.strip() else None

    @abstractmethod
    def _rows(self) -> list[Any]:
        """What stands below each other."""

    def _questions(self) -> list[Any]:
        rows = [self._widgets.HTML(f"<p><b>{html.escape(self._title)}</b></p>")]
        for number, (key, item) in enumerate(self._items.items(), 1):
            asks = prose(item.asks).replace("<p>", f"<p><b>{number}.</b> ", 1)
            if not item.options:
                asks += f"<p><i>I want {html.escape(item.wants)}.</i></p>"
            rows += [self._widgets.HTML(asks), self.fields[key], self.remarks[key]]
        return rows

    def _field(self, item: Item) -> Any:
        wide = self._widgets.Layout(width="auto", max_width="44rem")
        if not item.options:
            return self._widgets.Text(placeholder="your answer", layout=wide)
        options = [
            (f"{letter}: {text.replace('`', '')}", letter) for letter, text in item.options.items()
        ]
        return self._widgets.RadioButtons(options=options, value=None, layout=wide)


class RecallButtons(_Buttons):
    """Questions that are marked as soon as they are answered."""

    def __init__(self, title: str, items: Mapping[str, Item]) -> None:
        super().__init__(title, items)
        for key, field in self.fields.items():
            field.observe(lambda _, key=key: self._mark(key), names="value")

    def _rows(self) -> list[Any]:
        return self._questions()

    def _mark(self, key: str) -> None:
        item = self._items[key]
        judged = judge(item.exercise, self.given(key))
        self.remarks[key].value = signed(judged.sign, prose(said(item, judged)))
        keep_judged(key, self.given(key), judged)


class QuizButtons(_Buttons):
    """Questions that are handed in together, once.

    Attributes
    ----------
    button
        Hands them in.
    outcome
        What came of it, in words.
    """

    def __init__(
        self, title: str, items: Mapping[str, Item], hand_in: Callable[[Sequence[Any]], str]
    ) -> None:
        super().__init__(title, items)
        self._hand_in = hand_in
        self.button = self._widgets.Button(description="Hand in", button_style="primary")
        self.outcome = self._widgets.HTML()
        self.button.on_click(self._pressed)

    def _rows(self) -> list[Any]:
        return [*self._questions(), self.button, self.outcome]

    def _pressed(self, _button: Any) -> None:
        self.outcome.value = prose(self._hand_in([self.given(key) for key in self._items]))
