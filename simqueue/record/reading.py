"""Reading attempt logs: a CSV file, or the events that real workers left behind."""

from __future__ import annotations

import zlib
from pathlib import Path

from simqueue.errors import InputError
from simqueue.files import reading, reason
from simqueue.record.attempt_log import IDS, VOCABULARIES, AttemptLog
from simqueue.record.table import from_frame
from simqueue.record.worker_events import has_events, read_events


def read_log(path: str | Path) -> AttemptLog:
    """Read a log that an engine wrote, or that is to be put together from its workers' events.

    Raises
    ------
    InputError
        If there is no such file or it is no attempt log.
    """
    import pandas as pd

    path = Path(path)
    if not path.exists() and has_events(path):
        return read_events(path)

    texts = dict.fromkeys(("engine", *VOCABULARIES, *IDS, "outcome"), str)
    try:
        with reading(path) as file:
            frame = pd.read_csv(file, dtype=texts, keep_default_na=False, low_memory=False)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read the attempt log: {reason(error)}") from error
    except ValueError as error:
        raise InputError(f"{path}: not an attempt log: {reason(error)}") from error
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes a surplus column for an index
        raise InputError(f"{path}: not an attempt log: its rows are longer than its header")
    return from_frame(frame, place=str(path))
