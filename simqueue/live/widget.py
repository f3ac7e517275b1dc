"""The live view in a notebook: JupyterLab, Notebook, VS Code and Colab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from simqueue.extras import naming_extras
from simqueue.live.player import Player
from simqueue.live.session import Session
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario

_STATIC = Path(__file__).parent / "static"
#: The files of the view, each behind those that it needs.
_PARTS = ("dom.js", "stage.js", "charts.js", "controls.js", "app.js", "widget.js")
_IMPORT = re.compile(r"^import .*?;$\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


class View:
    """A live model in a notebook; the same from code is its session.

    Attributes
    ----------
    player
        What the view drives.
    """

    def __init__(self, player: Player) -> None:
        self.player = player
        with naming_extras("course"):
            import anywidget

        parts = {"_esm": script(), "_css": _read("play.css")}
        self._widget: Any = type("LiveWidget", (anywidget.AnyWidget,), parts)()
        self._widget.on_msg(self._asked)

    @property
    def session(self) -> Session:
        """What is played: `Session.do` does what the controls do."""
        return self.player.session

    def _asked(self, widget: Any, message: dict[str, Any], _: Any) -> None:
        command = message.get("command", {})
        widget.send({"number": message.get("number"), "state": self.player.answer(command)})

    def _repr_mimebundle_(self, **how: Any) -> Any:
        return self._widget._repr_mimebundle_(**how)

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
        A cell that ends with it shows it. Its ``session`` is the same from code.

    Raises
    ------
    InputError
        If the scenario cannot be read, or the package anywidget is missing.

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
