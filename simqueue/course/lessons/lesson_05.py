"""Lesson 05 asks what the spread of service times does to a queue."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "05.a": Prediction(what="mean wait with gateway B", time=True),
}

EXERCISES = {
    "05.b": Exercise(
        right=near(0.75, 0.06, time=True),
        answer="""
            0.75 s.

            The slot is busy `3 * 0.2`, or 0.6 of the time. cv is `0.4 / 0.2`, or 2, so cv² is 4.
            Then `0.6 / 0.4 * (1 + 4) / 2 * 0.2` is 0.75.
        """,
        hints=(
            Hint(
                near(0.45, 0.02, time=True),
                "You took cv itself. The formula has its square.",
            ),
            Hint(
                near(0.3, 0.02, time=True),
                "That would be the wait if the standard deviation were as large as the mean. Here "
                "it is twice as large.",
            ),
            Hint(
                near(0.15, 0.02, time=True),
                "That would be the wait if all emails took just as long. These do not.",
            ),
            Hint(
                near(0.174, 0.02, time=True),
                "You took the standard deviation for cv. Divide it by the mean first.",
            ),
            Hint(
                near(0.95, 0.02, time=True),
                "That is the response time: the wait, and the 0.2 s of the email itself. The "
                "question is about the wait.",
            ),
            Hint(
                near(1.5, 0.02, time=True),
                "Is there a 2 missing below (1 + cv²)?",
            ),
            Hint(
                near(0.5, 0.02, time=True),
                "That is the time left of an email that is found under way. How much of the time "
                "does one find the slot busy, and how many others are ahead?",
            ),
        ),
        otherwise="First find how busy the slot is, `3 * 0.2`, and cv, `0.4 / 0.2`. Then put them "
        "into the formula.",
    ),
    "05.c": Exercise(
        right=near(0.485, 0.015, time=True),
        answer="""
            About 0.485 s: a fifth slower than B on average, and yet no worse.

            With no spread the wait of a gateway that takes `m` is `2 * m / (1 - 2 * m) / 2 * m`.
            For `m` = 0.485 that is 8 s: `formula(0, 0.485)`. You can try values, or solve
            `m * m = 8 * (1 - 2 * m)`.

            The slot is then busy 97 % of the time. B has that wait at 80 %.
        """,
        hints=(
            Hint(
                Between(0.4999, 1000, time=True),
                "Then the slot would be busy all the time, and the queue would grow without end: 2 "
                "payments a second leave no more than half a second for each.",
            ),
            Hint(
                near(0.4, 0.01, time=True),
                "That is gateway A: it waits 0.8 s. D may be slower.",
            ),
            Hint(
                Between(0.405, 0.477, time=True),
                "With that the wait is still shorter than 8 s: try it in `formula(0, ...)`. D may "
                "be slower.",
            ),
            Hint(
                Between(0.493, 0.4999, time=True),
                "With that the wait is longer than 8 s: try it in `formula(0, ...)`.",
            ),
            Hint(
                Between(0, 0.396, time=True),
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
}
