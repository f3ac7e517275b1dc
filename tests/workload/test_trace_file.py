"""Traces are read as they were written, and say no more than their stamps do."""

import csv
import io
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simqueue as sq
from simqueue.cli import run
from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.workload.arrivals import Arrivals, Trace
from simqueue.workload.bins import bins_of
from simqueue.workload.draws import generator
from simqueue.workload.reading import build_scenario
from simqueue.workload.trace_file import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    microseconds,
    moment_of,
    read_trace,
    resolution_of,
)

NOON = datetime(2024, 3, 1, 12)


def written(folder: Path, rows: str, encoding: str = "utf-8") -> Path:
    """A file with these rows, apart by blanks."""
    file = folder / "queue.csv"
    file.write_bytes("\n".join(rows.split()).encode(encoding))
    return file


def trace(file: Path, **keys: Any) -> Trace:
    return Trace.model_validate({"trace": str(file), **keys})


def draw(file: Path, seed: int = 1, **keys: Any) -> Arrivals:
    one = trace(file, **keys)
    return one.draw(partial(generator, seed, 0, "order", ""), one.duration_s)


#: Rows; stamps in order, after noon; their numbers; what is said.
READ = [
    ("placed_at 2024-03-01T12:00:01 2024-03-01T12:00", [0, 1], ["2", "1"], []),
    ("placed_at,order_id 2024-03-01T12:00,7 2024-03-01T12:01,x", [0, 60], ["7", "x"], []),
    # An empty number is none: the row is an order of its own, and takes no other's number.
    (
        'placed_at,order_id 2024-03-01T12:00,2 2024-03-01T12:01,"" 2024-03-01T12:02, '
        '2024-03-01T12:03,5 2024-03-01T12:04,""',
        [0, 60, 120, 180, 240],
        ["2", "1", "3", "5", "4"],
        [],
    ),
    # Lines of one order.
    (
        "placed_at,order_id 2024-03-01T12:00,1 2024-03-01T12:00,1 2024-03-01T12:01,2",
        [0, 60],
        ["1", "2"],
        ["1 row repeats the order_id of an earlier row: one order, however many rows"],
    ),
    (
        "placed_at,order_id 2024-03-01T12:01,1 2024-03-01T12:00,1 2024-03-01T12:01,1 "
        "2024-03-01T12:02,2",
        [0, 120],
        ["1", "2"],
        ["2 rows repeat the order_id", "; 2 at another time, of which the earliest counts"],
    ),
    ("placed_at 2024-03-01T12:00Z 2024-03-01T12:01Z", [0, 60], ["1", "2"], []),
    ("placed_at 2024-03-01T12:00+05:30 2024-03-01T12:01+0530", [0, 60], ["1", "2"], []),
    # One clock: that of the first row.
    (
        "placed_at 2024-03-01T12:01+01:00 2024-03-01T11:00Z 2024-03-01T13:02+02:00",
        [0, 60, 120],
        ["2", "1", "3"],
        ["stamps have 3 offsets from UTC; all times are on the clock of the first (+0100)"],
    ),
    ("placed_at,order_id,note 2024-03-01T12:00,1 2024-03-01T12:01,2,a,b", [0, 60], ["1", "2"], []),
]


@pytest.mark.parametrize(("rows", "after_noon", "keys", "said"), READ, ids=range(len(READ)))
def test_every_row_is_read_or_spoken_of(
    tmp_path: Path, rows: str, after_noon: list[int], keys: list[str], said: list[str]
) -> None:
    file = read_trace(written(tmp_path, rows))

    assert ((file.stamps - microseconds(NOON)) / SECOND).tolist() == after_noon
    assert file.keys == keys
    notes = " | ".join(file.notes)
    assert bool(notes) == bool(said)
    assert all(one in notes for one in said)


#: Rows, and what is said of them.
REFUSED = [
    ("placed_at", "queue.csv holds no orders"),
    ("when 2024-03-01T12:00", "has no column placed_at; it has ['when']"),
    ("order_id,placed_at 1", "queue.csv:2: placed_at None: expected a time such as"),
    ("placed_at 2024-03-01T12:00 2024-03-01T12:61", "queue.csv:3: placed_at '2024-03-01T12:61'"),
    ("placed_at 0001-01-01T00:00+01:00", "queue.csv:2: placed_at"),
    ("placed_at 9999-12-31T23:59", "queue.csv:2: placed_at"),
    (
        "placed_at 2024-03-01T12:00Z 2024-03-01T12:01",
        "queue.csv:3: placed_at '2024-03-01T12:01' has no zone, line 2 has one: expected all "
        "stamps on one clock",
    ),
    (
        "placed_at 2024-03-01T12:00 2024-03-01T12:01+01:00",
        "queue.csv:3: placed_at '2024-03-01T12:01+01:00' has a zone, line 2 has none",
    ),
    ('placed_at 2024-03-01T12:00 "2024', "cannot be read: unexpected end of data"),
]


@pytest.mark.parametrize(("rows", "said"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_read_is_named_by_its_line(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_trace(written(tmp_path, rows))

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_byte_order_marks_say_how_to_read(tmp_path: Path, encoding: str) -> None:
    """Excel writes the mark of UTF-8, PowerShell's ``>`` UTF-16."""
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    rows = f"{mark}placed_at,order_id,took_s,city 2024-03-01T12:00,1,0.5,Köln"
    file = written(tmp_path, rows, encoding)

    assert read_trace(file).keys == ["1"]
    service = {"distribution": "empirical", "file": str(file), "column": "took_s"}
    table = {"arrivals": {"q": {"trace": str(file)}}, "queues": {"q": {"service": service}}}
    assert build_scenario(table).queues["q"].service.mean == 0.5
    scenario = tmp_path / "shop.toml"
    text = mark + 'name = "Köln"\narrivals.q.trace = "queue.csv"\nqueues.q.attempts = 3\n'
    scenario.write_bytes(text.encode(encoding))
    assert sq.read_scenario(scenario).name == "Köln"


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, int], int, int, int]:
    """The bytes of a file, the orders in it, its rows without a number, the repeats, the late."""
    aware = draw(st.booleans())
    offset = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(hours=-5, minutes=-30)])
    one_offset = draw(st.none() | offset)
    moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))
    ids = st.sampled_from(["", " ", "1", "2", "3", "A-7", "ä,b"])
    rows = draw(st.lists(st.tuples(moments, ids), min_size=1, max_size=12))
    unit = draw(st.sampled_from([1, 1000, SECOND, MINUTE, HOUR]))
    orders: dict[str, int] = {}
    blank = repeats = later = 0
    text = io.StringIO()
    table = csv.writer(text, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    quiet = draw(st.booleans())
    table.writerow(["extra", "placed_at", *([] if quiet else ["order_id"])])
    zone = None
    for moment, key in rows:
        stamp = moment_of(microseconds(moment) // unit * unit)
        if aware:
            own = one_offset if one_offset is not None else draw(offset)
            stamp = stamp.replace(tzinfo=timezone(own))
            zone = zone or stamp.tzinfo
        shown = stamp.isoformat(sep=draw(st.sampled_from("T ")))
        if draw(st.booleans()):
            shown = shown.replace("+00:00", "Z")
        table.writerow(["x", shown, *([] if quiet else [key])])
        at = microseconds(stamp.astimezone(zone) if zone else stamp)
        key = "" if quiet else key.strip()
        if not key:
            key, blank = f"row {blank}", blank + 1
        if key in orders:
            repeats, later = repeats + 1, later + (at != orders[key])
        orders[key] = min(at, orders.get(key, at))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
    return text.getvalue().encode(encoding), orders, blank, repeats, later


@given(made=files())
@settings(max_examples=300, deadline=None)
def test_any_file_brings_its_orders(
    tmp_path_factory: pytest.TempPathFactory, made: tuple[bytes, dict[str, int], int, int, int]
) -> None:
    content, orders, blank, repeats, later = made
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)

    file = read_trace(path)

    assert file.stamps.tolist() == sorted(orders.values())
    assert len(set(file.keys)) == len(file.keys)
    found = dict(zip(file.keys, file.stamps.tolist(), strict=True))
    given_keys = {key for key in orders if not key.startswith("row ")}
    assert len(found.keys() - given_keys) == blank
    assert all(found[key] == orders[key] for key in given_keys)
    assert not (file.stamps % file.resolution).any() or file.zone is not None
    notes = " ".join(file.notes)
    assert (f"{repeats} row" in notes) == (repeats > 0)
    assert (f"{later} at another time" in notes) == (later > 0)


#: Stamps, how finely they are written, and the unit that they were rounded to.
RESOLUTIONS = [
    (["12:45"], MINUTE),
    (["12:00"], MINUTE),  # one order at noon proves no whole hours
    (["12:00", "13:00", "14:00"], HOUR),
    (["12:00", "12:00", "12:00"], MINUTE),  # one stamp thrice
    (["12:00", "12:30", "14:00", "15:30"], 30 * MINUTE),
    (["12:00:00", "12:01:00", "12:07:00"], MINUTE),
    (["12:00:00", "12:01:00"], SECOND),
    (["12:00:00", "12:01:00", "12:07:01"], SECOND),
    (["12:00:00.000", "12:00:01.000"], 1000),
    (["12:00:00.000", "12:00:01.000", "12:00:03.000"], SECOND),
    (["12:00:01.5", "12:00:09"], 1),  # somebody's example
    (["12:00:00.000", "12:00:01.100", "12:00:01.300"], 100_000),
    (["12:00:00.001", "12:00:01.100", "12:00:01.300"], 1000),
    (["12:00:00.123000", "12:00:01.456000", "12:00:02.789000"], 1000),
    (["12:00:00.123", "12:00:01.456789"], 1),
    (["12"], HOUR),
    ([""], DAY),
]


@pytest.mark.parametrize(("clocks", "unit"), RESOLUTIONS, ids=str)
def test_stamps_are_as_exact_as_they_are(tmp_path: Path, clocks: list[str], unit: int) -> None:
    rows = " ".join(f"2024-03-01T{clock}".removesuffix("T") for clock in clocks)
    file = read_trace(written(tmp_path, f"placed_at {rows}"))

    assert file.resolution == unit
    # The span ends one unit after the last stamp.
    start, end = trace(tmp_path / "queue.csv").span
    stamps = file.stamps.tolist()
    assert (microseconds(start), microseconds(end)) == (stamps[0], stamps[-1] + unit)


@given(
    unit=st.sampled_from([1, 1000, SECOND, MINUTE, HOUR]),
    numbers=st.lists(st.integers(0, 10**6), min_size=1),
)
def test_stamps_are_whole_multiples_of_their_unit(unit: int, numbers: list[int]) -> None:
    stamps = np.sort(np.array(numbers, dtype=np.int64)) * unit

    found = resolution_of(stamps, unit)

    assert found >= unit  # nobody can write finer than he writes
    assert not (stamps % found).any()


def test_a_window_of_few_stamps_is_no_coarser_than_proved() -> None:
    """One order at noon sharp, in a file of whole minutes."""
    file = trace(data_path("arrivals.csv"), window=["2011-11-17T12:00", "2011-11-17T12:02"])

    assert file.notes == []
    times = file.draw(partial(generator, 1, 0, "order", ""), 120).times_s
    assert len(times) == 1
    assert times[0] < 60


@pytest.mark.parametrize("unit", [1000, SECOND, MINUTE, HOUR])
def test_rounded_stamps_give_the_waits_of_exact_ones(tmp_path: Path, unit: int) -> None:
    """M/D/1 at load 0.3, eight jobs a unit: taken as exact, they would come eight at a time."""
    rng = np.random.default_rng(3)
    rate, n = 8 / (unit / SECOND), 6000
    exact = np.cumsum(rng.exponential(1 / rate, n))
    stamps = [NOON + timedelta(microseconds=float(s) * 1e6 // unit * unit) for s in exact]
    shown = [
        stamp.isoformat(timespec="microseconds" if unit < SECOND else "seconds") for stamp in stamps
    ]
    file = written(tmp_path, " ".join(["placed_at", *shown]))
    service_s = 0.3 / rate
    table = {
        "workers": {"concurrency": 1},
        "arrivals": {"q": {"trace": str(file)}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": service_s}}},
    }
    queue = sq.simulate(build_scenario(table), replications=3).summary().queues["q"]

    waits = [0.0]
    for gap in np.diff(exact):
        waits.append(max(waits[-1] + service_s - gap, 0.0))
    # The jobs of each unit come in another order: a tenth of the mean is three standard errors.
    assert queue.wait_s.mean == pytest.approx(np.mean(waits), rel=0.1)
    assert queue.utilisation == pytest.approx(0.3, rel=0.05)


def test_exact_stamps_stay_where_they_are(tmp_path: Path) -> None:
    file = written(tmp_path, "placed_at 2024-03-01T12:00:00.000001 2024-03-01T12:00:07.5")

    assert draw(file).times_s.tolist() == [0.0, 7.499999]


def test_a_trace_lasts_as_long_as_it_does(tmp_path: Path) -> None:
    """A minute of one job a second, each of 0.76 s: the one slot is busy 76 % of the time."""
    rows = [f"2024-03-01T12:00:{second:02}" for second in range(60)]
    table = {
        "workers": {"concurrency": 1},
        "arrivals": {"q": {"trace": str(written(tmp_path, " ".join(["placed_at", *rows])))}},
        "queues": {"q": {"service": {"distribution": "constant", "mean_s": 0.76}}},
    }
    scenario = build_scenario(table)

    assert scenario.duration_s == 60
    utilisation = sq.simulate(scenario).summary().queues["q"].utilisation
    assert utilisation == pytest.approx(0.76, abs=0.02)


@pytest.mark.parametrize("seed", range(20))
def test_no_order_leaves_its_window(seed: int) -> None:
    """A window that ends within a minute: its last order is moved no further."""
    window = ["2011-11-17T12:30:30", "2011-11-17T12:47:01"]
    times = draw(data_path("arrivals.csv"), seed, window=window).times_s

    assert len(times) == 5
    assert 16 * 60 + 30 <= times.max() <= 16 * 60 + 31


@pytest.mark.parametrize(
    ("window", "count"),
    [
        (["2024-03-01T12:00", "2024-03-01T12:02"], 2),  # on the file's own clock, +01:00
        (["2024-03-01T11:00Z", "2024-03-01T11:02Z"], 2),
        (["2024-03-01T12:01", "2024-03-01T11:03+00:00"], 2),
    ],
)
def test_a_window_is_on_the_files_own_clock(tmp_path: Path, window: list[str], count: int) -> None:
    rows = " ".join(f"2024-03-01T12:0{minute}+01:00" for minute in range(4))
    file = written(tmp_path, f"placed_at {rows}")

    assert len(draw(file, window=window).times_s) == count
    start, _ = trace(file, window=window).span
    assert start.tzinfo is None
    assert start.hour == 12


def test_what_a_scenario_was_told_of_a_window_can_be_read_again(tmp_path: Path) -> None:
    file = written(tmp_path, "placed_at 2024-03-01T12:00+01:00 2024-03-01T12:01+01:00")
    window = ["2024-03-01T11:00Z", "2024-03-01T12:30"]
    table = {"arrivals": {"q": {"trace": str(file), "window": window}}, "queues": {"q": {}}}
    scenario = build_scenario(table)

    again = scenario.replace({"seed": scenario.seed})

    assert again == scenario
    assert again.duration_s == 1800


def scaled(file: Path, scale: float = 50, **keys: Any) -> np.ndarray[Any, Any]:
    return draw(file, scale=scale, **keys).times_s


def minutes(clock: datetime, per_minute: list[int], unit: str = "seconds") -> str:
    """Rows of orders, so many in each minute, evenly."""
    rows = ["placed_at"]
    for minute, count in enumerate(per_minute):
        for number in range(count):
            stamp = clock + timedelta(minutes=minute, seconds=60 * number / count)
            rows.append(stamp.isoformat(timespec=unit))
    return " ".join(rows)


@pytest.mark.parametrize("unit", ["minutes", "seconds", "milliseconds", "microseconds"])
@pytest.mark.parametrize(
    "per_minute",
    [
        [200, 200, 200, 200, 200, 200, 0, 0, 200, 200],
        [600, 5, 5, 5, 5, 5, 5, 5, 5, 300],
        [2, 300, 2],
        [*[10] * 30, 300, *[10] * 29],
    ],
)
def test_scaling_keeps_the_shape_of_a_short_trace(
    tmp_path: Path, per_minute: list[int], unit: str
) -> None:
    """Two minutes differ in the scaled trace as they did when it was recorded."""
    file = written(tmp_path, minutes(NOON, per_minute, unit))
    window = [NOON.isoformat(), (NOON + timedelta(minutes=len(per_minute))).isoformat()]
    edges = 60.0 * np.arange(len(per_minute) + 1)
    found = np.histogram(scaled(file, 50, window=window), edges)[0]

    recorded = np.array(per_minute)
    assert found.sum() == pytest.approx(50 * recorded.sum(), abs=4 * (50 * recorded.sum()) ** 0.5)
    # A bin across the edge of a minute takes some of its orders to the other side, 25 at most.
    expected = 50.0 * recorded
    assert (abs(found - expected) <= 50 * 25 + 5 * expected**0.5).all()


@pytest.mark.parametrize("burst", range(12))
def test_scaling_sees_a_burst_of_few_orders(tmp_path: Path, burst: int) -> None:
    """Forty orders in one minute of twelve, wherever it lies: not over the twelve."""
    per_minute = [0] * 12
    per_minute[burst] = 40
    window = [NOON.isoformat(), (NOON + timedelta(minutes=12)).isoformat()]
    times = scaled(written(tmp_path, minutes(NOON, per_minute)), window=window)

    near = (times > 60 * burst - 90) & (times < 60 * burst + 150)
    assert near.mean() == 1


def test_scaling_stops_where_the_trace_does(tmp_path: Path) -> None:
    """Ten minutes of stamps of seconds: not a minute more."""
    file = written(tmp_path, minutes(NOON, [30] * 10))

    assert trace(file).duration_s == 10 * 60 - 1
    times = scaled(file, 20)
    assert times.max() < 599
    assert len(times) == pytest.approx(20 * 300, abs=4 * (20 * 300) ** 0.5)


def test_scaling_flattens_no_more_than_stamps_of_hours_do(tmp_path: Path) -> None:
    rows = [f"2024-03-01T{8 + hour:02}:00" for hour in range(6) for _ in range(10 * (1 + hour % 2))]
    file = written(tmp_path, " ".join(["placed_at", *rows]))
    times = scaled(file, 100)

    by_hour = np.histogram(times, 3600 * np.arange(7))[0]
    expected = 1000 * (1 + np.arange(6) % 2)
    assert (abs(by_hour - expected) <= 4.5 * expected**0.5).all()
    # Within an hour nothing is known: its quarters are alike.
    quarters = np.histogram(times, 900 * np.arange(25))[0].reshape(6, 4)
    assert (abs(quarters - expected[:, None] / 4) <= 4.5 * (expected[:, None] / 4) ** 0.5).all()


@given(
    offsets=st.lists(st.integers(0, 4 * HOUR // SECOND), min_size=1, max_size=400),
    burst=st.integers(0, 200),
    unit=st.sampled_from([1, 1000, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR]),
)
@settings(max_examples=200, deadline=None)
def test_bins_hold_every_order_once(offsets: list[int], burst: int, unit: int) -> None:
    moments = np.sort(np.array([*offsets, *[offsets[0]] * burst], dtype=np.int64))
    moments = moments * SECOND // unit * unit
    lasts = int(moments[-1]) + unit
    bins = bins_of(moments, lasts, unit)
    widths = bins.ends - bins.starts

    assert bins.counts.sum() == len(moments)
    assert (bins.starts[1:] >= bins.ends[:-1]).all()
    assert (widths > 0).all()
    assert bins.ends[-1] <= lasts
    counted = np.searchsorted(moments, bins.ends) - np.searchsorted(moments, bins.starts)
    assert (counted == bins.counts).all()
    # No bin is finer than the stamps, and a full one is as fine as they are.
    assert not (bins.starts % unit).any()
    assert ((bins.counts < 50) | (widths <= unit)).all()
    assert (widths <= max(unit, 15 * MINUTE)).all()


def test_a_steady_trace_is_told_by_bins_of_many_orders() -> None:
    """Nothing but chance in it: bins stay so wide that chance is no shape."""
    rng = np.random.default_rng(5)
    moments = np.sort(rng.integers(0, 2 * HOUR, 10_000))
    bins = bins_of(moments, 2 * HOUR, 1)

    assert bins.counts.mean() > 25
    few = np.sort(rng.integers(0, 2 * HOUR, 150))
    quarters = bins_of(few, 2 * HOUR, 1)
    assert ((quarters.ends - quarters.starts) == 15 * MINUTE).all()


def test_the_packaged_days_are_told_by_their_quarter_hours() -> None:
    file = read_trace(data_path("arrivals.csv"))
    start = int(file.stamps[0]) // DAY * DAY
    bins = bins_of(file.stamps - start, int(file.stamps[-1]) // DAY * DAY + DAY - start, MINUTE)

    assert file.notes == ()
    assert set((bins.ends - bins.starts).tolist()) == {15 * MINUTE}


def test_what_is_known_of_a_trace_reaches_whoever_runs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = " ".join(f"2024-03-01T{8 + i:02}:00,{number}" for i, number in enumerate([1, 1, 1, 2]))
    written(tmp_path, f"placed_at,order_id {rows}")
    scenario = tmp_path / "shop.toml"
    scenario.write_text('arrivals.q.trace = "queue.csv"\nqueues.q.attempts = 3\n')

    assert run(["simulate", str(scenario), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["queues"]["q"]["arrived"] == 2
    said = "\n".join(document["warnings"])
    assert "queue.csv: 2 rows repeat the order_id of an earlier row" in said
    # 8:00 and 11:00 alone prove no whole hours, and they are written in minutes.
    assert "random" not in said


def test_coarse_stamps_are_spoken_of(tmp_path: Path) -> None:
    rows = " ".join(f"2024-03-01T{8 + hour:02}:00" for hour in range(5))
    one = trace(written(tmp_path, f"placed_at {rows}"))

    (note,) = one.notes
    assert note.startswith("queue.csv: all stamps are whole multiples of an hour: ")
    assert math.isclose(one.duration_s, 5 * 3600)
    assert (
        np.floor(one.draw(partial(generator, 1, 0, "q", ""), 1e9).times_s / 3600) == range(5)
    ).all()


def test_moments_are_exact() -> None:
    moment = datetime(2024, 3, 1, 12, 0, 0, 123457)

    assert moment_of(microseconds(moment)) == moment
    assert microseconds(moment.replace(tzinfo=UTC)) == microseconds(moment)
