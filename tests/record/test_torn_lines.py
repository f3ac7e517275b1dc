"""Whatever tears a line of a worker's events costs that line, and neither the next nor the day."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simqueue.cli import run
from simqueue.errors import InputError
from simqueue.jobs import order_job
from simqueue.record.reading import read_log
from simqueue.record.worker_events import Event, EventFile, start_event

T0 = 1_700_000_000.0


def events(number: int) -> list[Event]:
    """The start and the end of one attempt at one job."""
    job, at = order_job(str(number)), T0 + number
    end = Event("end", at + 0.25, "order", job.id, 1, "w", 0, outcome="completed", result="x")
    return [
        start_event(job, at=at, enqueued=at - 0.5, attempt=1, worker="w", slot=0),
        end,
    ]


def lines(*numbers: int) -> list[bytes]:
    """What a worker writes down of jobs."""
    known = [
        {key: value for key, value in event._asdict().items() if value not in ("", None)}
        for number in numbers
        for event in events(number)
    ]
    return [json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in known]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    """Writes the file of a worker; the log that it belongs to."""

    def one(content: bytes) -> Path:
        folder = tmp_path / "day.csv.events"
        folder.mkdir(exist_ok=True)
        (folder / "w.jsonl").write_bytes(content)
        return tmp_path / "day.csv"

    return one


def ended(log: Path) -> list[str]:
    frame = read_log(log).frame()
    return sorted(frame["job_id"][frame["outcome"] == "completed"])


def test_the_lines_here_are_those_of_a_worker(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "day.csv", "w")
    for event in events(1):
        file.write(event)
    file.close()
    assert file.path.read_bytes() == b"".join(lines(1))


@pytest.mark.parametrize("cut", range(0, 130, 3))
def test_half_a_line_with_a_whole_one_behind_it(
    write: Callable[[bytes], Path], cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As a full disk left it: the end of job 1 is torn, the start of job 2 glued to it."""
    first, torn, *rest = lines(1, 2, 3)
    log = write(first + torn[:cut] + b"".join(rest))
    assert ended(log) == ["order-2", "order-3"]
    assert ("1 lines are torn and passed over, from line 2" in caplog.text) == (cut > 0)


@pytest.mark.parametrize(
    "torn",
    [
        b"\0" * 512,  # the file system made room, and the power went before the text came
        b'{"kind":"end","at":\xff\xfe\n',
        b"\x80" * 40 + b"\n",
        b"[1, 2]\n",
        b"17\n",
        b"null\n",
        b'{"kind":"end"}\n',
        b'{"kind":"start","at":NaN,"queue":"order","job_id":"x","attempt":1,"flow":"x","enqueued":1}\n',
        b'{"kind":"start","at":"x","queue":"order","job_id":"x","attempt":1,"flow":"x","enqueued":1}\n',
        b'{"kind":"start","at":1,"queue":"order","job_id":"x","attempt":"1","flow":"x","enqueued":1}\n',
        b'{"kind":"start","at":1,"queue":"order","job_id":"x","attempt":99999,"flow":"x","enqueued":1}\n',
        b'{"kind":"start","at":1,"queue":"order","job_id":7,"attempt":1,"flow":"x","enqueued":1}\n',
        b'{"kind":"start","at":1,"queue":"order","job_id":"x","attempt":1}\n',
        b'{"kind":"start","at":1,"queue":" ","job_id":"x","attempt":1,"flow":"x","enqueued":1}\n',
        b'{"kind":"end","at":1,"queue":"order","job_id":"order-2","attempt":1,"outcome":"done"}\n',
        b'{"kind":"end","at":1,"queue":"order","job_id":"x","outcome":"completed","due":"soon"}\n',
        b'{"kind":"later","at":1,"queue":"order","job_id":"x"}\n',
        b'{"kind":"end","at":1,"queue":"order","job_id":"x","outcome":"failed","new":1}\n',
        b"[" * 5000 + b"\n",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2, 4])
def test_what_is_no_event_is_passed_over(
    write: Callable[[bytes], Path], torn: bytes, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    content = lines(1, 2)
    content.insert(place, torn)
    log = write(b"".join(content))
    assert ended(log) == ["order-1", "order-2"]
    assert caplog.text.count("1 lines are torn and passed over") == 1


def test_torn_lines_are_counted_for_each_file(
    write: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    log = write(b"nonsense\n" + b"".join(lines(1)) + b"{}\n")
    (log.parent / "day.csv.events" / "v.jsonl").write_bytes(b"".join(lines(2)))
    assert ended(log) == ["order-1", "order-2"]
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "w.jsonl: 2 lines are torn and passed over, from line 1" in record.message


@pytest.mark.parametrize("content", [b"nonsense\n", b'{"king":"sta', b"\0" * 99, b"\xff\n"])
def test_a_file_without_one_event_is_none(write: Callable[[bytes], Path], content: bytes) -> None:
    with pytest.raises(InputError, match=r"w\.jsonl:1: not an event: ") as error:
        read_log(write(content))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [1, 5, 8, 30, 97, -3])
@pytest.mark.parametrize("others", [0, 1])
def test_a_file_with_torn_lines_only_costs_those(
    write: Callable[[bytes], Path], cut: int, others: int
) -> None:
    """The first event of a worker was torn, and then it was killed: another one's day is read."""
    log = write(b"\n".join([lines(1)[0][:cut]] * (1 + others)))
    (log.with_name("day.csv.events") / "v.jsonl").write_bytes(b"".join(lines(2)))
    assert ended(log) == ["order-2"]


@pytest.mark.parametrize("half", ["\\ud83d", "\\udced\\udca0\\udcbd", "\\udcff"])
def test_an_id_that_is_no_utf8_costs_nothing(write: Callable[[bytes], Path], half: str) -> None:
    odd = b"".join(lines(1)).replace(b"order-1", b"order-" + half.encode())
    assert ended(write(odd + b"".join(lines(2)))) == ["order-2", f"order-{half}"]


def test_an_empty_file_is_a_worker_that_did_nothing(write: Callable[[bytes], Path]) -> None:
    log = write(b"")
    (log.parent / "day.csv.events" / "v.jsonl").write_bytes(b"".join(lines(2)))
    assert ended(log) == ["order-2"]


FULL = """
import resource, sys
from pathlib import Path
from test_torn_lines import events
from simqueue.record.worker_events import EventFile

file = EventFile(Path(sys.argv[1]), "w")
troubles = []

def write(number):
    for event in events(number):
        try:
            file.write(event)
        except OSError as error:
            troubles.append(error.errno)

write(1)
room = file.path.stat().st_size + int(sys.argv[2])
most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
write(2)
write(3)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
write(4)
write(5)
file.close()
print(len(troubles))
"""


@pytest.mark.parametrize("room", [0, 1, 50, 127, 128, 129, 200])
def test_a_disk_that_fills_up_and_has_room_again(
    tmp_path: Path, room: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Half lines are written for real; the worker is told, and what comes later is whole."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n{FULL}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "day.csv"), str(room)],
        env=os.environ, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) >= 3
    assert {"order-1", "order-4", "order-5"} <= set(ended(tmp_path / "day.csv"))
    last = (tmp_path / "day.csv.events" / "w.jsonl").read_bytes().splitlines()[-4:]
    assert last == [line.rstrip() for line in lines(4, 5)], "repaired at writing"
    assert caplog.text.count("torn") <= 1


def test_a_file_that_was_left_torn_is_repaired_at_once(
    write: Callable[[bytes], Path], caplog: pytest.LogCaptureFixture
) -> None:
    """A worker of the same name, killed in the middle of a line, returns."""
    log = write(b"".join(lines(1))[:-20])
    file = EventFile(log, "w")
    for event in events(2):
        file.write(event)
    file.close()
    assert ended(log) == ["order-2"]
    assert "1 lines are torn" in caplog.text


def test_the_day_is_validated_all_the_same(
    write: Callable[[bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    first, torn, *rest = lines(*range(1, 40))
    log = write(first + torn[:40] + b"".join(rest))
    assert run(["validate-log", str(log), "--json", "--tolerance", "100%"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["left_out"] == 1
