"""The simulator: the same queues in virtual time."""

from simqueue.simulation.run import Run, simulate

__all__ = ["Run", "simulate"]
