"""Scripts that mix the rules of who is next: the real queue and the model agree on the order.

In virtual time BullMQ's own Lua and workers play them to the millisecond; a few are played on a
real Redis in real time too.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice

import pytest
from rule_scripts import EXACT_S, LEAST_RULES, RULES, clear_scripts, rules_of, script_of
from script import Script, ScriptJob, assert_alike, both, in_order, is_clear
from virtual_play import differ, run_virtual

#: Scripts of the quick samples, in virtual and in real time.
SAMPLE = tuple(number for number, _ in islice(clear_scripts(0, EXACT_S), 16))
REAL_SAMPLE = tuple(number for number, _ in islice(clear_scripts(), 3))
#: How many the slow test plays; all 561 that the documents speak of take a quarter of an hour.
MANY = int(os.environ.get("RULE_SCRIPTS", "60"))
#: Where two idle workers' timers end in one millisecond, which comes first may decide.
KNOWN_TO_DIFFER = {400, 459, 533}


def test_the_sample_has_each_rule_twice() -> None:
    counted = Counter(rule for number in SAMPLE for rule in rules_of(number))

    assert set(counted) == set(RULES)
    assert min(counted.values()) >= 2
    assert all(len(rules_of(number)) >= LEAST_RULES for number in SAMPLE)


@pytest.mark.parametrize("number", SAMPLE)
def test_bullmqs_own_code_and_the_model_agree(number: int) -> None:
    assert not differ(script_of(number), wakes=True)


@pytest.mark.parametrize("number", SAMPLE[:6])
def test_they_agree_where_nobody_wakes_a_worker_for_a_retry(number: int) -> None:
    """As with Node's workers, which leave no marker when a short backoff is over."""
    assert not differ(script_of(number), wakes=False)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_limited_worker_sleeps_until_the_window_ends(workers: int) -> None:
    """Fifteen jobs at five in half a second take one second; upstream's worker takes ten."""
    jobs = [ScriptJob(0.1 + 0.001 * n, (0.01,)) for n in range(15)]
    script = Script(
        jobs, workers=workers, slots=5, rules={"limiter": {"max": 5, "duration_s": 0.5}}
    )
    at = sorted(run_virtual(script)["started_s"])

    assert at[4] < 0.2
    assert at[5:10] == pytest.approx([0.6] * 5, abs=0.01)
    assert at[10:] == pytest.approx([1.1] * 5, abs=0.02)


@pytest.mark.parametrize("number", REAL_SAMPLE)
def test_the_real_queue_and_the_model_agree(redis_url: str, number: int) -> None:
    assert is_clear(script_of(number))
    model, real = both(script_of(number), redis_url, same=in_order)

    assert_alike(model, real)


@pytest.mark.slow
@pytest.mark.timeout(300 + 10 * MANY)
def test_they_agree_on_many() -> None:
    wrong = [
        (number, rules_of(number), wakes)
        for number, script in islice(clear_scripts(0, EXACT_S), MANY)
        for wakes in (True, False)
        if number not in KNOWN_TO_DIFFER and differ(script, wakes)
    ]
    assert not wrong
