"""How many children a job has in another queue: always so many, or now so many and then more."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from simqueue.checked import in_short
from simqueue.policies import Finite

#: Children of a job in one queue, at most.
MOST = 1000
#: Shares are said with some digits only: so far from 1 their sum may be.
_TINY_SHARE = 1e-6
#: Longer keys are cut off in errors.
_SHORT = 50


_NUMBERS = {str(number) for number in range(MOST + 1)}


def _as_text(table: object) -> object:
    """Python's own ``{3: 0.4}`` for ``{"3": 0.4}``."""
    if not isinstance(table, dict):
        return table
    # Compared before it is made text: Python refuses to write thousands of digits.
    keys = [str(key) if type(key) is int and 0 <= key <= MOST else key for key in table]
    for at, key in enumerate(keys):
        if key in keys[:at]:
            raise ValueError(f"{in_short(key)}: said twice")
        if key not in _NUMBERS:
            said = key if isinstance(key, str) and len(key) < _SHORT else in_short(key)
            raise ValueError(f"{said}: should be a whole number of children, 0 to {MOST}")
    return dict(zip(keys, table.values(), strict=True))


def _check(shares: dict[str, float]) -> dict[str, float]:
    if abs(sum(shares.values()) - 1) > _TINY_SHARE:
        said = " + ".join(f"{one:g}" for one in shares.values()) or "nothing"
        raise ValueError(f"their shares should sum to 1, not {said} = {sum(shares.values()):g}")
    return shares


def _shape(value: object) -> str:
    return "table" if isinstance(value, dict) else "value"


_Number = Annotated[int, Field(strict=True, ge=1, le=MOST)]
_Share = Annotated[Finite, Field(gt=0, le=1)]
_Shares = Annotated[dict[str, _Share], BeforeValidator(_as_text), AfterValidator(_check)]
#: A number, or the shares of the jobs that have so many, by number: ``{3 = 0.4, 5 = 0.6}``.
Children = Annotated[
    Annotated[_Number, Tag("value")] | Annotated[_Shares, Tag("table")], Discriminator(_shape)
]


def shares_of(children: Children) -> dict[int, float]:
    """The share of the jobs that have so many children, by number, ascending.

    >>> shares_of(3), shares_of({"5": 0.6, "3": 0.4})
    ({3: 1.0}, {3: 0.4, 5: 0.6})
    """
    if isinstance(children, int):
        return {children: 1.0}
    return dict(sorted((int(number), share) for number, share in children.items()))


def most_of(children: Children) -> int:
    """How many children a job has at most."""
    return max(shares_of(children))


def mean_of(children: Children) -> float:
    """How many children a job has on average."""
    return sum(number * share for number, share in shares_of(children).items())


def numbers_of(children: Children, draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many children each job has, by uniform draws in [0, 1)."""
    shares = shares_of(children)
    edges = np.cumsum(list(shares.values()))[:-1]
    return np.array(list(shares))[np.searchsorted(edges, draws, side="right")]
