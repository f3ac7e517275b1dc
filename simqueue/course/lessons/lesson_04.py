"""Lesson 04 asks whether ten small workers are as good as a large one."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction

PREDICTIONS = {
    "04.a": Prediction(what="mean response time with 10 slots", time=True),
}

EXERCISES = {
    "04.b": Exercise(
        right=Between(83.5, 84.5),
        answer="""
            84 slots.

            The load is `40 * 2`, or 80 busy slots. `mean_wait(83, 80, 2)` is 0.43 s and
            `mean_wait(84, 80, 2)` is 0.28 s.

            Ten slots had 2 to spare for a load of 8. With ten times the load 4 spare slots do as
            well, not 20. The slots are now 95 % busy, and yet nobody waits longer: a large pool may
            be busier than a small one.
        """,
        hints=(
            Hint(
                Between(99, 101),
                "Ten times the slots would make the wait two hundred times shorter: try "
                "`mean_wait(100, 80, 2)`. How few are enough?",
            ),
            Hint(
                Between(0, 80.5),
                "80 slots would be busy all the time, and the queue would grow without end. You "
                "need more.",
            ),
            Hint(
                Between(81, 83.5),
                "Enough to keep up, but the wait is longer than today's. The load for "
                "`mean_wait` is 80, the mean 2 s.",
            ),
            Hint(
                Between(84.6, 120),
                "That is enough, but not the smallest number. Let a loop try them all, from 81 on.",
            ),
        ),
        otherwise="The load is the rate times the mean: how many slots are busy? Then try "
        "`mean_wait(c, load, 2)` for larger and larger `c`.",
    ),
    "04.c": Exercise(
        right=Between(19, 21),
        answer="""
            20 slots.

            The event loop computes 20 ms for each job, so it lets at most `1 / 0.020`, or 50 jobs
            a second through. One slot does a job in 400 ms: 2.5 a second. `50 / 2.5` is 20 slots.

            In short: (cpu + io) / cpu, here `400 / 20`. If you counted 19 jobs that wait and one
            that computes, you found the same.
        """,
        hints=(
            Hint(
                Between(50, 50),
                "50 is how many jobs a second the event loop lets through. How many slots does "
                "that take, if each does a job in 400 ms?",
            ),
            Hint(
                Between(2.4, 2.6),
                "That is how many jobs a second one slot does. How many do all slots together do "
                "at most?",
            ),
            Hint(
                Between(1, 2),
                "More slots do help here: while one job waits for the mail server, others can "
                "compute. Until when?",
            ),
            Hint(
                Between(10, 10),
                "Add up the cpu time of 10 jobs: is the event loop busy all of the 400 ms?",
            ),
            Hint(
                Between(0.04, 0.06),
                "That is the share of a job that is cpu. How many jobs fill the event loop?",
            ),
        ),
        otherwise="While one job goes through its 400 ms, how many others can each compute for "
        "20 ms?",
    ),
    "04.d": Exercise(
        right=Letters("ace", among="abcde"),
        answer="""
            a, c and e.

            Those three wait for somebody else, and while they wait the event loop is free.
            Shrinking a photo (b) and adding up numbers (d) hold it: for those, start more workers.
        """,
        hints=(
            Hint(
                Letters("bd", among="abcde"),
                "Those are the two that hold the event loop. The question is the other way round.",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "There is one more. Who does the work while you wait for a report?",
            ),
            Hint(
                Letters("ae", among="abcde"),
                "There is one more. What does your worker compute while the card network thinks?",
            ),
            Hint(
                Letters("ce", among="abcde"),
                "There is one more. Most of an email's time is spent on the network.",
            ),
            Hint(
                Letters("abce", among="abcde"),
                "Somebody must compute the photo's pixels, and in b that is your worker itself.",
            ),
            Hint(
                Letters("acde", among="abcde"),
                "A loop over a million numbers holds the event loop from its first to its last "
                "number.",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "Not for all. In which of them does your own Python code do the work?",
            ),
        ),
        otherwise="Ask of each: while it lasts, is the worker's own Python code running, or is "
        "somebody else at work?",
    ),
}
