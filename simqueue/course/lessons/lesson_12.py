"""Lesson 12 asks whether the simulator is right, and what a check can tell."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction

PREDICTIONS = {
    "12.a": Prediction(what="model's error in the orders' mean response time", unit="%"),
}

EXERCISES = {
    "12.b": Exercise(
        right=Between(0.270, 0.305, time=True),
        answer="""
            About 290 ms.

            A job of T ms really takes `T + 2.9`; the model says `T`. It is off by
            `2.9 / (T + 2.9)`, which is 1 % at `T = 287`. (`2.9 / 0.01`, 290 ms, is as good an
            answer.)

            Jobs that wait for slots have a longer response time, so for them it matters less in
            percent, unless the slots are nearly full: then the cost also takes room away.
        """,
        hints=(
            Hint(
                Between(0.0026, 0.0032, time=True),
                "For a job as short as the cost itself the model says half of what is true.",
            ),
            Hint(
                Between(0.026, 0.0305, time=True),
                "That is ten times the cost: then the model is about 9 % off.",
            ),
            Hint(
                Between(2.6, 3.1, time=True),
                "That is a thousand times the cost: 0.1 % off, better than asked for. (Or did "
                "you mean milliseconds? A plain number is seconds.)",
            ),
            Hint(
                Between(260, 310, time=True),
                "A plain number is read as seconds. Write the unit, as in '5 ms'.",
            ),
            Hint(
                Between(0.14, 0.16, time=True),
                "That is how long the lesson's orders take. With idle slots the model would be "
                "2 % off.",
            ),
        ),
        otherwise="With cost a job takes T + 2.9 ms, without it T. For which T is the difference "
        "1 % of the true time?",
    ),
    "12.c": Exercise(
        right=Letters("b", among="abcde"),
        answer="""
            b.

            The slots do the same work whatever the order of the line, so utilisation (c) and the
            number of attempts (d) do not move. Nor does the mean wait of all attempts (a), but for
            chance: what the retries gain, the first attempts lose. Nine of ten attempts are first
            ones, so each of them loses little, and the retries gain nearly all of their wait. The
            largest wait (e) grows somewhat, but one number out of a thousand is a noisy witness.
        """,
        hints=(
            Hint(
                Letters("a", among="abcde"),
                "In the table of wrong models that column hardly moves. Somebody has to wait.",
            ),
            Hint(
                Letters("c", among="abcde"),
                "The same attempts keep the slots busy for the same time, whoever goes first.",
            ),
            Hint(
                Letters("d", among="abcde"),
                "Which attempts fail is in the draws. The order of the line does not change it.",
            ),
            Hint(
                Letters("e", among="abcde"),
                "It grows a little. But it is one attempt out of a thousand, and noisy. Is there a "
                "number that is wrong by a factor?",
            ),
            Hint(
                Letters("ab", among="abcde"),
                "One letter: the one that gives it away *most* clearly. Which of the two moves?",
            ),
        ),
        otherwise="Which attempts does the wrong rule treat differently? Take the figure of those.",
    ),
    "12.d": Exercise(
        right=Between(1750, 2050),
        answer="""
            About 1,900.

            The interval's half-width is `1.96 * 44 / sqrt(n)` percent. It is 2 for
            `n = (1.96 * 44 / 2) ** 2`, which is 1,859. (With 2 in the place of 1.96: 1,936.)

            With the same draws on both sides **one** run was enough. That is what they are for.
        """,
        hints=(
            Hint(
                Between(40, 47),
                "Did you forget to square? The half-width shrinks with the root of the number of "
                "runs.",
            ),
            Hint(
                Between(470, 500),
                "That is (44 / 2) squared: then the standard error is 2 %. A 95 % interval reaches "
                "1.96 of those to either side.",
            ),
            Hint(
                Between(7000, 8000),
                "± 2 % is 2 % to either side. You asked for 1 %.",
            ),
            Hint(
                Between(20, 23),
                "That is 44 / 2. Square it, and mind the 1.96 of a 95 % interval.",
            ),
            Hint(
                Between(1, 1),
                "One is enough with the same draws on both sides. Here each side has its own.",
            ),
        ),
        otherwise="The half-width of the interval is 1.96 times the standard deviation, divided by "
        "the root of the number of runs.",
    ),
}
