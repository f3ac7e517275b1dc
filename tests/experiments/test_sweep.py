"""Sweeps: the same jobs in every cell, on any number of processes, as a run by itself has them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import simqueue as sq
from simqueue.errors import InputError, JobError
from simqueue.experiments.run import replicate
from simqueue.results import theory
from simqueue.results.intervals import mean_interval
from simqueue.simulation import SimPyEngine

GRID = {"workers.count": [1, 2], "queues.tea.failure_rate": [0.0, 0.2]}


def shop(**changes: Any) -> sq.Scenario:
    return sq.build_scenario(
        {
            "name": "tea",
            "duration_s": 400,
            "workers": {"concurrency": 1},
            "arrivals": {"tea": {"rate_per_s": 0.7}},
            "queues": {
                "tea": {
                    "service": {"distribution": "exponential", "mean_s": 1.0},
                    "attempts": 2,
                    "backoff": {"delay_ms": 500},
                    "follow_up": {"completed": ["cake"]},
                },
                "cake": {"service": {"distribution": "constant", "mean_s": 0.1}},
            },
        }
    ).replace(changes)


@pytest.fixture(scope="module")
def found() -> sq.Sweep:
    return sq.sweep(shop(), GRID, replications=4, cores=1)


def test_a_cell_is_what_simulate_gives(found: sq.Sweep) -> None:
    """Each replication's numbers are those of that replication run by itself."""
    for cell in found.cells:
        scenario = shop(**dict(zip(GRID, cell.values, strict=True)))
        assert cell.scenario == scenario
        runs = [replicate(scenario, number).summary() for number in range(4)]
        p95 = [run.queues["tea"].response_s.p95 for run in runs]
        assert found.estimate(cell, "tea.response.p95") == pytest.approx(np.mean(p95))
        utilisation = np.array([run.queues["tea"].utilisation for run in runs])
        said = found.estimate(cell, "tea.utilisation")
        assert said is not None
        assert said.interval == mean_interval(utilisation)
        together = sq.simulate(scenario, replications=4).summary().queues["tea"]
        assert said == pytest.approx(float(together.utilisation or 0))


def test_all_cells_meet_the_same_jobs(found: sq.Sweep) -> None:
    runs = found.runs()
    arrived = runs.groupby("replication")["tea.arrived"].nunique()
    assert (arrived == 1).all()
    assert runs["tea.arrived"].nunique() > 1, "replications are alike"


def test_the_last_key_changes_fastest(found: sq.Sweep) -> None:
    assert [cell.values for cell in found.cells] == [(1, 0.0), (1, 0.2), (2, 0.0), (2, 0.2)]


@pytest.mark.parametrize("cores", [2, None])
def test_more_processes_change_nothing(found: sq.Sweep, cores: int | None) -> None:
    again = sq.sweep(shop(), GRID, replications=4, cores=cores)
    pd.testing.assert_frame_equal(again.runs(), found.runs())


@pytest.mark.slow
def test_a_cluster_changes_nothing(found: sq.Sweep) -> None:
    """Two workers of Dask on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        again = sq.sweep(shop(), GRID, replications=4, cluster=cluster.scheduler_address)
    pd.testing.assert_frame_equal(again.runs(), found.runs())


@pytest.mark.slow
def test_no_cluster_is_said() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(JobError, match="no Dask scheduler answers"):
        sq.sweep(shop(), GRID, cluster="tcp://127.0.0.1:1")


def test_paired_differences_are_sharper_than_two_intervals() -> None:
    """What chance does to one cell it does to the other; M/M/c tells what the truth is."""
    base = shop(**{"queues.tea.attempts": 1, "duration_s": 3000, "warmup_s": 500})
    found = sq.sweep(base, {"workers.count": [2, 3]}, replications=10, cores=1)
    truth = theory.mmc_wait_mean(0.7, 1.0, 3) - theory.mmc_wait_mean(0.7, 1.0, 2)

    apart = found.differences("tea.wait.mean")
    (row,) = apart.to_dict("records")
    assert row["workers.count"] == 3
    assert row["low"] < truth < row["high"]
    wide = 0.0
    for cell in found.cells:
        one = found.estimate(cell, "tea.wait.mean")
        assert one is not None
        assert one.interval is not None
        low, high = one.interval
        assert low is not None
        assert high is not None
        wide += ((high - low) / 2) ** 2
    assert row["high"] - row["low"] < 2 * np.sqrt(wide)
    (back,) = found.differences("tea.wait.mean", {"workers.count": 3}).to_dict("records")
    assert back["difference"] == -row["difference"]


def test_a_count_that_is_never_more_than_0_has_an_interval(found: sq.Sweep) -> None:
    said = found.estimate(
        found.cell({"workers.count": 1, "queues.tea.failure_rate": 0.0}), "tea.failed"
    )
    assert said == 0
    assert said is not None
    assert said.interval is not None
    assert said.interval[1] == pytest.approx(3.69 / 4, rel=0.01)


def test_frames(found: sq.Sweep) -> None:
    tidy = found.frame(["tea.response.p95", "tea.flow.max"])
    assert list(tidy) == [*GRID, "queue", "measure", "mean", "low", "high", "replications"]
    assert len(tidy) == 8
    assert len(found.runs()) == 16


@pytest.mark.parametrize("end", [".csv", ".csv.gz", ".parquet", ".json"])
def test_written_and_read_again(found: sq.Sweep, end: str, tmp_path: Path) -> None:
    if end == ".parquet":
        pytest.importorskip("pyarrow")
    file = tmp_path / f"sweep{end}"
    found.write(file)
    read = {".parquet": pd.read_parquet, ".json": pd.read_json}.get(end, pd.read_csv)
    pd.testing.assert_frame_equal(read(file), found.runs(), check_dtype=False, rtol=1e-8)


def test_it_pickles(found: sq.Sweep) -> None:
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.runs(), found.runs())


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "the grid is empty"),
        ({"workers.count": []}, "workers.count: expected at least one value"),
        ({"workers.count": 3}, "workers.count: expected several values, not 3"),
        ({"workers.count": "12"}, "workers.count: expected several values, not '12'"),
        ({"workers.count": [1, 0]}, "workers.count = 0"),
        ({"workers.cuont": [1]}, "cuont"),
        ({"queues.coffee.attempts": [1]}, "coffee"),
        ({"seed": range(10**6 + 1)}, "at most 1,000,000 runs"),
    ],
)
def test_a_bad_grid_is_one_line_before_anything_runs(grid: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        sq.sweep(shop(), grid, replications=2)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"replications": 0}, "replications = 0"),
        ({"replications": 1.5}, "replications = 1.5"),
        ({"cores": 0}, "cores = 0"),
        ({"engine": "warp"}, "engine 'warp'"),
    ],
)
def test_bad_arguments(more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        sq.sweep(shop(), GRID, **more)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tea.response.p96", "expected one of response.mean"),
        ("tae.response.p95", "there is no queue 'tae'"),
        ("", "expected QUEUE.MEASURE"),
        ("cake.flow.p95", "expected one of"),  # no flow starts there
    ],
)
def test_a_bad_measure(found: sq.Sweep, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        found.frame([name])


class _Interrupted:
    """An engine that Ctrl-C ends in its seventh run."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, *arguments: Any) -> Any:
        self.runs += 1
        if self.runs == 7:
            raise KeyboardInterrupt
        return SimPyEngine()(*arguments)


def test_ctrl_c_keeps_what_is_done(found: sq.Sweep) -> None:
    part = sq.sweep(shop(), GRID, replications=4, cores=1, engine=_Interrupted())
    assert part.interrupted
    assert [cell.replications for cell in part.cells] == [2, 2, 1, 1]
    for one, whole in zip(part.cells, found.cells, strict=True):
        done = ~np.isnan(one.found).all(axis=1)
        np.testing.assert_array_equal(one.found[done], whole.found[: done.sum()])


def test_the_figure_says_what_it_finds(found: sq.Sweep, tmp_path: Path) -> None:
    figure = found.plot("tea.response.p95", tmp_path / "sweep.png")
    title = figure.axes[0].get_title(loc="left").replace("\n", " ")
    assert "is least" in title
    assert "workers.count = 2" in title
    assert (tmp_path / "sweep.png").stat().st_size > 10_000
    assert len(figure.axes[0].lines) == 2


def test_it_says_which_engine_ran() -> None:
    """Both say the same of the same jobs."""
    grid = {"workers.count": [1, 2]}
    compiled, simpy = (
        sq.sweep(shop(), grid, 2, cores=1, engine=engine) for engine in ("auto", "simpy")
    )
    crash = {"workers.crashes": [{"at_s": 5, "down_s": 3}]}
    fallen_back = sq.sweep(shop(**crash), grid, 1, cores=1)

    assert (compiled.engine, simpy.engine) == ("compiled", "simpy")
    for one, other in zip(compiled.cells, simpy.cells, strict=True):
        np.testing.assert_array_equal(one.found, other.found)
    assert fallen_back.document()["engine"].startswith("simpy (workers.crashes: ")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_each_row_says_its_setting(width: int) -> None:
    """However many measures there are, and wherever lines are folded: nothing is cut off."""
    found = sq.sweep(
        shop(), {"queues.tea.backoff.delay_ms": [25_111, 35_222]}, replications=2, cores=1
    )
    out = io.StringIO()
    Console(file=out, width=width).print(found.report(["tea.response.p95"] * 7))
    first = [line.split()[0] for line in out.getvalue().splitlines() if line.split()]
    assert [one for one in first if one in ("25111", "35222")] == ["25111", "35222"]
    assert "…" not in out.getvalue()
