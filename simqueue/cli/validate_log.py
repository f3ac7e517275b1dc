"""``simqueue validate --log`` and ``--measure-overhead``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from simqueue.experiments.log_replay import LogReplay, Slots
    from simqueue.record.attempt_log import AttemptLog
    from simqueue.results.comparison.compare import Comparison
    from simqueue.validation.server import Server
    from simqueue.workload.scenario import Scenario


def compare_with_log(
    path: Path,
    slots: tuple[int | None, int | None],
    tolerances: Mapping[str, float],
    plot: Path | None,
    as_json: bool,
) -> None:
    """Replay a real attempt log in the model, and show both.

    Parameters
    ----------
    path
        The log, or the name that its workers' events belong to.
    slots
        Workers and slots of each, where the log is not to be asked.
    tolerances, plot, as_json
        As of ``simqueue validate``.
    """
    from simqueue.experiments.log_replay import replay_log
    from simqueue.record.reading import read_log
    from simqueue.results.comparison.compare import compare
    from simqueue.results.comparison.plot import plot_comparison
    from simqueue.workload.production import MEASURED

    log = read_log(path)
    known = {queue: _known(log, queue, slots) for queue in log.queues}
    found = replay_log(log, known, MEASURED)
    scenario = _scenario(path, found)
    comparison = compare(found.real, found.model, scenario)
    exceeded = comparison.exceeded(tolerances)
    if as_json:
        document = {
            "schema": 1,
            "log": str(path),
            "slots": {queue: vars(one) for queue, one in found.slots.items()},
            "left_out": found.left_out,
            **comparison.as_dict(),
            "exceeded": exceeded,
        }
        print(json.dumps(document, allow_nan=False))
    else:
        _show(comparison, _title(path, found), tolerances)
    if plot is not None:
        plot_comparison(found.real, found.model, scenario, plot)
    if exceeded:
        raise typer.Exit(1)


def measure_cost(server: Server, as_json: bool) -> None:
    """Measure what the queue itself costs here, and print it as a scenario wants to have it."""
    from simqueue.cli.progress import progress_bar
    from simqueue.validation.overhead import measure_overhead

    with progress_bar("measuring what the queue costs", 1.0) as progress:
        cost = measure_overhead(server, progress).model_dump()
    if as_json:
        print(json.dumps({"schema": 1, "redis": server.kind, "overhead": cost}))
        return
    print(f"# on {server.words}; seconds")
    print("[bullmq.overhead]")
    for name, seconds in cost.items():
        print(f"{name} = {seconds:.5f}")


def _known(log: AttemptLog, queue: str, given: tuple[int | None, int | None]) -> Slots:
    from simqueue.experiments.log_replay import Slots, seen_slots

    workers, concurrency = given
    if workers is not None and concurrency is not None:
        return Slots(workers, concurrency)
    seen = seen_slots(log, queue)
    return Slots(workers or seen.workers, concurrency or seen.concurrency)


def _scenario(path: Path, found: LogReplay) -> Scenario:
    """What the comparison has to know: how long jobs came, and the slots of each queue."""
    from simqueue.workload.scenario import Scenario

    duration = float(found.real.rows["enqueued_s"].max()) + 1e-3
    widest = max(found.slots.values(), key=lambda one: one.workers * one.concurrency)
    return Scenario.model_validate(
        {
            "name": path.name,
            "duration_s": max(duration, 1e-3),
            "workers": {"count": widest.workers, "concurrency": widest.concurrency},
            "arrivals": {queue: {"interval_s": duration + 1} for queue in found.real.queues},
            "queues": {queue: {"follow_up": {}} for queue in found.real.queues},
        }
    )


def _title(path: Path, found: LogReplay) -> str:
    words = f"{path.name}: the real run, and its own arrivals, times and failures in the model"
    for queue, one in found.slots.items():
        words += f"\n{queue}: {one.workers} worker(s) x {one.concurrency} slots"
    if found.left_out:
        words += f"\n{found.left_out:,} jobs without a start or an end are left out."
    return words


def _show(comparison: Comparison, title: str, tolerances: Mapping[str, float]) -> None:
    from rich.console import Console

    from simqueue.results.comparison.table import comparison_report

    Console(highlight=False).print(comparison_report(comparison, title, tolerances))
