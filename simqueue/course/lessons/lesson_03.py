"""Lesson 03 asks whether 80 % busy is safe: utilisation and wait, and arrivals that are lumpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Number, Prediction, near

Counts = NDArray[np.int64]
Times = Sequence[float]

#: 150 days like those of the lesson: by day, hour from 8:00, and minute, weekdays from Monday.
_RNG = np.random.default_rng(3)
_WEEKDAYS = np.arange(150) % 6
_RATES = (
    _RNG.gamma(3.0, 0.1, (150, 1, 1))
    * (1 + np.arange(12))[:, None]
    * (1 + _WEEKDAYS % 4)[:, None, None]
)
_COUNTS: Counts = _RNG.poisson(_RATES, (150, 12, 60))


def timetable_index(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:
    """Index of dispersion of one hour's orders, on one weekday only; ``counts`` begins at 8:00."""
    chosen = counts[weekdays == weekday, hour - 8].sum(axis=1)
    return float(chosen.var(ddof=1) / chosen.mean())


def _index(counts: Counts) -> float:
    return float(counts.var(ddof=1) / counts.mean())


def _all_weekdays(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:  # noqa: ARG001
    return _index(counts[:, hour - 8].sum(axis=1))


def _all_hours(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:  # noqa: ARG001
    return _index(counts[weekdays == weekday].sum(axis=2))


def _whole_days(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:  # noqa: ARG001
    return _index(counts[weekdays == weekday].sum(axis=(1, 2)))


def _hours_from_0(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:
    return _index(counts[weekdays == weekday, hour % counts.shape[1]].sum(axis=1))


def _minutes(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:
    return _index(counts[weekdays == weekday, hour - 8])


def _mean(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:
    return float(counts[weekdays == weekday, hour - 8].sum(axis=1).mean())


def _variance(counts: Counts, weekdays: Counts, weekday: int, hour: int) -> float:
    return float(counts[weekdays == weekday, hour - 8].sum(axis=1).var(ddof=1))


def pooled_waits(gaps_s: Times, services_s: Times, slots: int) -> list[float]:
    """Waits of jobs that stand in one line for ``slots`` slots."""
    free_at = [0.0] * slots
    now, waits = 0.0, []
    for gap_s, service_s in zip(gaps_s, services_s, strict=True):
        now += gap_s
        next_free = free_at.index(min(free_at))
        start = max(now, free_at[next_free])
        waits.append(start - now)
        free_at[next_free] = start + service_s
    return waits


def _waits(
    slot_of: Callable[[int, list[float]], int] = lambda _, free_at: free_at.index(min(free_at)),
    *,
    early: bool = False,
    moments: bool = False,
    served: bool = False,
) -> Callable[..., list[float]]:
    """A `pooled_waits` that makes a mistake: in the slot, the start, the clock, or the end."""

    def mistaken(gaps_s: Times, services_s: Times, slots: int) -> list[float]:
        free_at = [0.0] * slots
        now, waits = 0.0, []
        for number, (gap_s, service_s) in enumerate(zip(gaps_s, services_s, strict=True)):
            now = gap_s if moments else now + gap_s
            slot = slot_of(number, free_at)
            start = free_at[slot] if early else max(now, free_at[slot])
            waits.append(max(0.0, start - now) + (service_s if served else 0.0))
            free_at[slot] = start + service_s
        return waits

    return mistaken


_by_turns = _waits(lambda number, free_at: number % len(free_at))
_one_slot = _waits(lambda *_: 0)
_never_idle = _waits(early=True)
_gaps_as_moments = _waits(moments=True)
_responses = _waits(served=True)

_DRAWN = [(_RNG.exponential(1 / (0.8 * n), 40), _RNG.exponential(1.0, 40), n) for n in (1, 2, 3, 5)]

PREDICTIONS = {
    "03.a": Prediction(what="growth of the mean wait from 90 to 99 % busy", unit="times"),
}

RECALL = {
    "03.1": Choice(
        of="02",
        asks="20 jobs come a second, and 50 are in flight on average. How long does a job take, "
        "from its arrival to its end?",
        right="2.5 s",
        why="L = λ × W, so W = 50 / 20.",
        wrong={
            "0.4 s": (
                "That is upside down: more in flight at the same rate means longer, not shorter."
            ),
            "1,000 s": "Those are multiplied. L = λ × W: which of the three do you look for?",
        },
    ),
    "03.2": Choice(
        of="02",
        asks="8 jobs come a second, 0.5 s each, and there are 5 slots. How busy are the slots?",
        right="80 %",
        why="8 × 0.5 are 4 busy slots, of 5.",
        wrong={
            "40 %": "How many slots are busy on average? And how many are there?",
            "63 %": "That is slots over jobs a second. Where is the 0.5 s?",
        },
    ),
    "03.3": Choice(
        of="01",
        asks="A Celery task has `max_retries=3`. Which `attempts` of BullMQ are the same?",
        right="4",
        why="Celery counts retries, BullMQ counts the first try, too.",
        wrong={
            "3": "Celery's 3 leave out the first try.",
            "2": "That goes the wrong way: attempts are more than retries.",
        },
    ),
}

EXERCISES = {
    "03.b": Exercise(
        right=Number(800 / 9, "%", within=0.5),
        answer="""
            88.9 %, or 8/9.

            Twice the wait is 8 service times: `rho / (1 - rho) = 8`, so `rho = 8 / 9`. The idle
            share shrinks from 20 to 11 %, to little more than half. 11 % more traffic doubles
            the wait.
        """,
        hints=(
            Hint(
                near(160, 0.01),
                "No slot is busier than 100 %. Double the wait, not the load.",
            ),
            Hint(
                near(90, 0.003),
                "Nearly: half the idle share. But 90 % gives 9 service times. Solve it exactly.",
            ),
            Hint(
                near(80, 0.001),
                "That is where you start: 4 service times.",
            ),
            Hint(
                Between(81, 88),
                "Put it into rho / (1 - rho): does it give 8?",
            ),
        ),
        otherwise="The mean wait is rho / (1 - rho) service times. Set that to 8.",
    ),
    "03.c": Exercise(
        right=Number(500, "s", share=0.01),
        answer="""
            500 seconds, or 8.3 minutes.

            30 orders an hour of 100 s each are 3,000 s of work in 3,600 s: the packer is 83.3 %
            busy. `(5/6) / (1/6)` is 5 service times, and a service time is 100 s.
        """,
        hints=(
            Hint(
                near(600, 0.01),
                "That is the response time: wait and packing. The wait ends when packing starts.",
            ),
            Hint(
                near(5, 0.01),
                "That is the number of service times. How long is one?",
            ),
            Hint(
                near(250, 0.01),
                "That would be so if each order took exactly 100 s.",
            ),
            Hint(
                near(83.3, 0.01),
                "That is rho times the service time. The formula divides by the idle share, too.",
            ),
            Hint(
                near(400, 0.01),
                "That is for 80 %. How many seconds of work come in an hour?",
            ),
        ),
        otherwise="Seconds of work that come in an hour, divided by 3,600, are rho. Then use the "
        "formula.",
    ),
    "03.d": Exercise(
        right=Make(
            solution=timetable_index,
            tries=(
                (_COUNTS, _WEEKDAYS, 3, 12),
                (_COUNTS, _WEEKDAYS, 0, 8),
                (_COUNTS[:60], _WEEKDAYS[:60], 5, 15),
            ),
            share=0.02,
        ),
        answer="""
            `timetable_index(counts, dates.day_of_week, 3, 12)` is 1.76 for Thursdays at noon:
            better than 3.4 for all hours, and still not 1. A timetable of weekday and hour
            explains much of the lumps. What remains is the season, and days that are busy for
            reasons of their own.
        """,
        hints=(
            Hint(
                Like(_all_weekdays),
                "That is this hour on all weekdays. Pick the days of one weekday first.",
            ),
            Hint(
                Like(_all_hours),
                "That is all hours of that weekday. Pick one of them.",
            ),
            Hint(
                Like(_whole_days),
                "That is of whole days. Pick the hour before you add up its minutes.",
            ),
            Hint(
                Like(_hours_from_0),
                "Is that another hour? `counts` begins at 8:00, so noon is number 4.",
            ),
            Hint(
                Like(_minutes),
                "Are those single minutes? Add up the 60 minutes of each hour first.",
            ),
            Hint(
                Like(_mean),
                "That is the mean. The index is the variance divided by it.",
            ),
            Hint(
                Like(_variance),
                "That is the variance. Divide it by the mean.",
            ),
        ),
        otherwise="`counts` has three axes: day, hour from 8:00, minute. Pick the days of the "
        "weekday and the hour, add up the minutes, and take the index of the counts that remain.",
    ),
    "03.e": Exercise(
        right=Number(4, "s", within=0.1),
        answer="""
            4 seconds.

            20 % of 24 hours are 4.8 hours of work. They fell into 6 hours, in which the slot was
            `4.8 / 6`, or 80 % busy. `0.8 / 0.2` is 4 service times of 1 s. Nobody came in the idle
            18 hours, so nobody enjoyed them.
        """,
        hints=(
            Hint(
                near(0.25, 0.01),
                "That takes the 20 % at its word. How busy was the slot while jobs came?",
            ),
            Hint(
                near(5, 0.01),
                "That is the response time. The wait ends when service starts.",
            ),
            Hint(
                near(0.8, 0.01),
                "That is how busy the slot was. What does the formula make of it?",
            ),
            Hint(
                near(1, 0.01),
                "The idle hours do not shorten anybody's wait: no job was there. Average over "
                "jobs, not over hours.",
            ),
        ),
        otherwise="How many hours of work were done, and in how many hours did they come?",
    ),
    "03.f": Exercise(
        right=Make(
            solution=pooled_waits,
            tries=(
                ([1.0, 1.0, 1.0, 5.0], [2.0, 2.0, 2.0, 2.0], 1),
                ([1.0, 1.0, 1.0, 1.0], [9.0, 1.0, 3.0, 3.0], 2),
                *((gaps_s.round(3), services_s.round(3), n) for gaps_s, services_s, n in _DRAWN),
            ),
        ),
        answer="""
            The next job gets the slot that is free first. It starts when it has come *and* that
            slot is free, whichever is later.

            Give it the lesson's days: `pooled_waits(gaps / 3, services, 3)` is a pool of three at
            80 %, and its mean wait is about 1.1 s instead of 4.
        """,
        hints=(
            Hint(
                Like(_by_turns),
                "Those are several lines: jobs take the slots by turns, and one may wait while "
                "another slot is idle. Which slot is free first?",
            ),
            Hint(
                Like(_one_slot),
                "All jobs went to one slot, such as the last to be free. Which is free first?",
            ),
            Hint(
                Like(_never_idle),
                "No job starts before it has come: an idle slot cannot work ahead.",
            ),
            Hint(
                Like(_gaps_as_moments),
                "Gaps are no moments: a job comes so long after the one before it. Add them up.",
            ),
            Hint(
                Like(_responses),
                "Those are response times. The wait ends when the work starts.",
            ),
        ),
        otherwise="Keep a list of when each slot will be free. For each job: when does it come, "
        "which slot is free first, when can it start, and when is that slot free again?",
    ),
}
