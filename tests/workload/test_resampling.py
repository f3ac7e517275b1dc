"""Days like a recorded one: its rate, its batches and its classes come again, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from simqueue.errors import InputError
from simqueue.workload.reading import build_scenario
from simqueue.workload.resampling import pattern_of
from simqueue.workload.scenario import Scenario
from simqueue.workload.trace_file import SECOND
from simqueue.workload.workload import Workload

HOUR_S = 3600


def trace(path: Path, times_s: np.ndarray, classes: list[str] | None = None) -> Path:
    rows = ["placed_at" + (",class" if classes else "")]
    for number, at in enumerate(np.sort(times_s)):
        ms = round(1000 * at)
        stamp = f"2026-11-24T{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms / 1000 % 60:06.3f}"
        rows.append(stamp + (f",{classes[number]}" if classes else ""))
    path.write_text("\n".join(rows))
    return path


def scenario(path: Path, classes: dict[str, float] | None = None, **stream: object) -> Scenario:
    queue = {"classes": {name: {"share": share} for name, share in (classes or {}).items()}}
    window = ["2026-11-24T00:00", "2026-11-24T01:00"]
    return build_scenario(
        {
            "arrivals": {"q": {"trace": str(path), "window": window, "resample": True, **stream}},
            "queues": {"q": queue if classes else {}},
        }
    )


def counts(day: Scenario, replications: int = 40) -> np.ndarray:
    """Arrivals of each minute, a row a replication."""
    edges = np.arange(0, HOUR_S + 1, 60)
    return np.array(
        [np.histogram(Workload(day, r).arrivals[0], edges)[0] for r in range(replications)]
    )


@pytest.mark.parametrize("seed", range(10))
def test_a_steady_day_is_followed_by_steady_ones(tmp_path: Path, seed: int) -> None:
    """What chance did to the recorded minutes, other days hardly repeat; scaled ones do."""
    times = np.random.default_rng(seed).uniform(0, HOUR_S, 7200)
    path = trace(tmp_path / "t.csv", times)
    found = counts(scenario(path, scale=2))
    scaled = counts(scenario(path, scale=2, resample=False))

    assert found.mean() == pytest.approx(240, rel=0.01)
    assert found.mean(axis=0).std() < 0.05 * 240 < scaled.mean(axis=0).std()


def test_a_rate_that_surely_changes_changes_again(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    times = np.concatenate([rng.uniform(0, 1800, 500), rng.uniform(1800, HOUR_S, 5000)])
    found = counts(scenario(trace(tmp_path / "t.csv", times))).mean(axis=0)

    assert found[:28].mean() == pytest.approx(500 / 30, rel=0.1)
    assert found[32:].mean() == pytest.approx(5000 / 30, rel=0.1)


def test_what_came_together_comes_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    times = np.repeat(rng.uniform(0, HOUR_S, 300), 20)
    arrivals = Workload(scenario(trace(tmp_path / "t.csv", times))).arrivals[0]
    moments, sizes = np.unique(arrivals.round(3), return_counts=True)

    assert set(sizes.tolist()) <= {20, 40}
    assert len(moments) == pytest.approx(300, abs=60)


def test_chance_neighbours_are_no_batch() -> None:
    """At 200 a second a fifth of the orders have one within a millisecond."""
    offsets = np.sort(np.random.default_rng(3).integers(0, 600 * SECOND, 120_000) // 1000 * 1000)

    assert (pattern_of(offsets, 600 * SECOND, 1000).sizes == 1).all()


@pytest.mark.parametrize("resample", [True, False])
def test_classes_come_when_they_came(tmp_path: Path, resample: bool) -> None:
    """In the trace's first half all are of one class, in its second of the other."""
    times = np.sort(np.random.default_rng(4).uniform(0, HOUR_S, 4000))
    rate = np.where(times < 1800, 1, 0)
    kept = times[(rate == 1) | (np.arange(len(times)) % 4 == 0)]
    names = ["calm" if at < 1800 else "busy" for at in kept]
    path = trace(tmp_path / "t.csv", kept, names)
    workload = Workload(scenario(path, {"calm": 0.5, "busy": 0.5}, resample=resample))
    (kind,) = workload.kinds
    classes = workload.class_of(kind)
    assert classes is not None
    late = workload.streams["q"].times_s >= 1800

    assert (classes[~late] == 0).mean() > 0.98
    assert (classes[late] == 1).mean() > 0.98


def test_a_class_that_the_queue_has_not_is_named(tmp_path: Path) -> None:
    path = trace(tmp_path / "t.csv", np.arange(10.0), ["vip", "bulk"] * 5)

    with pytest.raises(InputError, match=r"t\.csv has the class 'bulk'; .* has vip, rest"):
        scenario(path, {"vip": 0.5, "rest": 0.5})


def test_a_queue_without_classes_passes_the_column_over(tmp_path: Path) -> None:
    path = trace(tmp_path / "t.csv", np.arange(10.0), ["vip", "bulk"] * 5)

    assert scenario(path).queues["q"].classes == {}


def test_a_scaled_trace_has_what_is_expected_of_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    times = np.concatenate([np.repeat(rng.uniform(0, 1000, 50), 10), rng.uniform(0, HOUR_S, 500)])
    day = scenario(trace(tmp_path / "t.csv", times), scale=3)
    stream = day.arrivals["q"]
    expected = float(stream.expected(np.array([HOUR_S]), HOUR_S)[0])

    assert expected == pytest.approx(3000)
    assert counts(day).sum() / 40 == pytest.approx(3000, rel=0.03)


def test_a_trace_of_few_has_the_hours_of_many(tmp_path: Path) -> None:
    """Sixty orders do not tell that the second half is busier; six thousand do."""
    rng = np.random.default_rng(6)
    late = 1800 + rng.uniform(0, 1800, 4000)
    many = trace(tmp_path / "many.csv", np.concatenate([rng.uniform(0, 1800, 2000), late]))
    few = trace(tmp_path / "few.csv", rng.uniform(0, HOUR_S, 60))
    found = counts(scenario(few, shape=str(many), scale=10)).sum(axis=0) / 40

    assert found.sum() == pytest.approx(600, rel=0.03)
    assert found[30:].sum() == pytest.approx(400, rel=0.05)


def test_a_shape_is_for_resampled_orders(tmp_path: Path) -> None:
    path = trace(tmp_path / "t.csv", np.arange(10.0))

    with pytest.raises(InputError, match="expected resample = true"):
        scenario(path, shape=str(path), resample=False)


def clockwork(path: Path, times_s: np.ndarray, every_s: int) -> Path:
    """A trace in which a scheduler, of a class of its own, brings some of the jobs."""
    ticks = [(float(at), "tick", "beat") for at in range(5, HOUR_S, every_s)] if every_s else []
    rows = ["placed_at,class,scheduler"]
    for at, name, which in sorted([*((float(at), "order", "") for at in times_s), *ticks]):
        ms = round(1000 * at)
        stamp = f"2026-11-24T{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms / 1000 % 60:06.3f}"
        rows.append(f"{stamp},{name},{which}")
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("orders", [0, 1800])
def test_what_a_scheduler_brings_comes_at_its_moments_at_any_scale(
    tmp_path: Path, resample: bool, orders: int
) -> None:
    """Three times the traffic are three times the orders, and not one tick more."""
    times = np.random.default_rng(3).uniform(0, HOUR_S, orders)
    path = clockwork(tmp_path / "t.csv", times, 60)
    shares = {"order": 0.97, "tick": 0.03}
    day = scenario(path, shares, scale=3, resample=resample)
    workload = Workload(day, 0)
    ticks = np.arange(5, HOUR_S, 60)
    came = workload.arrivals[0]

    assert np.isin(ticks, came).all()
    assert len(came) - len(ticks) == pytest.approx(3 * orders, rel=0.1)
    assert day.arrivals["q"].expected(np.array([HOUR_S / 2, HOUR_S]), HOUR_S) == pytest.approx(
        [1.5 * orders + 30, 3 * orders + 60], rel=0.05, abs=1
    )


def test_the_jobs_of_a_scheduler_keep_their_class(tmp_path: Path) -> None:
    times = np.random.default_rng(3).uniform(0, HOUR_S, 600)
    path = clockwork(tmp_path / "t.csv", times, 60)
    stream = scenario(path, {"order": 0.9, "tick": 0.1}, scale=2).arrivals["q"]
    drawn = stream.draw(lambda purpose: np.random.default_rng(len(purpose)), HOUR_S)

    named = drawn.classes
    assert named is not None
    ticks = [at for at, name in zip(drawn.times_s.tolist(), named, strict=True) if name == "tick"]
    assert ticks == pytest.approx(np.arange(5, HOUR_S, 60))
