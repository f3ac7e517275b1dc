"""What can go wrong, in words that say what to do."""

from __future__ import annotations


class SimqueueError(Exception):
    """Base of every error that simqueue raises on purpose."""


class InputError(SimqueueError):
    """Something the user gave cannot be used: a file, a flag, a variable, a row.

    Its text is one line that names the place, the value and what was expected. The command line
    prints it and ends with exit code 2.
    """


class JobError(SimqueueError):
    """Something went wrong that may go right another time: Redis, the database, the gateway.

    An attempt at a job that meets it has failed: workers retry it by the queue's policy, and in
    training mode it reaches whoever added the job. A command ends with exit code 1.
    """


class InTheWayError(JobError):
    """Redis answers, and yet refuses: what lies at the keys of one job or queue is in the way.

    Others are not concerned, so whoever does many things sets this one aside and goes on.
    """
