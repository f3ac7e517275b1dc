"""Lesson 07 asks why jobs that failed in an outage all come back at once."""

from __future__ import annotations

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import (
    Between,
    Exercise,
    Hint,
    Letters,
    Number,
    Prediction,
    Whole,
    near,
)


def attempts_needed(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    """The fewest attempts whose delays together are on average as long as the outage."""
    attempts, together, delay = 1, 0.0, first_s
    while together < outage_s:
        together += min(delay, cap_s) * (1 - jitter / 2)
        delay *= 2
        attempts += 1
    return attempts


def _delays(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    return attempts_needed(first_s, cap_s, jitter, outage_s) - 1


def _no_cap(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:  # noqa: ARG001
    return attempts_needed(first_s, outage_s * 2, jitter, outage_s)


def _no_jitter(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:  # noqa: ARG001
    return attempts_needed(first_s, cap_s, 0, outage_s)


def _shortest(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    return attempts_needed(first_s, cap_s, 2 * jitter, outage_s)


def _capped_last(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    attempts, together, delay = 1, 0.0, first_s
    while together < outage_s:
        together += min(delay * (1 - jitter / 2), cap_s)
        delay *= 2
        attempts += 1
    return attempts


def _doubled_first(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    return attempts_needed(2 * first_s, cap_s, jitter, outage_s)


def _fixed(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    return attempts_needed(first_s, min(first_s, cap_s), jitter, outage_s)


PREDICTIONS = {
    "07.play": Prediction(what="time until the first email gets through", unit="s"),
    "07.a": Prediction(what="number of calls in the busiest second", unit="calls"),
}

RECALL = {
    "07.1": Choice(
        of="06",
        asks="Each attempt fails with a chance of 50 %. A job has at most 3 attempts. How many "
        "does it have on average?",
        right="1.75",
        why="1 + 1/2 + 1/4.",
        wrong={
            "2": "So many, if there were no limit. Here the third is the last.",
            "3": "That is the most. Half of the jobs need only one.",
        },
    ),
    "07.2": Choice(
        of="06",
        asks="Without retries the slots would be 60 % busy. Now a job has 1.5 attempts on "
        "average, each as long. How busy are they?",
        right="90 %",
        why="Every attempt is work: 60 % × 1.5.",
        wrong={
            "60 %": "A retry takes a slot, just as a first attempt does.",
            "75 %": "Half as much again is to be added, not a quarter.",
        },
    ),
    "07.3": Choice(
        of="03",
        asks="One slot is 70 % busy, and jobs come at random. Which share of the jobs has to wait?",
        right="70 %",
        why="Who comes at random finds the slot busy as often as it is busy.",
        wrong={
            "30 %": "That is how often the slot is idle.",
            "49 %": "That is 70 % of 70 %. How often does somebody who comes find the slot busy?",
        },
    ),
}

EXERCISES = {
    "07.b": Exercise(
        right=Number(6000 / (32 * 0.5), "calls", share=0.02),
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
        right=Whole(10, "attempts", least=True),
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
        right=Number(31, "s", within=0.4),
        answer="""
            31 s, on average.

            The longest delays of 6 attempts are 2, 4, 8, 16 and 32 s: 62 s. Full jitter takes
            anything from 0 to that, so half of it on average. An outage of a minute, which 62 s of
            delays outlast, is now too long for most. If you turn full jitter on, double the delay.
        """,
        hints=(
            Hint(
                near(62, 0.01),
                "That is without jitter. With full jitter a delay is anything from 0 to that.",
            ),
            Hint(
                near(46.5, 0.02),
                "That is equal jitter, from half the delay to the whole. Full jitter begins at 0.",
            ),
            Hint(
                near(63, 0.005),
                "You halved six delays. But there are 6 attempts, and the delays lie between them.",
            ),
            Hint(
                near(126, 0.02),
                "That is six delays, without jitter. 6 attempts have one delay fewer.",
            ),
            Hint(
                near(16, 0.03),
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
    "07.f": Exercise(
        right=Make(
            solution=attempts_needed,
            tries=(
                (1, 60, 0.0, 300),
                (2, 16, 0.5, 60),
                (2, 600, 0.8, 60),
                (1, 8, 0.9, 20),
                (5, 5, 0.0, 58),
            ),
        ),
        answer="""
            9 attempts for delays of 2, 4, 8, 16, 16... s, equal jitter and an outage of a minute:
            jitter leaves three quarters of a delay on average, so 8 delays are 70 s together and 7
            are 58 s.

            The delay is cut to the cap first, and jitter comes after: so it is in most libraries
            that have a cap.
        """,
        hints=(
            Hint(
                Like(_delays),
                "So many delays are needed. How many attempts have that many delays between them?",
            ),
            Hint(
                Like(_no_cap),
                "The delay does not double for ever: none is longer than `cap_s`.",
            ),
            Hint(
                Like(_no_jitter),
                "Those are the delays without jitter. What does it leave of them on average?",
            ),
            Hint(
                Like(_shortest),
                "That is the shortest that the delays can be. On average jitter takes off half of "
                "its share.",
            ),
            Hint(
                Like(_capped_last),
                "First the cap, then jitter: a delay at the cap is shortened, too.",
            ),
            Hint(
                Like(_doubled_first),
                "The first delay is `first_s`. It doubles only after that.",
            ),
            Hint(
                Like(_fixed),
                "The delay doubles after each further attempt.",
            ),
        ),
        otherwise="Begin with one attempt and no delay. Add the next delay, cut to `cap_s` and "
        "shortened by what jitter takes on average, until they are as long as the outage. Each "
        "delay brings one more attempt.",
    ),
}
