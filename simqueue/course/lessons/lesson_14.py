"""Lesson 14 asks what helps when a burst comes: to shed, to hold back, or to scale."""

from __future__ import annotations

import math

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


def next_pods(ready: int, pods: int, target: int, most: int) -> int:
    """How many pods the autoscaler asks for at its next look."""
    wanted = math.ceil(ready / target)
    step = max(pods + 4, 2 * pods)
    return max(pods, min(wanted, step, most))


def _no_step(ready: int, pods: int, target: int, most: int) -> int:
    return max(pods, min(math.ceil(ready / target), most))


def _rounded_down(ready: int, pods: int, target: int, most: int) -> int:
    return max(pods, min(ready // target, max(pods + 4, 2 * pods), most))


def _never_doubled(ready: int, pods: int, target: int, most: int) -> int:
    return max(pods, min(math.ceil(ready / target), pods + 4, most))


def _only_doubled(ready: int, pods: int, target: int, most: int) -> int:
    return max(pods, min(math.ceil(ready / target), 2 * pods, most))


def _without_end(ready: int, pods: int, target: int, most: int) -> int:  # noqa: ARG001
    return max(pods, min(math.ceil(ready / target), max(pods + 4, 2 * pods)))


def _lets_go(ready: int, pods: int, target: int, most: int) -> int:
    return min(math.ceil(ready / target), max(pods + 4, 2 * pods), most)


def _on_top(ready: int, pods: int, target: int, most: int) -> int:
    return next_pods(ready + pods * target, pods, target, most)


PREDICTIONS = {
    "14.a": Prediction(what="share of the burst's customers done in 5 s", unit="%"),
}

RECALL = {
    "14.1": Choice(
        of="00",
        asks="40 jobs come a second, 20 are done a second, and that for a minute. How large is "
        "the backlog then?",
        right="1,200 jobs",
        why="20 a second more than can be done, for 60 s.",
        wrong={
            "2,400 jobs": "So many came. Some of them are done.",
            "20 jobs": "That is what is added each second.",
        },
    ),
    "14.2": Choice(
        of="00",
        asks="1,200 jobs wait, and 20 are done a second. How long does the last of them wait?",
        right="60 s",
        why="The wait is the backlog, divided by what is done a second.",
        wrong={
            "20 s": "That is no time: 20 is how many are done in a second.",
            "0 s": "All those before it must be done first.",
        },
    ),
    "14.3": Choice(
        of="13",
        asks="A printer is 90 % busy with equal jobs. Half of them are VIPs and go first. How "
        "many times as long do the others wait as without VIPs?",
        right="1.8 times",
        why="1 / (1 - 0.5 × 0.9).",
        wrong={
            "1 time: as before": (
                "The mean over all stays. So if VIPs wait less, somebody waits more."
            ),
            "2 times": "Nearly. The formula has the load in it, too.",
        },
    ),
}

EXERCISES = {
    "14.b": Exercise(
        right=Number(100 * 2 / 120, "%", within=0.1),
        answer="""
            1.7 %: two seconds of the two minutes.

            60 a second more come than are done. After u seconds 60 u jobs wait, and 20 a second
            are done: who comes then waits 3 u seconds. That is 6 s after 2 s. A burst that is
            twice as steep leaves less than half of the time.
        """,
        hints=(
            Hint(
                near(5, 0.02),
                "That is where the wait grows by a second each second. Here 60 a second more come "
                "than the 20 that are done.",
            ),
            Hint(
                near(25, 0.02),
                "That is whom a bound would serve in time. Here there is no limit.",
            ),
            Hint(
                near(1.25, 0.02),
                "While they come, 20 a second are done. So the line grows by 60 a second, not 80.",
            ),
            Hint(
                Between(1.95, 2.05),
                "That is how many seconds it goes well. What share of the two minutes is it?",
            ),
            Hint(
                near(100 * 8 / 120, 0.02),
                "The line is worked off at 20 a second, not at the 80 that come.",
            ),
        ),
        otherwise="How long is the line u seconds into the burst? Divide it by what is done in a "
        "second: that is the wait of who comes then. For which u is it 6 s?",
    ),
    "14.c": Exercise(
        right=Whole(20, "places in the line", least=True),
        answer="""
            20.

            16 jobs a second of 0.5 s are a load of 8 on ten slots. `theory.mmck_blocked(10, 19, 8)`
            is 1.2 in 1,000, and with 20 it is 0.9. In the lesson's calm 8 would do: a line takes up
            chance, and there is more of it the busier the slots are.
        """,
        hints=(
            Hint(
                Between(19, 19.9),
                "Nearly: with 19 it is still 1.2 in 1,000.",
            ),
            Hint(
                Between(7, 8),
                "That is for 12 jobs a second. Here 16 come.",
            ),
            Hint(
                Between(29, 30),
                "K counts the slots, too. How many *wait*?",
            ),
            Hint(
                Between(9, 10),
                "That is 1 in 100.",
            ),
            Hint(
                Between(80, 90),
                "That is the most that patience allows. How many does chance need?",
            ),
            Hint(
                Between(0, 0.5),
                "Without a line more than 1 in 10 are turned away: Erlang's loss formula.",
            ),
        ),
        otherwise="The load is jobs a second times seconds of a job. Put it into `mmck_blocked` "
        "with ten slots, and try numbers until it is at most 0.001.",
    ),
    "14.d": Exercise(
        right=Make(
            solution=next_pods,
            tries=(
                (300, 2, 20, 10),
                (95, 3, 20, 10),
                (900, 6, 20, 40),
                (900, 2, 20, 5),
                (10, 6, 20, 10),
                (200, 8, 20, 30),
                (0, 2, 20, 10),
            ),
        ),
        answer="""
            `ceil(ready / target)`, but not above the step, not above `most`, and not below what
            there is. The maximum of the two steps counts: from 2 pods 4 more are the wider one,
            from 6 on it is doubling.
        """,
        hints=(
            Hint(
                Like(_no_step),
                "So many at once? The step allows 4 more, or twice as many.",
            ),
            Hint(
                Like(_rounded_down),
                "Half a pod's worth of jobs takes a pod: round up.",
            ),
            Hint(
                Like(_never_doubled),
                "Of the two steps the wider one counts. What does doubling give from 6 pods on?",
            ),
            Hint(
                Like(_only_doubled),
                "Of the two steps the wider one counts. From 2 pods, 4 more are wider.",
            ),
            Hint(
                Like(_without_end),
                "There is a `most`.",
            ),
            Hint(
                Like(_lets_go),
                "It lets pods go there. For five minutes after a burst it does not.",
            ),
            Hint(
                Like(_on_top),
                "The jobs say how many pods there should be *in all*, not how many more.",
            ),
        ),
        otherwise="How many would the jobs need? Then: no more than the wider step, no more than "
        "`most`, and no fewer than there are.",
    ),
    "14.e": Exercise(
        right=Letters("cef", among="abcdef"),
        answer="""
            c, e and f.

            What is there before the burst helps: a minimum (c), or pods asked for a start's length
            before (f). A bound (e) serves half of them in time. A lower target (a) and a higher
            maximum (b) only let more pods come, at the same late moment. And whoever asks when the
            mail goes out (d) has pods when the burst is over.
        """,
        hints=(
            Hint(
                Letters("cf", among="abcdef"),
                "There is one more, and it needs no pod.",
            ),
            Hint(
                Letters("ce", among="abcdef"),
                "There is one more. When are pods up that are asked for a minute before?",
            ),
            Hint(
                Letters("cdef", among="abcdef"),
                "Look at d again: a pod takes 60 s to start. What is over by then?",
            ),
            Hint(
                Letters("acef", among="abcdef"),
                "Look at a again: when do the pods come that a lower target asks for?",
            ),
            Hint(
                Letters("bcef", among="abcdef"),
                "Look at b again: when do the first of the 30 take jobs?",
            ),
            Hint(
                Letters("ab", among="abcdef"),
                "Those bring more pods. Do they bring them sooner?",
            ),
        ),
        otherwise="Ask of each: is anything different by the 15th second of the burst?",
    ),
    "14.f": Exercise(
        right=Number(90, "bursts", within=1),
        answer="""
            About 90 a day.

            A burst costs 8 pods times 6 minutes, 0.8 pod-hours. Three pods all day are 72.
            `72 / 0.8` is 90. So the autoscaler is cheap; it is just not there in time. Pods by a
            timetable are cheaper still.
        """,
        hints=(
            Hint(
                near(30, 0.03),
                "That is for one pod all day. Here there are three.",
            ),
            Hint(
                near(240, 0.02),
                "So many times 6 minutes does a day have. Each burst costs 8 pods, not 1; and the "
                "others are three.",
            ),
            Hint(
                near(640, 0.02),
                "Turned round: three pods are there all day, eight for 6 minutes.",
            ),
            Hint(
                near(1.5, 0.05),
                "8 pods for 6 *minutes* are not 48 pod-hours.",
            ),
            Hint(
                near(720, 0.02),
                "That is one pod for 6 minutes. Each burst asks for 8.",
            ),
        ),
        otherwise="How many pod-hours does one burst cost? And three pods in 24 hours?",
    ),
}
