"""How often the 95 % intervals of a run hold the truth, on queues whose truth is known.

``python -m benchmarks.coverage`` prints the table of docs/results.md (``--write`` puts it there).
The queue is M/M/1, from an empty start, by Lindley's recursion: a run of so many jobs, and several
such runs. The truth is that of as long a run, from many more of them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simqueue.results.intervals import Interval, count_interval, mean_interval
from simqueue.results.statistics import describe

Floats = NDArray[np.float64]

TRIALS = 2_000
LOADS = (0.5, 0.8, 0.9, 0.95)
JOBS = {"short": 200, "long": 2_000}
REPLICATIONS = (5, 10, 30)
PAGE = Path(__file__).parent.parent / "docs" / "results.md"
MARK = "<!-- table: python -m benchmarks.coverage --write -->"
MEASURES = ("mean", "p50", "p95", "p99", "utilisation", "queue length", "lost jobs")
#: A failed attempt in so many, one attempt: a lost job.
_LOST = 0.005


@dataclass(frozen=True)
class Cell:
    """One kind of experiment: the load, jobs of a run, and how many runs."""

    load: float
    jobs: int
    replications: int


def runs(cell: Cell, number: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Waits of ``number`` runs, a row each; and of each run utilisation and lost jobs."""
    gaps = rng.exponential(1 / cell.load, (number, cell.jobs))
    service = rng.exponential(1.0, (number, cell.jobs))
    steps = np.cumsum(service[:, :-1] - gaps[:, 1:], axis=1)
    walk = np.concatenate([np.zeros((number, 1)), steps], axis=1)
    waits = walk - np.minimum.accumulate(walk, axis=1)
    ended = np.cumsum(gaps, axis=1)[:, -1]
    lost = rng.binomial(cell.jobs, _LOST, number).astype(float)
    return waits, service.sum(axis=1) / ended, lost


def truth(cell: Cell, rng: np.random.Generator) -> dict[str, float]:
    """What the measures are, from many runs."""
    many = 10_000 if cell.jobs > 1_000 else 60_000
    waits, busy, lost = runs(cell, many, rng)
    p50, p95, p99 = np.quantile(waits, (0.5, 0.95, 0.99))
    lengths = _lengths(cell, waits)
    found = (waits.mean(), p50, p95, p99, busy.mean(), lengths.mean(), lost.mean())
    return dict(zip(MEASURES, map(float, found), strict=True))


def _lengths(cell: Cell, waits: Floats) -> Floats:
    """A mean queue length of each run, by Little's law at the mean rate."""
    return waits.mean(axis=1) * cell.load


def trial(cell: Cell, rng: np.random.Generator) -> dict[str, Interval | None]:
    """The intervals of one experiment."""
    waits, busy, lost = runs(cell, cell.replications, rng)
    found = describe(list(waits))
    assert found.p50 is not None
    assert found.p95 is not None
    assert found.p99 is not None
    return {
        "mean": found.ci95,
        "p50": found.p50.interval,
        "p95": found.p95.interval,
        "p99": found.p99.interval,
        "utilisation": mean_interval(busy),
        "queue length": mean_interval(_lengths(cell, waits)),
        "lost jobs": count_interval(lost),
    }


def covered(job: tuple[Cell, int]) -> dict[str, tuple[float, float]]:
    """For each measure the share of intervals that hold the truth, and of those open above."""
    cell, trials = job
    rng = np.random.default_rng([int(1000 * cell.load), cell.jobs, cell.replications])
    right = truth(cell, rng)
    held = dict.fromkeys(MEASURES, 0)
    opened = dict.fromkeys(MEASURES, 0)
    for _ in range(trials):
        for measure, interval in trial(cell, rng).items():
            assert interval is not None
            low, high = interval
            held[measure] += (low is None or low <= right[measure]) and (
                high is None or right[measure] <= high
            )
            opened[measure] += high is None
    return {m: (held[m] / trials, opened[m] / trials) for m in MEASURES}


def cells() -> list[Cell]:
    """The grid."""
    return [
        Cell(load, jobs, replications)
        for load in LOADS
        for jobs in JOBS.values()
        for replications in REPLICATIONS
    ]


def table(trials: int, processes: int) -> Iterator[str]:
    """The table's lines, and what they come to."""
    yield f"| load | jobs a run | runs | {' | '.join(MEASURES)} |"
    yield f"|{'---|' * (3 + len(MEASURES))}"
    shares: list[float] = []
    mostly_open: list[float] = []
    with ProcessPoolExecutor(processes) as pool:
        found = pool.map(covered, [(cell, trials) for cell in cells()])
        for cell, each in zip(cells(), found, strict=True):
            words = [
                f"{held:.1%}" + (f" ({opened:.0%} open)" if opened >= 0.005 else "")
                for held, opened in each.values()
            ]
            # What is mostly open above says "at least" more often than not.
            for held, opened in each.values():
                (shares if opened < 0.5 else mostly_open).append(held)
            yield f"| {cell.load:g} | {cell.jobs:,} | {cell.replications} | {' | '.join(words)} |"
    yield ""
    yield (
        f"{np.mean(shares):.1%} on average, {min(shares):.1%} at least, over the {len(shares)} "
        f"entries that are not mostly open above, {min(mostly_open):.1%} at least over the "
        f"{len(mostly_open)} that are; {trials:,} trials each."
    )


def main() -> None:
    """Print, or write, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = parser.parse_args()
    lines = []
    for line in table(given.trials, given.processes):
        print(line, file=sys.stderr)
        lines.append(line)
    if given.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(MARK)
        _, _, after = rest.partition("<!-- end of table -->")
        text = f"{head}{MARK}\n\n" + "\n".join(lines) + f"\n\n<!-- end of table -->{after}"
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
