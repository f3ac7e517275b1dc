"""Lesson 01 asks what ``attempts = 3`` means: how many tries, and for how long."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Prediction, near

PREDICTIONS = {
    "01.a": Prediction(what="time from placing the order to giving up", time=True),
}

EXERCISES = {
    "01.b": Exercise(
        right=near(17.5, 0.01, time=True),
        answer="""
            17.5 s: `1 + 2 + 4 + 8` s of waits, and `5 * 0.5` s of tries.

            5 attempts have 4 waits between them. Each try ends half a second after it began, and
            only then does the next wait start.
        """,
        hints=(
            Hint(
                near(15, 0.01, time=True),
                "Those are the waits. The tries take time, too.",
            ),
            Hint(
                near(17, 0.01, time=True),
                "That is when the last try begins. It takes half a second to fail.",
            ),
            Hint(
                near(15.5, 0.01, time=True),
                "All five tries take half a second, not only one of them.",
            ),
            Hint(
                Between(31, 34, time=True),
                "That is one wait too many. After the last try nothing follows.",
            ),
            Hint(
                Between(6.5, 9.6, time=True),
                "That is a wait too few: 5 attempts have 4 waits between them.",
            ),
            Hint(
                Between(62, 65, time=True),
                "The delay starts at 1000 ms, which is 1 s, and doubles. How many waits are there?",
            ),
            Hint(
                Between(15_000, 35_000, time=True),
                "I want seconds, not milliseconds.",
            ),
        ),
        otherwise="Write down the 4 waits, starting at 1 s and doubling. Add them, and add what "
        "5 tries take.",
    ),
    "01.c": Exercise(
        right=Between(6, 6),
        answer="""
            6.

            Celery counts retries: the first try, and up to 5 more. BullMQ counts attempts, the
            first one included.
        """,
        hints=(
            Hint(
                Between(5, 5),
                "Celery's 5 are retries. Which try do those leave out, and does BullMQ leave it "
                "out, too?",
            ),
            Hint(
                Between(4, 4),
                "That goes the wrong way: attempts are more than retries, not fewer.",
            ),
            Hint(
                Between(7, 7),
                "One too many. How many tries does a Celery task with 5 retries get in all?",
            ),
        ),
        otherwise="How many tries does the Celery task get in all? BullMQ counts just those.",
    ),
    "01.d": Exercise(
        right=Between(14, 14),
        answer="""
            14.

            The tries come at 0, 5, 10... s. The one at 60 s still fails, the one at 65 s gets
            through. That is the 13th retry, and with the first try the 14th attempt:
            `ceil(62 / 5) + 1`.
        """,
        hints=(
            Hint(
                Between(13, 13),
                "13 retries, yes. And how many attempts are that?",
            ),
            Hint(
                Between(12, 12.5),
                "After 12 waits of 5 s just 60 s have passed. The gateway is down for 62 s.",
            ),
            Hint(
                Between(15, 15),
                "One too many: list the times of the tries. 0, 5, 10...",
            ),
            Hint(
                Between(3, 3),
                "With 3 attempts the last try comes after 10 s. The gateway is still down.",
            ),
            Hint(
                Between(5, 5),
                "Fixed backoff does not double: all waits are 5 s.",
            ),
        ),
        otherwise="List the times of the tries: 0, 5, 10... Which is the first after 62 s? Count "
        "all of them, the first one too.",
    ),
    "01.e": Exercise(
        right=Between(5, 5),
        answer="""
            5.

            The tries come at 0, 5, 15, 35 and 75 s. The fifth gets through. Doubling survives
            with 5 attempts what takes 14 at a fixed pace, and asks a broken gateway far less
            often. The price: the payment is 13 s late, for 62 s of outage, instead of 3 s.
        """,
        hints=(
            Hint(
                Between(4, 4),
                "4 waits are enough. How many attempts are that?",
            ),
            Hint(
                Between(6, 6),
                "One too many. The waits are 5, 10, 20... s: when is each try made?",
            ),
            Hint(
                Between(14, 14),
                "That was for fixed backoff. Here each wait is twice the one before.",
            ),
        ),
        otherwise="The waits are 5, 10, 20, 40... s. Add them up until the sum is above 62 s, then "
        "count the tries.",
    ),
}
