"""Ids that Redis knows and that stand for no job: BullMQ would ignore them for good.

BullMQ does not add a job whose hash is there, and never asks whether some list holds it too. A
list that was cut, a hash that was left when its queue was cleaned, a job that ran without its data:
the id is known, nobody will run it, and adding it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis.asyncio import Redis
    from redis.asyncio.client import Pipeline

#: Lets go of ids that are known and will not run, and tells which. The names of the keys are those
#: of BullMQ's ``getState-8.lua`` and ``removeJob-2.lua``. A job that runs has a lock, whatever the
#: lists say; a key that is no hash is somebody else's. Jobs that were left in the list of a pause
#: that is over (a resume moves 7,000 at a time) are put back first.
_LET_GO = """
local p = KEYS[1]
local function call(...) return redis.call(...) end
if call('EXISTS', p .. 'paused') == 1 and call('HEXISTS', p .. 'meta', 'paused') == 0 then
  repeat
    local some = call('LRANGE', p .. 'paused', 0, 4999)
    if #some > 0 then
      call('RPUSH', p .. 'wait', unpack(some))
      call('LTRIM', p .. 'paused', #some, -1)
    end
  until #some == 0
  call('ZADD', p .. 'marker', 0, '0')
end
local function is_hash(key)
  local found = call('TYPE', key)
  return (found.ok or found) == 'hash'
end
local function in_a_set(id)
  for _, name in ipairs({'delayed', 'prioritized', 'waiting-children'}) do
    if call('ZSCORE', p .. name, id) then return true end
  end
  for _, name in ipairs({'completed', 'failed'}) do
    if call('ZSCORE', p .. name, id) then
      if call('HEXISTS', p .. id, 'name') == 1 then return true end
      call('ZREM', p .. name, id)
    end
  end
  return false
end
local sought, left = {}, 0
for _, id in ipairs(ARGV) do
  if is_hash(p .. id) and call('EXISTS', p .. id .. ':lock') == 0 and not in_a_set(id) then
    sought[id] = true
    left = left + 1
  end
end
for _, name in ipairs({'active', 'wait', 'paused'}) do
  local from = 0
  while left > 0 do
    local some = call('LRANGE', p .. name, from, from + 999)
    for _, id in ipairs(some) do
      if sought[id] then
        sought[id] = nil
        left = left - 1
      end
    end
    if #some < 1000 then break end
    from = from + 1000
  end
end
local let_go = {}
for id in pairs(sought) do
  local key = p .. id
  call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed',
    key .. ':unsuccessful')
  let_go[#let_go + 1] = id
end
return let_go
"""


class KnownIds:
    """Lets go of ids that are known to a queue and stand for no job.

    Parameters
    ----------
    client
        The Redis that holds the queues.
    prefix
        What their keys begin with.
    """

    def __init__(self, client: Redis, prefix: str) -> None:
        self._prefix = prefix
        self._script: Any = client.register_script(_LET_GO)

    async def let_go(self, pipe: Pipeline, queue: str, ids: Sequence[str]) -> None:
        """Have a pipeline let go of those ``ids`` that are known and would never run.

        Its answer is which those were. It costs a look at each id; the lists are read only for
        those that are known.
        """
        await self._script(keys=[f"{self._prefix}:{queue}:"], args=ids, client=pipe)
