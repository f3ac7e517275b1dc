"""Lesson 13 asks who pays for the VIP's speed: priorities, and what they cost whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, near

Times = Sequence[float]
Priorities = Sequence[int]


def priority_waits(came_s: Times, priorities: Priorities, service_s: float) -> list[float]:
    """Waits of jobs that all take ``service_s`` in one slot, in the order in which they came."""
    waited = [0.0] * len(came_s)
    left, free_at = list(range(len(came_s))), 0.0
    while left:
        now = max(free_at, came_s[left[0]])
        there = [job for job in left if came_s[job] <= now]
        job = min(there, key=lambda one: (priorities[one], one))
        waited[job] = now - came_s[job]
        free_at = now + service_s
        left.remove(job)
    return waited


def _waits(
    rank: Callable[[int, int], tuple[float, ...]] = lambda priority, number: (priority, number),
    *,
    foreseen: bool = False,
    early: bool = False,
    served: bool = False,
) -> Callable[..., list[float]]:
    """A `priority_waits` that makes a mistake: in who is next, who is there, start or end."""

    def mistaken(came_s: Times, priorities: Priorities, service_s: float) -> list[float]:
        waited = [0.0] * len(came_s)
        left, free_at = list(range(len(came_s))), 0.0
        while left:
            now = max(free_at, came_s[left[0]])
            there = left if foreseen else [job for job in left if came_s[job] <= now]
            job = min(there, key=lambda one: rank(priorities[one], one))
            start = free_at if early else max(now, came_s[job])
            waited[job] = max(0.0, start - came_s[job]) + (service_s if served else 0.0)
            free_at = start + service_s
            left.remove(job)
        return waited

    return mistaken


_in_order = _waits(lambda _, number: (number,))
_largest_first = _waits(lambda priority, number: (-priority, number))
_none_last = _waits(lambda priority, number: (priority == 0, priority, number))
_newest_first = _waits(lambda priority, number: (priority, -number))
_clairvoyant = _waits(foreseen=True)
_never_idle = _waits(early=True)
_responses = _waits(served=True)

_CAME_S = [0.0, 0.5, 1.0, 1.5, 2.0, 9.0, 9.5, 10.0, 10.25, 17.0, 40.0, 40.5, 41.0, 41.5]

PREDICTIONS = {
    "13.a": Prediction(what="wait that 1 in 100 of the others exceeds, with 76 % VIPs", unit="s"),
}

RECALL = {
    "13.1": Choice(
        of="05",
        asks="One printer, 90 % busy; each label takes just 2 s; orders come at random. How long "
        "is the mean wait?",
        right="9 s",
        why="9 service times would be 18 s; without any spread it is half.",
        wrong={
            "18 s": "That is for exponential times. What does constant mean for the wait?",
            "20 s": "That is the response, with exponential times.",
        },
    ),
    "13.2": Choice(
        of="04",
        asks="Ten slots with a line each, 80 % busy, become one pool of ten. How long is the "
        "mean wait then, beside before?",
        right="About a twentieth.",
        why="Erlang's formula: 0.2 service times instead of 4.",
        wrong={
            "As long: the slots are as busy.": (
                "With ten lines a slot can be idle while a job waits elsewhere."
            ),
            "About a half.": "So much is gained by two slots in a pool already.",
        },
    ),
    "13.3": Choice(
        of="06",
        asks="Each attempt fails with a chance of 20 %, whatever came before. Jobs have 3 "
        "attempts. Which share is given up?",
        right="0.8 %",
        why="All three must fail: 0.2 × 0.2 × 0.2.",
        wrong={
            "20 %": "That is after one attempt.",
            "60 %": "Those are added up. What must happen for a job to be given up?",
        },
    ),
}

EXERCISES = {
    "13.b": Exercise(
        right=Number((9 - 0.3 * 1.2) / 0.7, "s", within=0.1),
        answer="""
            12.3 seconds.

            The mean over all jobs stays 9 s. VIPs bring `0.3 * 1.2` of it, so the others bring
            `9 - 0.36`, and they are 70 %: `8.64 / 0.7`.
        """,
        hints=(
            Hint(
                near(9, 0.005),
                "That is the mean over all. The VIPs are far below it, so the others are above.",
            ),
            Hint(
                near(8.64, 0.005),
                "That is what the others bring to the mean over all. They are 70 % of the jobs.",
            ),
            Hint(
                near(9 / 0.7, 0.002),
                "Nearly. VIPs wait as well, though not for long: they bring a part of the mean.",
            ),
            Hint(
                near(9 + 7.8, 0.01),
                "Each VIP saves 7.8 s. But three VIPs are paid for by seven others.",
            ),
            Hint(
                near(9 + 0.3 * 7.8, 0.01),
                "The VIPs save 0.3 times 7.8 s for each job. Only 70 % of the jobs pay for it.",
            ),
            Hint(
                near(9 + 7.8 * 0.7 / 0.3, 0.01),
                "That is with 70 % VIPs.",
            ),
        ),
        otherwise="0.3 times the VIPs' wait and 0.7 times the others' wait are what the wait of "
        "all was before.",
    ),
    "13.c": Exercise(
        right=Letters("bd", among="abcde"),
        answer="""
            b and d.

            A smaller number goes first, and a job without a priority goes before all that have
            one. So in a the VIPs are *last*: the setting that most people try. In c they are last,
            too. In e all are alike, and stand in one line.
        """,
        hints=(
            Hint(
                Letters("abd", among="abcde"),
                "Look at a again. Where does BullMQ put a job that has no priority?",
            ),
            Hint(
                Letters("ad", among="abcde"),
                "Look at a again. Where does BullMQ put a job that has no priority?",
            ),
            Hint(
                Letters("ac", among="abcde"),
                "The other way round, twice: small numbers go first, and none goes before all.",
            ),
            Hint(
                Letters("bc", among="abcde"),
                "Is a priority of 10 better than 1? In BullMQ small numbers go first.",
            ),
            Hint(
                Letters("d", among="abcde"),
                "There is one more. A job without a priority has a place, too.",
            ),
            Hint(
                Letters("b", among="abcde"),
                "There is one more. What do two numbers say?",
            ),
        ),
        otherwise="Two rules: jobs without a priority come first; then the smallest number.",
    ),
    "13.d": Exercise(
        right=Make(
            solution=priority_waits,
            tries=(
                ([0.0, 1.0, 2.0], [2, 2, 1], 4.0),
                ([0.0, 1.0, 2.0, 3.0], [1, 1, 0, 1], 4.0),
                (_CAME_S, [2, 2, 1, 2, 1, 1, 2, 2, 1, 2, 2, 1, 2, 1], 2.0),
                (_CAME_S, [3, 2, 0, 2, 1, 0, 3, 2, 0, 1, 0, 2, 3, 0], 3.0),
                (_CAME_S, [1] * 14, 5.0),
            ),
        ),
        answer="""
            When the slot is free, look only at who has come by then. Nobody there: the clock goes
            on to the next who comes. Among those who are there the smallest number wins, and
            among equals who came first. Whoever has started is not interrupted.
        """,
        hints=(
            Hint(
                Like(_in_order),
                "That is one line in order of arrival: the priorities change nothing yet.",
            ),
            Hint(
                Like(_largest_first),
                "The other way round: in BullMQ the smallest number goes first.",
            ),
            Hint(
                Like(_none_last),
                "0 means no priority, and such jobs go before all others, not after them.",
            ),
            Hint(
                Like(_newest_first),
                "Among jobs of one priority, who came first goes first.",
            ),
            Hint(
                Like(_clairvoyant),
                "The slot stood idle for a VIP who had not come yet. It only knows who is there.",
            ),
            Hint(
                Like(_never_idle),
                "No job starts before it has come: an idle slot cannot work ahead.",
            ),
            Hint(
                Like(_responses),
                "Those are response times. The wait ends when the work starts.",
            ),
        ),
        otherwise="Keep a list of who is left, and when the slot will be free. Each time: what "
        "time is it, who has come by then, and who of them goes first?",
    ),
    "13.e": Exercise(
        right=Number(500 / 9, "%", within=0.6),
        answer="""
            55.6 %, or 5/9.

            The others wait `1 / (1 - vips * load)` times as long as in one line. For twice as long
            `vips * load` is a half: the VIPs alone keep the printer half busy. At a load of 0.9
            that is `0.5 / 0.9` of the jobs.
        """,
        hints=(
            Hint(
                near(50, 0.01),
                "That is the VIPs' load: how busy they alone keep the slot. Which share of the "
                "jobs brings it?",
            ),
            Hint(
                near(45, 0.01),
                "Half of the load is 0.45. But it is the VIPs' own load that is a half.",
            ),
            Hint(
                near(11.1, 0.02),
                "For that the others wait hardly a tenth longer.",
            ),
            Hint(
                Between(88, 100),
                "So many? Then the slot is taken by VIPs four fifths of the time, or more, and "
                "the others wait five times as long.",
            ),
        ),
        otherwise="Cobham: the others wait 1 / (1 - vips * load) times as long as in one line. Set "
        "that to 2.",
    ),
}
