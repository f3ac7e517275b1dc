"""The workers of one day over time, as an autoscaler has them and as they might be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simqueue.experiments.run import Run, replicate
from simqueue.planning.autoscaling.pool_day import needs
from simqueue.planning.autoscaling.words import verdict
from simqueue.record.attempt_log import Floats
from simqueue.results.drawing import clock_axis, wrapped
from simqueue.results.history import histories
from simqueue.results.presence import Presence
from simqueue.results.style import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from simqueue.planning.autoscaling.judgement import Judgement

_POINTS = 720


def judged_figure(found: Judgement) -> tuple[Figure, str]:
    """Workers over the first day, and waits by the minute; the figure and its text."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    shown = [one for one in (found.as_it_is, found.all_day, found.proposal or found.quicker) if one]
    queues = list(dict.fromkeys(one.measure.queue for one in found.targets))
    for number, one in enumerate(shown):
        run = replicate(one.scenario, 0)
        _draw_workers(above, run, found.pool, one.what, number)
        _draw_waits(below, run, queues, number)
    _draw_need(above, found)
    above.set_ylim(bottom=0)
    above.set_ylabel(f"workers of {found.pool}")
    above.yaxis.get_major_locator().set_params(integer=True)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    below.set_ylim(bottom=0)
    below.set_ylabel(f"mean wait of {', '.join(queues)},\nby the minute (s)")
    scenario = found.scenario
    clock_axis(below, (scenario.fixed_warmup_s, scenario.duration_s), scenario.moment)
    above.set_title(wrapped(verdict(found, brief=True)))
    return (
        figure,
        f"{verdict(found)} The first day: workers that take jobs, and the work that comes in, in "
        "workers (grey); below, mean waits by the minute.",
    )


def _draw_workers(panel: Axes, run: Run, pool: str, label: str, number: int) -> None:
    edges = np.linspace(*run.window, _POINTS + 1)
    presence = Presence(run.log, run.scenario.worker_pools, 1)
    style = look(number)
    workers = presence.workers(pool, edges)
    panel.plot(edges[:-1], workers, label=label, markevery=_POINTS // 12, **style)


def _draw_need(panel: Axes, found: Judgement) -> None:
    pool = found.scenario.pools[found.pool]
    some = needs(found.scenario, found.pool)
    workers = np.max([one.load / pool.slots_for(one.queue) for one in some], axis=0)
    panel.stairs(workers, some[0].edges_s, fill=True, color="0.85", label="needed", zorder=0)


def _draw_waits(panel: Axes, run: Run, queues: list[str], number: int) -> None:
    low, high = run.window
    minutes = np.arange(low, high + 60, 60)
    mine = [one for one in histories(run.log) if one.queue in queues]
    waits = _means(
        np.concatenate([one.ready_s for one in mine]),
        np.concatenate([one.wait_s for one in mine]),
        minutes,
    )
    style = look(number) | {"marker": ""}
    panel.plot(minutes[:-1] + 30, waits, **style)


def _means(ready_s: Floats, wait_s: Floats, edges: Floats) -> Floats:
    """Mean wait of what became ready between each two edges; NaN where nothing did."""
    known = ~np.isnan(wait_s)
    number, _ = np.histogram(ready_s[known], edges)
    waited, _ = np.histogram(ready_s[known], edges, weights=wait_s[known])
    return np.where(number > 0, waited / np.maximum(number, 1), np.nan)
