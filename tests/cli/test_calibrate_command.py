"""``simqueue calibrate``: from observations to a folder, and what is said of bad input."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import redis

from simqueue.cli import run
from simqueue.record.reading import read_log
from simqueue.workload.reading import read_scenario

STORY = Path(__file__).parent.parent / "calibration"


@pytest.fixture
def observed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An hour of two slots, four jobs a minute at the beginning and eight at the end."""
    monkeypatch.syspath_prepend(str(STORY))
    from story import Story

    rng = np.random.default_rng(1)
    story = Story("video")
    free, moments = [0.0, 0.0], []
    at = np.sort(np.concatenate([rng.uniform(0, 1800, 120), rng.uniform(1800, 3600, 240)]))
    for number, added in enumerate(1000 * at):
        place = int(np.argmin(free))
        started = max(added, free[place])
        free[place] = started + rng.exponential(11_000)
        job = f"{number}"
        story.head(job, attempts=3, backoff={"type": "fixed", "delay": 500.0})
        moments += [(added, 0, "added", job), (added, 1, "waiting", job)]
        moments += [(started, 3, "active", job), (free[place], 2, "completed", job)]
    for moment, _, what, job in sorted(moments):
        story.event(moment, what, job)
    return story.end(3_700_000).write(tmp_path / "seen.jsonl")


def test_a_folder_is_made_of_observations(
    observed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert run(["calibrate", "--from", str(observed), "--out", str(out)]) == 0
    scenario = read_scenario(out / "scenario.toml")
    assert scenario.slots == {"video": 2}
    assert scenario.queues["video"].attempts == 3
    assert len(read_log(out / "attempts.csv.gz")) == 360
    assert (out / "report.md").read_text() == capsys.readouterr().out[:-1]


def test_the_document_says_how_well_it_fits(
    observed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["calibrate", "--from", str(observed), "--out", str(tmp_path / "o"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (fit,) = document["fit"]
    seen, model = fit["wait_s"]["p95"]

    assert fit["jobs"] == 360
    assert model == pytest.approx(seen, rel=0.02)
    assert document["queues"]["video"]["workers"]["reached"]


def test_a_report_may_go_into_the_folder_and_beside_json(
    observed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, file = tmp_path / "out", tmp_path / "out" / "video.html"
    command = ["calibrate", "--from", str(observed), "--out", str(out), "--report", str(file)]

    assert run([*command, "--json"]) == 0
    sentence = json.loads(capsys.readouterr().out)["sentence"]
    assert f'<p class="answer">{sentence}</p>' in file.read_text(encoding="utf-8")


def test_a_busier_day_is_asked_for_as_of_any_scenario(observed: Path, tmp_path: Path) -> None:
    assert run(["calibrate", "--from", str(observed), "--out", str(tmp_path / "out")]) == 0
    arguments = ["plan", str(tmp_path / "out" / "scenario.toml"), "--vary", "pools.video.count"]
    target = ["--target", "video.response.p95 < 5min", "--days", "2", "--no-margins"]

    assert run([*arguments, *target, "--traffic", "3"]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no observations of simqueue calibrate: it is empty"),
        ("placed_at\n2026-11-24\n", "no observations of simqueue calibrate: line 1"),
        ('{"kind": "watch", "format": 99, "at_ms": 1, "prefix": "b", "queues": []}', "format 99"),
    ],
)
def test_a_file_of_something_else_is_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(text)

    assert run(["calibrate", "--from", str(file), "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_torn_lines_are_passed_over_and_counted(
    observed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = observed.read_text().splitlines()
    observed.write_text("\n".join([*lines[:50], lines[50][:20], *lines[51:]]) + '\n{"kind": "eve')

    assert run(["calibrate", "--from", str(observed), "--out", str(tmp_path / "out")]) == 0
    assert "2 lines of the observations are torn" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "{there}"], "is there already"),
        (["--out", "{new}", "--continue"], "nothing to go on with"),
        (["--out", "{new}", "--minutes", "0"], "minutes = 0: expected a number above 0"),
        (["--out", "{new}", "--minutes", "nan"], "minutes = nan: expected a number above 0"),
        (["--from", "{there}/none", "--continue", "--out", "{new}"], "give one of them"),
        (["--from", "{there}/none", "--kept", "--out", "{new}"], "--from, --kept: give one"),
        (["--from", "{there}/none", "--queue", "a", "--out", "{new}"], "--from, --queue: give"),
        (["redis://h", "--from", "{there}/none", "--out", "{new}"], "--from, a URL: give one"),
        (["redis://127.0.0.1:1/0", "--out", "{new}"], "error: redis://127.0.0.1:1/0: no Redis"),
        (["--from", "{there}/none", "--out", "{new}"], "cannot read observations"),
        (["--out", "{new}"], "QUEUE_REDIS_URL is not set"),
        (["--out", "{new}", "--report", "{there}"], "is a folder; expected the name of a file"),
        (["--out", "{new}", "--report", "{new}/a.txt"], "expected a name that ends in .html"),
        (["--out", "{new}", "--report", "{there}/no/a.html"], "there is no folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("QUEUE_REDIS_URL", raising=False)
    there = tmp_path / "there"
    there.mkdir()
    filled = [one.format(there=there, new=tmp_path / "new") for one in arguments]

    assert run(["calibrate", *filled]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_queues_that_keep_nothing_are_named_and_leave_no_folder(
    redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.hset("bull:video:meta", "v", "1")

    assert run(["calibrate", redis_url, "--kept", "--out", str(tmp_path / "out")]) == 2
    assert "--kept: video: no job that ended is kept there; watch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_ctrl_c_ends_the_watch_and_what_was_seen_is_written(redis_url: str, tmp_path: Path) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        client.hset("bull:video:meta", "v", "1")
        command = [sys.executable, "-m", "simqueue", "calibrate", redis_url]
        command += ["--out", str(tmp_path / "out")]
        watching = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        file = tmp_path / "out" / "observations.jsonl"
        until(lambda: file.exists() and '"look"' in file.read_text())
        for number in range(30):
            for event in ("added", "waiting", "active", "completed"):
                client.xadd("bull:video:events", {"event": event, "jobId": str(number)})
        until(lambda: file.read_text().count('"completed"') == 30)
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=100)

    assert (watching.returncode, err) == (0, "")
    assert "30 jobs and 30 attempts" in out
    assert read_scenario(tmp_path / "out" / "scenario.toml").queues["video"].attempts == 1


def until(holds: Callable[[], bool]) -> None:
    """Look again and again, for a minute at most."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
