"""A round finds bugs that the queue's side, its log and its end have had."""

from __future__ import annotations

import subprocess
from pathlib import Path

import planted
import pytest
from fire_round import Round
from test_planted_in_the_shop import CUT, with_one
from test_planted_in_the_shop import FOUND_BY as IN_THE_SHOP

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("redis_program"),
    pytest.mark.timeout(1200),
]

#: By which fault each bug is met, and by what it is found.
FOUND_BY = {
    "lines are glued": (CUT, "lines are glued"),
    "a stop without deadlines": (CUT, "the grace period is not kept|timed out"),
    "one layout of a paused queue": (("queue", "paused by BullMQ 5"), "stuck|too few"),
    "an id that is known will run": (("queue", "list cut"), r"stuck.*'(orders|payments)': \['"),
    "what nobody can read never ends": (CUT, r"stuck.*'queues': \[b'"),
}


@pytest.mark.parametrize("bug", FOUND_BY)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    fault, words = FOUND_BY[bug]
    with pytest.raises((AssertionError, subprocess.TimeoutExpired), match=words):
        Round("1 small", tmp_path, with_one(fault), bug=bug).run()


def test_each_bug_is_looked_for_somewhere() -> None:
    assert {*FOUND_BY, *IN_THE_SHOP} == set(planted.BUGS)
