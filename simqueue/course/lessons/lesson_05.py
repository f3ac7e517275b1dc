"""Lesson 05 asks what the spread of service times does to a queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, near

Times = Sequence[float]


def split_wait(times_s: Times, rate: float, limit_s: float) -> float:
    """Mean wait of all jobs if those longer than ``limit_s`` have a slot of their own."""
    quick = [time for time in times_s if time <= limit_s]
    slow = [time for time in times_s if time > limit_s]
    wait = 0.0
    for part in (quick, slow):
        share = len(part) / len(times_s)
        mean = sum(part) / len(part)
        cv2 = sum((time - mean) ** 2 for time in part) / len(part) / mean**2
        busy = rate * share * mean
        wait += share * busy / (1 - busy) * (1 + cv2) / 2 * mean
    return wait


def _wait(part: Times, rate: float, cv2_of: Callable[[Times], float] | None = None) -> float:
    """The lesson's formula for a queue of its own."""
    busy = rate * sum(part) / len(part)
    return busy / (1 - busy) * (1 + (cv2_of or _cv2)(part)) / 2 * sum(part) / len(part)


def _cv2(part: Times) -> float:
    mean = sum(part) / len(part)
    return sum((time - mean) ** 2 for time in part) / len(part) / mean**2


def _parts(times_s: Times, limit_s: float) -> tuple[tuple[float, Times], ...]:
    """The share of the quick jobs and their times, and the same of the slow ones."""
    quick = [time for time in times_s if time <= limit_s]
    slow = [time for time in times_s if time > limit_s]
    return (len(quick) / len(times_s), quick), (len(slow) / len(times_s), slow)


def _one_queue(times_s: Times, rate: float, limit_s: float) -> float:  # noqa: ARG001
    return _wait(times_s, rate)


def _whole_rate(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(share * _wait(part, rate) for share, part in _parts(times_s, limit_s))


def _plain_mean(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(_wait(part, rate * share) for share, part in _parts(times_s, limit_s)) / 2


def _summed(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(_wait(part, rate * share) for share, part in _parts(times_s, limit_s))


def _by_time(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(
        sum(part) / sum(times_s) * _wait(part, rate * share)
        for share, part in _parts(times_s, limit_s)
    )


def _not_squared(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(
        share * _wait(part, rate * share, lambda part: _cv2(part) ** 0.5)
        for share, part in _parts(times_s, limit_s)
    )


def _spread_of_all(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(
        share * _wait(part, rate * share, lambda _: _cv2(times_s))
        for share, part in _parts(times_s, limit_s)
    )


def _of_a_sample(times_s: Times, rate: float, limit_s: float) -> float:
    return sum(
        share * _wait(part, rate * share, lambda part: _cv2(part) * len(part) / (len(part) - 1))
        for share, part in _parts(times_s, limit_s)
    )


def _quick_only(times_s: Times, rate: float, limit_s: float) -> float:
    (share, quick), _ = _parts(times_s, limit_s)
    return _wait(quick, rate * share)


def _limit_is_slow(times_s: Times, rate: float, limit_s: float) -> float:
    return split_wait(times_s, rate, limit_s * (1 - 1e-12))


PREDICTIONS = {
    "05.a": Prediction(what="mean wait with gateway B", unit="s"),
}

RECALL = {
    "05.1": Choice(
        of="03",
        asks="One slot, 90 % busy, jobs at random, exponential times of 2 s on average. How long "
        "is the mean wait?",
        right="18 s",
        why="0.9 / 0.1 are 9 service times of 2 s.",
        wrong={
            "20 s": "That is the response: wait and service.",
            "1.8 s": "That is ρ times the service time. Where is the idle share?",
        },
    ),
    "05.2": Choice(
        of="04",
        asks="Two slots with a line each are 80 % busy; jobs take 1 s and wait 4 s on average. "
        "Now both take from one line. How long is the wait?",
        right="1.8 s",
        why="Erlang's formula for two slots. No slot is idle any more while a job waits.",
        wrong={
            "4 s": "Before, a slot could be idle while a job waited at the other one.",
            "0.4 s": "That would be a tenth. Ten slots in one pool gain as much; two gain less.",
        },
    ),
    "05.3": Choice(
        of="04",
        asks="A job computes for 0.1 s. One worker has 10 slots. How many jobs a second can it "
        "do at most?",
        right="10",
        why="A worker has one event loop; its slots share it.",
        wrong={
            "100": (
                "So many, if each slot had a processor of its own. What do a worker's slots share?"
            ),
            "1": "That would be so if a job computed for a whole second.",
        },
    ),
}

EXERCISES = {
    "05.b": Exercise(
        right=Number(0.75, "s", within=0.02),
        answer="""
            0.75 s.

            The slot is busy `3 * 0.2`, or 0.6 of the time. cv is `0.4 / 0.2`, or 2, so cv² is 4.
            Then `0.6 / 0.4 * (1 + 4) / 2 * 0.2` is 0.75.
        """,
        hints=(
            Hint(
                near(0.45, 0.02),
                "You took cv itself. The formula has its square.",
            ),
            Hint(
                near(0.3, 0.02),
                "That would be the wait if the standard deviation were as large as the mean. Here "
                "it is twice as large.",
            ),
            Hint(
                near(0.15, 0.02),
                "That would be the wait if all emails took just as long. These do not.",
            ),
            Hint(
                near(0.174, 0.02),
                "You took the standard deviation for cv. Divide it by the mean first.",
            ),
            Hint(
                near(0.95, 0.02),
                "That is the response time: the wait, and the 0.2 s of the email itself. The "
                "question is about the wait.",
            ),
            Hint(
                near(1.5, 0.02),
                "Is there a 2 missing below (1 + cv²)?",
            ),
            Hint(
                near(0.5, 0.02),
                "That is the time left of an email that is found under way. How much of the time "
                "does one find the slot busy, and how many others are ahead?",
            ),
        ),
        otherwise="First find how busy the slot is, `3 * 0.2`, and cv, `0.4 / 0.2`. Then put them "
        "into the formula.",
    ),
    "05.c": Exercise(
        right=Number(72**0.5 - 8, "s", within=0.002),
        answer="""
            About 0.485 s: a fifth slower than B on average, and yet no worse.

            With no spread the wait of a gateway that takes `m` is `2 * m / (1 - 2 * m) / 2 * m`.
            For `m` = 0.485 that is 8 s: `formula(0, 0.485)`. You can try values, or solve
            `m * m = 8 * (1 - 2 * m)`.

            The slot is then busy 97 % of the time. B has that wait at 80 %.
        """,
        hints=(
            Hint(
                Between(0.4999, 1000),
                "Then the slot would be busy all the time, and the queue would grow without end: 2 "
                "payments a second leave no more than half a second for each.",
            ),
            Hint(
                near(0.4, 0.01),
                "That is gateway A: it waits 0.8 s. D may be slower.",
            ),
            Hint(
                Between(0.405, 0.483),
                "With that the wait is still shorter than 8 s: try it in `formula(0, ...)`. D may "
                "be slower.",
            ),
            Hint(
                Between(0.4875, 0.4999),
                "With that the wait is longer than 8 s: try it in `formula(0, ...)`.",
            ),
            Hint(
                Between(0, 0.396),
                "D is slower than 0.4 s. With no spread there is room for that.",
            ),
        ),
        otherwise="D has no spread: cv² is 0. Try times between 0.4 and 0.5 s in "
        "`formula(0, ...)`.",
    ),
    "05.d": Exercise(
        right=Letters("abd", among="abcde"),
        answer="""
            a, b and d.

            ρ is rate times mean, cv is standard deviation over mean. Nothing else is in the
            formula. The median and the 99th percentile look important on a dashboard, but two kinds
            of jobs may share both and have very different waits.
        """,
        hints=(
            Hint(
                Letters("ab", among="abcde"),
                "With those two you know how busy the slot is. Gateways A and B share them.",
            ),
            Hint(
                Letters("bd", among="abcde"),
                "With those two you know how uneven the jobs are. And how busy is the slot?",
            ),
            Hint(
                Letters("ad", among="abcde"),
                "To get cv from the standard deviation one more number is needed.",
            ),
            Hint(
                Letters("abe", among="abcde"),
                "A high percentile tells that there are slow jobs, but not how slow the slowest "
                "are. What does the formula use?",
            ),
            Hint(
                Letters("abde", among="abcde"),
                "One of those is not in the formula.",
            ),
            Hint(
                Letters("abcd", among="abcde"),
                "One of those is not in the formula. Gateway B's median is 0.12 s: did that help?",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "That would do, but fewer are enough: which are in the formula?",
            ),
        ),
        otherwise="Write down the formula. From which of the numbers can you work out ρ and cv?",
    ),
    "05.e": Exercise(
        right=Make(
            solution=split_wait,
            tries=(
                ([0.1, 0.1, 0.2, 0.1, 0.1, 1.5, 0.1, 0.3, 0.1, 2.0], 2.0, 0.3),
                ([0.1, 0.2, 0.2, 0.6, 0.8], 2.0, 0.5),
                ([0.05, 0.1, 0.1, 0.15, 3.0, 5.0, 0.1, 0.1, 0.2, 0.1], 1.0, 1.0),
            ),
            share=0.001,
        ),
        answer="""
            0.27 s for gateway B and a limit of 1 s. A second slot for all waits about 0.38 s by the
            rough rule: here a queue of their own for the slow ones is even better.

            Each queue gets its share of the jobs, and so of the rate; thinned out at random a
            Poisson process stays one. 93 % are quick, hardly differ from each other, and wait
            0.05 s. The slow ones pay: they wait 3.3 s for one another. The mean over all jobs
            weighs both waits by their shares.

            (`np.std` divides by the number of times, as it should for all there are; pandas and
            `statistics.stdev` divide by one less.)
        """,
        hints=(
            Hint(
                Like(_one_queue),
                "That is one queue for all. Jobs longer than `limit_s` have another one.",
            ),
            Hint(
                Like(_whole_rate),
                "Not all jobs come to each of the queues. Which share of the rate does each get?",
            ),
            Hint(
                Like(_plain_mean),
                "The mean is over jobs, and far more of them are quick: weigh the two waits.",
            ),
            Hint(
                Like(_summed),
                "A job waits in one of the queues, not in both. Weigh the two waits.",
            ),
            Hint(
                Like(_by_time),
                "You weigh by the time that jobs take. The mean is over jobs: weigh by how many.",
            ),
            Hint(
                Like(_not_squared),
                "You took cv itself. The formula has its square.",
            ),
            Hint(
                Like(_spread_of_all),
                "Each queue has a spread of its own: that is what splitting is for.",
            ),
            Hint(
                Like(_of_a_sample),
                "pandas and `statistics.stdev` divide by the number of times less one. These are "
                "all the times there are: divide by their number, as `np.std` does.",
            ),
            Hint(
                Like(_quick_only),
                "That is the wait of the quick jobs. The slow ones wait, too.",
            ),
            Hint(
                Like(_limit_is_slow),
                "A job of just `limit_s` is not longer than it: it is a quick one.",
            ),
        ),
        otherwise="Split the times in two. For each part: its share of the jobs, its mean, its "
        "cv², and the formula with its share of the rate. Then weigh the two waits by the shares.",
    ),
}
