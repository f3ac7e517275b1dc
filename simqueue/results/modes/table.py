"""The fair comparison as a person reads it in a terminal: 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from simqueue.results.modes.known import FLUID
from simqueue.results.modes.rows import ALL, ModeRow
from simqueue.results.modes.words import RUNS, load_words
from simqueue.results.statistics import Estimate
from simqueue.results.wording import digits, duration, duration_range


def modes_report(
    rows: Sequence[ModeRow],
    title: str,
    replications: int,
    sentences: Sequence[str],
    notes: Sequence[str],
) -> Group:
    """Lay a comparison out for ``rich``: a table for each load, and what its steps do.

    Parameters
    ----------
    rows
        Of the comparison.
    title
        What was compared.
    replications
        How many there were.
    sentences, notes
        What each step does; what was left out.
    """
    loads = list(dict.fromkeys(row.load for row in rows))
    kinds = list(dict.fromkeys(row.of for row in rows))
    if len(kinds) == 2:
        kinds.remove(ALL)  # one kind is all there is
    parts: list[Table | Text] = [Text(f"{title}\n", style="bold")]
    places = {row.letter: row.places for row in rows}
    parts += [Text(f"{letter}  {places[letter]}: {words}") for letter, words in RUNS.items()]
    for load in loads:
        parts.append(Text(f"\nAt {load_words(load)}:", style="bold"))
        parts.append(_table([row for row in rows if row.load == load], kinds))
    parts += [Text(line) for line in _legend(rows, replications)]
    parts.append(Text())
    parts += [Text(sentence, style="bold") for sentence in sentences]
    parts += [Text(f"Note: {note}", style="yellow") for note in notes]
    return Group(*parts)


def _table(rows: Sequence[ModeRow], kinds: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("\nrequests", overflow="fold", min_width=8)
    table.add_column("\nrun")
    heads = ("holds the\nline, mean", "last effect\nmean", "\np95", "\nmax", "jobs\nfailed")
    for head in (*heads, "\nformula"):
        table.add_column(head, justify="right", no_wrap=True)
    for of in kinds:
        of_kind = [row for row in rows if row.of == of]
        for row in of_kind:
            table.add_row(Text(of), row.letter, *_cells(row), end_section=row is of_kind[-1])
            of = ""
    return table


def _cells(row: ModeRow) -> list[str]:
    found = row.measures
    return [
        duration(found.held_s.mean),
        _time(found.last_effect_s.mean),
        duration(found.last_effect_s.p95),
        duration(found.last_effect_s.max),
        digits(found.failed),
        "–" if row.known is None else f"{duration(row.known.seconds)}\n{row.known.short}",
    ]


def _time(value: Estimate | None) -> str:
    if value is None or value.interval is None:
        return duration(value)
    return f"{duration(value)}\n{duration_range(*value.interval)}"


def _legend(rows: Sequence[ModeRow], replications: int) -> list[str]:
    counted = [row for row in rows if row.letter == "P" and row.of != ALL]
    loads = dict.fromkeys(row.load for row in rows)
    of_load = (
        ", ".join(
            f"{digits(row.measures.requests)} {row.of}" for row in counted if row.load == load
        )
        + f" at {load_words(load)}"
        for load in loads
    )
    lines = [f"Requests a run: {'; '.join(of_load)}."]
    if replications == 1:
        lines.append("One replication: numbers come without an interval.")
    else:
        lines.append(
            f"{replications:,} replications: below a mean its 95 % interval; --json has the others."
        )
    if any(row.known and row.known.measure == "wait_max_s" for row in rows):
        lines.append(
            "fluid: the longest wait for a place, if work came and went evenly; chance adds to it."
        )
    exact = sorted({row.known.model for row in rows if row.known} - {FLUID})
    if exact:
        lines.append(f"{', '.join(exact)}: the mean time to the last effect, in steady state.")
    return lines
