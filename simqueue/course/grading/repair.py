"""Reading a repair: settings, a file or a scenario become the incident with other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario

INCIDENT = "incident.toml"
#: The seed of the days that a repair is graded on: not that of the day which the learner saw.
SEED = 1711

_MAY_CHANGE = (
    "workers.count, workers.concurrency, bullmq.lock_duration_s, bullmq.stalled_interval_s, "
    "bullmq.max_stalled, and attempts, backoff and lifo of each queue"
)


def read_repair(repair: Any) -> Scenario:
    """The incident with the settings of a repair, and the seed of the days that it meets.

    Parameters
    ----------
    repair
        As `grade` takes it.

    Raises
    ------
    InputError
        If it cannot be read, or changes more than the shop's settings.
    """
    given = _given(repair)
    _check(given, read_scenario(data_path(INCIDENT)))
    return given.replace({"seed": SEED})


def _given(repair: Any) -> Scenario:
    if isinstance(repair, Scenario):
        return repair
    if isinstance(repair, str) and not repair.strip().endswith(".toml"):
        repair = [line for line in repair.splitlines() if line.strip()]
    if isinstance(repair, str | Path):
        return read_scenario(Path(str(repair).strip()))
    if not isinstance(repair, list | tuple | set) or not all(
        isinstance(text, str) for text in repair
    ):
        raise InputError(
            f"{_short(repair)}: expected a list of settings, such as ['workers.count=2'], or "
            "the name of a TOML file"
        )
    settings = [parse_set(text.strip().removeprefix("--set ").strip()) for text in repair]
    return read_scenario(data_path(INCIDENT), settings)


def _check(given: Scenario, incident: Scenario) -> None:
    """Refuse what is no repair: another world, or settings that nobody can simulate."""
    ours, theirs = _world(incident.model_dump(mode="json")), _world(given.model_dump(mode="json"))
    other = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    if other:
        key = other[0]
        was = f" (there it was {ours[key]})" if key in ours else ""
        raise InputError(
            f"{key}: that is the world, no setting of the shop: leave it as it was on that "
            f"Friday{was}; you may change {_MAY_CHANGE}"
        )
    for key in ("lock_duration_s", "stalled_interval_s"):
        if getattr(given.bullmq, key) < 1:
            raise InputError(f"bullmq.{key}: expected 1 s or more")
    for name, queue in given.queues.items():
        if max([queue.backoff.delay_ms, *queue.backoff.delays_ms]) > 3_600_000:
            raise InputError(f"queues.{name}.backoff.delay_ms: expected an hour, 3600000, or less")


def _world(dump: dict[str, Any], stem: str = "") -> dict[str, Any]:
    """What a repair may not touch, by dotted key; of a file, its name."""
    flat: dict[str, Any] = {}
    for key, value in dump.items():
        dotted = f"{stem}.{key}" if stem else key
        own = dotted in ("name", "seed", "workers.count", "workers.concurrency", "caller")
        own |= stem == "bullmq" and key in ("lock_duration_s", "stalled_interval_s", "max_stalled")
        own |= stem.startswith("queues.") and key in (
            *("attempts", "backoff", "lifo", "keep_completed", "keep_failed"),
        )
        if own:
            continue
        if isinstance(value, dict):
            flat |= _world(value, dotted)
        else:
            flat[dotted] = Path(value).name if key in ("file", "trace") else value
    return flat


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
