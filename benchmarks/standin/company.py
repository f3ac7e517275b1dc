"""What the company does: its queues and their jobs, its workers, and how busy a day is when."""

from __future__ import annotations

from typing import Any

#: How busy the day is at a share of it; straight in between, 1.0 on average.
PROFILE = ((0, 0.5), (0.15, 0.8), (0.35, 1.35), (0.5, 1.0), (0.65, 1.35), (0.85, 0.95), (1, 0.5))

#: Times are milliseconds. ``options`` and ``limiter`` are BullMQ's own, handed on as they are;
#: ``service`` is lognormal with a mean and a coefficient of variation, ``cpu`` its part that keeps
#: a core busy; ``failing`` and ``fatal`` are shares of attempts, ``fatal`` ones are not retried.
COMPANY: dict[str, Any] = {
    "profile": PROFILE,
    "pools": {
        "billing": {"count": 2, "queues": {"invoices": 5, "webhooks": 5}},
        "media": {"count": 1, "queues": {"thumbnails": 6}},
        "office": {"count": 1, "queues": {"reports": 5, "reminders": 6, "digest": 5}},
    },
    "queues": {
        "invoices": {
            "rate_per_s": 12,
            "kinds": [
                {"name": "vip", "share": 0.15, "priority": 1, "service": {"mean": 190, "cv": 0.8}},
                {"name": "bulk", "share": 0.7, "priority": 10, "service": {"mean": 250, "cv": 1.2}},
                {"name": "correction", "share": 0.15, "service": {"mean": 210, "cv": 1}},
            ],
            "failing": 0.05,
            "fatal": 0.004,
            "options": {
                "attempts": 4,
                "backoff": {"type": "exponential", "delay": 1000, "jitter": 0.5},
                "removeOnComplete": 100,
                "removeOnFail": 50,
            },
        },
        "webhooks": {
            "rate_per_s": 6,
            "kinds": [{"name": "deliver", "share": 1, "service": {"mean": 400, "cv": 0.9}}],
            "failing": 0.03,
            "limiter": {"max": 20, "duration": 1000},
            "options": {
                "attempts": 5,
                "backoff": {"type": "fixed", "delay": 5000},
                "removeOnComplete": 100,
                "removeOnFail": 50,
            },
        },
        "reports": {
            "rate_per_s": 1.2,
            "kinds": [{"name": "report", "share": 1, "service": {"mean": 1300, "cv": 0.6}}],
            "children": {"queue": "thumbnails", "from": 3, "to": 5},
            "options": {"attempts": 2, "removeOnComplete": 100, "removeOnFail": 50},
        },
        "thumbnails": {
            "kinds": [{"name": "thumbnail", "share": 1, "service": {"mean": 360, "cv": 0.7}}],
            "cpu": {"mean": 10, "cv": 0.5},
            "sandboxed": True,
            "failing": 0.02,
            "options": {
                "attempts": 4,
                "backoff": {"type": "fixed", "delay": 1000},
                "removeOnComplete": 100,
                "removeOnFail": 50,
                # By default a report would wait forever for a picture that cannot be had.
                "ignoreDependencyOnFailure": True,
            },
        },
        "reminders": {
            "rate_per_s": 6,
            "kinds": [{"name": "remind", "share": 1, "service": {"mean": 300, "cv": 1}}],
            "delayed": {"from": 5000, "to": 40_000},
            "failing": 0.02,
            "options": {
                "attempts": 3,
                "backoff": {"type": "exponential", "delay": 2000},
                "removeOnComplete": True,
                "removeOnFail": 50,
            },
        },
        "digest": {
            "every": 10_000,
            "kinds": [{"name": "digest", "share": 1, "service": {"mean": 2000, "cv": 0.5}}],
            "options": {"attempts": 1, "removeOnComplete": 100, "removeOnFail": 50},
        },
    },
}

_TIMES = {"mean", "delay", "duration", "every", "from", "to"}


def sped_up(company: dict[str, Any], speed: float) -> dict[str, Any]:
    """The same company where all goes ``speed`` times as fast, at the same utilisations."""
    queues = {
        name: {
            key: value if key == "children" else _faster(key, value, speed)
            for key, value in queue.items()
        }
        for name, queue in company["queues"].items()
    }
    return {**company, "queues": queues}


def _faster(key: str, value: Any, speed: float) -> Any:
    if isinstance(value, dict):
        return {inner: _faster(inner, one, speed) for inner, one in value.items()}
    if isinstance(value, list):
        return [_faster(key, one, speed) for one in value]
    if key == "rate_per_s":
        return value * speed
    if key in _TIMES:
        return value / speed if key == "mean" else max(1, round(value / speed))
    return value


def slots(company: dict[str, Any]) -> dict[str, int]:
    """How many jobs of each queue run at once, in all worker processes together."""
    found = dict.fromkeys(company["queues"], 0)
    for pool in company["pools"].values():
        for queue, number in pool["queues"].items():
            found[queue] += pool["count"] * number
    return found
