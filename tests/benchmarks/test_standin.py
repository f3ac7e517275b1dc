"""The company that stands in for a production: its days are what they claim to be."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import redis
from conftest import missing
from node_packages import as_bullmq, newest
from redis_servers import RedisServer

from benchmarks.standin import __main__ as door
from benchmarks.standin import day as played
from benchmarks.standin.company import COMPANY, PROFILE, slots, sped_up
from benchmarks.standin.day import Outage, play_day
from benchmarks.standin.truth import Truth, read_truth
from simqueue.errors import InputError
from simqueue.validation.node.installed import MAJORS, find_bullmq

SPEED = 20
OUTAGE = Outage("webhooks", 0.5, 1.5)


def tiny() -> dict[str, Any]:
    """With a limiter that holds back, and all that happens seldom within two seconds."""
    company = deepcopy(COMPANY)
    company["queues"]["webhooks"]["limiter"]["max"] = 1
    company["queues"]["invoices"]["fatal"] = 0.1
    company["queues"]["reminders"]["delayed"]["to"] = 20_000
    company["queues"]["digest"]["every"] = 2_000
    return company


@dataclass(frozen=True)
class Played:
    truth: Truth
    folder: Path
    client: redis.Redis

    def jobs(self, queue: str, outcome: str = "completed") -> list[dict[str, str]]:
        """What Redis still holds of them."""
        ids = self.client.zrange(f"bull:{queue}:{outcome}", 0, -1)
        return [self.client.hgetall(f"bull:{queue}:{one}") for one in ids]

    def events(self, queue: str, event: str) -> list[str]:
        entries = self.client.xrange(f"bull:{queue}:events")
        return [fields["jobId"] for _, fields in entries if fields["event"] == event]


@pytest.fixture(scope="module")
def play(
    redis_server: RedisServer, node_modules: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], Played]]:
    """The same day on a version of BullMQ, played once, on a database of its own."""
    redis_server.clear()
    with ExitStack() as stack:

        @cache
        def played(major: int) -> Played:
            folder = tmp_path_factory.mktemp(f"day-{major}")
            url = redis_server.url.removesuffix("0") + str(major)
            installed = find_bullmq(as_bullmq(node_modules, newest(major)))
            truth = play_day(
                folder, seed=7, traffic=0.25, minutes=1 / 30, outage=OUTAGE, redis=url,
                speed=SPEED, company=tiny(), bullmq=installed,
            )  # fmt: skip
            client = stack.enter_context(redis.Redis.from_url(url, decode_responses=True))
            return Played(truth, folder, client)

        yield played


@pytest.fixture(params=[pytest.param(5, marks=pytest.mark.slow), 6])
def day(request: pytest.FixtureRequest, play: Callable[[int], Played]) -> Played:
    return play(request.param)


# ---- the truth


def test_every_job_is_counted_once_as_redis_told_it(day: Played) -> None:
    jobs = day.truth.jobs
    assert set(jobs["queue"]) == set(COMPANY["queues"])
    assert not jobs.duplicated(["queue", "id"]).any()
    for queue, its in jobs.groupby("queue"):
        for outcome in ("completed", "failed"):
            told = day.events(str(queue), outcome)
            assert sorted(told) == sorted(its.loc[its["outcome"] == outcome, "id"])
    assert "unfinished" not in set(jobs["outcome"])


def test_attempts_follow_each_other_and_the_last_one_says_the_outcome(day: Played) -> None:
    for _, its in day.truth.attempts.groupby(["queue", "id"]):
        assert list(its["attempt"]) == list(range(1, len(its) + 1))
        assert (its["outcome"].iloc[:-1] == "retried").all()
        assert its["outcome"].iloc[-1] != "retried"
        assert (its["due"].iloc[1:].to_numpy() >= its["finished"].iloc[:-1].to_numpy()).all()


def test_attempts_take_at_least_as_long_as_was_drawn(day: Played) -> None:
    rows = day.truth.attempts
    # Stamps of BullMQ are cut to milliseconds, and the last half of one is not slept.
    assert (rows["finished"] - rows["started"] > rows["service_s"] - 0.0011).all()


def test_a_report_waits_from_its_last_thumbnail_on(day: Played) -> None:
    files = [file.read_text() for file in day.folder.glob("attempts-*")]
    lines = [json.loads(line) for file in files for line in file.splitlines()]
    origin = day.truth.day["origin"]
    children = pd.DataFrame([line for line in lines if line["parent"]])
    last = children.groupby("parent")["finished"].max() - origin
    reports = day.truth.attempts.query("queue == 'reports' and attempt == 1")
    assert len(reports) > 0
    assert children.groupby("parent").size().between(3, 5).all()
    due = (reports["queue"] + ":" + reports["id"]).map(last)
    np.testing.assert_allclose(reports["due"], due)


def test_the_summary_is_that_of_the_rows(day: Played) -> None:
    table = day.truth.summary()
    jobs = day.truth.jobs
    assert table["jobs"].sum() == len(jobs)
    assert table["lost"].sum() == (jobs["outcome"] != "completed").sum()
    vip = jobs.query("queue == 'invoices' and name == 'vip' and outcome == 'completed'")
    assert day.truth.summary("queue", "priority").loc[
        ("invoices", 1), "response_p95_s"
    ] == pytest.approx(np.quantile(vip["finished"] - vip["enqueued"], 0.95))
    assert table["utilisation"].between(0, 1).all()


def test_a_day_can_be_read_again(day: Played) -> None:
    again = read_truth(day.folder)
    pd.testing.assert_frame_equal(again.jobs, day.truth.jobs)
    pd.testing.assert_frame_equal(again.attempts, day.truth.attempts)


def test_how_busy_the_machine_was_is_known(day: Played) -> None:
    machine = day.truth.machine
    assert machine.cores == os.cpu_count()
    assert 0 < machine.node <= machine.busy <= 1


# ---- what is met in life


def test_priorities_are_in_redis(day: Played) -> None:
    """Vip 1, bulk 10, a correction none."""
    found = {(job["name"], job["priority"]) for job in day.jobs("invoices")}
    assert found == {("vip", "1"), ("bulk", "10"), ("correction", "0")}


def test_the_limiter_holds_back(day: Played) -> None:
    started = np.sort(day.truth.attempts.query("queue == 'webhooks'")["started"])
    window = 1 / SPEED
    assert len(started) <= (started[-1] - started[0]) / window + 1
    assert day.truth.summary().loc["webhooks", "wait_p95_s"] > window


def test_thumbnails_are_children_and_done_in_processes_of_their_own(day: Played) -> None:
    assert all(job["parentKey"].startswith("bull:reports:") for job in day.jobs("thumbnails"))
    workers = day.truth.attempts.groupby("queue")["worker"].unique().map(set)
    assert not workers["thumbnails"] & workers["reports"]
    assert len(workers["thumbnails"]) > 1
    assert workers["invoices"] & workers["webhooks"]
    assert len(workers["invoices"] | workers["webhooks"]) == 2


def test_the_digest_is_a_schedulers_and_ends_with_the_day(day: Played) -> None:
    assert {job["rjk"] for job in day.jobs("digest")} == {"digest"}
    assert len(day.jobs("digest")) > 1
    assert not day.client.exists("bull:digest:delayed")


def test_reminders_are_delayed(day: Played) -> None:
    rows = day.truth.attempts.query("queue == 'reminders' and attempt == 1")
    delays = (rows["due"] - rows["enqueued"]) * SPEED
    assert delays.between(4.9, 20.1).all()
    assert delays.max() - delays.min() > 10


def test_some_failures_are_final_at_once(day: Played) -> None:
    final = day.truth.jobs.query("queue == 'invoices' and outcome == 'failed' and attempts == 1")
    assert len(final) > 0
    assert {job["failedReason"] for job in day.jobs("invoices", "failed")} >= {"invoices: fatal"}


def test_backoff_has_its_jitter(day: Played) -> None:
    rows = day.truth.attempts.query("queue == 'invoices'")
    waits = (rows["due"] - rows["finished"].shift())[rows["attempt"] == 2] * SPEED
    assert waits.between(0.5 - 1e-6, 1 + 1e-6).all()
    assert waits.nunique() > 1


def test_only_so_many_finished_jobs_are_kept(day: Played) -> None:
    """Of reminders none; and of failed jobs no more than fifty."""
    assert day.truth.summary().loc["invoices", "jobs"] > 100
    assert len(day.jobs("invoices")) == 100
    assert day.jobs("reminders") == []
    assert 0 < len(day.jobs("invoices", "failed")) <= 50


def test_what_starts_while_the_downstream_is_out_fails(day: Played) -> None:
    rows = day.truth.attempts.query("queue == 'webhooks'")
    inside = rows["started"].between(OUTAGE.start_s, OUTAGE.end_s, inclusive="left")
    assert inside.sum() > 3
    assert not (rows.loc[inside, "outcome"] == "completed").any()
    assert (rows.loc[~inside, "outcome"] == "completed").mean() > 0.8


# ---- draws


@pytest.mark.slow
def test_one_seed_brings_the_same_day(play: Callable[[int], Played]) -> None:
    """On another version too; when the digest is due depends on the clock."""
    kept = ["queue", "number", "name", "priority", "service_s"]
    first, second = (
        play(major)
        .truth.attempts.query("attempt == 1 and queue != 'digest'")[kept]
        .sort_values(kept, ignore_index=True)
        for major in MAJORS
    )  # fmt: skip
    assert len(first) > 100
    pd.testing.assert_frame_equal(first, second)


def drawn(expression: str) -> Any:
    """What an expression comes to in Node."""
    if shutil.which("node") is None:
        missing("Node.js")
    module = Path(played.__file__).parent / "node" / "draws.mjs"
    script = f"import * as d from {json.dumps(module.as_uri())};"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", f"{script}console.log(JSON.stringify({expression}))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def times(rate: float, seed: int, day: int = 1) -> np.ndarray[Any, Any]:
    profile = json.dumps(PROFILE)
    return np.array(drawn(f"[...d.arrivals({rate}, {profile}, 600, {seed}, {day}, 'some')]"))


def test_arrivals_follow_the_profile_at_any_traffic() -> None:
    """Poisson counts in each tenth of the day, within four standard deviations."""
    fine = np.linspace(0, 1, 10_001)
    at, level = np.array(PROFILE).T
    busy = np.interp((fine[1:] + fine[:-1]) / 2, at, level).reshape(10, -1)
    for rate in (5, 15):
        expected = busy.mean(axis=1) * rate * 60
        counted, _ = np.histogram(times(rate, seed=3), bins=10, range=(0, 600))
        assert (np.abs(counted - expected) < 4 * np.sqrt(expected)).all()


def test_the_profile_is_one_on_average() -> None:
    at, busy = np.array(PROFILE).T
    assert (np.diff(at) * (busy[1:] + busy[:-1]) / 2).sum() == pytest.approx(1, abs=0.005)


def test_another_seed_or_day_is_another() -> None:
    assert (times(2, seed=1) == times(2, seed=1)).all()
    for other in (times(2, seed=2), times(2, seed=1, day=2)):
        assert not np.isin(times(2, seed=1), other).any()


def test_service_times_have_their_mean_and_variation() -> None:
    many = "Array.from({length: 20000}, (_, n) => d.lognormal({mean: 250, cv: 1}, 5, n))"
    logs = np.log(drawn(many))
    variance = np.log(2)
    error = np.sqrt(variance / len(logs))
    assert abs(logs.mean() - (np.log(250) - variance / 2)) < 4 * error
    assert logs.var() == pytest.approx(variance, abs=4 * variance * np.sqrt(2 / len(logs)))


# ---- what it is asked for


def test_faster_is_as_busy() -> None:
    fast = sped_up(COMPANY, 10)["queues"]
    for name, queue in COMPANY["queues"].items():
        if "rate_per_s" in queue:
            assert fast[name]["rate_per_s"] == 10 * queue["rate_per_s"]
        for kind, faster in zip(queue["kinds"], fast[name]["kinds"], strict=True):
            assert faster["service"]["mean"] == kind["service"]["mean"] / 10
            assert faster["service"]["cv"] == kind["service"]["cv"]
    assert fast["webhooks"]["limiter"] == {"max": 20, "duration": 100}
    assert fast["reports"]["children"] == COMPANY["queues"]["reports"]["children"]
    assert slots(COMPANY)["invoices"] == 10


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("webhooks", "expected QUEUE:FROM:TO"),
        ("webhooks:a:b", "expected QUEUE:FROM:TO"),
        ("webhooks:20:10", "expected 0 <= FROM < TO"),
        ("nobody:1:2", "expected one of invoices"),
    ],
)
def test_an_outage_that_is_none_says_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Outage.parse(text)


def test_a_folder_and_a_redis_hold_one_day(
    day: Played,
    redis_server: RedisServer,
    tmp_path: Path,
    node_modules: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = day.client.get_connection_kwargs()["db"]
    url = redis_server.url.removesuffix("0") + str(database)
    for folder, said in ((day.folder, "there is a day in it"), (tmp_path, "--prefix")):
        asked = ["--folder", str(folder), "--redis", url, "--node-modules"]
        assert door.main([*asked, str(as_bullmq(node_modules, newest(6)))]) == 2
        told = capsys.readouterr().err.splitlines()
        assert url in told[0]
        assert said in told[1]


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "long"])
def test_a_day_lasts_some_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        door.main(["--minutes", text])
    assert ended.value.code == 2
    assert f"--minutes: {text!r}: expected a number above 0" in capsys.readouterr().err


def test_what_is_printed(day: Played) -> None:
    text = door.shown(day.truth)
    assert "response_p95_s" in text
    assert "% busy" in text
