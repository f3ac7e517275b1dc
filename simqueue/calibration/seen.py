"""What was seen of a live BullMQ: a file of JSON lines, which is only ever appended to.

It holds when things happened to which job, by the clock of Redis, and how jobs are to be treated:
their names, ids and options. It never holds what a job is about or what came of it, and of a
failure no more than the name of the error's class.
"""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from simqueue.calibration.heads import Head, JobKey
from simqueue.errors import InputError
from simqueue.files import reason

#: The version of these lines.
FORMAT = 1

_log = logging.getLogger(__name__)


class Event(NamedTuple):
    """One event of a queue's stream.

    Attributes
    ----------
    at_ms
        Unix time, by Redis.
    event, job
        What happened to which job; no job where it is the queue's.
    prev
        Where the job was before, if the event says so.
    due_ms
        Of ``delayed``: until when, Unix time.
    name
        Of ``added``: the job's.
    reason
        Of ``failed``: the class of the error; `STALLED` for a job that stalled too often.
    made
        Of ``active``, where it is known otherwise: attempts that had been made before.
    """

    at_ms: int
    event: str
    job: str = ""
    prev: str = ""
    due_ms: float | None = None
    name: str = ""
    reason: str = ""
    made: int | None = None


#: The reason of a job's failure that is none of its handler's.
STALLED = "(stalled)"


class Run(NamedTuple):
    """Who had a job shortly after it had started.

    Attributes
    ----------
    at_ms
        Unix time of the start.
    worker
        Who had it.
    made, begun
        Attempts that had been made before, and starts, this one included; 0: not known (BullMQ
        before version 5 does not count them).
    """

    at_ms: int
    worker: str
    made: int
    begun: int = 0


class There(NamedTuple):
    """A job that was there when the watch began: in which list, and when it is due if delayed."""

    job: str
    state: str
    due_ms: float | None


class Look(NamedTuple):
    """What a queue's own keys said at a moment.

    Attributes
    ----------
    at_ms
        Unix time.
    paused, concurrency
        Its meta hash.
    rate
        Starts in so many ms, by its meta hash; ``None``: it says nothing.
    window
        How often its limiter has counted in the window that is open, and how many ms are left.
    """

    at_ms: int
    paused: bool = False
    concurrency: int | None = None
    rate: tuple[int, int] | None = None
    window: tuple[int, int] | None = None


class Client(NamedTuple):
    """A connection of a worker: of which queue, from which host, and how the worker is called."""

    id: str
    queue: str
    host: str
    name: str
    library: str


@dataclass
class Watch:
    """What was seen without a break.

    Attributes
    ----------
    began_ms, ended_ms
        Unix time, by Redis.
    kept
        Whether nothing was watched: these are the jobs that queues had kept.
    events, there, looks
        By queue, in order.
    runs
        By job, in order.
    clients
        Which workers were connected at some moments.
    gaps
        Queues and moments where events were cut off before they were read.
    cannot
        What Redis refused to tell.
    """

    began_ms: int
    ended_ms: int = 0
    kept: bool = False
    events: dict[str, list[Event]] = field(default_factory=dict)
    there: dict[str, list[There]] = field(default_factory=dict)
    looks: dict[str, list[Look]] = field(default_factory=dict)
    runs: dict[JobKey, list[Run]] = field(default_factory=dict)
    clients: list[tuple[int, list[Client]]] = field(default_factory=list)
    gaps: list[tuple[str, int]] = field(default_factory=list)
    cannot: list[str] = field(default_factory=list)

    @property
    def lasted_s(self) -> float:
        """How long it lasted, seconds."""
        return max(0.0, (self.ended_ms - self.began_ms) / 1000)


@dataclass
class Seen:
    """All that a file of observations tells.

    Attributes
    ----------
    watches
        In order; between two of them something may have happened that nobody saw.
    heads
        By job.
    last
        The id up to which each queue's events have been read.
    queues, prefix
        What was watched.
    torn
        Lines that could not be read.
    """

    watches: list[Watch] = field(default_factory=list)
    heads: dict[JobKey, Head] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    queues: tuple[str, ...] = ()
    prefix: str = "bull"
    torn: int = 0

    @property
    def lasted_s(self) -> float:
        """How long was watched in all, seconds."""
        return sum(watch.lasted_s for watch in self.watches)

    @property
    def kept(self) -> bool:
        """Whether all of it is what queues had kept."""
        return all(watch.kept for watch in self.watches)

    def take(self, line: dict[str, Any]) -> None:
        """Add what one line says.

        Raises
        ------
        ValueError, TypeError, KeyError, IndexError
            If it is none of these lines.
        """
        kind = line["kind"]
        if kind == "watch":
            self._begin(line)
            return
        watch = self.watches[-1]
        if kind == "event":
            queue, entry = line["queue"], line["id"]
            at_ms = int(entry.partition("-")[0])
            rest = {key: line[key] for key in Event._fields[1:] if key in line}
            watch.events[queue].append(Event(at_ms, **rest))
            watch.ended_ms = max(watch.ended_ms, at_ms)
            self.last[queue] = entry
        elif kind == "head":
            self.heads[JobKey(line["queue"], line["job"])] = Head.of_line(line["head"])
        elif kind == "run":
            run = Run(line["at_ms"], line["worker"], line["made"], line.get("begun", 0))
            watch.runs.setdefault(JobKey(line["queue"], line["job"]), []).append(run)
        elif kind == "there":
            watch.there[line["queue"]].append(There(line["job"], line["state"], line.get("due_ms")))
        elif kind == "look":
            said = {key: line[key] for key in Look._fields if key in line}
            pairs = {key: tuple(said[key]) for key in ("rate", "window") if said.get(key)}
            watch.looks[line["queue"]].append(Look(**{**said, **pairs}))
        elif kind == "clients":
            watch.clients.append((line["at_ms"], [Client(*one) for one in line["clients"]]))
        elif kind == "last":
            self.last[line["queue"]] = line["id"]
        elif kind == "gap":
            watch.gaps.append((line["queue"], line["at_ms"]))
        elif kind == "cannot":
            watch.cannot.append(line["what"])
        elif kind == "end":
            watch.ended_ms = max(watch.ended_ms, line["at_ms"])
        else:
            raise ValueError(f"there is no line of kind {kind!r}")

    def _begin(self, line: dict[str, Any]) -> None:
        if line["format"] != FORMAT:
            raise ValueError(f"format {line['format']}: this version reads {FORMAT}")
        self.queues, self.prefix = tuple(line["queues"]), line["prefix"]
        if line.get("goes_on") and self.watches:
            return
        watch = Watch(line["at_ms"], line["at_ms"], bool(line.get("kept")))
        for queue in self.queues:
            watch.events[queue], watch.there[queue], watch.looks[queue] = [], [], []
        self.watches.append(watch)


class SeenFile:
    """A file of observations that is being written; what was flushed outlives a kill.

    Parameters
    ----------
    path
        Where; a file that is there is added to.

    Raises
    ------
    InputError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            torn = path.exists() and not path.read_bytes().endswith(b"\n")
            self._file: TextIO = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise InputError(f"{path}: cannot write observations: {reason(error)}") from error
        if torn:
            self._file.write("\n")

    def write(self, lines: Iterable[dict[str, Any]]) -> None:
        """Append lines, each whole."""
        dumps = json.dumps
        self._file.write("".join(f"{dumps(line, separators=(',', ':'))}\n" for line in lines))
        self._file.flush()

    def close(self) -> None:
        """Close it."""
        self._file.close()


def read_seen(path: Path) -> Seen:
    """Read a file of observations, gzipped if its name ends in ``.gz``.

    Lines that a kill has torn are passed over and counted.

    Raises
    ------
    InputError
        If it cannot be read, or holds no observations.
    """
    seen = Seen()
    why = "it is empty"
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for line in lines:
                try:
                    seen.take(json.loads(line))
                except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
                    seen.torn += 1
                    why = f"line 1: {reason(error)}" if not seen.watches else why
                    if not seen.watches:
                        break
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read observations: {reason(error)}") from error
    if not seen.watches:
        raise InputError(f"{path}: no observations of simqueue calibrate: {why}")
    if seen.torn:
        _log.warning("%s: %d lines are torn and passed over", path, seen.torn)
    return seen
