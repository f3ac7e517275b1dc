"""A round finds bugs that the shop's own code has had."""

from __future__ import annotations

import subprocess
from pathlib import Path

import planted
import pytest
from fire_round import SMALL, Round

from simqueue.shop.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("redis_program")]

#: By what each bug is found.
FOUND_BY = {
    "an order without its payment": "nobody asked for",
    "emails are repeated": r"\(sent, excuses\)",
    "the job says the amount": "money",
    "one bad thing stops everybody": r"stuck: .*'outbox': \['",
}


@pytest.mark.parametrize("bug", FOUND_BY)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "_ask", Store._ask)
    if bug == "an order without its payment":  # it is the customers' side that has it
        planted.plant(bug)
    with pytest.raises((AssertionError, subprocess.TimeoutExpired), match=FOUND_BY[bug]):
        Round("1 small", tmp_path, SMALL, bug=bug).run()
