"""Scenario files: defaults come from the policies, and whatever is wrong is one clear line."""

from pathlib import Path

import pytest

from simqueue.errors import InputError
from simqueue.policies import POLICIES, Backoff
from simqueue.workload.changes import parse_set
from simqueue.workload.production import MEASURED, NO_OVERHEAD, Overhead
from simqueue.workload.reading import build_scenario, read_scenario

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
    ("warmup_s = 'soon'", "warmup_s: should be 'auto', not 'soon'"),
    ("warmup_s = -1", "warmup_s: should be greater than or equal to 0, not -1"),
    ("warmup_s = 60\nduration_s = 60", "warmup_s: 60 should be less than duration_s"),
    ("seed = -1", "seed: should be greater than or equal to 0"),
    ("duration_s = 0", "duration_s: should be greater than 0"),
    (
        "mode = 'in-process'\n[[workers.crashes]]\nat_s = 1\ndown_s = 1",
        "workers.crashes: in-process mode has no workers that could crash",
    ),
    (
        "[[workers.crashes]]\nat_s = 1\ndown_s = 1\nworker = 1",
        "workers: crashes: there is no worker 1; they are counted from 0 to 0",
    ),
    (
        "[workers]\ncrashes = [{ at_s = 5, down_s = 1 }, { at_s = 1, down_s = 5 }]",
        "workers: crashes: worker 0 cannot die at 5 s: it is down until 6 s",
    ),
    ("[[workers.crashes]]\nat_s = 1", "workers.crashes.0.down_s: missing"),
    (
        "[bullmq]\noverhead = 'much'",
        "bullmq: overhead: expected 'none', 'measured' or a table, not 'much'",
    ),
    ("[bullmq]\noverhead = { pickup = 1 }", "bullmq.overhead.pickup: unknown key"),
    ("[bullmq]\nlock_duration_s = 0", "bullmq.lock_duration_s: should be greater than or equal"),
    ("[bullmq]\nmax_stalled = -1", "bullmq.max_stalled: should be greater than or equal to 0"),
    ("[bullmq]\nclient = 'go'", "bullmq.client: should be 'python' or 'node'"),
    ("[queues.order]\nlifo = 'newest'", "queues.order.lifo: should be a valid boolean"),
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
        ("arrivals.order=3", "arrivals.order: should have exactly one of the keys"),
        ("workers=3", "workers: should be a table, not 3"),
        ("queues.order.outages=[5]", "queues.order.outages.0: should be a list, not 5"),
        ("queues.order.service=0.3", "queues.order.service: should be a table, not 0.3"),
        ("queues.order.cpu={mean_s=1}", "queues.order.cpu: should have a key distribution"),
        ('queues.order.cpu={distribution="bell"}', "distribution 'bell' is none of 'constant', "),
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
    (tmp_path / "mine.csv").write_text("placed_at\n2024-01-01T00:01\n")
    text = GOOD.replace("rate_per_s = 3", 'trace = "mine.csv"').replace("duration_s = 60", "")

    scenario = read_scenario(write(tmp_path, text))

    assert scenario.traces[0].trace == tmp_path / "mine.csv"
    assert scenario.duration_s == 60  # the whole file, its last minute included


@pytest.mark.parametrize(
    ("client", "mode", "said"),
    [
        ({"timeout_s": 1}, "in-process", "arrivals.q.client: in-process mode answers at once"),
        ({}, "bull-queue", "client.timeout_s: missing"),
        ({"timeout_s": 0}, "bull-queue", "client.timeout_s: should be greater than 0"),
        (
            {"timeout_s": 1, "retries": 1.5},
            "bull-queue",
            "client.retries: should be a valid integer",
        ),
        (
            {"timeout_s": 1, "budget": -1},
            "bull-queue",
            "client.budget: should be greater than or equal",
        ),
        ({"timeout_s": 1, "patience": 2}, "bull-queue", "client.patience: unknown key"),
    ],
)
def test_what_is_wrong_with_a_client_is_named(
    client: dict[str, object], mode: str, said: str
) -> None:
    table = {
        "duration_s": 9,
        "mode": mode,
        "arrivals": {"q": {"rate_per_s": 1, "client": client}},
        "queues": {"q": {}},
    }
    with pytest.raises(InputError) as caught:
        build_scenario(table)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_overhead_has_two_words_and_figures() -> None:
    def overhead(bullmq: dict[str, object]) -> Overhead:
        arrivals = {"q": {"rate_per_s": 1}}
        table = {"duration_s": 9, "arrivals": arrivals, "queues": {"q": {}}, "bullmq": bullmq}
        return build_scenario(table).bullmq.overhead

    assert overhead({}) == overhead({"overhead": "none"}) == NO_OVERHEAD
    assert overhead({"overhead": "measured"}) == MEASURED
    assert overhead({"overhead": {"loop_s": 0.001}}) == Overhead(loop_s=0.001)


def test_crashes_of_two_workers_may_overlap_and_of_one_may_touch() -> None:
    crashes = [(1, 0, 5), (2, 1, 5), (6, 0, 1)]
    table = {
        "duration_s": 9,
        "workers": {
            "count": 2,
            "crashes": [{"at_s": at, "worker": who, "down_s": down} for at, who, down in crashes],
        },
        "arrivals": {"q": {"rate_per_s": 1}},
        "queues": {"q": {}},
    }

    assert len(build_scenario(table).workers.crashes) == 3


def test_a_value_may_be_what_a_scenario_is_made_of() -> None:
    backoff = Backoff(type="exponential", delay_ms=700, jitter=0.5)
    scenario = read_scenario("outage.toml").replace({"queues.payment.backoff": backoff})

    assert scenario.queues["payment"].backoff == backoff
    again = scenario.replace({"queues.payment.backoff.jitter": 1})
    assert again.queues["payment"].backoff == Backoff(type="exponential", delay_ms=700, jitter=1)


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
