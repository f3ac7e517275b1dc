"""The one retry rule: published waits, and what holds for every policy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from simqueue.policies import LONGEST_MS, POLICIES, Backoff, QueuePolicy, next_step


@pytest.mark.parametrize(
    ("queue", "waits", "kept"),
    [
        ("order", [2.0, 4.0], (100, 50)),
        ("email", [1.0, 2.0, 4.0, 8.0], (50, 25)),
        ("payment", [5.0, 5.0], (100, 50)),
    ],
)
def test_the_shops_policies(queue: str, waits: list[float], kept: tuple[int, int]) -> None:
    policy = POLICIES[queue]

    assert policy.waits_s() == waits
    assert policy.retries == len(waits)
    assert (policy.keep_completed, policy.keep_failed) == kept


def test_the_published_table_of_bullmq() -> None:
    """BullMQ, guide "Retrying failing jobs": 2 ** (attempts - 1) * delay.

    With a delay of 3000 ms the 7th retry comes 2^6 * 3000 = 192000 ms after its attempt, and with
    jitter 0.5 between 96000 and 192000 ms.
    """
    plain = Backoff(type="exponential", delay_ms=3000)
    jittered = Backoff(type="exponential", delay_ms=3000, jitter=0.5)

    assert [plain.wait_s(attempt) for attempt in range(1, 8)] == [3, 6, 12, 24, 48, 96, 192]
    assert jittered.wait_s(7, draw=0.0) == 96.0
    assert jittered.wait_s(7, draw=1 - 2**-53) == pytest.approx(192.0, abs=0.001)
    assert jittered.wait_s(7) == 192.0


def test_fixed_backoff_has_jitter_too() -> None:
    backoff = Backoff(type="fixed", delay_ms=1000, jitter=0.25)

    assert [backoff.wait_s(k, draw) for k, draw in [(1, 0.0), (2, 0.5), (3, 0.999999)]] == [
        0.75,
        0.875,
        0.999,
    ]


def test_the_cap_comes_before_jitter() -> None:
    backoff = Backoff(type="exponential", delay_ms=1000, max_ms=3000, jitter=1.0)

    assert backoff.wait_s(10, draw=0.5) == 1.5
    assert backoff.wait_s(10) == 3.0


def test_a_list_says_each_delay_and_its_last_one_repeats() -> None:
    backoff = Backoff(type="list", delays_ms=[1000, 5000, 60000])
    policy = QueuePolicy(attempts=6, backoff=backoff)

    assert policy.waits_s() == [1, 5, 60, 60, 60]
    jittered = backoff.model_copy(update={"jitter": 0.5})
    assert [jittered.wait_s(attempt, 0.0) for attempt in (1, 2, 3, 9)] == [0.5, 2.5, 30, 30]


def test_a_multiplier_of_two_is_what_bullmq_does() -> None:
    delays = {
        times: [
            Backoff(type="exponential", delay_ms=100, multiplier=times).wait_s(attempt)
            for attempt in (1, 2, 3, 4)
        ]
        for times in (1, 1.5, 2, 3)
    }

    assert delays == {
        1: [0.1, 0.1, 0.1, 0.1],
        1.5: [0.1, 0.15, 0.225, 0.338],  # whole milliseconds
        2: [0.1, 0.2, 0.4, 0.8],
        3: [0.1, 0.3, 0.9, 2.7],
    }


def test_the_floor_holds_after_jitter() -> None:
    """A cap is a bound of the delay, which jitter only shortens; a floor is one of the wait."""
    backoff = Backoff(type="exponential", delay_ms=1000, min_ms=1500, max_ms=3000, jitter=1.0)

    assert [backoff.wait_s(attempt) for attempt in (1, 2, 3)] == [1.5, 2, 3]
    assert [backoff.wait_s(3, draw) for draw in (0.0, 0.4, 0.9)] == [1.5, 1.5, 2.7]


def test_no_exponential_delay_overflows() -> None:
    longest = Backoff(type="exponential", delay_ms=1000, multiplier=1000).wait_s(1000)

    assert longest == LONGEST_MS / 1000
    assert Backoff(type="exponential", delay_ms=0, multiplier=1000).wait_s(1000) == 0


def test_a_fatal_failure_has_no_next_attempt() -> None:
    policy = QueuePolicy(attempts=5, backoff=Backoff(delay_ms=1000))

    assert next_step(policy, 1, "failed") == 1.0
    assert next_step(policy, 1, "fatal") is None


delays = st.floats(0, 1e6)
backoffs = st.one_of(
    st.builds(
        Backoff,
        type=st.just("fixed"),
        delay_ms=delays,
        jitter=st.floats(0, 1),
        min_ms=st.just(0) | st.floats(0, 1e4),
        max_ms=st.none() | st.floats(1e4, 1e7),
    ),
    st.builds(
        Backoff,
        type=st.just("exponential"),
        delay_ms=delays,
        multiplier=st.just(2) | st.floats(1, 1000),
        jitter=st.floats(0, 1),
        max_ms=st.none() | st.floats(0, 1e7),
    ),
    st.builds(
        Backoff,
        type=st.just("list"),
        delays_ms=st.lists(delays, min_size=1, max_size=5),
        jitter=st.floats(0, 1),
        min_ms=st.just(0) | st.floats(0, 1e4),
    ),
)


@given(backoffs, st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_between_what_jitter_allows(
    backoff: Backoff, attempt: int, draw: float
) -> None:
    longest = backoff.wait_s(attempt)
    wait = backoff.wait_s(attempt, draw)

    assert 0 <= wait <= longest
    assert wait >= backoff.min_ms / 1000
    # Down to a millisecond, because waits are whole milliseconds.
    assert wait >= longest * (1 - backoff.jitter) - 0.001 - 1e-9 * longest


@given(backoffs, st.integers(1, 60), st.lists(st.floats(0, 1, exclude_max=True)))
def test_many_draws_give_what_each_of_them_gives(
    backoff: Backoff, attempt: int, draws: list[float]
) -> None:
    """To the last bit, and the draws stay as they were."""
    array = np.array(draws, dtype=float)
    waits = backoff.wait_s(attempt, array)

    assert waits.dtype == np.float64
    assert waits.tolist() == [backoff.wait_s(attempt, draw) for draw in draws]
    assert array.tolist() == draws


@given(backoffs, st.integers(1, 30), st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_there_is_one_wait_fewer_than_attempts(
    backoff: Backoff, attempts: int, attempt: int, draw: float
) -> None:
    policy = QueuePolicy(attempts=attempts, backoff=backoff)

    step = next_step(policy, attempt, "failed", draw)
    assert (step is None) == (attempt >= attempts)
    assert next_step(policy, attempt, "completed", draw) is None
    assert len(policy.waits_s()) == attempts - 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "linear"},
        {"delay_ms": -1},
        {"delay_ms": float("nan")},
        {"jitter": 1.1},
        {"max_ms": -5},
        {"delays": 3},
        {"type": "list"},
        {"type": "list", "delays_ms": []},
        {"type": "list", "delays_ms": [1000], "delay_ms": 1000},
        {"delays_ms": [1000]},
        {"type": "fixed", "multiplier": 3},
        {"type": "exponential", "multiplier": 0.5},
        {"min_ms": -1},
        {"min_ms": 10, "max_ms": 5},
    ],
)
def test_a_backoff_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Backoff.model_validate(wrong)


def test_attempts_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Backoff(delay_ms=1).wait_s(0)
    with pytest.raises(ValidationError):
        QueuePolicy(attempts=0)
