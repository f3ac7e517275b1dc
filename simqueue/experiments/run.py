"""Running a scenario, once or in several independent replications, and asking what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.record.attempt_log import AttemptLog
from simqueue.record.merging import merge
from simqueue.results.days_apart import apart_warnings
from simqueue.results.formulas import Theory, formulas, short_run_warnings
from simqueue.results.loads import is_steady, load_warnings
from simqueue.results.offered import Outlook
from simqueue.results.presence import Presence, presence_frame
from simqueue.results.queue_summary import Summary
from simqueue.results.summary import summarise
from simqueue.results.verdicts.judge import judge
from simqueue.results.verdicts.verdict import (
    Verdict,
    concerning,
    sentences,
    short_queues,
    shortest,
)
from simqueue.results.warmup import MOST, warmup_s
from simqueue.results.wording import duration
from simqueue.simulation.engines import Engine, engine_of
from simqueue.workload.modes import unused_warnings
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from simqueue.results.page import Page


@dataclass(frozen=True)
class Run:
    """What a simulation gave; its methods answer questions about it.

    Attributes
    ----------
    scenario
        What was run.
    log
        Every attempt of every replication.
    replications
        How many there are; fewer than ``asked_for`` if the run was interrupted.
    asked_for
        How many there were to be.
    simulated_s
        Virtual seconds until the last job ended, over all replications.
    wall_s
        Real seconds that it took.
    interrupted
        Whether Ctrl-C ended it before all that was asked for was done.
    cut_off_s
        Where its only replication stopped then, virtual seconds; ``None`` if all in the log ran to
        their ends.

    Examples
    --------
    >>> import simqueue as sq
    >>> run = sq.simulate(sq.read_scenario("outage.toml"), replications=3)
    >>> payment = run.summary().queues["payment"]
    >>> f"{payment.failed} of {payment.arrived:,} payments failed"
    '32 of 28,923 payments failed'
    >>> list(run.verdicts())
    ['lost.payment', 'payment']
    """

    scenario: Scenario
    log: AttemptLog
    replications: int
    asked_for: int
    simulated_s: float
    wall_s: float
    interrupted: bool = False
    cut_off_s: float | None = None

    @cached_property
    def warmup_s(self) -> float:
        """What is left out of all measures, seconds: as given, or as found in the run."""
        if self.scenario.warmup_s != "auto":
            return self.scenario.warmup_s
        return warmup_s(self.log, self.scenario.duration_s) if is_steady(self.scenario) else 0.0

    @property
    def window(self) -> tuple[float, float]:
        """The part that is measured, seconds: from the warm-up's end to the end of arrivals."""
        end = self.scenario.duration_s
        return self.warmup_s, end if self.cut_off_s is None else min(end, self.cut_off_s)

    def summary(self) -> Summary:
        """The run in numbers: times in seconds, by queue.

        Raises
        ------
        ValueError
            If it was interrupted during the warm-up: nothing was measured.
        """
        return self._summary

    def summary_of(self, queues: Collection[str]) -> Summary:
        """As much of the summary as is about some queues alone; it is there sooner.

        Parameters
        ----------
        queues
            Their names.

        Raises
        ------
        ValueError
            If it was interrupted during the warm-up: nothing was measured.
        """
        return self._summarised(queues)

    def theory(self) -> dict[str, Theory | None]:
        """What a formula says of each queue; ``None`` where none truly holds."""
        return formulas(self._outlook)

    def verdicts(self) -> dict[str, str]:
        """What binds the run and what it needs, a sentence each.

        Returns
        -------
        dict
            By what it is about: ``lost.QUEUE`` for jobs that failed for good, ``worker 0`` for one
            that is away, ``event loop``, each queue; ``caller`` in in-process mode.
        """
        return sentences(self._verdicts)

    def finding(self, about: Collection[str] = (), lost: bool = True) -> str:
        """What binds the run most, one sentence; without lost jobs, the title of its figure.

        Parameters
        ----------
        about
            Queues that matter: what binds another one is left out. By default all matter.
        lost
            Whether lost jobs matter.
        """
        others = set(self.scenario.queues).difference(about) if about else ()
        found = concerning(self._verdicts, others)
        matter = [one for one in found if lost or one.binds != "lost"]
        first = shortest(matter, self.scenario.slots)
        return first.sentence if first else "Nothing ran."

    @property
    def short_queues(self) -> list[str]:
        """Queues to which more comes in for a while than their slots, or a limit, can do."""
        return short_queues(self._verdicts, self.scenario.queues)

    def warnings(self) -> list[str]:
        """What makes the numbers less than they could be, a sentence each."""
        notes = [note for trace in self.scenario.traces for note in trace.notes]
        found = load_warnings(self._outlook) + short_run_warnings(self._outlook)
        found += [*dict.fromkeys(notes), *self._about_warmup(), *unused_warnings(self.scenario)]
        found += self._about_days()
        return [self._interruption(), *found] if self.interrupted else found

    def document(self) -> dict[str, Any]:
        """What ``simulate --json`` prints: numbers, verdicts and warnings as JSON can hold them."""
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.log.engine,
            "mode": self.scenario.mode,
            "seed": self.scenario.seed,
            "replications": self.replications,
            "simulated_s": self.simulated_s,
            "wall_s": self.wall_s,
            **self.summary().as_dict(self.theory()),
            "verdicts": self.verdicts(),
            "warnings": self.warnings(),
        }

    def plot(self, path: str | Path | None = None) -> Any:
        """Arrivals, queue lengths and waits over time.

        Parameters
        ----------
        path
            A PNG to write; without one nothing is written.

        Returns
        -------
        matplotlib.figure.Figure
            The figure, which a notebook shows.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        return self._drawn(None if path is None else Path(path))[0]

    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""
        from rich.table import Table
        from rich.text import Text

        from simqueue.results.page import Page, Section, about
        from simqueue.results.table import report
        from simqueue.results.title import run_title

        title = run_title(self.scenario, self.replications)
        shown = report(self.summary(), title, self.theory()).renderables
        parts = [part for part in shown if isinstance(part, Table | Text)]
        return Page(
            question=f"What happens on {self.scenario.name}?",
            answer=self.finding(),
            sections=[
                Section("What happened", [parts[0], self._drawn, *parts[1:]]),
                Section("What it needs", [*self.verdicts().values()]),
                Section("What to keep in mind", self.warnings()),
            ],
            scenario=about(self.scenario),
            seed=self.scenario.seed,
        )

    def frame(self) -> pd.DataFrame:
        """The attempt log as a DataFrame, a row an attempt."""
        return self.log.frame()

    def workers(self) -> pd.DataFrame:
        """The workers that there were, a row each time that one was asked for.

        Returns
        -------
        pandas.DataFrame
            ``replication``, ``pool``, ``worker``, and in seconds when it was asked for, when it
            took jobs, when it was told to end, and when it was gone (``asked_s``, ``ready_s``,
            ``drained_s``, ``gone_s``); missing for what did not happen. Those with which a run
            begins are up at 0.

        Examples
        --------
        >>> import simqueue as sq
        >>> run = sq.simulate(sq.read_scenario("outage.toml"))
        >>> run.workers()[["worker", "asked_s", "ready_s"]].values.tolist()
        [['0', 0.0, 0.0]]
        """
        return presence_frame(self.log)

    def _drawn(self, path: Path | None = None) -> tuple[Figure, str]:
        """The figure and its alternative text."""
        from simqueue.results.drawing import in_style
        from simqueue.results.plots import run_figure

        scenario = self.scenario
        short = [window for verdict in self._verdicts for window in verdict.short_s]
        return in_style(
            lambda: run_figure(
                self.log,
                (0.0, self.window[1]) if scenario.warmup_s == "auto" else self.window,
                scenario.slots,
                scenario.moment,
                # A title says what is to be seen, and lost jobs are not.
                finding=self.finding(lost=False),
                short_s=short,
                warmup_s=self.warmup_s if scenario.warmup_s == "auto" else 0.0,
                presence=self._presence,
            ),
            path,
        )

    @cached_property
    def _presence(self) -> Presence | None:
        """The workers, if their number changes."""
        if self.scenario.constant:
            return None
        return Presence(self.log, self.scenario.worker_pools, self.replications)

    @cached_property
    def _outlook(self) -> Outlook:
        return Outlook(self.scenario, self.warmup_s)

    @cached_property
    def _verdicts(self) -> list[Verdict]:
        return judge(self.log, self._outlook, self.window, self.replications)

    @cached_property
    def _summary(self) -> Summary:
        return self._summarised()

    def _summarised(self, about: Collection[str] | None = None) -> Summary:
        scenario = self.scenario
        return summarise(
            self.log,
            self.window,
            scenario.slots,
            self.replications,
            scenario.crashes,
            {} if scenario.in_process else scenario.worker_pools,
            about,
        )

    def _about_warmup(self) -> list[str]:
        if self.scenario.warmup_s != "auto":
            return []
        if not is_steady(self.scenario):
            return ["arrivals change over the run, so no warm-up was looked for (warmup_s = auto)"]
        words = f"warm-up: the first {duration(self.warmup_s)} are left out (MSER-5)"
        if self.warmup_s >= 0.9 * MOST * self.scenario.duration_s:
            return [f"{words}: half the run, so it is too short for any warm-up"]
        return [words]

    def _about_days(self) -> list[str]:
        """Queues that are short for a while, where each replication is quite another day."""
        if self.replications < 2 or not self.short_queues:
            return []
        low, high = self.window
        days = list(self.log.by_replication())
        p95s = {}
        for queue in self.short_queues:
            each = [day.responses(queue, since_s=low, until_s=high) for day in days]
            p95s[queue] = [float(np.quantile(times, 0.95)) for times in each if len(times)]
        return apart_warnings(p95s)

    def _interruption(self) -> str:
        if self.cut_off_s is None:
            return interrupted_words(self.replications, self.asked_for)
        return (
            f"interrupted at {self.scenario.moment(self.cut_off_s)}: the figures describe the run "
            "until then, without the jobs that were in service or delayed at that moment"
        )


def simulate(
    scenario: Scenario,
    replications: int = 1,
    progress: Callable[[float], None] | None = None,
    engine: str | Engine = "simpy",
) -> Run:
    """Simulate a scenario.

    Parameters
    ----------
    scenario
        What to run.
    replications
        Independent repetitions; interval estimates need at least two.
    progress
        Called with the share of the work that is done, 0 to 1.
    engine
        ``simpy``; ``compiled``, which writes the same log some thirty times as fast, for most
        scenarios (extra ``fast``); ``auto``: compiled where that can be; or an
        engine of your own.

    Raises
    ------
    InputError
        If there is no such engine, or the compiled one does not have what the scenario says.

    Notes
    -----
    Ctrl-C ends the run with what is done so far: the finished replications, or else the part of
    the first one until then, without the jobs that were in service or delayed at that moment. It
    raises `KeyboardInterrupt` only if there is nothing yet.

    Examples
    --------
    >>> import simqueue as sq
    >>> run = sq.simulate(sq.read_scenario("herd.toml"))
    >>> f"{run.summary().queues['email'].wait_s.p95:.1f} s"
    '0.9 s'
    """
    chosen = engine_of(engine)
    began = time.perf_counter()
    logs: list[AttemptLog] = []
    interrupted, cut_off = False, None
    for number in range(replications):
        try:
            share = part(progress, number / replications, 1 / replications)
            done = chosen(Workload(scenario, number), share)
        except KeyboardInterrupt:  # while it was being set up or written down
            if not logs:
                raise
            interrupted = True
            break
        interrupted = done.interrupted
        if interrupted and logs:
            break
        logs.append(done.log)
        if interrupted:
            cut_off = done.cut_off_s
            break
    return Run(
        scenario=scenario,
        log=merge(logs),
        replications=len(logs),
        asked_for=replications,
        simulated_s=sum(float(np.nanmax(log.rows["finished_s"], initial=0.0)) for log in logs),
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        cut_off_s=cut_off,
    )


def replicate(scenario: Scenario, number: int, engine: str | Engine = "simpy") -> Run:
    """One replication of a scenario by itself: the ``number``-th, from 0.

    Parameters
    ----------
    scenario, engine
        See `simulate`.
    number
        Which: it meets the jobs that it meets among others.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended it: a part of a replication is not to be counted as one.
    """
    began = time.perf_counter()
    done = engine_of(engine)(Workload(scenario, number))
    if done.interrupted:
        raise KeyboardInterrupt
    return Run(
        scenario=scenario,
        log=done.log,
        replications=1,
        asked_for=1,
        simulated_s=float(np.nanmax(done.log.rows["finished_s"], initial=0.0)),
        wall_s=time.perf_counter() - began,
    )


def interrupted_words(done: int, asked_for: int) -> str:
    """What is said of a run of which only so many replications were done."""
    return f"interrupted: {done} of {asked_for} replications were done"


def part(
    progress: Callable[[float], None] | None, done: float, share: float
) -> Callable[[float], None] | None:
    """Progress of a part of the work: so much is done before it, and so much it is itself."""
    if progress is None:
        return None
    return lambda of_it: progress(done + share * of_it)
