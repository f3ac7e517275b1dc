import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hand import NAN, QUEUES, hand_log, row
from hypothesis import given, settings
from hypothesis import strategies as st

from simqueue.errors import InputError
from simqueue.record.attempt_log import (
    COLUMNS,
    OUTCOMES,
    ROW,
    AttemptLog,
)
from simqueue.record.merging import merge
from simqueue.record.reading import read_log
from simqueue.record.table import from_frame

TIME = st.integers(0, 10**15).map(lambda ns: ns / 1e9)


@st.composite
def logs(draw: st.DrawFn) -> AttemptLog:
    rows = []
    for job in range(draw(st.integers(0, 8))):
        ended, started = draw(st.booleans()), draw(st.booleans())
        rows.append(
            row(
                job=job,
                queue=draw(st.sampled_from(QUEUES)),
                parent=draw(st.integers(-1, 3)),
                flow=draw(st.integers(0, 3)),
                replication=draw(st.integers(0, 2)),
                attempt=draw(st.integers(1, 5)),
                run=draw(st.integers(1, 3)),
                worker=draw(st.integers(0, 1)) if started else -1,
                slot=draw(st.integers(0, 4)) if started else -1,
                result=draw(st.integers(-1, 1)),
                outcome=draw(st.sampled_from(OUTCOMES[1:])) if ended else "",
                times=(
                    draw(TIME),
                    draw(TIME),
                    draw(TIME) if started else NAN,
                    draw(TIME) if ended else NAN,
                ),
            )
        )
    return hand_log(*rows)


def same(a: AttemptLog, b: AttemptLog) -> None:
    left, right = a.frame(), b.frame()
    assert list(left) == list(right) == list(COLUMNS)
    for column in COLUMNS:
        if column.endswith("_s"):
            np.testing.assert_allclose(left[column], right[column], rtol=0, atol=1e-9)
        else:
            words = [f[column].astype(object).where(f[column].notna(), "") for f in (left, right)]
            assert list(words[0]) == list(words[1]), column


@settings(max_examples=60, deadline=None)
@given(log=logs(), zipped=st.booleans())
def test_a_log_comes_back_from_its_file(tmp_path_factory, log, zipped):
    path = tmp_path_factory.mktemp("log") / ("log.csv.gz" if zipped else "log.csv")
    log.write(path)
    same(log, read_log(path))
    same(log, from_frame(log.frame()))


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_an_empty_log_comes_back(tmp_path, name):
    hand_log().write(tmp_path / name)
    assert len(read_log(tmp_path / name)) == 0


def test_equal_logs_are_equal_files(tmp_path, monkeypatch):
    log = hand_log(row(job=1, times=(0, 0, 1, 2)))
    log.write(tmp_path / "a.csv.gz")
    monkeypatch.setattr("time.time", lambda: 1e9)
    log.write(tmp_path / "b.csv.gz")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_the_file_holds_names_and_leaves_empty_what_there_is_not(tmp_path):
    waits = row(job=2, queue="email", parent=1, flow=1, times=(2, 2, NAN, NAN), outcome="")
    log = hand_log(
        row(job=1, times=(0, 0.5, 1, 2.25), result=1, slot=4, worker=1),
        row(**waits, slot=-1, worker=-1, result=-1),
    )
    log.write(tmp_path / "log.csv")
    assert (tmp_path / "log.csv").read_text() == (
        "engine,replication,queue,job_id,flow,parent_id,name,attempt,run,"
        "enqueued_s,ready_s,started_s,finished_s,outcome,result,worker,slot\n"
        "simpy,0,order,job-1,job-1,,process-order,1,1,"
        "0.000000000,0.500000000,1.000000000,2.250000000,completed,processing,1,4\n"
        "simpy,0,email,job-2,job-1,job-1,process-order,1,1,2.000000000,2.000000000,,,,,,\n"
    )


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "log.csv"
    path.write_text("old")

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(InputError, match=r"log.csv: cannot write .* No space left on device$"):
        hand_log().write(path)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["log.csv"]


@pytest.mark.parametrize("name", ["missing/log.csv", "."])
def test_an_unwritable_path_is_said(tmp_path, name):
    with pytest.raises(InputError, match="cannot write the attempt log"):
        hand_log().write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_and_stays_one():
    hand_log(row(job=1, times=(0, 0, 1, 2))).write(Path(os.devnull))
    assert Path(os.devnull).is_char_device()


def good_file(tmp_path: Path) -> Path:
    path = tmp_path / "log.csv"
    hand_log(row(job=1, times=(0, 0, 1, 2)), row(job=2, times=(0, 0, 1, 2))).write(path)
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("enqueued_s,", "queued_s,", r"log\.csv: column enqueued_s is missing"),
        ("job-2,job-2,,process-order,1", "job-2,job-2,,process-order,one", "row 2, column attempt"),
        ("job-2,job-2,,process-order,1", "job-2,job-2,,process-order,1.5", "row 2, column attempt"),
        ("job-2,job-2,,process-order,1", "job-2,job-2,,process-order,99999", "column attempt"),
        ("simpy,0,order,job-2", "simpy,,order,job-2", r"row 2, column replication: '' is no whole"),
        ("simpy,0,order,job-2", "ciw,0,order,job-2", "column engine"),
        ("simpy,0,order,job-2", "simpy,0,,job-2", "row 2, column queue: '' should not be empty"),
        ("1.000000000", "soon", r"row 1, column started_s: 'soon' is no time"),
        ("1.000000000", "inf", "row 1, column started_s"),
        ("0.000000000,0.000000000", "0.000000000,", "row 1, column ready_s"),
        ("2.000000000,completed", ",completed", "row 1, column finished_s"),
        ("2.000000000,completed", "2.000000000,", "row 1, column finished_s"),
        ("completed", "won", "row 1, column outcome: 'won' is none of completed, retried"),
        ("simpy,0,order,job-1", "x,simpy,0,order,job-1", "not an attempt log"),
        ("simpy,", "x,simpy,", "rows are longer|not an attempt log"),
        ("\n", "", "not an attempt log|column"),
    ],
)
def test_malformed_files_are_one_line_that_names_the_place(tmp_path, old, new, said):
    path = good_file(tmp_path)
    header, rest = path.read_text().split("\n", 1)
    text = f"{header}\n{rest}"
    where = 0 if old.startswith("enqueued") or old == "\n" else len(header)
    changed = text[:where] + text[where:].replace(old, new, -1 if old == "simpy," else 1)
    assert changed != text
    path.write_text(changed)
    if old == "\n":
        path.write_text("")
    with pytest.raises(InputError, match=said) as caught:
        read_log(path)
    assert "\n" not in str(caught.value)
    assert "log.csv" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        b"",
        gzip.compress(b"engine\n" * 100, mtime=0)[:-12],
        b"\x1f\x8b\x08" + b"\x07" * 50,
    ],
)
def test_what_is_no_text_is_no_log(tmp_path, data):
    for name in ("log.csv", "log.csv.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=name):
            read_log(tmp_path / name)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_log(tmp_path / "none.csv")


def test_merged_logs_keep_their_own_words_and_ids():
    a = hand_log(row(job=1, times=(0, 0, 1, 2), worker=1))
    b = AttemptLog(
        engine="simpy",
        rows=hand_log(row(job=1, parent=0, flow=0, times=(0, 0, 1, 3), worker=0)).rows,
        queues=QUEUES,
        names=("process-order",),
        results=("",),
        workers=("9",),
        ids=lambda keys: [f"other-{key}" for key in keys],
    )
    frame = merge([a, b]).frame()
    assert list(frame["job_id"]) == ["job-1", "other-1"]
    assert list(frame["flow"]) == ["job-1", "other-0"]
    assert list(frame["parent_id"]) == ["", "other-0"]
    assert list(frame["worker"]) == ["1", "9"]
    assert list(a.rows["job"]) == [1]
    assert len(merge([hand_log(), b])) == 1


def test_rows_stay_small():
    assert ROW.itemsize <= 80
