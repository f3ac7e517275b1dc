"""A table becomes a scenario, or one line says why it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from simqueue.checked import first_problem
from simqueue.data import find_file
from simqueue.errors import InputError
from simqueue.workload.changes import Change, key_of
from simqueue.workload.streams import ARRIVAL_KINDS

Model = TypeVar("Model", bound=BaseModel)

#: Keys that hold one of several tables: pydantic says which after them.
_TAGGED = {"think", "service", "cpu", "time", "batch", "failure_service"}


def checked(
    model: type[Model],
    table: Mapping[str, Any],
    place: str,
    folder: Path | None = None,
    changes: Iterable[Change] = (),
) -> Model:
    """What a table says, as a ``model``.

    Parameters
    ----------
    model
        What is wanted.
    table
        What a file holds.
    place
        Where it comes from, for errors.
    folder
        Where relative paths in it start; then come the working folder's own and the packaged data.
    changes
        What has been changed in it, and is to blame for what it did.

    Raises
    ------
    InputError
        One line: the file (or the flag), the key, what was expected.
    """
    find = {"find": lambda name: str(find_file(name, folder or Path()))}
    try:
        return model.model_validate(table, context=find)
    except ValidationError as error:
        raise InputError(_one_line(error, place, list(changes))) from None


def _one_line(error: ValidationError, place: str, changes: list[Change]) -> str:
    problem = first_problem(error)
    path = [part for i, part in enumerate(problem.path) if not _is_tag(problem.path, i)]
    text = f"{key_of(*path)}: {problem}" if path else str(problem)
    more = f" (and {problem.more} more)" if problem.more else ""
    return f"{_blame(text.partition(': ')[0], place, changes)}: {text}{more}"


def _blame(key: str, place: str, changes: list[Change]) -> str:
    """Who is to blame for what is said of a key: a change, the file, or the two together."""
    for change in changes:
        one = key_of(*change.path)
        if f"{key}.".startswith(f"{one}."):
            return change.said
        if one.startswith(f"{key}."):
            return f"{place} with {change.said}"
    return place


def _is_tag(path: tuple[str, ...], i: int) -> bool:
    """Whether a part of pydantic's path is its own, and no key of the file."""
    if path[0] == "arrivals" and i == 2:
        return path[i] in ARRIVAL_KINDS
    if path[0] == "warmup_s":
        return i == 1
    if path[:2] == ("workers", "concurrency"):
        return i == 2
    if path[0] == "queues" and path[2:3] == ("outages",):
        return i in (4, 6, 7)  # a pair or a table; then a number or a distribution, and which
    if path[0] == "queues" and path[2:3] == ("children",):
        return i == 4  # a number or shares
    return path[0] in ("arrivals", "queues") and i >= 3 and path[i - 1] in _TAGGED
