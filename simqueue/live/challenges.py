"""Challenges: a scenario, a task, and a score that is computed from what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simqueue.errors import InputError
from simqueue.record.attempt_log import COMPLETED
from simqueue.workload.reading import build_scenario, read_scenario
from simqueue.workload.scenario import Scenario

if TYPE_CHECKING:
    from simqueue.live.session import Session


@dataclass(frozen=True)
class Score:
    """How well it went.

    Attributes
    ----------
    solved
        Whether the task was done.
    points
        0 to 100; 0 if it was not done.
    words
        Why, in a sentence.
    """

    solved: bool
    points: int
    words: str


@dataclass(frozen=True)
class Challenge:
    """A task for a person, or for a few lines of Python.

    Attributes
    ----------
    name, title, task
        What it is called, and what is to be done.
    scenario
        Makes what is played.
    lasts_s
        When it ends, virtual seconds.
    may
        What one may do: words of `simqueue.live.changes`; of ``set``, the keys as ``set.attempts``.
    judge
        Computes the score of a session that was played to the end.
    """

    name: str
    title: str
    task: str
    scenario: Callable[[], Scenario]
    lasts_s: float
    may: tuple[str, ...]
    judge: Callable[[Session], Score]

    def check(self, change: Mapping[str, Any]) -> None:
        """Refuse what is against the rules.

        Raises
        ------
        InputError
            Says what is allowed.
        """
        what = change.get("do")
        said = f"set.{change.get('key')}" if what == "set" else str(what)
        if said not in self.may:
            raise InputError(f"{self.title}: not allowed here; you may {', '.join(self.may)}")

    def score(self, session: Session) -> Score:
        """The score of a session: it is played to the end of the challenge first.

        Raises
        ------
        InputError
            If it plays another scenario, or did what is against the rules.
        """
        if session.scenario != self.scenario():
            raise InputError(f"{self.title}: the session plays another scenario")
        for change in session.changes:
            self.check(change.model_dump())
        session.run_until(self.lasts_s)
        return self.judge(session)

    def seen(self, session: Session) -> dict[str, Any]:
        """What a page shows of it."""
        over = session.now >= self.lasts_s
        found = {"name": self.name, "title": self.title, "task": self.task, "may": list(self.may)}
        left = max(0.0, self.lasts_s - session.now)
        if not over:
            return {**found, "left_s": left, "score": None}
        score = self.judge(session)
        shown = {"solved": score.solved, "points": score.points, "words": score.words}
        return {**found, "left_s": left, "score": shown}


def worker_minutes(session: Session) -> float:
    """Minutes for which somebody paid for a worker, until now."""
    presence = session.log().presence
    gone = np.where(np.isnan(presence["gone_s"]), session.now, presence["gone_s"])
    return float((gone - presence["asked_s"]).sum()) / 60


def _storm(session: Session) -> Score:
    """The share of the last minute's requests that were answered in time."""
    since, until = session.now - 62, session.now - 2
    rows = session.log().select("request", since_s=since, until_s=until).rows
    in_time = (rows["outcome"] == COMPLETED) & (rows["finished_s"] - rows["enqueued_s"] <= 1)
    asked = len(np.unique(rows["flow"]))
    share = len(np.unique(rows["flow"][in_time])) / max(1, asked)
    minutes = worker_minutes(session)
    solved = share >= 0.95
    points = round(max(10.0, 100 - 10 * max(0.0, minutes - session.now / 60))) if solved else 0
    words = f"{share:.0%} of the last minute's requests had an answer in time"
    return Score(solved, points, f"{words}; {minutes:.1f} worker-minutes")


def _lean(session: Session) -> Score:
    waits = session.log().waits("mail")
    p95 = float(np.quantile(waits, 0.95)) if len(waits) else 0.0
    minutes = worker_minutes(session)
    solved = p95 < 1.0
    points = round(min(100.0, 100 * 20 / minutes)) if solved else 0
    return Score(solved, points, f"p95 of the waits {p95:.2f} s for {minutes:.1f} worker-minutes")


def _outage(session: Session) -> Score:
    counts = session.measures.counts["payment"]
    lost, done = counts["failed"], counts["done"]
    points = 100 if not lost else 0
    return Score(not lost, points, f"{lost:,} payments lost, {done:,} done")


def _broken(session: Session) -> Score:
    jobs = session.log().select("order", since_s=session.now - 200, until_s=session.now - 20)
    waits = jobs.waits("order")
    p95 = float(np.quantile(waits, 0.95)) if len(waits) else float("inf")
    changes = len(session.changes)
    solved = p95 < 1.0
    points = max(10, 110 - 10 * changes) if solved else 0
    words = f"p95 of the last waits {p95:.2f} s after {changes} changes"
    return Score(solved, points, words)


def _mail() -> Scenario:
    return build_scenario(
        {
            "name": "a busy quarter of an hour",
            "seed": 7,
            "duration_s": 900,
            "arrivals": {"mail": {"profile": [[0, 4.0], [300, 14.0], [600, 5.0]]}},
            "queues": {"mail": {"service": {"distribution": "exponential", "mean_s": 0.5}}},
            "workers": {"count": 1, "concurrency": 5},
        }
    )


def _colleague() -> Scenario:
    service = {"distribution": "exponential", "mean_s": 0.4}
    return build_scenario(
        {
            "name": "what did they change?",
            "seed": 11,
            "duration_s": 400,
            "arrivals": {
                "order": {"rate_per_s": 6.0},
                "payment": {"follows": "order", "think": {**service, "mean_s": 5.0}},
            },
            "queues": {
                "order": {"service": service, "failure_rate": 0.02},
                "payment": {"service": service, "failure_rate": 0.02},
                "email": {"service": {**service, "mean_s": 0.1}},
            },
            "workers": {"count": 1, "concurrency": {"order": 2, "payment": 5, "email": 5}},
        }
    )


_WORKERS = ("workers", "slots", "kill", "drain", "start")
#: All challenges, the easiest first.
CHALLENGES = (
    Challenge(
        "broken",
        "What did they change?",
        "A colleague changed one setting, and orders pile up. Find it, and set it right.",
        _colleague,
        400.0,
        ("slots", "set.attempts", "set.backoff"),
        _broken,
    ),
    Challenge(
        "outage",
        "Lose no payment",
        "At 120 s the gateway goes away for a minute. Lose no payment.",
        lambda: read_scenario("outage.toml").replace(
            {"queues.payment.attempts": 4, "queues.payment.failure_rate": 0.0, "duration_s": 240.0}
        ),
        360.0,
        ("pause", "set.attempts", "set.backoff"),
        _outage,
    ),
    Challenge(
        "storm",
        "Survive the storm",
        "At 60 s the worker is away for ten seconds; clients ask again after one second. Get out "
        "of it, with as few worker-minutes as you can.",
        lambda: read_scenario("storm.toml").replace({"duration_s": 160.0}),
        160.0,
        ("pause", *_WORKERS),
        _storm,
    ),
    Challenge(
        "lean",
        "A second for the least",
        "Keep the p95 of the waits under a second in this quarter of an hour, for the fewest "
        "worker-minutes.",
        _mail,
        900.0,
        _WORKERS[:1] + _WORKERS[2:],
        _lean,
    ),
)


def challenge(name: str) -> Challenge:
    """The challenge of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    found = next((one for one in CHALLENGES if one.name == name), None)
    if found is None:
        raise InputError(
            f"challenge {name!r}: expected one of {', '.join(one.name for one in CHALLENGES)}"
        )
    return found
