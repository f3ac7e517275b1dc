"""The web processes of in-process mode."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simqueue.checked import Checked
from simqueue.workload.production import Seconds, check_deaths
from simqueue.workload.values import Count


class CallerCrash(Checked):
    """A web process that dies as by ``kill -9``, and is back some time later.

    Attributes
    ----------
    at_s
        When, seconds.
    process
        Which, counted from 0.
    down_s
        How long until it takes requests again.
    """

    at_s: Seconds
    process: Annotated[int, Field(strict=True, ge=0)] = 0
    down_s: Seconds


class CallerSettings(Checked):
    """The web processes, each with its own event loop, and what they serve at once.

    Attributes
    ----------
    processes
        Web processes.
    concurrency
        Callers of each: requests that it serves at once.
    max_waiting
        Requests that may wait for a caller, over all processes; one more is turned away. Default:
        no limit.
    crashes
        When which process dies; none by default.
    """

    processes: Count = 1
    concurrency: Count = 1
    max_waiting: Annotated[int, Field(strict=True, ge=0)] | None = None
    crashes: Annotated[list[CallerCrash], Field(max_length=10_000)] = []

    @property
    def callers(self) -> int:
        """Requests that are served at once, over all processes."""
        return self.processes * self.concurrency

    @model_validator(mode="after")
    def _die_one_at_a_time(self) -> Self:
        deaths = [(crash.process, crash.at_s, crash.down_s) for crash in self.crashes]
        check_deaths("process", self.processes, deaths)
        return self
