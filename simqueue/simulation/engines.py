"""Engines: what takes a workload and gives an attempt log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog
from simqueue.simulation.bullmq import BullMQ
from simqueue.simulation.core import Model
from simqueue.simulation.in_process import InProcess
from simqueue.simulation.recorded import RecordedBullMQ, RecordedWorkload
from simqueue.workload.workload import Workload

#: Steps in which an engine reports its progress.
_STEPS = 200

Progress = Callable[[float], None]


@dataclass(frozen=True)
class Replication:
    """What an engine made of one workload.

    Attributes
    ----------
    log
        Every attempt that ended; after them, if it was cut off, the jobs that were ready and
        waited then.
    cut_off_s
        Where Ctrl-C or ``until_s`` stopped it, virtual seconds; ``None``: it ran to its end.
    interrupted
        Whether it was Ctrl-C.
    """

    log: AttemptLog
    cut_off_s: float | None = None
    interrupted: bool = False


class Engine(Protocol):
    """What can run a workload."""

    def __call__(
        self, workload: Workload, progress: Progress | None = None, until_s: float | None = None
    ) -> Replication:
        """Run a workload in the mode that its scenario says.

        Parameters
        ----------
        workload
            One replication.
        progress
            Called with the share of the arrivals' time that is over, 0 to 1.
        until_s
            Where to stop, virtual seconds; by default when everything is done.

        Notes
        -----
        Ctrl-C ends it with what is done so far, without the jobs that were in service or delayed
        at that moment.
        """


@dataclass(frozen=True)
class SimPyEngine:
    """The models in SimPy.

    Attributes
    ----------
    model
        Makes the model of a workload; by default that of the scenario's mode, or of a recorded
        workload.
    """

    model: Callable[[Workload], Model] | None = None

    def __call__(
        self, workload: Workload, progress: Progress | None = None, until_s: float | None = None
    ) -> Replication:
        """Run a workload; see `Engine`."""
        model = (self.model or _model_of)(workload)
        try:
            for share in _steps(model, until_s):
                if progress:
                    progress(share)
        except KeyboardInterrupt:
            return Replication(model.log(), model.env.now, interrupted=True)
        return Replication(model.log(), None if model.over else until_s)


def _model_of(workload: Workload) -> Model:
    if isinstance(workload, RecordedWorkload):
        return RecordedBullMQ(workload)
    return BullMQ(workload) if workload.scenario.mode == "bull-queue" else InProcess(workload)


def _steps(model: Model, until_s: float | None) -> Iterator[float]:
    """Run, and say on the way which share of the arrivals' time is over."""
    for step in range(1, _STEPS):
        moment = model.scenario.duration_s * step / _STEPS
        if until_s is not None and moment >= until_s:
            break
        model.run(until=moment)
        yield step / _STEPS
    model.run(until_s)
    yield 1.0


#: The engines, by the name that ``simulate`` takes.
ENGINES: Mapping[str, Engine] = MappingProxyType({"simpy": SimPyEngine()})


def engine_of(engine: str | Engine) -> Engine:
    """The engine of a name; ``auto`` is the fastest that can run any scenario.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if not isinstance(engine, str):
        return engine
    if engine == "auto":
        return ENGINES["simpy"]
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r}: expected auto or one of {', '.join(ENGINES)}")
    return ENGINES[engine]
