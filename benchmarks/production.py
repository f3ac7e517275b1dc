"""Jobs per second through a real Redis: simqueue against plain BullMQ and other queues.

Each queue has a Python environment of its own with what pip installs for it: they want different
versions of the Redis client. They are made once and kept in the user's cache folder.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks.report import Measured

K = TypeVar("K")
V = TypeVar("V")
#: The command that starts a worker, given a folder for what it writes.
Program = Callable[[str], list[str]]

ROUNDS = 5
#: A worker is measured while these parts of its jobs are left.
HIGH, LOW = 0.9, 0.1
TARGET_PROCESSED = 2.0

_HERE = Path(__file__).parent / "rivals"
#: Nobody is that slow.
_LIMIT_S = 120.0
_POLL_S = 0.005


class Look(NamedTuple):
    """What was seen of a worker: when, seconds; how many jobs are ``left``; its process."""

    at_s: float
    left: int
    pid: int


@dataclass(frozen=True)
class Queue:
    """One of the queues that are compared.

    Attributes
    ----------
    name
        What to call it.
    needs
        What pip is asked for; empty for simqueue, which has this Python.
    jobs
        How many it is given in a round: enough for a second or so.
    backlog
        Sum of what these commands tell: the jobs that are not done or in hand yet.
    add, work
        Which way its program adds the jobs of a round, and does them.
    note
        What explains its number.
    """

    name: str
    needs: tuple[str, ...]
    jobs: int
    backlog: tuple[tuple[str, ...], ...]
    add: str = "add"
    work: str = "work"
    note: str = ""

    @property
    def program(self) -> Path:
        """Its program."""
        return _HERE / f"with_{self.name}.py"


_BULLMQ_BACKLOG = (("LLEN", "bull:order:wait"), ("LLEN", "bull:order:active"))

OURS = Queue("simqueue", (), 6_000, _BULLMQ_BACKLOG, add="bulk")
BARE = replace(OURS, work="bare")
PLAIN = Queue("bullmq", ("bullmq==3.4.4",), 3_000, _BULLMQ_BACKLOG, add="bulk")
RIVALS = (
    PLAIN,
    Queue(
        "rq",
        ("rq==3.0.0",),
        300,
        (("LLEN", "rq:queue:default"),),
        note="5 processes, and one more for each job",
    ),
    Queue("celery", ("celery[redis]==5.7.0",), 3_000, (("LLEN", "celery"),), note="5 processes"),
    Queue(
        "arq",
        ("arq==0.28.0",),
        600,
        (("ZCARD", "arq:queue"),),
        note="takes at most 100 jobs each half second by its defaults",
    ),
    Queue(
        "dramatiq",
        ("dramatiq[redis]==2.2.1",),
        3_000,
        (("LLEN", "dramatiq:default"),),
        note="5 threads",
    ),
)


def measure() -> list[Measured]:
    """Jobs per second, and how many times as many simqueue does."""
    try:
        import redis
        import uvloop  # noqa: F401
    except ModuleNotFoundError as error:
        return [Measured("jobs/s", note=f"{error.name} is missing: pip install -e '.[queue]'")]
    del redis
    if shutil.which("redis-server") is None:
        return [Measured("jobs/s", note="redis-server is not installed")]
    found: list[Measured] = []
    there = {OURS: sys.executable, BARE: sys.executable}
    for queue in RIVALS:
        try:
            there[queue] = python_of(queue)
        except subprocess.CalledProcessError:
            found.append(Measured(queue.name, note=f"pip cannot install {queue.needs[0]}"))
    with own_redis() as port:
        found += _processed(port, there)
    return found


def _processed(port: int, pythons: dict[Queue, str]) -> list[Measured]:
    rates = rounds({queue: functools.partial(_rate, port, queue, pythons[queue])
                     for queue in pythons})  # fmt: skip
    ours = rates[OURS]
    found = [
        Measured.of(
            "jobs processed, simqueue", ours, "jobs/s",
            note="no-op handler; checks, JSON log, event file, metrics on",
        )
    ]  # fmt: skip
    if PLAIN in pythons:
        ratios = [bare / its for bare, its in zip(rates[BARE], rates[PLAIN], strict=True)]
        title = "processed, simqueue over bullmq, log, events, metrics off"
        found.append(Measured.of(title, ratios, "times"))
    for queue in [queue for queue in pythons if queue.needs]:
        found.append(
            Measured.of(
                f"jobs processed, {queue.needs[0]}", rates[queue], "jobs/s", note=queue.note
            )
        )
        ratios = [our / its for our, its in zip(ours, rates[queue], strict=True)]
        wanted = TARGET_PROCESSED if queue is PLAIN else None
        title = f"processed, simqueue over {queue.name}"
        found.append(Measured.of(title, ratios, "times", at_least=wanted))
    return found


def rounds(measures: dict[K, Callable[[], V]]) -> dict[K, list[V]]:
    """Measure in turn, so that whatever else the machine does meets all of them."""
    found: dict[K, list[V]] = {key: [] for key in measures}
    keys = list(measures)
    for number in range(ROUNDS):
        # Nobody is always the first after another.
        turn = number % len(keys)
        for key in keys[turn:] + keys[:turn]:
            found[key].append(measures[key]())
    return found


def _rate(port: int, queue: Queue, python: str) -> float:
    """Jobs per second of a worker that finds its queue full."""
    command(port, "FLUSHALL")
    run(port, queue, python, queue.add, str(queue.jobs))

    def program(folder: str) -> list[str]:
        work = [python, str(queue.program), queue.work, url_of(port)]
        return work if queue.needs else [*work, folder]

    return rate_of(port, queue, program)


def rate_of(port: int, queue: Queue, program: Program) -> float:
    """Jobs per second of a worker whose jobs have been added; its start does not count.

    Taken from how the backlog falls from nine tenths to one tenth, seen from outside: the same
    for all, however many processes they are and however many jobs they fetch ahead.
    """
    seen = list(work_down(port, queue, program, LOW * queue.jobs))
    began = next(look for look in seen if look.left <= HIGH * queue.jobs)
    ended = seen[-1]
    return (began.left - ended.left) / (ended.at_s - began.at_s)


def work_down(port: int, queue: Queue, program: Program, low: float) -> Iterator[Look]:
    """Have a worker work until the backlog is small; looks at it on the way."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            program(folder),
            cwd=_HERE, env=_environment(port), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
        try:
            yield from _until(port, queue, process, low)
        finally:
            # Its children too: some of these are several processes.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until(port: int, queue: Queue, process: subprocess.Popen[bytes], low: float) -> Iterator[Look]:
    """Looks at a worker's backlog, until that is small."""
    import redis

    limit = time.perf_counter() + _LIMIT_S
    with redis.Redis(port=port) as client:
        while time.perf_counter() < limit and process.poll() is None:
            left = sum(client.execute_command(*command) for command in queue.backlog)
            yield Look(time.perf_counter(), left, process.pid)
            if left <= low:
                return
            time.sleep(_POLL_S)
    raise RuntimeError(f"{queue.name} ended or takes too long, with {left} jobs left")


def run(port: int, queue: Queue, python: str, way: str, *arguments: str) -> str:
    """What a queue's program says."""
    return output_of(port, [python, str(queue.program), way, url_of(port), *arguments])


def output_of(port: int, program: list[str]) -> str:
    """What a program says."""
    return subprocess.run(
        program,
        cwd=_HERE, env=_environment(port), check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip


def _environment(port: int) -> dict[str, str]:
    """Where simqueue is found, and, for those who want to know it when imported, where Redis is."""
    return {**os.environ, "PYTHONPATH": str(_HERE.parents[1]), "BROKER": url_of(port)}


def python_of(queue: Queue) -> str:
    """The Python of an environment with what a queue needs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    # Dramatiq finds no file of its own in a folder with brackets in its name.
    name = re.sub(r"[^\w.]+", "-", f"{'-'.join(queue.needs)}-{version}")
    folder = cache / "simqueue-benchmarks" / name
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = folder / "ready"
    if not ready.exists():
        print(f"installing {queue.needs[0]} in {folder} ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [python, "-m", "pip", "install", "-qq", *queue.needs]
        subprocess.run(pip, check=True, stdout=subprocess.DEVNULL)
        ready.touch()
    return str(python)


@contextmanager
def own_redis() -> Iterator[int]:
    """The port of a Redis of our own."""
    import redis

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        try:
            with redis.Redis(port=port) as client:
                limit = time.perf_counter() + 20
                while True:
                    try:
                        client.ping()
                        break
                    except redis.ConnectionError:
                        if time.perf_counter() > limit:
                            raise
                        time.sleep(0.02)
            yield port
        finally:
            process.terminate()
            process.wait()


def url_of(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def command(port: int, *words: str) -> None:
    import redis

    with redis.Redis(port=port) as client:
        client.execute_command(*words)
