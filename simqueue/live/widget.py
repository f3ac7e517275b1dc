"""The live view in a notebook: JupyterLab, Notebook, VS Code and Colab."""

from __future__ import annotations

import html
import re
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from simqueue.extras import advice
from simqueue.live.player import Player
from simqueue.live.session import Session
from simqueue.notebook import attended
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario

_STATIC = Path(__file__).parent / "static"
#: The files of the view, each behind those that it needs.
_PARTS = ("dom.js", "stage.js", "charts.js", "controls.js", "app.js", "widget.js")
_IMPORT = re.compile(r"^import .*?;$\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


class View:
    """A live model in a notebook; the same from code is its session.

    It is for somebody who can press its buttons: where nobody can, such as on a static page, or
    where its package is missing, words stand in its place.

    Attributes
    ----------
    player
        What the view drives.
    """

    def __init__(self, player: Player) -> None:
        self.player = player

    @property
    def session(self) -> Session:
        """What is played: `Session.do` does what the controls do."""
        return self.player.session

    @property
    def words(self) -> str:
        """What there would be to see."""
        session = self.session
        queues = ", ".join(session.scenario.queues)
        return (
            f"Run in JupyterLab, this cell is a live view of {session.scenario.name} ({queues}): "
            "run it, stop it, and change it while it runs."
        )

    @cached_property
    def _widget(self) -> Any:
        import anywidget

        parts = {"_esm": script(), "_css": _read("play.css")}
        made = type("LiveWidget", (anywidget.AnyWidget,), parts)()
        made.on_msg(self._asked)
        return made

    def _asked(self, widget: Any, message: dict[str, Any], _: Any) -> None:
        command = message.get("command", {})
        widget.send({"number": message.get("number"), "state": self.player.answer(command)})

    def _repr_mimebundle_(self, **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        words = self.words
        there = find_spec("anywidget") is not None
        if attended() and not there:
            words += f" Package anywidget is missing: {advice('course')}"
        data = {"text/html": f"<p><small>{html.escape(words)}</small></p>", "text/plain": words}
        if not (attended() and there):
            return data, {}
        shown, metadata = self._widget._repr_mimebundle_(**how)
        return {**shown, **data}, metadata

    def __repr__(self) -> str:
        return f"a live view of {self.session.scenario.name}, at {self.session.now:.1f} s"


def play(scenario: Scenario | str | Path | None = None) -> View:
    """Play with the model: a live view of it, for a notebook.

    Parameters
    ----------
    scenario
        What to play, or its file; by default the busy day.

    Returns
    -------
    View
        A cell that ends with it shows it; where nobody can press its buttons, it says in words
        what there would be. Its ``session`` is the same from code.

    Raises
    ------
    InputError
        If the scenario cannot be read.

    Examples
    --------
    >>> import simqueue as sq
    >>> view = sq.play("outage.toml")
    >>> view.session.run_until(60)
    >>> view.session.do("kill", worker=0).words
    'worker 1 was killed'
    >>> view
    a live view of gateway outage, at 60.0 s
    """
    read = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    return View(Player(read))


def script() -> str:
    """The view's own modules as one: a notebook can import no others."""
    return _EXPORT.sub("", "".join(_IMPORT.sub("", _read(name)) for name in _PARTS[:-1])) + _read(
        _PARTS[-1]
    )


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
