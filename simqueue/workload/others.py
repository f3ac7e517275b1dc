"""Jobs beside a stream's own arrivals: sent at a moment, or because the rate is another now.

What comes at both rates is the same: a higher one is the stream's own arrivals and a Poisson
process beside them that follows their ups and downs; at a lower one each of its own stays away by
a draw of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simqueue.workload.arrivals import ArrivalStream, Follows
from simqueue.workload.duration import Floats
from simqueue.workload.streams import Arrivals, Open, Source, Stream, Varied

Numbers = NDArray[np.int64]


class Others(NamedTuple):
    """A stream's arrivals with the others.

    Attributes
    ----------
    arrivals
        Those of its own, of which some may stay away (they come at infinity), and then the others:
        of their numbers the even ones, from 0, are of jobs that were sent, the odd ones of those
        of a higher rate. So neither sort disturbs what the other brings.
    own
        How many are its own.
    sent
        Numbers and moments of the jobs that were sent, by queue: its own, and those that follow it.
    """

    arrivals: Arrivals
    own: int
    sent: dict[str, tuple[Numbers, Floats]]


def with_others(
    streams: Mapping[str, ArrivalStream], queue: str, own: Arrivals, source: Source, end_s: float
) -> Others:
    """A stream's arrivals with the others; ``source`` is the stream's own."""
    stream, planned = streams[queue], len(own.times_s)
    sent = _sent(streams, queue, planned)
    factor = stream.factor if isinstance(stream, Varied) else []
    if not (factor or any(len(numbers) for numbers, _ in sent.values())):
        return Others(own, planned, sent)
    times = own.times_s.copy()
    if factor:
        assert isinstance(stream, Varied)
        times[source("stays").random(planned) >= stream.factor_at(times)] = np.inf
        stream = stream.model_copy(update={"factor": [], "sent": []})
    more, given = [], 0
    for number, (start, times_as_many) in enumerate(factor, 1):
        moments = further(stream, source, number, start, times_as_many, end_s)
        stop = factor[number][0] if number < len(factor) else np.inf
        numbers = planned + 1 + 2 * (given + np.arange(len(moments)))
        more.append((numbers, np.where(moments < stop, moments, np.inf)))
        given += len(moments)
    found = [*sent.values(), *more]
    size = max([planned, *(int(numbers[-1]) + 1 for numbers, _ in found if len(numbers))])
    times = np.append(times, np.full(size - planned, np.inf))
    for numbers, moments in [sent[queue], *more]:
        times[numbers] = moments
    keys, kinds = own.keys, own.classes
    extra = range(size - planned)
    return Others(
        Arrivals(
            times,
            None if keys is None else [*keys, *(f"more-{number + 1}" for number in extra)],
            classes=None if kinds is None else [*kinds, *("" for _ in extra)],
        ),
        planned,
        sent,
    )


def further(
    stream: Stream, source: Source, number: int, start_s: float, factor: float, end_s: float
) -> Floats:
    """Moments of those who come beside a stream's if there are ``factor`` times as many.

    Parameters
    ----------
    stream, source
        The stream, whose own factors count, and its generators.
    number
        Counts the changes of its rate, from 1: each has draws of its own.
    start_s, end_s
        From when on, and when arrivals stop, seconds.
    factor
        At 1 or less nobody comes beside.
    """
    if factor <= 1:
        return np.empty(0)
    knots = np.unique(np.clip([start_s, *stream.changes_s(end_s), end_s], start_s, end_s))
    expected = stream.coming(knots, end_s) - stream.coming(knots[:1], end_s)
    expected = (factor - 1) * expected
    draws = source(f"more-{number}")
    count = int(draws.poisson(max(0.0, float(expected[-1]))))
    moments: Floats = np.interp(np.sort(draws.random(count)) * expected[-1], expected, knots)
    return moments


def _sent(
    streams: Mapping[str, ArrivalStream], queue: str, planned: int
) -> dict[str, tuple[Numbers, Floats]]:
    """Numbers are given in the order of time, over the queue and those that follow it."""
    family = [
        name
        for name, one in streams.items()
        if name == queue or (isinstance(one, Follows) and one.follows == queue)
    ]
    sends = sorted(
        (
            (at_s, place, jobs)
            for place, name in enumerate(family)
            if isinstance(one := streams[name], Open)
            for at_s, jobs in one.sent
        ),
        key=lambda send: send[:2],
    )
    of: list[list[int]] = [[] for _ in family]
    moments: list[list[float]] = [[] for _ in family]
    given = 0
    for at_s, place, jobs in sends:
        of[place] += range(planned + 2 * given, planned + 2 * (given + jobs), 2)
        moments[place] += [at_s] * jobs
        given += jobs
    return {
        name: (np.array(of[place], dtype=np.int64), np.array(moments[place], dtype=float))
        for place, name in enumerate(family)
    }
