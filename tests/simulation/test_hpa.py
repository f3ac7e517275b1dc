"""The HorizontalPodAutoscaler and KEDA decide as their documentation says.

Examples are those of https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ and
https://keda.sh/docs/latest/concepts/scaling-deployments/; traces were made by hand from its rules.
"""

from __future__ import annotations

from typing import Any

import pytest

from simqueue.simulation.bullmq.hpa import HorizontalPodAutoscaler, desired
from simqueue.simulation.bullmq.keda import Keda
from simqueue.workload.autoscale import Autoscale

SYNC_S = 15.0


def settings(**keys: Any) -> Autoscale:
    return Autoscale.model_validate({"metric": "ready", "target": 10, "max": 100, **keys})


def level(**keys: Any) -> Autoscale:
    return settings(metric="oldest_s", target=100, **keys)


@pytest.mark.parametrize(
    ("value", "current", "wanted"),
    [
        (200, 3, 6),  # the documentation: 200m for 100m doubles
        (50, 4, 2),  # 50m for 100m halves
        (50, 3, 2),  # and what is left over is a whole pod
        (101, 50, 50),  # near 1 nothing is done,
        (109.9, 50, 50),  # within a tenth
        (90.1, 50, 50),
        (111, 50, 56),  # beyond it: 55.5
        (89, 50, 45),  # 44.5
        (0, 5, 0),
    ],
)
def test_a_level_scales_the_workers_by_its_ratio(value: float, current: int, wanted: int) -> None:
    assert desired(level(), value, current, ready=current) == wanted


def test_the_documented_example_of_utilisation() -> None:
    """50 replicas at 90 % for 75 % are 60 (kubernetes.io/blog, *configurable tolerance*, 2025)."""
    share = settings(metric="utilisation", target=0.75)

    assert desired(share, 0.9, current=50, ready=50) == 60


@pytest.mark.parametrize(
    ("total", "current", "wanted"),
    [
        (0, 3, 0),
        (1, 3, 1),
        (100, 3, 10),
        (101, 3, 11),
        (30, 3, 3),
        (33, 3, 3),  # 1.1 times the target: within the tolerance, else 4
        (34, 3, 4),
        (27, 3, 3),
        (26, 30, 3),
    ],
)
def test_a_total_has_so_many_for_each_worker(total: float, current: int, wanted: int) -> None:
    assert desired(settings(), total, current, ready=current) == wanted


def test_workers_that_start_count_for_a_total_and_not_for_a_level() -> None:
    """As external metrics have it: ``ceil(ratio * ready)``, and the total whoever is ready."""
    assert desired(settings(), 100, current=8, ready=2) == 10
    assert desired(level(), 300, current=8, ready=2) == 6


def test_a_smaller_tolerance_sees_more() -> None:
    assert desired(level(tolerance=0), 101, current=50, ready=50) == 51


def trace(one: Autoscale, metrics: list[float | None], current: int) -> list[int]:
    """The number of workers after each look; all are ready at once."""
    autoscaler, found = HorizontalPodAutoscaler(one), []
    for number, metric in enumerate(metrics, start=1):
        current = autoscaler.look(number * one.every_s, metric, current, current)
        found.append(current)
    return found


def test_by_default_it_adds_four_or_doubles_each_quarter_of_a_minute() -> None:
    assert trace(settings(), [5000.0] * 8, current=1) == [5, 10, 20, 40, 80, 100, 100, 100]


def test_a_step_is_allowed_again_when_its_time_is_over() -> None:
    """4 workers in 60 s, looked at every 15 s."""
    slow = settings(up={"processes": 4, "per_s": 60})

    assert trace(slow, [5000.0] * 9, current=1) == [5, 5, 5, 5, 9, 9, 9, 9, 13]


def test_the_documented_steps_down() -> None:
    """4 pods or 10 %: 80 replicas lose 8, then 8 of 72 (7.2, rounded up); below 40 they lose 4."""
    documented = settings(
        every_s=60, down={"processes": 4, "percent": 10, "per_s": 60}, down_after_s=0
    )

    found = trace(documented, [100.0] * 14, current=80)

    assert found == [72, 64, 57, 51, 45, 40, 36, 32, 28, 24, 20, 16, 12, 10]


def test_all_may_go_at_once_by_default_but_only_after_five_minutes() -> None:
    """The highest recommendation of the last 300 s counts: that of 15 s is forgotten at 315 s."""
    found = trace(settings(), [100.0] + [10.0] * 25, current=10)

    assert found[:20] == [10] * 20
    assert found[20:] == [1] * 6


def test_a_short_dip_moves_nothing() -> None:
    assert trace(settings(), [100.0, 10.0, 10.0, 100.0] * 10, current=10) == [10] * 40


def test_what_counts_on_the_way_down_is_the_highest_of_the_window() -> None:
    """10 for a look, then 6, then 3: at 315 s the 10 is forgotten, at 330 s the 6."""
    found = trace(settings(), [100.0, 60.0] + [30.0] * 22, current=10)

    assert found == [10] * 20 + [6] + [3] * 3


def test_a_window_on_the_way_up_waits_for_the_lowest() -> None:
    """60 s: the 20 of 15 s is forgotten at 75 s."""
    found = trace(settings(up_after_s=60), [20.0] + [100.0] * 6, current=2)

    assert found == [2, 2, 2, 2, 6, 10, 10]


def test_it_keeps_between_min_and_max() -> None:
    assert trace(settings(min=2, max=7, down_after_s=0), [5000.0, 5000.0, 0.0], 2) == [6, 7, 2]


def test_a_metric_that_is_missing_and_no_worker_at_all_change_nothing() -> None:
    assert trace(settings(), [None, None], current=4) == [4, 4]
    assert trace(settings(min=0), [500.0], current=0) == [0]


def keda(metrics: list[float], current: int, **keys: Any) -> list[int]:
    """The number of workers after each poll, every 30 s."""
    poller, found = Keda(settings(min=0, **keys)), []
    for number, metric in enumerate(metrics, start=1):
        current = poller.poll(30.0 * number, metric, current)
        found.append(current)
    return found


def test_keda_brings_the_first_worker_and_takes_all_after_the_cooldown() -> None:
    """Last active at 60 s; 300 s later, at 360 s, there is none, however many there were."""
    assert keda([0, 1] + [0] * 11, current=0) == [0] + [1] * 10 + [0] * 2
    assert keda([0, 1] + [0] * 11, current=7)[-3:] == [7, 0, 0]


def test_something_to_do_begins_the_cooldown_anew() -> None:
    assert keda([1, 0, 0, 1, 0, 0, 0, 0], current=1, cooldown_s=90) == [1] * 6 + [0, 0]


def test_the_documented_activation_threshold() -> None:
    """Threshold 10, activation 50, 40 messages: none, though 4 would be needed for them."""
    assert desired(settings(min=0), 40, current=1, ready=1) == 4
    assert keda([40, 50], current=0, activation=50) == [0, 0]
    assert keda([51], current=0, activation=50) == [1]
    assert keda([40] * 10, current=4, activation=50)[-2:] == [4, 0]
