"""Lesson 06 asks what retries cost, and when the shape of the backoff matters."""

from __future__ import annotations

from collections.abc import Callable

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
from simqueue.results.theory import mmc_wait_mean, retry_rate


def attempts_allowed(rate: float, p: float, seconds: float, slots: int, target_s: float) -> int:
    """The most attempts, up to 20, with which the mean wait for a slot keeps to ``target_s``."""
    allowed = 0
    for attempts in range(1, 21):
        total = retry_rate(rate, p, attempts)
        if total * seconds >= slots or mmc_wait_mean(total, seconds, slots) > target_s:
            break
        allowed = attempts
    return allowed


def _with(rate_of: Callable[[float, float, int], float]) -> Callable[..., int]:
    """The same search, with another idea of how many attempts come in a second."""

    def allowed(rate: float, p: float, seconds: float, slots: int, target_s: float) -> int:
        most = 0
        for attempts in range(1, 21):
            total = rate_of(rate, p, attempts)
            if total * seconds >= slots or mmc_wait_mean(total, seconds, slots) > target_s:
                break
            most = attempts
        return most

    return allowed


_all_made = _with(lambda rate, _, attempts: rate * attempts)
_each_as_likely = _with(lambda rate, p, attempts: rate * (1 + p * (attempts - 1)))
_one_more = _with(lambda rate, p, attempts: rate * sum(p**k for k in range(attempts + 1)))
_no_retries = _with(lambda rate, *_: rate)
_without_end = _with(lambda rate, p, _: rate / (1 - p))


def _as_retries(rate: float, p: float, seconds: float, slots: int, target_s: float) -> int:
    return max(0, attempts_allowed(rate, p, seconds, slots, target_s) - 1)


def _first_too_many(rate: float, p: float, seconds: float, slots: int, target_s: float) -> int:
    return attempts_allowed(rate, p, seconds, slots, target_s) + 1


def _only_keeps_up(rate: float, p: float, seconds: float, slots: int, target_s: float) -> int:  # noqa: ARG001
    allowed = 0
    while allowed < 20 and retry_rate(rate, p, allowed + 1) * seconds < slots:
        allowed += 1
    return allowed


PREDICTIONS = {
    "06.a": Prediction(what="mean wait for a slot with the long backoff", unit="s"),
}

RECALL = {
    "06.1": Choice(
        of="05",
        asks="Two gateways: same mean, same load. A always takes the same time, B's times have "
        "cv = 3. How many times as long is the wait with B?",
        right="10 times",
        why="The wait grows with 1 + cv².",
        wrong={
            "3 times": "The formula has the square of cv.",
            "9 times": "Nearly. With cv = 0 there is a wait, too: what stands beside cv²?",
        },
    ),
    "06.2": Choice(
        of="03",
        asks="15 jobs come a second, 0.2 s each, and there are 4 slots. How busy are they?",
        right="75 %",
        why="15 × 0.2 are 3 busy slots, of 4.",
        wrong={
            "3 %": "3 is a number of slots, not a share.",
            "19 %": "That is 0.75 of a slot among four. How many slots are busy?",
        },
    ),
    "06.3": Choice(
        of="01",
        asks="`attempts: 3`, fixed backoff of 5000 ms; tries fail at once. How long after the "
        "first try is the last?",
        right="10 s",
        why="3 attempts have 2 waits of 5 s.",
        wrong={
            "15 s": "That is one wait too many.",
            "5 s": "That is the second try. There is a third one.",
        },
    ),
}

EXERCISES = {
    "06.b": Exercise(
        right=Number(1.56, "attempts", within=0.01),
        answer="""
            1.56: `1 + 0.4 + 0.4 ** 2`.

            The first attempt is always made, the second in 40 % of the cases, the third in 16 %.
            Or by the formula: `(1 - 0.4 ** 3) / (1 - 0.4)`.
        """,
        hints=(
            Hint(
                near(1.624, 0.005),
                "That is for 4 attempts: 3 attempts, not 3 retries.",
            ),
            Hint(
                near(1.667, 0.005),
                "That is for retries without end. This job gets 3 attempts at most.",
            ),
            Hint(
                near(1.4, 0.005),
                "And the third attempt?",
            ),
            Hint(
                near(0.56, 0.02),
                "Those are the retries. The first attempt counts, too.",
            ),
            Hint(
                near(1.8, 0.005),
                "The third attempt is made only if the first *and* the second failed.",
            ),
            Hint(
                near(2.2, 0.005),
                "That adds 0.4 three times. The third attempt is rarer than the second, and there "
                "is no fourth.",
            ),
            Hint(
                near(1.96, 0.005),
                "That is for failures of 60 %. Here 40 % fail.",
            ),
            Hint(
                near(3, 0.005),
                "3 is the most it can be. Most jobs need fewer.",
            ),
        ),
        otherwise="The first attempt is always made. With which probability is the second made, "
        "and the third? Add them up.",
    ),
    "06.c": Exercise(
        right=Whole(5, "slots", least=True),
        answer="""
            5.

            A job makes `1 + 0.5 + 0.25`, that is 1.75 attempts. `6 * 1.75 * 0.4` is 4.2: that many
            slots are busy on average, so 4 are not enough. (And with 5 they are 84 % busy.)
        """,
        hints=(
            Hint(
                near(4.2, 0.02),
                "That is how many slots are busy on average. There are only whole ones.",
            ),
            Hint(
                Between(4, 4),
                "4 slots do 4 s of work in a second. How much comes in, retries included?",
            ),
            Hint(
                Between(2.4, 3),
                "That is enough for the first attempts. Which load do the retries add?",
            ),
            Hint(
                Between(7.2, 8),
                "Not every job makes 3 attempts: half of them are done after the first.",
            ),
            Hint(
                Between(6, 6),
                "That is more than needed. How many slots are busy on average, retries included?",
            ),
            Hint(
                near(10.5, 0.02),
                "That is how many attempts come in a second. Each takes 0.4 s.",
            ),
        ),
        otherwise="Attempts a second, times seconds of an attempt: that many slots are busy on "
        "average. There must be more slots than that.",
    ),
    "06.d": Exercise(
        right=Whole(18, "attempts"),
        answer="""
            18: `3 * 3 * 2`.

            2 retries are 3 attempts, and 1 retry is 2 attempts. Each attempt of one layer starts
            all attempts of the next: they multiply. Retry in one layer only.
        """,
        hints=(
            Hint(
                Between(6, 6),
                "Retries are not attempts: 2 retries are how many attempts, and 1 retry?",
            ),
            Hint(
                Between(8, 8),
                "They do not add up, they multiply: each attempt of the page starts the next "
                "layer anew.",
            ),
            Hint(
                Between(24, 24),
                "The client's 3 are attempts, the first one included. Only the other two numbers "
                "are retries.",
            ),
            Hint(
                Between(12, 12),
                "One of the numbers of retries is not yet turned into attempts, or one too many.",
            ),
            Hint(
                Between(9, 9),
                "The retry of the library inside is missing.",
            ),
            Hint(
                Between(27, 27),
                "One retry is 2 attempts, not 3.",
            ),
            Hint(
                Between(17, 17),
                "Count the first attempt, too.",
            ),
        ),
        otherwise="Turn retries into attempts, layer by layer. Then multiply.",
    ),
    "06.e": Exercise(
        right=Letters("bcd", among="abcde"),
        answer="""
            b, c and d.

            In b failures come together. In c they depend on the queue, so it matters whether a
            retry meets a crowd. In d the times are not exponential: as Modify shows for times that
            are all alike, the spread-out retries wait less.

            In a all three conditions hold. In e there are no retries, so no backoff either.
        """,
        hints=(
            Hint(
                Letters("bc", among="abcde"),
                "One more. Look at Modify: which times did it take?",
            ),
            Hint(
                Letters("b", among="abcde"),
                "Yes, and two more. Go through the three conditions, one by one.",
            ),
            Hint(
                Letters("bd", among="abcde"),
                "One more. Are the failures of c independent of each other?",
            ),
            Hint(
                Letters("cd", among="abcde"),
                "One more: what did the outage show?",
            ),
            Hint(
                Letters("c", among="abcde"),
                "Yes, and two more: what did the outage show, and Modify?",
            ),
            Hint(
                Letters("d", among="abcde"),
                "Yes, and two more. In which are the failures not independent?",
            ),
            Hint(
                Letters("abcd", among="abcde"),
                "One too many: in one of them all three conditions hold.",
            ),
            Hint(
                Letters("abcde", among="abcde"),
                "Not in all. Where do all three conditions hold, and where is there no retry?",
            ),
            Hint(
                Letters("bcde", among="abcde"),
                "Where nothing fails, nothing backs off.",
            ),
        ),
        otherwise="For each letter: are the times exponential, and are the failures independent "
        "of each other and of the queue? If both, the shape makes no difference.",
    ),
    "06.f": Exercise(
        right=Make(
            solution=attempts_allowed,
            tries=(
                (5, 0.5, 0.4, 5, 0.15),
                (5, 0.5, 0.4, 5, 1.0),
                (4, 0.7, 0.4, 5, 0.3),
                (9, 0.5, 0.4, 5, 0.1),
                (10, 0.3, 0.4, 5, 2.0),
            ),
        ),
        answer="""
            4 attempts for the lesson's bad hour and a mean wait of at most 0.15 s. With 1 s to
            spare there may be as many as one likes, here 20: half of the jobs stop after each
            attempt, so all attempts together are never more than twice the jobs.

            `theory.retry_rate(rate, p, attempts)` is the lesson's formula for the attempts a
            second. Ask for the wait only while the slots keep up: Erlang's formula has none for a
            load of 1 or more.
        """,
        hints=(
            Hint(
                Like(_no_retries),
                "The first attempts alone are not all that comes: each retry takes a slot, too.",
            ),
            Hint(
                Like(_all_made),
                "Not every job makes all its attempts. The second is made only if the first "
                "failed, the third only if the second did, too.",
            ),
            Hint(
                Like(_each_as_likely),
                "The third attempt is rarer than the second: it is made only if *both* before it "
                "failed.",
            ),
            Hint(
                Like(_one_more),
                "You add one attempt too many: with N attempts the last is made with probability "
                "p^(N - 1).",
            ),
            Hint(
                Like(_without_end),
                "That is the load of retries without end. A job stops after its last attempt: how "
                "many come with 1, 2, 3 attempts?",
            ),
            Hint(
                Like(_as_retries),
                "Those are the retries. Attempts count the first try, too.",
            ),
            Hint(
                Like(_first_too_many),
                "One too many: that is the first number whose wait is too long.",
            ),
            Hint(
                Like(_only_keeps_up),
                "With so many the queue does not grow without end. But is the wait within "
                "`target_s`?",
            ),
        ),
        otherwise="Begin with 1 attempt and add one at a time, up to 20. How many attempts come in "
        "a second? Do the slots keep up, and what is the mean wait? Stop at the first that is too "
        "many.",
    ),
}
