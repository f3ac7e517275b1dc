"""The answers of lesson 05, found by other roads than the one they were written on."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from making import assert_hints

from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.data import data_path
from simqueue.results.theory import mg1_wait_mean, mmc_wait_mean


def simulated(rng: np.random.Generator, rate: float, times_s: np.ndarray) -> float:
    """Mean wait at one slot, by Lindley's recursion: the next wait is this one, plus the time that
    this job takes, minus the time until the next one comes, or nothing."""
    steps = times_s - rng.exponential(1 / rate, len(times_s))
    sums = np.concatenate(([0.0], np.cumsum(steps)))
    return float((sums - np.minimum.accumulate(sums)).mean())


def test_wait_by_simulation() -> None:
    rng = np.random.default_rng(5)
    shape = 1 / 2**2
    wait = simulated(rng, 3.0, rng.gamma(shape, 0.2 / shape, 3_000_000))
    assert mark("05.b", wait).verdict == "right"
    assert mark("05.b", "750 ms").verdict == "right"
    assert mark("05.b", timedelta(seconds=0.75)).verdict == "right"


def test_the_shape_does_not_matter() -> None:
    """Two values with mean 0.2 and standard deviation 0.4."""
    rng = np.random.default_rng(6)
    times = np.where(rng.random(3_000_000) < 0.2, 1.0, 0.0)
    assert times.std() == pytest.approx(0.4, rel=0.01)
    assert mark("05.b", simulated(rng, 3.0, times)).verdict == "right"


def test_even_gateway_by_solving() -> None:
    # wait = 2m / (1 - 2m) / 2 * m = 8, so m² + 16 m - 8 = 0
    m = max(np.roots([1, 16, -8]).real)
    assert mark("05.c", m).verdict == "right"
    assert mark("05.c", f"{1000 * m:.0f} ms").verdict == "right"
    tried = next(m for m in np.arange(0.4, 0.5, 0.001) if 2 * m / (1 - 2 * m) / 2 * m > 8)
    assert mark("05.c", tried).verdict == "right"


def test_even_gateway_by_simulation() -> None:
    rng = np.random.default_rng(7)
    wait = simulated(rng, 2.0, np.full(6_000_000, 0.485))
    assert wait == pytest.approx(8, rel=0.1)


def test_what_is_needed_by_changing_it() -> None:
    """Times that share a number with others, and whose wait differs: then it is not enough."""

    def wait(rate: float, times_s: list[float]) -> float:
        times = np.array(times_s)
        busy = rate * times.mean()
        return float(busy / (1 - busy) * (1 + times.var() / times.mean() ** 2) / 2 * times.mean())

    even, uneven = [0.4] * 5, [0.1, 0.1, 0.4, 0.4, 1.0]
    assert np.mean(even) == pytest.approx(np.mean(uneven))
    assert np.median(even) == np.median(uneven)
    assert wait(2, uneven) > 1.3 * wait(2, even)  # a, b and c are not enough: d is needed
    assert wait(2.2, even) > 1.3 * wait(2, even)  # b and d are not enough: a is needed
    assert mark("05.d", "abd").verdict == "right"
    assert mark("05.d", ["d", "a", "b"]).verdict == "right"
    assert mark("05.d", "A, B and D").verdict == "right"


def split(times_s: object, rate: float, limit_s: float) -> float:
    """Mean wait of all, by the library's formula."""
    times = np.asarray(times_s)
    wait = 0.0
    for part in (times[times <= limit_s], times[times > limit_s]):
        share = len(part) / len(times)
        wait += share * mg1_wait_mean(rate * share, part.mean(), part.var() / part.mean() ** 2)
    return wait


def gateway_b() -> np.ndarray:
    measured = pd.read_csv(data_path("checkout_times.csv"))["payment_ms"].dropna().to_numpy()
    return measured * 0.4 / measured.mean()


def test_the_split_by_the_formula_of_the_library() -> None:
    assert mark("05.e", split).verdict == "right"
    said = exercises()["05.e"].answer
    times = gateway_b()
    cv2 = times.var() / times.mean() ** 2
    assert said.split()[0] == f"{split(times, 2.0, 1.0):.2f}"
    assert f"about {mmc_wait_mean(2.0, 0.4, 2) * (1 + cv2) / 2:.2f} s" in " ".join(said.split())


def test_the_split_by_simulation() -> None:
    """Two lines of their own, to which each job goes by its time."""
    rng = np.random.default_rng(5)
    times = rng.choice(gateway_b(), 4_000_000)
    quick, slow = times[times <= 1], times[times > 1]
    shares = len(quick) / len(times), len(slow) / len(times)
    waits = [
        simulated(rng, 2 * share, part) for share, part in zip(shares, (quick, slow), strict=True)
    ]
    assert np.dot(shares, waits) == pytest.approx(split(gateway_b(), 2.0, 1.0), rel=0.05)
    assert waits[0] < 0.06
    assert waits[1] == pytest.approx(3.3, abs=0.3)


def test_wrong_functions_get_a_hint() -> None:
    def waits(times_s: object, rate: float, limit_s: float) -> list[tuple[float, float]]:
        times = np.asarray(times_s)
        parts = times[times <= limit_s], times[times > limit_s]
        return [(len(one) / len(times), alone(one, rate * len(one) / len(times))) for one in parts]

    def alone(part: np.ndarray, rate: float, power: float = 1, ddof: int = 0) -> float:
        busy = rate * part.mean()
        cv2 = part.var(ddof=ddof) / part.mean() ** 2
        return float(busy / (1 - busy) * (1 + cv2**power) / 2 * part.mean())

    def by_part(wait: object) -> object:
        def answer(times_s: object, rate: float, limit_s: float) -> float:
            times = np.asarray(times_s)
            parts = times[times <= limit_s], times[times > limit_s]
            return sum(len(p) / len(times) * wait(p, rate, len(p) / len(times)) for p in parts)  # type: ignore[operator]

        return answer

    assert_hints(
        "05.e",
        (lambda t, rate, _: alone(np.asarray(t), rate), "one queue for all"),
        (by_part(lambda part, rate, _: alone(part, rate)), "share of the rate"),
        (lambda *case: np.mean([wait for _, wait in waits(*case)]), "weigh the two"),
        (lambda *case: sum(wait for _, wait in waits(*case)), "not in both"),
        (by_part(lambda part, rate, share: alone(part, rate * share, power=0.5)), "its square"),
        (lambda *case: waits(*case)[0][1], "wait of the quick"),
        (lambda t, rate, limit_s: split(t, rate, limit_s - 1e-9), "not longer than it"),
        (
            by_part(lambda part, rate, share: alone(part, rate * share, ddof=1)),
            "the number of times less one",
        ),
        (by_part(lambda part, rate, _: mg1_wait_mean(rate, part.mean(), 1)), "no steady state"),
        (lambda *_: np.float64(0.27), "gives 0.27; right is 0.436154"),
        (0.27, "no function"),
    )


@pytest.mark.parametrize(
    ("key", "wrong", "hint"),
    [
        ("05.b", 0.45, "its square"),
        ("05.b", 0.3, "as large as the mean"),
        ("05.b", 0.15, "just as long"),
        ("05.b", "174 ms", "Divide it by the mean"),
        ("05.b", 0.95, "response time"),
        ("05.b", 1.5, "a 2 missing"),
        ("05.b", 0.5, "under way"),
        ("05.b", 7, "how busy the slot is"),
        ("05.c", 0.5, "without end"),
        ("05.c", "4 s", "without end"),
        ("05.c", 0.4, "gateway A"),
        ("05.c", 0.45, "shorter than 8 s"),
        ("05.c", 0.495, "longer than 8 s"),
        ("05.c", 0.1, "slower than 0.4 s"),
        ("05.c", -1, "cv² is 0"),
        ("05.d", "ab", "Gateways A and B share"),
        ("05.d", "bd", "how busy"),
        ("05.d", "ad", "one more number"),
        ("05.d", "abe", "percentile"),
        ("05.d", "abde", "not in the formula"),
        ("05.d", "abcd", "median is 0.12 s"),
        ("05.d", "abcde", "fewer are enough"),
        ("05.d", "ce", "Write down the formula"),
    ],
)
def test_wrong_answers_get_a_hint(key: str, wrong: object, hint: str) -> None:
    judged = mark(key, wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
