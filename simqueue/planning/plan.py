"""How many it takes: the fewest workers, or slots, with which a day's targets hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simqueue.errors import InputError
from simqueue.planning.answer import Answer, Margin
from simqueue.planning.days import Laboratory, check_days
from simqueue.planning.looking_closer import binding, days_apart
from simqueue.planning.page import plan_page
from simqueue.planning.search import FIRST_LOOK, Search, first_allowed
from simqueue.planning.shown import plan_figure
from simqueue.planning.situations import (
    has_traffic,
    needed_at_least,
    with_deaths,
    with_longer_jobs,
    with_traffic,
)
from simqueue.planning.targets import parse_targets
from simqueue.planning.words import answer_sentence, assumptions
from simqueue.results.measures import measures_of
from simqueue.results.shown import Shown
from simqueue.simulation.engines import Engine, engine_of, engine_words
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.varying import check_varies

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from simqueue.results.page import Page

#: How much more, and less, the margins ask about.
MARGIN = 0.2
WORKERS = "workers.count"
#: Days of a margin that may show already that it does not hold.
_FEW_DAYS = 2


@dataclass(frozen=True)
class Plan(Answer, Shown):
    """What `plan` gives; its methods answer questions about it. Its attributes: see `Answer`.

    `plot` draws each day's first target over what varies, and its limit.
    """

    def sentence(self) -> str:
        """The answer, and what it rests on."""
        return answer_sentence(self)

    def frame(self) -> pd.DataFrame:
        """A row for each value that was tried.

        ``held`` of ``days`` days, ``low`` and ``high`` of the share of all such days; and of each
        target its ``mean`` and ``worst`` over the days.
        """
        import pandas as pd

        rows = []
        for one in self.tried:
            low, high = one.share
            row: dict[str, float] = {self.vary: one.value, "held": one.held, "days": one.number}
            row |= {"low": low, "high": high}
            for place, target in enumerate(self.targets):
                days = one.days[:, place]
                row[f"{target.measure.name} mean"] = days.mean()
                row[f"{target.measure.name} worst"] = days.max()
            rows.append(row)
        return pd.DataFrame(rows)

    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""
        return plan_page(self)

    def _figure(self) -> tuple[Figure, str]:
        return plan_figure(self)

    def document(self) -> dict[str, Any]:
        """What ``plan --json`` prints."""
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.engine,
            "seed": self.scenario.seed,
            "situation": list(self.situation),
            "vary": self.vary,
            "targets": [one.words for one in self.targets],
            "kept": self.kept,
            "answer": self.answer,
            "sentence": self.sentence(),
            "binds": self.binds,
            "worker_hours": self.worker_hours,
            "monotone": self.monotone,
            "interrupted": self.interrupted,
            "tried": [
                {
                    "value": one.value,
                    "held": one.held,
                    "days": one.number,
                    "share_ci95": list(one.share),
                    "measures": {
                        target.measure.name: [
                            None if v != v else v for v in one.days[:, at].tolist()
                        ]
                        for at, target in enumerate(self.targets)
                    },
                }
                for one in self.tried
            ],
            "margins": [
                {
                    "what": one.what,
                    "value": one.value,
                    "held": one.held,
                    "days": one.number,
                    "share_ci95": list(one.share),
                }
                for one in self.margins
            ],
            "assumptions": assumptions(self),
            "warnings": list(self.warnings),
            "wall_s": self.wall_s,
        }


def plan(
    scenario: Scenario,
    targets: str | Sequence[str],
    vary: str = WORKERS,
    *,
    traffic: float = 1.0,
    survive: int = 0,
    down_s: float = 600.0,
    days: int = 10,
    kept: float = 0.95,
    least: int = 1,
    most: int = 1000,
    margins: bool = True,
    cores: int | None = None,
    cluster: str | None = None,
    engine: str | Engine = "auto",
    tell: Callable[[str], None] | None = None,
) -> Plan:
    """Find the fewest workers with which targets hold.

    Every number of workers meets the same days (one seed), so that what differs is the workers.

    Parameters
    ----------
    scenario
        A day.
    targets
        What has to hold on it, such as ``order.response.p95 < 10s``; all of several.
    vary
        The key of which the fewest are looked for; its values are whole numbers. In a scenario with
        pools ``workers.count`` is the count of the pool that works on the targets' queues.
    traffic
        Times its arrivals; the shape of the day is kept.
    survive
        So many workers die when most is to be done, and are away for ``down_s`` seconds.
    days
        How many are simulated of the answer and its neighbours.
    kept
        The share of days on which the targets have to hold.
    least, most
        The range to look in.
    margins
        Whether to ask what 20 % more or less traffic, or longer or shorter jobs, would do.
    cores, cluster, engine
        See `sweep`.
    tell
        Called with what is being simulated.

    Raises
    ------
    InputError
        If a target, the key or a number is none that there can be.

    Notes
    -----
    Ctrl-C ends it with what was tried so far. It raises `KeyboardInterrupt` only if there is
    nothing yet.

    Examples
    --------
    >>> import simqueue as sq
    >>> cafe = sq.build_scenario({
    ...     "name": "cafe",
    ...     "duration_s": 3600,
    ...     "arrivals": {"coffee": {"rate_per_s": 0.2}},
    ...     "queues": {"coffee": {"service": {"distribution": "exponential", "mean_s": 8}}},
    ...     "workers": {"concurrency": 1},
    ... })
    >>> found = sq.plan(cafe, "coffee.wait.p95 < 20s", days=5, margins=False, cores=1)
    >>> found.answer
    3
    """
    began = time.perf_counter()
    _check(days, kept, least, most, survive, down_s)
    engine_of(engine)
    aims = parse_targets(targets, measures_of(scenario))
    there_are = scenario.event_loops if not scenario.in_process else 0
    if survive and not vary.endswith(".count") and survive >= there_are:
        raise InputError(f"survive = {survive}: there are {there_are} workers; expected fewer")
    day = with_traffic(scenario, traffic)
    if vary == WORKERS and day.pools:
        vary = _pool_of(day, {target.measure.queue for target in aims})
    check_varies(scenario, vary)
    pool = path_of(vary)[1] if vary.startswith("pools.") else ""

    def at(value: int, base: Scenario = day) -> Scenario:
        return with_deaths(base.replace({vary: value}), survive, down_s, pool)

    laboratory = Laboratory(at, aims, cores, cluster, engine)
    least = first_allowed(at, least, most)
    search = Search(laboratory, kept, days, least, most, tell or (lambda _: None))
    answer, monotone, interrupted = None, True, False
    found: tuple[Margin, ...] = ()
    try:
        outcome = search.run(_guess(day, vary, least))
        answer, monotone = outcome.answer, outcome.monotone
        if answer is not None and margins:
            found = _margins(laboratory, day, at, answer, least, kept, days, tell)
    except KeyboardInterrupt:
        if not laboratory.tried:
            raise
        interrupted = True
    tried = tuple(laboratory.tried)
    return Plan(
        scenario=day,
        vary=vary,
        targets=aims,
        kept=kept,
        answer=answer,
        tried=tried,
        binds="" if interrupted else binding(tried, answer, engine),
        margins=found,
        worker_hours=None if answer is None else _worker_hours(at(answer)),
        monotone=monotone,
        situation=_situation(traffic, survive, down_s),
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        engine=engine_words(engine, [one.scenario for one in tried]),
        warnings=() if interrupted else days_apart(tried, answer, engine),
    )


def _pool_of(day: Scenario, queues: Set[str]) -> str:
    """The count of the one pool that works on all these queues.

    Raises
    ------
    InputError
        If there is no such pool, or there are several.
    """
    keys = {name: key_of("pools", name, "count") for name in day.pools}
    mine = [name for name, pool in day.pools.items() if queues <= set(pool.queues)]
    if len(mine) == 1:
        return keys[mine[0]]
    some = [name for name, pool in day.pools.items() if queues & set(pool.queues)]
    names = ", ".join(keys[name] for name in some or keys)
    raise InputError(
        f"vary = {WORKERS}: which workers of {', '.join(sorted(queues))}? Expected one of {names}"
    )


def _check(days: int, kept: float, least: int, most: int, survive: int, down_s: float) -> None:
    check_days(days, kept)
    if not 1 <= least <= most:
        raise InputError(f"from {least} to {most}: expected a range of whole numbers from 1 on")
    if survive < 0 or not down_s > 0:
        raise InputError(
            f"survive = {survive}, down_s = {down_s:g}: expected 0 or more, and above 0"
        )


def _worker_hours(day: Scenario) -> float:
    """Workers times hours, where their number changes with the most that there are to be."""
    return sum(pool.most for pool in day.worker_pools.values()) * day.duration_s / 3600


def _guess(day: Scenario, vary: str, least: int) -> int:
    if vary == WORKERS:
        return max(needed_at_least(day), least)
    table: Any = day.table()
    for key in path_of(vary):
        table = table.get(key) if isinstance(table, dict) else None
    return max(table, least) if isinstance(table, int) else least


def _margins(
    laboratory: Laboratory,
    day: Scenario,
    at: Callable[[int, Scenario], Scenario],
    answer: int,
    least: int,
    kept: float,
    days: int,
    tell: Callable[[str], None] | None,
) -> tuple[Margin, ...]:
    """What if there is more to do, and whether one fewer would do if there is less."""
    is_open = has_traffic(day)
    asked = []
    for sign, traffic, jobs, value in (
        (1, "more", "longer", answer),
        (-1, "less", "shorter", answer - 1),
    ):
        if value < least:
            continue
        times = 1 + sign * MARGIN
        if is_open:
            asked.append((f"{MARGIN:.0%} {traffic} traffic", with_traffic(day, times), value))
        asked.append((f"jobs {MARGIN:.0%} {jobs}", with_longer_jobs(day, times), value))
    if tell:
        tell("margins")
    some = [laboratory.aside(value, at(value, base)) for _, base, value in asked]
    laboratory.settle(some, kept, min(_FEW_DAYS, days), min(FIRST_LOOK, days))
    return tuple(
        Margin(what.replace("%", " %"), value, one.held, one.number)
        for (what, _, value), one in zip(asked, some, strict=True)
    )


def _situation(traffic: float, survive: int, down_s: float) -> tuple[str, ...]:
    found = []
    if traffic != 1:
        found.append(f"{traffic:g} times the traffic")
    if survive:
        who = "one worker" if survive == 1 else f"{survive} workers"
        found.append(f"{who} dead for {down_s:g} s at the busiest time")
    return tuple(found)
