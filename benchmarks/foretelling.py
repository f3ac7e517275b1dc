"""What a scenario says of a day, and what that day brought; ``python -m benchmarks.foretelling``.

The scenario is one that `simqueue calibrate` made of another day of the stand-in's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from benchmarks.standin.truth import JOB, Truth, read_truth
from simqueue.errors import InputError
from simqueue.experiments.run import simulate
from simqueue.planning.situations import with_traffic
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import read_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.schedulers import Scheduler

_P95 = 0.95


def foretold(scenario: Scenario, truth: Truth, replications: int = 10) -> pd.DataFrame:
    """Both sides of each queue, and of each priority where a queue has several.

    Returns
    -------
    pandas.DataFrame
        By queue and priority (-1: all): ``jobs``, ``lost``, ``p95_s`` of response times of
        completed jobs, each with ``_said`` for the scenario's, ``low_s`` and ``high_s``, between
        which the p95s of its single days are, and ``error`` of the p95, a share. A scheduler's jobs
        count from when they are due.
    """
    log = simulate(scenario, replications=replications).log.frame()
    if "priority" not in log:
        log["priority"] = 0
    said = log.astype({"queue": str}).sort_values("finished_s")
    said = said.drop_duplicates(["replication", "queue", "job_id"], keep="last")
    said = said.assign(response_s=said["finished_s"] - said["enqueued_s"])
    table = _sides(_from_due(truth, scenario)).join(_sides(said).add_suffix("_said"))
    table[["jobs_said", "lost_said"]] /= replications
    days = pd.concat(_sides(day)["p95_s"] for _, day in said.groupby("replication"))
    days = days.groupby(level=days.index.names)
    table = table.join(days.min().rename("low_s")).join(days.max().rename("high_s"))
    return table.assign(error=table["p95_s_said"] / table["p95_s"] - 1)


def _from_due(truth: Truth, scenario: Scenario) -> pd.DataFrame:
    """The jobs of a day; those of a scheduler answer from when they were due."""
    jobs = truth.jobs.copy()
    first = truth.attempts[truth.attempts["attempt"] == 1]
    due = jobs[JOB].merge(first[[*JOB, "due"]], "left", JOB)["due"]
    clocks = [queue for queue, one in scenario.arrivals.items() if isinstance(one, Scheduler)]
    mine = jobs["queue"].isin(clocks)
    jobs.loc[mine, "response_s"] = (jobs["finished"] - due.set_axis(jobs.index))[mine]
    return jobs


def _sides(jobs: pd.DataFrame) -> pd.DataFrame:
    everything = jobs.assign(priority=-1)
    several = jobs.groupby("queue")["priority"].transform("nunique") > 1
    jobs = pd.concat([everything, jobs[several]])
    keys = ["queue", "priority"]
    done = jobs[jobs["outcome"] == "completed"].groupby(keys)
    count = jobs.groupby(keys).size()
    return pd.DataFrame(
        {
            "jobs": count,
            "lost": count.sub(done.size(), fill_value=0),
            "p95_s": done["response_s"].quantile(_P95),
        }
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table; the exit code is 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foretelling", description=__doc__)
    parser.add_argument("scenario", type=Path, help="what simqueue calibrate wrote")
    parser.add_argument("day", type=Path, help="a folder of python -m benchmarks.standin")
    parser.add_argument("--traffic", type=float, default=1.0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--replications", type=int, default=10, help="days of the model")
    options = parser.parse_args(arguments)
    try:
        truth = read_truth(options.day)
        scenario = read_scenario(options.scenario, [parse_set(text) for text in options.set])
        scenario = with_traffic(scenario, options.traffic) if options.traffic != 1 else scenario
        table = foretold(scenario, truth, options.replications)
        print(table.to_string(float_format="{:.3f}".format))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"99 % of the attempts overran their time by less than {truth.overrun_p99_s:.3f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
