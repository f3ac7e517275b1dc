"""What a change does to a model that runs."""

from __future__ import annotations

from typing import Any

from simpy.events import EventPriority

from simqueue.errors import InputError
from simqueue.live.changes import (
    KEPT_BY_JOBS,
    Arrivals,
    Change,
    Gateway,
    Pause,
    Send,
    Set,
    Slots,
    Worker,
    Workers,
)
from simqueue.live.models import LiveBullMQ, LiveInProcess
from simqueue.simulation.bullmq.fleet import Crew, Stay
from simqueue.simulation.bullmq.gated_loops import GatedLoops
from simqueue.simulation.waiting import BY_HAND
from simqueue.workload.duration import LONGEST_S
from simqueue.workload.scenario import Scenario

#: A window [from, to) holds what starts at its first moment, and not what starts at its last.
_BEFORE_ALL = EventPriority(0)

Model = LiveBullMQ | LiveInProcess


def rank_of(change: Change) -> EventPriority:
    """What a change comes before, among things that happen at the same moment."""
    return _BEFORE_ALL if isinstance(change, Gateway) else BY_HAND


def check(model: Model, change: Change) -> None:
    """Refuse what cannot be done to a model now.

    Raises
    ------
    InputError
        Says why.
    """
    queue = getattr(change, "queue", None)
    if queue is not None and queue not in model.scenario.queues:
        raise InputError(f"there is no queue {queue}; there are {', '.join(model.scenario.queues)}")
    if isinstance(change, Send | Arrivals):
        coming = model.incoming
        look = coming.refusal if isinstance(change, Send) else coming.rate_refusal
        if refusal := look(change.queue):
            raise InputError(refusal)
    elif isinstance(change, Set | Gateway):
        settings_after(model.workload.scenario, change)
    elif isinstance(model, LiveInProcess):
        raise InputError("training mode has no workers and no queues that could be paused")
    elif isinstance(change, Pause):
        if change.paused == is_paused(model, change.queue):
            raise InputError(f"{change.queue} {'is paused' if change.paused else 'is not paused'}")
    else:
        crew = _crew(model, change.pool)
        if isinstance(change, Workers) and crew.pool.autoscale is not None:
            raise InputError("its autoscaler says how many workers there are")
        if isinstance(change, Slots) and not crew.slots.get(change.queue):
            raise InputError(f"these workers do not work on {change.queue}")
        if isinstance(change, Worker):
            _stay(crew, change)


def apply(model: Model, change: Change) -> None:
    """Do a change to a model.

    Raises
    ------
    InputError
        If it cannot be done.
    """
    check(model, change)
    now = model.env.now
    match change:
        case Send():
            model.incoming.send(change.queue, change.jobs)
        case Arrivals():
            model.incoming.change_rate(change.queue, change.times)
        case Set() | Gateway():
            policy = isinstance(change, Set) and change.key in KEPT_BY_JOBS
            model.workload.change(settings_after(model.workload.scenario, change), now, policy)
        case _:
            assert isinstance(model, LiveBullMQ)
            _do_to_workers(model, change)


def _do_to_workers(model: LiveBullMQ, change: Pause | Workers | Slots | Worker) -> None:
    if isinstance(change, Pause):
        queue = model.queues[change.queue]
        assert isinstance(queue, GatedLoops), "the model was not built with a gate"
        (queue.gate.pause if change.paused else queue.gate.resume)()
        return
    crew, fleet = _crew(model, change.pool), model.fleet
    match change:
        case Workers():
            fleet.resize(crew, change.count)
        case Slots():
            fleet.give_slots(crew, change.queue, change.count)
        case Worker(do="start"):
            fleet.come_back(_stay(crew, change))
        case Worker():
            fleet.end(_stay(crew, change), drain=change.do == "drain")


def settings_after(scenario: Scenario, change: Set | Gateway) -> Scenario:
    """A scenario with a setting changed, checked as a file is.

    Raises
    ------
    InputError
        If it cannot hold the value.
    """
    if isinstance(change, Set):
        return scenario.replace({change.path: _value(scenario, change)})
    outages: list[Any] = list(scenario.queues[change.queue].outages)
    away = is_away(scenario, change.queue)
    if change.away == away:
        raise InputError(f"what {change.queue} depends on is {'away' if away else 'there'} already")
    if change.away:
        outages.append([change.at_s, LONGEST_S])
    elif outages[-1][0] < change.at_s:
        outages[-1] = [outages[-1][0], change.at_s]
    return scenario.replace({f'queues."{change.queue}".outages': outages})


def _value(scenario: Scenario, change: Set) -> Any:
    """The value; a table may say a part of it, and ``times`` may scale a time."""
    value = change.value
    if change.key == "backoff" and isinstance(value, dict):
        return {**scenario.queues[change.queue].backoff.model_dump(exclude_unset=True), **value}
    if change.key == "service" and isinstance(value, dict) and set(value) == {"mean_s"}:
        service = scenario.queues[change.queue].service.model_dump(exclude_unset=True, mode="json")
        return {**service, **value}
    return value


def is_away(scenario: Scenario, queue: str) -> bool:
    """Whether somebody took away what a queue depends on."""
    outages = scenario.queues[queue].outages
    return bool(outages) and isinstance(outages[-1], tuple) and outages[-1][1] >= LONGEST_S


def is_paused(model: Model, queue: str) -> bool:
    """Whether a queue is paused now."""
    its = model.queues[queue] if isinstance(model, LiveBullMQ) else None
    return isinstance(its, GatedLoops) and its.gate.paused


def _crew(model: LiveBullMQ, name: str) -> Crew:
    """A pool's workers; where there is one pool, whatever it is called."""
    crews = model.fleet.crews
    found = crews if len(crews) == 1 and not name else [one for one in crews if one.name == name]
    if not found:
        raise InputError(f"there is no pool {name!r}; there are {[one.name for one in crews]}")
    return found[0]


def _stay(crew: Crew, change: Worker) -> Stay:
    """The worker that a change is about, if it is in a state for that."""
    stay = crew.there(change.worker)
    if stay is None:
        raise InputError(f"there is no worker {change.worker + 1}")
    if (change.do == "start") != stay.down:
        raise InputError(
            f"worker {change.worker + 1} {'is down' if stay.down else 'is up'} already"
        )
    return stay
