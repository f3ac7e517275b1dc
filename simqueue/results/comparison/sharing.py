"""What runs do not share.

Whoever sets two runs side by side says what differs between them. Whatever else differs makes the
sentence untrue, so it is looked for: in the scenarios, in what follows from them, in the draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from simqueue.results.comparison.same_draws import shared_draws
from simqueue.results.wording import digits
from simqueue.workload.arrivals import Follows
from simqueue.workload.changes import key_of
from simqueue.workload.children import mean_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.workload import Workload

#: What to call what is no key of a scenario.
REPLICATIONS, PLACES, WORK, DRAWS = ("replications", "places in all", "work per arrival", "draws")
#: Keys that decide about draws: if one of them differs, draws may.
_DRAWN_BY = ("seed", "arrivals", "duration_s", "queues")
#: Keys of a queue that decide about no draw.
_NOT_DRAWN = (
    *("attempts", "backoff", "child_failure", "keep_completed", "keep_failed", "lifo", "outages"),
    *("downstream", "sandbox", "priority", "limiter", "global_concurrency", "paused"),
)
#: Keys whose value is a file: its name says enough, and its folder is another on each machine.
_FILES = ("file", "trace")
#: Longer values are not shown whole.
_SHORT = 60
#: How what is not there is worded.
NOTHING = "–"


class Ran(Protocol):
    """A run of a scenario, such as a `simqueue.experiments.run.Run`."""

    @property
    def scenario(self) -> Scenario:
        """What was run."""

    @property
    def replications(self) -> int:
        """How often."""


@dataclass(frozen=True)
class Difference:
    """Something that runs do not share; as a text ``workers.count 1 / 2``.

    Attributes
    ----------
    what
        What it is, as people read it.
    values
        Its value in each run, in words. None where there is nothing that they could say.
    so
        What follows from it.
    """

    what: str
    values: tuple[str, ...] = ()
    so: str = ""

    def __str__(self) -> str:
        return f"{self.what} {' / '.join(self.values)}".strip() + self.so


def differences(runs: Mapping[str, Ran]) -> dict[str, Difference]:
    """What runs do not share.

    Parameters
    ----------
    runs
        Two or more, by the names that people see.

    Returns
    -------
    dict
        By what differs: keys of the scenarios (``workers.count``; a scenario's name is none), and
        ``replications``, ``places in all`` (slots over all queues, or callers),
        ``work per arrival`` (expected seconds of cpu and io that an arrival and its follow-ups
        bring if none fails), and ``draws`` where chance differs though no key says why. Values
        stand in the order of the runs. Empty if all is shared.

    Raises
    ------
    ValueError
        If there are fewer than two.

    Examples
    --------
    >>> import simqueue as sq
    >>> calm = sq.read_scenario("outage.toml").replace({"duration_s": 60})
    >>> runs = {"one": sq.simulate(calm), "two": sq.simulate(calm.replace({"workers.count": 2}))}
    >>> print(*differences(runs).values(), sep="; ")
    workers.count 1 / 2; places in all 40 / 80
    """
    if len(runs) < 2:
        raise ValueError(f"runs(={list(runs)}): one run has nothing to differ from")
    ran = list(runs.values())
    found = dict(_keys([run.scenario for run in ran]))
    for what, values in (
        (REPLICATIONS, [run.replications for run in ran]),
        (PLACES, [places(run.scenario) for run in ran]),
        (WORK, [f"{digits(work_per_root_s(run.scenario), 4)} s" for run in ran]),
    ):
        if len(set(values)) > 1:
            found[what] = Difference(what, tuple(map(str, values)))
    if not any(_decides_draws(key) for key in found):
        drawn = list(dict.fromkeys(_draws([Workload(run.scenario) for run in ran])))
        if drawn:
            found[DRAWS] = Difference(f"{DRAWS} ({', '.join(drawn)})")
    return found


def places(scenario: Scenario) -> int:
    """Jobs that may be worked on at one time: slots over all queues, or callers."""
    return scenario.caller.callers if scenario.in_process else sum(scenario.slots.values())


def work_per_root_s(scenario: Scenario) -> float:
    """Expected seconds of cpu and io that an arrival brings, and what follows it, if none fails."""

    def brings(queue: str) -> float:
        settings = scenario.queues[queue]
        follows = sum(map(brings, settings.follow_up.completed))
        children = sum(mean_of(number) * brings(one) for one, number in settings.children.items())
        own = sum(share * (one.service.mean + one.cpu.mean) for share, one in settings.parts)
        return own + follows + children

    end = scenario.duration_s
    roots = {
        queue: float(stream.coming(np.array([end]), end)[0])
        for queue, stream in scenario.arrivals.items()
        if not isinstance(stream, Follows)
    }
    work = sum(
        roots[stream.follows if isinstance(stream, Follows) else queue] * brings(queue)
        for queue, stream in scenario.arrivals.items()
    )
    return work / sum(roots.values()) if any(roots.values()) else 0.0


def _keys(scenarios: list[Scenario]) -> Iterator[tuple[str, Difference]]:
    tables = [one.model_dump(mode="json", exclude={"name"}) for one in scenarios]
    said = dict(_leaves([one.model_dump(mode="json", exclude_unset=True) for one in scenarios]))
    for path, values in _leaves(tables):
        if None in values and path not in said:
            continue  # defaults of a table that some run does not have
        if any(value != values[0] for value in values):
            key = key_of(*path)
            words = tuple(_said(value, path[-1]) for value in values)
            yield key, Difference(key, words, ", so every draw" if key == "seed" else "")


def _leaves(
    tables: Sequence[Mapping[str, Any]], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Each key whose value is more than a table in some run, and its value in each of them."""
    for key in dict.fromkeys(key for table in tables for key in table):
        values = [table.get(key) for table in tables]
        there = [value for value in values if value is not None]
        if all(isinstance(value, Mapping) for value in there):
            yield from _leaves([value or {} for value in values], (*path, key))
        else:
            yield (*path, key), values


def _said(value: Any, key: str = "") -> str:
    """A value as a scenario's file has it, without the marks that only a file needs."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} {_said(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        text = "[" + ", ".join(map(_said, value)) + "]" if value else "none"
        return text if len(text) <= _SHORT else f"{len(value)} entries"
    text = Path(value).name if key in _FILES else str(value)
    return text.removesuffix(".0") if len(text) <= _SHORT else f"{text[:_SHORT]}..."


def _decides_draws(key: str) -> bool:
    head, *rest = key.split(".")
    return head in _DRAWN_BY and not (head == "queues" and any(part in _NOT_DRAWN for part in rest))


def _draws(workloads: list[Workload]) -> Iterator[str]:
    for one, other in pairwise(workloads):
        for what, mine, theirs in shared_draws(one, other):
            if not np.array_equal(mine, theirs):
                yield what
