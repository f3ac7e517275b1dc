"""Measures of a run by name: ``order.response.p95``, ``order[vip].wait.max``, ``order.failed``.

The names are those of ``simulate --json``, without units; a queue's name with dots or blanks
stands in quotes, as in a scenario. A class of its jobs stands in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from simqueue.errors import InputError
from simqueue.results.queue_summary import ClassSummary, QueueSummary, Summary
from simqueue.results.statistics import Statistics
from simqueue.results.wording import digits, duration, percent
from simqueue.workload.changes import key_of, path_of
from simqueue.workload.scenario import Scenario

_OF_TIMES = ("mean", "p50", "p95", "p99", "max")
Value = float | int | None


_IN_BRACKETS = re.compile(r"(?P<queue>.+)\[(?P<group>[^\[\]]+)\]\.(?P<what>[^\]]+)")


def _times(
    of: Callable[[QueueSummary | ClassSummary], Statistics], what: str
) -> dict[str, Callable[..., Value]]:
    return {
        f"{what}.{name}": lambda queue, name=name: getattr(of(queue), name) for name in _OF_TIMES
    }


#: What there is of each queue and of each class of its jobs, and how to get it from its summary.
_OF_A_CLASS: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        **_times(lambda queue: queue.response_s, "response"),
        **_times(lambda queue: queue.wait_s, "wait"),
        "arrived": lambda queue: queue.arrived,
        "completed": lambda queue: queue.completed,
        "failed": lambda queue: queue.failed,
    }
)
#: What there is of each queue, and how to get it from its summary.
_OF_A_QUEUE: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        **_OF_A_CLASS,
        "refused": lambda queue: queue.refused,
        "lost": lambda queue: queue.lost,
        "attempts_per_job": lambda queue: queue.attempts_per_job,
        "throughput": lambda queue: queue.throughput_per_s,
        "utilisation": lambda queue: queue.utilisation,
        "queue_length.mean": lambda queue: queue.queue_length.mean,
        "queue_length.max": lambda queue: queue.queue_length.max,
        "delayed.mean": lambda queue: queue.delayed.mean,
        "delayed.max": lambda queue: queue.delayed.max,
    }
)
_OF_A_FLOW = tuple(f"flow.{name}" for name in _OF_TIMES)


@dataclass(frozen=True)
class Measure:
    """One number of a run.

    Attributes
    ----------
    queue
        Whose; of a flow, where it starts.
    what
        Which, such as ``response.p95``.
    group
        The class of its jobs; empty: all of them.
    """

    queue: str
    what: str
    group: str = ""

    @property
    def name(self) -> str:
        """As a person writes it.

        >>> Measure("a.b", "wait.mean").name
        '"a.b".wait.mean'
        """
        return f"{_whose(self)}.{self.what}"

    @cached_property
    def of_a_flow(self) -> bool:
        """Whether it is of all that comes of one arrival."""
        return self.what in _OF_A_FLOW

    @property
    def is_a_time(self) -> bool:
        """Whether it is in seconds."""
        return self.what.startswith(("response.", "wait.", "flow."))

    @property
    def unit(self) -> str:
        """What an axis says; empty for a number of jobs or a share."""
        return "s" if self.is_a_time else "jobs/s" if self.what == "throughput" else ""

    def of(self, summary: Summary) -> Value:
        """What a run's summary says; ``None`` where there is nothing to measure."""
        if self.of_a_flow:
            flow = summary.flows.get(self.queue)
            value: Value = getattr(flow.time_s, self.what.removeprefix("flow.")) if flow else None
            return value
        queue = summary.queues.get(self.queue)
        if queue is None or not self.group:
            return None if queue is None else _OF_A_QUEUE[self.what](queue)
        group = queue.classes.get(self.group)
        return None if group is None else _OF_A_CLASS[self.what](group)

    def words(self, value: float | None) -> str:
        """A value of it with its unit.

        >>> Measure("order", "wait.p95").words(0.25), Measure("order", "utilisation").words(0.5)
        ('250 ms', '50 %')
        """
        if value is None:
            return "–"
        if self.is_a_time:
            return duration(value)
        return percent(value) if self.what == "utilisation" else digits(value)


def _whose(measure: Measure) -> str:
    return key_of(measure.queue) + (f"[{measure.group}]" if measure.group else "")


def measures_of(scenario: Scenario) -> list[Measure]:
    """All that there are of a scenario's runs."""
    found: list[Measure] = []
    for name, queue in scenario.queues.items():
        found += [Measure(name, what) for what in _OF_A_QUEUE]
        found += [Measure(name, what, group) for group in queue.classes for what in _OF_A_CLASS]
    return found + [Measure(queue, what) for queue in scenario.arrivals for what in _OF_A_FLOW]


def parse_measure(text: str, known: Iterable[Measure]) -> Measure:
    """The measure of a name.

    Parameters
    ----------
    text
        Such as ``order.response.p95``.
    known
        Those that there are.

    Raises
    ------
    InputError
        If it is none of them; the line names those that are near.

    Examples
    --------
    >>> parse_measure("order.wait.p95", [Measure("order", "wait.p95")]).what
    'wait.p95'
    """
    known = list(known)
    wanted = _split(text.strip())
    if wanted in known:
        return wanted
    all_of = list(dict.fromkeys(map(_whose, known)))
    whose = _whose(wanted)
    if whose not in all_of:
        what = f"class {wanted.group!r} of queue" if wanted.group else "queue"
        raise InputError(
            f"{text}: there is no {what} {wanted.queue!r}; expected QUEUE.MEASURE of "
            f"{', '.join(all_of)}"
        )
    own = ", ".join(one.what for one in known if _whose(one) == whose)
    raise InputError(f"{text}: expected one of {own} after {whose}.")


def _split(text: str) -> Measure:
    """What a text names, whether there is such a thing or not."""
    found = _IN_BRACKETS.fullmatch(text)
    try:
        if found:
            (queue,) = path_of(found["queue"])
            return Measure(queue, found["what"], found["group"])
        queue, *rest = path_of(text)
    except (InputError, ValueError):
        return Measure(text, "")
    return Measure(queue, ".".join(rest))
