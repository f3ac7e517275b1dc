"""All that a compiled run knows: tables of records, which its rules read and change.

A number stands for a record: a job, a slot, a queue... is its place in its table; -1 is none. Lists
are chains: each record knows the one after it. What records hold:
`simqueue.simulation.compiled.records`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.simulation.compiled.jit import has_field, inlined, record_at, rule_at
from simqueue.simulation.compiled.records import (
    BLOCK,
    BYTE,
    FLOAT,
    HIT,
    INTEGER,
    KIND,
    TABLES,
    WORLD,
)

Records = NDArray[Any]
#: The one record of `WORLD` or `WIDE_WORLD`, as a compiled rule has it.
World = Any

NONE = -1

#: Who asks for a queue's jobs: the classes of `simqueue.simulation.bullmq`.
FREE_LOOPS, ONE_LOOP, HELD_LOOPS, GATED_LOOPS = range(4)

#: What happens at a moment; see `simqueue.simulation.compiled.loop`.
DONE, BEGIN, HAND_OUT, ONE_LOOK, WAKE, PAUSE, RESUME, STEP, UP = range(9)
LOOK, WAIT, HEAR, ANSWERED, COME, OVER = range(9, 15)
ADD, CALLED, SENT, COMPUTED = range(15, 19)

#: Why the loop stops: all is over, it is as late as was asked for, or it was long enough for once;
#: attempts have to be drawn; a table is full; a lock may run out.
ENDED, LATE, LONG, DRAW, FULL, STALL = range(6)

_PLACES = {name: place for place, name in enumerate(TABLES)}


class State:
    """The tables of a run.

    Parameters
    ----------
    places
        How many records the tables have that lie in one piece of memory, and where they begin
        there: one piece takes less time than a piece each.
    memory
        That piece, bytes; the world is at its beginning.
    world
        `WORLD` or `WIDE_WORLD`.

    Attributes
    ----------
    world
        One record; compiled rules find all tables by it.
    """

    def __init__(
        self,
        places: Mapping[str, tuple[int, int]],
        memory: NDArray[np.uint8],
        world: np.dtype[Any],
    ) -> None:
        self._places, self._memory = places, memory
        self.world: Records = np.ndarray(1, world, memory)
        self._at: NDArray[np.int64] = self.world["tables"][0]
        self._tables: dict[str, Records] = {}
        self._kept: list[Records] = []
        first = memory.ctypes.data
        for name, (size, place) in places.items():
            self._tables[name] = np.ndarray(size, TABLES[name], memory, place)
            self._at[_PLACES[name]] = first + place

    @classmethod
    def zeros(cls, world: np.dtype[Any], **sizes: int) -> State:
        """Tables of so many records, all of them zeros."""
        places, end = {}, WORLD.itemsize
        for name, size in sizes.items():
            places[name] = size, end
            end += TABLES[name].itemsize * size
        return cls(places, np.zeros(end, np.uint8), world)

    def copy(self) -> State:
        """The same once more, without what was put into other memory."""
        return State(self._places, self._memory.copy(), self.world.dtype)

    def __getitem__(self, table: str) -> Records:
        return self._tables[table]

    def __setitem__(self, table: str, records: Records) -> None:
        self.put(table, records, 0)

    def put(self, table: str, records: Records, first: int) -> None:
        """Have a table of which only records from number ``first`` on are there."""
        self._tables[table] = records
        self._at[_PLACES[table]] = records.ctypes.data - first * records.itemsize

    def enlarge(self, table: str, size: int) -> None:
        """Have a table, or one of more records."""
        old, new = self._tables.get(table), np.ndarray(size, TABLES[table])
        if old is not None:
            new[: len(old)] = old
        self[table] = new

    def address(self, numbers: Any, dtype: type = float) -> int:
        """Where numbers are in memory, which stay there."""
        kept: Records = np.ascontiguousarray(numbers, dtype)
        self._kept.append(kept)
        return int(kept.ctypes.data)


def ranges(lists: list[Any]) -> NDArray[np.int64]:
    """Where each list begins and ends if they stand one after the other: two rows."""
    ends = np.cumsum([0, *map(len, lists)])
    return np.array([ends[:-1], ends[1:]])


def _records(table: str) -> Callable[[World, int], Any]:
    """What gives a compiled rule the record that has a number in a table."""
    return record_at(WORLD, "tables", TABLES[table], _PLACES[table])


jobs, kinds, follow_ups = map(_records, ("jobs", "kinds", "follow_ups"))
relations, families = map(_records, ("relations", "families"))
moments, arriving, numbers = map(_records, ("moments", "arriving", "numbers"))
delays, lines_of = record_at(KIND, "delays", FLOAT), record_at(KIND, "lines", INTEGER)
slots_s, has = record_at(KIND, "slots", FLOAT), record_at(KIND, "has", BYTE)
blocks, outages, hits = map(_records, ("blocks", "outages", "hits"))
drawn_cpu, drawn_io, drawn_backoff = (
    record_at(BLOCK, name, FLOAT) for name in ("cpu", "io", "backoff")
)
fails = record_at(BLOCK, "fails", BYTE)
hit, hit_io_s = record_at(HIT, "hits", BYTE), record_at(HIT, "io", FLOAT)
queues, lines = map(_records, ("queues", "lines"))
slots, lookers, workers = map(_records, ("slots", "lookers", "workers"))
calls, downstreams = map(_records, ("calls", "downstreams"))
sandboxes, cores, shares = map(_records, ("sandboxes", "cores", "shares"))
crews, stays = map(_records, ("crews", "stays"))
openings, planned, events = map(_records, ("openings", "planned", "events"))
chains, buckets, dues = map(_records, ("chains", "buckets", "dues"))
rows = _records("rows")
#: As in `simqueue.simulation.compiled.worker`.
fail_and_go_on = rule_at(WORLD, "fail_and_go_on")


wide = has_field("wide")


@inlined
def has_flows(w: World) -> bool:
    """Whether some jobs have children."""
    return wide(w) and w.flows


@inlined
def has_calls(w: World) -> bool:
    """Whether some jobs call a downstream."""
    return wide(w) and w.calls


@inlined
def has_sandboxes(w: World) -> bool:
    """Whether some jobs compute in child processes."""
    return wide(w) and w.sandboxes
