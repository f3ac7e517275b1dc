"""Lesson 10 asks what dashboards do not say."""

from __future__ import annotations

from collections.abc import Sequence

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, near


def p95(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    """Put the buckets of several workers together, and take their p95."""
    counts: list[int] = [sum(each) for each in zip(*workers, strict=True)]
    rank = 0.95 * counts[-1]
    low, below = 0.0, 0
    for high, count in zip(bounds, counts, strict=True):
        if count >= rank:
            return low + (high - low) * (rank - below) / (count - below)
        low, below = high, count
    raise ValueError("the last bucket holds all")


def _mean_of_both(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    return sum(p95(bounds, [one]) for one in workers) / len(workers)


def _worst(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    return max(p95(bounds, [one]) for one in workers)


def _weighed(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    jobs = sum(one[-1] for one in workers)
    return sum(p95(bounds, [one]) * one[-1] for one in workers) / jobs


def _upper_end(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    counts = [sum(each) for each in zip(*workers, strict=True)]
    enough = (high for high, n in zip(bounds, counts, strict=True) if n >= 0.95 * counts[-1])
    return next(enough)


def _added_up_twice(bounds: Sequence[float], workers: Sequence[Sequence[int]]) -> float:
    again = [[sum(one[: n + 1]) for n in range(len(one))] for one in workers]
    return p95(bounds, again)


PREDICTIONS = {
    "10.a": Prediction(what="mean time of a completed job during the outage", unit="s"),
}

RECALL = {
    "10.1": Choice(
        of="09",
        asks="BullMQ's own settings: locks of 30 s, a look every 30 s. A worker is killed. How "
        "long can it take until its jobs are back in the queue?",
        right="90 s",
        why="Up to three looks' time: one that comes too soon, one that marks, one that takes "
        "back.",
        wrong={
            "30 s": "A look takes back only what an earlier one has marked.",
            "60 s": (
                "That is two looks. Each look can also be refused, if there was one shortly before."
            ),
        },
    ),
    "10.2": Choice(
        of="09",
        asks="A handler does no more than take one item from the shelf. It is run twice for one "
        "order. What then?",
        right="Two items are gone.",
        why="Nothing that it did says that this order has its item already.",
        wrong={
            "One item is gone: the queue knows the job.": (
                "The queue knows it, and promises *at least* once."
            ),
            "One item is gone: the database refuses the second time.": (
                "Each statement is in order by itself. What would it refuse?"
            ),
        },
    ),
    "10.3": Choice(
        of="05",
        asks="Constant service times instead of exponential ones; same mean, same load. How long "
        "is the wait?",
        right="Half as long.",
        why="(1 + cv²) / 2 is 1/2 without any spread.",
        wrong={
            "As long: the mean is the same.": (
                "The mean of the times is. What does the wait depend on, too?"
            ),
            "Nothing waits any more.": (
                "Jobs still come at random, and then some come close together."
            ),
        },
    ),
}

EXERCISES = {
    "10.b": Exercise(
        right=Number(100 / 3.1, "s", within=1),
        answer="""
            32 seconds: `100 / 3.1`.

            Little's law once more: 100 jobs are kept, 3.1 come and go each second, so each stays
            for `100 / 3.1` seconds. An order of some minutes ago has long been removed. Keep jobs
            by age as well as by number, or write an attempt log.
        """,
        hints=(
            Hint(
                near(50 / 3.1, 0.1),
                "50 is what is kept of the failed jobs. This one completed.",
            ),
            Hint(
                near(100 * 3.1, 0.1),
                "Jobs times jobs a second is no time. How long until 100 newer ones have come?",
            ),
            Hint(
                near(3.1 / 100, 0.1),
                "That is upside down: jobs a second over jobs. How long until 100 newer ones "
                "have come?",
            ),
            Hint(
                near(100, 0.01),
                "100 is a number of jobs. At 3.1 jobs a second, how long does it last?",
            ),
        ),
        otherwise="A job is removed when 100 newer ones have completed. How long does that take "
        "at 3.1 a second?",
    ),
    "10.c": Exercise(
        right=Number(0.706, "s", within=0.005),
        answer="""
            0.706 s: `0.7 * 1 + 0.3 * 0.02`.

            The mean fell by 29 % because something broke. A failure that is fast makes a mean over
            all attempts look better. Plot the share of attempts that fail beside it, and the time
            of those that completed on its own.
        """,
        hints=(
            Hint(
                near(1.0, 0.004),
                "That is the mean of those that complete. This metric measures every attempt, "
                "the failed ones too.",
            ),
            Hint(
                near(0.51, 0.02),
                "That gives both kinds the same weight. There are 70 of one and 30 of the other.",
            ),
            Hint(
                Between(0.695, 0.7),
                "Nearly. The refused attempts are short, but not of no length at all: 20 ms.",
            ),
            Hint(
                near(0.3 * 1 + 0.7 * 0.02, 0.02),
                "The weights are the wrong way round: 30 % are refused.",
            ),
            Hint(
                Between(1.005, 1.009),
                "Those that are refused do not take their second as well: only 70 % take it.",
            ),
            Hint(
                Between(1.01, 10),
                "More than 1 s? No attempt takes longer than that. The refused ones are shorter.",
            ),
        ),
        otherwise="Weigh the two times by how many attempts have them: 70 % take 1 s, 30 % take "
        "0.02 s.",
    ),
    "10.d": Exercise(
        right=Letters("ace", among="abcde"),
        answer="""
            a, c and e.

            Counts are added (a, c): the share within 60 s of both is the sum of one over the sum
            of the other. The oldest of all is the older of the two (e): a maximum of maxima is
            exact.

            A p95 cannot be put together (b): it says nothing about the other jobs. The mean of
            means (d) needs the number of jobs on each as weights. Prometheus therefore exports a
            sum and a count, and never a mean.
        """,
        hints=(
            Hint(
                Letters("acde", among="abcde"),
                "For means one thing is missing: one worker did 10 jobs, the other 10,000...",
            ),
            Hint(
                Letters("acd", among="abcde"),
                "Means need weights, and you have none. And look at e again: who is the oldest of "
                "both queues?",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "Counts, yes. One more can be put together, though not by adding: who is the "
                "oldest of both queues?",
            ),
            Hint(
                Letters("ae", among="abcde"),
                "Look at c again: those are two counts. What can one do with counts?",
            ),
            Hint(
                Letters("a", among="abcde"),
                "There is more: what is c made of, and who is the oldest of both queues?",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "Not all. Try it for b: one worker had 1 job of 100 s, the other 99 jobs of 1 s.",
            ),
            Hint(
                Letters("abce", among="abcde"),
                "Try it for b: one worker had 1 job of 100 s, the other 99 jobs of 1 s. What is "
                "the p95 of all 100, and what do the two p95s say?",
            ),
        ),
        otherwise="Make up two workers with very different numbers of jobs, and see for which "
        "letters the two numbers are enough.",
    ),
    "10.e": Exercise(
        right=Number(25, "s", within=0.5),
        answer="""
            25 s.

            Half of the customers come during a freeze. They wait between 100 s and nothing, 50 s on
            average. The other half wait nothing: `0.5 * 50 + 0.5 * 0` is 25 s.

            The probe sends 10,000 requests in the good 100 s, and then one that takes 100 s:
            `100 / 10_001` is 10 ms. It is wrong by a factor of 2,500, and its p99 says that nobody
            waits at all.
        """,
        hints=(
            Hint(
                near(50, 0.03),
                "That is the mean of those who come during a freeze. Half of the customers do not.",
            ),
            Hint(
                near(100, 0.03),
                "Only who comes as the freeze begins waits that long.",
            ),
            Hint(
                near(0.010, 0.05),
                "That is what the waiting probe says. It sends one request into the freeze, but "
                "how many customers come then?",
            ),
        ),
        otherwise="Which share of the customers comes during a freeze, and how long do those wait "
        "on average?",
    ),
    "10.f": Exercise(
        right=Make(
            solution=p95,
            tries=(
                ([1.0, 10.0, 60.0], [[90, 98, 100]]),
                ([1.0, 10.0, 60.0], [[90, 98, 100], [1, 2, 10]]),
                ([0.1, 0.5, 1.0, 5.0], [[10, 40, 90, 100], [900, 990, 995, 1000]]),
                ([0.1, 0.5, 1.0, 5.0], [[0, 0, 10, 50], [50, 100, 100, 100], [0, 80, 90, 90]]),
            ),
            share=0.001,
        ),
        answer="""
            Counts are added, bucket by bucket; the percentile comes last. It lies in the first
            bucket that reaches 95 % of all jobs, and between its ends by proportion.

            That is what `histogram_quantile(0.95, sum by (le) (rate(..._bucket[5m])))` does in
            Prometheus, too. It is no better than the buckets are narrow.
        """,
        hints=(
            Hint(
                Like(_mean_of_both),
                "That is the mean of the workers' percentiles. What may be added are counts.",
            ),
            Hint(
                Like(_worst),
                "That is the worst worker's percentile. If it did few jobs, it moves the whole by "
                "little.",
            ),
            Hint(
                Like(_weighed),
                "Weights make a mean of means right, but not one of percentiles. Add the buckets.",
            ),
            Hint(
                Like(_upper_end),
                "The right bucket, and its upper end. Where between its ends does the rank lie?",
            ),
            Hint(
                Like(_added_up_twice),
                "The counts of a histogram are cumulative already: `le` is *at most*. You added "
                "them up once more.",
            ),
        ),
        otherwise="Add the counts of each bucket over the workers. Which is the first bucket that "
        "holds 95 % of them, and how far into it do you have to go?",
    ),
}
