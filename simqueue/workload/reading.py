"""Reading scenarios: from a TOML file, with settings of the command line on top.

Whatever is wrong is one line that names the file (or the flag), the key, and what was expected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.workload.arrivals import Trace
from simqueue.workload.scenario import Scenario

#: The scenario that ``simulate`` runs when it is given none.
DEFAULT_SCENARIO = "busy-day.toml"

#: What pydantic would say in words of Python.
_WORDS = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
    "union_tag_not_found": 'should have a key distribution, such as distribution = "exponential"',
}
#: Errors that have no use for the value.
_SAY_ALL = ("extra_forbidden", "missing", "value_error", "kind_of_arrivals", "union_tag_invalid")

Override = tuple[str, Any, str]  # key with dots, value, how the user said it


def read_scenario(
    path: Path | None = None,
    overrides: list[Override] | None = None,
    arrivals: str | None = None,
) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    path
        A TOML file; by default the packaged busy day.
    overrides
        Settings that replace the file's: dotted key, value, and the words to blame, such as
        ``--workers 0``.
    arrivals
        A rate per second or a trace, in the place of the scenario's own.

    Raises
    ------
    InputError
        If a file is missing or anything in it is not what a scenario can hold.
    """
    path = path or data_path(DEFAULT_SCENARIO)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the scenario: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    overrides = list(overrides or [])
    if arrivals is not None:
        overrides = [*_other_arrivals(table, arrivals, path), *overrides]
    return build_scenario(table, place=str(path), folder=path.parent, overrides=overrides)


def build_scenario(
    table: Mapping[str, Any],
    place: str = "scenario",
    folder: Path | None = None,
    overrides: list[Override] | None = None,
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
    """
    said = {}
    for key, value, words in overrides or []:
        table = _set(table, key.split("."), value, words)
        said[key] = words
    try:
        return Scenario.model_validate(
            table, context={"find": lambda name: _find(name, folder or Path())}
        )
    except ValidationError as error:
        raise InputError(_one_line(error, place, said)) from None


def parse_set(text: str) -> Override:
    """``queues.order.attempts=5`` of ``--set``; the value is TOML, or else a bare word.

    Raises
    ------
    InputError
        If there is no key or no value.
    """
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    words = f"--set {text}"
    if not (key and equals and value):
        raise InputError(f"{words}: expected KEY=VALUE, such as queues.order.attempts=5")
    try:
        return key, tomllib.loads(f"value = {value}")["value"], words
    except tomllib.TOMLDecodeError:
        return key, value, words


def _other_arrivals(table: Mapping[str, Any], text: str, path: Path) -> list[Override]:
    """``--arrivals`` as settings: it replaces the one stream that follows no other."""
    words = f"--arrivals {text}"
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
            f"{words}: {path.name} has {len(roots)} streams that it could replace; "
            "say which with --set, such as --set 'arrivals.order={rate_per_s=3}'"
        )
    key = f"arrivals.{roots[0]}"
    try:
        rate = float(text)
    except ValueError:
        file = Path(text)
        if not file.is_file():
            raise InputError(f"{words}: neither a rate per second nor a file") from None
        return [(key, {"trace": str(file.resolve())}, words)]
    new: list[Override] = [(key, {"rate_per_s": rate}, words)]
    old = streams[roots[0]]
    if "trace" in old and "duration_s" not in table:
        # The run lasts as long as it would have with the trace.
        find = {"find": lambda name: _find(name, path.parent)}
        try:
            trace = Trace.model_validate(old, context=find)
        except ValidationError as error:
            raise InputError(_one_line(error, f"{path}: arrivals.{roots[0]}", {})) from None
        new.append(("duration_s", trace.duration_s, words))
    return new


def _find(name: str, folder: Path) -> str:
    """A file that a scenario names: relative to the scenario, then to the packaged data."""
    path = Path(name)
    if path.is_absolute() or (folder / path).exists():
        return str(folder / path)
    try:
        return str(data_path(name.removeprefix("data/")))
    except InputError:
        return str(folder / path)  # whoever opens it says that it is not there


def _set(table: Mapping[str, Any], keys: list[str], value: Any, words: str) -> dict[str, Any]:
    head, *rest = keys
    if not rest:
        return {**table, head: value}
    inner = table.get(head, {})
    if not isinstance(inner, Mapping):
        raise InputError(f"{words}: {head} is a value, not a table")
    return {**table, head: _set(inner, rest, value, words)}


def _one_line(error: ValidationError, place: str, said: Mapping[str, str]) -> str:
    """The first thing that is wrong, as file (or flag): key: what was expected."""
    details = error.errors(include_url=False)
    first = details[0]
    # Tags of unions are pydantic's, not the user's: they are no keys of the file.
    known = {"trace", "rate_per_s", "interval_s", "profile", "follows"}
    path = [str(part) for part in first["loc"]]
    keys = [part for i, part in enumerate(path) if not _is_tag(path, i, known)]
    key = ".".join(keys)
    what = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if first["type"] in _WORDS:
        what = _WORDS[first["type"]]
    elif first["type"] == "union_tag_invalid":
        what = "distribution {tag!r} is none of {expected_tags}".format(**first["ctx"])
    if first["type"] not in _SAY_ALL and not isinstance(first["input"], dict):
        what = f"{what}, not {first['input']!r}"
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    text = f"{key}: {what}" if key else what
    return f"{_blame(text, place, said)}: {text}{more}"


def _blame(text: str, place: str, said: Mapping[str, str]) -> str:
    """Who is to blame for what ``text`` says of a key: a flag, the file, or the two together."""
    key = text.partition(": ")[0]
    for one, words in said.items():
        if f"{key}.".startswith(f"{one}."):
            return words
        if one.startswith(f"{key}."):
            return f"{place} with {words}"
    return place


def _is_tag(path: list[str], i: int, known: set[str]) -> bool:
    if i == 0:
        return False
    after_arrivals = i == 2 and path[0] == "arrivals" and path[i] in known
    after_distribution = path[i - 1] in ("service", "cpu", "think")
    return after_arrivals or (after_distribution and i < len(path))
