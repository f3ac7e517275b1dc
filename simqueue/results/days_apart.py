"""Days that are not alike: where more comes in for a while than can be done, each is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simqueue.results.wording import count, duration

#: Days whose times are farther apart than this factor are not alike.
_APART = 1.5


def are_apart(times_s: Sequence[float]) -> bool:
    """Whether days are not alike.

    Parameters
    ----------
    times_s
        Of each day one time, such as the p95 of its responses, seconds.
    """
    return len(times_s) > 1 and max(times_s) > _APART * min(times_s)


def apart_words(queue: str, what: str, times_s: Sequence[float]) -> str:
    """What is said of a queue that is short for a while, and whose days are not alike.

    Parameters
    ----------
    queue
        Which.
    what
        What was measured of each day, in words.
    times_s
        What each day gave, seconds.

    Examples
    --------
    >>> said = apart_words("email", "the p95 of the waits", [20.0, 300.0, 75.0])
    >>> said.partition("the p95")[2]
    ' of the waits was between 20 s and 5 min on 3 days'
    """
    return (
        f"{queue}: more comes in for a while than its slots can do, and what waits then differs "
        f"from day to day: {what} was between {duration(min(times_s))} and "
        f"{duration(max(times_s))} on {count(len(times_s), 'day')}"
    )


def apart_warnings(p95s: Mapping[str, Sequence[float]]) -> list[str]:
    """What a run says of queues that are short for a while, where its days are not alike.

    Parameters
    ----------
    p95s
        Of each such queue the p95 of the responses of each day that had some, seconds.
    """
    return [
        f"{apart_words(queue, 'the p95 of the responses', times_s)}; the interval of the p95 is of "
        "all such days together, not of one"
        for queue, times_s in p95s.items()
        if are_apart(times_s)
    ]
