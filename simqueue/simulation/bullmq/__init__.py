"""BullMQ in virtual time: its lists, its workers, its locks and looks for stalled jobs.

The rules are those of BullMQ's scripts, and tests run the same jobs on the real queue.
"""

from simqueue.simulation.bullmq.model import BullMQ

__all__ = ["BullMQ"]
