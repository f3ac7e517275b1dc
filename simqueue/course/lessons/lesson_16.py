"""Lesson 16 walks from a running queue to the answer for Friday."""

from __future__ import annotations

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, Whole

Events = list[tuple[float, str]]
#: Events with which an attempt gives its slot back: it is over, or its job waits for a retry.
_OVER = ("completed", "failed", "delayed")


def slots_in_use(events: Events) -> int:
    """The most attempts that ran at once."""
    steps = []
    for at_s, event in events:
        if event == "active":
            steps.append((at_s, 1))
        elif event in ("completed", "failed", "delayed"):
            steps.append((at_s, -1))
    running = most = 0
    for _, step in sorted(steps):  # at one moment ends come first: -1 before 1
        running += step
        most = max(most, running)
    return most


def _starts(events: Events) -> int:
    return sum(event == "active" for _, event in events)


def _only_completed(events: Events) -> int:
    return slots_in_use([one for one in events if one[1] not in ("failed", "delayed")])


def _no_retries(events: Events) -> int:
    return slots_in_use([one for one in events if one[1] != "delayed"])


def _waiting_too(events: Events) -> int:
    running = most = 0
    for _, event in sorted(events):
        running += (event == "added") - (event in ("completed", "failed"))
        most = max(most, running)
    return most


def _starts_first(events: Events) -> int:
    turned = [(at_s, -step) for at_s, step in _steps(events)]
    running = most = 0
    for _, step in sorted(turned):
        running -= step
        most = max(most, running)
    return most


def _as_it_comes(events: Events) -> int:
    running = most = 0
    for _, step in _steps(events):
        running += step
        most = max(most, running)
    return most


def _at_the_end(events: Events) -> int:
    return sum(step for _, step in _steps(events))


def _steps(events: Events) -> list[tuple[float, int]]:
    known = {"active": 1, **dict.fromkeys(_OVER, -1)}
    return [(at_s, known[event]) for at_s, event in events if event in known]


def _tries() -> tuple[tuple[Events], ...]:
    one = [(0.0, "added"), (0.0, "active"), (1.0, "added"), (1.0, "active")]
    one += [(2.0, "completed"), (2.5, "added"), (2.5, "active"), (3.0, "failed")]
    retried = [(0.0, "active"), (1.0, "delayed"), (2.0, "active"), (3.0, "delayed")]
    retried += [(5.0, "active"), (6.0, "completed")]
    failed = [(0.0, "active"), (1.0, "failed"), (2.0, "active"), (3.0, "completed")]
    tie = [(0.0, "active"), (1.0, "active"), (1.0, "completed"), (2.0, "completed")]
    late = [(4.0, "completed"), (5.0, "completed"), (0.0, "active"), (3.0, "active")]
    crowd = [(float(n), "added") for n in range(6)]
    crowd += [(0.0, "active"), (1.0, "active"), (2.0, "completed"), (3.0, "active")]
    crowd += [(4.0, "failed"), (5.0, "completed")]
    return (one,), (retried,), (failed,), (tie,), (late,), (crowd,), ([],)


PREDICTIONS = {
    "16.a": Prediction(what="p95 of the webhooks on Friday, nothing changed", unit="s"),
}

RECALL = {
    "16.1": Choice(
        of="02",
        asks="Of a queue 6 jobs start in a second, and each keeps its slot for 0.6 s. How many "
        "slots are busy on average?",
        right="3.6",
        why="Little's law: the rate times the time in it.",
        wrong={
            "10": "Those are divided. Each second brings several jobs, each with its time.",
            "6": "That would be so if each kept its slot for a whole second.",
        },
    ),
    "16.2": Choice(
        of="14",
        asks="For a minute 10 jobs come in a second, and 6 are let through. How long does the "
        "last of them wait?",
        right="40 s",
        why="240 are too many then, and 6 a second are let through.",
        wrong={
            "24 s": "So long it takes them to come. They leave more slowly.",
            "4 s": "Each second leaves some behind, and the minute has sixty of them.",
        },
    ),
    "16.3": Choice(
        of="11",
        asks="A target held on 10 of 10 simulated days. On how many of a hundred such days may "
        "it fail, to be 95 % sure?",
        right="On up to 26.",
        why="Ten days tell little of rare ones: plan prints 74 to 100.",
        wrong={
            "On none.": "Ten days without a failure are no hundred.",
            "On up to 5.": "Days that fail once in ten would often not be among ten days.",
        },
    ),
}

EXERCISES = {
    "16.b": Exercise(
        right=Number(60, "s", within=1),
        answer="""
            60 s.

            3 a second more come than may start. After 120 s 360 stand in line, and 6 a second
            start: `360 / 6`. How many slots are idle meanwhile does not matter.
        """,
        hints=(
            Hint(
                Between(39, 41),
                "The line gets shorter by 6 a second, not by the 9 that come.",
            ),
            Hint(
                Between(355, 365),
                "That is how many stand in line. How long until the last of them starts?",
            ),
            Hint(
                Between(119, 121),
                "That is how long they come. How long is the line by then?",
            ),
            Hint(
                Between(178, 182),
                "That would be if none started meanwhile: 6 a second do.",
            ),
            Hint(
                Between(0, 2),
                "It is not the rate that counts, it is the line: it grows all the time.",
            ),
        ),
        otherwise="By how many a second does the line grow? How long is it after two minutes? And "
        "how fast is it worked off?",
    ),
    "16.c": Exercise(
        right=Whole(3, "worker processes", least=True),
        answer="""
            3.

            At the peak 6 a second come, an attempt takes 1.5 s, and a twentieth of them are
            repeated: `6 * 1.5 * 1.05` is 9.5 busy slots. Two processes have 8, three have 12. That
            they keep up does not say how long anybody waits: that is what `plan` is for.
        """,
        hints=(
            Hint(
                Between(2, 2.4),
                "Two processes have 8 slots. How many are busy at Friday's peak?",
            ),
            Hint(
                Between(9, 10),
                "That is how many slots are busy. A process has four.",
            ),
            Hint(
                Between(1, 1.3),
                "That is for the day that was watched. Friday brings twice as many.",
            ),
            Hint(
                Between(12, 12),
                "Twelve slots. How many processes are that?",
            ),
            Hint(
                Between(4, 4),
                "That is twice of what there is. But what there is was not full.",
            ),
        ),
        otherwise="Slots that are busy: jobs a second, times seconds of an attempt, times attempts "
        "for each job. Then divide by the slots of a process, and round up.",
    ),
    "16.d": Exercise(
        right=Letters("acd", among="abcdef"),
        answer="""
            a, c and d.

            Redis holds what workers ask of it. A limiter that was never full (a) and slots that
            were never needed (d) left no trace; what an attempt does between its start and its end
            (c) happens in the worker. Failures (b), attempts and backoff (e) and when jobs came (f)
            are in the events and in the jobs' options.
        """,
        hints=(
            Hint(
                Letters("ad", among="abcdef"),
                "There is one more: what happens between the event of an attempt's start and that "
                "of its end?",
            ),
            Hint(
                Letters("ac", among="abcdef"),
                "There is one more: what of a process that never had as many jobs as it could?",
            ),
            Hint(
                Letters("cd", among="abcdef"),
                "There is one more, and this lesson fell for it.",
            ),
            Hint(
                Letters("acde", among="abcdef"),
                "Look at e again: whoever adds a job gives it its options, and BullMQ keeps them "
                "with it.",
            ),
            Hint(
                Letters("abcd", among="abcdef"),
                "Look at b again: there are events for failures and for retries.",
            ),
            Hint(
                Letters("bef", among="abcdef"),
                "Those are all in Redis. I want the others.",
            ),
        ),
        otherwise="Ask of each: would Redis hold anything else if it were otherwise?",
    ),
    "16.e": Exercise(
        right=Make(solution=slots_in_use, tries=_tries()),
        answer="""
            One more at each `active`, one fewer when the attempt is over, and the largest number on
            the way. Stamps are whole milliseconds: what ends and what starts in the same one shared
            a slot, so ends go first. It is the most that was *in use*: there may be more.
        """,
        hints=(
            Hint(
                Like(_starts),
                "That is how many started. They also end.",
            ),
            Hint(
                Like(_only_completed),
                "A failed attempt gives its slot back, too: `failed`, or `delayed` for a retry.",
            ),
            Hint(
                Like(_no_retries),
                "What is tried again gives its slot back meanwhile: its event is `delayed`.",
            ),
            Hint(
                Like(_waiting_too),
                "Those that wait are in it. A job takes a slot from `active` on.",
            ),
            Hint(
                Like(_starts_first),
                "At one moment, ends come first: who starts takes the slot of who ends.",
            ),
            Hint(
                Like(_as_it_comes),
                "Put the events in the order of their times first; at one moment, ends first.",
            ),
            Hint(
                Like(_at_the_end),
                "That is how many still ran at the end. I want the most at any moment.",
            ),
        ),
        otherwise="Go through the events in the order of their times, ends first. Count one up at "
        "`active`, one down at `completed`, `failed` and `delayed`; keep the largest.",
    ),
}
