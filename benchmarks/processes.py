"""What other processes have taken of the processor."""

from __future__ import annotations

import os
from pathlib import Path


def processor_s(pid: int) -> float:
    """Seconds that a process has had the processor so far; Linux tells them.

    Raises
    ------
    OSError
        If there is no such process, or this is another system.
    """
    # Its name, which is in brackets, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks: int = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
