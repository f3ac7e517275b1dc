"""Lesson 08 asks why a service is still down when the outage is long over."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "08.a": Prediction(what="share of customers with an answer in time", unit="%"),
}

EXERCISES = {
    "08.b": Exercise(
        right=near(500 / 3, 0.02),
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
                near(1500, 0.02),
                "More retries make more jobs, so fewer customers are bearable, not more.",
            ),
        ),
        otherwise="How many jobs does one customer make while answers are late? That times the "
        "load must be less than the capacity.",
    ),
    "08.c": Exercise(
        right=Between(30, 43, time=True),
        answer="""
            About 35 s: `(2 * 120 * 10 - 300) / (300 - 2 * 120)`. (40 s, if you count until the
            last old job is done, is right, too.)

            In 10 s 1,200 customers come, and all of them ask twice: 2,400 jobs. While answers are
            late, 240 jobs a second come and 300 are done: 60 a second fewer. We are through when
            less than 300 are left, a second of work.
        """,
        hints=(
            Hint(
                Between(19, 21, time=True),
                "1,200 customers came during the outage. But each has asked twice by now.",
            ),
            Hint(
                Between(14, 16, time=True),
                "1,200 customers came during the outage. But each has asked twice by now.",
            ),
            Hint(
                Between(12.5, 13.9, time=True),
                "The backlog is right, but it shrinks more slowly: whoever comes now gets a late "
                "answer, too, and asks again.",
            ),
            Hint(
                Between(11, 12, time=True),
                "The backlog is right, but it shrinks more slowly: whoever comes now gets a late "
                "answer, too, and asks again.",
            ),
            Hint(
                Between(4, 9, time=True),
                "That leaves out the second asks, both of those who came during the outage and of "
                "those who come now.",
            ),
            Hint(
                near(10, 0.01, time=True),
                "So long was the outage. What has piled up must be done, too.",
            ),
        ),
        otherwise="How many jobs have piled up in 10 s, second asks included? By how many does "
        "that fall in a second, while everybody still asks twice?",
    ),
    "08.d": Exercise(
        right=near(300 / 1.1, 0.004),
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
