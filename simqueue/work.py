"""What a runner of jobs needs to know about the work, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from simqueue.jobs import Job
from simqueue.policies import Outcome


class Work(Protocol):
    """The work that jobs stand for. All of it may be done twice: a job can run again any time."""

    async def handle(self, job: Job, attempt: int) -> str:
        """Do a job.

        Parameters
        ----------
        job
            The job.
        attempt
            Number of this attempt, from 1. A rerun after a stall keeps it.

        Returns
        -------
        str
            The business's word for what came out: ``processing``, ``rejected``, ``paid``,
            ``declined``, ``cancelled``, ``refunded``, ``sent``... A rerun of finished work gives
            the word that the records hold.

        Raises
        ------
        JobError
            If the attempt failed and another one may succeed.
        InputError
            If the job cannot be done, however often it is tried.
        """

    async def give_up(self, job: Job) -> str:
        """Do what a final failure asks for; raises as `handle` does.

        Returns
        -------
        str
            The business's word: ``failed``, or, when the job's work had been done after all (its
            worker died before it could say so), what `handle` would have returned.
        """

    def follow_ups(self, job: Job, outcome: Outcome, result: str) -> Sequence[Job]:
        """The jobs that the end of ``job`` adds; ``result`` is the word it ended with."""


class FailedJob(NamedTuple):
    """A job that has failed for good.

    Attributes
    ----------
    job
        The job.
    finished_ms
        When it failed, Unix milliseconds: a job that was retried by hand may fail once more.
    """

    job: Job
    finished_ms: int
