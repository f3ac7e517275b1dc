"""Paused queues, as the version of BullMQ that paused them has them.

Up to version 5 a pause renames the list of waiting jobs to ``paused``, and so does a resume the
other way: what was added to ``wait`` meanwhile is overwritten and lost. Since version 6, and in
Python, a pause is a mark only, and the jobs stay in ``wait``. The Python package writes to ``wait``
always. So where a queue is paused the old way, its scripts are given the list of the pause under
the name that they know, and it gets its own name back in the same breath.
"""

from __future__ import annotations

from functools import cache
from typing import Any

#: The scripts (of those that are used here) that add to the waiting jobs.
_WRITERS = (
    "addStandardJob",
    "moveToActive",
    "moveToDelayed",
    "moveToFinished",
    "moveStalledJobsToWait",
    "reprocessJob",
    "retryJob",
)

#: A queue is paused the old way if the list is there, or if the last version that said its name is
#: older than 6: the list of a queue that was empty when it was paused is not there.
_AROUND = """
local function swapped_names()
  local wait
  for _, key in ipairs(KEYS) do
    if string.sub(key, -5) == ':wait' and (not wait or #key < #wait) then wait = key end
  end
  if not wait then return end
  local base = string.sub(wait, 1, -5)
  local meta = redis.call('HMGET', base .. 'meta', 'paused', 'version')
  if not meta[1] then return end
  local paused = base .. 'paused'
  local held = redis.call('EXISTS', paused) == 1
  local major = tonumber(string.match(meta[2] or '', ':(%d+)%.'))
  if not held and not (major and major < 6) then return end
  if held then
    while true do
      local stray = redis.call('RPOPLPUSH', wait, paused)
      if not stray then break end
    end
    redis.call('RENAME', paused, wait)
  end
  return wait, paused
end
local function script()
%s
end
local wait, paused = swapped_names()
local fine, answer = pcall(script)
if wait and redis.call('EXISTS', wait) == 1 then redis.call('RENAME', wait, paused) end
if not fine then error(answer, 0) end
return answer
"""


@cache
def heeding(script: str) -> str:
    """A script of BullMQ's that leaves a paused queue as it was paused."""
    return _AROUND.replace("%s", script)


def heed_old_pauses(bull: Any) -> None:
    """Have a BullMQ ``Queue`` or ``Worker`` write to paused queues as those who paused them do."""
    commands = bull.backend.connection.commands
    for name in _WRITERS:
        commands[name] = bull.backend.conn.register_script(heeding(commands[name].script))
