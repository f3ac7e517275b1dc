"""Lesson 01 asks what ``attempts = 3`` means: how many tries, and for how long."""

from __future__ import annotations

import itertools

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Number, Prediction, Whole, near


def attempts_needed(delay_s: float, outage_s: float, longest_s: float) -> int:
    """How many attempts outlast an outage that begins with the first."""
    attempts, at_s, wait_s = 1, 0.0, delay_s
    while at_s < outage_s:
        at_s += min(wait_s, longest_s)
        wait_s *= 2
        attempts += 1
    return attempts


def _waits_until(delay_s: float, outage_s: float, longest_s: float, factor: float) -> int:
    at_s = 0.0
    for number in itertools.count():
        if at_s >= outage_s:
            return number
        at_s += min(delay_s * factor**number, longest_s)
    raise AssertionError


def _retries(delay_s: float, outage_s: float, longest_s: float) -> int:
    return attempts_needed(delay_s, outage_s, longest_s) - 1


def _one_too_many(delay_s: float, outage_s: float, longest_s: float) -> int:
    return attempts_needed(delay_s, outage_s, longest_s) + 1


def _no_limit(delay_s: float, outage_s: float, longest_s: float) -> int:  # noqa: ARG001
    return attempts_needed(delay_s, outage_s, float("inf"))


def _fixed(delay_s: float, outage_s: float, longest_s: float) -> int:
    return _waits_until(delay_s, outage_s, longest_s, 1) + 1


def _doubled_too_soon(delay_s: float, outage_s: float, longest_s: float) -> int:
    return attempts_needed(2 * delay_s, outage_s, longest_s)


def _last_wait_only(delay_s: float, outage_s: float, longest_s: float) -> int:  # noqa: ARG001
    attempts, wait_s = 2, delay_s
    while wait_s < outage_s:
        wait_s *= 2
        attempts += 1
    return attempts


def _past_the_end(delay_s: float, outage_s: float, longest_s: float) -> int:
    return attempts_needed(delay_s, outage_s * (1 + 1e-9), longest_s)


PREDICTIONS = {
    "01.a": Prediction(what="time from placing the order to giving up", unit="s"),
}

RECALL = {
    "01.1": Choice(
        of="00",
        asks="`WORKER_MODE=in-process`, and a job's handler raises an error. Who hears of it?",
        right="The caller: adding the job raises it.",
        why="Training mode runs the handler on the spot, so the error comes out where the job "
        "was added.",
        wrong={
            "The queue: it tries again.": "In training mode there is no queue.",
            "Nobody, until somebody reads the log.": (
                "Who runs the handler in training mode, and what does an exception do there?"
            ),
        },
    ),
    "01.2": Choice(
        of="00",
        asks="2 orders come a second, and each keeps a place busy for 3 s. How many places are "
        "busy on average?",
        right="6",
        why="Arrival rate times the time that each takes.",
        wrong={
            "1.5": "That is one divided by the other. Orders come while others are still at work.",
            "2": "That is how many come in a second. Each stays for three.",
        },
    ),
    "01.3": Choice(
        of="00",
        asks="`WORKER_MODE=none`: what becomes of a job?",
        right="It is ignored.",
        why="That adapter does nothing with it.",
        wrong={
            "It waits until a worker is started.": "Who would keep it? `none` has no queue.",
            "It runs before the request goes on.": "That is `in-process`.",
        },
    ),
}

EXERCISES = {
    "01.b": Exercise(
        right=Number(17.5, "s", within=0.1),
        answer="""
            17.5 s: `1 + 2 + 4 + 8` s of waits, and `5 * 0.5` s of tries.

            5 attempts have 4 waits between them. Each try ends half a second after it began, and
            only then does the next wait start.
        """,
        hints=(
            Hint(
                near(15, 0.01),
                "Those are the waits. The tries take time, too.",
            ),
            Hint(
                near(17, 0.01),
                "That is when the last try begins. It takes half a second to fail.",
            ),
            Hint(
                near(15.5, 0.01),
                "All five tries take half a second, not only one of them.",
            ),
            Hint(
                Between(31, 34),
                "That is one wait too many. After the last try nothing follows.",
            ),
            Hint(
                Between(6.5, 9.6),
                "That is a wait too few: 5 attempts have 4 waits between them.",
            ),
            Hint(
                Between(62, 65),
                "The delay starts at 1000 ms, which is 1 s, and doubles. How many waits are there?",
            ),
            Hint(
                Between(15_000, 35_000),
                "I want seconds, not milliseconds.",
            ),
        ),
        otherwise="Write down the 4 waits, starting at 1 s and doubling. Add them, and add what "
        "5 tries take.",
    ),
    "01.c": Exercise(
        right=Whole(6, "attempts"),
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
        right=Whole(14, "attempts", least=True),
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
        right=Whole(5, "attempts", least=True),
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
    "01.f": Exercise(
        right=Make(
            solution=attempts_needed,
            tries=((5, 62, 5), (5, 62, 1000), (2, 1800, 60), (1, 7, 8), (3, 2, 10), (1, 40, 4)),
        ),
        answer="""
            Add up the waits until they reach the end of the outage. Each is twice the one before,
            and none is longer than the limit.

            With a limit as long as the delay the backoff is fixed: 14 attempts for 62 s, as in d.
            With none in reach it doubles: 5, as in e. The limit trades attempts for lateness. Half
            an hour from 2 s takes 11 attempts without a limit, and the last may be 4 minutes late.
            With a limit of 60 s it takes 35, and none is late by more than a minute.
        """,
        hints=(
            Hint(
                Like(_retries),
                "Those are the retries. Which try do they leave out?",
            ),
            Hint(
                Like(_past_the_end),
                "A try at the very end of the outage gets through. You make one more.",
            ),
            Hint(
                Like(_one_too_many),
                "One too many each time. N attempts have N - 1 waits between them.",
            ),
            Hint(
                Like(_no_limit),
                "Your waits go on doubling. What does `longest_s` do?",
            ),
            Hint(
                Like(_fixed),
                "All of your waits are equal. Exponential backoff doubles them, up to the limit.",
            ),
            Hint(
                Like(_doubled_too_soon),
                "The first wait is the delay itself, not twice as long.",
            ),
            Hint(
                Like(_last_wait_only),
                "It need not be one wait that outlasts the outage: the waits add up.",
            ),
        ),
        otherwise="Keep two numbers: the moment of the next try, and the next wait. Go on, try "
        "after try, until the moment is at the end of the outage or after it.",
    ),
}
