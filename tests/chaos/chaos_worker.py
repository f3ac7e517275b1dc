"""A worker of the shop that expects trouble: a bad gateway, and short waits all over.

Run as a program: it is ``simqueue worker``, stopping and all, but for the times. Locks, stall
checks, backoffs and the patience with a locked database or an email in doubt are shortened, so that
a test can wait for them. It may be given trouble of its own (`CHAOS`), and a bug (`PLANT`).
"""

from __future__ import annotations

import os
import random
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import planted

import simqueue.shop
from simqueue.cli import run
from simqueue.policies import POLICIES
from simqueue.record import worker_events
from simqueue.shop import Conditions, database, emails, outbox
from simqueue.workers import relay, shop_worker
from simqueue.workers.process import WorkerProcess

#: One call in five ends without an answer, half of those after the money was taken.
CONDITIONS = Conditions(error_rate=0.2, late_share=0.5, decline_rate=0.03)
#: What a call of it takes with CHAOS=slow: then there is always work in hand.
SLOW_S = 0.15
#: Milliseconds; BullMQ's own 30 s are too long for a test.
BULLMQ = {"lockDuration": 3000, "stalledInterval": 1000}
#: Backoffs are this much shorter than those of the shop.
HASTE = 5
#: How long a writer waits for SQLite's lock; the shop's own patience is 30 s.
PATIENCE_S = 1.0
#: How long an email may be in doubt; the shop's own two minutes are long. It has to be longer than
#: a busy machine keeps a process waiting.
DOUBT_S = float(os.environ.get("DOUBT_S", "6"))
#: What is looked at again after a quarter of an hour, every five minutes, and what is held back for
#: one: with CHAOS=impatient these are the seconds.
FORGOTTEN_S, LOOK_BACK_EVERY_S, HELD_BACK_S, REFUNDS_EVERY_S = 15.0, 3.0, 3.0, 3.0
#: Of the lines of its log, so many are torn by a full disk, if CHAOS names it.
TORN = 0.1

POLICIES_IN_HASTE = {
    name: policy.model_copy(
        update={
            "backoff": policy.backoff.model_copy(
                update={"delay_ms": policy.backoff.delay_ms / HASTE}
            )
        }
    )
    for name, policy in POLICIES.items()
}


class FullDisk:
    """The operating system, but that some of what is written is cut short."""

    def __init__(self, seed: str) -> None:
        self._draw = random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, file: int, data: bytes) -> int:
        """Write it, or its first half."""
        whole = self._draw.random() >= TORN
        return os.write(file, data if whole else data[: len(data) // 2])


def in_haste(post_init: Callable[[WorkerProcess], None]) -> Callable[[WorkerProcess], None]:
    """Have a worker's consumers wait less."""

    def prepare(process: WorkerProcess) -> None:
        process.bullmq = BULLMQ
        process.policies = POLICIES_IN_HASTE
        post_init(process)

    return prepare


if __name__ == "__main__":
    database._PATIENCE_S = PATIENCE_S  # type: ignore[assignment]
    emails.DOUBT_S = DOUBT_S
    shop_worker._DOUBTS_EVERY_S = DOUBT_S / 3
    slow = {"latency_median_s": SLOW_S} if "slow" in os.environ.get("CHAOS", "") else {}
    conditions = replace(CONDITIONS, **slow)
    simqueue.shop.open_shop = partial(simqueue.shop.open_shop, conditions=conditions)
    WorkerProcess.__post_init__ = in_haste(WorkerProcess.__post_init__)  # type: ignore[method-assign]
    # So the mail server knows who sent what.
    socket.getfqdn = lambda *_: f"worker-{os.getpid()}.example"  # type: ignore[assignment]
    if "impatient" in os.environ.get("CHAOS", ""):
        outbox.FORGOTTEN_S = FORGOTTEN_S
        relay._LOOK_BACK_EVERY_S = LOOK_BACK_EVERY_S
        relay._HELD_BACK_S = HELD_BACK_S
        shop_worker._REFUNDS_EVERY_S = REFUNDS_EVERY_S
    if "torn" in os.environ.get("CHAOS", ""):
        worker_events.os = FullDisk(str(os.getpid()))  # type: ignore[attr-defined]
    planted.plant(os.environ.get("PLANT", ""))
    sys.argv[1:1] = ["worker", "--json-logs"]
    sys.exit(run())
