"""The simulator beside the real queue: one workload on both, or a real log replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.lazy import contents

if TYPE_CHECKING:
    from simqueue.experiments.log_replay import replay_log
    from simqueue.results.comparison.compare import Comparison, compare
    from simqueue.validation.both import Validation, validate
    from simqueue.validation.real import RealRun, run_real
    from simqueue.validation.runnable import check_runnable, check_server
    from simqueue.validation.server import Server, open_server
    from simqueue.workload.production import Overhead

_CONTENTS = {
    "simqueue.validation.both": (
        "validate",
        "Validation",
    ),
    "simqueue.validation.real": (
        "run_real",
        "RealRun",
    ),
    "simqueue.validation.server": (
        "open_server",
        "Server",
    ),
    "simqueue.validation.runnable": (
        "check_runnable",
        "check_server",
    ),
    "simqueue.experiments.log_replay": ("replay_log",),
    "simqueue.results.comparison.compare": (
        "compare",
        "Comparison",
    ),
    "simqueue.workload.production": ("Overhead",),
}
__getattr__, __dir__ = contents(__name__, _CONTENTS)
__all__ = [name for names in _CONTENTS.values() for name in names]
