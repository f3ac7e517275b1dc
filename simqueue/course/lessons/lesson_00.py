"""Lesson 00 asks what changes between three adapters for one checkout."""

from __future__ import annotations

from simqueue.course.questions import Between, Exercise, Hint, Letters, Prediction, near

PREDICTIONS = {
    "00.a": Prediction(what="longest wait of a request", time=True),
}

EXERCISES = {
    "00.b": Exercise(
        right=Between(11.5, 13),
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
                Between(0, 1),
                "One caller is what we tried. It fell two days behind.",
            ),
        ),
        otherwise="Orders a second at the peak, times seconds of work for one order: that many "
        "callers are busy all the time.",
    ),
    "00.c": Exercise(
        right=near(54_400 * 0.02**3, 0.1),
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
}
