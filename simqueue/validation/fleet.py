"""All workers of a real run: processes that can be killed, or all in this process."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from simqueue.adapters.bull_queue.connection import Connection
from simqueue.clock import SystemClock
from simqueue.errors import SimqueueError
from simqueue.record.worker_events import EventFile
from simqueue.tasks import call_off
from simqueue.validation.language import Language, Python
from simqueue.validation.lives import Life, lives
from simqueue.validation.sandbox import Sandbox
from simqueue.validation.scripted_worker import (
    READY,
    Begin,
    Config,
    scripted_worker,
    started_sandbox,
)
from simqueue.validation.server import Server
from simqueue.workers.process import WorkerProcess
from simqueue.workload.pools import worker_name
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
    language
        What it is written in.
    """

    config: Config
    folder: Path
    language: Language = field(default_factory=Python)
    process: asyncio.subprocess.Process | None = None

    async def start(self, url: str) -> None:
        """Start it, and wait until it is ready."""
        command = self.language.command(self.config, self.folder)
        with self._errors.open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *command,
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
    gateway: int | None = None
    language: Language = field(default_factory=Python)
    lives: list[list[Life]] = field(default_factory=list)
    programs: list[list[Program]] = field(default_factory=list)

    async def prepare(self) -> None:
        """Start all processes, those too that take over from a killed one: starting is work."""
        for name, pool in self.workload.scenario.worker_pools.items():
            for number, mine in enumerate(lives(pool)):
                self.lives.append(mine)
                self.programs.append(
                    [self._program(name, number, life) for life in range(len(mine))]
                )
        few = asyncio.Semaphore(_AT_ONCE)

        async def start(program: Program) -> None:
            async with few:
                await program.start(self.server.url)

        await all_together(*(start(program) for program in self._all))

    def _program(self, pool: str, number: int, life: int) -> Program:
        name = worker_name(pool, number)
        return Program(
            Config(
                scenario=self.workload.scenario,
                replication=self.workload.replication,
                pool=pool,
                number=number,
                prefix=self.server.prefix,
                log=self.log,
                file=f"{name}.{life}" if life else name,
                gateway=self.gateway,
            ),
            self.log.parent,
            self.language,
        )

    @property
    def _all(self) -> list[Program]:
        return [program for lives in self.programs for program in lives]

    async def run(self, origin: float) -> None:
        """Work, crash where the scenario says so, and raise if a worker ends otherwise."""
        places = zip(self.programs, self.lives, strict=True)
        await all_together(*(self._live(programs, mine, origin) for programs, mine in places))

    async def _live(self, programs: list[Program], mine: list[Life], origin: float) -> None:
        for program, life in zip(programs, mine, strict=True):
            if life.start_s < life.end_s:
                program.begin(Begin(origin=origin, start=origin + life.start_s))
        clock = SystemClock()
        ends = [asyncio.ensure_future(self._fail_at_end(program)) for program in programs]
        try:
            for program, life in zip(programs, mine, strict=True):
                if math.isinf(life.end_s):
                    break
                pause = asyncio.ensure_future(clock.until(origin + life.end_s))
                await asyncio.wait([pause, *ends], return_when=asyncio.FIRST_COMPLETED)
                if not pause.done():
                    pause.cancel()
                    break
                ends.pop(0).cancel()
                if life.drain:
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
    gateway: int | None = None
    workers: list[WorkerProcess] = field(default_factory=list)
    files: list[EventFile] = field(default_factory=list)
    sandboxes: dict[str, Sandbox | None] = field(default_factory=dict)

    async def prepare(self) -> None:
        """Start what does sandboxed cpu parts; the draws have been made."""
        scenario = self.workload.scenario
        for pool in scenario.worker_pools:
            self.sandboxes[pool] = await started_sandbox(scenario, pool)

    async def run(self, origin: float) -> None:
        """Work."""
        for pool, settings in self.workload.scenario.worker_pools.items():
            for number in range(settings.count):
                file = EventFile(self.log, worker_name(pool, number))
                self.files.append(file)
                self.workers.append(
                    scripted_worker(
                        self.workload,
                        self.connection,
                        number,
                        origin,
                        [file.write],
                        self.gateway,
                        self.sandboxes.get(pool),
                        pool,
                    )
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
        for sandbox in filter(None, self.sandboxes.values()):
            await sandbox.close()
        self.sandboxes.clear()


async def all_together(*parts: Coroutine[Any, Any, None] | asyncio.Future[None]) -> None:
    """Wait for all parts; the first that raises ends the others, and its error is raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await call_off(tasks)
