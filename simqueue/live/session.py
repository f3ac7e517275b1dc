"""A session: a scenario, a list of dated changes, and the model that runs with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simqueue.errors import InputError
from simqueue.experiments.run import Run
from simqueue.live import hands, saving
from simqueue.live.changes import TICK_S, Change, Pause, Workers, read_change, tick
from simqueue.live.exporting import exported
from simqueue.live.measures import Measures
from simqueue.live.models import live_model
from simqueue.live.state import jobs_now, state_of
from simqueue.live.structure import structured
from simqueue.live.workload import LiveWorkload
from simqueue.record.attempt_log import AttemptLog
from simqueue.simulation.waiting import Wait
from simqueue.workload.scenario import Scenario

#: A session ends here at the latest: a month of virtual time.
LONGEST_SESSION_S = 31 * 86_400.0
#: Events after which one step ends although nothing was to be seen.
_MANY = 100_000


class Session:
    """A model that runs, and what was done to it.

    Parameters
    ----------
    scenario
        What is played.
    changes
        What is done to it, in the order of time; more can be done at any time.

    Attributes
    ----------
    scenario, changes
        These two say all of it: whoever has them has the same attempt log.
    model
        The model that `simulate` runs, with hands.

    Examples
    --------
    >>> import simqueue as sq
    >>> from simqueue.live.session import Session
    >>> session = Session(sq.read_scenario("outage.toml"))
    >>> session.run_until(60)
    >>> session.do("kill", worker=0).words
    'worker 1 was killed'
    >>> session.run_until(70)
    >>> session.state()["queues"]["payment"]["ready"]
    174
    """

    def __init__(self, scenario: Scenario, changes: Iterable[Change] = ()) -> None:
        self.scenario = scenario
        self.changes = sorted(changes, key=lambda one: one.at_s)
        self._next_sample = 0.0
        self._build()

    @property
    def now(self) -> float:
        """The virtual time, seconds."""
        return float(self.model.env.now)

    @property
    def over(self) -> bool:
        """Whether all jobs have come and have their final outcomes."""
        return self.model.over and not self._to_do

    def run_until(self, moment: float) -> None:
        """Let everything happen that happens before a moment, seconds."""
        moment = tick(min(moment, LONGEST_SESSION_S))
        while self.now < moment:
            self._run(min(moment, self._next_sample))
            if self.now >= self._next_sample:
                self.measures.sample(jobs_now(self.model))
                every = self.measures.every_s
                self._next_sample = (math.floor(self.now / every) + 1) * every

    def step(self) -> None:
        """Go on until something is to be seen: a job comes, starts or ends."""
        before = self._seen()
        for _ in range(_MANY):
            coming = self.model.env.peek()
            if not coming < LONGEST_SESSION_S:
                return
            self.run_until(max(tick(coming), self.now) + (TICK_S if tick(coming) == coming else 0))
            if self._seen() != before:
                return

    def finish(self) -> None:
        """Run until all jobs have their final outcomes.

        Raises
        ------
        InputError
            If they would not within a month.
        """
        while not self.over:
            if self.now >= LONGEST_SESSION_S:
                raise InputError("some jobs wait for ever: nobody takes them")
            self.run_until(self.now + max(60.0, self.scenario.duration_s / 50))

    def do(self, what: str, **how: Any) -> Change:
        """Do something to the model now, and note it.

        Parameters
        ----------
        what, how
            Such as ``"send", queue="order", jobs=100``; see `simqueue.live.changes`.

        Returns
        -------
        Change
            What was noted; its ``words`` say what was done.

        Raises
        ------
        InputError
            If there is no such thing, or it cannot be done now.
        """
        if self.changes and self.changes[-1].at_s >= self.now:  # each has a moment of its own
            self.run_until(self.changes[-1].at_s + TICK_S)
        change = read_change({"do": what, "at_s": self.now, **how})
        hands.check(self.model, change)
        self.changes.append(change)
        if self._needs_another_model(change):
            until = self.now
            self._build()
            self.run_until(until)
        else:
            self._schedule(change)
        while change in self._to_do or self.model.incoming.sending:
            self.model.env.step()
        return change

    def start_again(self, keep_changes: bool = False) -> None:
        """Go back to the start, with the same seed; without what was done, unless it is kept."""
        if not keep_changes:
            self.changes = []
        self._build()

    def log(self) -> AttemptLog:
        """Every attempt that has ended, and after them the jobs that wait now."""
        rows = self.model.rows
        self.model.rows = rows.copy()  # the log adds the jobs that wait now, and time goes on
        try:
            return self.model.log()
        finally:
            self.model.rows = rows

    def run(self) -> Run:
        """What has happened so far, as `simulate` gives it."""
        now = self.now
        return Run(self.scenario, self.log(), 1, 1, now, 0.0, cut_off_s=None if self.over else now)

    def state(self) -> dict[str, Any]:
        """What is to be seen now."""
        return state_of(self.model, self.measures, self.over)

    # ---- files

    def text(self) -> str:
        """The session as a file has it: it plays again to the same end."""
        return saving.text_of(self.scenario, self.changes, self.now)

    def save(self, path: str | Path) -> None:
        """Write the session to a TOML file.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        saving.write(Path(path), self.text())

    def exported(self) -> Scenario:
        """A scenario that `simulate` replays exactly: the changes are written into it.

        Raises
        ------
        InputError
            Names the first change that a scenario cannot say.
        """
        return exported(self.scenario, self.changes)

    # ---- the model

    def _build(self) -> None:
        self.model = live_model(LiveWorkload(structured(self.scenario, self.changes)))
        self.measures = Measures(self.model)
        self._next_sample = self.measures.every_s
        self._to_do: list[Change] = []
        for change in self.changes:
            self._schedule(change)

    def _schedule(self, change: Change) -> None:
        self._to_do.append(change)

        def act(_: object) -> None:
            self._to_do.remove(change)
            hands.apply(self.model, change)

        Wait(self.model.env, change.at_s - self.now, hands.rank_of(change), act)

    def _needs_another_model(self, change: Change) -> bool:
        """Whether the model was not built for it; see `structured`."""
        scenario = self.model.workload.scenario
        if isinstance(change, Pause):
            return not scenario.queues[change.queue].gated
        return isinstance(change, Workers) and scenario.constant

    def _run(self, moment: float) -> None:
        self.model.run(until=moment)
        self.measures.read()

    def _seen(self) -> tuple[int, ...]:
        found = [len(self.model.rows)]
        for one in jobs_now(self.model).values():
            found += [len(one.ready), len(one.delayed), one.active]
        return tuple(found)


def read_session(table: Mapping[str, Any] | str | Path) -> Session:
    """A session that was saved; it is played to where it was.

    Raises
    ------
    InputError
        If it is none.
    """
    scenario, changes, until_s = saving.parse(table)
    session = Session(scenario, changes)
    session.run_until(until_s)
    return session
