"""Lesson 00 asks what changes between three adapters for one checkout."""

from __future__ import annotations

from collections.abc import Sequence

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


def waits(came_s: Times, takes_s: Times, places: int) -> list[float]:
    """How long each request waits for the place that is free first."""
    free_at = [0.0] * places
    waited = []
    for came, takes in zip(came_s, takes_s, strict=True):
        free_at.sort()
        start = max(came, free_at[0])
        waited.append(start - came)
        free_at[0] = start + takes
    return waited


def _one_place(came_s: Times, takes_s: Times, places: int) -> list[float]:  # noqa: ARG001
    return waits(came_s, takes_s, 1)


def _in_turn(came_s: Times, takes_s: Times, places: int) -> list[float]:
    free_at = [0.0] * places
    waited = []
    for number, (came, takes) in enumerate(zip(came_s, takes_s, strict=True)):
        start = max(came, free_at[number % places])
        waited.append(start - came)
        free_at[number % places] = start + takes
    return waited


def _waits_below_zero(came_s: Times, takes_s: Times, places: int) -> list[float]:
    free_at = [0.0] * places
    waited = []
    for came, takes in zip(came_s, takes_s, strict=True):
        free_at.sort()
        waited.append(free_at[0] - came)
        free_at[0] = max(came, free_at[0]) + takes
    return waited


def _free_too_soon(came_s: Times, takes_s: Times, places: int) -> list[float]:
    free_at = [0.0] * places
    waited = []
    for came, takes in zip(came_s, takes_s, strict=True):
        free_at.sort()
        waited.append(max(0.0, free_at[0] - came))
        free_at[0] = came + takes
    return waited


def _responses(came_s: Times, takes_s: Times, places: int) -> list[float]:
    waited = waits(came_s, takes_s, places)
    return [wait + takes for wait, takes in zip(waited, takes_s, strict=True)]


def _starts(came_s: Times, takes_s: Times, places: int) -> list[float]:
    waited = waits(came_s, takes_s, places)
    return [came + wait for came, wait in zip(came_s, waited, strict=True)]


def _nobody_waits(came_s: Times, takes_s: Times, places: int) -> list[float]:  # noqa: ARG001
    return [0.0] * len(came_s)


PREDICTIONS = {
    "00.a": Prediction(what="p95 of P's last effects", unit="s"),
}

EXERCISES = {
    "00.b": Exercise(
        right=Whole(12, "callers", also=(13,)),
        answer="""
            12 callers (13 is right, too: chance can make a quarter-hour busier than planned).

            The recorded peak is 7 orders in a quarter-hour. Scaled, that is `7 * 400 / 900`, or
            3.1 orders a second. One order is 3.8 seconds of work: an order job, a payment job and
            two emails. `3.1 * 3.8` is 11.8, so fewer than 12 callers fall behind.

            Try `busy_day("mode=in-process", "caller.concurrency=12")`.
        """,
        hints=(
            Hint(
                Between(4.5, 5),
                "That is the work of the whole day, spread evenly: 57.5 hours in 12. But customers "
                "do not come evenly. Take the busiest quarter-hour.",
            ),
            Hint(
                Between(6, 7),
                "That is enough for the order jobs alone. A caller also does the payment and the "
                "two emails: how many seconds is that for one order?",
            ),
            Hint(
                Between(3, 3.2),
                "That is how many orders come in a second. Each of them brings several seconds "
                "of work.",
            ),
            Hint(
                Between(9, 10.5),
                "Did you leave out the emails? A caller does an order, its payment and both of "
                "their emails: add up the seconds of all four.",
            ),
            Hint(
                Between(10.6, 11.4),
                "Nearly: 11 callers do 11 seconds of work a second, and a little more than that "
                "comes in.",
            ),
            Hint(
                Between(11.7, 11.9),
                "So many callers are busy all the time. There are only whole ones.",
            ),
            Hint(
                Between(14, 20),
                "That is enough, with some to spare. Would fewer do, by the plan?",
            ),
            Hint(
                Between(0, 1),
                "One caller is what we tried. It needs 57.5 hours for a day of 12.",
            ),
        ),
        otherwise="Orders a second at the peak, times seconds of work for one order: that many "
        "callers are busy all the time.",
    ),
    "00.c": Exercise(
        right=Number(54_400 * 0.02**3, "payments", within=0.05),
        answer="""
            About 0.44: on most days none.

            A payment fails for good if all 3 attempts fail. That happens with probability
            `0.02 ** 3`, 8 in a million. `54_400 * 0.02 ** 3` is 0.44. In training mode the first
            failure is final: `54_400 * 0.02` is 1,088 error pages a day.
        """,
        hints=(
            Hint(
                near(54_400 * 0.02, 0.02),
                "That is how many first attempts fail: right for training mode. With a queue, all "
                "3 attempts must fail.",
            ),
            Hint(
                near(54_400 * 0.02**2, 0.1),
                "That is two failures in a row. The policy is 3 attempts, the first included.",
            ),
            Hint(
                near(54_400 * 0.02**4, 0.1),
                "That is four failures in a row. 3 attempts are 2 retries: the first attempt "
                "counts.",
            ),
            Hint(
                near(54_400 * 0.06, 0.05),
                "Adding the three chances asks whether any attempt fails. Here all of them must.",
            ),
            Hint(
                near(0.02**3, 0.1),
                "That is the chance for one payment. How many payments are there?",
            ),
            Hint(
                Between(0, 0),
                "Rare, but not impossible: what is the mean over many such days?",
            ),
        ),
        otherwise="A payment fails for good only if each of its 3 attempts fails. What is the "
        "chance of that, and how many payments does the day bring?",
    ),
    "00.d": Exercise(
        right=Letters("ae", among="abcde"),
        answer="""
            a and e.

            `Decimal` (b) has no form in JSON, so `json.dumps` raises `TypeError`. The other two
            are worse, because nothing is raised: a tuple (c) comes back as a list, and the number
            1 as a key (d) comes back as the text "1".

            `json.loads(json.dumps(payload)) == payload` finds all three. That line belongs in the
            tests of every job.
        """,
        hints=(
            Hint(
                Letters("abe", among="abcde"),
                "Three, but one of them raises: try `json.dumps` on each.",
            ),
            Hint(
                Letters("acde", among="abcde"),
                "`json.dumps` takes those four. But do they come back as they were? Compare "
                "`json.loads(json.dumps(payload))` with `payload`.",
            ),
            Hint(
                Letters("ace", among="abcde"),
                "Look at what comes back for c. Is it still a tuple?",
            ),
            Hint(
                Letters("ade", among="abcde"),
                "Look at the key that comes back for d. Is it still a number?",
            ),
            Hint(
                Letters("a", among="abcde"),
                "There is one more. Texts, numbers, lists and tables nest as deep as you like.",
            ),
            Hint(
                Letters("e", among="abcde"),
                "There is one more. What about a plain text?",
            ),
        ),
        otherwise="Let Python say: for which payloads is `json.loads(json.dumps(payload)) == "
        "payload` true?",
    ),
    "00.e": Exercise(
        right=Make(
            solution=waits,
            tries=(
                ([0, 1, 2], [5, 5, 5], 1),
                ([0, 0, 0, 0], [4, 1, 1, 1], 2),
                ([0, 10, 20], [1, 1, 1], 1),
                ([0, 1, 2, 3, 4, 5], [3, 4, 3, 4, 3, 4], 2),
                ([0.5, 0.6], [2.0, 2.0], 15),
            ),
        ),
        answer="""
            Remember for each place when it will be free. A request takes the one that is free
            first, and starts then, or when it comes: whichever is later.

            That is a simulator: what the library does for training mode, without the emails. Give
            it 2,000 requests, and compare 15 places for all of them with three times 5 places for
            a third each. The pool waits less, because no place idles while somebody waits.
        """,
        hints=(
            Hint(
                Like(_nobody_waits),
                "With so few places somebody has to wait. Do you remember until when each place is "
                "taken?",
            ),
            Hint(
                Like(_one_place),
                "That is the wait with one place. Keep a list of moments, one for each place.",
            ),
            Hint(
                Like(_in_turn),
                "Each place in its turn is not the one that is free first: somebody waits for a "
                "long request, and another place idles.",
            ),
            Hint(
                Like(_waits_below_zero),
                "A wait below zero? Who finds a free place waits 0 s, however long it was free.",
            ),
            Hint(
                Like(_free_too_soon),
                "A place is taken from the moment its request starts. Is that when the request "
                "came?",
            ),
            Hint(
                Like(_responses),
                "Those are the times until each request is done. The wait ends where its work "
                "begins.",
            ),
            Hint(
                Like(_starts),
                "Those are the moments at which requests start. How long is that after they came?",
            ),
        ),
        otherwise="Follow three requests of 5 s on one place, which come at 0, 1 and 2 s. When is "
        "the place free for each of them, and how long has it waited by then?",
    ),
}
