"""A round finds bugs that the queue's side, its log and its end have had."""

from __future__ import annotations

import subprocess
from pathlib import Path

import planted
import pytest
from fire_round import SMALL, Round
from test_planted_in_the_shop import FOUND_BY as IN_THE_SHOP

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("redis_program")]

#: By what each bug is found.
FOUND_BY = {
    "lines are glued": "lines are glued",
    "a stop without deadlines": "the grace period is not kept|timed out",
    "one layout of a paused queue": "stuck|too few",
    "an id that is known will run": r"stuck.*'(orders|payments)': \['",
    "what nobody can read never ends": r"stuck.*'queues': \[b'",
}


@pytest.mark.parametrize("bug", FOUND_BY)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    with pytest.raises((AssertionError, subprocess.TimeoutExpired), match=FOUND_BY[bug]):
        Round("1 small", tmp_path, SMALL, bug=bug).run()


def test_each_bug_is_looked_for_somewhere() -> None:
    assert {*FOUND_BY, *IN_THE_SHOP} == set(planted.BUGS)
