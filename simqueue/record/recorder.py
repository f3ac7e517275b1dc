"""The attempts of a real run, as they happen."""

from __future__ import annotations

from typing import Any

from simqueue.jobs import Job
from simqueue.record.attempt_log import COLUMNS, AttemptLog
from simqueue.record.table import from_frame


class Recorder:
    """Writes down attempts and makes an attempt log of them.

    Parameters
    ----------
    engine
        Who ran them, the log's column ``engine``.
    origin
        Second zero of the log on the clock that the times come from; by default the first event.
    """

    def __init__(self, engine: str, origin: float | None = None) -> None:
        self.engine = engine
        self.origin = origin
        self._rows: list[dict[str, Any]] = []

    def add(
        self,
        job: Job,
        *,
        attempt: int,
        outcome: str,
        result: str,
        times: tuple[float, float, float, float],
        worker: str,
        slot: int,
    ) -> None:
        """Write down an attempt that ended; ``times`` are enqueued, ready, started, finished."""
        enqueued, ready, started, finished = times
        self._rows.append(
            {
                "engine": self.engine,
                "replication": 0,
                "queue": job.queue,
                "job_id": job.id,
                "flow": job.flow,
                "parent_id": job.parent_id or "",
                "name": job.name,
                "attempt": attempt,
                "run": 1,
                "enqueued_s": enqueued,
                "ready_s": ready,
                "started_s": started,
                "finished_s": finished,
                "outcome": outcome,
                "result": result,
                "worker": worker,
                "slot": slot,
            }
        )

    def log(self) -> AttemptLog:
        """What has been written down so far."""
        import pandas as pd

        frame = pd.DataFrame(self._rows, columns=list(COLUMNS))
        times = [column for column in COLUMNS if column.endswith("_s")]
        if self._rows:
            zero = frame["enqueued_s"].min() if self.origin is None else self.origin
            frame[times] = frame[times].astype(float) - zero
        return from_frame(frame)
