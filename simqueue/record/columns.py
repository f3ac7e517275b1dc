"""Columns of a table that somebody gave: read with care, so that an error names the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simqueue.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


class Columns:
    """The columns of ``frame``; ``place`` says in errors where it comes from."""

    def __init__(self, frame: pd.DataFrame, place: str) -> None:
        self._frame = frame
        self._place = place

    def words(self, column: str) -> NDArray[np.object_]:
        """Text, empty where there is nothing."""
        cells = self._frame[column]
        return cells.astype(object).where(cells.notna(), "").astype(str).to_numpy(dtype=object)

    def times(self, column: str, may_be_empty: bool) -> NDArray[np.float64]:
        """Seconds; NaN where a cell is empty and may be.

        Raises
        ------
        InputError
            If a cell holds anything else.
        """
        values, blank = self._numbers(column)
        self.demand(np.isfinite(values) | (blank & may_be_empty), column, "is no time in seconds")
        return values

    def whole(self, column: str, most: int, empty: int | None = None) -> NDArray[np.int64]:
        """Whole numbers from 0 to ``most``; ``empty`` where a cell is empty, if that may be.

        Raises
        ------
        InputError
            If a cell holds anything else.
        """
        values, blank = self._numbers(column)
        good = (np.floor(values) == values) & (values >= 0) & (values <= most)
        if empty is not None:
            good |= blank
            values = np.where(blank, empty, values)
        self.demand(good, column, f"is no whole number from 0 to {most}")
        return values.astype(np.int64)

    def demand(self, good: NDArray[np.bool_], column: str, said: str) -> None:
        """Let every row be ``good``.

        Raises
        ------
        InputError
            About the first that is not: its row, counted from 1 below the header.
        """
        if not good.all():
            row = int(np.argmin(good))
            value = self.words(column)[row]
            raise InputError(f"{self._place}: row {row + 1}, column {column}: {value!r} {said}")

    def _numbers(self, column: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        import pandas as pd

        cells: pd.Series[Any] = self._frame[column]
        values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        blank = (cells.isna() | (cells.astype(object) == "")).to_numpy(np.bool_)
        return values, blank


def coded(words: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    """Positions of ``words`` in their vocabulary, -1 for the empty word; and the vocabulary."""
    import pandas as pd

    known = words != ""
    codes = np.full(len(words), -1, dtype=np.int64)
    codes[known], vocabulary = pd.factorize(words[known])
    return codes, np.asarray(vocabulary, dtype=object)
