"""How a job reaches its handler: the adapters that ``WORKER_MODE`` selects."""

from __future__ import annotations

from simqueue.adapters.base import Adapter
from simqueue.adapters.in_process import InProcessAdapter
from simqueue.adapters.noop import NoOpAdapter
from simqueue.adapters.scripted import run_in_process
from simqueue.clock import Clock
from simqueue.jobs import Job
from simqueue.record.recorder import Recorder
from simqueue.settings import Settings
from simqueue.work import Work

__all__ = [
    "Adapter",
    "InProcessAdapter",
    "Job",
    "NoOpAdapter",
    "Recorder",
    "open_adapter",
    "run_in_process",
]


def open_adapter(settings: Settings, work: Work, clock: Clock, recorder: Recorder) -> Adapter:
    """The adapter that ``WORKER_MODE`` selects, of those that need no queue.

    Raises
    ------
    ValueError
        If the mode is ``bull-queue``: that one has to be connected first, see
        `simqueue.adapters.bull_queue`.
    """
    if settings.worker_mode == "none":
        return NoOpAdapter()
    if settings.worker_mode == "in-process":
        return InProcessAdapter(work, clock, recorder)
    raise ValueError("bull-queue is opened by `simqueue.adapters.bull_queue.connect`")
