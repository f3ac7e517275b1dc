"""What every adapter can do."""

from __future__ import annotations

from typing import Protocol

from simqueue.jobs import Job


class Adapter(Protocol):
    """Brings jobs to their handlers.

    A web handler, a notebook and the worker add jobs alike: ``await adapter.add(job)``.
    """

    async def add(self, job: Job, *, asked_at: float | None = None) -> None:
        """Take a job.

        Parameters
        ----------
        job
            What is to be done.
        asked_at
            When the request for it came in, on the adapter's clock; by default now. A request
            that had to wait for a busy web process came in before it adds its job.
        """

    async def close(self) -> None:
        """Let go of whatever the adapter holds."""
