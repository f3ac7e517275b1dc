"""The contract of engines: one body of tests that every engine joins.

An engine's test class says what it is called and which workload it is given. How each rule of a
queue works out is for other tests; this is what whoever calls an engine may rely on.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import pairwise
from pickle import dumps, loads
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from simqueue.record.attempt_log import (
    COLUMNS,
    COMPLETED,
    FAILED,
    RETRIED,
    ROW,
    STALLED,
    UNFINISHED,
    AttemptLog,
)
from simqueue.simulation.engines import ENGINES, Replication
from simqueue.workload.workload import Workload

#: Moments that are computed in another order differ by rounding, seconds.
ROUNDING_S = 1e-9

Rows = NDArray[np.void]


class EngineContract:
    """What every engine promises."""

    #: Its name in `ENGINES`.
    engine: str

    def workload(self) -> Workload:
        """What it is given, a new one each time: jobs that wait and fail, without cpu parts."""
        raise NotImplementedError

    def run(self, **options: Any) -> Replication:
        return ENGINES[self.engine](self.workload(), **options)

    def test_the_log_has_the_shape_that_all_logs_have(self) -> None:
        workload = self.workload()
        log = self.run().log

        assert log.rows.dtype == ROW
        assert tuple(log.frame()) == COLUMNS
        assert log.engine == self.engine
        assert log.replications == (workload.replication,)
        assert log.queues == tuple(workload.scenario.queues)
        assert set(log.rows["outcome"]) <= {COMPLETED, RETRIED, FAILED, STALLED}
        assert {COMPLETED, FAILED} <= set(log.rows["outcome"])
        # In the order in which they ended, and no end before its start.
        assert (np.diff(log.rows["finished_s"]) >= 0).all()
        for early, late in pairwise(("enqueued_s", "ready_s", "started_s", "finished_s")):
            assert (log.rows[early] <= log.rows[late]).all()

    def test_ids_names_and_queues_are_the_workloads(self) -> None:
        workload = self.workload()
        frame = self.run().log.frame()

        number, kinds = _numbers(workload, self.run().log.rows), workload.kinds
        for line, root, kind in zip(frame.itertuples(), *number, strict=True):
            its = kinds[kind]
            parent = workload.job_id(kinds[its.parent], root) if its.parent >= 0 else ""
            assert (line.queue, line.name) == (its.queue, its.name)
            assert (line.job_id, line.parent_id) == (workload.job_id(its, root), parent)
            assert line.flow == workload.job_id(kinds[_root(workload, kind)], root)

    def test_every_job_comes_once_and_ends_once(self) -> None:
        """Those that requests add, those of others' outcomes, and what comes after an answer."""
        workload = self.workload()
        rows = self.run().log.rows
        final = rows[np.isin(rows["outcome"], (COMPLETED, FAILED))]
        times, kinds, roots = workload.arrivals
        came = dict(zip(zip(kinds.tolist(), roots.tolist(), strict=True), times, strict=True))
        for root, kind, row in zip(*_numbers(workload, final), final, strict=True):
            outcome = "completed" if row["outcome"] == COMPLETED else "failed"
            for child in workload.follow_ups(kind, outcome):
                assert (child.number, root) not in came
                came[child.number, root] = float(row["finished_s"])
        for (kind, root), answered_s in _answers(workload, final).items():
            for then in workload.next_requests.get(kind, ()):
                following, asks_s = then.number[root], answered_s + then.think_s[root]
                if following >= 0 and asks_s < then.until_s:
                    assert (then.kind, following) not in came
                    came[then.kind, following] = asks_s

        ended = list(zip(*reversed(_numbers(workload, final)), strict=True))
        assert len(ended) == len(set(ended))
        assert set(ended) == set(came)
        enqueued = [came[job] for job in ended]
        np.testing.assert_allclose(final["enqueued_s"], enqueued, rtol=0, atol=ROUNDING_S)

    def test_every_attempt_brings_what_was_drawn_for_it(self) -> None:
        """Its time, whether it fails, and how long the job waits then."""
        workload = self.workload()
        rows = self.run().log.rows
        rows = rows[np.lexsort((rows["ready_s"], rows["job"]))]
        ready = {}
        for root, kind, row in zip(*_numbers(workload, rows), rows, strict=True):
            attempt, outages = int(row["attempt"]), _outages(workload, kind)
            drawn = workload.attempts(kind, attempt)
            due = ready.pop((kind, root), row["enqueued_s"])
            assert row["ready_s"] == pytest.approx(due, abs=ROUNDING_S)
            if row["outcome"] == STALLED:
                ready[kind, root] = row["finished_s"]
                continue
            failed = bool(drawn.fails[root]) or any(
                start <= row["started_s"] < end for start, end in outages
            )
            wait = workload.waits_s(kind, attempt)[root] if failed else np.nan
            if not np.isnan(wait):
                ready[kind, root] = row["finished_s"] + wait
            outcome = COMPLETED if not failed else FAILED if np.isnan(wait) else RETRIED
            assert row["outcome"] == outcome
            took = row["finished_s"] - row["started_s"]
            assert took == pytest.approx(drawn.io_s[root], abs=ROUNDING_S)
        assert not ready, "a retry was never made"

    def test_progress_rises_to_one(self) -> None:
        shares: list[float] = []
        with_progress = self.run(progress=shares.append)

        assert len(shares) > 10
        assert shares[0] > 0
        assert all(early < late for early, late in pairwise(shares))
        assert shares[-1] == 1
        tell_the_same(with_progress.log, self.run().log)

    def test_a_whole_run_is_not_cut_off(self) -> None:
        whole = self.run()
        late = self.run(until_s=10 * whole.log.rows["finished_s"].max())

        for done in (whole, late):
            assert (done.cut_off_s, done.interrupted) == (None, False)
        tell_the_same(whole.log, late.log)

    @pytest.mark.parametrize("share", [0.001, 0.1, 0.31, 0.5, 0.77, 0.99])
    def test_it_stops_where_it_is_told_to(self, share: float) -> None:
        """What ended before is there as ever, and who was ready and waited then, as that."""
        whole = self.run().log.rows
        until_s = share * float(whole["finished_s"].max())
        shares: list[float] = []
        cut = self.run(until_s=until_s, progress=shares.append)

        assert (cut.cut_off_s, cut.interrupted) == (until_s, False)
        assert shares == sorted(set(shares))
        assert shares[-1] == 1
        _holds_until(cut.log.rows, whole, until_s)

    def test_some_wait_where_it_is_told_to_stop(self) -> None:
        """Or the test before this one shows less than it says."""
        half_s = 0.5 * float(self.run().log.rows["finished_s"].max())

        assert (self.run(until_s=half_s).log.rows["outcome"] == UNFINISHED).sum() > 1

    @pytest.mark.parametrize("share", [0.004, 0.5, 0.9])
    def test_ctrl_c_leaves_what_is_done_so_far(self, share: float) -> None:
        def interrupt(done: float) -> None:
            if done > share:
                raise KeyboardInterrupt

        stopped = self.run(progress=interrupt)

        assert stopped.interrupted
        assert stopped.cut_off_s is not None
        assert 0 < stopped.cut_off_s <= self.workload().scenario.duration_s
        tell_the_same(stopped.log, self.run(until_s=stopped.cut_off_s).log)

    def test_the_same_workload_gives_the_same_log(self) -> None:
        """Drawn anew, and run a second time."""
        workload = self.workload()
        once, again = (ENGINES[self.engine](workload).log for _ in range(2))

        tell_the_same(once, again)
        tell_the_same(once, self.run().log)

    def test_what_it_gives_goes_through_a_pickle(self) -> None:
        for done in (self.run(), self.run(until_s=10.0)):
            copy = loads(dumps(done))
            assert (copy.cut_off_s, copy.interrupted) == (done.cut_off_s, done.interrupted)
            tell_the_same(copy.log, done.log)

    def test_another_process_gives_the_same(self, another_process: Executor) -> None:
        there = another_process.submit(_run, type(self)).result()

        tell_the_same(there.log, self.run().log)


def tell_the_same(one: AttemptLog, other: AttemptLog) -> None:
    """To the last bit: also what is not a number."""
    assert one.rows.tobytes() == other.rows.tobytes()
    pd.testing.assert_frame_equal(one.frame(), other.frame())


def _holds_until(cut: Rows, whole: Rows, until_s: float) -> None:
    """``cut`` holds of ``whole`` what had happened by then."""
    ended = cut["outcome"] != UNFINISHED
    before = whole[whole["finished_s"] < until_s]
    assert cut[ended].tobytes() == before.tobytes()
    waits = cut[~ended]
    assert not ended[len(before) :].any()
    assert np.isnan(waits["started_s"]).all()
    assert np.isnan(waits["finished_s"]).all()
    assert (waits["worker"] == -1).all()
    assert (waits["slot"] == -1).all()
    # A job that stalled too often fails without a start.
    started = np.where(np.isnan(whole["started_s"]), whole["finished_s"], whole["started_s"])
    late = whole[(whole["ready_s"] < until_s) & (started >= until_s)]
    columns = [
        *("replication", "queue", "name", "job", "flow", "parent", "attempt", "run"),
        *("enqueued_s", "ready_s"),
    ]
    assert sorted(waits[columns].tolist()) == sorted(late[columns].tolist())


def _run(contract: type[EngineContract]) -> Replication:
    return contract().run()


def _numbers(workload: Workload, rows: Rows) -> tuple[list[int], list[int]]:
    """Root arrivals and kinds of the jobs of ``rows``."""
    roots, kinds = np.divmod(rows["job"], len(workload.kinds))
    return roots.tolist(), kinds.tolist()


def _outages(workload: Workload, kind: int) -> Sequence[tuple[float, float]]:
    return workload.scenario.queues[workload.kinds[kind].queue].outages


def _answers(workload: Workload, final: Rows) -> dict[tuple[int, int], float]:
    """When each request, a kind and a root arrival, was answered: over with all that follows.

    In a queue the customers who wait do so for the job itself.
    """
    request = list(range(len(workload.kinds)))
    for kind in workload.kinds:  # parents come first
        if kind.parent >= 0 and workload.scenario.in_process:
            request[kind.number] = request[kind.parent]
    ends: dict[tuple[int, int], float] = {}
    for root, kind, row in zip(*_numbers(workload, final), final, strict=True):
        asked = request[kind], root
        ends[asked] = max(ends.get(asked, 0.0), float(row["finished_s"]))
    return ends


def _root(workload: Workload, kind: int) -> int:
    """The kind that the flow of a job of ``kind`` begins with."""
    stream = workload.kinds[kind].stream
    return next(k.number for k in workload.kinds if k.queue == stream and k.parent < 0)
