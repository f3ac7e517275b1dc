"""Lesson 06 asks what retries cost, and when the shape of the backoff matters."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "06.a": Prediction(what="mean wait for a slot with the long backoff", time=True),
}

EXERCISES = {
    "06.b": Exercise(
        right=near(1.56, 0.007),
        answer="""
            1.56: `1 + 0.4 + 0.4 ** 2`.

            The first attempt is always made, the second in 40 % of the cases, the third in 16 %.
            Or by the formula: `(1 - 0.4 ** 3) / (1 - 0.4)`.
        """,
        hints=(
            Hint(
                near(1.624, 0.005),
                "That is for 4 attempts: 3 attempts, not 3 retries.",
            ),
            Hint(
                near(1.667, 0.005),
                "That is for retries without end. This job gets 3 attempts at most.",
            ),
            Hint(
                near(1.4, 0.005),
                "And the third attempt?",
            ),
            Hint(
                near(0.56, 0.02),
                "Those are the retries. The first attempt counts, too.",
            ),
            Hint(
                near(1.8, 0.005),
                "The third attempt is made only if the first *and* the second failed.",
            ),
            Hint(
                near(2.2, 0.005),
                "That adds 0.4 three times. The third attempt is rarer than the second, and there "
                "is no fourth.",
            ),
            Hint(
                near(1.96, 0.005),
                "That is for failures of 60 %. Here 40 % fail.",
            ),
            Hint(
                near(3, 0.005),
                "3 is the most it can be. Most jobs need fewer.",
            ),
        ),
        otherwise="The first attempt is always made. With which probability is the second made, "
        "and the third? Add them up.",
    ),
    "06.c": Exercise(
        right=Between(5, 5),
        answer="""
            5.

            A job makes `1 + 0.5 + 0.25`, that is 1.75 attempts. `6 * 1.75 * 0.4` is 4.2: that many
            slots are busy on average, so 4 are not enough. (And with 5 they are 84 % busy.)
        """,
        hints=(
            Hint(
                near(4.2, 0.02),
                "That is how many slots are busy on average. There are only whole ones.",
            ),
            Hint(
                Between(4, 4),
                "4 slots do 4 s of work in a second. How much comes in, retries included?",
            ),
            Hint(
                Between(2.4, 3),
                "That is enough for the first attempts. Which load do the retries add?",
            ),
            Hint(
                Between(7.2, 8),
                "Not every job makes 3 attempts: half of them are done after the first.",
            ),
            Hint(
                Between(6, 6),
                "That is more than needed. How many slots are busy on average, retries included?",
            ),
            Hint(
                near(10.5, 0.02),
                "That is how many attempts come in a second. Each takes 0.4 s.",
            ),
        ),
        otherwise="Attempts a second, times seconds of an attempt: that many slots are busy on "
        "average. There must be more slots than that.",
    ),
    "06.d": Exercise(
        right=Between(18, 18),
        answer="""
            18: `3 * 3 * 2`.

            2 retries are 3 attempts, and 1 retry is 2 attempts. Each attempt of one layer starts
            all attempts of the next: they multiply. Retry in one layer only.
        """,
        hints=(
            Hint(
                Between(6, 6),
                "Retries are not attempts: 2 retries are how many attempts, and 1 retry?",
            ),
            Hint(
                Between(8, 8),
                "They do not add up, they multiply: each attempt of the page starts the next "
                "layer anew.",
            ),
            Hint(
                Between(24, 24),
                "The client's 3 are attempts, the first one included. Only the other two numbers "
                "are retries.",
            ),
            Hint(
                Between(12, 12),
                "One of the numbers of retries is not yet turned into attempts, or one too many.",
            ),
            Hint(
                Between(9, 9),
                "The retry of the library inside is missing.",
            ),
            Hint(
                Between(27, 27),
                "One retry is 2 attempts, not 3.",
            ),
            Hint(
                Between(17, 17),
                "Count the first attempt, too.",
            ),
        ),
        otherwise="Turn retries into attempts, layer by layer. Then multiply.",
    ),
    "06.e": Exercise(
        right=Letters("bcd", among="abcde"),
        answer="""
            b, c and d.

            In b failures come together. In c they depend on the queue, so it matters whether a
            retry meets a crowd. In d the times are not exponential: the difference is small, but it
            is there.

            In a all three conditions hold. In e there are no retries, so no backoff either.
        """,
        hints=(
            Hint(
                Letters("bc", among="abcde"),
                "One more. Look at Modify: which times did it take?",
            ),
            Hint(
                Letters("b", among="abcde"),
                "Yes, and two more. Go through the three conditions, one by one.",
            ),
            Hint(
                Letters("bd", among="abcde"),
                "One more. Are the failures of c independent of each other?",
            ),
            Hint(
                Letters("cd", among="abcde"),
                "One more: what did the outage show?",
            ),
            Hint(
                Letters("c", among="abcde"),
                "Yes, and two more: what did the outage show, and Modify?",
            ),
            Hint(
                Letters("d", among="abcde"),
                "Yes, and two more. In which are the failures not independent?",
            ),
            Hint(
                Letters("abcd", among="abcde"),
                "One too many: in one of them all three conditions hold.",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "Not in all. Where do all three conditions hold, and where is there no retry?",
            ),
            Hint(
                Letters("bcde", among="abcde"),
                "Where nothing fails, nothing backs off.",
            ),
        ),
        otherwise="For each letter: are the times exponential, and are the failures independent "
        "of each other and of the queue? If both, the shape makes no difference.",
    ),
}
