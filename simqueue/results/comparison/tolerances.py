"""How far a model may be from the real queue: the words a person gives, and what they judge by."""

from __future__ import annotations

import math

from simqueue.errors import InputError

_TIMES = ("mean", "p50", "p95", "p99", "max")
#: What is compared, queue by queue.
MEASURES = (
    *("arrived", "completed", "failed", "attempts"),
    *(f"wait.{name}" for name in _TIMES),
    *(f"response.{name}" for name in _TIMES),
    *("utilisation", "queue_length.mean", "queue_length.max"),
)
#: How many jobs may differ for no known reason.
JOBS = "jobs"
#: The largest error of each measure, as a share; measures that are not named are not judged.
DEFAULT_TOLERANCES: dict[str, float] = {"response.mean": 0.02, "response.p99": 0.05, JOBS: 0}


def parse_tolerances(text: str) -> dict[str, float]:
    """Read tolerances such as ``response.mean=2%,jobs=3``; what is not named keeps its default.

    Parameters
    ----------
    text
        Pairs of a measure and the largest error of it, as a share or in percent, separated by
        commas. A share without a name is for every measure that has a share by default.

    Raises
    ------
    InputError
        If a part of it says nothing that could be understood.

    >>> parse_tolerances("5%,response.mean=0.01")
    {'response.mean': 0.01, 'response.p99': 0.05, 'jobs': 0}
    """
    given: dict[str, float] = {}
    for part in text.split(","):
        name, separator, value = (word.strip() for word in part.rpartition("="))
        if separator and name not in (*MEASURES, JOBS):
            raise InputError(
                f"tolerance {part.strip()!r}: there is no figure {name!r}; "
                f"expected {', '.join((*MEASURES, JOBS))}"
            )
        found = _jobs(part, value) if name == JOBS else _share(part, value)
        if name in given:
            raise InputError(f"tolerance {text!r}: {name or 'a share without a name'} comes twice")
        given[name] = found
    everywhere = given.pop("", None)
    defaults = {
        name: default if everywhere is None or name == JOBS else everywhere
        for name, default in DEFAULT_TOLERANCES.items()
    }
    return defaults | given


def _share(part: str, value: str) -> float:
    number, scale = (value[:-1], 100) if value.endswith("%") else (value, 1)
    try:
        share = float(number) / scale
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise InputError(
            f"tolerance {part.strip()!r}: expected a share such as 2% or 0.02, not {value!r}"
        )
    return share


def _jobs(part: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise InputError(
            f"tolerance {part.strip()!r}: expected a whole number of jobs, not {value!r}"
        )
    return int(value)
