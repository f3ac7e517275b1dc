"""Settings of the command line that go on top of a scenario's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simqueue.workload.changes import Change

#: Where a flag's value goes.
_KEYS = {
    "workers": "workers.count",
    "concurrency": "workers.concurrency",
    "mode": "mode",
    "duration": "duration_s",
    "warmup": "warmup_s",
    "seed": "seed",
}


def changes_of(set_: list[str] | None, **flags: Any) -> list[Change]:
    """What ``--set`` and the flags that were given say, in the words to blame."""
    from simqueue.workload.changes import Change, parse_set, path_of

    found = [parse_set(text) for text in set_ or []]
    for flag, value in flags.items():
        if value is not None:
            found.append(Change(path_of(_KEYS[flag]), value, f"--{flag} {value}"))
    return found
