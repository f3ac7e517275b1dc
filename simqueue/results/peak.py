"""When a queue was busiest, and how many slots that took."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.history import History, by_queue, histories
from simqueue.results.windows import as_requested, least_window, offered_slots, window_edges


@dataclass(frozen=True)
class Peak:
    """The busiest window of one queue, or of the caller that all queues share.

    Attributes
    ----------
    slots
        What it has.
    start_s, end_s
        The window, seconds.
    load
        Slots' worth of work that came in then, a second of work a second being one slot; the mean
        over replications.
    worst_wait_s, worst_at_s
        The longest wait of the whole run and when that attempt became ready; ``None`` if nothing
        started.
    burst_s
        A wait that is longer comes of a burst, however many slots there are on average: seconds.
    """

    slots: int
    start_s: float
    end_s: float
    load: float
    worst_wait_s: float | None
    worst_at_s: float | None
    burst_s: float

    @property
    def needed(self) -> int:
        """The fewest slots that can keep up with it: the next whole number above ``load``."""
        return math.floor(self.load + 1e-9) + 1

    @property
    def worst_is_near(self) -> bool:
        """Whether the longest wait came in this window or in one beside it."""
        if self.worst_at_s is None:
            return False
        start, end = self.start_s, self.end_s
        return 2 * start - end <= self.worst_at_s < 2 * end - start


def peaks(
    log: AttemptLog, window: tuple[float, float], slots: Mapping[str, int], shared: bool = False
) -> dict[str, Peak]:
    """Find the busiest window of each queue.

    Parameters
    ----------
    log
        The attempts of a run.
    window
        From and to, seconds: the warm-up and the drain left out.
    slots
        Concurrent places of each queue, all workers together.
    shared
        In-process mode: all queues share the caller's slots, so there is one peak, keyed
        ``caller``.

    Returns
    -------
    dict
        By queue, those without any attempt left out.
    """
    replications = len(log.replications)
    if not shared:
        return {
            queue: _peak(found, found, slots.get(queue, 0), window, replications)
            for queue, found in by_queue(log, slots).items()
        }
    everything, brought = list(histories(log)), list(histories(as_requested(log)))
    places = max(slots.values(), default=0)
    return (
        {"caller": _peak(everything, brought, places, window, replications)} if everything else {}
    )


def _peak(
    found: Sequence[History],
    brought: Sequence[History],
    slots: int,
    window: tuple[float, float],
    replications: int,
) -> Peak:
    least = least_window(found)
    edges = window_edges(*window, least)
    load = offered_slots(brought, edges, replications)
    busiest = int(np.argmax(load))
    ready = np.concatenate([one.ready_s for one in found])
    waits = np.concatenate([one.wait_s for one in found])
    inside = ~np.isnan(waits) & (ready >= edges[0]) & (ready < edges[-1])
    longest = int(np.argmax(np.where(inside, waits, -np.inf))) if inside.any() else None
    return Peak(
        slots=slots,
        start_s=float(edges[busiest]),
        end_s=float(edges[busiest + 1]),
        load=float(load[busiest]),
        worst_wait_s=None if longest is None else float(waits[longest]),
        worst_at_s=None if longest is None else float(ready[longest]),
        burst_s=least,
    )
