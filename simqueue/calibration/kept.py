"""What queues have kept of the jobs that ended: the little that can be said without watching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simqueue.calibration.entries import storable
from simqueue.calibration.heads import ENDED_FIELDS, FIELDS, Head, head_of
from simqueue.calibration.seen import FORMAT, SeenFile
from simqueue.calibration.watching import answers_of, chunks
from simqueue.operations.queues import number

if TYPE_CHECKING:
    from simqueue.adapters.bull_queue.connection import Connection

#: Jobs of each queue that are read, at most: the newest.
_MOST = 100_000


async def read_kept(connection: Connection, queues: Sequence[str], file: SeenFile) -> None:
    """Write down, as if it had been seen, when kept jobs were added, started last, and ended.

    A job keeps the moments of its last attempt only: what earlier ones took is not known, but how
    many there were is.
    """
    client: Any = connection.client
    lines: list[dict[str, Any]] = []
    events: list[tuple[float, int, dict[str, Any]]] = []
    for queue in queues:
        for state in ("completed", "failed"):
            key = f"{connection.prefix}:{queue}:{state}"
            ids = await client.zrange(key, 0, _MOST - 1, desc=True)
            for some in chunks(ids):
                pipe = client.pipeline(transaction=False)
                for job in some:
                    pipe.hmget(f"{connection.prefix}:{queue}:{job}", ENDED_FIELDS)
                for job, values in zip(some, await answers_of(pipe), strict=True):
                    head = values and head_of(job, values, connection.prefix, queues)
                    if head:
                        lines.append(
                            {
                                **{"kind": "head", "queue": queue, "job": storable(job)},
                                "head": head.as_line(),
                            }
                        )
                        events += _events(queue, storable(job), state, head, values)
    events.sort(key=lambda one: one[:2])
    first, last = (events[0][0], events[-1][0]) if events else (0, 0)
    watch = {"kind": "watch", "format": FORMAT, "at_ms": int(first), "kept": True}
    file.write([{**watch, "prefix": connection.prefix, "queues": list(queues)}, *lines])
    file.write([line for _, _, line in events])
    file.write([{"kind": "end", "at_ms": int(last) + 1}])


def _events(
    queue: str, job: str, state: str, head: Head, values: Sequence[str | None]
) -> list[tuple[float, int, dict[str, Any]]]:
    """What BullMQ's stream would have said, as far as the hash tells; with the moment of each."""
    started, ended = (number(value) for value in values[len(FIELDS) : len(FIELDS) + 2])
    added = head.added_ms
    if added is None or started is None or ended is None:
        return []
    told: list[tuple[float, dict[str, Any]]] = [(added, {"event": "added", "name": head.name})]
    if head.delay_ms:
        told.append((added, {"event": "delayed", "due_ms": added + head.delay_ms}))
    told.append((started, {"event": "active", "made": max(0, head.made - 1)}))
    told.append((ended, {"event": state}))
    line = {"kind": "event", "queue": queue, "job": job}
    return [
        (at, place, {**line, "id": f"{int(at)}-0", **own}) for place, (at, own) in enumerate(told)
    ]
