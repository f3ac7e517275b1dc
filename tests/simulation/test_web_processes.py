"""In-process mode, each rule on a run small enough to work out by hand.

Who serves a request, who is turned away, what a crash takes along, and when a customer comes again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from simqueue.experiments.run import simulate
from simqueue.simulation.engines import ENGINES
from simqueue.workload.reading import build_scenario
from simqueue.workload.workload import Workload


def constant(seconds: float) -> dict[str, Any]:
    return {"distribution": "constant", "mean_s": seconds}


def run(seconds: float = 4.0, **table: Any) -> pd.DataFrame:
    """Requests at 1, 2, 3...; each takes its job's seconds of io, and an email of one second."""
    whole: dict[str, Any] = {
        "mode": "in-process",
        "duration_s": 4.5,
        "arrivals": {"order": {"interval_s": 1}},
        "queues": {"order": {"service": constant(seconds)}, "email": {"service": constant(1)}},
    }
    return simulate(build_scenario({**whole, **table})).log.frame()


def alone(seconds: float) -> dict[str, Any]:
    """A job that nothing follows."""
    return {"queues": {"order": {"service": constant(seconds), "follow_up": {}}}}


def seen(frame: pd.DataFrame, *columns: str) -> dict[str, tuple[Any, ...]]:
    """By job: when it started and ended, how, and what else is asked for."""
    shown = frame.set_index("job_id").sort_index()[["started_s", "finished_s", "outcome", *columns]]
    return {
        job: tuple(None if isinstance(x, float) and np.isnan(x) else x for x in row)
        for job, *row in shown.astype(object).itertuples()
    }


def test_the_caller_that_has_been_idle_longest_serves_whichever_process_it_is_of() -> None:
    """Idle processes take turns at first; at 5 and 6 those that were free first serve again."""
    frame = run(
        **alone(2.5), caller={"processes": 2, "concurrency": 2}, duration_s=6.5,
    )  # fmt: skip

    place = ("worker", "slot")
    assert seen(frame, *place) == {
        "order-1": (1, 3.5, "completed", "0", 0),
        "order-2": (2, 4.5, "completed", "1", 0),
        "order-3": (3, 5.5, "completed", "0", 1),
        "order-4": (4, 6.5, "completed", "1", 1),
        "order-5": (5, 7.5, "completed", "0", 0),
        "order-6": (6, 8.5, "completed", "1", 0),
    }


def test_requests_wait_in_one_line_for_all_processes() -> None:
    """First come, first served, by whoever is free next."""
    frame = run(**alone(2.5), caller={"processes": 2})

    assert seen(frame, "worker") == {
        "order-1": (1, 3.5, "completed", "0"),
        "order-2": (2, 4.5, "completed", "1"),
        "order-3": (3.5, 6, "completed", "0"),
        "order-4": (4.5, 7, "completed", "1"),
    }


def test_each_process_has_an_event_loop_of_its_own() -> None:
    """Cpu parts of one second: side by side in two processes, one after the other in one."""
    queues = {"order": {"cpu": constant(1.5), "follow_up": {}}}
    two = run(queues=queues, caller={"processes": 2}, duration_s=2.5)
    one = run(queues=queues, caller={"concurrency": 2}, duration_s=2.5)

    assert two["finished_s"].tolist() == [2.5, 3.5]
    assert one["finished_s"].tolist() == [2.5, 4.0]
    assert one["started_s"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("processes", [1, 2])
def test_who_finds_the_line_full_is_turned_away_at_once(processes: int) -> None:
    """One caller or two, busy until 5 at least, and room for one who waits."""
    frame = run(**alone(4.5), caller={"processes": processes, "max_waiting": 1}, duration_s=5.4)
    fates = seen(frame)

    served = processes + 1
    for number in range(served + 1, 6):
        assert fates[f"order-{number}"] == (None, number, "refused")
    assert [fates[f"order-{n}"][2] for n in range(1, served + 1)] == ["completed"] * served
    refused = frame[frame["outcome"] == "refused"]
    assert refused[["worker", "slot"]].isna().all(axis=None)


def test_without_a_line_nobody_waits() -> None:
    """Served from 1 to 3.5 and from 4; those who come between find the caller busy."""
    assert seen(run(**alone(2.5), caller={"max_waiting": 0})) == {
        "order-1": (1, 3.5, "completed"),
        "order-2": (None, 2, "refused"),
        "order-3": (None, 3, "refused"),
        "order-4": (4, 6.5, "completed"),
    }


def crashed(at_s: float, down_s: float, **caller: Any) -> dict[str, Any]:
    return {"caller": {"crashes": [{"at_s": at_s, "down_s": down_s}], **caller}}


def test_a_crash_takes_along_what_was_under_way_and_who_waits() -> None:
    """One process, dead from 2.5 to 3.5.

    Request 1 is under way and 2 waits: lost. Request 3 is refused, 4 is served by the new process.
    """
    assert seen(run(2.0, **crashed(2.5, 1))) == {
        "order-1": (1, 2.5, "lost"),
        "order-2": (None, 2.5, "lost"),
        "order-3": (None, 3, "refused"),
        "order-4": (4, 6, "completed"),
        "email-4-order-confirmation": (6, 7, "completed"),
    }


def test_what_was_done_before_a_crash_stays_done() -> None:
    """The order is complete at 2; its email is under way at 2.5 and is never sent again."""
    frame = run(1.0, **crashed(2.5, 9), duration_s=1.5)

    assert seen(frame) == {
        "order-1": (1, 2, "completed"),
        "email-1-order-confirmation": (2, 2.5, "lost"),
    }


def test_what_had_not_begun_is_lost_without_a_start() -> None:
    """Two emails follow; when the process dies one is under way, the other is still to do."""
    queues = {
        "order": {"service": constant(1), "follow_up": {"completed": ["email", "sms"]}},
        "email": {"service": constant(1)},
        "sms": {},
    }
    fates = seen(run(queues=queues, **crashed(2.5, 9), duration_s=1.5))

    assert sorted(fates.values(), key=str) == [
        (1, 2, "completed"), (2, 2.5, "lost"), (None, 2.5, "lost"),
    ]  # fmt: skip


def test_the_line_outlives_one_of_several_processes() -> None:
    """Process 0 dies at 3.5 with request 1; 3, which waits, goes to process 1 when it is free."""
    frame = run(**alone(3.0), **crashed(3.5, 10, processes=2), duration_s=3.4)

    assert seen(frame, "worker") == {
        "order-1": (1, 3.5, "lost", "0"),
        "order-2": (2, 5, "completed", "1"),
        "order-3": (5, 8, "completed", "1"),
    }


def test_a_process_that_is_back_takes_what_waits() -> None:
    """Process 0 is away from 1.5 to 3.7: request 3 waits for it, as 1 is busy until 5."""
    frame = run(**alone(3.0), **crashed(1.5, 2.2, processes=2), duration_s=3.4)

    assert seen(frame, "worker")["order-3"] == (3.7, 6.7, "completed", "0")


def test_when_no_process_is_up_the_line_is_cut_off() -> None:
    """Both are dead from 3.6 to 4.2; request 3 waits then, 4 comes then, 5 is served."""
    crashes = [
        {"at_s": 3.5, "process": 0, "down_s": 0.7},
        {"at_s": 3.6, "process": 1, "down_s": 9},
    ]
    caller = {"processes": 2, "crashes": crashes}
    fates = seen(run(**alone(3.0), caller=caller, duration_s=5.4), "worker")

    assert fates["order-3"] == (None, 3.6, "lost", None)
    assert fates["order-4"][:3] == (None, 4, "refused")
    assert fates["order-5"] == (5, 8, "completed", "0")


def paying(seconds: float, think: float = 0.5, **table: Any) -> pd.DataFrame:
    """One order, an email after it, and a payment that takes no time."""
    whole = {
        "arrivals": {
            "order": {"interval_s": 1},
            "payment": {"follows": "order", "think": constant(think)},
        },
        "queues": {
            "order": {"service": constant(seconds), **table.pop("order", {})},
            "payment": {"follow_up": {}},
            "email": {"service": constant(1)},
        },
        "duration_s": 1.5,
    }
    return run(**{**whole, **table})


def test_the_customer_thinks_after_the_answer() -> None:
    """The order is done at 3 and its email at 4: the payment comes at 4.5, in the order's flow."""
    frame = paying(2.0).set_index("job_id")

    assert frame.loc["payment-1", "enqueued_s"] == 4.5
    assert frame.loc["payment-1", "flow"] == "order-1"
    assert frame.loc["payment-1", "parent_id"] == ""
    queued = paying(2.0, mode="bull-queue").set_index("job_id")
    assert queued.loc["payment-1", "enqueued_s"] == 1.5


def test_who_saw_an_error_goes_on_all_the_same() -> None:
    frame = paying(2.0, order={"failure_rate": 1.0}).set_index("job_id")

    assert frame["outcome"].to_dict() == {"order-1": "failed", "payment-1": "completed"}
    assert frame.loc["payment-1", "enqueued_s"] == 3.5


def test_who_was_turned_away_or_lost_does_not_go_on() -> None:
    """Order 1 dies with its process at 1.5, order 2 finds none, order 3 is paid."""
    frame = paying(1.0, **crashed(1.5, 1), duration_s=3.5)
    paid = frame.loc[frame["queue"] == "payment", "job_id"].tolist()

    assert frame.set_index("job_id")["outcome"].loc[["order-1", "order-2"]].tolist() == [
        "lost", "refused",
    ]  # fmt: skip
    assert paid == ["payment-3"]


def test_the_run_is_not_over_while_a_customer_thinks() -> None:
    """Nothing happens from 4 until the payment at 104; a run until 50 is cut off."""
    table = {
        "mode": "in-process",
        "duration_s": 1.5,
        "arrivals": {
            "order": {"interval_s": 1},
            "payment": {"follows": "order", "think": constant(100)},
        },
        "queues": {"order": {}, "payment": {}},
    }
    workload = Workload(build_scenario(table))

    assert ENGINES["simpy"](workload, until_s=50.0).cut_off_s == 50
    assert ENGINES["simpy"](workload, until_s=200.0).cut_off_s is None


def impatient(seconds: float, patience_s: float, retries: int = 1, **table: Any) -> pd.DataFrame:
    client = {"timeout_s": patience_s, "retries": retries}
    return run(seconds, arrivals={"order": {"interval_s": 1, "client": client}}, duration_s=1.5,
               **table)  # fmt: skip


def test_the_answer_is_the_end_of_the_whole_request() -> None:
    """The order is done at 3, its email at 4: patience of 2.5 s is over at 3.5, of 3 s not."""
    assert seen(impatient(2.0, 2.5)) == {
        "order-1": (1, 3, "completed"),
        "email-1-order-confirmation": (3, 4, "completed"),
        "order-1-process-order-again-1": (4, 6, "completed"),
        "email-1-process-order-again-1-order-completed": (6, 7, "completed"),
    }
    assert len(impatient(2.0, 3.0)) == 2


def test_a_request_that_is_asked_again_is_followed_once() -> None:
    """Asked at 1 and at 2.5; the first answer is at 4, the only payment at 4.5."""
    client = {"timeout_s": 1.5, "retries": 1}
    arrivals = {
        "order": {"interval_s": 1, "client": client},
        "payment": {"follows": "order", "think": constant(0.5)},
    }
    frame = paying(2.0, arrivals=arrivals).set_index("job_id")
    payments = frame[frame["queue"] == "payment"]

    assert payments["enqueued_s"].to_dict() == {"payment-1": 4.5}
    assert payments["started_s"].tolist() == [7.0]


def test_who_is_turned_away_does_not_ask_again() -> None:
    """Order 1 is served until 5; order 2 is refused at 2, and does not come back at 3."""
    client = {"timeout_s": 1, "retries": 3}
    frame = run(**alone(4.0), arrivals={"order": {"interval_s": 1, "client": client}},
                caller={"max_waiting": 0}, duration_s=2.5)  # fmt: skip

    assert frame.loc[frame["flow"] == "order-2", "job_id"].tolist() == ["order-2"]
    # Order 1 asks again at 2, and that is refused: it knows, and does not ask a third time.
    assert frame.loc[frame["flow"] == "order-1", "outcome"].tolist() == ["refused", "completed"]


def test_what_nobody_did_is_counted_apart_and_said() -> None:
    """It has no response time; the wait of those who left the line counts in Little's law."""
    table = {
        "mode": "in-process",
        "duration_s": 4.5,
        "arrivals": {"order": {"interval_s": 1}},
        "queues": {"order": {"service": constant(2.0)}, "email": {"service": constant(1)}},
        **crashed(2.5, 1),
    }
    done = simulate(build_scenario(table))
    order = done.summary().queues["order"]

    assert (order.arrived, order.completed, order.failed) == (4, 1, 0)
    assert (order.refused, order.lost) == (1, 2)
    assert order.response_s.max == 2.0
    assert done.summary().flows["order"].finished == 1
    assert done.summary().littles_law["order"].relative_error < 1e-9
    assert done.verdicts()["lost.order"] == (
        "Of 4 order jobs 1 was turned away, 2 were lost with a web process that died."
    )
