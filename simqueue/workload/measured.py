"""Durations that were measured elsewhere, drawn from a column of a file."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ValidationInfo, model_validator
from typing_extensions import override

from simqueue.errors import InputError
from simqueue.files import open_text, read_once, reason
from simqueue.workload.duration import LONGEST_S, SHORTEST_S, Duration, Floats, PositiveMean

#: Seconds in the unit that ends a column's name.
_UNITS = {"_ms": 1e-3, "_s": 1.0}


class Empirical(Duration):
    """Values measured elsewhere, each as likely as the others.

    Attributes
    ----------
    file, column
        A CSV file and the column to draw from; its name ends in the unit, ``_s`` or ``_ms``.
        Empty cells are passed over.
    mean_s
        If given, the measured values are all multiplied so that their mean is this: the shape is
        measured, the size is yours.
    """

    distribution: Literal["empirical"]
    file: Path
    column: str
    mean_s: PositiveMean | None = None

    @model_validator(mode="before")
    @classmethod
    def _found(cls, value: object, info: ValidationInfo) -> object:
        # The scenario's folder is known only while a scenario is being read.
        find = (info.context or {}).get("find")
        if find and isinstance(value, dict) and isinstance(value.get("file"), str):
            return {**value, "file": find(value["file"])}
        return value

    @model_validator(mode="after")
    def _readable(self) -> Empirical:
        try:
            _measured(self.file, self.column)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def values(self) -> Floats:
        """The durations that are drawn from, seconds."""
        measured = _measured(self.file, self.column)
        return measured if self.mean_s is None else measured * (self.mean_s / measured.mean())

    @property
    @override
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    @override
    def scv(self) -> float:
        return float(self.values.var() / self.values.mean() ** 2)

    @property
    @override
    def third(self) -> float:
        return float((self.values**3).mean())

    @override
    def cdf(self, t: Floats) -> Floats:
        values = np.sort(self.values)
        return np.searchsorted(values, t, side="right") / len(values)

    @override
    def draw(self, rng: np.random.Generator, n: int) -> Floats:
        return self.values[rng.integers(len(self.values), size=n)]


@read_once(files=32)
def _measured(file: Path, column: str) -> Floats:
    unit = next((unit for end, unit in _UNITS.items() if column.endswith(end)), None)
    if unit is None:
        raise InputError(f"column {column}: its name should end in _s or _ms, the unit")
    try:
        with open_text(file) as lines:
            rows = csv.DictReader(lines)
            if column not in (rows.fieldnames or ()):
                raise InputError(f"{file.name} has no column {column}; it has {rows.fieldnames}")
            cells = [(rows.line_num, row[column]) for row in rows]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read: {reason(error)}") from error
    values = [_seconds(file, line, column, cell, unit) for line, cell in cells if cell]
    if not values or np.mean(values) < SHORTEST_S:
        raise InputError(f"{file.name}: column {column} holds no positive value")
    return np.array(values)


def _seconds(file: Path, line: int, column: str, cell: str, unit: float) -> float:
    try:
        value = float(cell) * unit
    except ValueError:
        value = math.nan
    if not 0 <= value <= LONGEST_S:
        raise InputError(
            f"{file.name}:{line}: {column} {cell!r}: expected a time from 0 to {LONGEST_S:g} s"
        )
    return value
