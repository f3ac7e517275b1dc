"""simqueue: understand, and plan, production job queues.

The names below are what notebooks and scripts use; each is imported when it is first asked for, so
that importing simqueue costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simqueue.errors import InputError, JobError, SimqueueError
    from simqueue.experiments.run import Run, simulate
    from simqueue.policies import POLICIES, Backoff, QueuePolicy, next_step
    from simqueue.record.attempt_log import AttemptLog
    from simqueue.record.reading import read_log
    from simqueue.results import theory
    from simqueue.results.intervals import mean_ci95
    from simqueue.workload.reading import build_scenario, read_scenario
    from simqueue.workload.scenario import Scenario
    from simqueue.workload.workload import Workload

__version__ = "0.1.0"

_CONTENTS = {
    "simqueue.workload.reading": ("read_scenario", "build_scenario"),
    "simqueue.workload.scenario": ("Scenario",),
    "simqueue.workload.workload": ("Workload",),
    "simqueue.experiments.run": ("simulate", "Run"),
    "simqueue.record.reading": ("read_log",),
    "simqueue.record.attempt_log": ("AttemptLog",),
    "simqueue.results": ("theory",),
    "simqueue.results.intervals": ("mean_ci95",),
    "simqueue.policies": ("POLICIES", "QueuePolicy", "Backoff", "next_step"),
    "simqueue.errors": ("SimqueueError", "InputError", "JobError"),
}
_HOME = {name: module for module, names in _CONTENTS.items() for name in names}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'simqueue' has no attribute {name!r}")
    home = import_module(_HOME[name])
    return getattr(home, name, None) or import_module(f"{_HOME[name]}.{name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
