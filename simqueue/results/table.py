"""The summary that a person reads in a terminal; it fits in 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from simqueue.results.flows import FlowSummary
from simqueue.results.intervals import Interval
from simqueue.results.presence import PoolSummary
from simqueue.results.queue_summary import ClassSummary, QueueSummary, Summary
from simqueue.results.statistics import Estimate
from simqueue.results.wording import count, digits, duration, duration_range, percent

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
    lines = [_flow_line(queue, flow, summary.replications) for queue, flow in summary.flows.items()]
    lines += [_pool_line(name, pool) for name, pool in summary.pools.items()]
    models = [f"{queue} {entry['model']}" for queue, entry in theory.items() if entry]
    if models:
        lines.append(f"Theory: the mean wait in steady state of {', '.join(models)}.")
    if summary.replications == 1:
        lines.append("One replication: numbers come without an interval.")
    else:
        lines.append(
            f"{summary.replications:,} replications: below each number its 95 % interval "
            "(≥: too few of them tell how far up)."
        )
    if left := [
        f"{name} {queue.unfinished:,}" for name, queue in summary.queues.items() if queue.unfinished
    ]:
        lines.append(f"Unfinished jobs: {', '.join(left)}.")
    if summary.quantile_error:
        line = f"Quantiles are off by {100 * summary.quantile_error:.1g} % at most"
        ends = "" if summary.replications == 1 else "; the ends of their intervals may be by more"
        lines.append(f"{line}{ends}.")
    off = max((law.relative_error for law in summary.littles_law.values()), default=0.0)
    if off > _NOT_EXACT:
        lines.append(f"Little's law is off by {percent(off)}: the run ended while jobs waited.")
    parts += [Text(line) for line in lines]
    parts += [Text(verdict, style="bold") for verdict in verdicts]
    parts += [Text(f"Warning: {warning}", style="yellow") for warning in warnings]
    return Group(*parts)


def _jobs(summary: Summary) -> Table:
    runs = summary.replications
    table = _table(
        *("\nqueue", "jobs\na run" if runs > 1 else "\njobs", "\nfailed", "attempts\na job"),
        *("utili-\nsation", "queue\nlength", "\nmax", "delayed\n(backoff)"),
        *(["\nmax"] if runs == 1 else []),  # intervals take its room
    )
    for name, queue in summary.queues.items():
        per_job = queue.attempts_per_job
        table.add_row(
            Text(name),  # never markup
            digits(queue.arrived / runs) if runs > 1 else f"{queue.arrived:,}",
            _with(digits(queue.failed_per_run), queue.failed_per_run.interval, _short),
            "–" if per_job is None else f"{per_job:.2f}",
            _with(
                percent(queue.utilisation),
                queue.utilisation.interval if queue.utilisation is not None else None,
                percent,
            ),
            _with(digits(queue.queue_length.mean), queue.queue_length.mean.interval, _short),
            f"{queue.queue_length.max:,}",
            digits(queue.delayed.mean),
            *([f"{queue.delayed.max:,}"] if runs == 1 else []),
        )
    return table


def _times(summary: Summary, theory: Mapping[str, Theory | None]) -> Table:
    known = any(theory.values())
    table = _table("queue", "", "mean", *(["theory"] if known else []), "p95", "p99", "max")
    for name, found in _lines(summary):
        entry = theory.get(name)
        expected = duration(float(entry["wait_mean_s"])) if entry else "–"
        rows = (("wait", found.wait_s, expected), ("response", found.response_s, ""))
        for what, times, formula in rows:
            table.add_row(
                Text(name if what == "wait" else ""),  # never markup
                what,
                _time(times.mean),
                *([formula] if known else []),
                _time(times.p95),
                _time(times.p99),
                duration(times.max),
            )
    return table


def _lines(summary: Summary) -> Iterator[tuple[str, QueueSummary | ClassSummary]]:
    """Each queue, and below it the classes of its jobs."""
    for queue, found in summary.queues.items():
        yield queue, found
        for name, one in found.classes.items():
            yield f"{queue}[{name}]", one


def _short(value: float) -> str:
    return digits(value, 2)


def _time(value: Estimate | None) -> str:
    if value is None or value.interval is None:
        return duration(value)
    return f"{duration(value)}\n{duration_range(*value.interval)}"


def _with(text: str, interval: Interval | None, words: Callable[[float], str]) -> str:
    """A number, and below it its interval."""
    if interval is None or interval[0] is None or interval[1] is None:
        return text
    low, high = words(max(interval[0], 0.0)), words(interval[1])
    return f"{text}\n{low}" if low == high else f"{text}\n{low.removesuffix(' %')}–{high}"


def _table(queue: str, *columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(queue, vertical="top", overflow="fold", min_width=7)
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    return table


def _pool_line(name: str, pool: PoolSummary) -> str:
    line = f"Pool {name}: {digits(pool.workers)} workers on average, at most {pool.most:,}. "
    line += f"Worker hours: {digits(pool.worker_hours)}"
    return f"{line}." if pool.cost is None else f"{line}; cost: {digits(pool.cost)}."


def _flow_line(queue: str, flow: FlowSummary, runs: int) -> str:
    end = "the end" if flow.last_queue in (None, queue) else f"the last {flow.last_queue}"
    line = f"From {queue} to {end}: "
    if not flow.finished:
        return f"{line}none of {count(flow.flows, 'flow')} finished."
    of = "" if flow.finished == flow.flows else f"{flow.finished:,} of "
    times = flow.time_s
    mean = duration(times.mean)
    if times.ci95 is not None:
        mean += f" ({duration_range(*times.ci95)})"
    total = f"{of}{count(flow.flows, 'flow')}" + (f" in {runs} runs" if runs > 1 else "")
    return f"{line}mean {mean}, p95 {duration(times.p95)}, max {duration(times.max)} ({total})."
