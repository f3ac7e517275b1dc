"""A round of the long run: it passes, and it finds a planted bug of each kind that there has been.

The hour itself is ``python tests/chaos/hour.py``; here are smaller rounds of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import planted
import pytest
from conftest import missing
from fire_round import Plan, Round
from redis_servers import find_redis
from servers import PostgresServer

from simqueue.shop.store import Store

pytestmark = pytest.mark.slow

#: Some of everything.
SMALL = Plan(orders=40, workers=2, kills=2, strangers=20, redis=0, mail=1)
#: By what each bug is found.
FOUND_BY = {
    "an order without its payment": "nobody asked for",
    "emails are repeated": r"\(sent, excuses\)",
    "lines are glued": "lines are glued",
    "the job says the amount": "money",
    "a stop without deadlines": "the grace period is not kept|timed out",
    "one layout of a paused queue": "stuck|too few",
    "an id that is known will run": r"stuck.*'(orders|payments)': \['",
    "one bad thing stops everybody": r"stuck: .*'outbox': \['",
    "what nobody can read never ends": r"stuck.*'queues': \[b'",
}


@pytest.fixture(autouse=True)
def a_redis() -> None:
    if not find_redis():
        missing("redis-server")


def test_nothing_is_found_on_sqlite(tmp_path: Path) -> None:
    one = Round("1 small", tmp_path, SMALL)
    one.run()
    assert one.tally.counts["kills"] == SMALL.kills
    assert one.tally.counts["orders"] == SMALL.orders


def test_nothing_is_found_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    Round("2 small", tmp_path, SMALL, postgres).run()


@pytest.mark.parametrize("bug", planted.BUGS)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "_ask", Store._ask)
    if bug == "an order without its payment":  # it is the customers' side that has it
        planted.plant(bug)
    with pytest.raises((AssertionError, subprocess.TimeoutExpired), match=FOUND_BY[bug]):
        Round("1 small", tmp_path, SMALL, bug=bug).run()


def test_the_program_says_where_and_ends_with_one() -> None:
    bug = "the job says the amount"
    program = Path(__file__).with_name("hour.py")
    options = ("--seed", "1", "--round", "1", "--fuzzed", "10", "--plant", bug, "--json")
    done = subprocess.run(
        [sys.executable, str(program), *options],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    (finding,) = said["findings"]
    assert finding.startswith("seed 1, round 1: ")
    assert "money" in finding
    assert sum(times for what, _, times in said["rows"] if what == "fuzzed input") == 10
