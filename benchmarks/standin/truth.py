"""What a day was really like: every job and attempt, as those who did them wrote it down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.standin.company import slots
from benchmarks.standin.machine import Machine
from simqueue.errors import SimqueueError

QUANTILES = (0.5, 0.95, 0.99)
DAY_FILE = "day.json"
#: What identifies a job.
JOB = ["queue", "id"]


@dataclass(frozen=True)
class Truth:
    """A day that is over.

    Attributes
    ----------
    day
        What was asked for: ``seed``, ``day``, ``traffic``, ``duration`` (s), ``queues`` ...
    attempts
        A row each: ``queue``, ``id``, ``name``, ``priority`` (0: none), ``attempt`` (from 1),
        ``number`` (which the draws belong to), ``enqueued``, ``due`` (when it could start),
        ``started``, ``finished`` (all in seconds since the day began), ``wait_s``, ``service_s``
        (as drawn), ``outcome`` (``completed``, ``retried`` or ``failed``), ``worker`` (its pid).
    jobs
        A row each: ``queue``, ``id``, ``name``, ``priority``, ``enqueued``, ``finished`` (NaN
        where it never was), ``response_s`` (from enqueued on, delay and backoff included),
        ``attempts``, ``outcome`` (``completed``, ``failed`` or ``unfinished``).
    machine
        How busy it was.
    """

    day: dict[str, object]
    attempts: pd.DataFrame
    jobs: pd.DataFrame
    machine: Machine

    @property
    def duration_s(self) -> float:
        """For how long jobs arrived; those in hand are then done to their end."""
        return float(self.day["duration"])  # type: ignore[arg-type]

    @property
    def overrun_p99_s(self) -> float:
        """By how much 99 % of the attempts at most took longer than was drawn for them.

        It is what the machine, Node and BullMQ added: small where none of them was the limit.
        """
        took = self.attempts["finished"] - self.attempts["started"]
        return float((took - self.attempts["service_s"]).quantile(0.99))

    def summary(self, *by: str) -> pd.DataFrame:
        """A row for each queue, or for each value of ``by`` (such as ``queue``, ``priority``).

        Returns
        -------
        pandas.DataFrame
            ``jobs``, ``lost`` (not completed in the end), ``throughput_per_s`` (jobs completed
            while jobs arrived), quantiles of ``wait_s`` by attempt and ``response_s`` by job (of
            completed jobs); by queue also ``utilisation`` of its slots while jobs arrived.
        """
        keys = list(by) or ["queue"]
        done = self.jobs[self.jobs["outcome"] == "completed"]
        in_time = done[done["finished"] <= self.duration_s]
        jobs = self.jobs.groupby(keys).size()
        table = pd.DataFrame(
            {
                "jobs": jobs,
                "lost": jobs.sub(done.groupby(keys).size(), fill_value=0).astype(int),
                "throughput_per_s": in_time.groupby(keys).size() / self.duration_s,
            }
        )
        for name, rows in (("wait_s", self.attempts), ("response_s", done)):
            found = rows.groupby(keys)[name].quantile(np.array(QUANTILES)).unstack()
            found.columns = [f"{name[:-2]}_p{100 * share:.0f}_s" for share in QUANTILES]
            table = table.join(found)
        if keys == ["queue"]:
            table["utilisation"] = self._utilisation()
        return table.fillna({"throughput_per_s": 0.0})

    def _utilisation(self) -> pd.Series[float]:
        rows = self.attempts
        end = self.duration_s
        busy_s = rows["finished"].clip(0, end) - rows["started"].clip(0, end)
        places = pd.Series(slots(self.day))
        return busy_s.groupby(rows["queue"]).sum() / end / places


def read_truth(folder: Path) -> Truth:
    """The truth of the day that was played in ``folder``.

    Raises
    ------
    SimqueueError
        If it was too short for anybody to do anything.
    """
    day = json.loads((folder / DAY_FILE).read_text(encoding="utf-8"))
    machine = Machine(**day.pop("machine"))
    attempts = _attempts(folder, day["origin"])
    return Truth(day, attempts, _jobs(folder, attempts, day["origin"]), machine)


def _attempts(folder: Path, origin: float) -> pd.DataFrame:
    rows = _lines(folder, "attempts")
    if rows.empty:
        raise SimqueueError(f"{folder}: nobody worked that day; play a longer one")
    rows = rows.rename(columns={"service": "service_s"})
    rows[["enqueued", "due", "started", "finished"]] -= origin
    rows = rows.sort_values([*JOB, "attempt"], ignore_index=True)
    rows["due"] = _due(rows, _lines(folder, "backoffs"))
    # Stamps of two processes: what starts at once must not start too early.
    rows["wait_s"] = (rows["started"] - rows["due"]).clip(lower=0)
    return rows.drop(columns="parent")


def _due(rows: pd.DataFrame, backoffs: pd.DataFrame) -> pd.Series[float]:
    """When each attempt could start: after its delay, its backoff, its last child."""
    due = rows["due"].copy()
    if len(backoffs):
        waited = rows[[*JOB, "attempt"]].merge(backoffs, how="left", on=[*JOB, "attempt"])
        after = rows["finished"] + waited["backoff"].to_numpy()
        retries = rows["attempt"] > 1
        due[retries] = after.shift()[retries]
    ended = rows[rows["parent"].notna() & (rows["outcome"] != "retried")]
    ready = (rows["queue"] + ":" + rows["id"]).map(ended.groupby("parent")["finished"].max())
    return due.where(rows["attempt"] > 1, np.fmax(due, ready))


def _jobs(folder: Path, attempts: pd.DataFrame, origin: float) -> pd.DataFrame:
    """Those that were added, and those that a scheduler added by itself."""
    about = [*JOB, "name", "priority", "enqueued"]
    added = _lines(folder, "added")
    added["enqueued"] -= origin
    every = pd.concat([added[about], attempts[about]]).drop_duplicates(JOB)
    last = attempts.drop_duplicates(JOB, keep="last")
    ended = last[last["outcome"] != "retried"]
    jobs = every.merge(last[[*JOB, "attempt"]].rename(columns={"attempt": "attempts"}), "left", JOB)
    jobs = jobs.merge(ended[[*JOB, "finished", "outcome"]], "left", JOB)
    jobs = jobs.fillna({"attempts": 0, "outcome": "unfinished"}).astype({"attempts": int})
    jobs["response_s"] = jobs["finished"] - jobs["enqueued"]
    return jobs.sort_values("enqueued", ignore_index=True)


def _lines(folder: Path, what: str) -> pd.DataFrame:
    """What all processes wrote about something; ``worker`` says which."""
    return pd.DataFrame(
        [
            {**json.loads(line), "worker": file.stem.rpartition("-")[2]}
            for file in sorted(folder.glob(f"{what}-*.jsonl"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
    )
