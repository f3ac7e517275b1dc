"""Many jobs added by one call of a script: upstream's ``addBulk`` sends a call for each.

Each call names the queue's nine keys again and is answered twice in a transaction. What BullMQ does
to add a job is here as there its own script, run once for each job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from bullmq import Queue
from bullmq.job import Job
from bullmq.redis_connection import SCRIPT_DEFINITIONS, loadScript

from simqueue.adapters.bull_queue.pausing import heeding

#: Runs a script of BullMQ's with the arguments of one job after another. One that it refuses keeps
#: no other from being added, as in a transaction; what it says of the first is said in the end.
_EACH = """
local function add(ARGV)
%s
end
local size, wrong = tonumber(ARGV[1]), nil
for from = 2, #ARGV, size do
  local fine, answer = pcall(add, {unpack(ARGV, from, from + size - 1)})
  if not fine and not wrong then wrong = answer end
end
if wrong then error(wrong, 0) end
"""
#: The scripts that add a job which has no children.
_ADDING = ("addStandardJob", "addDelayedJob", "addPrioritizedJob")


@cache
def _for_each(name: str) -> str:
    return heeding(_EACH.replace("%s", loadScript(SCRIPT_DEFINITIONS[name])))


class _Calls:
    """Takes note of what upstream's code would send; it is given where a pipeline may be."""

    def __init__(self) -> None:
        self.made: list[tuple[str, tuple[str, ...], tuple[Any, ...]]] = []

    async def evalsha(self, sha: str, keys: int, *keys_and_args: Any) -> None:
        self.made.append((sha, keys_and_args[:keys], keys_and_args[keys:]))


class BulkScripts:
    """Adds jobs to one queue.

    Parameters
    ----------
    queue
        BullMQ's own object for it, whose scripts are those of upstream.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        commands = queue.backend.connection.commands
        self._scripts = {
            commands[name].sha: queue.backend.conn.register_script(_for_each(name))
            for name in _ADDING
        }

    async def add(self, entries: Iterable[Mapping[str, Any]], pipe: Any) -> None:
        """Have a pipeline add jobs, in this order; each entry is one of upstream's ``addBulk``."""
        calls = _Calls()
        for entry in entries:
            options = entry["opts"]
            job = Job(self._queue, entry["name"], entry["data"], options, options["jobId"])
            await self._queue.backend.scripts.addJob(job, calls)
        for sha, of_kind in groupby(calls.made, itemgetter(0)):
            some = list(of_kind)
            _, keys, one = some[0]
            args = [value for _, _, args in some for value in args]
            await self._scripts[sha](keys=keys, args=[len(one), *args], client=pipe)
