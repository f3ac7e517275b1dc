"""Jobs of strangers in the shop's queues: a worker takes them, and each must come to an end."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from fuzzing import a_value
from strange_jobs import DISOBEYED, UNREADABLE, deep

Fields = dict[str, Any]
_NAMES = {"order": "process-order", "payment": "process-payment", "email": "order-confirmation"}


def _sound(queue: str) -> Fields:
    data = {"payload": {"order_id": "no such order"}, "flow": "order-1", "parent_id": None}
    if queue == "payment":
        data["payload"] = {"order_id": "no such order", "amount": "5.00"}
    return {"name": _NAMES[queue], "data": json.dumps(data), "opts": "{}", "timestamp": "1"}


def _deep(draw: random.Random) -> Fields:
    return {draw.choice(["data", "opts"]): deep(draw.randrange(900, 20_000))}


def _any_bytes(draw: random.Random) -> Fields:
    names = ("name", "data", "opts", "timestamp", "delay", "priority", "atm", "ats", "stc",
             "attemptsMade", "progress", "parent", "stacktrace", "failedReason")  # fmt: skip
    return {name: a_value(draw)[:100_000] for name in names if draw.random() < 0.3}


#: What differs from a job that is sound, but for an order that there is not.
KINDS: dict[str, Callable[[random.Random], Fields]] = {
    "unreadable": lambda draw: UNREADABLE[draw.choice(list(UNREADABLE))],
    "nested deep": _deep,
    "odd options": lambda draw: DISOBEYED[draw.choice(list(DISOBEYED))],
    "unknown name": lambda draw: {"name": draw.choice(["refund-everybody", "", "__proto__"])},
    "unknown order": lambda _: {},
    "any bytes": _any_bytes,
}


class Strangers:
    """Somebody who writes jobs into the queues, straight into Redis.

    Parameters
    ----------
    client
        The Redis of the queues; it answers in bytes.
    draw
        Chooses what comes.

    Attributes
    ----------
    came
        How many jobs there were of each kind.
    """

    def __init__(self, client: redis.Redis, draw: random.Random) -> None:
        self._client = client
        self._draw = draw
        self._jobs: list[tuple[str, bytes]] = []
        self.came: Counter[str] = Counter()

    def add(self, number: int) -> None:
        """Put so many jobs at the end of the queues; a Redis in trouble takes what it takes."""
        for _ in range(number):
            kind = self._draw.choice(list(KINDS))
            # An email that fails for good is kept among 25, and the shop's own need the room.
            queue = self._draw.choice(["order", "payment"] * 6 + ["email"])
            job_id = f"stranger-{len(self._jobs)}".encode()
            if self._draw.random() < 0.2:
                job_id += self._draw.choice([b"\xed\xa0\xbd", b"\n", b" a b", b"/..", b"\x1b[2J"])
            fields = {**_sound(queue), **KINDS[kind](self._draw)}
            known = {name: value for name, value in fields.items() if value is not None}
            pipe = self._client.pipeline()
            pipe.hset(f"bull:{queue}:".encode() + job_id, mapping=known)
            pipe.lpush(f"bull:{queue}:wait", job_id)
            pipe.zadd(f"bull:{queue}:marker", {"0": 0})
            pipe.execute()
            self._jobs.append((queue, job_id))
            self.came[kind] += 1

    def check(self) -> None:
        """Prove that each has come to an end: kept as such, or removed."""
        for queue, job_id in self._jobs:
            key = f"bull:{queue}:"
            over = any(
                self._client.zscore(f"{key}{state}", job_id) is not None
                for state in ("completed", "failed")
            )
            gone = not self._client.exists(key.encode() + job_id)
            assert over or gone, f"a stranger's job is stuck: {queue} {job_id!r}"
