"""Two sheets to keep beside the lessons: the words, and the formulas on one page."""

from __future__ import annotations

import html
import inspect
import re
from typing import NamedTuple

from simqueue.course.display import table
from simqueue.course.words import WORDS
from simqueue.results import theory

_SYMBOLS = (
    "λ arrivals a second; s mean service time, μ = 1 / s; c servers (slots); a = λ s; ρ = a / c; "
    "W mean wait; L mean number; p failure rate, N attempts; cv standard deviation over mean."
)
_STYLE = """
@page { size: A4 landscape; margin: 1cm }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; color: #1b1b1b; background: #fff;
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: break-word }
h1 { font-size: 1.4rem; margin: 0 0 .4rem }
table { border-collapse: collapse; width: 100% }
th, td { padding: .3rem .5rem; text-align: left; vertical-align: top; font-weight: normal;
  border-bottom: 1px solid #ccc }
thead th, tbody th { font-weight: 600 }
th:first-child { min-width: 15rem } td:nth-child(3) { white-space: nowrap }
@media screen and (max-width: 40rem) { thead { display: none }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid #ccc }
  th, td { display: block; border: 0; padding: .1rem 0 } }
@media print { body { padding: 0; max-width: none; font-size: 7.5pt; line-height: 1.15 }
  h1 { font-size: 12pt } p { margin: .2rem 0 }
  th, td { padding: .08rem .4rem } th:first-child { min-width: 0 } tr { break-inside: avoid } }
"""


class Formula(NamedTuple):
    """A formula as its function's docstring has it."""

    name: str
    says: str
    formula: str
    source: str


def formulas() -> list[Formula]:
    """The formulas of `simqueue.theory`, in the order of the module.

    Raises
    ------
    ValueError
        If a docstring lacks its formula, between double backticks in its notes, or its source.
    """
    return [
        _formula(name, inspect.getdoc(function) or "")
        for name, function in vars(theory).items()
        if inspect.isfunction(function)
        and function.__module__ == theory.__name__
        and not name.startswith("_")
    ]


def _formula(name: str, doc: str) -> Formula:
    says = doc.partition("\n")[0].removesuffix(".").replace("``", "`")
    notes = " ".join(doc.partition("\nNotes\n-----\n")[2].partition("\nExamples\n")[0].split())
    formula = re.match(r"``(.+?)``", notes)
    source = re.search(r"Source: (.+)", notes)
    if not formula or not source:
        raise ValueError(f"theory.{name}: expected notes with a ``formula`` first and a Source")
    return Formula(name, says, formula[1], source[1].removesuffix(".").replace("``", "`"))


def formulas_markdown() -> str:
    """The formula sheet in Markdown."""
    lines = [
        "# Formulas",
        "",
        _SYMBOLS,
        "",
        "| what | formula | `simqueue.theory` | source |",
        "|---|---|---|---|",
    ]
    for one in formulas():
        formula = one.formula.replace("|", r"\|")
        lines.append(f"| {one.says} | `{formula}` | `{one.name}` | {one.source} |")
    return "\n".join(lines) + "\n"


def formulas_page() -> str:
    """The formula sheet as a page that prints on one sheet of A4, landscape."""
    rows = [[_plain(one.says), one.formula, one.name, _plain(one.source)] for one in formulas()]
    body = table(("What", "Formula", "simqueue.theory", "Source"), rows)
    return _page("Formulas of queues", f"<p>{html.escape(_SYMBOLS)}</p>{body}")


def glossary_markdown() -> str:
    """The glossary in Markdown."""
    rows = (f"| **{one.word}** | {one.meaning} | {one.lesson} |" for one in WORDS)
    head = "# Words of the course\n\n| word | means | lesson |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def glossary_page() -> str:
    """The glossary as a page."""
    rows = [[one.word, _plain(one.meaning), one.lesson] for one in WORDS]
    return _page("Words of the course", table(("Word", "Means", "Lesson"), rows))


def _plain(markdown: str) -> str:
    return re.sub(r"[*`]", "", markdown)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<main>\n<h1>{html.escape(title)}</h1>\n{body}\n</main>\n</html>\n"
    )
