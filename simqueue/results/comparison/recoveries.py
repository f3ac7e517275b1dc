"""How soon the jobs that a crashed worker had were started again, on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simqueue.record.attempt_log import STALLED
from simqueue.results.comparison.job_by_job import JobTable, Key
from simqueue.results.crashes import caught
from simqueue.workload.pools import Death
from simqueue.workload.scenario import Scenario


@dataclass(frozen=True)
class Recovery:
    """A job that was running when its worker died: seconds from the kill to its next start."""

    queue: str
    job_id: str
    killed_s: float
    real_s: float | None
    model_s: float | None

    @property
    def difference_s(self) -> float | None:
        """Model less real; ``None`` if the job was not hit, or not started again, on a side."""
        if self.real_s is None or self.model_s is None:
            return None
        return self.model_s - self.real_s


def recoveries(
    real: JobTable, model: JobTable, scenario: Scenario, slack_s: float
) -> tuple[Recovery, ...]:
    """The jobs that stalled by a crash on either side, by the time of the crash."""
    ours, theirs = (_restarts(table, scenario.kills, slack_s) for table in (real, model))
    hit = sorted({**ours, **theirs}, key=lambda place: place[0])
    return tuple(Recovery(*key, at, ours.get((at, key)), theirs.get((at, key))) for at, key in hit)


def _restarts(
    table: JobTable, crashes: Sequence[Death], slack_s: float
) -> dict[tuple[float, Key], float | None]:
    """Seconds from a crash to the next start of each job that stalled by it; ``None`` if never."""
    keys = list(table.places)
    starts = np.array([place.start for place in table.places.values()])
    unclaimed = table.rows["outcome"] == STALLED
    found: dict[tuple[float, Key], float | None] = {}
    # A stalled row lasts until it is put back; by then its worker may have died once more.
    for crash in sorted(crashes, key=lambda crash: crash.at_s):
        stalled = unclaimed & caught(table.rows, table.workers, crash, slack_s)
        unclaimed &= ~stalled
        for place in np.flatnonzero(stalled).tolist():
            key = keys[int(np.searchsorted(starts, place, side="right")) - 1]
            last = place + 1 == table.places[key].stop
            again = np.nan if last else float(table.rows["started_s"][place + 1])
            found[crash.at_s, key] = None if np.isnan(again) else again - crash.at_s
    return found


def recovery_apart_s(recoveries: Sequence[Recovery]) -> float | None:
    """How far apart the two sides' recoveries are at most, seconds; ``None`` if there are none.

    Job by job where a crash caught the same jobs on both sides. With several workers it may not:
    then it is the last job's recovery that is compared.
    """
    apart = [abs(one.difference_s) for one in recoveries if one.difference_s is not None]
    if apart:
        return max(apart)
    last = [
        max((time for time in times if time is not None), default=None)
        for times in ([r.real_s for r in recoveries], [r.model_s for r in recoveries])
    ]
    return None if last[0] is None or last[1] is None else abs(last[1] - last[0])
