"""The answers of lesson 07, found by other roads than the one they were written on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from making import assert_hints

from simqueue.course import busy_day
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.data import data_path
from simqueue.experiments.run import simulate
from simqueue.policies import Backoff, QueuePolicy
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import build_scenario, read_scenario


def busiest_second(starts: Any, after_s: float) -> int:
    later = np.sort(starts[starts >= after_s])
    return int((np.searchsorted(later, later + 1) - np.arange(len(later))).max())


def herd(backoff: dict[str, object], attempts: int = 12, slots: int = 20) -> int:
    """Calls in the busiest second after an outage of 20 s, of about 400 jobs."""
    scenario = build_scenario(
        {
            "seed": 7,
            "duration_s": 60,
            "workers": {"concurrency": slots},
            "arrivals": {"job": {"profile": [[0, 4000], [0.1, 0]]}},
            "queues": {
                "job": {
                    "attempts": attempts,
                    "backoff": {"delay_ms": 4000, **backoff},
                    "service": {"distribution": "constant", "mean_s": 0.05},
                    "outages": [[0, 20]],
                }
            },
        }
    )
    return busiest_second(simulate(scenario).log.rows["started_s"], 20)


def test_the_window_by_drawing() -> None:
    rule = Backoff(type="exponential", delay_ms=1000, jitter=0.5)
    draws = np.random.default_rng(7).random(6000)
    waits = np.array([rule.wait_s(6, draw) for draw in draws])  # the sixth wait: up to 32 s
    a_second = np.histogram(waits, np.arange(16, 33))[0].mean()
    assert mark("07.b", a_second).verdict == "right"
    assert mark("07.b", "375 calls").verdict == "right"


def test_attempts_by_the_policy_itself() -> None:
    rule = Backoff(type="exponential", delay_ms=1000)
    attempts = next(n for n in range(1, 100) if sum(_waits(rule, n)) >= 300)
    assert mark("07.c", attempts).verdict == "right"


def _waits(rule: Backoff, attempts: int) -> Sequence[float]:
    return QueuePolicy(attempts=attempts, backoff=rule).waits_s()


def test_full_jitter_by_drawing() -> None:
    rule = Backoff(type="exponential", delay_ms=2000, jitter=1.0)
    draws = np.random.default_rng(7).random((20_000, 5))
    sums = [sum(rule.wait_s(n + 1, row[n]) for n in range(5)) for row in draws]
    assert mark("07.d", np.mean(sums)).verdict == "right"
    assert mark("07.d", "31 s").verdict == "right"


def mean_delays(first_s: float, cap_s: float, jitter: float, attempts: int) -> float:
    """Seconds of all delays of a job together, drawn by the library's own policy."""
    rule = Backoff(type="exponential", delay_ms=1000 * first_s, max_ms=1000 * cap_s, jitter=jitter)
    draws = np.random.default_rng(7).random((attempts, 20_000))
    return sum(float(rule.wait_s(n, draws[n]).mean()) for n in range(1, attempts))


def needed(first_s: float, cap_s: float, jitter: float, outage_s: float) -> int:
    return next(n for n in range(1, 99) if mean_delays(first_s, cap_s, jitter, n) >= outage_s)


def test_attempts_needed_by_drawing() -> None:
    assert mark("07.f", needed).verdict == "right"
    assert exercises()["07.f"].answer.strip().startswith(f"{needed(2, 16, 0.5, 60)} attempts")


def test_wrong_functions_get_a_hint() -> None:
    def wrong(first_s: float, cap_s: float, outage_s: float, left: float, shift: int = 0) -> int:
        """What is right, but for what is left of a delay, and where the doubling begins."""
        delays = [min(first_s * 2.0 ** (k + shift), cap_s) * left for k in range(999)]
        return 1 + int(np.argmax(np.cumsum(delays) >= outage_s)) + 1

    assert_hints(
        "07.f",
        (lambda f, c, j, o: wrong(f, c, o, 1 - j / 2) - 1, "So many delays"),
        (lambda f, _, j, o: wrong(f, 1e9, o, 1 - j / 2), "double for ever"),
        (lambda f, c, _, o: wrong(f, c, o, 1), "without jitter"),
        (lambda f, c, j, o: wrong(f, c, o, 1 - j), "the shortest"),
        (lambda f, c, j, o: wrong(f * (1 - j / 2), c, o, 1), "First the cap"),
        (lambda f, c, j, o: wrong(f, c, o, 1 - j / 2, shift=1), "only after that"),
        (lambda f, _, j, o: wrong(f, f, o, 1 - j / 2), "doubles after each"),
        (lambda *_: 9, "gives 9; right is 11"),
        (lambda *_: None, "returned nothing"),
        (9, "no function"),
    )


def test_changes_by_simulation() -> None:
    """The limit of e is no part of the model: that it limits is its definition."""
    base = herd({"type": "fixed"})
    changed = {
        "a": herd({"type": "fixed", "jitter": 0.5}),
        "b": herd({"type": "fixed"}, attempts=40),
        "c": herd({"type": "fixed"}, slots=10),
        "d": herd({"type": "exponential"}),
    }
    letters = [letter for letter, calls in changed.items() if calls < 0.8 * base]
    assert mark("07.e", [*letters, "e"]).verdict == "right"


@pytest.mark.parametrize("seed", [1, 2])
def test_six_doubling_attempts_outlast_the_minute(seed: int) -> None:
    """What Modify promises: of the busy day, the hour around the outage."""
    hour = busy_day(f"seed={seed}").replace(
        {
            "arrivals.order.window": ["2011-11-17T13:30", "2011-11-17T14:15"],
            "workers.count": 2,
            "queues.payment.outages": [[900, 960]],
        }
    )
    lost = {}
    for attempts, backoff in (
        (3, {"type": "fixed", "delay_ms": 5000}),
        (6, {"type": "exponential", "delay_ms": 2000}),
    ):
        policy = {"queues.payment.attempts": attempts, "queues.payment.backoff": backoff}
        lost[attempts] = len(simulate(hour.replace(policy)).log.select("payment", outcome="failed"))
    assert lost[3] > 70
    assert lost[6] <= 3


@pytest.mark.parametrize("seed", [1, 2])
def test_what_the_lesson_says_holds_for_other_seeds(seed: int) -> None:
    busy = {}
    for jitter in (0.0, 0.5, 1.0):
        changes = [f"queues.email.backoff.jitter={jitter}", f"seed={seed}"]
        scenario = read_scenario(data_path("herd.toml"), [parse_set(text) for text in changes])
        rows = simulate(scenario).log.rows
        after = rows[rows["started_s"] >= 20]
        busy[jitter] = busiest_second(after["started_s"], 20)
        assert (after["started_s"] - after["ready_s"]).max() < 0.3
    assert busy[0.0] == pytest.approx(1250, rel=0.1)
    assert busy[0.5] == pytest.approx(250, rel=0.25)
    assert busy[1.0] < busy[0.5]


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("07.b", 187.5, "full jitter"),
        ("07.b", 6000, "no jitter at all"),
        ("07.b", 250, "mean delay"),
        ("07.b", 95, "all the delays"),
        ("07.b", 16, "width of the window"),
        ("07.b", 1, "width of the window"),
        ("07.c", 9, "So many delays"),
        ("07.c", 8, "two minutes"),
        ("07.c", 11, "one attempt fewer"),
        ("07.c", 301, "fixed delay"),
        ("07.c", 511, "how many seconds"),
        ("07.c", 3, "Add up the delays"),
        ("07.d", 62, "without jitter"),
        ("07.d", "46.5 s", "equal jitter"),
        ("07.d", 63, "six delays"),
        ("07.d", "126 s", "one delay fewer"),
        ("07.d", 16, "last delay alone"),
        ("07.d", 5, "add them up"),
        ("07.e", "acde", "Look at d"),
        ("07.e", "abce", "Look at b"),
        ("07.e", "a", "between the herd"),
        ("07.e", "ac", "one more"),
        ("07.e", "ae", "busiest second without jitter"),
        ("07.e", "ad", "Backoff without jitter"),
        ("07.e", "b", "widen the window"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
