"""Lesson 15 asks whether callers wait or walk on: closed arrivals, open ones, and load tests."""

from __future__ import annotations

from collections.abc import Sequence

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

Times = Sequence[float]


def corrected(waits_s: Times, interval_s: float) -> list[float]:
    """Waits of a tester who means to ask every ``interval_s``, and those it omitted; ascending."""
    found = []
    for wait_s in waits_s:
        found.append(wait_s)
        omitted_s = wait_s - interval_s
        while omitted_s >= interval_s:
            found.append(omitted_s)
            omitted_s -= interval_s
    return sorted(found)


def _as_they_are(waits_s: Times, interval_s: float) -> list[float]:  # noqa: ARG001
    return sorted(waits_s)


def _one_more(waits_s: Times, interval_s: float) -> list[float]:
    more = [wait_s - interval_s for wait_s in waits_s if wait_s >= 2 * interval_s]
    return sorted([*waits_s, *more])


def _just_as_long(waits_s: Times, interval_s: float) -> list[float]:
    """As many as were omitted, each as long as the one that was seen."""
    times = [len(corrected([wait_s], interval_s)) for wait_s in waits_s]
    return sorted(wait_s for wait_s, n in zip(waits_s, times, strict=True) for _ in range(n))


def _without_what_was_seen(waits_s: Times, interval_s: float) -> list[float]:
    return sorted(
        omitted_s for wait_s in waits_s for omitted_s in corrected([wait_s], interval_s)[:-1]
    )


def _to_nothing(waits_s: Times, interval_s: float) -> list[float]:
    found = []
    for wait_s in waits_s:
        left_s = wait_s
        while left_s > 0 or left_s == wait_s:
            found.append(left_s)
            left_s -= interval_s
    return sorted(found)


PREDICTIONS = {
    "15.a": Prediction(what="mean wait of open customers at the same rate", unit="s"),
}

RECALL = {
    "15.1": Choice(
        of="14",
        asks="A line has 30 places, and 10 jobs are done a second. How long does somebody wait "
        "who got the last place?",
        right="3 s",
        why="The bound, divided by the capacity.",
        wrong={
            "0.3 s": "That is upside down.",
            "300 s": "Those are multiplied. Ten of the thirty are done each second.",
        },
    ),
    "15.2": Choice(
        of="11",
        asks="A quarter-hour brings 100 orders on average, at random. By how many does it "
        "usually miss that?",
        right="About 10.",
        why="The root of the number: the standard deviation of a Poisson count.",
        wrong={
            "About 1.": "That is the hundredth part. Chance is wilder: which root is it?",
            "About 50.": (
                "Chance is not so wild. Half as many, or twice as many, hardly ever come."
            ),
        },
    ),
    "15.3": Choice(
        of="03",
        asks="One slot is 99 % busy, jobs at random, exponential times. How long is the mean "
        "wait, in service times?",
        right="99",
        why="0.99 / 0.01.",
        wrong={
            "9": "That is for 90 %.",
            "100": "That is the response: it has the service itself, too.",
        },
    ),
}

EXERCISES = {
    "15.b": Exercise(
        right=Number(4.5, "s", within=0.05),
        answer="""
            4.5 seconds.

            Each user goes round: an answer, a thought, the next answer. 40 users who make 3.2
            requests a second together take `40 / 3.2`, or 12.5 s, for a round. 8 s of it are
            thinking.
        """,
        hints=(
            Hint(
                near(12.5, 0.01),
                "That is a whole round. A user thinks for 8 s of it.",
            ),
            Hint(
                near(20.5, 0.01),
                "The round of 12.5 s has the think time in it already: take it away.",
            ),
            Hint(
                near(40 / 8, 0.01),
                "40 users who think for 8 s would make 5 requests a second, if every answer came "
                "at once.",
            ),
            Hint(
                near(0.08, 0.02),
                "That is a share of requests and users. How long does a user take for a round?",
            ),
            Hint(
                near(0.3125, 0.01),
                "That is from one request to the next, of all users together. And of one user?",
            ),
        ),
        otherwise="Little's law for users: their number is requests a second times the seconds of "
        "a round, thought and answer together.",
    ),
    "15.c": Exercise(
        right=Whole(68, "users", least=True),
        answer="""
            68 users.

            Each makes a request every `20 + 2.5` s. `3 * 22.5` is 67.5, and 67 users make a
            little less than 3 a second.
        """,
        hints=(
            Hint(
                Between(67, 67.5),
                "Nearly: with 67 it is a little less than 3 a second.",
            ),
            Hint(
                Between(60, 60.5),
                "That would be so if every answer came at once. A user waits for it, too.",
            ),
            Hint(
                Between(7, 8),
                "That is how many wait for an answer at any moment. The others think.",
            ),
            Hint(
                Between(52, 53),
                "Think time and answer add up: a round takes longer than the thought alone.",
            ),
            Hint(
                Between(22, 23),
                "That is a round in seconds. Three such rounds are to begin in each second.",
            ),
        ),
        otherwise="How long does one user take from a request to the next? How many of those "
        "make 3 a second?",
    ),
    "15.d": Exercise(
        right=Make(
            solution=corrected,
            tries=(
                ([0.0, 0.5, 10.5], 2.0),
                ([35.0, 0.0, 0.0, 4.0, 7.0], 6.0),
                ([1.0, 2.0, 3.0, 12.0], 3.0),
                ([0.0, 0.0, 0.25], 1.0),
                ([], 5.0),
            ),
        ),
        answer="""
            A wait of 10.5 s hides those that would have begun 2, 4, 6 and 8 s later: they would
            have waited for 8.5, 6.5, 4.5 and 2.5 s. Shorter ones than the interval are left out,
            since they fall into a normal round.

            `corrected(stalled["closed"], 6)` lifts the users' p99 from 0.1 to about 10 s. Open
            customers saw 20 s: the crowd that a freeze leaves behind cannot be put back.
        """,
        hints=(
            Hint(
                Like(_as_they_are),
                "Nothing was added. In a long wait the tester did not ask, though it meant to.",
            ),
            Hint(
                Like(_one_more),
                "One wait was added for each long one. A wait of many intervals hides many.",
            ),
            Hint(
                Like(_just_as_long),
                "Whoever had asked later would have waited for less: an interval less each time.",
            ),
            Hint(
                Like(_without_what_was_seen),
                "The waits that were seen belong to it, too.",
            ),
            Hint(
                Like(_to_nothing),
                "Only as long as what is left is at least `interval_s`: the rest falls into a "
                "normal round.",
            ),
        ),
        otherwise="Keep each wait. Then take an interval away, again and again, and keep what is "
        "left as long as it is at least `interval_s`. Sort at the end.",
    ),
    "15.e": Exercise(
        right=Letters("bde", among="abcde"),
        answer="""
            b, d and e.

            All three wait for an answer before they ask again: if it takes twice as long, they ask
            half as often. Who follows a link (a) knows nothing of those who did before, and the
            card network (c) sends on whatever we do; if we do not answer, it even sends again.
        """,
        hints=(
            Hint(
                Letters("bd", among="abcde"),
                "There is one more. Who does not begin the next before the last is done?",
            ),
            Hint(
                Letters("be", among="abcde"),
                "There is one more. What does a virtual user do while it waits?",
            ),
            Hint(
                Letters("de", among="abcde"),
                "There is one more. What does `await` do?",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "The other way round: those come, however slow the shop is.",
            ),
            Hint(
                Letters("abde", among="abcde"),
                "Look at a again: does one visitor wait for another's page?",
            ),
            Hint(
                Letters("bcde", among="abcde"),
                "Look at c again: does a card payment wait for the answer to another one?",
            ),
        ),
        otherwise="Ask of each: does the next request come only after the last was answered?",
    ),
    "15.f": Exercise(
        right=Number(25, "s", within=0.5),
        answer="""
            25 seconds.

            Half of the customers come while it hangs. They wait from 0 to 100 s, 50 s on average;
            the other half do not wait. The tester says `100 / 101`, about 1 s: in the worse half of
            the time it asked once.
        """,
        hints=(
            Hint(
                near(50, 0.01),
                "That is the mean of those who come while it hangs. The others do not wait.",
            ),
            Hint(
                near(1, 0.02),
                "That is what the tester says. How many customers come while it hangs?",
            ),
            Hint(
                near(100, 0.01),
                "That is the longest. Who comes later in the hang waits for less.",
            ),
            Hint(
                near(0.5, 0.01),
                "One wait of 100 s in 200 s? Customers come all the time, not one in 200 s.",
            ),
        ),
        otherwise="What share of the customers come while it hangs, and how long do those wait on "
        "average?",
    ),
}
