"""The panels of a run's figure: arrivals, queue lengths and waits over time.

Each draws itself and returns its title, which states what is to be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from simqueue.record.attempt_log import Floats
from simqueue.results.drawing import mean_lengths
from simqueue.results.history import History
from simqueue.results.presence import Presence
from simqueue.results.style import look
from simqueue.results.wording import TimeLabel, digits, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LENGTH_BINS = 240
#: Pools do not look like the queues above them.
_POOL_LOOKS = 3


def draw_arrivals(
    panel: Axes, queues: Mapping[str, list[History]], edges: Floats, runs: int, moment: TimeLabel
) -> str:
    """Draw how many jobs came in each window, the mean of ``runs`` replications."""
    unit, seconds = ("minute", 60) if edges[-1] - edges[0] >= 600 else ("second", 1)
    rates = {
        queue: sum(np.histogram(h.jobs.enqueued_s, edges)[0] for h in found)
        / np.diff(edges) / runs * seconds
        for queue, found in queues.items()
    }  # fmt: skip
    _steps(panel, rates, edges)
    panel.set_ylabel(f"jobs a {unit}")
    return _most(rates, edges, moment, "Most arrivals", lambda value: f"{digits(value)} a {unit}")


def draw_lengths(
    panel: Axes,
    queues: Mapping[str, list[History]],
    window: tuple[float, float],
    runs: int,
    moment: TimeLabel,
) -> str:
    """Draw how many jobs waited, the mean of ``runs`` replications."""
    edges = np.linspace(*window, _LENGTH_BINS + 1)
    lengths = {queue: mean_lengths(found, edges) / runs for queue, found in queues.items()}
    _steps(panel, lengths, edges, every=_LENGTH_BINS // 12)
    panel.set_ylabel("jobs waiting")
    title = _most(lengths, edges, moment, "Longest queue", lambda value: f"{digits(value)} jobs")
    return f"{title} (means of {duration(float(edges[1] - edges[0]))})"


def draw_waits(
    panel: Axes, queues: Mapping[str, list[History]], edges: Floats, moment: TimeLabel
) -> str:
    """Draw the waits of the attempts that became ready in each window: p95, and the longest."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    p95 = {queue: _per_window(found, edges, 0.95) for queue, found in queues.items()}
    longest = {queue: _per_window(found, edges, 1.0) for queue, found in queues.items()}
    seen = np.concatenate([np.zeros(0), *p95.values(), *longest.values()])
    seen = seen[~np.isnan(seen)]
    top = float(seen.max(initial=0.0))
    # Waits that span decades need a log scale, and there zero needs a place: a thousandth of the
    # longest, below which nothing matters.
    spread = top > 0 and float(seen.min()) < top / 20
    floor = 10.0 ** (np.floor(np.log10(top)) - 3) if spread else 0.0
    middle = (edges[:-1] + edges[1:]) / 2
    every = max(len(middle) // 12, 1)
    for number, queue in enumerate(queues):
        style = look(number)
        panel.plot(middle, np.maximum(p95[queue], floor), **style, markevery=every)
        panel.plot(
            *(middle, np.maximum(longest[queue], floor), "."),
            color=style["color"], markersize=3.5, alpha=0.6,
        )  # fmt: skip
    if spread:
        panel.set_yscale("log")
        panel.yaxis.set_minor_locator(NullLocator())
    panel.set_ylim(floor * 0.8, top * (1.5 if spread else 1.08) or 1)
    panel.yaxis.set_major_formatter(
        FuncFormatter(lambda y, _: f"≤ {duration(y)}" if y <= floor * 1.01 and y else duration(y))
    )
    panel.set_ylabel("wait (line: p95, dots: longest)")
    return _most(longest, edges, moment, "Longest wait", duration)


def draw_workers(
    panel: Axes, presence: Presence, window: tuple[float, float], moment: TimeLabel
) -> str:
    """Draw how many workers of each pool took jobs, the mean of the replications."""
    from matplotlib.ticker import MaxNLocator

    edges = np.linspace(*window, _LENGTH_BINS + 1)
    numbers = {name or "workers": presence.workers(name, edges) for name in presence.pools}
    for number, (name, value) in enumerate(numbers.items()):
        style = look(number + _POOL_LOOKS)
        panel.plot(
            *(edges, np.append(value, value[-1])),
            drawstyle="steps-post", label=name, markevery=_LENGTH_BINS // 12, **style,
        )  # fmt: skip
    # The title names a single pool; the legend of several has a place of its own above them.
    several = len(numbers) > 1
    most = max((value.max() for value in numbers.values()), default=0)
    panel.set_ylim(0, most * (1.3 if several else 1.08) or 1)
    panel.yaxis.set_major_locator(MaxNLocator(integer=True))
    panel.set_ylabel("workers")
    if several:
        panel.legend(loc="upper left", ncols=4)
    return _most(numbers, edges, moment, "Most workers", digits)


def _per_window(found: list[History], edges: Floats, quantile: float) -> Floats:
    """Quantile of the waits of attempts that became ready in each window; NaN where none did."""
    ready = np.concatenate([one.ready_s for one in found])
    waits = np.concatenate([one.wait_s for one in found])
    known = ~np.isnan(waits)
    ready, waits = ready[known], waits[known]
    order = np.argsort(ready)
    cuts = np.searchsorted(ready[order], edges)
    return np.array(
        [
            np.quantile(part, quantile) if len(part) else np.nan
            for part in np.split(waits[order], cuts)[1:-1]
        ]
    )


def _steps(
    panel: Axes, values: Mapping[str, Floats], edges: Floats, every: int | None = None
) -> None:
    every = every or max(len(edges) // 12, 1)
    for number, (queue, value) in enumerate(values.items()):
        # Markers of different queues stand beside each other.
        panel.plot(
            edges,
            np.append(value, value[-1]),
            drawstyle="steps-post",
            label=queue,
            markevery=(number * every // 3 % every, every),
            **look(number),
        )
    panel.set_ylim(0, max((value.max() for value in values.values()), default=0) * 1.08 or 1)


def _most(
    values: Mapping[str, Floats],
    edges: Floats,
    moment: TimeLabel,
    what: str,
    words: Callable[[float], str],
) -> str:
    """Say which queue had the most of it, and when."""
    tops = {queue: float(np.nanmax(value, initial=0.0)) for queue, value in values.items()}
    queue = max(tops, key=lambda queue: tops[queue], default=None)
    if queue is None or tops[queue] == 0:
        return f"{what}: none"
    at = float(edges[int(np.nanargmax(values[queue]))])
    return f"{what}: {queue}, {words(tops[queue])} at {moment(at)}"
