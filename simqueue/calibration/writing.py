"""The folder that a calibration writes: a scenario, its traces, and measured times."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.calibration.days import Day
from simqueue.calibration.estimates import ENOUGH, Estimates, KindEstimate, QueueEstimate
from simqueue.calibration.failures import rates_differ
from simqueue.calibration.pools import pools_of
from simqueue.calibration.seen import Seen
from simqueue.calibration.shapes import alike, together
from simqueue.files import writing
from simqueue.policies import POLICIES
from simqueue.workload.changes import inline, key_of
from simqueue.workload.production import measured_overhead

Floats = NDArray[np.float64]

#: Times that are written of one kind, at most: more tell no more.
_MOST_TIMES = 20_000
SCENARIO = "scenario.toml"
#: The jobs of all queues that come at the same hours: no queue's file is called so.
_ALL = "together"


def write_scenario(folder: Path, seen: Seen, day: Day, found: Estimates, name: str) -> Path:
    """Write the scenario and the files that it names.

    Parameters
    ----------
    folder
        Where to; it is there.
    seen, day, found
        What was seen, and what came of it.
    name
        What to call the scenario.
    """
    files = _file_names([_ALL, *found.queues])
    times = {
        queue: np.array([at_s for at_s, key in one.arrivals if key not in one.schedulers])
        for queue, one in found.queues.items()
        if one.clock is None
    }
    same = alike(times, day.lasted_s)
    if same:
        stamps = together(times, same)
        _write_rows(
            folder / f"{_ALL}.trace.csv", ["placed_at"], [[_stamp(seen, at)] for at in stamps]
        )
    table: dict[str, Any] = {"name": name, "seed": 1, "duration_s": round(day.lasted_s, 3)}
    table["pools"] = pools_of(found, day.lasted_s)
    table["arrivals"], table["queues"] = {}, {}
    comments: dict[tuple[str, ...], str] = {}
    for queue, one in found.queues.items():
        if one.clock is not None:
            table["arrivals"][queue] = dict(zip(("every_s", "offset_s"), one.clock, strict=True))
        elif one.arrivals:
            trace = f"{files[queue]}.trace.csv"
            _write_trace(folder / trace, one, seen, found)
            window = [_stamp(seen, 0.0), _stamp(seen, day.lasted_s)]
            table["arrivals"][queue] = {"trace": trace, "window": window, "resample": True}
            if queue in same:
                table["arrivals"][queue]["shape"] = f"{_ALL}.trace.csv"
            rate = len(one.arrivals) / day.lasted_s if day.lasted_s else 0.0
            comments["arrivals", queue] = f"{len(one.arrivals):,} jobs, {rate:.3g} a second"
        measured = f"{files[queue]}.times.csv"
        columns: dict[str, Floats] = {}
        table["queues"][queue] = _queue(one, measured, columns)
        _write_columns(folder / measured, columns)
        comments["queues", queue] = f"{one.attempts:,} attempts"
    table["bullmq"] = _bullmq(found)
    path = folder / SCENARIO
    with writing(path) as file:
        file.write(_toml(table, comments))
    return path


def _file_names(queues: Iterable[str]) -> dict[str, str]:
    """A name for the files of each queue, each another one."""
    found: dict[str, str] = {}
    for queue in queues:
        text = re.sub(r"[^A-Za-z0-9_-]+", "-", queue)[:60].strip("-") or "queue"
        while text.lower() in {one.lower() for one in found.values()}:
            text += "-"
        found[queue] = text
    return found


def _queue(one: QueueEstimate, file: str, columns: dict[str, Floats]) -> dict[str, Any]:
    """A queue's table; the times that it draws from go to ``columns``."""
    first = max(one.kinds, key=lambda kind: kind.jobs)
    table: dict[str, Any] = {"attempts": first.attempts}
    if first.backoff:
        table["backoff"] = _backoff(first.backoff)
    everything = np.concatenate([kind.service_s for kind in one.kinds])
    table["service"] = _times(everything, "all_s", file, columns)
    _put(table, "failure_rate", _share(_failure_rate(one)))
    if one.later_failure is not None:
        table["later_attempts"] = [{"failure_rate": _share(one.later_failure)}]
    _put(table, "fatal_rate", _share(one.fatal_rate) if table.get("failure_rate") else 0.0)
    if len(one.failed_s) >= ENOUGH:
        table["failure_service"] = _times(one.failed_s, "failed_s", file, columns)
    if one.bursts:
        table["outages"] = [
            {
                "from_s": round(burst.from_s, 3),
                "to_s": round(burst.to_s, 3),
                "rate": 1.0 if burst.rate > 0.98 else round(burst.rate, 3),
            }
            for burst in one.bursts
        ]
    if one.limiter is not None and one.limiter.reached:
        table["limiter"] = {"max": one.limiter.most, "duration_s": one.limiter.duration_s}
    _put(table, "global_concurrency", one.global_concurrency)
    _put(table, "paused", [[round(a, 3), round(b, 3)] for a, b in one.paused])
    _put(table, "lifo", one.lifo)
    _put(table, "children", {name: _numbers(shares) for name, shares in one.children.items()})
    _put(table, "child_failure", one.child_failure)
    if one.queue in POLICIES:
        table["follow_up"] = {}
    _classes(table, one, first, file, columns)
    return table


def _classes(
    table: dict[str, Any],
    one: QueueEstimate,
    first: KindEstimate,
    file: str,
    columns: dict[str, Floats],
) -> None:
    """Add what kinds differ in; with one kind it is the queue's own."""
    if len(one.kinds) == 1:
        kind = one.kinds[0]
        _put(table, "priority", kind.kind.priority)
        _put(table, "delay", _delay(kind, "delay_s", file, columns))
        return
    total = sum(kind.jobs for kind in one.kinds)
    classes = {}
    left = 1.0
    differ = rates_differ([(kind.failure_rate * kind.tries, kind.tries) for kind in one.kinds])
    for number, kind in enumerate(one.kinds, start=1):
        share = round(kind.jobs / total, 6) if number < len(one.kinds) else round(left, 6)
        left -= share
        own: dict[str, Any] = {"share": share}
        _put(own, "priority", kind.kind.priority)
        if kind.attempts != table["attempts"]:
            own["attempts"] = kind.attempts
        if kind.attempts > 1 and kind.backoff != first.backoff:
            own["backoff"] = _backoff(kind.backoff or {"type": "fixed"})
        label = re.sub(r"\W", "_", kind.kind.label)
        if len(kind.service_s) >= ENOUGH:
            own["service"] = _times(kind.service_s, f"{label}_s", file, columns)
        if differ:
            own["failure_rate"] = _share(kind.failure_rate)
        _put(own, "delay", _delay(kind, f"{label}_delay_s", file, columns))
        classes[kind.kind.label] = own
    table["classes"] = classes


def _numbers(shares: Mapping[int, float]) -> int | dict[str, float]:
    """How many children jobs have, as a scenario says it."""
    *some, last = shares
    if not some:
        return last
    rounded = {str(number): round(shares[number], 6) for number in some}
    return {**rounded, str(last): round(1 - sum(rounded.values()), 6)}


def _failure_rate(one: QueueEstimate) -> float:
    total = sum(kind.tries for kind in one.kinds)
    return sum(kind.failure_rate * kind.tries for kind in one.kinds) / total if total else 0.0


def _backoff(backoff: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in backoff.items() if value or key == "type"}


def _share(value: float) -> float:
    return round(min(1.0, value), 5)


def _put(table: dict[str, Any], key: str, value: Any) -> None:
    """Say what is not as it is without being said."""
    if value:
        table[key] = value


def _delay(
    kind: KindEstimate, column: str, file: str, columns: dict[str, Floats]
) -> dict[str, Any] | None:
    if not (kind.delays_s > 0).any():
        return None
    return _times(kind.delays_s, column, file, columns)


def _times(values: Floats, column: str, file: str, columns: dict[str, Floats]) -> dict[str, Any]:
    """Measured times as a distribution: themselves, or one number if they hardly differ."""
    if not len(values) or values.max() - values.min() <= 0.002 or values.mean() < 1e-6:
        mean_s = float(values.mean()) if len(values) else 0.0
        return {"distribution": "constant", "mean_s": round(mean_s, 6)}
    while column in columns:
        column = f"_{column}"
    columns[column] = _fewer(values)
    return {"distribution": "empirical", "file": file, "column": column}


def _fewer(values: Floats) -> Floats:
    """So many of the values that stand for all: every so many-th by size."""
    ordered = np.sort(values)
    if len(ordered) <= _MOST_TIMES:
        return ordered
    fewer: Floats = ordered[np.linspace(0, len(ordered) - 1, _MOST_TIMES).round().astype(int)]
    return fewer


def _bullmq(found: Estimates) -> dict[str, Any]:
    """What the queue costs: the times of attempts are from start to end, and hold the rest."""
    client = found.language or "node"
    usual = measured_overhead("node" if client == "node" else "python")
    overhead = {"pickup_s": usual.pickup_s, "retry_s": usual.retry_s, "failure_s": usual.failure_s}
    return {"client": client, "overhead": {**overhead, **found.overhead}}


# ---- files


def _write_trace(path: Path, one: QueueEstimate, seen: Seen, found: Estimates) -> None:
    classed = len(one.kinds) > 1
    columns = {"class": {key: found.kinds[key].label for _, key in one.arrivals}} if classed else {}
    if one.schedulers:
        columns["scheduler"] = one.schedulers
    rows = [
        [_stamp(seen, at_s), key.id, *(column.get(key, "") for column in columns.values())]
        for at_s, key in one.arrivals
    ]
    _write_rows(path, ["placed_at", "order_id", *columns], rows)


def _write_rows(path: Path, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with writing(path) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(heads)
        out.writerows(rows)


def _stamp(seen: Seen, at_s: float) -> str:
    """A moment of the day as ISO 8601, whole milliseconds of UTC."""
    ms = seen.watches[0].began_ms + round(1000 * at_s)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def _write_columns(path: Path, columns: Mapping[str, Sequence[float] | Floats]) -> None:
    if not columns:
        return
    longest = max(len(values) for values in columns.values())
    with writing(path) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        for row in range(longest):
            out.writerow(
                [f"{values[row]:.6g}" if row < len(values) else "" for values in columns.values()]
            )


def _toml(table: Mapping[str, Any], comments: Mapping[tuple[str, ...], str]) -> str:
    """A scenario's table as a person would write it: sections, and small tables in one line."""
    sections: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []
    top = {key: value for key, value in table.items() if not isinstance(value, dict)}
    for name in ("pools", "arrivals", "queues"):
        for key, inner in table[name].items():
            own = dict(inner)
            classes = own.pop("classes", None)
            sections.append(((name, key), own))
            if classes:
                sections.append(((name, key, "classes"), classes))
    sections.append((("bullmq",), table["bullmq"]))
    lines = [f"{key} = {inline(value, _short)}" for key, value in top.items()]
    for path, inner in sections:
        said = comments.get(path)
        lines += ["", f"[{key_of(*path)}]" + (f"   # {said}" if said else "")]
        lines += [f"{key_of(key)} = {inline(value, _short)}" for key, value in inner.items()]
    return "\n".join(lines) + "\n"


def _short(number: float) -> str:
    return f"{number:.10g}"
