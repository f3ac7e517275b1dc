"""A round finds bugs that the shop's own code has had.

It is one with the fault that meets the bug: the long run has them all.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import planted
import pytest
from fire_round import SMALL, Plan, Round

from simqueue.shop.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("redis_program"),
    pytest.mark.timeout(1200),
]

#: The least of all faults, for what is met without one.
CUT = ("Redis", "connections cut")
#: By which fault each bug is met, and by what it is found.
FOUND_BY = {
    "an order without its payment": (CUT, "nobody asked for"),
    "emails are repeated": (("SQLite", "disk full"), r"\(sent, excuses\)"),
    "the job says the amount": (CUT, "money"),
    "one bad thing stops everybody": (CUT, r"stuck: .*'outbox': \['"),
}


def with_one(fault: tuple[str, str]) -> Plan:
    """A round of one fault, whose workers live on: of what a killed one sent nobody can be sure."""
    return replace(SMALL, orders=20, kills=0, only=[fault])


@pytest.mark.parametrize("bug", FOUND_BY)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "_ask", Store._ask)
    if bug == "an order without its payment":  # it is the customers' side that has it
        planted.plant(bug)
    fault, words = FOUND_BY[bug]
    with pytest.raises((AssertionError, subprocess.TimeoutExpired), match=words):
        Round("1 small", tmp_path, with_one(fault), bug=bug).run()
