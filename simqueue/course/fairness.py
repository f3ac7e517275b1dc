"""Runs side by side: what differs between them is said under them, and nothing else differs."""

from __future__ import annotations

import re
from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

from simqueue.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from simqueue.results.comparison.sharing import Difference, Ran

#: A longer sentence is broken up, a line for each run.
_SHORT = 180


def beside(runs: Mapping[str, Ran], *meant: str) -> str:
    """Say what differs between runs that are set side by side.

    Parameters
    ----------
    runs
        Two or more, by the names that readers see.
    meant
        What is meant to differ, as `simqueue.results.comparison.sharing.differences` names it: a
        key of the scenario, a table (``workers``), ``places in all``...

    Returns
    -------
    str
        What to show under a figure or a table: a sentence, or if that would be long a line for each
        run, which says what sets it apart.

    Raises
    ------
    InputError
        If anything else differs, or something that was meant to is shared. It is for whoever writes
        a comparison: readers never meet it.

    Examples
    --------
    >>> import simqueue as sq
    >>> calm = sq.read_scenario("outage.toml").replace({"duration_s": 60})
    >>> runs = {"one": sq.simulate(calm), "two": sq.simulate(calm.replace({"workers.count": 2}))}
    >>> beside(runs, "workers.count", "places in all")
    'Different in one / two: workers.count 1 / 2; places in all 40 / 80. All else is shared.'
    """
    from simqueue.results.comparison.sharing import differences

    found = differences(runs)
    names = " / ".join(runs)
    unsaid = [str(one) for key, one in found.items() if not any(_covers(m, key) for m in meant)]
    if unsaid:
        raise InputError(f"{names} also differ in {'; '.join(unsaid)}: say so, or make it equal")
    alike = [one for one in meant if not any(_covers(one, key) for key in found)]
    if alike:
        raise InputError(f"{names} do not differ in {', '.join(alike)}: they share it")
    sentence = f"Different in {names}: {'; '.join(map(str, found.values()))}. All else is shared."
    return sentence if len(sentence) <= _SHORT else _run_by_run(list(runs), list(found.values()))


def _run_by_run(runs: Sequence[str], found: Sequence[Difference]) -> str:
    """Say what most runs have; then in a line for each run what sets it apart."""
    from simqueue.results.comparison.sharing import NOTHING

    within = _common([one.what for one in found])
    head = [f"Different in {within}."] if within else []
    usual: list[str] = []
    apart: dict[str, list[str]] = {run: [] for run in runs}
    for one in found:
        what = one.what.removeprefix(f"{within}.")
        if not one.values:
            head.append(f"Different {what}.")
            continue
        most = _most_common(one.values)
        if most not in (None, NOTHING):
            usual.append(f"{what} {most}{one.so}")
        for run, value in zip(runs, one.values, strict=True):
            if value == NOTHING and most not in (None, NOTHING):
                apart[run].append(f"no {what}")
            elif value not in (NOTHING, most):
                apart[run].append(f"{what} {value}{one.so}")
    if usual:
        head.append(f"Unless said otherwise: {', '.join(usual)}.")
    lines = [f"- {run}: {', '.join(words) or 'as said'}" for run, words in apart.items()]
    return "\n".join([" ".join(head) or "Different:", *lines, "All else is shared."])


def _common(keys: Sequence[str]) -> str:
    """The table that all keys stand in; nothing: there is none."""
    paths = [re.findall(r'"[^"]*"|[^.]+', key)[:-1] for key in keys]
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*paths, strict=False))
    return ".".join(name for name, *_ in shared)


def _most_common(values: Sequence[str]) -> str | None:
    """What most of them are; None where no value is more common than any other."""
    (first, times), *others = [*Counter(values).most_common(2), ("", 0)]
    return first if times > others[0][1] else None


def _covers(meant: str, key: str) -> bool:
    return key == meant or key.startswith(f"{meant}.")
