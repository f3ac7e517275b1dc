"""Questions to Prometheus about the gauges of ``serve`` (`simqueue.operations.metrics`)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from simqueue.workload.autoscale import Metric
from simqueue.workload.pools import Pool


def query_of(metric: Metric, queues: Sequence[str], pool: Pool) -> str:
    """What an autoscaler looks at, asked of Prometheus; of several that serve each counts once.

    Parameters
    ----------
    metric, queues
        What it looks at.
    pool
        Whose slots a utilisation is of.

    Examples
    --------
    >>> query_of("busy", ["order"], Pool(queues={"order": 5}))
    'sum(max by (queue) (simqueue_busy_slots{queue="order"}))'
    """

    def gauge(name: str, queues: Sequence[str], states: str = "") -> str:
        by, where = ("queue, state", f', state=~"{states}"') if states else ("queue", "")
        return f"max by ({by}) (simqueue_{name}{{{_is(queues)}{where}}})"

    if metric == "oldest_s":
        return f"max(simqueue_oldest_waiting_age_seconds{{{_is(queues)}}})"
    if metric in ("ready", "wait_list"):
        states = "waiting|prioritized" if metric == "ready" else "waiting"
        return f"sum({gauge('queue_depth', queues, states)})"
    busy = f"sum({gauge('busy_slots', queues)})"
    if metric == "busy":
        return busy
    slots = " + ".join(
        f"{pool.slots_for(queue)} * sum({gauge('workers', [queue])})" for queue in queues
    )
    return f"{busy} / ({slots})"


def _is(queues: Sequence[str]) -> str:
    """A matcher of PromQL for queues by name."""
    if len(queues) == 1:
        return f"queue={_quoted(queues[0])}"
    return f"queue=~{_quoted('|'.join(_literally(one) for one in queues))}"


def _literally(text: str) -> str:
    """A regular expression of RE2 that matches the text alone."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _quoted(text: str) -> str:
    """A text of PromQL, whose escapes are Go's."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
