"""Engines: what takes a workload and gives an attempt log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import Protocol

from simqueue.errors import InputError
from simqueue.extras import advice, naming_extras
from simqueue.record.attempt_log import AttemptLog
from simqueue.simulation.bullmq import BullMQ
from simqueue.simulation.compiled.support import cannot_run, unsupported
from simqueue.simulation.core import Model
from simqueue.simulation.in_process import InProcess
from simqueue.simulation.recorded import RecordedBullMQ, RecordedWorkload
from simqueue.workload.scenario import Scenario
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


class Runs(Protocol):
    """A workload on its way through an engine."""

    scenario: Scenario

    @property
    def now(self) -> float:
        """The virtual time, seconds."""

    @property
    def over(self) -> bool:
        """Whether all jobs have come and have their final outcomes."""

    def run(self, until: float | None = None) -> None:
        """Let everything happen that will, or what will before ``until``."""

    def log(self) -> AttemptLog:
        """What has happened so far, and after it the jobs that are ready and wait."""


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
        return _run((self.model or _model_of)(workload), progress, until_s)


@dataclass(frozen=True)
class CompiledEngine:
    """The model of BullMQ once more, compiled: the same log, for most scenarios.

    When it runs for the first time it is compiled, which takes a minute or less, and once more for
    the first scenario with job schedulers, flows, downstreams or sandboxes; the machine code is
    kept beside the package.
    """

    def __call__(
        self, workload: Workload, progress: Progress | None = None, until_s: float | None = None
    ) -> Replication:
        """Run a workload; see `Engine`.

        Raises
        ------
        InputError
            If it does not have something that the scenario says, or a job may lose its lock.
        MissingExtraError
            If numba is not installed.
        """
        if (why_not := unsupported(workload)) is not None:
            raise InputError(f"{why_not}; expected engine = 'simpy'")
        with naming_extras("fast"):
            from simqueue.simulation.compiled.model import CompiledBullMQ, MayStall
        try:
            return _run(CompiledBullMQ(workload), progress, until_s)
        except MayStall:
            raise InputError(f"{_STALLS}; expected engine = 'simpy'") from None


_STALLS = "bullmq.lock_duration_s: some job may lose its lock, which the compiled engine never does"


@dataclass(frozen=True)
class FastestEngine:
    """The compiled engine where it is installed and has what the scenario says, else SimPy."""

    def __call__(
        self, workload: Workload, progress: Progress | None = None, until_s: float | None = None
    ) -> Replication:
        """Run a workload; see `Engine`."""
        reached = 0.0

        def rising(share: float) -> None:
            nonlocal reached
            if progress is not None and share > reached:
                reached = share
                progress(share)

        told = None if progress is None else rising
        if has_numba() and unsupported(workload) is None:
            from simqueue.simulation.compiled.model import CompiledBullMQ, MayStall

            try:
                return _run(CompiledBullMQ(workload), told, until_s)
            except MayStall:
                pass
        return SimPyEngine()(workload, told, until_s)


def has_numba() -> bool:
    """Whether what the extra ``fast`` brings is installed."""
    try:
        return find_spec("numba") is not None
    except ValueError:  # it was taken away
        return False


def why_not_compiled(scenario: Scenario) -> str | None:
    """Why ``auto`` runs a scenario in SimPy; ``None``: it does not.

    (A run in which a job may lose its lock is done in SimPy, too; that only shows on the way.)
    """
    if not has_numba():
        return f"package numba is missing: {advice('fast')}"
    return cannot_run(scenario)


def engine_words(engine: str | Engine, scenarios: Iterable[Scenario]) -> str:
    """Which engine runs some scenarios, and if ``auto`` leaves one to SimPy, why."""
    if engine != "auto":
        return engine if isinstance(engine, str) else "one of your own"
    reasons = (why_not_compiled(one) for one in scenarios)
    why = next(filter(None, reasons), None)
    return "compiled" if why is None else f"simpy ({why})"


def _model_of(workload: Workload) -> Model:
    if isinstance(workload, RecordedWorkload):
        return RecordedBullMQ(workload)
    return BullMQ(workload) if workload.scenario.mode == "bull-queue" else InProcess(workload)


def _run(run: Runs, progress: Progress | None, until_s: float | None) -> Replication:
    try:
        if progress is None:
            run.run(until_s)
        else:
            for share in _steps(run, until_s):
                progress(share)
    except KeyboardInterrupt:
        return Replication(run.log(), run.now, interrupted=True)
    return Replication(run.log(), None if run.over else until_s)


def _steps(run: Runs, until_s: float | None) -> Iterator[float]:
    """Run, and say on the way which share of the arrivals' time is over."""
    for step in range(1, _STEPS):
        moment = run.scenario.duration_s * step / _STEPS
        if until_s is not None and moment >= until_s:
            break
        run.run(until=moment)
        yield step / _STEPS
    run.run(until_s)
    yield 1.0


#: The engines, by the name that ``simulate`` takes.
ENGINES: Mapping[str, Engine] = MappingProxyType(
    {"simpy": SimPyEngine(), "compiled": CompiledEngine()}
)
_AUTO = FastestEngine()


def engine_of(engine: str | Engine) -> Engine:
    """The engine of a name; ``auto`` is for each workload the fastest that can run it.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if not isinstance(engine, str):
        return engine
    if engine == "auto":
        return _AUTO
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r}: expected auto or one of {', '.join(ENGINES)}")
    return ENGINES[engine]
