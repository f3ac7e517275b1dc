"""Lesson 12 asks whether the simulator is right, and what a check can tell."""

from __future__ import annotations

from simqueue.course.choices import Choice
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction

Attempts = list[tuple[str, int, float, float]]


def retries_error(real: Attempts, model: Attempts) -> float:
    """By what share the model's mean wait of the retries is off."""

    def wait_s(log: Attempts) -> float:
        waits = [started_s - ready_s for _, attempt, ready_s, started_s in log if attempt > 1]
        return sum(waits) / len(waits)

    return wait_s(model) / wait_s(real) - 1


def _as_retries(log: Attempts) -> Attempts:
    return [(job, 2, ready_s, started_s) for job, _, ready_s, started_s in log]


def _of_all(real: Attempts, model: Attempts) -> float:
    return retries_error(_as_retries(real), _as_retries(model))


def _of_first(real: Attempts, model: Attempts) -> float:
    first = ([row for row in log if row[1] == 1] for log in (real, model))
    return _of_all(*first)


def _of_second(real: Attempts, model: Attempts) -> float:
    second = ([row for row in log if row[1] == 2] for log in (real, model))
    return retries_error(*second)


def _backwards(real: Attempts, model: Attempts) -> float:
    return retries_error(model, real)


def _by_the_model(real: Attempts, model: Attempts) -> float:
    return -retries_error(model, real)


def _unsigned(real: Attempts, model: Attempts) -> float:
    return abs(retries_error(real, model))


def _percent(real: Attempts, model: Attempts) -> float:
    return 100 * retries_error(real, model)


def _totals(real: Attempts, model: Attempts) -> float:
    share = sum(row[1] > 1 for row in model) / sum(row[1] > 1 for row in real)
    return (1 + retries_error(real, model)) * share - 1


def _tries() -> tuple[tuple[Attempts, Attempts], ...]:
    real = [("a", 1, 0.0, 0.1), ("b", 1, 0.2, 0.2), ("a", 2, 1.0, 1.5), ("b", 2, 1.2, 1.3)]
    long = [*real, ("a", 3, 3.0, 3.9), ("c", 1, 3.1, 3.2)]
    late = [(job, n, ready_s, 2 * started_s - ready_s + 0.1) for job, n, ready_s, started_s in real]
    early = [
        (job, n, r, r + 0.3 * (s - r) if n > 1 else s + 0.2) for job, n, r, s in reversed(long)
    ]
    return (real, late), (long, early), (real, early), (long, late)


PREDICTIONS = {
    "12.a": Prediction(what="model's error in the orders' mean response time", unit="%"),
}

RECALL = {
    "12.1": Choice(
        of="11",
        asks="An interval is to be half as wide. How many times as many replications does that "
        "take?",
        right="4 times",
        why="The width goes with one over the root of their number.",
        wrong={
            "2 times": "With twice as many it is narrower by the root of two only.",
            "1.4 times": "That is the root of two. You need the square.",
        },
    ),
    "12.2": Choice(
        of="10",
        asks="The p99 of worker A is 1 s, that of B is 3 s. What is the p99 of all jobs?",
        right="That cannot be told from these two.",
        why="It depends on how many jobs each has done, and on all their times.",
        wrong={
            "2 s": "Percentiles cannot be averaged.",
            "3 s": "If B has done one job in a thousand, its slow ones hardly count.",
        },
    ),
    "12.3": Choice(
        of="09",
        asks="`attempts: 3`, and one stall is allowed. How often may the handler start?",
        right="4 times",
        why="A stall costs no attempt: three attempts, and once more after the stall.",
        wrong={
            "3 times": "Does a stall cost an attempt?",
            "6 times": "The one stall is for the whole job, not for each attempt.",
        },
    ),
}

EXERCISES = {
    "12.b": Exercise(
        right=Number(0.0029 / 0.01 - 0.0029, "s", within=0.01),
        answer="""
            About 290 ms.

            A job of T ms really takes `T + 2.9`; the model says `T`. It is off by
            `2.9 / (T + 2.9)`, which is 1 % at `T = 287`. (`2.9 / 0.01`, 290 ms, is as good an
            answer.)

            Jobs that wait for slots have a longer response time, so for them it matters less in
            percent, unless the slots are nearly full: then the cost also takes room away.
        """,
        hints=(
            Hint(
                Between(0.0026, 0.0032),
                "For a job as short as the cost itself the model says half of what is true.",
            ),
            Hint(
                Between(0.026, 0.0305),
                "That is ten times the cost: then the model is about 9 % off.",
            ),
            Hint(
                Between(2.6, 3.1),
                "That is a thousand times the cost: 0.1 % off, better than asked for. (Or did "
                "you mean milliseconds? A plain number is seconds.)",
            ),
            Hint(
                Between(260, 310),
                "A plain number is read as seconds. Write the unit, as in '5 ms'.",
            ),
            Hint(
                Between(0.14, 0.16),
                "That is how long the lesson's orders take. With idle slots the model would be "
                "2 % off.",
            ),
        ),
        otherwise="With cost a job takes T + 2.9 ms, without it T. For which T is the difference "
        "1 % of the true time?",
    ),
    "12.c": Exercise(
        right=Letters("b", among="abcde", one=True),
        answer="""
            b.

            The slots do the same work whatever the order of the line, so utilisation (c) and the
            number of attempts (d) do not move. Nor does the mean wait of all attempts (a), but for
            chance: what the retries gain, the first attempts lose. Nine of ten attempts are first
            ones, so each of them loses little, and the retries gain nearly all of their wait. The
            largest wait (e) grows somewhat, but one number out of a thousand is a noisy witness.
        """,
        hints=(
            Hint(
                Letters("a", among="abcde"),
                "In the table of wrong models that column hardly moves. Somebody has to wait.",
            ),
            Hint(
                Letters("c", among="abcde"),
                "The same attempts keep the slots busy for the same time, whoever goes first.",
            ),
            Hint(
                Letters("d", among="abcde"),
                "Which attempts fail is in the draws. The order of the line does not change it.",
            ),
            Hint(
                Letters("e", among="abcde"),
                "It grows a little. But it is one attempt out of a thousand, and noisy. Is there a "
                "number that is wrong by a factor?",
            ),
            Hint(
                Letters("ab", among="abcde"),
                "One letter: the one that gives it away *most* clearly. Which of the two moves?",
            ),
        ),
        otherwise="Which attempts does the wrong rule treat differently? Take the figure of those.",
    ),
    "12.d": Exercise(
        right=Number((1.96 * 44 / 2) ** 2, "runs", share=0.05),
        answer="""
            About 1,900.

            The interval's half-width is `1.96 * 44 / sqrt(n)` percent. It is 2 for
            `n = (1.96 * 44 / 2) ** 2`, which is 1,859. (With 2 in the place of 1.96: 1,936.)

            With the same draws on both sides **one** run was enough. That is what they are for.
        """,
        hints=(
            Hint(
                Between(40, 47),
                "Did you forget to square? The half-width shrinks with the root of the number of "
                "runs.",
            ),
            Hint(
                Between(470, 500),
                "That is (44 / 2) squared: then the standard error is 2 %. A 95 % interval reaches "
                "1.96 of those to either side.",
            ),
            Hint(
                Between(7000, 8000),
                "± 2 % is 2 % to either side. You asked for 1 %.",
            ),
            Hint(
                Between(20, 23),
                "That is 44 / 2. Square it, and mind the 1.96 of a 95 % interval.",
            ),
            Hint(
                Between(1, 1),
                "One is enough with the same draws on both sides. Here each side has its own.",
            ),
        ),
        otherwise="The half-width of the interval is 1.96 times the standard deviation, divided by "
        "the root of the number of runs.",
    ),
    "12.e": Exercise(
        right=Make(solution=retries_error, tries=_tries(), share=0.001),
        answer="""
            One mean for each side, of the attempts whose number is above 1. Then the model's over
            the real one, less 1.
        """,
        hints=(
            Hint(
                Like(_of_all),
                "Those are all attempts. The wrong rule leaves their mean alone.",
            ),
            Hint(
                Like(_of_first),
                "Those are the first attempts. Retries have a number above 1.",
            ),
            Hint(
                Like(_of_second),
                "A third attempt is a retry, too.",
            ),
            Hint(
                Like(_backwards),
                "That is how far off reality is from the model. The real one is the judge.",
            ),
            Hint(
                Like(_by_the_model),
                "Off by a share of what? Divide by the real wait, not by the model's.",
            ),
            Hint(
                Like(_unsigned),
                "Too long and too short are different faults. Keep the sign.",
            ),
            Hint(
                Like(_percent),
                "That is in percent. I want the share.",
            ),
            Hint(
                Like(_totals),
                "Those are sums. If one side has more retries, they say nothing of one wait.",
            ),
        ),
        otherwise="The wait of an attempt is its start less the moment it was ready. Take the mean "
        "of it over the attempts above 1, on either side.",
    ),
}
