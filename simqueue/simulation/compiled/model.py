"""A compiled run of one workload: its tables are made, grow, and become an attempt log."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from simqueue.record.attempt_log import PRESENCE, ROW, ROW_OF_CLASSES, UNFINISHED, AttemptLog
from simqueue.simulation.compiled import records, state
from simqueue.simulation.compiled.attempts import DRAWN, WANTED
from simqueue.simulation.compiled.loop import run
from simqueue.simulation.compiled.state import NONE, Records
from simqueue.simulation.compiled.tables import asked_for, chains_for, tables
from simqueue.simulation.packed import add_classes, has_classes, told
from simqueue.workload.pools import worker_name
from simqueue.workload.workload import Workload

#: After so many things Ctrl-C is looked for.
AT_ONCE = 2_000_000


class MayStall(Exception):  # noqa: N818 - it says what happened, and is no error
    """An event loop was held for so long that a job may lose its lock."""


class CompiledBullMQ:
    """One replication of a scenario on BullMQ, compiled.

    Parameters
    ----------
    workload
        What to run; `simqueue.simulation.compiled.support.unsupported` says nothing against it.
    """

    def __init__(self, workload: Workload) -> None:
        self.workload, self.scenario = workload, workload.scenario
        self._state = tables(workload)
        self._attempts = int(self._state.world["attempts"][0])
        self._draw_first()
        self._grow()

    def run(self, until: float | None = None) -> None:
        """Let everything happen that will, or what will before ``until``.

        Raises
        ------
        MayStall
            If a job may lose its lock.
        """
        moment = math.inf if until is None else until
        while True:
            why = run(self._state.world, moment, AT_ONCE)
            if why == state.DRAW:
                self._draw_wanted()
            elif why == state.FULL:
                self._grow()
            elif why == state.STALL:
                raise MayStall
            elif why != state.LONG:
                break
        if until is not None:
            self._state.world["now"] = until

    @property
    def now(self) -> float:
        """The virtual time, seconds."""
        return float(self._state.world["now"][0])

    @property
    def over(self) -> bool:
        """Whether all jobs have come, and have their final outcomes or wait for ever."""
        world = self._state.world[0]
        all_came = world["arrived"] == world["arrival_count"]
        return bool(all_came and world["unfinished"] == world["held"])

    def log(self) -> AttemptLog:
        """What has happened so far, and after it the jobs that are ready and wait."""
        s, workload = self._state, self.workload
        rows = s["rows"][: s.world["row_count"][0]]
        if s.world["unfinished"][0] and (waiting := [*self._waiting()]):
            rows = np.concatenate([rows, self._waiting_rows(s["jobs"][waiting])])
        workers, record = self._record()
        if not has_classes(workload):
            return replace(told(rows, workload, "compiled", workers), **record)
        numbers, kinds = np.divmod(rows["job"], len(workload.kinds))
        wider = np.zeros(len(rows), ROW_OF_CLASSES)
        for name in ROW.names or ():
            wider[name] = rows[name]
        classes = add_classes(wider, kinds, numbers, workload)
        return replace(told(wider, workload, "compiled", workers, classes), **record)

    def _waiting(self) -> Iterator[int]:
        """The jobs that are ready, queue by queue, and those that workers are picking up.

        After them the parents that wait for children.
        """
        s, now = self._state, self.now
        for queue in s["queues"]:
            lines = s["lines"][queue["first_line"] : queue["last_line"] + 1]
            heads = [(line["head"], line["length"]) for line in lines]
            heads.append((queue["due_head"], queue["due"]))
            for job in chain.from_iterable(self._chain(*one) for one in heads):
                if s["jobs"][job]["ready"] <= now:
                    yield job
        number_of = s["workers"]["number"]
        for slot in s["slots"][np.argsort(number_of[s["slots"]["worker"]], kind="stable")]:
            if slot["job"] != NONE and slot["started"] > now:
                yield int(slot["job"])
        relations = s["relations"][: s.world["job_count"][0]]
        held = np.flatnonzero(relations["held"])
        yield from held[np.argsort(relations["stamp"][held])].tolist()

    def _chain(self, job: int, length: int) -> Iterator[int]:
        for _ in range(length):
            yield int(job)
            job = self._state["jobs"][job]["next"]

    def _waiting_rows(self, jobs: Records) -> Records:
        """Rows of jobs that are ready and wait."""
        rows, kinds = np.zeros(len(jobs), ROW), self._state["kinds"][jobs["kind"]]
        first = jobs["number"] * len(self._state["kinds"])
        rows["replication"], rows["result"] = self.workload.replication, NONE
        rows["queue"], rows["name"] = kinds["queue"], kinds["name"]
        rows["job"], rows["flow"] = first + jobs["kind"], first + kinds["root"]
        rows["parent"] = np.where(kinds["parent"] < 0, NONE, first + kinds["parent"])
        rows["attempt"], rows["run"], rows["outcome"] = jobs["attempt"], 1, UNFINISHED
        rows["worker"] = rows["slot"] = NONE
        rows["enqueued_s"], rows["ready_s"] = jobs["enqueued"], jobs["ready"]
        rows["started_s"] = rows["finished_s"] = np.nan
        return rows

    def _record(self) -> tuple[tuple[str, ...], dict[str, Any]]:
        """Who worked, and from when to when."""
        s, world = self._state, self._state.world[0]
        number_of, names, pool_of = s["workers"]["number"], {}, {}
        for crew, (pool, its) in zip(s["crews"], self.scenario.worker_pools.items(), strict=True):
            first = int(crew["first_worker"])
            for place in range(asked_for(its)):
                number = int(number_of[first + place])
                names[number], pool_of[number] = worker_name(pool, place), pool
        here = range(int(world["worker_count"]))
        stays = s["stays"][: world["stay_count"]]
        presence = np.zeros(len(stays), PRESENCE)
        presence["replication"] = self.workload.replication
        presence["worker"] = number_of[stays["worker"]]
        for name in ("asked", "ready", "drained", "gone"):
            presence[f"{name}_s"] = stays[name]
        return tuple(names[number] for number in here), {
            "pools": tuple(pool_of[n] for n in here) if any(pool_of.values()) else (),
            "presence": presence,
        }

    def _draw_first(self) -> None:
        """Draw what the first attempts bring at jobs that come by themselves."""
        for kind in self.workload.kinds:
            if kind.parent < 0:
                self._draw(kind.number, 1)

    def _draw_wanted(self) -> None:
        wanted = np.flatnonzero(self._state["blocks"]["state"] == WANTED)
        for place in wanted.tolist():
            self._draw(*divmod(place, self._attempts))
        self._state.world["wants"] = False

    def _draw(self, kind: int, attempt: int) -> None:
        """Draw what the attempts of a number at jobs of a kind bring; children come with a job."""
        if attempt == 1 and self.workload.has_flows:
            for other in self._comes_with(kind):
                self._draw(other, 1)
        drawn, address = self.workload.attempts(kind, attempt), self._state.address
        block = self._state["blocks"][kind * self._attempts + attempt]
        waits = self.workload.waits_s(kind, attempt)
        for name, numbers in (("cpu", drawn.cpu_s), ("io", drawn.io_s), ("backoff", waits)):
            same = numbers.strides == (0,)
            block[name] = address(numbers[:1] if same else numbers)
            block[f"{name}_step"] = not same
        block["fails"] = address(drawn.fails, np.uint8)
        block["state"] = DRAWN
        if kind not in self.workload.outages:
            return
        first = int(self._state["kinds"][kind]["outages_from"])
        for place, hit in enumerate(self.workload.outages[kind].of(attempt), start=first):
            does = self._state["hits"][place * self._attempts + attempt]
            does["hits"] = 0 if hit.hits is None else address(hit.hits, np.uint8)
            does["io"] = 0 if hit.io_s is None else address(hit.io_s)

    def _comes_with(self, kind: int) -> Iterator[int]:
        """The kinds of children, and of jobs that a child may start which has its parent fail."""
        children = [child.number for child in self.workload.children(kind)]
        yield from children
        queue = self.scenario.queues[self.workload.kinds[kind].queue]
        if children and queue.child_failure == "fail-parent":
            yield from (one.number for one in self.workload.follow_ups(kind, "failed"))

    def _grow(self) -> None:
        """Make room in the tables that may be full after one thing more."""
        s, world = self._state, self._state.world[0]
        jobs = int(world["spare_jobs"])
        for table, spare in (("jobs", jobs), ("events", int(world["spare"])), ("buckets", jobs)):
            count, room = (f"{table.removesuffix('s')}_{what}" for what in ("count", "room"))
            if world[count] + spare > world[room]:
                size = world[room] = 2 * (int(world[count]) + spare)
                s.enlarge(table, size)
                if table == "buckets":
                    self._chain_buckets()
                elif table == "jobs" and world["flows"]:
                    s.enlarge("relations", size)
                    s["relations"][int(world["job_count"]) :] = 0
        spare = int(world["spare_rows"])
        if world["row_count"] + spare > world["row_room"]:
            size = 2 * int(world["row_room"]) or self._rows_at_first()
            size = world["row_room"] = size + spare
            s.enlarge("rows", size)
        if world["most_dues"] + jobs > world["dues_room"]:
            old, size = int(world["dues_room"]), 2 * (int(world["dues_room"]) + jobs)
            dues = np.zeros((len(s["queues"]), size), records.DUE_AT)
            dues[:, :old] = s["dues"].reshape(len(s["queues"]), old)
            s["dues"], world["dues_room"] = dues.ravel(), size

    def _rows_at_first(self) -> int:
        """Some more than the attempts that there are if all jobs complete at their first."""
        kinds = self.workload.kinds
        coming = {kind.number for kind in kinds if kind.parent < 0}
        for kind in kinds:
            if kind.number in coming:
                coming |= {one.number for one in self.workload.follow_ups(kind.number, "completed")}
        return sum(self.workload.size(kinds[number]) for number in coming) * 5 // 4 + 64

    def _chain_buckets(self) -> None:
        """More chains to find the buckets of the delayed set by."""
        s, world = self._state, self._state.world[0]
        chains = np.full(chains_for(len(s["buckets"])), NONE, np.int64)
        there = s["buckets"][: world["bucket_count"]]
        for bucket in np.flatnonzero(there["queue"] != NONE).tolist():
            one = there[bucket]
            place = chain_of(float(one["begins"]), int(one["queue"]), len(chains))
            one["next"], chains[place] = chains[place], bucket
        s["chains"] = chains.view(records.CHAIN)
        world["chain_count"] = len(chains)


def chain_of(begins: float, queue: int, chains: int) -> int:
    """As in `simqueue.simulation.compiled.queue`."""
    return (math.floor(1000 * begins + 0.5) * 31 + queue) & (chains - 1)
