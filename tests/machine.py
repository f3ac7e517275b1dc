"""How slow this machine is at the moment: what a process may take depends on it."""

from __future__ import annotations

import subprocess
import sys
import time

#: What a stop may take when the grace period is over. To end, a process needs the processor a
#: moment more: so many times what a command takes that prints a table.
_STOP_S, _TIMES = 5.0, 4


def a_command_takes() -> float:
    """Seconds that a small command takes here and now."""
    began = time.monotonic()
    command = [sys.executable, "-m", "simqueue", "backoff"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def check_stop(took_s: float, grace_s: float, about: object = "") -> None:
    """Prove that a stop that took so many seconds has kept its grace period."""
    late_s = took_s - grace_s - _STOP_S
    # How slow the machine is matters only to one that is late.
    assert late_s < 0 or late_s < _TIMES * a_command_takes(), (
        f"the grace period is not kept: {took_s:.1f} s {about}"
    )
