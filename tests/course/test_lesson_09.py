"""The answers of lesson 09, found by other roads than the one they were written on."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from decimal import Decimal

import numpy as np
import pytest
from making import assert_hints

from simqueue import compare_modes, simulate
from simqueue.course import open_classroom, real_orders
from simqueue.course.judging import mark
from simqueue.record.attempt_log import AttemptLog
from simqueue.shop import Conditions, payment_key
from simqueue.workload.reading import build_scenario

_CALM = Conditions(error_rate=0, decline_rate=0)
_STOCK = "CREATE TABLE stock AS SELECT '22423' AS sku, 9 AS on_hand"
_ORDERS = "CREATE TABLE orders AS SELECT '576892' AS order_id, 'pending' AS status"
_EMAILS = "CREATE TABLE sent_emails (order_id TEXT, kind TEXT, PRIMARY KEY (order_id, kind))"
_STATEMENTS = {
    "a": "UPDATE stock SET on_hand = on_hand - 1 WHERE sku = '22423' AND on_hand >= 1",
    "b": "UPDATE orders SET status = 'paid' WHERE order_id = '576892' AND status = 'pending'",
    "c": "INSERT INTO sent_emails VALUES ('576892', 'paid') ON CONFLICT DO NOTHING",
}


def crashing(count: int, seed: int, **bullmq: float) -> tuple[np.ndarray, AttemptLog]:
    """So many kills of a worker, and the log of it all."""
    draw = random.Random(seed)
    moments = [125 * n + 70 + draw.uniform(0, 30) for n in range(count)]
    crashes = [
        {"at_s": at, "worker": draw.randrange(2), "down_s": draw.uniform(1, 30)} for at in moments
    ]
    payment = {"service": {"distribution": "constant", "mean_s": 4}, "follow_up": {}}
    table = {
        "duration_s": 125 * count + 70,
        "workers": {"count": 2, "crashes": crashes},
        "arrivals": {"payment": {"interval_s": 1}},
        "queues": {"payment": payment},
        "bullmq": bullmq,
    }
    return np.array(moments), simulate(build_scenario(table)).log


def recoveries(moments: np.ndarray, log: AttemptLog) -> list[float]:
    """Seconds from each kill that hit a payment until the last of them runs again."""
    starts = log.rows["started_s"][log.rows["run"] == 2]
    kills = np.searchsorted(moments, starts) - 1
    return [float((starts[kills == n] - moments[n]).max()) for n in np.unique(kills)]


def twice_is_once(statement: str) -> bool:
    ends = []
    for times in (1, 2):
        database = sqlite3.connect(":memory:")
        for each in (_STOCK, _ORDERS, _EMAILS, *[statement] * times):
            database.execute(each)
        ends.append(
            [
                database.execute(f"SELECT * FROM {table}").fetchall()
                for table in ("stock", "orders", "sent_emails")
            ]
        )
        database.close()
    return ends[0] == ends[1]


def charged_twice_with_one_key() -> Decimal:
    async def charge() -> Decimal:
        with open_classroom("in-process", conditions=_CALM) as room:
            for _ in range(2):
                await room.shop.gateway.charge("payment-576892", Decimal("10.00"))
            return room.shop.gateway.balance()

    return asyncio.run(charge())


def test_what_may_be_done_twice_by_doing_it() -> None:
    safe = [letter for letter, statement in _STATEMENTS.items() if twice_is_once(statement)]
    if charged_twice_with_one_key() == Decimal("10.00"):
        safe.append("e")
    assert mark("09.b", safe).verdict == "right"
    assert mark("09.b", "e, c and b").verdict == "right"


def test_the_real_handler_charges_once_whatever_ran_before() -> None:
    order = real_orders("2011-11-17")[0]

    async def pay() -> Decimal:
        with open_classroom("in-process", conditions=_CALM) as room:
            await room.place(order)
            await room.shop.gateway.charge(payment_key(order.order_id), order.total)
            for _ in range(3):
                await room.pay(order)
            return room.shop.gateway.balance()

    assert asyncio.run(pay()) == order.total


def test_recovery_with_frequent_looks_by_simulation() -> None:
    for seed in (1, 2, 3):
        found = recoveries(*crashing(40, seed, stalled_interval_s=5))
        assert mark("09.c", float(np.mean(found))).verdict == "right"


def test_recovery_with_frequent_looks_by_arithmetic() -> None:
    lock_left, to_the_next_look = 30 - 2, 5 / 2
    assert mark("09.c", lock_left + to_the_next_look).verdict == "right"
    assert mark("09.c", "about 30 s").verdict == "right"
    assert mark("09.c", "half a minute: 0.5 min").verdict == "right"


def test_recovery_at_the_defaults() -> None:
    """The lesson's own claim, with other seeds."""
    for seed in (1, 2, 3):
        found = recoveries(*crashing(60, seed))
        assert 42 < np.mean(found) < 58
        assert min(found) > 25
        assert max(found) <= 90


def test_handler_starts_by_simulation() -> None:
    """Each attempt fails, and the only worker dies once, or twice, in the middle of one."""
    starts = {}
    for name, kills in {"once": [1.0], "twice": [1.0, 100.0]}.items():
        crashes = [{"at_s": at, "down_s": 1.0} for at in kills]
        table = {
            "duration_s": 1,
            "workers": {"count": 1, "crashes": crashes},
            "arrivals": {"payment": {"interval_s": 0.6}},
            "queues": {
                "payment": {
                    "service": {"distribution": "constant", "mean_s": 100},
                    "failure_rate": 1,
                    "follow_up": {},
                }
            },
        }
        rows = simulate(build_scenario(table)).log.rows
        starts[name] = int(np.isfinite(rows["started_s"]).sum())
    assert starts["twice"] < starts["once"]
    assert mark("09.d", starts["once"]).verdict == "right"
    assert mark("09.d", "4 starts").verdict == "right"


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("09.b", "abce", "same order's"),
        ("09.b", "bcde", "attemptsMade"),
        ("09.b", "bcef", "next one find"),
        ("09.b", "be", "ON CONFLICT"),
        ("09.b", "bc", "gateway"),
        ("09.b", "ce", "second time"),
        ("09.b", "abcdef", "Run each twice"),
        ("09.c", "10 s", "two looks"),
        ("09.c", 7.5, "two looks"),
        ("09.c", "2.5 s", "One look marks"),
        ("09.c", "52 s", "30 s apart"),
        ("09.c", "40 s", "overlap"),
        ("09.c", "2 min", "lock is over"),
        ("09.d", 3, "cost one of the attempts"),
        ("09.d", 6, "whole job"),
        ("09.d", 5, "second stall"),
        ("09.d", 2, "All of them"),
        ("09.d", 12, "Count the attempts"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text


_MOVE = "UPDATE orders SET status = ? WHERE order_id = ? AND status = 'pending'"
_TAKE = "UPDATE shelf SET on_hand = on_hand - 1 WHERE on_hand >= 1"


def test_a_handler_that_may_be_run_twice() -> None:
    def look_then_take(database, order_id):  # type: ignore[no-untyped-def]
        on_hand = database.execute("SELECT on_hand FROM shelf").fetchone()[0]
        with database:
            status = "processing" if on_hand else "rejected"
            moved = database.execute(_MOVE, (status, order_id)).rowcount
            if moved and on_hand:
                database.execute("UPDATE shelf SET on_hand = on_hand - 1")

    def never_commits(database, order_id):  # type: ignore[no-untyped-def]
        if database.execute(_MOVE, ("processing", order_id)).rowcount:
            database.execute(_TAKE)

    def takes_each_time(database, order_id):  # type: ignore[no-untyped-def]
        with database:
            took = database.execute(_TAKE).rowcount
            database.execute(_MOVE, ("processing" if took else "rejected", order_id))

    def take_then_move(database, order_id):  # type: ignore[no-untyped-def]
        found = database.execute("SELECT status FROM orders WHERE order_id = ?", (order_id,))
        if found.fetchone()[0] == "pending":
            with database:
                took = database.execute(_TAKE).rowcount
            with database:
                database.execute(_MOVE, ("processing" if took else "rejected", order_id))

    def move_then_take(database, order_id):  # type: ignore[no-untyped-def]
        with database:
            moved = database.execute(_MOVE, ("processing", order_id)).rowcount
        if moved:
            with database:
                if not database.execute(_TAKE).rowcount:
                    database.execute("UPDATE orders SET status = 'rejected'")

    def always_rejects(database, order_id):  # type: ignore[no-untyped-def]
        with database:
            database.execute(_MOVE, ("rejected", order_id))

    assert_hints(
        "09.e",
        (look_then_take, "check and take"),
        (never_commits, "Who commits?"),
        (takes_each_time, "took another one"),
        (take_then_move, "took another one"),
        (move_then_take, "Commit both"),
        (always_rejects, "after each statement in turn"),
    )


def test_another_right_handler() -> None:
    def take_first(database, order_id):  # type: ignore[no-untyped-def]
        took = database.execute(_TAKE).rowcount
        status = "processing" if took else "rejected"
        if database.cursor().execute(_MOVE, (status, order_id)).rowcount:
            database.commit()
        else:
            database.rollback()

    assert mark("09.e", take_first).verdict == "right"


@pytest.mark.parametrize("seed", range(1, 11))
def test_the_comparison_holds_for_other_seeds(seed: int) -> None:
    scenario = build_scenario(
        {
            "seed": seed,
            "duration_s": 1000,
            "workers": {
                "count": 2,
                "crashes": [
                    {"at_s": 100 + 125 * n, "worker": n % 2, "down_s": 10} for n in range(7)
                ],
            },
            "arrivals": {"payment": {"interval_s": 1}},
            "queues": {
                "payment": {"service": {"distribution": "constant", "mean_s": 4}},
                "email": {"service": {"distribution": "constant", "mean_s": 0.4}},
            },
        }
    )
    both = compare_modes(scenario)
    training, queue = (both.runs[1.0, letter].frame() for letter in "TP")
    assert (training.outcome == "lost").sum() > 0
    assert (queue.outcome == "stalled").sum() > 0
    jobs = queue[queue.outcome == "completed"]
    assert jobs.queue.value_counts().to_dict() == {"payment": 999, "email": 999}
