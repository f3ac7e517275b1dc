"""The summary that a person reads in a terminal; it fits in 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from simqueue.results.flows import FlowSummary
from simqueue.results.statistics import Statistics
from simqueue.results.summary import Summary
from simqueue.results.wording import count, digits, duration, duration_within, percent

if TYPE_CHECKING:
    from simqueue.results.formulas import Theory

_NOT_EXACT = 1e-6


def report(
    summary: Summary,
    title: str,
    theory: Mapping[str, Theory | None] | None = None,
    verdicts: Iterable[str] = (),
    warnings: Iterable[str] = (),
) -> Group:
    """Lay a run out for ``rich``: what happened, how long it took, what follows from it.

    Parameters
    ----------
    summary
        The run in numbers.
    title
        What was run.
    theory
        The theory entry of each queue, to stand beside the wait that was found.
    verdicts
        Sentences on the queues' busiest times.
    warnings
        What to keep in mind.
    """
    theory = theory or {}
    parts: list[Table | Text] = [Text(title, style="bold"), _jobs(summary), _times(summary, theory)]
    lines = [_flow_line(queue, flow) for queue, flow in summary.flows.items()]
    models = [f"{queue} {entry['model']}" for queue, entry in theory.items() if entry]
    if models:
        lines.append(f"Theory: the mean wait in steady state of {', '.join(models)}.")
    if summary.replications == 1:
        lines.append("One replication: the means come without an interval.")
    off = max((law.relative_error for law in summary.littles_law.values()), default=0.0)
    if off > _NOT_EXACT:
        lines.append(f"Little's law is off by {percent(off)}: the run ended while jobs waited.")
    parts += [Text(line) for line in lines]
    parts += [Text(verdict, style="bold") for verdict in verdicts]
    parts += [Text(f"Warning: {warning}", style="yellow") for warning in warnings]
    return Group(*parts)


def _jobs(summary: Summary) -> Table:
    table = _table(
        *("queue", "jobs", "failed", "attempts\na job", "utili-\nsation"),
        *("queue\nlength", "\nmax", "delayed\n(backoff)", "\nmax"),
    )
    for name, queue in summary.queues.items():
        per_job = queue.attempts_per_job
        table.add_row(
            Text(name),  # never markup
            f"{queue.arrived:,}",
            f"{queue.failed:,}",
            "–" if per_job is None else f"{per_job:.2f}",
            percent(queue.utilisation),
            digits(queue.queue_length.mean),
            f"{queue.queue_length.max:,}",
            digits(queue.delayed.mean),
            f"{queue.delayed.max:,}",
        )
    return table


def _times(summary: Summary, theory: Mapping[str, Theory | None]) -> Table:
    known = any(theory.values())
    # With a theory and an interval beside the mean, 80 columns have no room for all quantiles.
    crowded = known and any(queue.wait_s.ci95 for queue in summary.queues.values())
    table = _table(
        *(
            "queue",
            "wait\nmean",
            *(["\ntheory"] if known else []),
            "\np95",
            *([] if crowded else ["\np99"]),
            "\nmax",
        ),
        *("response\nmean", "\np95"),
    )
    for name, queue in summary.queues.items():
        wait, response, entry = queue.wait_s, queue.response_s, theory.get(name)
        expected = duration(float(entry["wait_mean_s"])) if entry else "–"
        table.add_row(
            Text(name),  # never markup
            _mean(wait),
            *([expected] if known else []),
            duration(wait.p95),
            *([] if crowded else [duration(wait.p99)]),
            duration(wait.max),
            *(duration(value) for value in (response.mean, response.p95)),
        )
    return table


def _table(queue: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(f"\n{queue}", overflow="fold", min_width=7)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _mean(times: Statistics) -> str:
    if times.mean is None or times.ci95 is None:
        return duration(times.mean)
    return duration_within(times.mean, (times.ci95[1] - times.ci95[0]) / 2)


def _flow_line(queue: str, flow: FlowSummary) -> str:
    end = "the end" if flow.last_queue in (None, queue) else f"the last {flow.last_queue}"
    line = f"From {queue} to {end}: "
    if not flow.finished:
        return f"{line}none of {count(flow.flows, 'flow')} finished."
    of = "" if flow.finished == flow.flows else f"{flow.finished:,} of "
    times = flow.time_s
    return (
        f"{line}mean {_mean(times)}, p95 {duration(times.p95)}, max {duration(times.max)} "
        f"({of}{count(flow.flows, 'flow')})."
    )
