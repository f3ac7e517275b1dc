"""What to think about when a target is missed: each hint asks, and does not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from simqueue.results.wording import duration

if TYPE_CHECKING:
    from simqueue.workload.scenario import Scenario

    #: From a scenario and what was measured to a hint.
    HintRule = Callable[[Scenario, Mapping[str, float]], str]

#: So many runs of some 28,000 may be lost to locks that ran out.
FEW_LOST = 10.0


def _about_response(scenario: Scenario, worst: Mapping[str, float]) -> str:
    workers, slots = scenario.workers.count, scenario.slots["order"]
    if scenario.queues["order"].lifo:
        return "Newest first serves those who have just come. Who waits the longer for it?"
    if workers == 1:
        return (
            "How long is an order job at work when it is alone, and how long among many? What do "
            "all slots of one worker share?"
        )
    if workers == 2:
        return (
            "Two event loops are enough for the mean of these two hours. Are they for its busiest "
            "quarter-hour?"
        )
    if slots < 8:
        return (
            f"{slots} slots: how many are busy at the peak, on average? An order job takes its "
            "cpu and its io time."
        )
    if worst["twice"] > FEW_LOST:
        return "Much of the work is done twice. See to the runs that are lost (below) first."
    return "Orders wait although the workers are many. What else makes an order late? Its retries?"


def _about_given_up(scenario: Scenario, worst: Mapping[str, float]) -> str:
    payment, (outage,) = scenario.queues["payment"], scenario.queues["payment"].outage_windows
    hope, lasts = sum(payment.waits_s()), outage[1] - outage[0]
    if worst["twice"] > FEW_LOST:
        return (
            "Jobs fail because they stalled too often, though their workers live. See to the runs "
            "that are lost (below) first."
        )
    if scenario.bullmq.max_stalled == 0:
        return "With max_stalled = 0 a job whose worker dies has failed. Is that its fault?"
    if hope < lasts:
        return (
            f"A payment that fails waits {duration(hope)} in all before its last attempt. How long "
            "was the gateway down?"
        )
    if payment.backoff.jitter and hope * (1 - payment.backoff.jitter / 2) < lasts * 1.3:
        return "Jitter makes the waits shorter. Is the last attempt still late enough, also then?"
    few = [name for name, queue in scenario.queues.items() if queue.attempts < 3]
    if few:
        return f"{few[0]}: so few attempts do not even survive a failure or two by chance."
    return "Which jobs failed, when, and after how many attempts? One more attempt costs little."


def _about_calls(scenario: Scenario, _: Mapping[str, float]) -> str:
    backoff = scenario.queues["payment"].backoff
    often = f"every {duration(backoff.delay_ms / 1000)}" if backoff.delay_ms else "without a pause"
    return (
        f"A dead gateway is asked again and again ({often} at first). Let the wait grow from one "
        "attempt to the next, or be longer."
    )


def _about_slowest(scenario: Scenario, _: Mapping[str, float]) -> str:
    if scenario.workers.count < 3:
        return "Payments share the event loops with the orders: mend that first."
    return (
        "Some customer hears of her payment long after the gateway is back. How long is the "
        "longest wait between two attempts? max_ms can cap it."
    )


def _about_recovery(scenario: Scenario, worst: Mapping[str, float]) -> str:
    lock, look = scenario.bullmq.lock_duration_s, scenario.bullmq.stalled_interval_s
    if scenario.bullmq.max_stalled == 0:
        return "An interrupted job is not run again at all: max_stalled = 0."
    if lock > 100 and look > 60:
        return (
            f"A dead worker's lock lasts up to {duration(lock)}, and a job is put back at the "
            f"second look ({duration(look)} apart). Why did anybody make them so long?"
        )
    if look > 60:
        return f"Locks are short now, but somebody looks only every {duration(look)}."
    if lock > 100:
        return f"Somebody looks often now, but a dead worker's lock lasts up to {duration(lock)}."
    if worst["twice"] > FEW_LOST:
        return "Interrupted jobs stand behind jobs that run twice. See to those (below) first."
    return "An interrupted job is put back soon, and then it waits. For what?"


def _about_twice(scenario: Scenario, _: Mapping[str, float]) -> str:
    lock = scenario.bullmq.lock_duration_s
    return (
        f"Locks of {duration(lock)} run out although the workers live, and the jobs run again. A "
        "lock is renewed only when the event loop has time: how long is it held at one go?"
    )


def _about_workers(_: Scenario, __: Mapping[str, float]) -> str:
    return "That is more than is rented. How many event loops does the busiest quarter-hour need?"


def _about_slots(_: Scenario, __: Mapping[str, float]) -> str:
    return (
        "workers.count × workers.concurrency: each slot holds a connection of the database, and "
        "there are 40. How many jobs are at work at the peak?"
    )


#: By the keys of the targets.
HINTS: Mapping[str, HintRule] = {
    "response": _about_response,
    "given_up": _about_given_up,
    "calls": _about_calls,
    "slowest_payment": _about_slowest,
    "recovery": _about_recovery,
    "twice": _about_twice,
    "workers": _about_workers,
    "slots": _about_slots,
}
