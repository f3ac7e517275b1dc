"""``python -m benchmarks.coverage`` prints the tables of docs/results.md, ``--write`` writes them.

Of runs and sweeps: M/M/c from an empty start, days of so many jobs, several days. The truth is that
of such days, from many more of them. Of plans: the whole search, with days that are made the same
way. Of shares of days: exact, beside the intervals of the literature. ``--only`` makes one of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.coverage import plans, runs, shares

#: Entries of fewer trials say nothing.
ENOUGH = 2_000
#: Runs of each kind, and plans: many a plan has no interval whose truth could be missed.
TRIALS = {"runs": ENOUGH, "plans": 10 * ENOUGH, "shares": 0}
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
    shares = [one.share for one in held]
    words = (
        f"{np.mean(shares):.1%} on average, {min(shares):.1%} at least, over {len(shares)} entries"
    )
    # What is mostly open above says "at least" more often than not.
    still_open = [one.share for one in held if one.opened >= 0.5]
    if still_open:
        words += f"; over the {len(still_open)} of them that are mostly open above "
        words += f"{np.mean(still_open):.1%} and {min(still_open):.1%}"
    yield f"{words}; {trials:,} trials each."


def of_plans(trials: int) -> Iterator[str]:
    """The table of plans' shares of days, a line at a time, and what it comes to."""
    yield f"| days | kept | {' | '.join(plans.ROWS)} |"
    yield f"|{'---|' * (2 + len(plans.ROWS))}"
    every: list[plans.Held] = []
    for cell in plans.grid():
        found = plans.covered(cell, trials)
        every += found.values()
        words = [f"{one.share:.1%}" if one.number >= ENOUGH else "" for one in found.values()]
        yield f"| {cell.days} | {cell.kept:.0%} | {' | '.join(words)} |"
    yield ""
    entries = [one.share for one in every if one.number >= ENOUGH]
    number, sure = sum(one.number for one in every), sum(one.sure for one in every)
    yield (
        f"{np.mean(entries):.1%} on average, {min(entries):.1%} at least, over the {len(entries)} "
        f"entries. Of all {number:,} intervals whose truth is between {plans.SURE:.0%} and "
        f"{1 - plans.SURE:.0%}, {sum(one.right for one in every) / number:.1%} hold it; of the "
        f"{sure:,} whose truth is beyond, as good as never or always, "
        f"{sum(one.sure_right for one in every) / sure:.1%}. {trials:,} plans a row."
    )


def of_shares(_: int) -> Iterator[str]:
    """The table of intervals of a share."""
    return shares.lines()


TABLES = {"runs": of_runs, "plans": of_plans, "shares": of_shares}


def main() -> None:
    """Print, or write, the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, help=f"runs of each kind, and plans ({TRIALS})")
    parser.add_argument("--only", choices=TABLES, help="one of the tables")
    parser.add_argument("--write", action="store_true", help=f"put them into {PAGE.name}")
    given = parser.parse_args()
    for name in [given.only] if given.only else TABLES:
        lines = []
        for line in TABLES[name](given.trials or TRIALS[name]):
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
