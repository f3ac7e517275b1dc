"""What an outage shows: tables and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from simqueue.experiments.run import replicate
from simqueue.planning.outages.days import spans, unfinished
from simqueue.planning.outages.policies import policy_words
from simqueue.planning.outages.words import difference_words, mean_words, outage_sentence
from simqueue.results.drawing import clock_axis, wrapped
from simqueue.results.history import histories
from simqueue.results.style import OKABE_ITO, look
from simqueue.results.wording import digits, duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

    from simqueue.planning.outages.finding import OutageFinding, Policy
    from simqueue.workload.scenario import Scenario

_POINTS = 1000


def policies_table(found: OutageFinding) -> Table:
    """The queue: a row for each policy."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(Text(found.queue), overflow="fold")
    for name in ("lost\na day", "as before\nafter", "p95\nresponse", "p99\nresponse"):
        table.add_column(name, justify="right", no_wrap=True)
    now = found.as_it_is
    numbers = [now.mean(found.queue, name, outage=False) for name in ("p95_s", "p99_s")]
    lost = float(now.each(found.queue, "failed", outage=False).mean())
    table.add_row("without it", digits(lost), "", *map(_seconds, numbers))
    for policy in found.policies:
        table.add_row(Text(policy_words(policy.changes)), *map(Text, _cells(found, policy)))
    return table


def _cells(found: OutageFinding, policy: Policy) -> list[str]:
    cells = [
        digits(float(policy.each(found.queue, "failed").mean())),
        _seconds(policy.recovery),
        _seconds(policy.mean(found.queue, "p95_s")),
        _seconds(policy.mean(found.queue, "p99_s")),
    ]
    if policy is found.as_it_is:
        lost = mean_words(policy.mean(found.queue, "failed"), time=False)
        return [lost, mean_words(policy.recovery, time=True), *cells[2:]]
    for at, what in enumerate(("failed", "recovery_s")):
        apart = found.against_as_it_is(policy, what)
        cells[at] += f"\n{difference_words(apart, time=what == 'recovery_s')}"
    return cells


def others_table(found: OutageFinding, queues: Sequence[str]) -> Table:
    """Other queues as they are: a row for each."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("other queues, as it is", "lost", "without", "p95 response", "without"):
        table.add_column(name, justify="left" if "queues" in name else "right", no_wrap=True)
    for queue in queues:
        lost, before = (
            digits(float(found.as_it_is.each(queue, "failed", outage=with_it).mean()))
            for with_it in (True, False)
        )
        p95, usual = (
            _seconds(found.as_it_is.mean(queue, "p95_s", outage=with_it))
            for with_it in (True, False)
        )
        mark = " suffers" if queue in found.suffering else ""
        table.add_row(Text(f"{queue}{mark}"), lost, before, p95, usual)
    return table


def _seconds(value: float | None) -> str:
    return duration(None if value is None else float(value))


def outage_figure(found: OutageFinding) -> tuple[Figure, str]:
    """Unfinished jobs of the queue over the first day; the figure and its text."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.8), layout="constrained")
    panel = figure.subplots()
    shown = [("without it", found.scenario), ("as it is", found.as_it_is.scenario)]
    if found.best is not None:
        shown.append((policy_words(found.best.changes), found.best.scenario))
    window = (found.scenario.fixed_warmup_s, found.scenario.duration_s)
    for number, (label, scenario) in enumerate(shown):
        moments = np.linspace(*window, _POINTS)
        jobs = unfinished(*_jobs(scenario, found.queue), moments)
        panel.plot(moments, jobs, label=label, markevery=_POINTS // 12, **look(number))
    panel.axvspan(
        found.outage.from_s, min(found.outage.to_s, window[1]), color=OKABE_ITO["yellow"],
        alpha=0.4, linewidth=0, label="the outage",
    )  # fmt: skip
    panel.set_ylim(bottom=0)
    panel.set_ylabel(f"unfinished jobs of {found.queue}")
    clock_axis(panel, window, found.scenario.moment)
    panel.legend()
    panel.set_title(wrapped(outage_sentence(found)))
    return (
        figure,
        f"{outage_sentence(found)} Jobs of the first day that wait, run or are in backoff.",
    )


def _jobs(scenario: Scenario, queue: str) -> tuple[np.ndarray, np.ndarray]:
    run = replicate(scenario, 0)
    return spans([one for one in histories(run.log, scenario.crashes) if one.queue == queue])
