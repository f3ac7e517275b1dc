"""Days whose loads are counted on fingers."""

from __future__ import annotations

from hand import row


def clock(seconds: float) -> str:
    return f"{int(seconds // 3600):02}:{int(seconds % 3600 // 60):02}"


def day(start: float, jobs: int, work: float, wait: float = 0.0, **more: object) -> list[dict]:
    """``jobs`` ready at ``start``, each waiting ``wait`` and taking ``work``."""
    times = (start, start, start + wait, start + wait + work)
    return [row(job=int(start) + n, times=times, **more) for n in range(jobs)]
