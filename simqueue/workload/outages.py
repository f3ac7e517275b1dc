"""Outages of what a queue's jobs depend on: windows in which attempts fail, at once or slowly."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from simqueue.checked import Checked
from simqueue.workload.distributions import Constant, Distribution
from simqueue.workload.production import Seconds
from simqueue.workload.values import Probability


def _shape(value: Any) -> str:
    """What was written: told apart before it is checked, so that an error is about that."""
    return "table" if isinstance(value, dict | Checked) else "value"


#: A time that is always the same, or a distribution.
Duration = Annotated[
    Annotated[Seconds, Tag("value")] | Annotated[Distribution, Tag("table")], Discriminator(_shape)
]


class Outage(Checked):
    """A window in which attempts fail.

    Attributes
    ----------
    from_s, to_s
        It hits attempts that start in [from, to), seconds.
    attempt_takes_s
        How long the io part of an attempt lasts that it hits: a call that hangs. Default: as long
        as that of any other.
    rate
        Share of the attempts that it hits.
    """

    from_s: Seconds
    to_s: Seconds
    attempt_takes_s: Duration | None = None
    rate: Probability = 1.0

    @model_validator(mode="after")
    def _ends_last(self) -> Self:
        if self.to_s <= self.from_s:
            raise ValueError(f"to_s: {self.to_s:g} should be after from_s, {self.from_s:g}")
        return self

    @property
    def hang(self) -> Distribution | None:
        """How long the io part of an attempt lasts; ``None``: as that of any other."""
        takes = self.attempt_takes_s
        if isinstance(takes, int | float):
            return Constant(distribution="constant", mean_s=takes)
        return takes


#: An outage as scenarios may write it: from and to, or a table.
AnyOutage = Annotated[
    Annotated[tuple[Seconds, Seconds], Tag("value")] | Annotated[Outage, Tag("table")],
    Discriminator(_shape),
]
AnyOutages = Annotated[list[AnyOutage], Field(max_length=10_000)]


def check_outages(outages: AnyOutages) -> None:
    """Refuse a pair that ends before it starts.

    Raises
    ------
    ValueError
        Says which.
    """
    for one in outages:
        if not isinstance(one, Outage) and one[1] <= one[0]:
            raise ValueError(f"outages: [{one[0]:g}, {one[1]:g}] should end after it starts")


def as_tables(outages: AnyOutages) -> list[Outage]:
    """All outages in the long form."""
    return [
        one if isinstance(one, Outage) else Outage(from_s=one[0], to_s=one[1]) for one in outages
    ]
