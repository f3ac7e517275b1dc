"""Clients that lose patience, each rule on a run small enough to work out by hand."""

from typing import Any

import pandas as pd
import pytest

from simqueue.experiments.run import simulate
from simqueue.workload.reading import build_scenario


def run(client: dict[str, Any] | None, seconds: float, **more: Any) -> pd.DataFrame:
    """Requests at 10, 20, 30... by one slot; each job takes ``seconds``."""
    arrivals = {"q": {"interval_s": 10, **({} if client is None else {"client": client})}}
    table: dict[str, Any] = {
        "duration_s": 25,
        "workers": {"count": 1, "concurrency": 1},
        "arrivals": arrivals,
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": seconds}}},
    }
    return simulate(build_scenario({**table, **more})).log.frame()


def seen(frame: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Jobs in the order of their ends: id, enqueued, finished."""
    return [
        (job, round(enqueued, 6), round(finished, 6))
        for job, enqueued, finished in zip(
            frame["job_id"], frame["enqueued_s"], frame["finished_s"], strict=True
        )
    ]


def sent(frame: pd.DataFrame) -> list[float]:
    """When copies were sent."""
    copies = frame[frame["parent_id"] != ""].drop_duplicates("job_id")
    return sorted(copies["enqueued_s"].round(6))


def test_without_an_answer_in_time_another_job_is_sent() -> None:
    """The first is not taken back: both are done, the copy in its turn."""
    frame = run({"timeout_s": 3}, 4.0)

    assert seen(frame) == [
        ("q-1", 10, 14),
        ("q-1-q-again-1", 13, 18),
        ("q-2", 20, 24),
        ("q-2-q-again-1", 23, 28),
    ]
    assert frame["flow"].tolist() == ["q-1", "q-1", "q-2", "q-2"]
    assert frame["parent_id"].tolist() == ["", "q-1", "", "q-2"]


def test_an_answer_in_time_sends_nothing() -> None:
    assert seen(run({"timeout_s": 3}, 2.0)) == [("q-1", 10, 12), ("q-2", 20, 22)]


def test_an_answer_at_the_last_moment_is_in_time() -> None:
    """At one moment an attempt ends before anybody loses patience."""
    assert sent(run({"timeout_s": 3}, 3.0)) == []


def test_each_further_copy_has_the_same_patience() -> None:
    """Retries 2: copies at 13 and 16; after that the client gives up."""
    frame = run({"timeout_s": 3, "retries": 2}, 7.0, duration_s=15)

    assert seen(frame) == [
        ("q-1", 10, 17),
        ("q-1-q-again-1", 13, 24),
        ("q-1-q-again-2", 16, 31),
    ]


def test_a_client_without_retries_only_waits() -> None:
    assert sent(run({"timeout_s": 3, "retries": 0}, 7.0)) == []


def test_the_first_job_answers_for_its_copy() -> None:
    """The first ends at 15, after its copy was sent at 13 and before the copy's patience ends."""
    assert sent(run({"timeout_s": 3, "retries": 5}, 5.0, duration_s=15)) == [13]


def test_a_final_failure_is_an_answer_and_a_retry_is_none() -> None:
    """Both attempts fail: the second at 12.5 answers, but at 14 it would come too late."""

    def queue(delay_ms: float) -> dict[str, Any]:
        return {
            "q": {
                "service": {"distribution": "constant", "mean_s": 1.0},
                "failure_rate": 1.0,
                "attempts": 2,
                "backoff": {"type": "fixed", "delay_ms": delay_ms},
            }
        }

    assert sent(run({"timeout_s": 3}, 0.0, duration_s=15, queues=queue(500.0))) == []
    assert sent(run({"timeout_s": 3}, 0.0, duration_s=15, queues=queue(2000.0))) == [13]


def test_a_copy_has_draws_of_its_own() -> None:
    """Another job, which may take shorter or longer than the first."""
    service = {"distribution": "exponential", "mean_s": 20.0}
    frame = run({"timeout_s": 1}, 0.0, duration_s=95, queues={"q": {"service": service}})
    took = (frame["finished_s"] - frame["started_s"]).groupby(frame["parent_id"] != "")

    assert len(frame) > 10
    assert took.get_group(False).round(9).isin(took.get_group(True).round(9)).sum() == 0


def storm(budget: float | None, **client: Any) -> dict[str, Any]:
    """A request a second, twenty seconds long, that nobody answers in time."""
    return {
        "duration_s": 20.5,
        "workers": {"count": 1, "concurrency": 100},
        "arrivals": {
            "q": {
                "interval_s": 1,
                "client": {
                    "timeout_s": 0.25,
                    **client,
                    **({} if budget is None else {"budget": budget}),
                },
            }
        },
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 1000.0}}},
    }


@pytest.mark.parametrize(
    ("budget", "copies"),
    [
        (None, 20),
        (0.0, 10),  # only what was saved before the run
        (0.125, 12),  # 0.25 is left after the eleventh; request 17 makes it a whole one
        (1.0, 20),
    ],
)
def test_a_budget_limits_the_copies(budget: float | None, copies: int) -> None:
    """Ten are saved at first; each request adds the budget, each copy costs one."""
    frame = simulate(build_scenario(storm(budget))).log.frame()

    assert len(sent(frame)) == copies


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_budget_is_exact(tenths: int) -> None:
    """Ten times 0.1 is a retry: the copies go to requests 1 to 10, 11, 21, 31...

    The first request adds nothing, for ten are saved. From then on the m-th copy needs m - 10 that
    are added, a budget for each request.
    """
    table = {**storm(tenths / 10), "duration_s": 60.5}
    frame = simulate(build_scenario(table)).log.frame()

    needed = ((10 * (copy - 10) + tenths - 1) // tenths + 1 for copy in range(1, 61))
    requests = [max(copy, request) for copy, request in enumerate(needed, start=1)]
    assert sent(frame) == [request + 0.25 for request in requests if request <= 60]


def test_a_budget_is_spent_before_it_is_refused() -> None:
    """Budget 0.5, ten saved: the first nineteen have a copy each, then every other one."""
    table = {**storm(0.5), "duration_s": 30.5}
    copies = sent(simulate(build_scenario(table)).log.frame())

    # Before request n asks again there are 10 - (n - 1) / 2 left: one at least until n = 19.
    assert copies == [*(n + 0.25 for n in range(1, 20)), 21.25, 23.25, 25.25, 27.25, 29.25]


def test_no_more_than_ten_are_saved_up() -> None:
    """Fifty requests are answered in time; then the worker dies, and fifteen are not.

    Ten are there for them, as for the very first. Without the limit fifty times 0.125 more would
    be, enough for all fifteen.
    """
    table = storm(0.125)
    table |= {
        "duration_s": 65.5,
        "workers": {
            "count": 1,
            "concurrency": 1,
            "crashes": [{"at_s": 50.5, "worker": 0, "down_s": 100}],
        },
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 0.1}}},
    }

    assert len(sent(simulate(build_scenario(table)).log.frame())) == 11


def test_follow_ups_belong_to_the_first_job_and_to_its_copy() -> None:
    """A copy that was done for nobody still has its children, with ids of their own."""
    more = {
        "queues": {
            "q": {
                "service": {"distribution": "constant", "mean_s": 4.0},
                "follow_up": {"completed": ["letter"]},
            },
            "letter": {},
        }
    }
    frame = run({"timeout_s": 3}, 0.0, duration_s=15, **more)

    letters = frame[frame["queue"] == "letter"]
    assert letters["enqueued_s"].tolist() == [14, 18]
    assert letters["parent_id"].tolist() == ["q-1", "q-1-q-again-1"]
    assert letters["job_id"].is_unique
    assert set(letters["flow"]) == {"q-1"}


def test_those_who_follow_another_request_may_wait_too() -> None:
    """The patience of a payment counts from the payment, not from its order."""
    frame = run(
        None,
        0.0,
        duration_s=15,
        arrivals={
            "order": {"interval_s": 10},
            "payment": {
                "follows": "order",
                "think": {"distribution": "constant", "mean_s": 5},
                "client": {"timeout_s": 3},
            },
        },
        queues={
            name: {"service": {"distribution": "constant", "mean_s": 4.0}, "follow_up": {}}
            for name in ("order", "payment")
        },
    )

    assert sent(frame) == [18]


def test_more_workers_do_not_change_the_draws_of_a_copy() -> None:
    service = {"distribution": "exponential", "mean_s": 30.0}

    def took(workers: int) -> dict[str, float]:
        frame = run(
            {"timeout_s": 1},
            0.0,
            duration_s=95,
            workers={"count": workers, "concurrency": 1},
            queues={"q": {"service": service}},
        )
        return dict(
            zip(frame["job_id"], (frame["finished_s"] - frame["started_s"]).round(6), strict=True)
        )

    one, three = took(1), took(3)
    both = set(one) & set(three)
    assert len(both) > 10
    assert {job: one[job] for job in both} == {job: three[job] for job in both}
