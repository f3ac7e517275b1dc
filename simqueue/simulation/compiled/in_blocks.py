"""A compiled run of a workload that is drawn in blocks; its log is read in slices and not kept."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simqueue.record.attempt_log import AttemptLog, is_final
from simqueue.record.slices import FLOW, Slice
from simqueue.simulation.compiled import records, state
from simqueue.simulation.compiled.attempts import DRAWN
from simqueue.simulation.compiled.loop import run
from simqueue.simulation.compiled.model import AT_ONCE, CompiledBullMQ, MayStall
from simqueue.simulation.compiled.state import NONE, Records
from simqueue.workload.in_blocks import Block
from simqueue.workload.workload import Kind

#: So many attempts end in a slice, at most.
_ROWS = 1 << 17

Column = NDArray[Any]
Integers = NDArray[np.int64]
NOBODY = np.empty(0, np.int64)


class InBlocks(CompiledBullMQ):
    """One replication of a scenario on BullMQ, compiled, block by block.

    The same things happen at the same moments as with the whole workload. What was drawn is kept
    from the oldest job on that is not over.

    Parameters
    ----------
    blocks
        The workload; see `simqueue.workload.in_blocks.blocks`.
    rows
        So many attempts end in a slice, at most.
    """

    def __init__(self, blocks: Iterator[Block], rows: int = _ROWS) -> None:
        self._blocks, self._rows = blocks, rows
        self._block = next(blocks)
        #: What attempts bring, by kind and attempt; when root arrivals come, by kind; and the
        #: number of the first of them, by stream.
        self._drawn: dict[tuple[int, int], dict[str, Column]] = {}
        self._came: dict[int, Column] = {}
        self._first = dict.fromkeys(self._block.first, 0)
        self._coming: tuple[Column, ...] = ()
        super().__init__(self._block)
        self._state["rows"] = np.empty(rows, records.TABLES["rows"])
        self._state.world["row_room"] = rows

    def slices(self) -> Iterator[Slice]:
        """What happens, slice by slice; each is overwritten when the next is asked for.

        Raises
        ------
        MayStall
            If a job may lose its lock.
        """
        since = 0.0
        while True:
            # What comes last stays until the next block is there: it is to be seen who is first.
            until = math.inf if self._block.last else float(self._coming[0][-1])
            while self._fills(until):
                yield self._slice(since, self.now)
                since = self.now
            yield self._slice(since, until)
            if self._block.last:
                return
            since = until
            self._block = next(self._blocks)
            self._take_in()

    def empty_log(self) -> AttemptLog:
        """Who worked, and all words of the log, without the attempts."""
        self._state.world["row_count"] = 0
        return self.log()

    def _fills(self, until: float) -> bool:
        """Let things happen before a moment; whether there is no room for rows before it comes."""
        world = self._state.world
        while True:
            why = run(world, until, AT_ONCE)
            if why == state.STALL:
                raise MayStall
            if why == state.FULL:
                if world["row_count"][0] == self._rows:
                    return True
                self._grow()
            elif why != state.LONG:
                return False

    def _slice(self, since: float, until: float) -> Slice:
        world = self._state.world
        rows = self._state["rows"][: world["row_count"][0]]
        live = self._live_rows()
        world["row_count"] = 0
        ended = rows[is_final(rows["outcome"])]
        flows = self._flows(ended[~np.isin(ended["flow"], live["flow"])])
        if until == math.inf:  # these will not end
            flows = np.concatenate([flows, self._flows(live)])
        return Slice(since, until, rows, live, flows)

    def _live_rows(self) -> Records:
        s = self._state
        live = np.flatnonzero(s["jobs"]["kind"][: s.world["job_count"][0]] != NONE)
        rows = self._waiting_rows(s["jobs"][live])
        busy = s["slots"][s["slots"]["job"] != NONE]
        rows["started_s"][np.searchsorted(live, busy["job"])] = busy["started"]
        return rows

    def _flows(self, rows: Records) -> NDArray[Any]:
        """The flows of some rows, which are in the order in which they ended."""
        _, last = np.unique(rows["flow"][::-1], return_index=True)
        rows = rows[len(rows) - 1 - last]
        number, root = np.divmod(rows["flow"], len(self.workload.kinds))
        flows = np.zeros(len(rows), FLOW)
        flows["last"], flows["finished_s"] = rows["queue"], rows["finished_s"]
        flows["root"] = self._state["kinds"]["queue"][root]
        for kind in np.flatnonzero(np.bincount(root)).tolist():
            mine = root == kind
            first = self._first[self.workload.kinds[kind].stream]
            flows["enqueued_s"][mine] = self._came[kind][number[mine] - first]
        return flows

    # ---- blocks

    def _draw_first(self) -> None:
        self._take_in()

    def _take_in(self) -> None:
        """Take in a block, behind what is still needed of those before it."""
        world = self._state.world[0]
        left = int(world["arrival_count"] - world["arrived"]) if self._coming else 0
        before = tuple(column[len(column) - left :] for column in self._coming)
        oldest = self._oldest(*before[1:])
        for kind in self._block.kinds:
            self._take_in_draws(kind, oldest[kind.stream])
        self._first = oldest
        moments, arriving, numbers = self._block.arrivals
        behind = np.array([self._block.first[kind.stream] for kind in self._block.kinds])
        here: tuple[Column, ...] = (moments, arriving, numbers + behind[arriving])
        if before:
            here = tuple(np.concatenate(both) for both in zip(before, here, strict=True))
        self._coming = here
        for name, column in zip(("moments", "arriving", "numbers"), here, strict=True):
            self._state.put(name, column.view(records.TABLES[name]), int(world["arrived"]))
        world["arrival_count"] = world["arrived"] + len(here[0])

    def _oldest(self, arriving: Integers = NOBODY, numbers: Integers = NOBODY) -> dict[str, int]:
        """The number of the first root arrival of each stream that is not over.

        ``arriving``, ``numbers``: those that have not come yet, though the block before had them.
        """
        jobs = self._state["jobs"][: self._state.world["job_count"][0]]
        kinds = np.append(jobs["kind"], arriving)
        numbers = np.append(jobs["number"], numbers)
        found = dict(self._block.first)
        for kind in self._block.kinds:
            now = found[kind.stream]
            found[kind.stream] = int(numbers[kinds == kind.number].min(initial=now))
        return found

    def _take_in_draws(self, kind: Kind, oldest: int) -> None:
        gone = oldest - self._first[kind.stream]
        if kind.parent < 0:
            times = self._block.streams[kind.stream].times_s
            self._came[kind.number] = _joined(self._came.get(kind.number), times, gone)
        for attempt in range(1, self.scenario.queues[kind.queue].attempts + 1):
            drawn, key = self._block.attempts(kind.number, attempt), (kind.number, attempt)
            waits = self._block.waits_s(*key)
            new = {"cpu": drawn.cpu_s, "io": drawn.io_s, "backoff": waits, "fails": drawn.fails}
            before = self._drawn.get(key, {})
            here = {name: _joined(before.get(name), its, gone) for name, its in new.items()}
            self._drawn[key] = here
            place = self._state["blocks"][kind.number * self._attempts + attempt]
            for name, column in here.items():
                # Where number 0 would be: the first that is there has number ``oldest``.
                place[name] = column.ctypes.data - oldest * column.itemsize
            for name in ("cpu", "io", "backoff"):
                place[f"{name}_step"] = 1
            place["state"] = DRAWN


def _joined(before: Column | None, new: Any, gone: int) -> Column:
    """New numbers behind those before them, of which the first are gone."""
    if before is None:
        return np.ascontiguousarray(new)
    return np.concatenate([before[gone:], new])
