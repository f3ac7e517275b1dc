"""simqueue: understand, and plan, production job queues.

The names below are what notebooks and scripts use; each is imported when it is first asked for, so
that importing simqueue costs nothing. Other doors: `simqueue.course`, `simqueue.simulation`,
`simqueue.validation`, `simqueue.adapters` and `simqueue.shop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.lazy import contents

if TYPE_CHECKING:
    from simqueue.calibration.calibrate import Calibration, calibrate
    from simqueue.data import data_path
    from simqueue.errors import InputError, JobError, SimqueueError
    from simqueue.experiments.compare_modes import ModeComparison, compare_modes
    from simqueue.experiments.run import Run, simulate
    from simqueue.experiments.summary_only import Summarised, summarise
    from simqueue.experiments.sweep import Sweep, sweep
    from simqueue.live.challenges import challenge
    from simqueue.live.session import Session, read_session
    from simqueue.live.widget import play
    from simqueue.planning.autoscaling.judge import Autoscaling, autoscale
    from simqueue.planning.outages.outage import OutageResult, outage
    from simqueue.planning.plan import Plan, plan
    from simqueue.policies import POLICIES, Backoff, QueuePolicy, next_step
    from simqueue.record.attempt_log import AttemptLog
    from simqueue.record.reading import read_log
    from simqueue.results import theory
    from simqueue.results.intervals import mean_ci95
    from simqueue.workload.reading import build_scenario, read_scenario
    from simqueue.workload.scenario import Scenario
    from simqueue.workload.workload import Workload

#: The version of this package.
__version__ = "0.1.0"

_CONTENTS = {
    "simqueue.workload.reading": (
        "read_scenario",
        "build_scenario",
    ),
    "simqueue.workload.scenario": ("Scenario",),
    "simqueue.workload.workload": ("Workload",),
    "simqueue.experiments.run": (
        "simulate",
        "Run",
    ),
    "simqueue.experiments.summary_only": (
        "summarise",
        "Summarised",
    ),
    "simqueue.experiments.compare_modes": (
        "compare_modes",
        "ModeComparison",
    ),
    "simqueue.experiments.sweep": (
        "sweep",
        "Sweep",
    ),
    "simqueue.planning.plan": (
        "plan",
        "Plan",
    ),
    "simqueue.calibration.calibrate": (
        "calibrate",
        "Calibration",
    ),
    "simqueue.planning.autoscaling.judge": (
        "autoscale",
        "Autoscaling",
    ),
    "simqueue.planning.outages.outage": (
        "outage",
        "OutageResult",
    ),
    "simqueue.live.widget": ("play",),
    "simqueue.live.session": (
        "Session",
        "read_session",
    ),
    "simqueue.live.challenges": ("challenge",),
    "simqueue.record.reading": ("read_log",),
    "simqueue.record.attempt_log": ("AttemptLog",),
    "simqueue.results": ("theory",),
    "simqueue.results.intervals": ("mean_ci95",),
    "simqueue.policies": (
        "POLICIES",
        "QueuePolicy",
        "Backoff",
        "next_step",
    ),
    "simqueue.data": ("data_path",),
    "simqueue.errors": (
        "SimqueueError",
        "InputError",
        "JobError",
    ),
}
__getattr__, __dir__ = contents(__name__, _CONTENTS)
__all__ = ["__version__", *(name for names in _CONTENTS.values() for name in names)]
