"""Lesson 09 asks whether a card was charged twice when a worker was killed."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction

PREDICTIONS = {
    "09.a": Prediction(what="mean time from the kill until the last payment runs again", time=True),
}

_SIX = "abcdef"

EXERCISES = {
    "09.b": Exercise(
        right=Letters("bce", among=_SIX),
        answer="""
            b, c and e.

            The second `UPDATE` (b) finds no order that is still pending; the second `INSERT` (c)
            finds its row there; the gateway (e) has done that key.

            The stock (a) is right for eight customers, but one customer's job that runs twice
            takes two: the order's own state has to move in the same transaction. After a kill
            `attemptsMade` (d) is still 0. And a worker that dies between sending and recording (f)
            leaves no record, so the email goes out again. The shop accepts that one: the other
            way round an email could be lost.
        """,
        hints=(
            Hint(
                Letters("abce", among=_SIX),
                "Look at a again. Eight *different* orders are safe with it. But the same order's "
                "job, run twice?",
            ),
            Hint(
                Letters("bcde", among=_SIX),
                "What is `attemptsMade` when a job comes back after a kill? The lesson's log says.",
            ),
            Hint(
                Letters("bcef", among=_SIX),
                "In f, let the worker die between the two steps. What does the next one find?",
            ),
            Hint(Letters("be", among=_SIX), "There is one more. What does ON CONFLICT do to c?"),
            Hint(Letters("bc", among=_SIX), "There is one more. What does the gateway do with e?"),
            Hint(
                Letters("ce", among=_SIX),
                "There is one more. What does b find when it runs for the second time?",
            ),
        ),
        otherwise="Run each twice in your head, and let the worker die after any step of the "
        "first time. Is the end the same as after once?",
    ),
    "09.c": Exercise(
        right=Between(27, 35, time=True),
        answer="""
            About 30 s.

            Now looks are frequent, so a job is soon marked, and the **lock** is what you wait for:
            it lasts 30 s from the start of the payment, so about 28 s from the kill. The next
            look, up to 5 s later, takes the payment back. To be quicker still, shorten
            `lockDuration`, too. But a handler that computes for longer than the lock without an
            `await` then loses its job while it lives, and another worker runs it as well.
        """,
        hints=(
            Hint(
                Between(5, 12, time=True),
                "That is two looks. But a look takes back only jobs without a lock. How long does "
                "the lock of a job last that started 2 s before the kill?",
            ),
            Hint(
                Between(2, 4.9, time=True),
                "One look marks and a later one takes back, and only what has no lock any more.",
            ),
            Hint(
                Between(45, 60, time=True),
                "That is with looks 30 s apart. Which of the two waits has become short?",
            ),
            Hint(
                Between(35.1, 44.9, time=True),
                "The marks come while the lock still lasts: the two waits overlap.",
            ),
        ),
        otherwise="Two things must have happened: the lock is over, and after that somebody looks "
        "at a job that was marked before. When is that?",
    ),
    "09.d": Exercise(
        right=Between(4, 4),
        answer="""
            4 times.

            A stall is no attempt: it costs none. So the handler may run for each of the 3
            attempts, and once more for the one stall that is allowed. The second stall fails the
            job without starting the handler. (And any of the 4 may have charged the card.)
        """,
        hints=(
            Hint(
                Between(3, 3),
                "That is without a kill. Does a stall cost one of the attempts? Look at `attempt` "
                "in the rows with run 2.",
            ),
            Hint(
                Between(6, 6),
                "`maxStalledCount` is for the whole job, not for each attempt.",
            ),
            Hint(
                Between(5, 5),
                "At its second stall the job fails, and its handler is not called for that.",
            ),
            Hint(
                Between(2, 2),
                "2 are the retries, or a first attempt with one stall. All of them together?",
            ),
        ),
        otherwise="Count the attempts, the first included. How many more starts may a stall add, "
        "and how many stalls may there be?",
    ),
}
