"""A report to show others: one HTML file, whole in itself, for screens and for paper."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.errors import InputError
from simqueue.files import reason, writing
from simqueue.results.drawing import in_style
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    #: Draws a figure, and says in words what it shows.
    Draw = Callable[[], tuple[Figure, str]]
    #: What a section shows: a paragraph, a table as in a terminal, or a figure.
    Part = str | Text | Table | Draw

#: What no scenario says, and no run knows.
UNSEEN = (
    "Redis itself: it is one thread, and some tens of thousands of jobs a second fill it.",
    "The network between workers and Redis, and its failures.",
    "Whether the machines have cores and memory for so many workers, and what else runs on them.",
    "Anything that a real day brings and the scenario does not say.",
)
#: Wide enough for its labels, and still read on a phone, where it is shrunk; inches.
_WIDTH = 6.4
#: Keys of a scenario that name files.
_FILES = frozenset({"trace", "shape", "file"})
_CODE = re.compile(r"`([^`]+)`")
_STYLE = """
:root { color-scheme: light }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 46rem; padding: 1.2rem; color: #1b1b1b; background: #fff;
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.45rem; line-height: 1.25; margin: .4rem 0 }
h2 { font-size: 1.1rem; margin: 1.8rem 0 .4rem }
.answer { font-size: 1.15rem; font-weight: 600; border-left: .3rem solid #0072b2;
  padding: .1rem .8rem }
figure { margin: 1rem 0 } figure img { width: 100%; height: auto } figcaption { color: #444 }
.table { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .4rem; text-align: right; vertical-align: top; white-space: pre;
  border-bottom: 1px solid #ddd; overflow-wrap: break-word }
th:first-child, td:first-child { text-align: left; white-space: pre-wrap; min-width: 6rem }
footer, summary { color: #444; font-size: .9rem } pre { overflow-x: auto; font-size: .8rem }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt } h2 { break-after: avoid }
  p, figure, tr { break-inside: avoid } .table { overflow: visible } details { display: none } }
"""


@dataclass(frozen=True)
class Section:
    """A part of a report under a heading of its own.

    Attributes
    ----------
    heading
        Which part it is; a terminal does not show it.
    parts
        What it shows. A section without any is left out.
    quiet
        Whether it explains the rest, and says nothing new.
    """

    heading: str
    parts: Sequence[Part]
    quiet: bool = False


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes
    ----------
    question
        What was asked: the page's title.
    answer
        The answer in a sentence.
    sections
        What it rests on.
    scenario
        What was run, as text.
    seed
        Its seed; ``None``: nothing was drawn.
    not_seen
        What the answer knows nothing of, a sentence each.
    """

    question: str
    answer: str
    sections: Sequence[Section]
    scenario: str
    seed: int | None
    not_seen: Sequence[str] = UNSEEN

    def in_terminal(self) -> Group:
        """The answer and what it rests on for ``rich``, without figures."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        parts: list[Text | Table] = [Text(self.answer, style="bold")]
        for section in self.sections:
            style = "dim" if section.quiet else ""
            for part in section.parts:
                if isinstance(part, str):
                    parts.append(Text(part, style=style))
                elif isinstance(part, Text | Table):
                    parts.append(part)
        return Group(*parts)

    def write(self, path: str | Path) -> None:
        """Write the page: one file, which needs no other and no network.

        Raises
        ------
        InputError
            If the file cannot be written or its name does not end in ``.html``.
        """
        path = Path(path)
        if path.suffix.lower() != ".html":
            raise InputError(f"{path}: cannot write the report: expected a name that ends in .html")
        text = "".join(_lines(self))
        try:
            with writing(path) as file:
                file.write(text)
        except OSError as error:
            raise InputError(f"{path}: cannot write the report: {reason(error)}") from error


def _lines(page: Page) -> Iterator[str]:
    question = html.escape(page.question)
    yield (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">\n"
        f"<title>{question}</title>\n<style>{_STYLE}</style>\n"
        f'<main>\n<h1>{question}</h1>\n<p class="answer">{html.escape(page.answer)}</p>\n'
    )
    sections = [*page.sections, Section("What was not seen", page.not_seen)]
    for section in filter(lambda one: one.parts, sections):
        yield f"<section>\n<h2>{html.escape(section.heading)}</h2>\n"
        yield from (_part(part, page.answer) for part in section.parts)
        yield "</section>\n"
    seed = "" if page.seed is None else f", seed {page.seed}"
    yield (
        "<details>\n<summary>The scenario</summary>\n"
        f"<pre>{html.escape(page.scenario)}</pre>\n</details>\n</main>\n"
        f"<footer>Made by simqueue {version('simqueue')} on {datetime.now(UTC):%d %B %Y}{seed}."
        "</footer>\n</html>\n"
    )


def _part(part: Part, answer: str) -> str:
    from rich.table import Table
    from rich.text import Text

    if isinstance(part, Table):
        return _table(part)
    if isinstance(part, str | Text):
        words = _CODE.sub(r"<code>\1</code>", html.escape(str(part)))
        return f"<p>{words}</p>\n"
    return _figure(*in_style(part), answer)


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{_cell(column.header)}</th>' for column in table.columns)
    rows = zip(*(column.cells for column in table.columns), strict=True)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="table" tabindex="0"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>\n"
    )


def _cell(cell: object) -> str:
    """A cell of a terminal's table; a line break there is one here."""
    from rich.text import Text

    if not isinstance(cell, Text):
        return html.escape(str(cell))
    words = html.escape(cell.plain)
    return f"<strong>{words}</strong>" if cell.style == "bold" else words


def _figure(figure: Figure, text: str, answer: str) -> str:
    """A figure whose title, the finding, is its caption: text that a phone does not shrink.

    The page's answer is not said again: the caption is what the figure's text says beside it then.
    """
    import matplotlib as mpl

    title = figure.get_suptitle()
    if title:
        figure.suptitle("")
    else:
        panel = figure.axes[0]
        title = panel.get_title(loc="left")
        panel.set_title("", loc="left")
    width, height = figure.get_size_inches()
    figure.set_size_inches(_WIDTH, height * _WIDTH / width)
    drawn = io.BytesIO()
    # Equal figures are equal files.
    with mpl.rc_context({"svg.hashsalt": "simqueue", "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    data = base64.b64encode(drawn.getvalue()).decode()
    title = " ".join(title.split())
    caption = text.removeprefix(answer).strip() if text.startswith(answer) else title
    return (
        f'<figure>\n<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(text)}">\n'
        f"<figcaption>{html.escape(caption)}</figcaption>\n</figure>\n"
    )


def about(scenario: Scenario) -> str:
    """A scenario as a report shows it: what its file says, without the defaults.

    Of files no more than their names: where they are tells about a machine, and not about the day.
    """
    return json.dumps(_without_folders(scenario.table()), indent=1, ensure_ascii=False)


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: Path(one).name if key in _FILES and isinstance(one, str) else _without_folders(one)
            for key, one in value.items()
        }
    return [*map(_without_folders, value)] if isinstance(value, list | tuple) else value
