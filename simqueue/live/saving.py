"""A session as a file: TOML with the scenario, the changes and how far it was played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simqueue.errors import InputError
from simqueue.files import open_text, reason, writing
from simqueue.live.changes import Change, read_change
from simqueue.workload.changes import inline, key_of, parse_toml
from simqueue.workload.reading import MAX_LENGTH, build_scenario
from simqueue.workload.scenario import Scenario


def text_of(scenario: Scenario, changes: Iterable[Change], until_s: float) -> str:
    """What a file holds that says a session."""
    lines = [
        "# A session of `simqueue play`: a scenario, and what was done to it.",
        *_table({"session": {"until_s": until_s}}),
    ]
    for change in changes:
        lines += ["[[changes]]", *_pairs(change.model_dump(mode="json")), ""]
    return "\n".join([*lines, *_table({"scenario": scenario.table()})]) + "\n"


def scenario_text(scenario: Scenario) -> str:
    """What a scenario's file holds."""
    table = scenario.table()
    top = {key: value for key, value in table.items() if not _is_section(value)}
    rest = {key: value for key, value in table.items() if _is_section(value)}
    return "\n".join([*_pairs(top), "", *_table(rest)]) + "\n"


def parse(source: Mapping[str, Any] | str | Path) -> tuple[Scenario, list[Change], float]:
    """Scenario, changes and end of a session: a table, a text, or the path of a file.

    Raises
    ------
    InputError
        If it is no session.
    """
    place = str(source) if isinstance(source, Path) else "session"
    table = source if isinstance(source, Mapping) else _parsed(source, place)
    try:
        scenario = build_scenario(table["scenario"], f"{place}: scenario")
        until_s = float(table.get("session", {}).get("until_s", 0.0))
        changes = [read_change(one) for one in table.get("changes", [])]
    except KeyError:
        raise InputError(f"{place}: no session: it has no [scenario]") from None
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place}: no session: {reason(error)}") from None
    return scenario, changes, until_s


def write(path: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        with writing(path) as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason(error)}") from error


def _parsed(source: str | Path, place: str) -> dict[str, Any]:
    try:
        if isinstance(source, Path):
            with open_text(source) as file:
                source = file.read(MAX_LENGTH + 1)
        if len(source) > MAX_LENGTH:
            raise InputError(f"{place}: longer than {MAX_LENGTH:,} characters: no session")
        return parse_toml(source)
    except (OSError, UnicodeError) as error:
        raise InputError(f"{place}: cannot be read: {reason(error)}") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place}: not TOML: {reason(error)}") from error


def _is_section(value: Any) -> bool:
    return isinstance(value, dict)


def _table(table: Mapping[str, Any], *path: str) -> list[str]:
    """Sections of a table; the tables in it that are three deep stand in one line each."""
    lines: list[str] = []
    for key, inner in table.items():
        where = (*path, key)
        deeper = len(path) < 2 and any(_is_section(value) for value in inner.values())
        plain = {k: v for k, v in inner.items() if not (deeper and _is_section(v))}
        if plain or not deeper:
            lines += [f"[{key_of(*where)}]", *_pairs(plain), ""]
        if deeper:
            lines += _table({k: v for k, v in inner.items() if _is_section(v)}, *where)
    return lines


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{key_of(key)} = {inline(value)}" for key, value in table.items() if value is not None]
