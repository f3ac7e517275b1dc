"""Lesson 02 asks how many jobs are in flight: Little's law, and what hung calls do."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Prediction, near

PREDICTIONS = {
    "02.a": Prediction(what="share of requests turned away", unit="%"),
}

EXERCISES = {
    "02.b": Exercise(
        right=near(34, 0.02, time=True),
        answer="""
            34 seconds.

            The box is around the whole queue, slots included: `L = 90 + 12`. So `W = L / λ`, which
            is `102 / 3`. Of these 34 seconds a job waits `90 / 3`, or 30, and is served `12 / 3`,
            or 4.
        """,
        hints=(
            Hint(
                near(30, 0.01, time=True),
                "That is the wait: the box around the waiting line. The response time goes on "
                "until the job is done.",
            ),
            Hint(
                near(4, 0.01, time=True),
                "That is the service time: the box around the slots. A job waits before it.",
            ),
            Hint(
                near(26, 0.01, time=True),
                "Are the active jobs among the waiting ones? No: a job is in one place or the "
                "other.",
            ),
            Hint(
                near(306, 0.01, time=True),
                "You multiplied. L is λ times W, so W is L divided by λ.",
            ),
        ),
        otherwise="Which jobs are in the box between enqueued and done? Their number divided by "
        "the rate is the time.",
    ),
    "02.c": Exercise(
        right=Between(7.5, 8),
        answer="""
            8 slots, because 7.6 are busy on average.

            A payment takes `0.95 * 1 + 0.05 * 30`, or 2.45 seconds on average. `3.1 * 2.45` is
            7.6. The shop's payment queue has 5. At its peak it would fall behind, though it had
            been fine with `3.1 * 1` busy slots.
        """,
        hints=(
            Hint(
                Between(3, 4),
                "That is enough while nothing hangs. What does the mean payment take when 5 % "
                "take 30 seconds?",
            ),
            Hint(
                near(2.45, 0.02),
                "That is the mean time of one payment, in seconds. How many come in a second?",
            ),
            Hint(
                Between(4.6, 5),
                "Are those the slots that hung payments hold? The healthy ones need some, too.",
            ),
            Hint(
                near(93, 0.02),
                "That would be right if all payments hung. Only 5 % do.",
            ),
            Hint(
                near(3.1 * 31 / 2, 0.02),
                "That is the plain mean of 1 s and 30 s. There are 19 healthy payments for each "
                "hung one.",
            ),
            Hint(
                Between(7, 7.4),
                "Nearly, but a little more than 7.5 are busy on average: that many do not suffice.",
            ),
            Hint(
                Between(9, 20),
                "That many are enough, but fewer would do. How many are busy on average?",
            ),
        ),
        otherwise="Busy slots are the payments a second times their mean time, healthy and hung "
        "ones together.",
    ),
    "02.d": Exercise(
        right=Between(17.5, 18.3, time=True),
        answer="""
            18.1 seconds.

            A thousand requests a second find a slot each if the mean time is 1 second:
            `0.95 * 0.1 + 0.05 * d = 1`, so `d` is `0.905 / 0.05`.

            Right at that edge some are still turned away, because arrivals come in bursts:
            `erlang_b(1000, 1000)` is 2.5 %. One second less, and it is nearly nobody.
        """,
        hints=(
            Hint(
                near(20, 0.01, time=True),
                "That gives all 1,000 slots to hung requests. The healthy ones hold some, too: how "
                "many?",
            ),
            Hint(
                near(1, 0.01, time=True),
                "That is the mean time that 1,000 slots allow. The mean is made of 95 % at 0.1 s "
                "and 5 % at the deadline.",
            ),
            Hint(
                Between(9, 17.5, time=True),
                "That is safe, but a longer one would do, too. Solve for the deadline at which "
                "just 1,000 slots are wanted.",
            ),
        ),
        otherwise="Write the mean time with an unknown deadline. Times 1,000 a second, it must be "
        "1,000 slots.",
    ),
    "02.e": Exercise(
        right=Between(81.1, 81.7),
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
                near(0.814, 0.005),
                "In per cent, please: 100 times that.",
            ),
            Hint(
                Between(4.9, 5.1),
                "That would be so if nobody were turned away.",
            ),
        ),
        otherwise="A request ends well if it is admitted and does not hang. What share is that?",
    ),
}
