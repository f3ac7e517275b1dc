"""Record what lesson 16 ships: a day of a small company's queues, and two Fridays after it.

    python -m benchmarks.standin.recording FOLDER

On the first day `simqueue calibrate` watches, and what it saw is the recording. On Friday nobody
watches: twice as many customers come, once to the queues as they are and once to what the lesson
plans, and the workers themselves write down what was done. Each day takes its six minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pandas as pd
import redis

from benchmarks.standin.company import PROFILE
from benchmarks.standin.day import play_day
from benchmarks.standin.packages import bullmq_of
from benchmarks.standin.truth import Truth
from simqueue.calibration.calibrate import OBSERVATIONS, calibrate
from simqueue.files import writing
from simqueue.validation.server import open_server

RECORDING, FRIDAYS = "running_queue.jsonl.gz", "running_queue_fridays.csv.gz"
SEED, MINUTES, TRAFFIC = 16, 6.0, 2.0
#: What the lesson plans for Friday: worker processes, and the limiter's starts in a second.
PLANNED = {"workers": 3, "limiter": 8}

#: Times are milliseconds; see `benchmarks.standin.company`.
COMPANY: dict[str, Any] = {
    "profile": PROFILE,
    "pools": {"office": {"count": 2, "queues": {"invoices": 4, "webhooks": 6}}},
    "queues": {
        "invoices": {
            "rate_per_s": 2.4,
            "kinds": [
                {"name": "vip", "share": 0.2, "priority": 1, "service": {"mean": 900, "cv": 0.8}},
                {"name": "bulk", "share": 0.8, "priority": 10, "service": {"mean": 1500, "cv": 1}},
            ],
            "failing": 0.05,
            "options": {
                "attempts": 3,
                "backoff": {"type": "exponential", "delay": 1000, "jitter": 0.5},
                "removeOnComplete": True,
                "removeOnFail": 50,
            },
        },
        "webhooks": {
            "rate_per_s": 3,
            "kinds": [{"name": "deliver", "share": 1, "service": {"mean": 600, "cv": 0.9}}],
            "failing": 0.03,
            "limiter": {"max": 6, "duration": 1000},
            "options": {
                "attempts": 4,
                "backoff": {"type": "fixed", "delay": 5000},
                "removeOnComplete": True,
                "removeOnFail": 50,
            },
        },
    },
}


def planned() -> dict[str, Any]:
    """The company as the lesson's plan has it."""
    company = deepcopy(COMPANY)
    company["pools"]["office"]["count"] = PLANNED["workers"]
    company["queues"]["webhooks"]["limiter"]["max"] = PLANNED["limiter"]
    return company


def record(file: Path, minutes: float = MINUTES, company: dict[str, Any] = COMPANY) -> Truth:
    """Play a day on a private Redis and write down what `simqueue calibrate` sees of it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_server() as server,
        ThreadPoolExecutor(1) as thread,
    ):
        playing = thread.submit(
            play_day, Path(folder) / "truth", SEED, minutes=minutes, redis=server.url,
            bullmq=bullmq_of(), company=company,
        )  # fmt: skip
        with redis.Redis.from_url(server.url) as client:
            metas = [f"bull:{queue}:meta" for queue in company["queues"]]
            while client.exists(*metas) < len(metas) and not playing.done():
                time.sleep(0.02)
        seen = Path(folder) / "seen"
        calibrate(server.url, seen, minutes=minutes)
        with writing(file) as out:
            out.write((seen / OBSERVATIONS).read_text(encoding="utf-8"))
        return playing.result()


def friday(company: dict[str, Any], minutes: float = MINUTES) -> Truth:
    """Another day, with twice the customers; the same ones each time."""
    with tempfile.TemporaryDirectory() as folder:
        return play_day(
            Path(folder), SEED, 2, TRAFFIC, minutes, bullmq=bullmq_of(), company=company
        )


def jobs_of(fridays: dict[str, Truth]) -> pd.DataFrame:
    """A row a job, as the workers wrote it down: when it was added and over, to milliseconds."""
    columns = {"queue": "queue", "name": "class", "enqueued": "enqueued_s", "finished": "over_s"}
    tables = [
        truth.jobs[[*columns, "outcome"]].rename(columns=columns).assign(friday=name)
        for name, truth in fridays.items()
    ]
    return pd.concat(tables)[["friday", *columns.values(), "outcome"]].round(3)


def main() -> int:
    """Record all three days."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.standin.recording", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="where the two files go")
    folder = parser.parse_args().folder
    _tell("the day that is watched", record(folder / RECORDING))
    fridays = {"as it is": friday(COMPANY), "as planned": friday(planned())}
    for name, truth in fridays.items():
        _tell(f"Friday, {name}", truth)
    with writing(folder / FRIDAYS) as out:
        jobs_of(fridays).to_csv(out, index=False)
    return 0


def _tell(what: str, truth: Truth) -> None:
    machine, late_s = truth.machine, truth.overrun_p99_s
    print(f"{what}: machine {machine.busy:.0%} busy, attempts at most {late_s:.4f} s late (p99)",
          truth.summary().to_string(), sep="\n", file=sys.stderr, flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
