"""DataFrames in files: CSV, parquet or JSON, by the end of the name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from simqueue.errors import InputError
from simqueue.extras import naming_extras
from simqueue.files import reason, replacing, writing

if TYPE_CHECKING:
    import pandas as pd

ENDS = (".csv", ".csv.gz", ".parquet", ".json")


def check_frame_name(path: Path | None) -> None:
    """Refuse a name whose end says no format.

    Raises
    ------
    InputError
        If it says none.
    """
    if path is not None and not path.name.lower().endswith(ENDS):
        raise InputError(f"{path}: expected a name that ends in {', '.join(ENDS)}")


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a DataFrame whole, or not at all; without its index.

    Raises
    ------
    InputError
        If the name's end says no format, the file cannot be written, or a package is missing.
    """
    check_frame_name(path)
    try:
        if path.suffix == ".parquet":
            with replacing(path) as draft, naming_extras("sweeps"):
                frame.to_parquet(draft, index=False)
        elif path.suffix == ".json":
            with writing(path) as file:
                frame.to_json(file, orient="records", lines=False)
        else:
            with writing(path) as file:
                frame.to_csv(file, index=False)
    except OSError as error:
        raise InputError(f"{path}: cannot write: {reason(error)}") from error
