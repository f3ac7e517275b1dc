"""What attempts call, which has so many places: a payment provider, a pool of connections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from simqueue.checked import Checked
from simqueue.workload.changes import key_of
from simqueue.workload.queues import QueueModel


class Downstream(Checked):
    """Something with limited places that io parts of attempts take, whichever queue they are of.

    Attributes
    ----------
    places
        How many io parts it serves at once.
    when_full
        ``fail``: an attempt that finds all places taken fails at once. ``wait``: it waits in line,
        first come, first served, and its time-out counts from then.
    """

    places: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    when_full: Literal["fail", "wait"] = "fail"


def check_downstreams(
    queues: Mapping[str, QueueModel], downstreams: Mapping[str, Downstream]
) -> None:
    """Refuse a queue that calls what there is not.

    Raises
    ------
    ValueError
        Names the key.
    """
    for name, queue in queues.items():
        if queue.downstream is not None and queue.downstream not in downstreams:
            raise ValueError(
                f"{key_of('queues', name, 'downstream')}: there is no "
                f"{key_of('downstreams', queue.downstream)}"
            )
