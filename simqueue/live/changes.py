"""What a person can do to a model while it runs: changes, each with its date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from simqueue.checked import Checked, first_problem
from simqueue.errors import InputError
from simqueue.policies import Finite
from simqueue.workload.changes import key_of
from simqueue.workload.production import Seconds
from simqueue.workload.values import QueueName

#: Dates are whole multiples of this, seconds: sums of such numbers are exact in binary.
TICK_S = 1 / 1024
#: Keys of a queue that may change while it runs: what the world does, and the policy.
SETTINGS = ("failure_rate", "fatal_rate", "service", "attempts", "backoff")
#: The two of them that a job keeps as they were when it was added, as BullMQ has it.
KEPT_BY_JOBS = ("attempts", "backoff")


class _Change(Checked):
    """Something that is done at a moment.

    Attributes
    ----------
    at_s
        When, virtual seconds.
    """

    at_s: Seconds


class Send(_Change):
    """Jobs are sent by hand, all at once."""

    do: Literal["send"] = "send"
    queue: QueueName
    jobs: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 1

    @property
    def words(self) -> str:
        """What was done."""
        return f"{self.jobs:,} {'job' if self.jobs == 1 else 'jobs'} sent to {self.queue}"


class Arrivals(_Change):
    """From now on ``times`` as many jobs come as the scenario says; 1 is as it was."""

    do: Literal["arrivals"] = "arrivals"
    queue: QueueName
    times: Annotated[Finite, Field(ge=0, le=100)]

    @property
    def words(self) -> str:
        """What was done."""
        return f"{self.queue}: {self.times:g} times the arrivals"


class Set(_Change):
    """A setting of a queue: one of `SETTINGS`."""

    do: Literal["set"] = "set"
    queue: QueueName
    key: Literal["failure_rate", "fatal_rate", "service", "attempts", "backoff"]
    value: Any

    @property
    def path(self) -> str:
        """The key as a scenario has it."""
        return key_of("queues", self.queue, self.key)

    @property
    def words(self) -> str:
        """What was done."""
        value = self.value
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {one}" for key, one in value.items())
        kept = " for jobs added from now on" if self.key in KEPT_BY_JOBS else ""
        return f"{self.queue}: {self.key.replace('_', ' ')} {value}{kept}"


class Gateway(_Change):
    """What a queue's jobs depend on is away, so that every attempt that starts fails; or back."""

    do: Literal["gateway"] = "gateway"
    queue: QueueName
    away: bool

    @property
    def words(self) -> str:
        """What was done."""
        return f"what {self.queue} depends on is {'away' if self.away else 'back'}"


class Pause(_Change):
    """A queue is paused, so that no job of it starts; or goes on."""

    do: Literal["pause"] = "pause"
    queue: QueueName
    paused: bool

    @property
    def words(self) -> str:
        """What was done."""
        return f"{self.queue} {'is paused' if self.paused else 'goes on'}"


class Workers(_Change):
    """A pool is to have so many workers: new ones start, or the newest finish and go."""

    do: Literal["workers"] = "workers"
    pool: str = ""
    count: Annotated[int, Field(strict=True, ge=0, le=100)]

    @property
    def words(self) -> str:
        """What was done."""
        of = f" in {self.pool}" if self.pool else ""
        return f"{self.count} {'worker' if self.count == 1 else 'workers'}{of}"


class Slots(_Change):
    """Each worker of a pool is to have so many slots for a queue."""

    do: Literal["slots"] = "slots"
    pool: str = ""
    queue: QueueName
    count: Annotated[int, Field(strict=True, ge=1, le=200)]

    @property
    def words(self) -> str:
        """What was done."""
        return f"{self.count} slots for {self.queue} in each worker"


class Worker(_Change):
    """A worker dies as by ``kill -9``, is told to end (``drain``), or is started again."""

    do: Literal["kill", "drain", "start"]
    pool: str = ""
    worker: Annotated[int, Field(strict=True, ge=0, le=10_000)]

    @property
    def words(self) -> str:
        """What was done."""
        name = f"{self.pool} worker" if self.pool else "worker"
        done = {"kill": "was killed", "drain": "drains: it takes no more jobs", "start": "starts"}
        return f"{name} {self.worker + 1} {done[self.do]}"


Change = Annotated[
    Send | Arrivals | Set | Gateway | Pause | Workers | Slots | Worker, Field(discriminator="do")
]
_ADAPTER: TypeAdapter[Change] = TypeAdapter(Change)


def read_change(table: Mapping[str, Any]) -> Change:
    """The change that a table says.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> read_change({"do": "kill", "worker": 0, "at_s": 12}).words
    'worker 1 was killed'
    """
    try:
        return _ADAPTER.validate_python(dict(table))
    except ValidationError as error:
        problem = first_problem(error)
        key = problem.path[-1] if problem.path else "do"
        raise InputError(f"change: {key}: {problem}") from None


def tick(moment: float) -> float:
    """The first whole tick that is not before a moment.

    >>> tick(0.5), tick(0.1)
    (0.5, 0.1005859375)
    """
    return -(-moment // TICK_S) * TICK_S
