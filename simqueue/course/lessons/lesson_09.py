"""Lesson 09 asks whether a card was charged twice when a worker was killed."""

from __future__ import annotations

import sqlite3

from simqueue.course.choices import Choice
from simqueue.course.making import Make
from simqueue.course.questions import Between, Exercise, Hint, Letters, Number, Prediction, Whole
from simqueue.course.twice import Ended, Night, play


def process(database: sqlite3.Connection, order_id: str) -> None:
    """Take one item for an order, once however often it is run."""
    with database:  # one transaction: all of it is kept, or nothing
        moved = database.execute(
            "UPDATE orders SET status = 'processing' WHERE order_id = ? AND status = 'pending'",
            (order_id,),
        )
        if moved.rowcount == 1:
            took = database.execute("UPDATE shelf SET on_hand = on_hand - 1 WHERE on_hand >= 1")
            if took.rowcount == 0:
                database.execute(
                    "UPDATE orders SET status = 'rejected' WHERE order_id = ?", (order_id,)
                )


PREDICTIONS = {
    "09.play": Prediction(what="number of payments that begin a second time", unit="payments"),
    "09.a": Prediction(what="mean time from the kill until the last payment runs again", unit="s"),
}

_SIX = "abcdef"

RECALL = {
    "09.1": Choice(
        of="08",
        asks="The queue can do 60 requests a second. Every customer asks twice. Below how many "
        "new customers a second does it recover by itself?",
        right="30",
        why="Asks for each customer times arrivals must stay below the capacity.",
        wrong={
            "60": "Each of them asks twice.",
            "120": "More asks need more capacity, not less.",
        },
    ),
    "09.2": Choice(
        of="01",
        asks="The shop's emails have 5 attempts and exponential backoff from 1000 ms. How long "
        "are their waits together?",
        right="15 s",
        why="1 + 2 + 4 + 8 s.",
        wrong={
            "31 s": "That is one wait too many: 5 attempts have 4.",
            "8 s": "That is the last wait alone.",
        },
    ),
    "09.3": Choice(
        of="07",
        asks="A wait of 8 s gets full jitter. How long is it on average?",
        right="4 s",
        why="It is drawn evenly from 0 to 8 s.",
        wrong={
            "8 s": "That is the longest that it can be.",
            "16 s": "Jitter shortens waits. It never makes them longer.",
        },
    ),
}

EXERCISES = {
    "09.b": Exercise(
        right=Letters("bce", among=_SIX),
        answer="""
            b, c and e.

            The second `UPDATE` (b) finds no order that is still pending; the second `INSERT` (c)
            finds its row there; the gateway (e) has done that key.

            The stock (a) is right for eight customers, but one customer's job that runs twice
            takes two: the order's own state has to move in the same transaction. After a kill
            `attemptsMade` (d) is still 0. And a worker that dies between sending and recording (f)
            leaves no record, so the email goes out again. The shop accepts that one: the other
            way round an email could be lost.
        """,
        hints=(
            Hint(
                Letters("abce", among=_SIX),
                "Look at a again. Eight *different* orders are safe with it. But the same order's "
                "job, run twice?",
            ),
            Hint(
                Letters("bcde", among=_SIX),
                "What is `attemptsMade` when a job comes back after a kill? The lesson's log says.",
            ),
            Hint(
                Letters("bcef", among=_SIX),
                "In f, let the worker die between the two steps. What does the next one find?",
            ),
            Hint(Letters("be", among=_SIX), "There is one more. What does ON CONFLICT do to c?"),
            Hint(Letters("bc", among=_SIX), "There is one more. What does the gateway do with e?"),
            Hint(
                Letters("ce", among=_SIX),
                "There is one more. What does b find when it runs for the second time?",
            ),
        ),
        otherwise="Run each twice in your head, and let the worker die after any step of the "
        "first time. Is the end the same as after once?",
    ),
    "09.c": Exercise(
        right=Number(30.5, "s", within=4),
        answer="""
            About 30 s.

            Now looks are frequent, so a job is soon marked, and the **lock** is what you wait for:
            it lasts 30 s from the start of the payment, so about 28 s from the kill. The next
            look, up to 5 s later, takes the payment back. To be quicker still, shorten
            `lockDuration`, too. But a handler that computes for longer than the lock without an
            `await` then loses its job while it lives, and another worker runs it as well.
        """,
        hints=(
            Hint(
                Between(5, 12),
                "That is two looks. But a look takes back only jobs without a lock. How long does "
                "the lock of a job last that started 2 s before the kill?",
            ),
            Hint(
                Between(2, 4.9),
                "One look marks and a later one takes back, and only what has no lock any more.",
            ),
            Hint(
                Between(45, 60),
                "That is with looks 30 s apart. Which of the two waits has become short?",
            ),
            Hint(
                Between(34.6, 44.9),
                "The marks come while the lock still lasts: the two waits overlap.",
            ),
        ),
        otherwise="Two things must have happened: the lock is over, and after that somebody looks "
        "at a job that was marked before. When is that?",
    ),
    "09.d": Exercise(
        right=Whole(4, "starts"),
        answer="""
            4 times.

            A stall is no attempt: it costs none. So the handler may run for each of the 3
            attempts, and once more for the one stall that is allowed. The second stall fails the
            job without starting the handler. (And any of the 4 may have charged the card.)
        """,
        hints=(
            Hint(
                Between(3, 3),
                "That is without a kill. Does a stall cost one of the attempts? Look at `attempt` "
                "in the rows with run 2.",
            ),
            Hint(
                Between(6, 6),
                "`maxStalledCount` is for the whole job, not for each attempt.",
            ),
            Hint(
                Between(5, 5),
                "At its second stall the job fails, and its handler is not called for that.",
            ),
            Hint(
                Between(2, 2),
                "2 are the retries, or a first attempt with one stall. All of them together?",
            ),
        ),
        otherwise="Count the attempts, the first included. How many more starts may a stall add, "
        "and how many stalls may there be?",
    ),
    "09.e": Exercise(
        right=Make(
            solution=process,
            tries=tuple(
                (night,)
                for night in (
                    Night(on_hand=5),
                    Night(on_hand=0),
                    *(Night(on_hand=5, killed=step) for step in range(1, 6)),
                    *(Night(on_hand=1, rival=step) for step in range(1, 4)),
                )
            ),
            play=play,
        ),
        answer="""
            One transaction holds both: the order's own state, moved only if it is still `pending`,
            and the item, taken only if one is there. A kill before its end throws both away, and
            the next run begins anew. A kill after it leaves an order that is no longer pending, and
            the next run does nothing.
        """,
        hints=(
            Hint(
                Ended("below zero"),
                "You looked, and another worker took the last one before you did. Let one "
                "statement check and take.",
            ),
            Hint(
                Ended("still pending"),
                "What was written is gone after the run. Who commits? `with database:` does, at "
                "its end.",
            ),
            Hint(
                Ended("2 items gone"),
                "The second run took another one. Whether this order has its item must be written "
                "in the same transaction as the taking, and looked at first.",
            ),
            Hint(
                Ended("0 items gone for an order that is processing"),
                "An order was moved, then came the kill, and the item was never taken. Commit both "
                "together.",
            ),
            Hint(
                Ended("1 item gone for an order that is rejected"),
                "The item was taken, and then the order was rejected. What did the first run leave "
                "behind, and what did the second one make of it?",
            ),
        ),
        otherwise="Let the kill come after each statement in turn, and run it again. What has been "
        "kept, and what does the second run find?",
    ),
}
