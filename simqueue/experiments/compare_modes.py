"""Training mode against production: the same work, done by as many places in four ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simqueue.errors import InputError
from simqueue.experiments.four_runs import at_load, four_runs, own_load, unused
from simqueue.experiments.run import Run, part, simulate
from simqueue.results.comparison.same_draws import check_draws, check_log
from simqueue.results.comparison.sharing import places
from simqueue.results.modes.known import failures_expected, known
from simqueue.results.modes.requests import Measures, measure, requests_of
from simqueue.results.modes.rows import ALL, ModeRow, frame_of
from simqueue.results.modes.words import LETTERS, alt, finding, step_sentences
from simqueue.results.title import run_title
from simqueue.results.wording import count
from simqueue.simulation.engines import Engine, Progress, Replication, engine_of
from simqueue.workload.modes import unused_warnings
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Group


@dataclass(frozen=True)
class ModeComparison:
    """What `compare_modes` gives; its methods answer questions about it.

    Attributes
    ----------
    scenario
        What was compared.
    loads
        How many times the arrivals at 1x, ascending.
    replications
        How many of each run.
    runs
        By load and letter: ``runs[400, "P"]``.
    notes
        What was left out or set aside to make the comparison fair, a sentence each.
    """

    scenario: Scenario
    loads: tuple[float, ...]
    replications: int
    runs: Mapping[tuple[float, str], Run]
    notes: tuple[str, ...]

    @property
    def places(self) -> int:
        """Slots over all queues and workers; as many callers in training mode."""
        return places(self.runs[self.loads[0], "P"].scenario)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The queues that requests start in."""
        return tuple(self.scenario.arrivals)

    @cached_property
    def rows(self) -> tuple[ModeRow, ...]:
        """What was measured: by load, then by kind of requests (``all`` first), then by run."""
        return tuple(
            self._row(load, letter, of)
            for load in self.loads
            for of in (ALL, *self.kinds)
            for letter in LETTERS
        )

    def table(self, of: str = ALL) -> pd.DataFrame:
        """Measures of requests as a DataFrame: a row for each load and run.

        Parameters
        ----------
        of
            The queue that the requests start in; by default all requests.

        Raises
        ------
        InputError
            If no request starts in that queue.
        """
        return frame_of(self._of(of))

    def document(self) -> dict[str, Any]:
        """What ``compare --json`` prints: numbers and sentences as JSON can hold them."""
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "seed": self.scenario.seed,
            "replications": self.replications,
            "places": self.places,
            "loads": list(self.loads),
            "rows": [row.as_dict() for row in self.rows],
            "finding": self.finding(),
            "sentences": self.sentences(),
            "notes": list(self.notes),
        }

    def sentences(self) -> list[str]:
        """What each step does, in words: one for each step at each load."""
        return step_sentences(self.rows)

    def report(self) -> Group:
        """What ``compare`` prints, for ``rich``."""
        from simqueue.results.modes.table import modes_report

        title = run_title(self.runs[self.loads[-1], "P"].scenario, self.replications)
        return modes_report(self.rows, title, self.replications, self.sentences(), self.notes)

    def plot(self, path: str | Path | None = None) -> Any:
        """What customers go through in each run, at each load.

        Parameters
        ----------
        path
            A PNG to write; without one nothing is written.

        Returns
        -------
        matplotlib.figure.Figure
            The figure, which a notebook shows; `alt` says what is on it.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        from simqueue.results.drawing import in_style
        from simqueue.results.modes.plot import modes_figure

        figure, _ = in_style(
            lambda: modes_figure(self.rows, self.alt()), None if path is None else Path(path)
        )
        return figure

    def finding(self) -> str:
        """What is to be seen at the highest load, one sentence: the figure's title."""
        return finding(self.rows)

    def alt(self) -> str:
        """The figure in words, for somebody who does not see it."""
        return alt(self.rows)

    def _of(self, of: str) -> list[ModeRow]:
        if of not in (ALL, *self.kinds):
            raise InputError(
                f"of = {of!r}: no request starts there; expected one of "
                f"{', '.join((ALL, *self.kinds))}"
            )
        return [row for row in self.rows if row.of == of]

    @cached_property
    def _measures(self) -> dict[tuple[float, str, str], Measures]:
        """By load, letter, and the queue that the requests start in."""
        return {
            (load, letter, of): one
            for load, letter in self.runs
            for of, one in self._measured(load, letter)
        }

    def _measured(self, load: float, letter: str) -> Iterator[tuple[str, Measures]]:
        run = self.runs[load, letter]
        requests = requests_of(run.log)
        window = self._warmup_s(load), run.scenario.duration_s
        for of in (ALL, *self.kinds):
            queue = None if of == ALL else run.log.queues.index(of)
            at_once = not run.scenario.in_process
            yield of, measure(requests, window, self.replications, queue, answers_at_once=at_once)

    def _warmup_s(self, load: float) -> float:
        return max(self.runs[load, letter].warmup_s for letter in LETTERS)

    def _row(self, load: float, letter: str, of: str) -> ModeRow:
        scenario = self.runs[load, letter].scenario
        starts = [one for one in self.kinds if of in (ALL, one)]
        expected = [failures_expected(scenario, queue) for queue in starts]
        brought = [self._measures[load, letter, queue].requests for queue in starts]
        return ModeRow(
            load=load,
            letter=letter,
            of=of,
            places=_places(scenario),
            measures=self._measures[load, letter, of],
            known=known(scenario, self._warmup_s(load), starts[0]) if len(starts) == 1 else None,
            failures_expected=None
            if None in expected
            else sum(n * (one or 0.0) for n, one in zip(brought, expected, strict=True)),
        )


def _places(scenario: Scenario) -> str:
    if scenario.in_process:
        return count(scenario.caller.callers, "caller")
    return "/".join(map(str, scenario.slots.values()))


def compare_modes(
    scenario: Scenario,
    replications: int = 1,
    loads: Sequence[float] | None = None,
    progress: Callable[[float], None] | None = None,
    engine: str | Engine = "simpy",
) -> ModeComparison:
    """Compare training mode and queues fairly: the same work, as many places, in four ways.

    Parameters
    ----------
    scenario
        What comes, and who does it in production; its ``mode`` does not matter.
    replications
        Independent repetitions of each run; intervals need at least two.
    loads
        How many times the arrivals at 1x. At 1x a trace brings the recorded orders (``scale`` 1),
        and any other arrivals are as the scenario has them. By default 1x and the scenario's own.
    progress
        Called with the share of the work that is done, 0 to 1.
    engine
        As `simulate` takes it.

    Raises
    ------
    InputError
        If the scenario says what one of the modes cannot have, or a load is not above 0.
    SimqueueError
        If the runs do not share a draw: then nothing may be said of them.
    """
    loads = tuple(sorted({1.0, own_load(scenario)} if loads is None else set(loads)))
    if not (loads and all(0 < load < float("inf") for load in loads)):
        raise InputError(f"loads = {list(loads)}: expected numbers above 0")
    plans = {
        (load, letter): one
        for load in loads
        for letter, one in four_runs(at_load(scenario, load)).items()
    }
    chosen = engine_of(engine)
    runs: dict[tuple[float, str], Run] = {}
    whole = sum(load for load, _ in plans)
    done = 0.0
    references: dict[tuple[float, int], Workload] = {}
    for (load, letter), plan in plans.items():
        checked = _Checked(chosen, letter, load, plans[load, "P"], references)
        run = simulate(plan, replications, part(progress, done, load / whole), checked)
        if run.interrupted:
            raise KeyboardInterrupt
        runs[load, letter] = run
        done += load / whole
    production = runs[loads[-1], "P"]
    known_already = unused_warnings(production.scenario)
    warnings = [words for words in production.warnings() if words not in known_already]
    notes = *unused(scenario), *warnings
    return ModeComparison(scenario, loads, replications, runs, notes)


@dataclass(frozen=True)
class _Checked:
    """An engine that makes sure that its run shares its draws with run P."""

    engine: Engine
    letter: str
    load: float
    production: Scenario
    references: dict[tuple[float, int], Workload]

    def __call__(
        self, workload: Workload, progress: Progress | None = None, until_s: float | None = None
    ) -> Replication:
        who = f"run {self.letter} at {self.load:g}x"
        done = self.engine(workload, progress, until_s)
        if done.interrupted:
            return done
        key = self.load, workload.replication
        if key not in self.references:
            self.references[key] = Workload(self.production, workload.replication)
        check_draws(workload, self.references[key], (who, "run P"))
        check_log(done.log, workload, who)
        return done
