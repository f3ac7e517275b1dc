"""What a calibration says of itself: how well the model fits, what was found, what is not known."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from simqueue.calibration.days import Day
from simqueue.calibration.doubts import could_not_see, finite, suggestions
from simqueue.calibration.estimates import Estimates, QueueEstimate
from simqueue.calibration.fit import FIGURES, Fit
from simqueue.calibration.seen import Seen
from simqueue.calibration.tables import (
    FOUND,
    MEASURES,
    fit_cells,
    fit_name,
    fit_sentence,
    found_lines,
    found_rows,
    safe,
    service_mean,
    watched_words,
)
from simqueue.results.measures import Measure
from simqueue.results.wording import duration_up
from simqueue.safe_text import one_line
from simqueue.workload.changes import key_of
from simqueue.workload.scenario import Scenario


def markdown(
    scenario: Scenario, seen: Seen, day: Day, found: Estimates, fits: Sequence[Fit]
) -> str:
    """The report, in Markdown."""
    heads = ["queue", "jobs", *(f"{word} {f}" for word in MEASURES.values() for f in FIGURES)]
    lines = [
        f"# {one_line(scenario.name)}",
        "",
        f"{watched_words(seen, day, found)} {fit_sentence(fits)}",
        "",
        "## How well the model replays the very same jobs",
        "",
        "Their own arrivals, times and failures; the workers and rules of the scenario. Seen / "
        "model; **bold** where they are more than 10 % and 5 ms apart.",
        "",
        *_table(heads, [_fit_row(one) for one in fits]),
        "",
        "## What was found",
        "",
        *_table(FOUND, found_rows(found)),
        "",
        *(f"- {line}" for line in found_lines(found)),
    ]
    if told := suggestions(day, found, fits):
        lines += ["", "## What the misfit suggests", "", *(f"- {safe(one)}" for one in told)]
    lines += ["", "## What could not be seen", ""]
    lines += [f"- {safe(one)}" for one in could_not_see(seen, day, found)]
    return "\n".join(lines) + "\n"


def _fit_row(fit: Fit) -> list[str]:
    cells = [fit_name(fit), f"{fit.jobs:,}"]
    for real, model, off in fit_cells(fit):
        cells.append(f"**{real} / {model}**" if off else f"{real} / {model}")
    return cells


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown; all but the first column are numbers."""
    line = ["---", *("--:" for _ in heads[1:])]
    body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(cells)} |" for cells in (heads, line, *body)]


def questions(file: Path, scenario: Scenario, found: Estimates, fits: Sequence[Fit]) -> list[str]:
    """What to ask the scenario next, in Markdown: a plan for the queue that has most to do."""
    most = max(found.queues.values(), key=lambda one: one.attempts)
    p95_s = next((fit.response_s["p95"][0] for fit in fits if fit.queue == most.queue), 1.0)
    measure = Measure(most.queue, "response.p95").name
    target = shlex.quote(f"{measure} < {duration_up(2 * p95_s)}")
    plan = f"simqueue plan {shlex.quote(str(file))} --target {target} --traffic 2"
    pools = {name: pool for name, pool in scenario.pools.items() if most.queue in pool.queues}
    if len(pools) > 1:
        largest = max(pools, key=lambda name: pools[name].queues[most.queue])
        plan += f" --vary {shlex.quote(key_of('pools', largest, 'count'))}"
    return [
        "## What to ask it",
        "",
        "How many workers do twice as many jobs need, if p95 may double, too?",
        "",
        f"    {safe(plan)}",
        "",
        "`--set` tells it what could not be seen, such as `queues.NAME.limiter` and "
        "`pools.NAME.queues.NAME`, the slots of each worker.",
    ]


def document(seen: Seen, day: Day, found: Estimates, fits: Sequence[Fit]) -> dict[str, Any]:
    """The same, for JSON; times in seconds."""
    return {
        "watched_s": day.lasted_s,
        "jobs": len(day.jobs),
        "attempts": sum(bool(one.outcome) for one in day.attempts),
        "queues": {queue: _as_json(one) for queue, one in found.queues.items()},
        "sentence": fit_sentence(fits),
        "fit": [one.as_json() for one in fits],
        "suggestions": suggestions(day, found, fits),
        "could_not_see": could_not_see(seen, day, found),
    }


def _as_json(one: QueueEstimate) -> dict[str, Any]:
    return {
        "arrivals": len(one.arrivals),
        "attempts": one.attempts,
        "failure_bursts": [vars(burst) for burst in one.bursts],
        "fatal_rate": one.fatal_rate,
        "errors": one.reasons,
        "limiter": None if one.limiter is None else vars(one.limiter),
        "global_concurrency": one.global_concurrency,
        "paused": [list(window) for window in one.paused],
        "children": one.children,
        "stalled": one.stalled,
        "workers": {
            "schedule": [list(step) for step in one.workers.schedule],
            "concurrency": one.workers.concurrency,
            "crews": [
                {
                    "concurrency": crew.concurrency,
                    "schedule": [list(step) for step in crew.schedule],
                }
                for crew in one.workers.crews
            ],
            "reached": one.workers.reached,
            "busiest": one.workers.busiest,
            "source": one.workers.source,
        },
        "classes": {
            kind.kind.label: {
                "jobs": kind.jobs,
                "priority": kind.kind.priority,
                "attempts": kind.attempts,
                "backoff": kind.backoff,
                "failure_rate": finite(kind.failure_rate),
                "service_mean_s": finite(service_mean(kind)),
            }
            for kind in one.kinds
        },
    }
