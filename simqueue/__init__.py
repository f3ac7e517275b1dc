"""simqueue: understand, and plan, production job queues.

The names below are what notebooks and scripts use; each is imported when it is first asked for, so
that importing simqueue costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simqueue.policies import POLICIES, Backoff, QueuePolicy, next_step
    from simqueue.results.attempt_log import AttemptLog, read_log
    from simqueue.simulation.run import Run, simulate
    from simqueue.workload.reading import build_scenario, read_scenario
    from simqueue.workload.scenario import Scenario
    from simqueue.workload.workload import Workload

__version__ = "0.1.0"

_CONTENTS = {
    "simqueue.policies": ("POLICIES", "Backoff", "QueuePolicy", "next_step"),
    "simqueue.workload.reading": ("build_scenario", "read_scenario"),
    "simqueue.workload.scenario": ("Scenario",),
    "simqueue.workload.workload": ("Workload",),
    "simqueue.simulation.run": ("Run", "simulate"),
    "simqueue.results.attempt_log": ("AttemptLog", "read_log"),
}
_HOME = {name: module for module, names in _CONTENTS.items() for name in names}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'simqueue' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
