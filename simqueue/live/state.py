"""What is to be seen of a model at a moment: jobs, slots, and numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from simqueue.live import hands
from simqueue.live.measures import Measures, Now
from simqueue.live.models import LiveBullMQ, LiveInProcess
from simqueue.simulation.job import SimJob

#: Jobs of a list that are shown one by one, at most; of the rest there is a number.
MOST_SHOWN = 2_500

Model = LiveBullMQ | LiveInProcess


def jobs_now(model: Model) -> dict[str, Now]:
    """The jobs of each queue, where they are now."""
    queues = model.scenario.queues
    if isinstance(model, LiveInProcess):
        return _in_process(model)
    slots: dict[str, int] = dict.fromkeys(queues, 0)
    active: dict[str, int] = dict.fromkeys(queues, 0)
    name_of = {id(queue): name for name, queue in model.queues.items()}
    for crew in model.fleet.crews:
        for worker, stay in crew.stays.items():
            for slot in worker.slots:
                name = name_of[id(slot.queue)]
                active[name] += slot.job is not None
                slots[name] += stay.up and not worker.closed and not slot.retired
    return {
        name: Now(list(queue.waiting()), list(queue.delayed()), active[name], slots[name])
        for name, queue in model.queues.items()
    }


def _in_process(model: LiveInProcess) -> dict[str, Now]:
    """By queue; callers are for any of them."""
    kinds = model.workload.kinds
    found = {name: Now([], [], 0, model.scenario.caller.callers) for name in model.scenario.queues}
    for job in model.waiting():
        found[kinds[job.kind].queue].ready.append(job)
    for process in model.up:
        for caller in process.callers:
            if caller.job is not None:
                name = kinds[caller.job.kind].queue
                found[name] = found[name]._replace(active=found[name].active + 1)
    return found


def state_of(model: Model, measures: Measures, over: bool) -> dict[str, Any]:
    """What a page draws, and a screen reader says: only what JSON can hold."""
    now, kinds = model.env.now, len(model.workload.kinds)
    measures.read()
    settings = model.workload.scenario.queues

    def shown(jobs: Sequence[SimJob]) -> list[list[int]]:
        return [[job.number * kinds + job.kind, job.attempt] for job in islice(jobs, MOST_SHOWN)]

    queues = {}
    for name, its in jobs_now(model).items():
        queue = settings[name]
        later = sorted(its.delayed, key=lambda job: job.ready)[:MOST_SHOWN]
        queues[name] = {
            "ready": len(its.ready),
            "line": shown(its.ready),
            "delayed": len(its.delayed),
            "later": [
                [job.number * kinds + job.kind, job.attempt, round(job.ready - now, 2)]
                for job in later
            ],
            "active": its.active,
            "slots": its.slots,
            **measures.state(name),
            "paused": hands.is_paused(model, name),
            "away": hands.is_away(model.workload.scenario, name),
            "times": model.incoming.times.get(name, 1.0),
            "sends": model.incoming.refusal(name) is None,
            "varies": model.incoming.rate_refusal(name) is None,
            "settings": {
                "failure_rate": queue.failure_rate,
                "mean_s": queue.service.mean,
                "attempts": queue.attempts,
                "delay_ms": queue.backoff.delay_ms,
                "type": queue.backoff.type,
                "jitter": queue.backoff.jitter,
            },
        }
    ended, measures.ended = measures.ended, []
    return {
        "now": now,
        "clock": model.scenario.moment(now),
        "mode": model.scenario.mode,
        "over": over,
        "ends": model.scenario.duration_s,
        "queues": queues,
        "workers": list(_workers(model, kinds)),
        "pools": _pools(model),
        "ended": ended,
        "every_s": measures.every_s,
    }


def _pools(model: Model) -> dict[str, dict[str, Any]]:
    """How many workers each pool is to have, and their slots."""
    if isinstance(model, LiveInProcess):
        return {}
    return {
        crew.name: {"count": len(crew.on), "slots": dict(crew.slots)} for crew in model.fleet.crews
    }


def _workers(model: Model, kinds: int) -> Iterator[dict[str, Any]]:
    """The workers, or the web processes, and what is in their slots."""
    names = [kind.queue for kind in model.workload.kinds]

    def job(one: SimJob | None, started: float) -> list[Any] | None:
        if one is None or started > model.env.now:
            return None
        return [one.number * kinds + one.kind, one.attempt, names[one.kind], round(started, 3)]

    if isinstance(model, LiveInProcess):
        for process in model.up:
            places = [job(caller.job, caller.started) for caller in process.callers]
            name = f"web process {process.number + 1}"
            yield {"pool": "", "number": process.number, "name": name, "up": True,
                   "drains": False, "slots": {"": places}}  # fmt: skip
        return
    name_of = {id(queue): name for name, queue in model.queues.items()}
    for crew in model.fleet.crews:
        for number, worker in enumerate(crew.places):
            stay = crew.stays.get(worker)
            if stay is None:
                continue
            slots: dict[str, list[Any]] = {}
            for slot in worker.slots:
                if not slot.retired or slot.job is not None:
                    slots.setdefault(name_of[id(slot.queue)], []).append(
                        job(slot.job, slot.started)
                    )
            name = f"{crew.name or 'worker'} {number + 1}"
            yield {"pool": crew.name, "number": number, "name": name, "up": stay.up,
                   "drains": stay.dismissed or (worker.closed and worker.busy),
                   "slots": slots}  # fmt: skip
