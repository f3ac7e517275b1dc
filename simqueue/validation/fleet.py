"""All workers of a real run: processes that can be killed, or all in this process."""

from __future__ import annotations

import asyncio
import math
import os
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from simqueue.adapters.bull_queue.connection import Connection
from simqueue.clock import SystemClock
from simqueue.errors import SimqueueError
from simqueue.record.worker_events import EventFile
from simqueue.validation.scripted_worker import READY, Begin, Config, scripted_worker
from simqueue.validation.server import Server
from simqueue.workers.loop import call_off
from simqueue.workers.process import WorkerProcess
from simqueue.workload.production import Crash
from simqueue.workload.workload import Workload

#: How long a process may take until it is ready, and until it has ended.
_START_S = 60.0
_END_S = 30.0
#: Processes that are started at the same time.
_AT_ONCE = 4
_LAST_LINES = 5


class Fleet(Protocol):
    """All workers of a run."""

    async def prepare(self) -> None:
        """Have everything ready that takes time."""

    async def run(self, origin: float) -> None:
        """Work from ``origin`` on, Unix time; never returns, and raises if a worker ends."""

    async def stop(self) -> None:
        """Let the workers end; nothing is left to do."""

    async def kill(self) -> None:
        """End whatever is left, at once."""


@dataclass
class Program:
    """One worker process.

    Attributes
    ----------
    config
        What it is told.
    folder
        Where its files go.
    """

    config: Config
    folder: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self, url: str) -> None:
        """Start it, and wait until it is ready."""
        file = self.folder / f"worker-{self.config.file}.json"
        file.write_text(self.config.model_dump_json(), encoding="utf-8")
        with self._errors.open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "simqueue.validation.scripted_worker", str(file)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "QUEUE_REDIS_URL": url},
                # In a session of its own it does not hear of Ctrl-C: who started it decides.
                start_new_session=True,
            )
        assert self.process.stdout is not None
        try:
            line = await asyncio.wait_for(self.process.stdout.readline(), _START_S)
        except TimeoutError:
            line = b""
        if line.strip() != READY.encode():
            raise SimqueueError(f"worker {self.config.file} did not start: {self.last_words}")

    @property
    def _errors(self) -> Path:
        return self.folder / f"worker-{self.config.file}.stderr"

    @property
    def last_words(self) -> str:
        """The last lines of its standard error."""
        lines = (
            self._errors.read_text(errors="replace").splitlines() if self._errors.exists() else []
        )
        return " / ".join(line.strip() for line in lines[-_LAST_LINES:]) or "it said nothing"

    def begin(self, begin: Begin) -> None:
        """Tell it when to take jobs."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{begin.model_dump_json()}\n".encode())

    def kill(self) -> None:
        """``kill -9``, if it still runs."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.kill()

    def terminate(self) -> None:
        """SIGTERM, if it still runs: it finishes what it has."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()

    async def stop(self) -> None:
        """Let it finish and end; kill it if that takes long."""
        self.terminate()
        await self.ended()

    async def ended(self) -> None:
        """Wait until it has ended; kill it if that takes long."""
        if self.process is None:
            return
        try:
            await asyncio.wait_for(self.process.wait(), _END_S)
        except TimeoutError:
            self.kill()
            await self.process.wait()


@dataclass
class WorkerPrograms:
    """Workers as processes of their own, which crash when the scenario says so."""

    workload: Workload
    server: Server
    log: Path
    programs: list[list[Program]] = field(default_factory=list)

    async def prepare(self) -> None:
        """Start all processes, those too that take over from a killed one: starting is work."""
        for number in range(self.workload.scenario.workers.count):
            lives = len(self._crashes(number)) + 1
            self.programs.append([self._program(number, life) for life in range(lives)])
        few = asyncio.Semaphore(_AT_ONCE)

        async def start(program: Program) -> None:
            async with few:
                await program.start(self.server.url)

        await all_together(*(start(program) for program in self._all))

    def _program(self, number: int, life: int) -> Program:
        return Program(
            Config(
                scenario=self.workload.scenario,
                replication=self.workload.replication,
                number=number,
                prefix=self.server.prefix,
                log=self.log,
                file=f"{number}.{life}" if life else str(number),
            ),
            self.log.parent,
        )

    def _crashes(self, number: int) -> list[Crash]:
        crashes = self.workload.scenario.workers.crashes
        return sorted(
            (crash for crash in crashes if crash.worker == number), key=lambda crash: crash.at_s
        )

    @property
    def _all(self) -> list[Program]:
        return [program for lives in self.programs for program in lives]

    async def run(self, origin: float) -> None:
        """Work, crash where the scenario says so, and raise if a worker ends otherwise."""
        lives = [self._live(number, origin) for number in range(len(self.programs))]
        await all_together(*lives)

    async def _live(self, number: int, origin: float) -> None:
        crashes = self._crashes(number)
        starts = [0.0, *(crash.at_s + crash.down_s for crash in crashes)]
        dies = [*(crash.at_s for crash in crashes), math.inf]
        for program, start, death in zip(self.programs[number], starts, dies, strict=True):
            if start < death:
                program.begin(Begin(origin=origin, start=origin + start))
        clock = SystemClock()
        ends = [asyncio.ensure_future(self._fail_at_end(p)) for p in self.programs[number]]
        try:
            for program, crash in zip(self.programs[number], crashes, strict=False):
                pause = asyncio.ensure_future(clock.until(origin + crash.at_s))
                await asyncio.wait([pause, *ends], return_when=asyncio.FIRST_COMPLETED)
                if not pause.done():
                    pause.cancel()
                    break
                ends.pop(0).cancel()
                if crash.drain:
                    program.terminate()
                else:
                    program.kill()
            await all_together(*ends)
        finally:
            for end in ends:
                end.cancel()

    async def _fail_at_end(self, program: Program) -> None:
        assert program.process is not None
        code = await program.process.wait()
        raise SimqueueError(
            f"worker {program.config.file} ended by itself with code {code}: {program.last_words}"
        )

    async def stop(self) -> None:
        """Let all processes finish and end."""
        await asyncio.gather(*(program.stop() for program in self._all))

    async def kill(self) -> None:
        """Kill all processes."""
        for program in self._all:
            program.kill()
        await asyncio.gather(*(program.ended() for program in self._all))


@dataclass
class WorkersHere:
    """Workers in this process and event loop, for an embedded queue: nobody else could reach it."""

    workload: Workload
    connection: Connection
    log: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    files: list[EventFile] = field(default_factory=list)

    async def prepare(self) -> None:
        """Nothing takes time here: the draws have been made."""

    async def run(self, origin: float) -> None:
        """Work."""
        for number in range(self.workload.scenario.workers.count):
            file = EventFile(self.log, str(number))
            self.files.append(file)
            self.workers.append(
                scripted_worker(self.workload, self.connection, number, origin, [file.write])
            )
        await SystemClock().until(origin)
        for worker in self.workers:
            await worker.start()
        await all_together(*(task for worker in self.workers for task in worker.tasks))
        raise SimqueueError("a worker ended by itself")

    async def stop(self) -> None:
        """Let the workers finish."""
        await self._end(_END_S)

    async def kill(self) -> None:
        """Have the workers drop what they do."""
        await self._end(0.0)

    async def _end(self, grace_s: float) -> None:
        await asyncio.gather(*(worker.stop(grace_s) for worker in self.workers))
        self.workers.clear()
        for file in self.files:
            file.close()
        self.files.clear()


async def all_together(*parts: Coroutine[Any, Any, None] | asyncio.Future[None]) -> None:
    """Wait for all parts; the first that raises ends the others, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await call_off(tasks)
