"""Lesson 07 asks why jobs that failed in an outage all come back at once."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "07.a": Prediction(what="number of calls in the busiest second", unit="calls"),
}

EXERCISES = {
    "07.b": Exercise(
        right=near(6000 / (32 * 0.5), 0.05),
        answer="""
            375 calls a second: `6000 / (32 * 0.5)`.

            With equal jitter a delay of up to 32 s ends between 16 and 32 s: a window of 16 s.
            Jobs divided by the width of the window is the rate at which they come back.
        """,
        hints=(
            Hint(
                near(6000 / 32, 0.05),
                "That is full jitter, where the window is as wide as the delay. Equal jitter "
                "leaves the first half of the delay empty.",
            ),
            Hint(
                near(6000, 0.02),
                "That is the whole herd in one second: no jitter at all. How wide is the window "
                "in which equal jitter lets it come back?",
            ),
            Hint(
                near(6000 / 24, 0.02),
                "24 s is the mean delay. What counts is not how long it is, but how far apart "
                "the shortest and the longest delay are.",
            ),
            Hint(
                near(6000 / 63, 0.05),
                "You took all the delays together. The herd is in one of them, the one of up to "
                "32 s.",
            ),
            Hint(
                near(16, 0.02),
                "That is the width of the window, in seconds. How many jobs a second is that?",
            ),
        ),
        otherwise="Jobs divided by the width of the window in which they come back. With equal "
        "jitter the window goes from half the delay to the whole delay.",
    ),
    "07.c": Exercise(
        right=Between(10, 10),
        answer="""
            10 attempts.

            n delays of 1, 2, 4... s are `2 ** n - 1` seconds together. 8 delays are 255 s, too few;
            9 delays are 511 s. And 9 delays lie between 10 attempts. `simqueue backoff --type
            exponential --delay-ms 1000 --attempts 10` prints them.
        """,
        hints=(
            Hint(
                Between(9, 9),
                "So many delays are needed. How many attempts have that many delays between them?",
            ),
            Hint(
                Between(8, 8),
                "7 delays lie between 8 attempts, and add up to 127 s. That is two minutes.",
            ),
            Hint(
                Between(11, 12),
                "That is enough, but one attempt fewer is, too, at the least.",
            ),
            Hint(
                Between(299, 302),
                "With a fixed delay of 1 s it would be so many. But the delay doubles.",
            ),
            Hint(
                Between(511, 511),
                "That is how many seconds the delays add up to. How many attempts are that?",
            ),
        ),
        otherwise="Add up the delays, 1 + 2 + 4 + ..., until they are 300 s or more. Then count "
        "the attempts: there is one more than there are delays.",
    ),
    "07.d": Exercise(
        right=near(31, 0.03, time=True),
        answer="""
            31 s, on average.

            The longest delays of 6 attempts are 2, 4, 8, 16 and 32 s: 62 s. Full jitter takes
            anything from 0 to that, so half of it on average. An outage of a minute, which 62 s of
            delays outlast, is now too long for most. If you turn full jitter on, double the delay.
        """,
        hints=(
            Hint(
                near(62, 0.01, time=True),
                "That is without jitter. With full jitter a delay is anything from 0 to that.",
            ),
            Hint(
                near(46.5, 0.02, time=True),
                "That is equal jitter, from half the delay to the whole. Full jitter begins at 0.",
            ),
            Hint(
                near(63, 0.005, time=True),
                "You halved six delays. But there are 6 attempts, and the delays lie between them.",
            ),
            Hint(
                near(126, 0.02, time=True),
                "That is six delays, without jitter. 6 attempts have one delay fewer.",
            ),
            Hint(
                near(16, 0.03, time=True),
                "That is the mean of the last delay alone. Add up all of them.",
            ),
        ),
        otherwise="Write down the delays of 6 attempts without jitter and add them up. What does "
        "full jitter leave of a delay, on average?",
    ),
    "07.e": Exercise(
        right=Letters("ace", among="abcde"),
        answer="""
            a, c and e.

            Jitter widens the window. Fewer slots, or a limit on jobs a second, let fewer calls
            through, whatever comes. More attempts (b) change nothing about who comes when. And a
            doubling delay (d) is the same for all of a herd: they come back later, together.
        """,
        hints=(
            Hint(
                Letters("acde", among="abcde"),
                "Look at d again. All of them failed together, so all of them now get the longer "
                "delay, together.",
            ),
            Hint(
                Letters("abce", among="abcde"),
                "Look at b again. More attempts keep a job alive for longer. Do they spread the "
                "herd?",
            ),
            Hint(
                Letters("a", among="abcde"),
                "Jitter is one way. Who stands between the herd and the service?",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "There is one more: what else holds back the calls of a worker?",
            ),
            Hint(
                Letters("ae", among="abcde"),
                "There is one more. What was the formula for the busiest second without jitter?",
            ),
            Hint(
                Letters("ad", among="abcde"),
                "Backoff without jitter was our herd. What else could hold back calls?",
            ),
        ),
        otherwise="Ask of each: does it widen the window in which they come back, or narrow the "
        "door through which they go?",
    ),
}
