"""Lesson 02 asks how many jobs are in flight: Little's law, and what hung calls do."""

from __future__ import annotations

from collections.abc import Callable

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Number, Prediction, Whole, near
from simqueue.results import theory

Rule = Callable[[int, float], float]


def longest_deadline(slots: int, rate: float, healthy_s: float, hung: float, most: float) -> int:
    """The longest deadline in whole seconds that turns away at most the share ``most``."""
    deadline_s = 0
    while True:
        longer_s = deadline_s + 1
        mean_s = (1 - hung) * healthy_s + hung * longer_s
        if theory.erlang_b(slots, rate * mean_s) > most:
            return deadline_s
        deadline_s = longer_s


def _overflow(slots: int, busy: float) -> float:
    """What does not fit even if requests come like a clock."""
    return max(0.0, 1 - slots / busy)


def _longest(
    mean_s: Callable[[float, float, int], float], turned_away: Rule = theory.erlang_b, more: int = 0
) -> Callable[..., int]:
    """A `longest_deadline` that makes a mistake: in the mean, in the formula, or by one."""

    def mistaken(slots: int, rate: float, healthy_s: float, hung: float, most: float) -> int:
        deadline_s = 0
        while turned_away(slots, rate * mean_s(healthy_s, hung, deadline_s + 1)) <= most:
            deadline_s += 1
        return deadline_s + more

    return mistaken


def _mean_s(healthy_s: float, hung: float, deadline_s: int) -> float:
    return (1 - hung) * healthy_s + hung * deadline_s


_all_overflow = _longest(_mean_s, _overflow)
_none_over = _longest(_mean_s, lambda slots, busy: float(busy > slots))
_in_per_cent = _longest(_mean_s, lambda slots, busy: 100 * theory.erlang_b(slots, busy))
_one_too_long = _longest(_mean_s, more=1)
_hung_only = _longest(lambda healthy_s, hung, deadline_s: hung * deadline_s)  # noqa: ARG005
_healthy_twice = _longest(lambda healthy_s, hung, deadline_s: healthy_s + hung * deadline_s)
_plain_mean = _longest(lambda healthy_s, hung, deadline_s: (healthy_s + deadline_s) / 2)  # noqa: ARG005
_all_hang = _longest(lambda healthy_s, hung, deadline_s: deadline_s)  # noqa: ARG005

PREDICTIONS = {
    "02.play": Prediction(what="number of busy slots", unit="slots"),
    "02.a": Prediction(what="share of requests turned away", unit="%"),
}

RECALL = {
    "02.1": Choice(
        of="01",
        asks="A job has `attempts: 4` and fails each time. How many waits are there between its "
        "tries?",
        right="3",
        why="4 attempts have 3 waits between them.",
        wrong={
            "4": "What would the job wait for after its last try?",
            "5": "Attempts count the first try. Draw four tries on a line, and count the gaps.",
        },
    ),
    "02.2": Choice(
        of="01",
        asks="`attempts: 4`, exponential backoff from 1000 ms; tries fail at once. How long "
        "after the first try is the last?",
        right="7 s",
        why="The waits are 1, 2 and 4 s.",
        wrong={
            "15 s": "That is one wait too many: nothing follows the last try.",
            "4 s": "That is the last wait alone. The others come before it.",
        },
    ),
    "02.3": Choice(
        of="00",
        asks="Training mode: when does adding a job return?",
        right="When its handler has run.",
        why="So the customer waits for it, on the line.",
        wrong={
            "At once: the job waits in a queue.": "That is production mode.",
            "When a worker has taken it.": "Training mode has no workers. Who does the work?",
        },
    ),
}

EXERCISES = {
    "02.b": Exercise(
        right=Number(34, "s", within=0.5),
        answer="""
            34 seconds.

            The box is around the whole queue, slots included: `L = 90 + 12`. So `W = L / λ`, which
            is `102 / 3`. Of these 34 seconds a job waits `90 / 3`, or 30, and is served `12 / 3`,
            or 4.
        """,
        hints=(
            Hint(
                near(30, 0.01),
                "That is the wait: the box around the waiting line. The response time goes on "
                "until the job is done.",
            ),
            Hint(
                near(4, 0.01),
                "That is the service time: the box around the slots. A job waits before it.",
            ),
            Hint(
                near(26, 0.01),
                "Are the active jobs among the waiting ones? No: a job is in one place or the "
                "other.",
            ),
            Hint(
                near(306, 0.01),
                "You multiplied. L is λ times W, so W is L divided by λ.",
            ),
        ),
        otherwise="Which jobs are in the box between enqueued and done? Their number divided by "
        "the rate is the time.",
    ),
    "02.c": Exercise(
        right=Whole(14, "slots", least=True),
        answer="""
            14 slots, because 13.4 are busy on average.

            An attempt takes `0.9 * 1 + 0.1 * 30`, or 3.9 seconds on average. And there are more
            attempts than payments: one in ten is tried again, and one in ten of those once more.
            `3.1 * (1 + 0.1 + 0.01)` is 3.44 attempts a second, and `3.44 * 3.9` is 13.4.

            The shop's payment queue has 5. At its peak it would fall behind, though it had been
            fine with `3.1 * 1` busy slots.
        """,
        hints=(
            Hint(
                Between(3, 4),
                "Is that while nothing hangs, or the mean time of one attempt? What does a mean "
                "attempt take, and how many come in a second?",
            ),
            Hint(
                Between(9, 10.4),
                "Are those the slots that hung payments hold? The healthy ones need some, too.",
            ),
            Hint(
                Between(12, 13),
                "That is for one attempt a payment. Payments that have timed out are tried again: "
                "how many attempts a second come?",
            ),
            Hint(
                near(13.42, 0.01),
                "That many are busy on average. There are only whole slots.",
            ),
            Hint(
                near(93, 0.02),
                "That would be right if all payments hung. Only 10 % do.",
            ),
            Hint(
                Between(36, 37),
                "That would be so if every payment were tried three times. Only those are tried "
                "again that hung.",
            ),
            Hint(
                near(3.1 * 31 / 2, 0.04),
                "That is the plain mean of 1 s and 30 s. There are nine healthy attempts for each "
                "hung one.",
            ),
            Hint(
                Between(15, 25),
                "That many are enough, but fewer would do. How many are busy on average?",
            ),
        ),
        otherwise="Busy slots are the attempts a second, retries included, times their mean time, "
        "healthy and hung ones together.",
    ),
    "02.d": Exercise(
        right=Number(18.1, "s", within=0.1),
        answer="""
            18.1 seconds.

            A thousand requests a second find a slot each if the mean time is 1 second:
            `0.95 * 0.1 + 0.05 * d = 1`, so `d` is `0.905 / 0.05`.

            Right at that edge some are still turned away, because arrivals come in bursts:
            `erlang_b(1000, 1000)` is 2.5 %. One second less, and it is nearly nobody.
        """,
        hints=(
            Hint(
                near(20, 0.01),
                "That gives all 1,000 slots to hung requests. The healthy ones hold some, too: how "
                "many?",
            ),
            Hint(
                near(1, 0.01),
                "That is the mean time that 1,000 slots allow. The mean is made of 95 % at 0.1 s "
                "and 5 % at the deadline.",
            ),
            Hint(
                Between(9, 17.99),
                "That is safe, but a longer one would do, too. Solve for the deadline at which "
                "just 1,000 slots are wanted.",
            ),
            Hint(
                Between(18.21, 19.7),
                "A little too long: then more than 1,000 slots are wanted. Solve it exactly.",
            ),
        ),
        otherwise="Write the mean time with an unknown deadline. Times 1,000 a second, it must be "
        "1,000 slots.",
    ),
    "02.e": Exercise(
        right=Number(100 * (1 - 0.95 * 1_000 / 5_095), "%", within=0.5),
        answer="""
            81.4 %.

            19.6 % are admitted, and 95 % of those end well: `0.196 * 0.95` is 18.6 %. All others
            end in an error. The hung ones are only 1 % of all requests, `0.196 * 0.05`: most of
            those that would have hung were turned away, too.
        """,
        hints=(
            Hint(
                near(80.4, 0.002),
                "Those are the ones turned away. Some of the admitted hang, and end in an error as "
                "well.",
            ),
            Hint(
                near(85.4, 0.002),
                "You added 5 % of all requests. But only those that were admitted can hang.",
            ),
            Hint(
                near(18.6, 0.01),
                "That is the share that ends well.",
            ),
            Hint(
                Between(4.9, 5.1),
                "That would be so if nobody were turned away.",
            ),
        ),
        otherwise="A request ends well if it is admitted and does not hang. What share is that?",
    ),
    "02.f": Exercise(
        right=Make(
            solution=longest_deadline,
            tries=(
                (100, 100, 0.1, 0.05, 0.01),
                (1_000, 1_000, 0.1, 0.05, 0.01),
                (15, 3.1, 1.0, 0.1, 0.02),
                (10, 2.0, 0.4, 0.05, 0.1),
                (40, 4.0, 1.0, 0.2, 0.001),
            ),
        ),
        answer="""
            14 s for one of the ten servers, if 1 % may be turned away: `longest_deadline(100, 100,
            0.1, 0.05, 0.01)`. A single server with all 1,000 slots could allow itself 17 s: large
            pools are better at bursts (lesson 04). By the mean alone it would be 18 s for both.
        """,
        hints=(
            Hint(
                Like(_one_too_long),
                "One second too long: that is the first deadline that turns away too many.",
            ),
            Hint(
                Like(_none_over),
                "That is the deadline at which as many slots are wanted as there are. Arrivals "
                "come in bursts, and then some are turned away before that: ask Erlang's formula.",
            ),
            Hint(
                Like(_all_overflow),
                "That is what does not fit on average. Arrivals come in bursts: Erlang's formula "
                "turns away more.",
            ),
            Hint(
                Like(_in_per_cent),
                "`most` is a share, and so is what `theory.erlang_b` gives. Is one of them in per "
                "cent?",
            ),
            Hint(
                Like(_hung_only),
                "The healthy requests need slots, too: add them to the mean time.",
            ),
            Hint(
                Like(_healthy_twice),
                "Nearly. Not all requests take `healthy_s`: only the share `1 - hung` does.",
            ),
            Hint(
                Like(_plain_mean),
                "That is the plain mean of the two times. Each counts as often as it happens.",
            ),
            Hint(
                Like(_all_hang),
                "That would be right if every request hung. Only the share `hung` does.",
            ),
        ),
        otherwise="Try one second after the other. For each: the mean time, with the share `hung` "
        "at the deadline; `rate` times that, the slots that are wanted; then Erlang's formula.",
    ),
}
