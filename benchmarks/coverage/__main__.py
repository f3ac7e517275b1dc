"""``python -m benchmarks.coverage`` prints the tables of docs/results.md, ``--write`` writes them.

Of runs and sweeps: M/M/c from an empty start, days of so many jobs, several days. The truth is that
of such days, from many more of them. Of plans: the whole search, with days that are made the same
way. ``--only runs`` or ``--only plans`` makes one of the two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.coverage import plans, runs

TRIALS = 2_000
PAGE = Path(__file__).parents[2] / "docs" / "results.md"
END = "<!-- end of table -->"


def of_runs(trials: int) -> Iterator[str]:
    """The table of runs' intervals, a line at a time, and what it comes to."""
    yield f"| queue, load | jobs a run | runs | {' | '.join(runs.MEASURES)} |"
    yield f"|{'---|' * (3 + len(runs.MEASURES))}"
    held: list[runs.Held] = []
    for queue in runs.grid():
        lines, entries = runs.rows(queue, trials)
        held += entries
        yield from lines
    yield ""
    # What is mostly open above says "at least" more often than not.
    shut = [one.share for one in held if one.opened < 0.5]
    still_open = [one.share for one in held if one.opened >= 0.5]
    words = (
        f"{np.mean(shut):.1%} on average, {min(shut):.1%} at least, over the {len(shut)} entries"
    )
    if still_open:
        words += " that are not mostly open above, "
        words += f"{min(still_open):.1%} at least over the {len(still_open)} that are"
    yield f"{words}; {trials:,} trials each."


def of_plans(trials: int) -> Iterator[str]:
    """The table of plans' shares of days, a line at a time, and what it comes to."""
    yield f"| days | kept | {' | '.join(plans.ROWS)} |"
    yield f"|{'---|' * (2 + len(plans.ROWS))}"
    shares: list[float] = []
    for cell in plans.grid():
        found = plans.covered(cell, trials)
        shares += found.values()
        words = [f"{found[row]:.1%}" if row in found else "" for row in plans.ROWS]
        yield f"| {cell.days} | {cell.kept:.0%} | {' | '.join(words)} |"
    yield ""
    yield (
        f"{np.mean(shares):.1%} on average, {min(shares):.1%} at least, over the {len(shares)} "
        f"entries; {trials:,} plans each."
    )


TABLES = {"runs": of_runs, "plans": of_plans}


def main() -> None:
    """Print, or write, the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    parser.add_argument("--write", action="store_true", help=f"put them into {PAGE.name}")
    given = parser.parse_args()
    for name in [given.only] if given.only else TABLES:
        lines = []
        for line in TABLES[name](given.trials):
            print(line, file=sys.stderr, flush=True)
            lines.append(line)
        if given.write:
            put(name, lines)


def put(name: str, lines: list[str]) -> None:
    """Put a table between its marks."""
    mark = f"<!-- table: python -m benchmarks.coverage --only {name} --write -->"
    head, found, rest = PAGE.read_text(encoding="utf-8").partition(mark)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise SystemExit(f"{PAGE}: no {mark} with {END} after it")
    text = "\n".join(lines)
    PAGE.write_text(f"{head}{mark}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
