"""Reading scenarios: from a TOML file, with settings of the command line on top.

Whatever is wrong is one line that names the file (or the flag), the key, and what was expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simqueue.data import data_path, is_there
from simqueue.errors import InputError
from simqueue.files import open_text
from simqueue.workload.arrivals import Trace
from simqueue.workload.changes import Change, changed, parse_toml
from simqueue.workload.checking import checked
from simqueue.workload.scenario import Scenario

#: Characters that no scenario needs: reading more takes a minute.
MAX_LENGTH = 5_000_000
#: The scenario that ``simulate`` runs when it is given none.
DEFAULT_SCENARIO = "busy-day.toml"


def read_scenario(
    path: str | Path | None = None,
    changes: Iterable[Change] = (),
    arrivals: str | None = None,
) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    path
        A TOML file, looked for in the working folder and then in the packaged data; by default
        the packaged busy day.
    changes
        Settings that replace the file's; `Scenario.replace` does it afterwards.
    arrivals
        A rate per second or a trace, in the place of the scenario's own.

    Raises
    ------
    InputError
        If a file is missing or anything in it is not what a scenario can hold.

    Examples
    --------
    >>> busy_day = read_scenario()
    >>> busy_day.name, busy_day.duration_s, busy_day.slots["order"]
    ('busy day', 43200.0, 5)
    >>> read_scenario("outage.toml").queues["payment"].outages
    [(120.0, 180.0)]
    """
    path = _scenario_file(path)
    try:
        with open_text(path) as file:
            text = file.read(MAX_LENGTH + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the scenario: {error.strerror}") from error
    except UnicodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    if len(text) > MAX_LENGTH:
        raise InputError(f"{path}: longer than {MAX_LENGTH:,} characters: no scenario")
    try:
        table = parse_toml(text)
    except ValueError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    changes = list(changes)
    if arrivals is not None:
        changes = [*_other_arrivals(table, arrivals, path), *changes]
    return build_scenario(table, place=str(path), folder=path.parent, changes=changes)


def build_scenario(
    table: Mapping[str, Any],
    place: str = "scenario",
    folder: str | Path | None = None,
    changes: Iterable[Change] = (),
) -> Scenario:
    """The scenario that a table says; see `read_scenario`.

    Parameters
    ----------
    table
        What a file would hold.
    place
        Whom to blame in errors.
    folder
        Where relative paths start; then come the working folder's own and the packaged data.
    changes
        Settings that replace the table's.

    Raises
    ------
    InputError
        If anything in it is not what a scenario can hold.

    Examples
    --------
    >>> coffee = build_scenario({
    ...     "duration_s": 3600,
    ...     "arrivals": {"coffee": {"rate_per_s": 0.1}},
    ...     "queues": {"coffee": {"service": {"distribution": "exponential", "mean_s": 8}}},
    ...     "workers": {"concurrency": 1},
    ... })
    >>> coffee.slots
    {'coffee': 1}
    """
    changes = list(changes)
    table = changed(table, changes)
    return checked(Scenario, table, place, None if folder is None else Path(folder), changes)


def _scenario_file(path: str | Path | None) -> Path:
    if path is None:
        return data_path(DEFAULT_SCENARIO)
    if is_there(Path(path)):
        return Path(path)
    try:
        return data_path(str(path))
    except InputError:
        return Path(path)


def _other_arrivals(table: Mapping[str, Any], text: str, path: Path) -> list[Change]:
    """``--arrivals`` as settings: it replaces the one stream that follows no other."""
    said = f"--arrivals {text}"
    streams = table.get("arrivals", {})
    if not isinstance(streams, dict):
        raise InputError(f"{path}: arrivals: expected a table for each queue, not {streams!r}")
    roots = [
        queue
        for queue, stream in streams.items()
        if isinstance(stream, dict) and "follows" not in stream
    ]
    if len(roots) != 1:
        raise InputError(
            f"{said}: {path.name} has {len(roots)} streams that it could replace; "
            "say which with --set, such as --set 'arrivals.order={rate_per_s=3}'"
        )
    key = ("arrivals", roots[0])
    try:
        rate = float(text)
    except ValueError:
        file = Path(text)
        if not (is_there(file) and file.is_file()):
            raise InputError(f"{said}: neither a rate per second nor a file") from None
        return [Change(key, {"trace": str(file.resolve())}, said)]
    new = [Change(key, {"rate_per_s": rate}, said)]
    old = streams[roots[0]]
    if "trace" in old and "duration_s" not in table:
        # The run lasts as long as it would have with the trace.
        trace = checked(Trace, old, f"{path}: arrivals.{roots[0]}", path.parent)
        new.append(Change(("duration_s",), trace.duration_s, said))
    return new
