"""Lesson 11 asks how sure a simulation is, and how many workers Friday needs."""

from __future__ import annotations

import math
from statistics import fmean, stdev

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, Whole

Runs = list[list[tuple[float, float]]]


def honest(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    """The mean over replications, and the half-width of its interval."""
    means = []
    for run in runs:
        waits = [wait_s for added_s, wait_s in run if added_s >= warmup_s]
        means.append(sum(waits) / len(waits))
    return fmean(means), factor * stdev(means) / math.sqrt(len(means))


def _single_waits(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    each = [[pair] for run in runs for pair in run if pair[0] >= warmup_s]
    return honest(each, warmup_s, factor)


def _cold(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:  # noqa: ARG001
    return honest(runs, -math.inf, factor)


def _of_the_warmup(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    turned = [[(-added_s, wait_s) for added_s, wait_s in run] for run in runs]
    return honest(turned, -warmup_s, factor)


def _wide(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    mean, half = honest(runs, warmup_s, factor)
    return mean, half * math.sqrt(len(runs))


def _of_a_bell(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:  # noqa: ARG001
    return honest(runs, warmup_s, 1.96)


def _of_all_there_are(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    mean, half = honest(runs, warmup_s, factor)
    return mean, half * math.sqrt((len(runs) - 1) / len(runs))


def _ends(runs: Runs, warmup_s: float, factor: float) -> tuple[float, float]:
    mean, half = honest(runs, warmup_s, factor)
    return mean - half, mean + half


def _tries() -> tuple[tuple[Runs, float, float], ...]:
    small = [[(0.0, 0.0), (5.0, 1.0), (9.0, 3.0)], [(1.0, 0.0), (6.0, 4.0)]]
    crowd = [[(10.0 * n, float((n * day) % 7)) for n in range(12)] for day in (1, 2, 3, 5)]
    return (
        (small, 5.0, 12.71),
        (crowd, 30.0, 3.18),
        (crowd[:3], 0.0, 4.3),
        ([*crowd, *small], 5.0, 2.57),
    )


PREDICTIONS = {
    "11.a": Prediction(what="number of workers that Friday needs", unit="workers"),
}

RECALL = {
    "11.1": Choice(
        of="10",
        asks="Worker A did 900 jobs in 1 s on average, worker B 100 jobs in 11 s. What is the "
        "mean of all?",
        right="2 s",
        why="Add up the seconds and the jobs: 2,000 s for 1,000 jobs.",
        wrong={
            "6 s": "Means cannot be averaged: A has done far more jobs.",
            "12 s": "Nor can they be added.",
        },
    ),
    "11.2": Choice(
        of="02",
        asks="The busiest quarter-hour brings 1,800 orders, and each keeps a slot busy for 2 s. "
        "How many slots are busy then?",
        right="4",
        why="1,800 / 900 s are 2 a second, and each takes 2 s.",
        wrong={
            "2": "Those are the orders a second.",
            "1": "How many seconds has a quarter of an hour?",
        },
    ),
    "11.3": Choice(
        of="03",
        asks="One slot, 80 % busy, jobs at random, exponential times of 1 s on average. How long "
        "is the mean response?",
        right="5 s",
        why="4 s of waiting and 1 s of service.",
        wrong={
            "4 s": "That is the wait. The response ends when the work does.",
            "1.8 s": "The wait is longer than ρ: divide by the idle share.",
        },
    ),
}

EXERCISES = {
    "11.b": Exercise(
        right=Number(80, "days", within=12),
        answer="""
            About 70 to 90.

            The half-width shrinks with the square root of the number of days. A third of it takes
            nine times the days: `10 * (0.6 / 0.2) ** 2` is 90. With more days Student's t is
            smaller, too (2.26 for ten days, 1.99 for seventy): so about 70 are enough.

            Or compare on common random numbers, if it is a difference that you want.
        """,
        hints=(
            Hint(
                Between(28, 32),
                "Three times the days do not make the interval three times as narrow: it shrinks "
                "with their square root.",
            ),
            Hint(
                Between(60, 67),
                "Nearly: is it 10 times 3 squared, perhaps a little less because of Student's t?",
            ),
            Hint(
                Between(8.5, 9.5),
                "That is how many times the days. Ten days gave 0.6 s: how many is that in all?",
            ),
            Hint(
                Between(16, 18),
                "That is the square root of three, times ten. It goes the other way: the width is "
                "divided by the root of the number of days.",
            ),
            Hint(
                Between(0, 10),
                "Fewer days make the interval wider.",
            ),
        ),
        otherwise="The half-width goes with one over the square root of the number of days. It "
        "is to become a third: what happens to the number of days?",
    ),
    "11.c": Exercise(
        right=Whole(29, "days", also=(30,)),
        answer="""
            29 (30 by the rule of three).

            If 1 day in 10 were bad, n good days in a row would have probability `0.9 ** n`. For
            29 days that is 4.7 %, the first below 5 %. So after 29 good days either at most 1 day
            in 10 is bad, or something happened that happens less than once in twenty.

            The rule of three: after n days without a bad one, the share of bad days is below
            `3 / n`, with 95 % confidence. Our twenty Fridays allow for 3 bad days in twenty!
        """,
        hints=(
            Hint(
                Between(9, 11),
                "If 1 day in 10 is bad, ten good days in a row still happen with probability "
                "`0.9 ** 10`, 35 %. That is no rare thing.",
            ),
            Hint(
                Between(19, 21),
                "20 is one over 5 %. But what is the chance of 20 good days, if 1 in 10 is bad?",
            ),
            Hint(
                Between(28, 28.5),
                "Nearly: the chance of so many good days in a row is still a little above 5 %, if "
                "1 day in 10 is bad.",
            ),
            Hint(
                Between(94, 96),
                "95 is the confidence. How long until a row of good days is rarer than 5 %?",
            ),
            Hint(
                Between(43, 45),
                "That is 99 % confidence. 95 % needs fewer days.",
            ),
        ),
        otherwise="Suppose that 1 day in 10 is bad. What is the chance of n good days in a row, "
        "and for which n is it below 5 %?",
    ),
    "11.d": Exercise(
        right=Whole(10, "workers", least=True),
        answer="""
            10 workers.

            The peak brings `8 * 400 / 900`, or 3.6 orders a second. Times 2 s that is 7.1 busy
            slots, 7.3 if you count the 2 % that are repeated. `7.1 + 7.1 ** 0.5` is 9.8, and
            `7.3 + 7.3 ** 0.5` is 10.
        """,
        hints=(
            Hint(
                Between(7, 8),
                "That is how many slots are busy at the peak. With no more than that, the queue "
                "has nothing to spare: add the square root.",
            ),
            Hint(
                Between(9, 9.1),
                "Nine is for this year's peak, 7 orders in a quarter-hour.",
            ),
            Hint(
                Between(9.7, 9.99),
                "That is the rule. There are only whole workers.",
            ),
            Hint(
                Between(5.4, 6),
                "Orders a second, plus their root? Multiply by the seconds of a job first: it is "
                "busy slots that count.",
            ),
            Hint(
                Between(3.5, 4),
                "That is how many orders come in a second. Each keeps a slot busy for 2 s.",
            ),
            Hint(
                Between(2.6, 3),
                "That is the root alone. It comes on top of the busy slots.",
            ),
            Hint(
                Between(14, 15),
                "Twice the busy slots is safe, and dear. The rule adds their square root.",
            ),
        ),
        otherwise="First the busy slots: orders a second at the peak, times seconds of a job. "
        "Then add the square root of that, and round up.",
    ),
    "11.e": Exercise(
        right=Letters("bc", among="abcde"),
        answer="""
            b and c.

            Means of separate runs are independent (b). Long pieces of one run are nearly so, if
            each is far longer than a crowd lasts (c): the method of batch means.

            Neighbouring waits are alike, in one run (a) and in ten (e). And ten runs with the same
            seed are one run (d): all means are equal, and the interval has no width at all.
        """,
        hints=(
            Hint(
                Letters("b", among="abcde"),
                "One more can be honest. When are the pieces of a run nearly independent?",
            ),
            Hint(
                Letters("be", among="abcde"),
                "Ten runs are good, but e takes all single waits as independent. Are they, inside "
                "one run?",
            ),
            Hint(
                Letters("bce", among="abcde"),
                "e takes all single waits as independent. Are they, inside one run?",
            ),
            Hint(
                Letters("bcd", among="abcde"),
                "What do ten runs with the same seed have in common?",
            ),
            Hint(
                Letters("bd", among="abcde"),
                "What do ten runs with the same seed have in common?",
            ),
            Hint(
                Letters("a", among="abcde"),
                "That is the classic mistake: about a quarter of such intervals held the truth.",
            ),
            Hint(
                Letters("c", among="abcde"),
                "Right, if the pieces are long. One more is honest, and needs no such condition.",
            ),
        ),
        otherwise="For each letter: are the numbers that the interval is made of independent of "
        "each other?",
    ),
    "11.f": Exercise(
        right=Make(solution=honest, tries=_tries(), share=0.001),
        answer="""
            A mean for each run, without its warm-up. The interval is made from those few means, as
            if there were nothing else: `statistics.stdev` of them, divided by the root of their
            number, times Student's factor.
        """,
        hints=(
            Hint(
                Like(_single_waits),
                "That is the classic mistake: single waits, as if they were independent. Take one "
                "mean for each run.",
            ),
            Hint(
                Like(_cold),
                "The warm-up is still in it. Leave out what was added before `warmup_s`.",
            ),
            Hint(
                Like(_of_the_warmup),
                "You kept the warm-up, and left out the rest.",
            ),
            Hint(
                Like(_wide),
                "So far one mean lies from the next. The mean of n of them is surer: divide by the "
                "root of n.",
            ),
            Hint(
                Like(_of_a_bell),
                "1.96 is for very many runs. So few need Student's `factor`.",
            ),
            Hint(
                Like(_of_all_there_are),
                "Almost. The runs are a sample of all possible ones: divide by n - 1 "
                "(`statistics.stdev`; in numpy `ddof=1`).",
            ),
            Hint(
                Like(_ends),
                "Those are the two ends. I want the mean and the half-width.",
            ),
        ),
        otherwise="First one mean for each run, of the waits of jobs added at `warmup_s` or later. "
        "Then the mean of those means, and `factor` times their standard deviation over the root "
        "of their number.",
    ),
}
