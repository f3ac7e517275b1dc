"""What answers have in common: they are printed, drawn, and made a page to show others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.results.drawing import in_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group

    from simqueue.results.page import Page


class Drawn(ABC):
    """An answer with a figure."""

    @abstractmethod
    def _figure(self) -> tuple[Figure, str]:
        """The figure, and what it shows in words."""

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw what the answer rests on.

        Parameters
        ----------
        path
            A PNG to write; without one nothing is written.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        return in_style(self._figure, None if path is None else Path(path))[0]


class Shown(Drawn):
    """An answer with a page, which a terminal shows without the figure."""

    @abstractmethod
    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""

    def report(self) -> Group:
        """What the command prints, for ``rich``."""
        return self.page().in_terminal()
