"""What stats would show: counts by state, and the newest finished jobs only."""

import pytest

from simqueue.experiments.run import simulate
from simqueue.results.counts import Counts, counts_at
from simqueue.workload.reading import build_scenario


def scenario(**queue: object) -> object:
    return build_scenario(
        {
            "duration_s": 10.5,
            "workers": {"concurrency": 1},
            "arrivals": {"q": {"interval_s": 1}},
            "queues": {
                "q": {"service": {"distribution": "constant", "mean_s": 2.5}, **queue},
            },
        }
    )


def test_a_moment_by_hand() -> None:
    """One job a second, 2.5 s each, one slot: at 10.2 s three are done and the fourth runs."""
    made = scenario(keep_completed=2)
    found = counts_at(simulate(made).log, made.queues, 10.2)

    assert found == {"q": Counts(waiting=6, active=1, delayed=0, completed=2, failed=0)}


def test_jobs_in_backoff_are_delayed_and_failures_are_kept_by_count() -> None:
    made = scenario(
        failure_rate=1.0, attempts=2, backoff={"delay_ms": 60_000}, keep_failed=3,
        service={"distribution": "constant", "mean_s": 0.1},
    )  # fmt: skip
    log = simulate(made).log

    assert counts_at(log, made.queues, 10.2)["q"] == Counts(0, 0, 10, 0, 0)
    assert counts_at(log, made.queues, 1e6)["q"] == Counts(0, 0, 0, 0, 3)


def test_replications_have_no_moment_in_common() -> None:
    made = scenario()
    with pytest.raises(ValueError, match="one replication"):
        counts_at(simulate(made, replications=2).log, made.queues, 5.0)
