"""Lesson 08 asks why a service is still down when the outage is long over."""

from __future__ import annotations

import math

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, near


def seconds_down(
    load: float, capacity: float, asks: int, outage_s: float, patience_s: float
) -> float:
    """Seconds after an outage until a newcomer is answered in time."""
    left, bearable = asks * load * outage_s, capacity * patience_s
    if left <= bearable:
        return 0
    if asks * load >= capacity:
        return math.inf
    return (left - bearable) / (capacity - asks * load)


def _came_once(
    load: float, capacity: float, asks: int, outage_s: float, patience_s: float
) -> float:
    return _by(load * outage_s, capacity * patience_s, capacity - asks * load)


def _come_once(
    load: float, capacity: float, asks: int, outage_s: float, patience_s: float
) -> float:
    return _by(asks * load * outage_s, capacity * patience_s, capacity - load)


def _nobody_asks_again(
    load: float,
    capacity: float,
    asks: int,  # noqa: ARG001
    outage_s: float,
    patience_s: float,
) -> float:
    return _by(load * outage_s, capacity * patience_s, capacity - load)


def _to_the_last_job(
    load: float,
    capacity: float,
    asks: int,
    outage_s: float,
    patience_s: float,  # noqa: ARG001
) -> float:
    return _by(asks * load * outage_s, 0, capacity - asks * load)


def _one_second(
    load: float,
    capacity: float,
    asks: int,
    outage_s: float,
    patience_s: float,  # noqa: ARG001
) -> float:
    return _by(asks * load * outage_s, capacity, capacity - asks * load)


def _below_zero(
    load: float, capacity: float, asks: int, outage_s: float, patience_s: float
) -> float:
    return (asks * load * outage_s - capacity * patience_s) / (capacity - asks * load)


def _in_any_case(
    load: float, capacity: float, asks: int, outage_s: float, patience_s: float
) -> float:
    if asks * load >= capacity:
        return math.inf
    return seconds_down(load, capacity, asks, outage_s, patience_s)


def _by(left: float, bearable: float, shrinks: float) -> float:
    """The right cases, whatever the parts are."""
    if left <= bearable:
        return 0
    return (left - bearable) / shrinks if shrinks > 0 else math.inf


PREDICTIONS = {
    "08.play": Prediction(what="time until nobody is waiting", unit="s"),
    "08.a": Prediction(what="share of customers with an answer in time", unit="%"),
}

RECALL = {
    "08.1": Choice(
        of="07",
        asks="600 jobs fail together. Each comes back after a wait that is drawn evenly from 0 "
        "to 20 s. How many calls a second is that?",
        right="30",
        why="The herd, divided by the width of the window.",
        wrong={
            "600": "So many come at once without jitter.",
            "12,000": "Those are multiplied. A wider window means fewer calls a second.",
        },
    ),
    "08.2": Choice(
        of="02",
        asks="2 calls a second hang until their deadline of 10 s. How many slots do they hold?",
        right="20",
        why="L = λ × W holds for slots, too.",
        wrong={
            "5": "That is one divided by the other.",
            "2": "So many come each second. Each stays for ten.",
        },
    ),
    "08.3": Choice(
        of="06",
        asks="A gateway is down: every attempt fails. Jobs have 5 attempts. How many times the "
        "usual attempts are made?",
        right="5 times",
        why="Every job makes all of its attempts.",
        wrong={
            "4 times": "Those are the retries. The first attempt counts, too.",
            "2 times": "That is for half of the attempts failing, without a limit.",
        },
    ),
}

EXERCISES = {
    "08.b": Exercise(
        right=Number(500 / 3, "customers", within=1),
        answer="""
            166 customers a second: `500 / 3`.

            While answers are late, each customer asks three times in all. 3 times the load must be
            less than 500.
        """,
        hints=(
            Hint(
                near(250, 0.02),
                "That is with one retry. Two more times, and the first: how many asks are that?",
            ),
            Hint(
                near(500, 0.02),
                "That is the capacity, if nobody asks again. But while answers are late, "
                "everybody does.",
            ),
            Hint(
                near(100, 0.02),
                "With 300 it would be so. This worker does 500 jobs a second.",
            ),
            Hint(
                near(125, 0.02),
                "Four asks for each customer? The first one, and two more.",
            ),
            Hint(
                near(150, 0.02),
                "That was the lesson's. Here both the capacity and the number of asks differ.",
            ),
            Hint(
                Between(167.7, 185),
                "A little too many: three times that is more than the worker can do.",
            ),
            Hint(
                near(1500, 0.02),
                "More retries make more jobs, so fewer customers are bearable, not more.",
            ),
        ),
        otherwise="How many jobs does one customer make while answers are late? That times the "
        "load must be less than the capacity.",
    ),
    "08.c": Exercise(
        right=Make(
            solution=seconds_down,
            tries=(
                (120, 300, 2, 10, 1),
                (130, 300, 2, 10, 1),
                (100, 500, 3, 20, 1),
                (100, 300, 2, 10, 2),
                (160, 300, 2, 10, 1),
                (60, 300, 2, 1, 1),
                (160, 300, 2, 0.5, 1),
            ),
            share=0.01,
        ),
        answer="""
            At 120 customers a second, as in this lesson, it is 35 s. In 10 s 1,200 customers come,
            and all of them ask twice: 2,400 jobs. While answers are late, 240 jobs a second come
            and 300 are done: 60 a second fewer. We are through when less than 300 are left, a
            second of work. (After 40 s the last old job is done.)

            A push of half a second is none: what it leaves is done before anybody loses patience.
            It is so even at 160 a second, where one of 10 s is never over.
        """,
        hints=(
            Hint(
                Like(_came_once),
                "Those who came during the outage: how often has each of them asked by now?",
            ),
            Hint(
                Like(_come_once),
                "The backlog is right, but it shrinks more slowly: whoever comes now gets a late "
                "answer, too, and asks again.",
            ),
            Hint(
                Like(_nobody_asks_again),
                "That leaves out the second asks, both of those who came during the outage and of "
                "those who come now.",
            ),
            Hint(
                Like(_to_the_last_job),
                "Then the last old job is done. But a newcomer is answered in time sooner: as soon "
                "as less than `patience_s` of work is left.",
            ),
            Hint(
                Like(_one_second),
                "How much work may be left? That depends on the customers' patience, which is not "
                "always 1 s.",
            ),
            Hint(
                Like(_below_zero),
                "A time below zero? Two cases are none for the division: a backlog that never "
                "shrinks, and one that is small enough at once.",
            ),
            Hint(
                Like(_in_any_case),
                "Where the loop cannot heal, it need not begin: is the backlog of a short outage "
                "too much for anybody's patience?",
            ),
        ),
        otherwise="How many jobs has the outage left, all asks included? By how many does that "
        "fall in a second, while everybody still asks `asks` times?",
    ),
    "08.d": Exercise(
        right=Number(300 / 1.1, "customers", within=1),
        answer="""
            272.7 customers a second: `300 / 1.1`.

            With the budget ten customers make at most 11 jobs. 1.1 times the load must be less
            than 300. Without the budget it is 150.
        """,
        hints=(
            Hint(
                near(270, 0.004),
                "Nearly. 0.1 is a share of the customers, not of the capacity: 1.1 times the load "
                "is what comes.",
            ),
            Hint(
                near(150, 0.01),
                "That is without a budget, where everybody may ask twice.",
            ),
            Hint(
                near(300, 0.004),
                "That leaves no room for any retry. A few are allowed.",
            ),
            Hint(
                near(330, 0.01),
                "That is more than the worker can do, even if nobody asked again.",
            ),
            Hint(
                near(30, 0.01),
                "That is how many retries a second 300 customers may make. How many customers, "
                "with their retries, fit into 300?",
            ),
        ),
        otherwise="How many jobs do ten customers make at most? Take that instead of 2 asks for "
        "each customer.",
    ),
    "08.e": Exercise(
        right=Letters("bce", among="abcde"),
        answer="""
            b, c and e.

            Without a backlog (b) answers are in time at once, and nobody asks again. Newest first
            (c) answers the fresh ones in time. With 600 jobs a second (e) 2 times 200 fit. A
            restart (a) makes it worse: the backlog waits in Redis and grows. And a fifth fewer (d)
            are 160 a second, which make 320 jobs: the backlog grows on.
        """,
        hints=(
            Hint(
                Letters("abce", among="abcde"),
                "Look at a again. Where is the backlog while the worker restarts?",
            ),
            Hint(
                Letters("bcde", among="abcde"),
                "Look at d again. How many jobs a second do the others make?",
            ),
            Hint(
                Letters("bc", among="abcde"),
                "There is one more. Put it into the rule: asks times load less than capacity.",
            ),
            Hint(
                Letters("ce", among="abcde"),
                "There is one more. What starts the loop anew each second?",
            ),
            Hint(
                Letters("be", among="abcde"),
                "There is one more: look at the table of cures.",
            ),
        ),
        otherwise="Ask of each: are new customers answered within a second then? Or do fewer jobs "
        "come than are done, for long enough?",
    ),
}
