"""A comparison that a person reads in a terminal, or as a row of a table in the docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from simqueue.results.comparison.compare import Comparison
from simqueue.results.comparison.differing import DifferingJob
from simqueue.results.comparison.measure_words import difference, measure_name, share, value
from simqueue.results.comparison.measures import QueueComparison
from simqueue.results.comparison.recoveries import recovery_apart_s
from simqueue.results.comparison.tolerances import DEFAULT_TOLERANCES, JOBS
from simqueue.results.comparison.words import fate, finding, jobs_finding, reasons, recovery_lines
from simqueue.results.wording import duration

_SHOWN_JOBS = 10


def comparison_report(
    comparison: Comparison, title: str, tolerances: Mapping[str, float] = DEFAULT_TOLERANCES
) -> Group:
    """Lay a comparison out for ``rich``: each queue's measures side by side, then what differs.

    Parameters
    ----------
    comparison
        What was found.
    title
        What was compared.
    tolerances
        As in `Comparison.exceeded`; what is beyond them is marked by a word.
    """
    parts: list[Table | Text] = [Text(title, style="bold")]
    for name, queue in comparison.queues.items():
        if queue.real.arrived == queue.model.arrived == 0:
            parts.append(Text(f"The {name} queue had no jobs."))
            continue
        parts.append(_measures(comparison, name, queue, tolerances))
        if queue.theory:
            parts.append(Text(_theory(queue)))
    if comparison.differing:
        parts.append(_jobs(comparison.differing))
    parts += [Text(line) for line in recovery_lines(comparison.recoveries)]
    rules = [_RULE]
    if any(job.excused for job in comparison.differing):
        rules.append("Response times are those of the jobs that did not have to differ.")
    parts += [Text(line) for line in (*rules, *comparison.notes)]
    exceeded = comparison.exceeded(tolerances)
    parts += [Text(f"Out of tolerance: {line}", style="yellow") for line in exceeded]
    parts += [Text(jobs_finding(comparison)), Text(finding(comparison), style="bold")]
    return Group(*parts)


_HEADER = (
    "| scenario | jobs | jobs that differ | mean response | p99 response | utilisation "
    "| kill recovery |"
)
_RULE = (
    "The error of a wait is a share of it or of the real mean response, whichever is longer; "
    "that of a queue length, of it or of one job."
)


def _measures(
    comparison: Comparison, name: str, queue: QueueComparison, tolerances: Mapping[str, float]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))
    table.add_column(Text(f"{name} queue"), overflow="fold", min_width=22, max_width=30)
    for column in ("real", "model", "difference", "error"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for measure, found in queue.measures.items():
        table.add_row(
            measure_name(measure),
            value(measure, found.real),
            value(measure, found.model),
            difference(measure, found.difference),
            share(found.judged),
            _verdict(comparison, name, measure, tolerances),
        )
    return table


def _verdict(
    comparison: Comparison, queue: str, measure: str, tolerances: Mapping[str, float]
) -> Text:
    if measure == JOBS or measure not in tolerances:
        return Text("")
    if not comparison.judges(queue, measure):
        return Text("not judged")
    allowed = share(tolerances[measure], sign=False)
    if comparison.queues[queue].measures[measure].size <= tolerances[measure]:
        return Text(f"within {allowed}")
    return Text(f"BEYOND {allowed}", style="bold yellow")


def _theory(queue: QueueComparison) -> str:
    assert queue.theory is not None
    expected = float(queue.theory["wait_mean_s"])
    off = [
        None if wait is None or not expected else wait / expected - 1
        for wait in (queue.real.wait_s.mean, queue.model.wait_s.mean)
    ]
    return (
        f"Theory ({queue.theory['model']}): a mean wait of {duration(expected)} in steady state; "
        f"the real run {share(off[0])}, the model {share(off[1])}."
    )


def _jobs(differing: tuple[DifferingJob, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for column in ("job that differs", "real", "model", "reason"):
        table.add_column(column, overflow="fold")
    for job in differing[:_SHOWN_JOBS]:
        table.add_row(Text(job.job_id), fate(job.real), fate(job.model), job.reason)
    more = len(differing) - _SHOWN_JOBS
    if more > 0:
        table.add_row(f"and {more:,} more", "", "", "")
    return table


def comparison_markdown(comparisons: Iterable[Comparison]) -> str:
    """Lay comparisons out as a Markdown table for the docs: a row a scenario.

    An error is that of the queue in which it is largest.
    """
    lines = [_HEADER, "|---|--:|---|--:|--:|--:|--:|"]
    lines += [f"| {' | '.join(_row(one))} |" for one in comparisons]
    return "\n".join(lines) + "\n"


def _row(comparison: Comparison) -> tuple[str, ...]:
    errors = [
        _worst(comparison, measure) for measure in ("response.mean", "response.p99", "utilisation")
    ]
    apart = recovery_apart_s(comparison.recoveries)
    return (
        comparison.scenario.replace("|", "\\|"),
        f"{comparison.jobs:,}",
        reasons(comparison) or "none",
        *errors,
        "–" if apart is None else f"{duration(apart)} apart",
    )


def _worst(comparison: Comparison, measure: str) -> str:
    worst = comparison.worst(measure)
    if worst is None:
        return "–"
    return share(worst[1].judged)
