"""What would an outage do? The same days with it and without it, and with other retry policies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.errors import InputError
from simqueue.experiments.parallel import check_cores
from simqueue.planning.days import check_days
from simqueue.planning.outages.days import NUMBERS, Pair, pairs
from simqueue.planning.outages.finding import OutageFinding, Policy
from simqueue.planning.outages.page import outage_page
from simqueue.planning.outages.policies import combinations, policy_words, usual_tries
from simqueue.planning.outages.shown import outage_figure
from simqueue.planning.outages.words import outage_sentence, policy_document
from simqueue.results.shown import Shown
from simqueue.simulation.engines import Engine, engine_of, engine_words
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from simqueue.results.page import Page


@dataclass(frozen=True)
class OutageResult(OutageFinding, Shown):
    """What `outage` gives; its methods answer questions about it.

    Its attributes: see `OutageFinding`. `plot` draws the queue's unfinished jobs over the first
    day, with the outage and without it.
    """

    def sentence(self) -> str:
        """What is lost, how long it takes, who suffers, and what would help."""
        return outage_sentence(self)

    def frame(self) -> pd.DataFrame:
        """A row for each policy and each of its days.

        ``policy``, ``day``, ``recovery_s``; and of each queue ``failed``, ``p95_s``, ``p99_s`` with
        the outage, and behind ``without`` those of the same day without it.
        """
        import pandas as pd

        rows = []
        for policy in self.policies:
            for day in range(policy.days):
                row: dict[str, Any] = {"policy": policy_words(policy.changes), "day": day}
                row["recovery_s"] = policy.recovery_s[day]
                for queue in self.scenario.queues:
                    for number in NUMBERS:
                        name = f"{key_of(queue)}.{number}"
                        row[name] = policy.each(queue, number)[day]
                        row[f"without {name}"] = policy.each(queue, number, outage=False)[day]
                rows.append(row)
        return pd.DataFrame(rows)

    def page(self) -> Page:
        """A report to show others: `Page.write` makes it a file."""
        return outage_page(self)

    def _figure(self) -> tuple[Figure, str]:
        return outage_figure(self)

    def document(self) -> dict[str, Any]:
        """What ``outage --json`` prints."""
        return {
            "schema": 1,
            "scenario": self.scenario.name,
            "engine": self.engine,
            "seed": self.scenario.seed,
            "queue": self.queue,
            "outage": self.outage.model_dump(mode="json"),
            "days": self.as_it_is.days,
            "sentence": self.sentence(),
            "suffering": {
                queue: {"p95_s": one.mean, "ci95": one.interval}
                for queue, one in self.suffering.items()
            },
            "best": None if self.best is None else dict(self.best.changes),
            "policies": [policy_document(self, one) for one in self.policies],
            "interrupted": self.interrupted,
            "wall_s": self.wall_s,
        }


def outage(
    scenario: Scenario,
    queue: str,
    from_s: float,
    lasts_s: float,
    *,
    hangs_s: float | None = None,
    rate: float = 1.0,
    tries: Mapping[str, Iterable[Any]] | None = None,
    days: int = 5,
    cores: int | None = None,
    cluster: str | None = None,
    engine: str | Engine = "auto",
    tell: Callable[[str], None] | None = None,
) -> OutageResult:
    """Let what a queue's jobs call fail for a while: what is lost, and how long until it is over.

    Each day is simulated with the outage and without it, and with each retry policy, on the same
    jobs.

    Parameters
    ----------
    scenario
        A day. Outages that it has stay.
    queue
        Whose attempts fail.
    from_s, lasts_s
        When it begins, and how long it lasts, seconds.
    hangs_s
        How long each attempt hangs before it fails; by default it fails when its own time is over.
    rate
        Share of the attempts that fail.
    tries
        Values by key of the queue, such as ``{"attempts": [3, 5], "backoff.jitter": [0, 1]}``:
        every combination is tried. They hold for all classes of its jobs too; one class's is
        ``"classes.NAME.attempts"``. By default a few that somebody would try; ``{}``: none.
    days
        How many are simulated; intervals need at least two.
    cores, cluster, engine
        See `sweep`.
    tell
        Called with what is done.

    Raises
    ------
    InputError
        If the queue, the outage, a policy or a number is none that there can be.

    Notes
    -----
    Ctrl-C ends it with what is done so far. It raises `KeyboardInterrupt` only if there is nothing
    yet.

    Examples
    --------
    >>> import simqueue as sq
    >>> shop = sq.build_scenario({
    ...     "name": "shop",
    ...     "duration_s": 1200,
    ...     "arrivals": {"pay": {"rate_per_s": 1.0}},
    ...     "queues": {"pay": {"attempts": 3, "backoff": {"delay_ms": 5000}}},
    ... })
    >>> found = sq.outage(shop, "pay", 300, 60, tries={"attempts": [20]}, days=2, cores=1)
    >>> [round(float(one.mean("pay", "failed"))) for one in found.policies]
    [52, 0]
    """
    began = time.perf_counter()
    _check(scenario, queue, from_s, lasts_s, days)
    engine_of(engine)
    if cluster is None:
        check_cores(cores)
    said: dict[str, Any] = {"from_s": from_s, "to_s": from_s + lasts_s, "rate": rate}
    if hangs_s is not None:
        said["attempt_takes_s"] = hangs_s
    key = key_of("queues", queue, "outages")
    old = [one.model_dump(exclude_unset=True) for one in scenario.queues[queue].outage_tables]
    sick = scenario.replace({key: [*old, said]})
    policies = [one for _, one in scenario.queues[queue].parts]
    others = usual_tries(policies, lasts_s) if tries is None else combinations(tries)
    some: list[dict[str, Any]] = [{}, *others]
    both = [
        tuple(_with_policy(one, queue, changes) for one in (sick, scenario)) for changes in some
    ]
    new = sick.queues[queue].outage_tables[-1]
    done: dict[int, Pair] = {}
    work = [(with_it, without, day) for day in range(days) for with_it, without in both]
    interrupted = False
    try:
        for place, pair in pairs(work, queue, new, cores, cluster, engine):
            done[place] = pair
            if tell:
                tell(f"{len(done)} of {len(work)} pairs of days")
    except KeyboardInterrupt:
        # Days that all policies have had can be compared.
        days = next((at // len(some) for at in range(len(work)) if at not in done), days)
        if not days:
            raise
        interrupted = True
    return OutageResult(
        scenario=scenario,
        queue=queue,
        outage=new,
        policies=tuple(
            Policy(
                changes,
                both[at][0],
                np.array([done[day * len(some) + at].found for day in range(days)]),
                np.array([done[day * len(some) + at].recovery_s for day in range(days)]),
            )
            for at, changes in enumerate(some)
        ),
        wall_s=time.perf_counter() - began,
        interrupted=interrupted,
        engine=engine_words(engine, [one for pair in both for one in pair]),
    )


def _check(scenario: Scenario, queue: str, from_s: float, lasts_s: float, days: int) -> None:
    if queue not in scenario.queues:
        names = ", ".join(scenario.queues)
        raise InputError(f"queue {queue!r}: scenario {scenario.name} has none; there are {names}")
    if scenario.in_process:
        raise InputError(f"scenario {scenario.name}: mode = 'in-process' tries nothing again")
    if not 0 <= from_s < scenario.duration_s:
        raise InputError(
            f"from {from_s:g} s: expected a moment before the end of arrivals, "
            f"{scenario.duration_s:g} s"
        )
    if not 0 < lasts_s < float("inf"):
        raise InputError(f"lasts {lasts_s:g} s: expected more than 0")
    check_days(days)


def _with_policy(scenario: Scenario, queue: str, changes: Mapping[str, Any]) -> Scenario:
    """For all jobs of the queue; what is said of one class by name goes before."""
    place, model = key_of("queues", queue), scenario.queues[queue]
    of_classes = {
        f"{key_of('queues', queue, 'classes', name)}.{key}": value
        for key, value in changes.items()
        for name in model.classes_with_own(path_of(key)[0])
    }
    own = {f"{place}.{key}": value for key, value in changes.items()}
    return scenario.replace({**of_classes, **own})
