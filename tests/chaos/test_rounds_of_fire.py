"""A round of the long run passes: nothing is lost, done twice or stuck.

The hour itself is ``python tests/chaos/hour.py``; here are smaller rounds of it. That they find
bugs: ``test_planted_in_the_shop.py`` and ``test_planted_in_the_queue.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fire_round import SMALL, Round
from servers import PostgresServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("redis_program"),
    pytest.mark.timeout(1200),  # a minute each, on a machine that has nothing else to do
]


def test_nothing_is_found_on_sqlite(tmp_path: Path) -> None:
    one = Round("1 small", tmp_path, SMALL)
    one.run()
    assert one.tally.counts["kills"] == SMALL.kills
    assert one.tally.counts["orders"] == SMALL.orders


def test_nothing_is_found_on_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    Round("2 small", tmp_path, SMALL, postgres).run()


def test_the_program_says_where_and_ends_with_one() -> None:
    bug = "the job says the amount"
    program = Path(__file__).with_name("hour.py")
    options = ("--seed", "1", "--round", "1", "--small", "--fuzzed", "10", "--plant", bug, "--json")
    done = subprocess.run(
        [sys.executable, str(program), *options],
        capture_output=True, text=True, timeout=1000, check=False,
    )  # fmt: skip

    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    (finding,) = said["findings"]
    assert finding.startswith("seed 1, round 1: ")
    assert "money" in finding
    assert sum(times for what, _, times in said["rows"] if what == "fuzzed input") == 10
