"""Lesson 04 asks whether ten small workers are as good as a large one."""

from __future__ import annotations

import math

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, Whole
from simqueue.results.theory import mmc_wait_mean


def slots_needed(rate: float, mean_s: float, target_s: float) -> int:
    """The smallest number of slots whose mean wait, by the formula, is at most ``target_s``."""
    slots = int(rate * mean_s) + 1
    while mmc_wait_mean(rate, mean_s, slots) > target_s:
        slots += 1
    return slots


def _ten_times(rate: float, mean_s: float, target_s: float) -> int:  # noqa: ARG001
    return round(rate / 4 * 10)


def _the_load(rate: float, mean_s: float, target_s: float) -> int:  # noqa: ARG001
    return math.ceil(rate * mean_s)


def _just_above(rate: float, mean_s: float, target_s: float) -> int:  # noqa: ARG001
    return int(rate * mean_s) + 1


def _square_root(rate: float, mean_s: float, target_s: float) -> int:  # noqa: ARG001
    return math.ceil(rate * mean_s + math.sqrt(rate * mean_s))


def _one_too_few(rate: float, mean_s: float, target_s: float) -> int:
    return slots_needed(rate, mean_s, target_s) - 1


def _one_too_many(rate: float, mean_s: float, target_s: float) -> int:
    return slots_needed(rate, mean_s, target_s) + 1


PREDICTIONS = {
    "04.play": Prediction(what="time until the line is gone", unit="s"),
    "04.a": Prediction(what="mean response time with 10 slots", unit="s"),
}

RECALL = {
    "04.1": Choice(
        of="03",
        asks="One slot, jobs at random, exponential times. It is 80 % busy. How long is the mean "
        "wait, in service times?",
        right="4",
        why="ρ / (1 - ρ) is 0.8 / 0.2.",
        wrong={
            "5": "That is the response: it has the service itself, too.",
            "0.8": "That is ρ. The formula divides it by the idle share.",
        },
    ),
    "04.2": Choice(
        of="03",
        asks="The same slot is 90 % busy now. How many times as long is the wait as at 80 %?",
        right="2.25 times",
        why="9 service times instead of 4.",
        wrong={
            "1.125 times": "That is how much the load grew. The wait grows faster.",
            "2 times": "Nearly: the idle share has halved. But ρ has grown as well.",
        },
    ),
    "04.3": Choice(
        of="02",
        asks="95 % of the calls take 0.5 s, 5 % hang until their deadline of 20 s. How long is a "
        "call on average?",
        right="1.475 s",
        why="0.95 × 0.5 + 0.05 × 20: the few that hang make the mean.",
        wrong={
            "0.5 s": "That is the median. What do the others add?",
            "10.25 s": "That would be so if every second call hung.",
        },
    ),
}

EXERCISES = {
    "04.b": Exercise(
        right=Make(
            solution=slots_needed,
            tries=((4, 2.0, 0.41), (40, 2.0, 0.41), (10, 0.3, 0.05), (2, 0.4, 1.0), (5, 1.9, 3.0)),
        ),
        answer="""
            84 slots for 40 orders a second. The load is `40 * 2`, or 80 busy slots; 83 slots wait
            0.43 s and 84 wait 0.28 s.

            Ten slots had 2 to spare for a load of 8. With ten times the load 4 spare slots do as
            well, not 20. The slots are now 95 % busy, and yet nobody waits longer: a large pool may
            be busier than a small one.

            (`theory.mmc_wait_mean(rate, mean_s, slots)` is the lesson's `mean_wait(slots, rate *
            mean_s, mean_s)`.)
        """,
        hints=(
            Hint(
                Like(_ten_times),
                "Ten times the slots would make the wait two hundred times shorter. How few are "
                "enough?",
            ),
            Hint(
                Like(_the_load),
                "So many would be busy all the time, and the queue would grow without end. You "
                "need more.",
            ),
            Hint(
                Like(_just_above),
                "Enough to keep up, but is the wait short enough? Try it in the formula.",
            ),
            Hint(
                Like(_square_root),
                "Square-root staffing is a good rule of thumb. Here the formula itself shall say "
                "which is the smallest number.",
            ),
            Hint(
                Like(_one_too_few),
                "One too few: that is the last number whose wait is too long.",
            ),
            Hint(
                Like(_one_too_many),
                "One too many: the number before that is enough.",
            ),
        ),
        otherwise="The load is the rate times the mean: so many slots are busy. Try one slot more, "
        "and then more and more, until the formula's wait is no longer than `target_s`.",
    ),
    "04.c": Exercise(
        right=Whole(20, "slots"),
        answer="""
            20 slots.

            The event loop computes 20 ms for each job, so it lets at most `1 / 0.020`, or 50 jobs
            a second through. One slot does a job in 400 ms: 2.5 a second. `50 / 2.5` is 20 slots.

            In short: (cpu + io) / cpu, here `400 / 20`. While one job computes, 19 others wait.
        """,
        hints=(
            Hint(
                Between(19, 19),
                "That many jobs wait for the mail server while one computes. How many is that "
                "together?",
            ),
            Hint(
                Between(21, 30),
                "So many would do. But is the event loop not busy all the time with fewer?",
            ),
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
