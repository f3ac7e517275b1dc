"""The simulator: the same queues in virtual time.

`simqueue.simulate` runs it. The names below are for whoever wants to look inside or to change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simqueue.lazy import contents

if TYPE_CHECKING:
    from simqueue.simulation.bullmq import BullMQ
    from simqueue.simulation.core import Model, Process
    from simqueue.simulation.engines import ENGINES, Engine, Replication, SimPyEngine
    from simqueue.simulation.in_process import InProcess
    from simqueue.simulation.job import SimJob

_CONTENTS = {
    "simqueue.simulation.engines": (
        "ENGINES",
        "Engine",
        "SimPyEngine",
        "Replication",
    ),
    "simqueue.simulation.core": (
        "Model",
        "Process",
    ),
    "simqueue.simulation.bullmq": ("BullMQ",),
    "simqueue.simulation.in_process": ("InProcess",),
    "simqueue.simulation.job": ("SimJob",),
}
__getattr__, __dir__ = contents(__name__, _CONTENTS)
__all__ = [name for names in _CONTENTS.values() for name in names]
