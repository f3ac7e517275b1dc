"""The words of the course: each means one thing, and stands in the lesson that is named."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """A word, what it means, and a lesson that explains it."""

    word: str
    meaning: str
    lesson: str


WORDS = (
    Word(
        "adapter",
        "What carries a job to its handler: at once, through a queue, or not at all.",
        "00",
    ),
    Word(
        "arrival rate",
        "Jobs that come in a second; λ. Retries not counted.",
        "02",
    ),
    Word(
        "at least once",
        "What a queue promises of a job's run. It may run twice; that its effects happen once "
        "is the handler's work.",
        "09",
    ),
    Word(
        "attempt",
        "One try at a job. `attempts` counts the first try, too.",
        "01",
    ),
    Word(
        "autoscaler",
        "A program that adds and removes workers by what it measures.",
        "14",
    ),
    Word(
        "back-pressure",
        "Keeping work back, so that what is behind the queue is not overrun.",
        "14",
    ),
    Word(
        "backlog",
        "Jobs that have come and are not done.",
        "00",
    ),
    Word(
        "backoff",
        "The pause between a failed attempt and the next one.",
        "01",
    ),
    Word(
        "closed",
        "Arrivals of users who wait for an answer before they ask again; the others are *open*.",
        "15",
    ),
    Word(
        "coefficient of variation",
        "Standard deviation over mean; cv. 0 is constant, 1 is that of exponential times.",
        "05",
    ),
    Word(
        "cpu",
        "The part of a job that computes. It holds its worker's one event loop.",
        "04",
    ),
    Word(
        "delayed",
        "A job that waits for its time to come, as in a backoff. It is not in the line.",
        "10",
    ),
    Word(
        "event loop",
        "The one place of a worker where its code runs; its slots share it.",
        "04",
    ),
    Word(
        "failed",
        "A job that is given up, after its last attempt.",
        "01",
    ),
    Word(
        "goodput",
        "Throughput that still is of use to somebody: what is in time.",
        "08",
    ),
    Word(
        "handler",
        "The function that does one kind of job.",
        "00",
    ),
    Word(
        "herd",
        "Jobs that failed together and come back together.",
        "07",
    ),
    Word(
        "in flight",
        "Begun or waiting, and not yet done.",
        "02",
    ),
    Word(
        "io",
        "The part of a job that waits for somebody else. Other slots go on meanwhile.",
        "04",
    ),
    Word(
        "jitter",
        "Chance in the backoff, so that jobs do not come back together.",
        "01",
    ),
    Word(
        "job",
        "A note of a task that somebody does later.",
        "00",
    ),
    Word(
        "lock",
        "What a worker holds on a job while it works on it, and renews.",
        "09",
    ),
    Word(
        "percentile",
        "The p95 of the waits is what 95 % of them do not exceed.",
        "10",
    ),
    Word(
        "pool",
        "Slots that all take from one line.",
        "04",
    ),
    Word(
        "priority",
        "A number of a job that lets it go before others.",
        "13",
    ),
    Word(
        "production mode",
        "Jobs wait in a queue until a worker takes them; the customer does not.",
        "00",
    ),
    Word(
        "queue",
        "Where jobs wait until a worker has time.",
        "00",
    ),
    Word(
        "queue length",
        "Jobs that are ready and wait for a slot; delayed ones not counted.",
        "02",
    ),
    Word(
        "replication",
        "One of several runs of the same model with other draws.",
        "11",
    ),
    Word(
        "response time",
        "From the moment a job is added to its final outcome, backoff included.",
        "02",
    ),
    Word(
        "retry",
        "An attempt after the first one. N attempts are N − 1 retries.",
        "01",
    ),
    Word(
        "retry storm",
        "Late answers make customers ask again, and that makes answers late.",
        "08",
    ),
    Word(
        "service time",
        "How long an attempt keeps its slot.",
        "02",
    ),
    Word(
        "slot",
        "One of the places in which a worker does a job at a time.",
        "04",
    ),
    Word(
        "stalled",
        "A job whose worker is gone: its lock has run out, and it is put back.",
        "09",
    ),
    Word(
        "throughput",
        "Jobs done in a second.",
        "08",
    ),
    Word(
        "training mode",
        "The handler runs on the spot, before the customer's request goes on.",
        "00",
    ),
    Word(
        "utilisation",
        "The share of the time that slots are busy; ρ.",
        "02",
    ),
    Word(
        "wait",
        "From ready to started, of each attempt.",
        "03",
    ),
    Word(
        "warm-up",
        "The beginning of a run, which is left out because it started empty.",
        "11",
    ),
    Word(
        "worker",
        "A process that does jobs, in its slots.",
        "00",
    ),
)
