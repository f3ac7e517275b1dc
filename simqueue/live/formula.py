"""The formula's line: what theory says of a queue, as things stand now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simqueue.errors import InputError
from simqueue.live import hands
from simqueue.live.models import LiveBullMQ
from simqueue.results.formulas import formulas
from simqueue.results.offered import Outlook
from simqueue.workload.arrivals import Poisson
from simqueue.workload.reading import build_scenario
from simqueue.workload.scenario import Scenario

#: A run of so many jobs is long: what counts is the steady state, not how it is reached.
LONG_JOBS = 1e6

if TYPE_CHECKING:
    from simqueue.live.session import Session


def formula_lines(session: Session) -> dict[str, Any]:
    """By queue the model's name and its mean wait, seconds; only where a formula truly holds."""
    scenario = as_it_stands(session)
    if scenario is None:
        return {}
    return {name: line for name, line in formulas(Outlook(scenario, 0.0)).items() if line}


def as_it_stands(session: Session) -> Scenario | None:
    """A scenario that goes on as things are now; ``None`` if something is away for a while."""
    model = session.model
    if not isinstance(model, LiveBullMQ):
        return None
    now = model.workload.scenario
    if not any(isinstance(stream, Poisson) for stream in now.arrivals.values()):
        return None
    if any(hands.is_away(now, name) or hands.is_paused(model, name) for name in now.queues):
        return None
    table = {**now.table(), "warmup_s": 0.0}
    for name, queue in table["queues"].items():
        table["queues"][name] = {k: v for k, v in queue.items() if k not in ("outages", "paused")}
    rates = 0.0
    for name, stream in table["arrivals"].items():
        if "rate_per_s" in stream:
            rate = stream["rate_per_s"] * model.incoming.times.get(name, 1.0)
            table["arrivals"][name] = {**stream, "rate_per_s": rate}
            rates += rate
    if not rates:
        return None
    table["duration_s"] = LONG_JOBS / rates
    crews = {crew.name or "worker": crew for crew in model.fleet.crews}
    up = {name: sum(stay.up for stay in crew.on) for name, crew in crews.items()}
    if not all(up.values()):
        return None
    table["pools"] = {
        name: {"count": up[name], "queues": crew.slots} for name, crew in crews.items()
    }
    table.pop("workers", None)
    try:
        return build_scenario(table)
    except InputError:
        return None
