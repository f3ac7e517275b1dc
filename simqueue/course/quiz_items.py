"""The quiz: fifteen questions on the course, each with numbers from a list.

A seed picks two entries of each list: one for the form before the course, one for that after it.
So the forms ask the same, with other numbers, and a class with another seed has others again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from simqueue.course.choices import Choice, Item
from simqueue.course.questions import Asked, Exercise, Number, Whole
from simqueue.results.theory import attempts_mean, mg1_wait_mean, recovery_longest


def items(form: str, seed: int) -> list[Item]:
    """The questions of a form, ``before`` or ``after``."""
    found = []
    for make, numbers in QUESTIONS:
        both = Random(f"{seed} {make.__name__}").sample(numbers, 2)
        found.append(make(*both[form == "after"]))
    return found


def retries(attempts: int) -> Item:
    """Lesson 01: attempts and retries."""
    return _asked(
        f"A BullMQ job has `attempts: {attempts}` and fails each time. How often is it retried?",
        Whole(attempts - 1, "retries"),
        f"{attempts - 1}. Attempts count the first try, retries do not.",
    )


def given_up(attempts: int, delay_ms: int) -> Item:
    """Lesson 01: the timetable of a policy."""
    waits = [delay_ms / 1000 * 2**number for number in range(attempts - 1)]
    return _asked(
        f"A job has `attempts: {attempts}` and exponential backoff from {delay_ms} ms. Each try "
        "fails at once, and a slot is always free. How long after the first try is the last one?",
        Number(sum(waits), "s", share=0.01),
        f"{sum(waits):g} s: {' + '.join(f'{wait:g}' for wait in waits)}.",
    )


def in_flight(rate_per_min: int, jobs: int) -> Item:
    """Lesson 02: Little's law."""
    return _asked(
        f"{rate_per_min} jobs come each minute, for hours. On average {jobs} are in flight. How "
        "long does a job take on average, from its arrival to its end?",
        Number(60 * jobs / rate_per_min, "s", share=0.02),
        f"{60 * jobs / rate_per_min:g} s. Little's law: `{jobs} / ({rate_per_min} / 60 s)`.",
    )


def busy_slots(rate: int, service_ms: int) -> Item:
    """Lesson 02: busy slots."""
    busy = rate * service_ms / 1000
    return _asked(
        f"{rate} jobs come a second, and each keeps a slot busy for {service_ms} ms. There are "
        "slots enough. How many are busy on average?",
        Number(busy, "slots", share=0.02),
        f"{busy:g}. It is arrival rate times service time.",
    )


def wait(per_cent: int, service_s: int) -> Item:
    """Lesson 03: utilisation and wait."""
    rho = per_cent / 100
    waited = mg1_wait_mean(rho / service_s, service_s, 1.0)
    return _asked(
        f"One slot, jobs at random (Poisson), exponential service times of {service_s} s on "
        f"average. The slot is {per_cent} % busy. How long does a job wait on average?",
        Number(waited, "s", share=0.02),
        f"{waited:g} s: `rho / (1 - rho)` is {rho / (1 - rho):g} service times.",
    )


def longer(low: int, high: int) -> Item:
    """Lesson 03: the last per cents are dear."""
    times = (high / (100 - high)) / (low / (100 - low))
    return _asked(
        f"The same slot was {low} % busy and is now {high} % busy. How many times as long is the "
        "mean wait?",
        Number(times, "times", share=0.02),
        f"{times:.3g} times: `{high}/{100 - high}` service times instead of `{low}/{100 - low}`.",
    )


def pooled(slots: int, what: str) -> Item:
    """Lesson 04: pooling."""
    return Choice(
        of="04",
        asks=f"{slots} slots do {what} that come at random; all are 80 % busy. When do jobs wait "
        "least?",
        right=f"One queue, and all {slots} slots take from it.",
        why="No slot is idle while a job waits.",
        wrong={
            f"{slots} queues with a slot each, and each job goes to one at random.": "",
            f"{slots} queues with a slot each, filled in turn.": "",
            "It makes no difference: the slots are as busy.": "",
        },
    ).item


def event_loop(cpu_ms: int, slots: int) -> Item:
    """Lesson 04: what concurrency cannot buy."""
    most = 1000 / cpu_ms
    return _asked(
        f"A job computes for {cpu_ms} ms and does nothing else. One worker process runs with "
        f"`WORKER_CONCURRENCY={slots}`. How many jobs a second can it do at most?",
        Number(most, "jobs a second", share=0.02),
        f"{most:g}. A worker has one event loop: while one job computes, the others stand still.",
    )


def spread(cv: float, load: int) -> Item:
    """Lesson 05: variation and wait."""
    times = 1 + cv**2
    return _asked(
        "Two gateways take equally long on average. A always takes the same time. B's times have a "
        f"coefficient of variation of {cv:g}. One slot calls it, {load} % busy in both cases, and "
        "payments come at random. How many times as long is the mean wait with B?",
        Number(times, "times", share=0.02),
        f"{times:g} times: the wait grows with `1 + cv²`.",
    )


def retry_load(per_cent: int, attempts: int) -> Item:
    """Lesson 06: retries are load."""
    mean = attempts_mean(per_cent / 100, attempts)
    return _asked(
        f"Each attempt fails with a chance of {per_cent} %, whatever came before. A job has at "
        f"most {attempts} attempts. How many does it have on average?",
        Number(mean, "attempts", share=0.01),
        f"{mean:.4g}: `(1 - p^N) / (1 - p)`.",
    )


def herd(jobs: int, window_s: int) -> Item:
    """Lesson 07: jitter."""
    return _asked(
        f"{jobs:,} jobs fail at the same moment. Slots are many, and calls are quick. Each is "
        f"retried once, after a wait that is drawn evenly from 0 to {window_s} s (full jitter). "
        "How many calls a second reach the service behind, in that time?",
        Number(jobs / window_s, "calls a second", share=0.02),
        f"{jobs / window_s:g}: the herd, divided by the width of the window.",
    )


def heals(asks: int, capacity: int) -> Item:
    """Lesson 08: retry storms."""
    return _asked(
        f"Customers who get no answer in time ask again, {asks} times in all. The queue can do "
        f"{capacity} requests a second. Below how many new customers a second does it recover by "
        "itself from any backlog?",
        Number(capacity / asks, "customers a second", share=0.02),
        f"{capacity / asks:g}: asks for each customer times arrivals must stay below the capacity.",
    )


def put_back(lock_s: int, interval_s: int) -> Item:
    """Lesson 09: stalled jobs."""
    longest = float(recovery_longest(lock_s, interval_s))
    return _asked(
        f"BullMQ with `lockDuration` {lock_s} s and `stalledInterval` {interval_s} s. A worker is "
        "killed; others live. How long can it take at most until its jobs are back in the queue?",
        Number(longest, "s", share=0.02),
        f"{longest:g} s: the longer of three intervals, and lock and interval together.",
    )


def promised(what: str, thing: str) -> Item:
    """Lesson 09: at least once."""
    return Choice(
        of="09",
        asks=f"A worker is killed while its job {what}. What does the queue promise about the job?",
        right=f"It runs at least once: {thing} may happen twice, unless the handler sees to it.",
        why="A queue gives at least once. Effects once is the handler's work.",
        wrong={
            f"It runs exactly once: {thing} happens once.": "",
            f"It runs at most once: {thing} may not happen, but not twice.": "",
            "Nothing: a job that was started is lost.": "",
        },
    ).item


def closed(users: int, think_s: int, rate: float) -> Item:
    """Lesson 15: users who wait for their answers."""
    response = users / rate - think_s
    return _asked(
        f"A load test has {users} users. Each waits for its answer, thinks for {think_s} s, and "
        f"asks again. It reports {rate:g} requests a second. What was the mean response time?",
        Number(response, "s", share=0.03),
        f"{response:.3g} s: `{users} / {rate:g}` is thinking and response together.",
    )


def _asked(asks: str, right: Asked, answer: str) -> Item:
    return Item(asks, {}, Exercise(right=right, answer=answer, hints=(), otherwise="Not yet."))


#: The questions in their order, and the numbers to choose from.
QUESTIONS: tuple[tuple[Callable[..., Item], list[tuple[Any, ...]]], ...] = (
    (retries, [(n,) for n in (3, 4, 5, 6, 7, 8)]),
    (given_up, [(4, 1000), (5, 500), (4, 2000), (5, 1000), (6, 500), (4, 3000)]),
    (in_flight, [(120, 30), (90, 60), (300, 20), (40, 10), (150, 75), (240, 96)]),
    (busy_slots, [(40, 150), (20, 350), (50, 80), (12, 250), (30, 400), (25, 360)]),
    (wait, [(75, 4), (80, 3), (90, 2), (60, 8), (75, 6), (80, 5)]),
    (longer, [(50, 80), (60, 90), (80, 95), (75, 90), (80, 90), (50, 75)]),
    (pooled, [(4, "emails"), (6, "payments"), (8, "orders"), (12, "labels")]),
    (event_loop, [(50, 10), (20, 5), (200, 20), (40, 8), (25, 16), (80, 5)]),
    (spread, [(2.0, 80), (3.0, 75), (1.5, 90), (2.5, 60), (1.0, 70)]),
    (retry_load, [(20, 3), (50, 4), (40, 3), (30, 5), (60, 3), (10, 5)]),
    (herd, [(6_000, 30), (4_000, 20), (9_000, 60), (1_200, 8), (5_000, 40)]),
    (heals, [(2, 90), (3, 60), (4, 100), (2, 50), (5, 80)]),
    (put_back, [(30, 20), (60, 15), (20, 20), (90, 30), (120, 40), (30, 10)]),
    (promised, [
        ("charges a card", "the charge"), ("sends an email", "the email"),
        ("takes an item from the shelf", "the taking"), ("pays out a refund", "the refund"),
    ]),
    (closed, [(30, 5, 4.0), (50, 8, 5.0), (24, 10, 2.0), (60, 4, 12.0), (45, 6, 5.0)]),
)  # fmt: skip
