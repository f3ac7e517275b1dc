"""What production does to a queue: BullMQ's settings, crashed workers, clients without patience.

The figures of `Overhead` are what the queue itself costs; their defaults were measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from simqueue.checked import Checked
from simqueue.policies import Finite
from simqueue.workload.distributions import LONGEST_S, measurable

Seconds = Annotated[Finite, Field(ge=0, le=LONGEST_S)]
PositiveSeconds = Annotated[Finite, Field(gt=0, le=LONGEST_S), AfterValidator(measurable)]
#: BullMQ counts whole milliseconds.
Period = Annotated[Finite, Field(ge=1e-3, le=LONGEST_S)]


class Crash(Checked):
    """A worker that dies as by ``kill -9``, or is told to end, and is back some time later.

    Attributes
    ----------
    at_s
        When, seconds.
    worker
        Which, counted from 0.
    down_s
        How long until it takes jobs again.
    drain
        Whether it is told to end (SIGTERM): it takes no more jobs and finishes those that it has.
    """

    at_s: Seconds
    worker: Annotated[int, Field(strict=True, ge=0)] = 0
    down_s: Seconds
    drain: Annotated[bool, Field(strict=True)] = False


def check_deaths(what: str, count: int, deaths: Iterable[tuple[int, float, float]]) -> None:
    """Refuse the death of a process that there is not, or that is not up.

    Parameters
    ----------
    what
        What dies: ``worker`` or ``process``.
    count
        How many there are.
    deaths
        Of each: which one, when, and for how long, seconds.

    Raises
    ------
    ValueError
        Says which cannot be.
    """
    back: dict[int, float] = {}
    for number, at_s, down_s in sorted(deaths, key=lambda death: death[1]):
        if number >= count:
            raise ValueError(
                f"crashes: there is no {what} {number}; they are counted from 0 to {count - 1}"
            )
        if at_s < back.get(number, 0.0):
            raise ValueError(
                f"crashes: {what} {number} cannot die at {at_s:g} s: it is down until "
                f"{back[number]:g} s"
            )
        back[number] = at_s + down_s


class Overhead(Checked):
    """What the queue itself costs, seconds.

    Attributes
    ----------
    pickup_s
        From adding a job until an idle worker asks for it: a part of the wait.
    retry_s
        From the moment a retry is due until an idle worker asks for it: a part of the wait.
    service_s
        The rest that each attempt takes: round trips, timers that end late. A part of the
        attempt, spent without the event loop.
    loop_s
        Share of the worker's event loop that each attempt takes, beside its own cpu part.
    failure_s
        From the end of an attempt that failed until its slot asks for the next job: Redis has to
        hear of the failure first. (A completion asks for the next job by itself.)
    """

    pickup_s: Seconds = 0.0
    retry_s: Seconds = 0.0
    service_s: Seconds = 0.0
    loop_s: Seconds = 0.0
    failure_s: Seconds = 0.0


NO_OVERHEAD = Overhead()
#: Measured on 24 November 2026: bullmq 3.4.4, Redis 7.0.15, Python 3.11, two cores.
#: ``simqueue measure-overhead`` measures it elsewhere.
MEASURED = Overhead(
    pickup_s=0.0015, retry_s=0.0035, service_s=0.0002, loop_s=0.0012, failure_s=0.0018
)
#: Node's workers, measured on 26 November 2026: bullmq 5.81.2 and 6.7.0, Node 20.20.2, Redis 7.0,
#: two cores. Other work kept the machine busy, and what was measured had priority over it (``chrt
#: -r 10``). Medians of six runs, three of each version, between which there was no difference: from
#: the lowest to the highest pickup_s 0.95 to 1.88 ms, retry_s 17.5 to 18.2 ms, service_s 0.71 to
#: 0.93 ms, loop_s 0.27 to 0.32 ms, failure_s 0.09 to 0.15 ms.
#:
#: A retry is late because Redis ends the wait of an idle worker: at the next command that anybody
#: sends, or when it looks at its clock, ten times a second. Measured with 25 jobs a second.
MEASURED_NODE = Overhead(
    pickup_s=0.0012, retry_s=0.018, service_s=0.0009, loop_s=0.0003, failure_s=0.0001
)


def measured_overhead(client: Literal["python", "node"]) -> Overhead:
    """What the queue costs with the workers of ``client``, as we measured it."""
    return MEASURED_NODE if client == "node" else MEASURED


class BullMQSettings(Checked):
    """What the real queue does beside running jobs; the defaults are BullMQ's own.

    Attributes
    ----------
    client
        Whose workers: ``python`` looks for stalled jobs first one interval after it started,
        ``node`` at once.
    lock_duration_s
        A job's lock lasts so long; its worker renews it every quarter of that.
    stalled_interval_s
        Seconds between two looks for stalled jobs.
    max_stalled
        A job that stalls more often than that fails.
    overhead
        ``none``, ``measured`` (with the workers of ``client``), or figures of your own.
    """

    client: Literal["python", "node"] = "python"
    lock_duration_s: Period = 30.0
    stalled_interval_s: Period = 30.0
    max_stalled: Annotated[int, Field(strict=True, ge=0, le=1000)] = 1
    overhead: Overhead = NO_OVERHEAD

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("overhead"), str):
            client = value.get("client", "python")
            named = {"none": NO_OVERHEAD, "measured": measured_overhead(client)}
            if value["overhead"] not in named:
                raise ValueError(
                    f"overhead: expected 'none', 'measured' or a table, not {value['overhead']!r}"
                )
            value = {**value, "overhead": named[value["overhead"]]}
        return value


class Client(Checked):
    """Whoever asks for a job and waits for it: without an answer in time, asks again.

    Nobody takes the first job back: both will be done.

    Attributes
    ----------
    timeout_s
        Seconds of patience with each job.
    retries
        How often to ask again.
    budget
        Retries that are allowed for each first request, over all clients together, such as 0.1;
        they may be saved up to ten. Default: no limit.
    """

    timeout_s: PositiveSeconds
    retries: Annotated[int, Field(strict=True, ge=0, le=100)] = 1
    budget: Annotated[Finite, Field(ge=0, le=100)] | None = None
