"""What a queue does with who is next: classes of jobs, and what lets no job start for a while."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from simqueue.checked import Checked
from simqueue.policies import Backoff, Finite
from simqueue.workload.distributions import Distribution
from simqueue.workload.production import Period, Seconds
from simqueue.workload.values import Probability

#: BullMQ's largest (``PRIORITY_LIMIT`` in ``src/classes/job.ts``): above it scores would collide.
MAX_PRIORITY = 2**21
#: Shares are said with some digits only: so far from 1 their sum may be.
_TINY_SHARE = 1e-6


def _class_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,50}", name):
        raise ValueError("a class is named by 1 to 50 letters, digits, dots, dashes or underscores")
    return name


ClassName = Annotated[str, AfterValidator(_class_name)]
#: 0: none, which is ahead of all; then 1 is ahead of 2.
Priority = Annotated[int, Field(strict=True, ge=0, le=MAX_PRIORITY)]
Windows = Annotated[list[tuple[Seconds, Seconds]], Field(max_length=10_000)]


class Limiter(Checked):
    """At most ``max`` starts in ``duration_s``, over all workers.

    The time is a window of fixed length that opens with the first start after the last one closed.
    """

    max: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
    duration_s: Period


class JobClass(Checked):
    """Some of a queue's jobs; what it does not say is as the queue says.

    Attributes
    ----------
    share
        Of the queue's jobs, 0 to 1: the probability that a job is of this class.
    priority, service, cpu, failure_rate, attempts, backoff, delay
        As in the queue's own table.
    """

    share: Annotated[Finite, Field(gt=0, le=1)]
    priority: Priority | None = None
    service: Distribution | None = None
    cpu: Distribution | None = None
    failure_rate: Probability | None = None
    attempts: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    backoff: Backoff | None = None
    delay: Distribution | None = None

    @property
    def own(self) -> dict[str, Any]:
        """What it says that its queue may say otherwise, by key."""
        said = {key: getattr(self, key) for key in self.model_fields_set - {"share"}}
        return {key: value for key, value in said.items() if value is not None}


def check_shares(classes: dict[str, JobClass]) -> None:
    """Raise a `ValueError` unless the classes share all jobs among them."""
    total = sum(one.share for one in classes.values())
    if classes and abs(total - 1) > _TINY_SHARE:
        shares = " + ".join(f"{one.share:g}" for one in classes.values())
        raise ValueError(f"classes: their shares should sum to 1, not {shares} = {total:g}")


def check_pauses(windows: Sequence[tuple[float, float]]) -> None:
    """Raise a `ValueError` unless each pause lasts, and ends before the next begins."""
    for start, end in windows:
        if end <= start:
            raise ValueError(f"paused: [{start:g}, {end:g}] should end after it starts")
    for (_, end), (start, _) in pairwise(windows):
        if start < end:
            raise ValueError(
                f"paused: the pause from {start:g} s should begin after the one before it ends, "
                f"at {end:g} s"
            )
