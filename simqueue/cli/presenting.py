"""What commands print in the end: a report or JSON, and a figure; or that there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

if TYPE_CHECKING:
    from rich.console import Group

    from simqueue.results.shown import Shown


class Finding(Protocol):
    """What came of a question: it can be printed and drawn."""

    def document(self) -> dict[str, Any]:
        """What ``--json`` prints."""

    def report(self) -> Group:
        """What is printed otherwise, for ``rich``."""

    def plot(self, path: Path, /) -> object:
        """Draw it into a file."""


def present(found: Finding, plot: Path | None, as_json: bool) -> None:
    """Print what was found, and draw it if there is to be a figure."""
    if as_json:
        print(json.dumps(found.document(), allow_nan=False))
    else:
        from rich.console import Console

        Console(highlight=False).print(found.report())
    if plot is not None:
        found.plot(plot)


def say_engine(words: str) -> None:
    """Say on standard error if the compiled engine could not be used, and why."""
    if words.startswith("simpy ("):
        print(f"engine: {words}", file=sys.stderr)


def show(found: Shown, plot: Path | None, report: Path | None, as_json: bool) -> None:
    """Present an answer, and write a report to show others if there is to be one."""
    present(found, plot, as_json)
    if report is not None:
        found.page().write(report)


@contextmanager
def ending_early(when: str = "before there was anything to report") -> Iterator[None]:
    """Say of a Ctrl-C when it came, such as ``before there was anything to report``."""
    try:
        yield
    except KeyboardInterrupt:
        print(f"interrupted {when}", file=sys.stderr)
        raise typer.Exit(130) from None
