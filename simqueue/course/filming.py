"""Taking a film of an attempt log: from rows to where each job is, and from when on."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simqueue.course.film import (
    AT_WORK,
    DELAYED,
    DONE,
    GIVEN_UP,
    MOST_JOBS,
    PUT_BACK,
    WAITING,
    Film,
    Track,
)
from simqueue.errors import InputError
from simqueue.record.attempt_log import (
    COMPLETED,
    FAILED,
    LOST,
    REFUSED,
    RETRIED,
    STALLED,
    AttemptLog,
)
from simqueue.record.by_job import by_job
from simqueue.results.history import histories

MOST_SLOTS = 60
#: A film has at least so many moments: more than a screen has dots.
_TICKS = 100_000
_AFTER = {COMPLETED: DONE, FAILED: GIVEN_UP, RETRIED: DELAYED, STALLED: PUT_BACK}
_AFTER |= {REFUSED: GIVEN_UP, LOST: GIVEN_UP}


def take(
    log: AttemptLog,
    queue: str | None = None,
    *,
    start_s: float | None = None,
    duration_s: float | None = None,
) -> Film:
    """Take a film of a log; see `simqueue.course.animate`.

    Raises
    ------
    InputError
        If there is no such queue, or nothing to show then.
    """
    name = _queue(log, queue)
    rows = log.of_queue(name)
    rows = rows[rows["replication"] == rows["replication"].min()]
    (history,) = histories(replace(log, rows=rows))
    jobs = by_job(rows)  # as in the history
    rows = jobs.rows
    workers, slots = _slots(log, rows)
    low, high = _window(rows, start_s, duration_s)
    tick_s = 10.0 ** math.floor(math.log10((high - low) / _TICKS))
    ticks = round((high - low) / tick_s)
    before = [0, 0]
    tracks = []
    for first, last in zip(jobs.first.tolist(), jobs.last.tolist(), strict=True):
        mine = slice(first, last + 1)
        path = _path(rows[mine], history.freed_s[mine], slots[mine])
        track = _track(path, low, tick_s, ticks)
        if track is None:
            continue
        if track.ticks[0] == 0 and track.places[0] in (DONE, GIVEN_UP):
            before[track.places[0] - DONE] += 1
        else:
            tracks.append(track)
    tracks.sort(key=lambda track: track.ticks[0])
    cut = len(tracks) > MOST_JOBS
    if cut:
        ticks = tracks[MOST_JOBS].ticks[0] - 1
        tracks = [_until(track, ticks) for track in tracks if track.ticks[0] <= ticks]
    if not tracks:
        said = f"more than {MOST_JOBS} jobs are" if cut else "no job is"
        raise InputError(
            f"start_s: {said} in queue {name} at {low:g} s: choose another start_s or duration_s"
        )
    return Film(
        queue=name,
        start_s=low,
        tick_s=tick_s,
        ticks=ticks,
        workers=workers,
        before=(before[0], before[1]),
        tracks=tuple(tracks),
        cut=cut,
    )


def _queue(log: AttemptLog, queue: str | None) -> str:
    present: list[str] = [log.queues[code] for code in np.unique(log.rows["queue"]).tolist()]
    if queue is None and len(present) == 1:
        return present[0]
    if queue is None or queue not in present:
        known = f"one of {', '.join(present)}" if present else "a log that has attempts"
        raise InputError(f"queue {queue!r}: expected {known}")
    return queue


def _slots(
    log: AttemptLog, rows: NDArray[np.void]
) -> tuple[tuple[tuple[str, int], ...], NDArray[np.int64]]:
    """Each worker with its number of slots; for each row its slot, counted through all workers."""
    started = np.isfinite(rows["started_s"])
    if (rows["slot"][started] < 0).any() or (rows["worker"][started] < 0).any():
        raise InputError("the log does not say which slot each attempt was in")
    numbers = np.full(len(rows), -1)
    workers: list[tuple[str, int]] = []
    total = 0
    for code in np.unique(rows["worker"][started]).tolist():
        mine = started & (rows["worker"] == code)
        slots = int(rows["slot"][mine].max()) + 1
        numbers[mine] = total + rows["slot"][mine]
        workers.append((log.workers[code], slots))
        total += slots
    if total > MOST_SLOTS:
        raise InputError(f"{total} slots are too many to show: at most {MOST_SLOTS}")
    return tuple(workers), numbers


def _window(
    rows: NDArray[np.void], start_s: float | None, duration_s: float | None
) -> tuple[float, float]:
    first = float(rows["enqueued_s"].min())
    last = max(float(np.nanmax(rows[name], initial=0.0)) for name in ("ready_s", "finished_s"))
    step = 10.0 ** math.floor(math.log10(max(last - first, 1e-3)) - 1)
    low = math.floor(first / step) * step if start_s is None else float(start_s)
    high = math.ceil(last / step) * step if duration_s is None else low + float(duration_s)
    if not low < high < math.inf:
        raise InputError(
            f"start_s, duration_s: nothing lies between {low:g} s and {high:g} s: the jobs of this "
            f"queue came and went from {first:g} s to {last:g} s"
        )
    return round(low, 9), round(high, 9)


def _path(
    rows: NDArray[np.void], freed: NDArray[np.float64], slots: NDArray[np.int64]
) -> list[tuple[float, int, int]]:
    """All moments of one job at which something happened, where it went, and in which attempt."""
    path: list[tuple[float, int, int]] = []
    for row, freed_s, slot in zip(rows, freed.tolist(), slots.tolist(), strict=True):
        attempt = int(row["attempt"])
        if not path:
            path.append((float(row["enqueued_s"]), DELAYED, attempt))
        path.append((float(row["ready_s"]), WAITING, attempt))
        if slot >= 0:
            path.append((float(row["started_s"]), AT_WORK + slot, attempt))
        ended = freed_s if math.isfinite(freed_s) else float(row["finished_s"])
        if math.isfinite(ended):
            path.append((ended, _AFTER[int(row["outcome"])], attempt))
    return path


def _track(
    path: list[tuple[float, int, int]], low: float, tick_s: float, ticks: int
) -> Track | None:
    """The path in ticks; what lasts no tick is left out."""
    kept: dict[int, tuple[int, int]] = {}
    last = 0
    for seconds, place, attempt in path:
        # Rounded up: at every tick, what has happened by then in the log has happened here too.
        last = max(last, math.ceil((seconds - low) / tick_s - 1e-6))
        if last > ticks:
            break
        kept[last] = (place, attempt)
    if not kept:
        return None
    places, attempts = zip(*kept.values(), strict=True)
    return Track(tuple(kept), places, attempts)


def _until(track: Track, ticks: int) -> Track:
    number = bisect_right(track.ticks, ticks)
    return Track(track.ticks[:number], track.places[:number], track.attempts[:number])
