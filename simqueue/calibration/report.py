"""What a calibration says of itself: how well the model fits, what was found, what is not known."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simqueue.calibration.attempts import Day
from simqueue.calibration.doubts import could_not_see, finite, misfit, suggestions
from simqueue.calibration.estimates import Estimates, KindEstimate, QueueEstimate
from simqueue.calibration.fit import FIGURES, Fit
from simqueue.calibration.seen import Seen
from simqueue.results.measures import Measure
from simqueue.results.wording import duration_up
from simqueue.safe_text import one_line
from simqueue.workload.scenario import Scenario

_MEASURES = {"wait_s": "wait", "response_s": "response"}


def markdown(
    scenario: Scenario, seen: Seen, day: Day, found: Estimates, fits: Sequence[Fit]
) -> str:
    """The report, in Markdown."""
    ended = sum(bool(one.outcome) for one in day.attempts)
    what = "kept by" if seen.kept else f"{day.lasted_s / 60:,.1f} minutes of"
    lines = [
        f"# {one_line(scenario.name)}",
        "",
        f"{len(day.jobs):,} jobs and {ended:,} attempts, {what} {_queues(found)}.",
        "",
        "## How well the model replays the very same jobs",
        "",
        "Their own arrivals, times and failures; the workers and rules of the scenario. Seen / "
        "model; **bold** where they are more than 10 % and 5 ms apart.",
        "",
        *_table(_fit_heads(), [_fit_cells(one) for one in fits]),
        "",
        "## What was found",
        "",
        *_table(_FOUND, [cells for one in found.queues.values() for cells in _found_cells(one)]),
        "",
        *_found_lines(found),
    ]
    if told := suggestions(day, found, fits):
        lines += ["", "## What the misfit suggests", "", *(f"- {_safe(one)}" for one in told)]
    lines += ["", "## What could not be seen", ""]
    lines += [f"- {_safe(one)}" for one in could_not_see(seen, day, found)]
    return "\n".join(lines) + "\n"


def questions(scenario: Path, found: Estimates, fits: Sequence[Fit]) -> list[str]:
    """What to ask the scenario next, in Markdown: a plan for the queue that has most to do."""
    most = max(found.queues.values(), key=lambda one: one.attempts)
    p95_s = next((fit.response_s["p95"][0] for fit in fits if fit.queue == most.queue), 1.0)
    measure = Measure(most.queue, "response.p95").name
    target = shlex.quote(f"{measure} < {duration_up(2 * p95_s)}")
    plan = f"simqueue plan {shlex.quote(str(scenario))} --target {target} --traffic 2"
    return [
        "## What to ask it",
        "",
        "How many workers do twice as many jobs need, if p95 may double, too?",
        "",
        f"    {_safe(plan)}",
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
                "service_mean_s": finite(_mean(kind)),
            }
            for kind in one.kinds
        },
    }


def _queues(found: Estimates) -> str:
    names = [one_line(name) for name in found.queues]
    return ", ".join(names) if len(names) <= 8 else f"{len(names)} queues"


def _safe(text: str) -> str:
    return one_line(text, 2000)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table in Markdown; all but the first two columns are numbers."""
    line = ["---", *("--:" for _ in heads[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (heads, line, *rows)]


def _fit_heads() -> list[str]:
    return ["queue", "jobs", *(f"{word} {f}" for word in _MEASURES.values() for f in FIGURES)]


def _fit_cells(fit: Fit) -> list[str]:
    name = _name(fit.queue) + ("" if fit.priority is None else f", priority {fit.priority}")
    cells = [name, f"{fit.jobs:,}"]
    for measure in _MEASURES:
        for figure in FIGURES:
            real, model = getattr(fit, measure)[figure]
            text = f"{seconds(real)} / {seconds(model)}"
            cells.append(f"**{text}**" if misfit(fit, measure, figure) else text)
    return cells


_FOUND = (
    *("queue, class", "jobs", "priority", "attempts", "backoff", "service mean", "p95", "failed"),
)


def _found_cells(one: QueueEstimate) -> list[list[str]]:
    rows = []
    for kind in one.kinds:
        name = _name(one.queue) + (f", {kind.kind.label}" if len(one.kinds) > 1 else "")
        p95 = float(np.quantile(kind.service_s, 0.95)) if len(kind.service_s) else 0.0
        rows.append(
            [
                *(name, f"{kind.jobs:,}", f"{kind.kind.priority or '–'}", f"{kind.attempts}"),
                *(_backoff(kind), seconds(_mean(kind)), seconds(p95), f"{kind.failure_rate:.2%}"),
            ]
        )
    return rows


def _backoff(kind: KindEstimate) -> str:
    if kind.backoff is None or kind.attempts == 1:
        return "–"
    said = kind.backoff
    if said["type"] == "list":
        return "list " + ", ".join(f"{ms:,.0f}" for ms in said["delays_ms"]) + " ms"
    jitter = f", jitter {said['jitter']:g}" if said.get("jitter") else ""
    return f"{said['type']} {said['delay_ms']:,.0f} ms{jitter}"


def _found_lines(found: Estimates) -> list[str]:
    """Who works on each queue, and what keeps its jobs waiting."""
    lines = []
    for queue, one in found.queues.items():
        workers = one.workers
        steps = [f"{count} from {at_s:,.0f} s" for at_s, count in workers.schedule]
        many = f"{workers.most}" if len(steps) == 1 else ", ".join(steps)
        said = [f"workers: {many}, with {workers.concurrency} slots each"]
        if one.limiter is not None and one.limiter.reached:
            said.append(f"limiter: {one.limiter.most} starts in {one.limiter.duration_s:g} s")
        if one.global_concurrency:
            said.append(f"at most {one.global_concurrency} at once over all workers")
        said += [f"paused from {a:,.0f} to {b:,.0f} s" for a, b in one.paused]
        said += [
            f"{burst.rate:.0%} of the attempts failed that started from {burst.from_s:,.0f} to "
            f"{burst.to_s:,.0f} s"
            for burst in one.bursts
        ]
        if one.children:
            said.append(
                f"children of each job: {', '.join(f'{n} {q}' for q, n in one.children.items())}"
            )
        if one.reasons:
            often = sorted(one.reasons.items(), key=lambda pair: -pair[1])[:5]
            said.append(f"final failures: {', '.join(f'{n} {name}' for name, n in often)}")
        lines.append(f"- {_safe(queue)}: {'; '.join(map(_safe, said))}.")
    return lines


def _name(text: str) -> str:
    return one_line(text).replace("|", "\\|")


def _mean(kind: KindEstimate) -> float:
    return float(kind.service_s.mean()) if len(kind.service_s) else 0.0


def seconds(value: float) -> str:
    """A time with three digits, in ms or s.

    >>> [seconds(0.0123), seconds(1.5), seconds(250.0)]
    ['12.3 ms', '1.5 s', '250 s']
    """
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s"
