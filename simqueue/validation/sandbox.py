"""Child processes that do the cpu parts of sandboxed jobs, as BullMQ's sandboxed processors do.

``python -m simqueue.validation.sandbox CORE...`` runs on the cores that are named: it reads how
many seconds of cpu it is to use, one number a line, uses them, and says so. It ends when its
standard input does: whoever started it is gone then.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress

from simqueue.errors import SimqueueError

DONE = "done"
#: How long a child uses its core between two looks at whether its worker is alive, seconds.
_LOOK_S = 0.02
#: How long a child may take to end when it is told to, seconds.
_END_S = 2.0


class Sandbox:
    """The children of a worker; one is started for each job at a time, and kept for the next.

    Parameters
    ----------
    cores
        How many of the machine's cores all children share. Where it has fewer, or where a process
        cannot choose its cores (macOS, Windows), children use what they get.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: list[asyncio.subprocess.Process] = []

    async def prepare(self, children: int) -> None:
        """Have some children ready: starting one takes longer than most jobs."""
        self._idle += await asyncio.gather(*(self._start() for _ in range(children)))
        for child in self._idle:
            await self._compute(child, 0.0)

    async def burn(self, seconds: float) -> None:
        """Use so many seconds of cpu in a child, and leave the event loop to others."""
        child = self._idle.pop() if self._idle else await self._start()
        await self._compute(child, seconds)
        self._idle.append(child)

    async def close(self) -> None:
        """End all children."""
        for child in self._all:
            assert child.stdin is not None
            child.stdin.close()
        for child in self._all:
            try:
                await asyncio.wait_for(child.wait(), _END_S)
            except TimeoutError:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        self._all.clear()
        self._idle.clear()

    async def _start(self) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            *child_command(self._cores),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._all.append(child)
        return child

    @staticmethod
    async def _compute(child: asyncio.subprocess.Process, seconds: float) -> None:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(f"{seconds!r}\n".encode())
        if (await child.stdout.readline()).strip() != DONE.encode():
            raise SimqueueError(f"a sandboxed child ended by itself, code {child.returncode}")


def child_command(cores: int) -> list[str]:
    """What starts a child, of those that share so many cores, whichever worker has it."""
    places = sorted(os.sched_getaffinity(0))[:cores] if hasattr(os, "sched_getaffinity") else []
    return [sys.executable, "-m", "simqueue.validation.sandbox", *map(str, places)]


def main(cores: list[int]) -> None:
    """Use cpu as told, until nobody tells any more."""
    if cores:
        os.sched_setaffinity(0, cores)
    worker = os.getppid()
    for line in sys.stdin:
        until = time.process_time() + float(line)
        while (left := until - time.process_time()) > 0:
            if os.getppid() != worker:
                return  # it was killed, and so is what it was doing
            _use(min(left, _LOOK_S))
        print(DONE, flush=True)


def _use(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


if __name__ == "__main__":
    main([int(core) for core in sys.argv[1:]])
