"""The shop under fire for an hour: kills, faults, strangers and fuzzed input, from one seed.

``python tests/chaos/hour.py [--minutes 60] [--seed 1]``. It ends with 1 if anything was found, and
says in which round of which seed; ``--round N`` plays that one again.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import planted
import redis
from fire_round import SMALL, Plan, Round, Tally
from fuzzing import KINDS, fuzz
from redis_servers import RedisServer
from servers import PostgresServer, find_postgres

#: Every third round has its records in PostgreSQL, where there is one.
_POSTGRES_EVERY = 3
#: Of a finding so much is printed.
_LONGEST = 3000


def fuzzed(kind: str, number: int, seed: int) -> tuple[Counter[int], list[str]]:
    """So many inputs of a kind, in a process of its own; how they ended, and what was wrong."""
    redis.backoff.ExponentialBackoff.compute = lambda *_: 0.0  # type: ignore[method-assign]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    server = RedisServer()
    try:
        with tempfile.TemporaryDirectory() as folder, redis.Redis(port=server.port) as client:
            return fuzz(kind, number, seed, Path(folder), client, server.url)
    finally:
        server.stop()


class Hour:
    """The run.

    Parameters
    ----------
    seed
        Every round's seed comes from it.
    plan
        What a round has.
    bug
        One that the shop is to have, to see that it is found.
    """

    def __init__(self, seed: int, plan: Plan, bug: str = "") -> None:
        self.tally = Tally()
        self.findings: list[str] = []
        self.rounds = 0
        self._seed = seed
        self._plan = plan
        self._bug = bug
        programs = find_postgres()
        self._postgres = PostgresServer(programs) if programs else None

    def play(self, number: int) -> None:
        """Play a round; what it finds is kept, and so is its folder."""
        folder = Path(tempfile.mkdtemp(prefix=f"simqueue-fire-{self._seed}-{number}-"))
        postgres = self._postgres if number % _POSTGRES_EVERY == 0 else None
        one = Round(f"{self._seed} {number}", folder, self._plan, postgres, self._bug)
        began = time.monotonic()
        try:
            one.run()
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{last.name}: {last.line}: {type(error).__name__}: {error}"[:_LONGEST]
            self.findings.append(f"seed {self._seed}, round {number}: {text} (see {folder})")
            say(f"FOUND: {self.findings[-1]}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        self.tally.add(one.tally)
        self.rounds += 1
        records = "SQLite" if postgres is None else "PostgreSQL"
        kills = self.tally.counts["kills"]
        say(f"round {number}: {records}, {time.monotonic() - began:.0f} s; {kills} kills so far")

    def close(self) -> None:
        """Stop what it started."""
        if self._postgres is not None:
            self._postgres.stop()

    def rows(self) -> list[tuple[str, str, int]]:
        """The table: what, how, how often."""
        counts = self.tally.counts
        found = [(what, kind, n) for (what, kind), n in sorted(self.tally.faults.items())]
        found += [("workers", f"of these {name}" if "with" in name else name, counts[name])
                  for name in ("kills", "kills with work in hand", "jobs cut off")]  # fmt: skip
        found += [("customers", "cut off", counts["customers cut off"])]
        found += [("emails", "sent", counts["emails"]), ("emails", "sent again, as nobody could "
                  "know", counts["emails sent again"])]  # fmt: skip
        found += [("by hand", "orders and emails retried", counts["retried by hand"])]
        found += [("orders", end, n) for end, n in sorted(self.tally.ends.items())]
        return [*found, ("orders", "all", counts["orders"])]


def say(line: str) -> None:
    """Tell whoever waits; what is printed in the end is on standard output."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def main() -> int:
    """Run it; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="rounds begin for so long")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--round", type=int, help="this round only")
    parser.add_argument("--fuzzed", type=int, default=5000, help="inputs, a fifth of each kind")
    parser.add_argument("--small", action="store_true", help="rounds of a minute each")
    parser.add_argument("--patience", type=float, default=Plan.patience_s, help="seconds")
    parser.add_argument("--plant", default="", choices=["", *planted.BUGS], help="a bug to find")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever was started is ended
    logging.getLogger("simqueue").setLevel(logging.ERROR)  # every log is torn, on purpose
    say(f"seed {given.seed}")
    if given.plant:
        planted.plant(given.plant)
    plan = replace(SMALL if given.small else Plan(), patience_s=given.patience)
    hour = Hour(given.seed, plan, given.plant)
    began = time.monotonic()
    inputs: dict[str, Future[tuple[Counter[int], list[str]]]] = {}
    each = given.fuzzed // len(KINDS)
    ended = {}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            if each:
                inputs = {kind: pool.submit(fuzzed, kind, each, given.seed) for kind in KINDS}
            if given.round is not None:
                hour.play(given.round)
            while given.round is None and (
                not hour.rounds or time.monotonic() - began < 60 * given.minutes
            ):
                hour.play(hour.rounds + 1)
            ended = {kind: waiting.result() for kind, waiting in inputs.items()}
        except KeyboardInterrupt:
            say("stopped; what there was until now:")
            ended = {kind: waiting.result() for kind, waiting in inputs.items() if waiting.done()}
            pool.shutdown(cancel_futures=True)
        finally:
            hour.close()
    rows = [("fuzzed input", kind, codes.total()) for kind, (codes, _) in ended.items()]
    hour.findings += [line for _, wrong in ended.values() for line in wrong]
    report(hour, [*hour.rows(), *rows], round((time.monotonic() - began) / 60, 1), given)
    return int(bool(hour.findings))


def report(
    hour: Hour, rows: list[tuple[str, str, int]], minutes: float, given: argparse.Namespace
) -> None:
    """Print what there was and what was found."""
    head = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "seed": given.seed, "minutes": minutes,
            "rounds": hour.rounds, "kills": hour.tally.counts["kills"]}  # fmt: skip
    if given.json:
        print(json.dumps({**head, "rows": rows, "findings": hour.findings}, indent=2))
        return
    print(", ".join(f"{key} {value}" for key, value in head.items()))
    print("\n| what | how | times |\n|---|---|---|")
    for what, how, times in rows:
        print(f"| {what} | {how} | {times:,} |")
    print(f"\nfound: {len(hour.findings)}")
    for line in hour.findings:
        print(f"- {line}")


if __name__ == "__main__":
    sys.exit(main())
