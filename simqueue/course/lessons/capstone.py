"""The capstone asks what broke on Friday, and whether a repair would have held."""

from __future__ import annotations

import math

from simqueue.course.choices import Choice
from simqueue.course.grading.asked import Misses, Repair
from simqueue.course.making import Like, Make
from simqueue.course.questions import Between, Exercise, Hint, Number, Prediction, Whole
from simqueue.results.theory import recovery_longest


def put_back(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
    """How long after its worker's death a job is put back: at the second look, without a lock."""
    marked = False
    for look in looks:
        if look < killed_s:
            continue
        if marked and look >= lock_until_s:
            return look - killed_s
        marked = True
    return math.inf


def _first_look(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
    return next((at - killed_s for at in looks if at >= max(killed_s, lock_until_s)), math.inf)


def _whatever_the_lock(killed_s: float, lock_until_s: float, looks: list[float]) -> float:  # noqa: ARG001
    return put_back(killed_s, killed_s, looks)


def _lock_first(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
    later = [at for at in looks if at >= max(killed_s, lock_until_s)]
    return put_back(killed_s, lock_until_s, later)


def _dead_looks(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
    free_s = max(killed_s, lock_until_s)
    return next((at - killed_s for at in looks[1:] if at >= free_s), math.inf)


def _clock(killed_s: float, lock_until_s: float, looks: list[float]) -> float:
    return killed_s + put_back(killed_s, lock_until_s, looks)


PREDICTIONS = {
    "capstone.a": Prediction(what="number of orders given up for good", unit="orders"),
}

RECALL = {
    "capstone.1": Choice(
        of="04",
        asks="One order comes a second and computes for 1.5 s. How many event loops does that "
        "take at least?",
        right="2",
        why="1.5 loops are busy on average, so one is too few.",
        wrong={
            "1, with 2 slots": "The slots of a worker share its one event loop.",
            "1, with 40 slots": (
                "The slots of a worker share its one event loop, however many they are."
            ),
        },
    ),
    "capstone.2": Choice(
        of="09",
        asks="Locks of 300 s, a look every 300 s. A worker is killed. How long can it take until "
        "its jobs are back?",
        right="15 min",
        why="Three looks' time.",
        wrong={
            "5 min": "A look takes back only what an earlier one has marked.",
            "10 min": "That is two looks. The first can also be refused.",
        },
    ),
    "capstone.3": Choice(
        of="01",
        asks="`attempts: 5`, exponential backoff from 5000 ms; tries fail at once. How long an "
        "outage does that outlast?",
        right="75 s",
        why="5 + 10 + 20 + 40 s.",
        wrong={
            "155 s": "That is one wait too many: 5 attempts have 4.",
            "40 s": "That is the last wait alone.",
        },
    ),
}

EXERCISES = {
    "capstone.b": Exercise(
        right=Whole(3, "workers", least=True),
        answer="""
            3 workers, for an event loop each.

            The busiest quarter-hour has 7 recorded orders: `7 * 200 / 900` is 1.56 a second. Each
            holds an event loop for 1.5 s, and one attempt in fifty is repeated: `1.56 * 1.5 * 1.02`
            is 2.4 loops.

            The plan took the mean of the day, 0.63 orders a second: 0.94 loops, so "one worker is
            enough". The mean of these two hours, 0.97 a second, gives 1.5 and so 2 workers: enough
            on average, too few at the peak.
        """,
        hints=(
            Hint(
                Between(0.9, 1),
                "That is the plan of the report: the mean of the whole day. What does the busiest "
                "quarter-hour bring?",
            ),
            Hint(
                Between(1.4, 1.56),
                "Is that the mean of the two hours, or the orders a second? How many event loops "
                "does the busiest quarter-hour hold?",
            ),
            Hint(
                Between(2, 2),
                "Two are enough for the mean of the two hours. Take the busiest quarter-hour, and "
                "do not round down.",
            ),
            Hint(
                Between(2.3, 2.45),
                "That is how many event loops are held. You can rent whole workers only.",
            ),
            Hint(
                Between(4, 4),
                "Four hold it with room to spare. Would fewer do?",
            ),
            Hint(
                Between(5, 6),
                "That counts the io time, too: it is right for slots. While a job waits for the "
                "database, the event loop is free.",
            ),
            Hint(
                Between(7, 10_000),
                "Slots do not help a job that computes. How many event loops are held at the peak?",
            ),
        ),
        otherwise="Orders a second in the busiest quarter-hour, times the seconds that each holds "
        "an event loop: that many are held, on average.",
    ),
    "capstone.c": Exercise(
        right=Whole(8, "attempts", least=True),
        answer="""
            8 attempts.

            An attempt takes about 1 s, and the waits are 2, 4, 8, 16, 32, 64 and 128 s. So the
            attempts of a payment that came when the outage began start after 0, 3, 8, 17, 34, 67,
            132 and 261 s. The seventh still fails; the eighth is the first after 240 s.

            In practice add one: one attempt in fifty fails without any outage.
        """,
        hints=(
            Hint(
                Between(7, 7),
                "Seven attempts have six waits: 2, 4, 8, 16, 32 and 64 s. How much is that "
                "together? (Or did you count the retries?)",
            ),
            Hint(
                Between(9, 10),
                "A good choice in practice, because an attempt may fail by chance, too. But fewer "
                "reach beyond 240 s.",
            ),
            Hint(
                Between(40, 130),
                "That many it takes if the wait is always the same. Here each wait is twice the "
                "one before.",
            ),
            Hint(
                Between(5, 6),
                "Add up the waits of that many attempts. Do they reach 240 s? (There is one wait "
                "fewer than there are attempts.)",
            ),
        ),
        otherwise="Write down when each attempt starts: the waits between them are 2, 4, 8, ... "
        "seconds. Which is the first that starts after the outage?",
    ),
    "capstone.d": Exercise(
        right=Number(recovery_longest(300, 300), "s", within=30),
        answer="""
            15 minutes: three times the interval.

            At worst the dead worker had itself looked just before. Redis then refuses every look
            for 5 minutes, and another worker's timer comes round up to 5 minutes after that: 10
            minutes. This first look only marks the job. The next one, 5 minutes on, finds it
            marked, without a lock, and puts it back. The lock has long run out by then: it lasts 5
            minutes at most after the crash.

            With 30 s and 30 s it is a minute and a half.
        """,
        hints=(
            Hint(
                Between(295, 305),
                "That is when the lock has run out. But a job must be found twice: the first look "
                "only marks it.",
            ),
            Hint(
                Between(585, 660),
                "That is so if the survivor is the one who looks. What if the dead worker had just "
                "looked itself, so that Redis refuses the survivor's next look?",
            ),
            Hint(
                Between(10, 15),
                "In minutes or in seconds? Say it as a text, with its unit.",
            ),
            Hint(
                Between(25, 95),
                "That is with BullMQ's own settings. This shop has longer ones.",
            ),
            Hint(
                Between(700, 760),
                "So long it took in the log. How long do the settings allow, at worst?",
            ),
        ),
        otherwise="How long may Redis refuse all looks after the dead worker's own? How long until "
        "the survivor's timer comes round then, and until the second look?",
    ),
    "capstone.e": Exercise(
        right=Repair(),
        answer="""
            One of many: `["workers.count=3", "workers.concurrency=5",
            "queues.payment.backoff.type=exponential", "queues.payment.attempts=9",
            "bullmq.lock_duration_s=30", "bullmq.stalled_interval_s=30"]`.

            Three workers have three event loops, and the peak holds 2.4. (It also keeps some 5
            slots busy, `1.56 * 3.5`, so 15 slots are plenty, and 40 connections suffice.)

            Nine attempts, each wait twice the last, reach beyond the outage with few calls. A fixed
            wait of 30 s with twelve attempts would do, too.

            Locks of 30 s and a look every 30 s are BullMQ's own. They are safe again because no
            event loop is held for long. Alone, this repair would have made Friday far worse.
        """,
        hints=(
            Hint(
                Misses("workers"),
                "That costs more workers than there is money for: four at most. What do so many "
                "buy that the busiest quarter-hour needs?",
            ),
            Hint(
                Misses("slots"),
                "More slots than the database has connections: `workers.count` times "
                "`workers.concurrency` may be 40.",
            ),
            Hint(
                Misses("twice"),
                "Jobs run again although their workers live: their locks run out before the event "
                "loop has time to renew them. What holds the loop so long? Or is the lock too "
                "short?",
            ),
            Hint(
                Misses("response"),
                "Orders are still late. What do all slots of a worker share, and how many of it "
                "does the busiest quarter-hour need? Exercise b counts it. Do the slots suffice, "
                "too?",
            ),
            Hint(
                Misses("calls"),
                "Nothing is given up now, but a dead gateway is called over and over. Let the "
                "waits grow.",
            ),
            Hint(
                Misses("given_up"),
                "Jobs are still given up. When does a payment's last attempt start, and how long "
                "was the gateway down? Exercise c counts it.",
            ),
            Hint(
                Misses("slowest_payment"),
                "Some payment is settled long after the gateway is back: its next attempt is too "
                "far away.",
            ),
            Hint(
                Misses("recovery"),
                "What the crash interrupted lies around too long. Two settings decide that; see "
                "exercise d.",
            ),
        ),
        otherwise="Let `grade` show you which target is missed, and its hint.",
    ),
    "capstone.f": Exercise(
        right=Make(
            solution=put_back,
            tries=(
                (100.0, 390.0, [50.0, 350.0, 650.0, 950.0]),
                (100.0, 700.0, [350.0, 650.0, 950.0]),
                (100.0, 120.0, [90.0, 130.0, 160.0, 190.0]),
                (100.0, 110.0, [105.0, 180.0]),
                (100.0, 110.0, [120.0, 180.0]),
                (0.0, 300.0, [299.0]),
            ),
        ),
        answer="""
            The first look after the kill marks the job. Each one after that puts it back if the
            lock is gone by then, and leaves it if not.
        """,
        hints=(
            Hint(
                Like(_first_look),
                "A job must be found twice: the first look only marks it.",
            ),
            Hint(
                Like(_whatever_the_lock),
                "A look leaves a job alone while its lock lasts, marked or not.",
            ),
            Hint(
                Like(_lock_first),
                "A look marks also a job that still has its lock. It need not wait for the end.",
            ),
            Hint(
                Like(_dead_looks),
                "Do you count a look from before the kill? Then the job was at work, and not "
                "marked.",
            ),
            Hint(
                Like(_clock),
                "That is the time of day. I want how long it is after the kill.",
            ),
        ),
        otherwise="Go through the looks after the kill. The first marks the job; a later one puts "
        "it back if its lock is gone.",
    ),
}
