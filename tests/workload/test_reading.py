"""Scenario files: defaults come from the policies, and whatever is wrong is one clear line."""

from pathlib import Path

import pytest

from simqueue.errors import InputError
from simqueue.policies import POLICIES
from simqueue.workload.reading import build_scenario, parse_set, read_scenario

SERVICE = 'service = { distribution = "exponential", mean_s = 0.1 }'
GOOD = f"""
duration_s = 60
[arrivals.order]
rate_per_s = 3
[queues.order]
{SERVICE}
[queues.email]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "shop.toml"
    file.write_text(text)
    return file


def test_the_default_scenario_is_the_busiest_day() -> None:
    scenario = read_scenario()

    assert scenario.arrivals["order"].trace.name == "arrivals.csv"  # type: ignore[union-attr]
    assert scenario.duration_s == 12 * 3600
    assert scenario.moment(0) == "08:00"
    assert scenario.moment(4.75 * 3600) == "12:45"


def test_policies_fill_in_what_a_file_leaves_out(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD + "[queues.payment]\nbackoff.jitter = 0.5\n"))

    assert scenario.queues["order"].attempts == POLICIES["order"].attempts
    assert scenario.queues["order"].backoff == POLICIES["order"].backoff
    assert scenario.queues["order"].follow_up.completed == ["email"]
    payment = scenario.queues["payment"].backoff
    assert (payment.type, payment.delay_ms, payment.jitter) == ("fixed", 5000, 0.5)


def test_a_default_follow_up_to_a_queue_that_is_not_there_is_dropped(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("[queues.email]", "")))

    assert scenario.queues["order"].follow_up.completed == []


def test_a_free_queue_runs_its_jobs_once(tmp_path: Path) -> None:
    text = GOOD.replace("order", "thumbnails")

    assert read_scenario(write(tmp_path, text)).queues["thumbnails"].attempts == 1


def test_set_reaches_into_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, GOOD)
    changed = read_scenario(
        file,
        [
            parse_set("queues.order.attempts=5"),
            parse_set("queues.order.service.mean_s=0.25"),
            parse_set("name=friday night"),
            parse_set("queues.order.outages=[[1, 2]]"),
        ],
    )

    assert changed.queues["order"].attempts == 5
    assert changed.queues["order"].service.mean == 0.25
    assert changed.name == "friday night"
    assert changed.queues["order"].outages == [(1, 2)]


WRONG = [
    ("duration_s = 60\nspeed = 3", "speed: unknown key"),
    ("[queues.order]\natempts = 3", "queues.order.atempts: unknown key"),
    ("[queues.order]\nfailure_rate = 2", "queues.order.failure_rate: should be less than or equal"),
    ("[queues.order]\nattempts = 'three'", "queues.order.attempts: should be a valid integer"),
    ("[queues.order]\nbackoff = 'fixed'", "queues.order.backoff"),
    ("[queues.order.backoff]\njitter = 1.5", "queues.order.backoff.jitter"),
    ("[queues.order.service]\nmean_s = 1", "queues.order.service"),
    (
        "[queues.order.service]\ndistribution = 'exponential'\nmean_s = nan",
        "queues.order.service.mean_s: should be a finite number",
    ),
    (
        "[queues.order.service]\ndistribution = 'exponential'\nmean = 1",
        "queues.order.service.mean_s: missing (and 1 more)",
    ),
    ("[queues.order]\noutages = [[5, 1]]", "queues.order: outages: [5, 1] should end after"),
    (
        "[queues.order]\nfollow_up = { completed = ['letters'] }",
        "queues.order.follow_up.completed: there is no queues.letters",
    ),
    (
        "[queues.order]\nfollow_up = { completed = ['order'] }",
        "jobs would go in a circle, order -> order",
    ),
    ("[workers]\nconcurrency = 0", "workers.concurrency: should be greater than or equal to 1"),
    ("[workers]\ntype = 'letters'", "workers.type: there is no queues.letters"),
    ("mode = 'fast'", "mode: should be 'bull-queue' or 'in-process'"),
    ("warmup_s = 60\nduration_s = 60", "warmup_s: 60 should be less than duration_s"),
    ("seed = -1", "seed: should be greater than or equal to 0"),
    ("duration_s = 0", "duration_s: should be greater than 0"),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG, ids=[said[:40] for _, said in WRONG])
def test_what_is_wrong_is_named_with_its_file(tmp_path: Path, wrong: str, said: str) -> None:
    base = "duration_s = 60\n" if "duration_s" not in wrong else ""
    head, found, tables = wrong.partition("[")
    queue = "" if "[queues.order]" in wrong else "[queues.order]\n"
    text = f"{base}{head}\n[arrivals.order]\nrate_per_s = 1\n{queue}{found}{tables}"
    file = write(tmp_path, text)

    with pytest.raises(InputError) as caught:
        read_scenario(file)

    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("queues.order.attempts=abc", "--set queues.order.attempts=abc: queues.order.attempts: "),
        ("queues.order.service.mean_s=nan", "finite number, not nan"),
        ("queues.order.colour=red", "queues.order.colour: unknown key"),
        ("workers.concurrency=0", "greater than or equal to 1, not 0"),
        ("duration_s.x=1", "duration_s is a value, not a table"),
        ("nonsense", "expected KEY=VALUE"),
        ("=3", "expected KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_blamed_on_its_flag(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(write(tmp_path, GOOD), [parse_set(text)])

    assert str(caught.value).startswith(f"--set {text}")
    assert said in str(caught.value)


def test_files_that_are_no_scenario(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the scenario: No such file"):
        read_scenario(tmp_path / "none.toml")
    with pytest.raises(InputError, match="not TOML"):
        read_scenario(write(tmp_path, "a = = 3"))


def test_a_path_is_looked_for_beside_the_scenario_first(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("placed_at\n2024-01-01T00:00:01\n")
    text = GOOD.replace("rate_per_s = 3", 'trace = "mine.csv"').replace("duration_s = 60", "")

    scenario = read_scenario(write(tmp_path, text))

    assert scenario.traces[0].trace == tmp_path / "mine.csv"
    assert scenario.duration_s == 60  # the whole file, its last minute included


def test_two_streams_cannot_follow_in_a_chain() -> None:
    think = {"distribution": "constant", "mean_s": 1}
    with pytest.raises(InputError, match="'a' has no arrivals of its own"):
        build_scenario(
            {
                "duration_s": 9,
                "arrivals": {
                    "c": {"rate_per_s": 1},
                    "a": {"follows": "c", "think": think},
                    "b": {"follows": "a", "think": think},
                },
                "queues": {"a": {}, "b": {}, "c": {}},
            }
        )
