"""``WORKER_MODE=none``: jobs are ignored."""

from __future__ import annotations

from simqueue.jobs import Job


class NoOpAdapter:
    """Takes every job and does nothing: for tests, and for a shop without background work."""

    async def add(self, job: Job, *, asked_at: float | None = None) -> None:
        """Ignore the job."""

    async def close(self) -> None:
        """There is nothing to let go of."""
