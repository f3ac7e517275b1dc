"""Sweeps: one scenario at many settings, each of them meeting the same jobs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.checked import in_short
from simqueue.errors import InputError
from simqueue.experiments.parallel import check_cores
from simqueue.experiments.replications import measured_all
from simqueue.record.attempt_log import Floats
from simqueue.results.intervals import Interval, count_interval, mean_interval, paired_interval
from simqueue.results.measures import Measure, measures_of, parse_measure
from simqueue.results.statistics import Estimate
from simqueue.results.wording import count
from simqueue.simulation.engines import Engine, engine_of, engine_words
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.varying import check_varies

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.console import Group

    from simqueue.results.page import Page

#: Runs that one sweep may ask for: more is a slip of the hand.
MOST_RUNS = 1_000_000
#: Measures that count jobs, and may be 0 in every replication.
_COUNTS = ("failed", "refused", "lost")


@dataclass(frozen=True)
class Cell:
    """One setting of a sweep.

    Attributes
    ----------
    values
        What each key of the grid has here, in the grid's order.
    scenario
        What is run.
    found
        What each replication gave: an array (replications, measures), in seconds, jobs, shares;
        NaN where there was nothing to measure, a row of NaN where the replication was not done.
    """

    values: tuple[Any, ...]
    scenario: Scenario
    found: Floats

    @property
    def replications(self) -> int:
        """How many were done."""
        return int((~np.isnan(self.found)).any(axis=1).sum())


@dataclass(frozen=True)
class Sweep:
    """What `sweep` gives; its methods answer questions about it.

    A measure of a cell is the mean over replications of what each of them had: its ``p95`` is the
    p95 of a day, averaged over days. (`Run.summary` pools the days first.)

    Attributes
    ----------
    scenario
        What was varied.
    keys
        What varies, as a scenario file names it.
    measures
        What was measured of each replication.
    cells
        The settings, the last key's values changing fastest.
    asked_for
        Replications that there were to be.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it before all was done.
    engine
        Who ran it: ``compiled``, or ``simpy`` and why.
    """

    scenario: Scenario
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    cells: tuple[Cell, ...]
    asked_for: int
    wall_s: float
    interrupted: bool = False
    engine: str = "simpy"

    def estimate(self, cell: Cell, measure: str | Measure) -> Estimate | None:
        """A measure of a cell, with its 95 % interval over replications.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        one = self._measure(measure)
        values = self._values(cell, one)
        values = values[~np.isnan(values)]
        if not len(values):
            return None
        of = count_interval if one.what in _COUNTS else mean_interval
        return Estimate(float(values.mean()), of(values))

    def frame(self, measures: Iterable[str | Measure] | None = None) -> pd.DataFrame:
        """A row for each cell and measure: ``mean``, the ends of its interval, ``replications``.

        Parameters
        ----------
        measures
            Which; by default all.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        import pandas as pd

        chosen = self.measures if measures is None else [self._measure(one) for one in measures]
        rows = []
        for cell in self.cells:
            for one in chosen:
                found = self.estimate(cell, one)
                low, high = _ends(found)
                rows.append(
                    {
                        **self._setting(cell),
                        "queue": one.queue,
                        "measure": one.what,
                        "mean": None if found is None else float(found),
                        "low": low,
                        "high": high,
                        "replications": cell.replications,
                    }
                )
        return pd.DataFrame(rows)

    def runs(self) -> pd.DataFrame:
        """A row for each replication of each cell, a column for each measure."""
        import pandas as pd

        frames: list[pd.DataFrame] = []
        for cell in self.cells:
            frame = pd.DataFrame(cell.found, columns=[one.name for one in self.measures])
            frame.insert(0, "replication", np.arange(len(frame)))
            for place, (key, value) in enumerate(self._setting(cell).items()):
                frame.insert(place, key, [value] * len(frame))
            frames.append(frame.iloc[np.flatnonzero(~np.isnan(cell.found).all(axis=1))])
        return pd.concat(frames, ignore_index=True)

    def differences(
        self, measure: str | Measure, base: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """How far each cell is from one of them, replication by replication.

        Both met the same jobs, so that what chance did to one it did to the other: the interval of
        the difference is narrower than those of the two would say.

        Parameters
        ----------
        measure
            Of what.
        base
            The setting to compare with, all keys of the grid; by default the first.

        Returns
        -------
        pandas.DataFrame
            A row for each other cell: ``difference`` (cell minus base), ``low``, ``high`` of its
            95 % interval, ``replications`` that both did.

        Raises
        ------
        InputError
            If there is no such measure or cell.
        """
        import pandas as pd

        one, first = self._measure(measure), self.cell(base) if base else self.cells[0]
        rows = []
        for cell in self.cells:
            if cell is first:
                continue
            apart = self._values(cell, one) - self._values(first, one)
            apart = apart[~np.isnan(apart)]
            interval = paired_interval(apart)
            rows.append(
                {
                    **self._setting(cell),
                    "difference": float(apart.mean()) if len(apart) else None,
                    "low": interval[0] if interval else None,
                    "high": interval[1] if interval else None,
                    "replications": len(apart),
                }
            )
        return pd.DataFrame(rows)

    def cell(self, setting: Mapping[str, Any]) -> Cell:
        """The cell of a setting, such as ``{"workers.count": 2}``.

        Raises
        ------
        InputError
            If there is none.
        """
        wanted = [setting.get(key) for key in self.keys]
        for cell in self.cells:
            if list(cell.values) == wanted and len(setting) == len(self.keys):
                return cell
        raise InputError(
            f"{dict(setting)}: there is no such cell; the grid varies {', '.join(self.keys)}"
        )

    def report(self, measures: Sequence[str | Measure]) -> Group:
        """Lay it out for ``rich``: a row for each cell, its measures with their intervals.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        from simqueue.results.sweeps import sweep_report

        chosen = [self._measure(one) for one in measures]
        rows = [
            (
                tuple(map(in_short, cell.values)),
                cell.replications,
                [self.estimate(cell, one) for one in chosen],
            )
            for cell in self.cells
        ]
        return sweep_report(self.scenario.name, self.keys, chosen, rows, self.asked_for)

    def plot(self, measure: str | Measure, path: str | Path | None = None) -> Figure:
        """Draw a measure over the first key; a line for each setting of the others.

        Parameters
        ----------
        measure
            Which.
        path
            A PNG to write; without one nothing is written.

        Raises
        ------
        InputError
            If there is no such measure, or the file cannot be written.
        """
        return self._drawn(measure, None if path is None else Path(path))[0]

    def _drawn(self, measure: str | Measure, path: Path | None = None) -> tuple[Figure, str]:
        from simqueue.results.drawing import in_style
        from simqueue.results.sweeps import sweep_figure

        one = self._measure(measure)
        points = self._points(one)
        return in_style(lambda: sweep_figure(self.scenario.name, self.keys, one, points), path)

    def _points(self, measure: Measure) -> list[tuple[tuple[Any, ...], Estimate | None]]:
        return [(cell.values, self.estimate(cell, measure)) for cell in self.cells]

    def page(self, measures: Sequence[str | Measure]) -> Page:
        """A report to show others: `Page.write` makes it a file.

        Parameters
        ----------
        measures
            Which to show; of each there is a figure.

        Raises
        ------
        InputError
            If there is no such measure.
        """
        from rich.table import Table

        from simqueue.results.page import Page, Section, about
        from simqueue.results.sweeps import sweep_finding

        first = self._measure(measures[0])
        table = [one for one in self.report(measures).renderables if isinstance(one, Table)]
        keys = " and ".join(self.keys)
        words = f"{count(self.asked_for, 'replication')} of each setting. All of them met the same "
        words += "jobs, so what differs is what was changed. Ranges are 95 % intervals."
        drawn = [partial(self._drawn, one) for one in measures]
        return Page(
            question=f"What does {keys} change on {self.scenario.name}?",
            answer=f"{sweep_finding(self.keys, first, self._points(first))}.",
            sections=[
                Section("What was found", [*drawn, *table]),
                Section("What is taken for granted", [words]),
            ],
            scenario=about(self.scenario),
            seed=self.scenario.seed,
        )

    def document(self) -> dict[str, Any]:
        """What ``sweep --json`` prints."""
        cells = []
        for cell in self.cells:
            found = {one.name: self.estimate(cell, one) for one in self.measures}
            cells.append(
                {
                    "set": dict(zip(self.keys, cell.values, strict=True)),
                    "replications": cell.replications,
                    "measures": {
                        name: {"mean": value, "ci95": None if value is None else value.interval}
                        for name, value in found.items()
                    },
                }
            )
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.engine,
            "seed": self.scenario.seed,
            "vary": list(self.keys),
            "asked_for": self.asked_for,
            "interrupted": self.interrupted,
            "wall_s": self.wall_s,
            "cells": cells,
        }

    def write(self, path: str | Path) -> None:
        """Write every replication's measures: CSV, parquet or JSON, by the name's end.

        Raises
        ------
        InputError
            If the name ends in something else, or the file cannot be written.
        """
        from simqueue.results.frames import write_frame

        write_frame(self.runs(), Path(path))

    def _measure(self, measure: str | Measure) -> Measure:
        return measure if isinstance(measure, Measure) else parse_measure(measure, self.measures)

    def _values(self, cell: Cell, measure: Measure) -> Floats:
        values: Floats = cell.found[:, self.measures.index(measure)]
        return values

    def _setting(self, cell: Cell) -> dict[str, Any]:
        return {
            key: value if isinstance(value, int | float | str | bool) else in_short(value)
            for key, value in zip(self.keys, cell.values, strict=True)
        }


def _ends(found: Estimate | None) -> Interval:
    return (None, None) if found is None or found.interval is None else found.interval


def sweep(
    scenario: Scenario,
    grid: Mapping[str, Iterable[Any]],
    replications: int = 10,
    *,
    cores: int | None = None,
    cluster: str | None = None,
    engine: str | Engine = "auto",
    progress: Callable[[float], None] | None = None,
) -> Sweep:
    """Simulate a scenario at every combination of some keys' values.

    All cells meet the same jobs (one seed): what differs between two of them is what was changed.

    Parameters
    ----------
    scenario
        What to vary.
    grid
        Values by key: ``{"workers.count": range(1, 5)}``. Keys are those of `Scenario.replace`.
    replications
        Independent repetitions of each cell; intervals need at least two.
    cores
        Processes to use; by default as many as there are cores.
    cluster
        Address of a Dask scheduler to use instead (it needs the extra ``sweeps``).
    engine
        See `simulate`; by default compiled where that can be, else SimPy, which says the same.
    progress
        Called with the share of the runs that is done, 0 to 1.

    Raises
    ------
    InputError
        If a key or a value is none that the scenario can have, or there is nothing to do.

    Notes
    -----
    Ctrl-C ends it with what is done so far. Runs are begun replication by replication, so that
    then all cells have about as many. It raises `KeyboardInterrupt` only if there is nothing yet.

    Examples
    --------
    >>> import simqueue as sq
    >>> coffee = sq.build_scenario({
    ...     "duration_s": 3600,
    ...     "arrivals": {"coffee": {"rate_per_s": 0.2}},
    ...     "queues": {"coffee": {"service": {"distribution": "exponential", "mean_s": 8}}},
    ...     "workers": {"concurrency": 1},
    ... })
    >>> grid = sq.sweep(coffee, {"workers.count": [2, 3]}, replications=5, cores=1)
    >>> [round(float(grid.estimate(cell, "coffee.utilisation")), 2) for cell in grid.cells]
    [0.8, 0.54]
    """
    engine_of(engine)
    keys, values = _checked_grid(grid)
    combinations = list(itertools.product(*values))
    if not isinstance(replications, int) or replications < 1:
        raise InputError(f"replications = {replications!r}: expected a whole number of at least 1")
    if len(combinations) * replications > MOST_RUNS:
        raise InputError(
            f"{len(combinations):,} cells of {replications:,} replications: expected at most "
            f"{MOST_RUNS:,} runs"
        )
    if cluster is None:
        check_cores(cores)
    for key in keys:
        check_varies(scenario, key)
    scenarios = [
        scenario.replace(dict(zip(keys, combination, strict=True))) for combination in combinations
    ]
    for one in scenarios:
        new = [key_of("queues", queue) for queue in one.queues if queue not in scenario.queues]
        if new:
            raise InputError(f"{', '.join(keys)}: the scenario has no {new[0]}")
    measures = tuple(measures_of(scenario))
    work = [(one, number) for number in range(replications) for one in scenarios]
    found = np.full((len(scenarios), replications, len(measures)), np.nan)
    began, done, interrupted = time.perf_counter(), 0, False
    try:
        for place, row in measured_all(work, measures, cores, cluster, engine):
            number, cell = divmod(place, len(scenarios))
            found[cell, number] = row
            done += 1
            if progress:
                progress(done / len(work))
    except KeyboardInterrupt:
        if not done:
            raise
        interrupted = True
    return Sweep(
        scenario=scenario,
        keys=keys,
        measures=measures,
        cells=tuple(
            Cell(combination, one, rows)
            for combination, one, rows in zip(combinations, scenarios, found, strict=True)
        ),
        asked_for=replications,
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        engine=engine_words(engine, scenarios),
    )


def _checked_grid(grid: Mapping[str, Iterable[Any]]) -> tuple[tuple[str, ...], list[list[Any]]]:
    if not grid:
        raise InputError("the grid is empty: expected values of at least one key")
    values = []
    for key, ones in grid.items():
        if isinstance(ones, str) or not isinstance(ones, Iterable):
            raise InputError(f"{key}: expected several values, not {in_short(ones)}")
        listed = [one.item() if isinstance(one, np.generic) else one for one in ones]
        if not listed:
            raise InputError(f"{key}: expected at least one value")
        values.append(listed)
    return tuple(grid), values
