"""Scenario files: defaults come from the policies, and whatever is wrong is one clear line."""

from pathlib import Path

import pytest

from simqueue.errors import InputError
from simqueue.policies import POLICIES, Backoff
from simqueue.workload.changes import parse_set
from simqueue.workload.production import MEASURED, MEASURED_NODE, NO_OVERHEAD, Overhead
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
    ("[workers]\nconcurrency = '5'", "workers.concurrency: should be a valid integer, not '5'"),
    (
        "[workers]\nconcurrency = { order = 1, letters = 2 }",
        "workers.concurrency.letters: there is no queues.letters",
    ),
    (
        "[workers]\nconcurrency = {}",
        "workers.concurrency: 'order' is missing; a table names every queue that the workers work",
    ),
    (
        "[workers]\nconcurrency = { order = 0 }",
        "workers.concurrency.order: should be greater than or equal to 1, not 0",
    ),
    ("[caller]\nprocesses = 0", "caller.processes: should be greater than or equal to 1, not 0"),
    ("[caller]\nmax_waiting = -1", "caller.max_waiting: should be greater than or equal to 0"),
    (
        "[[caller.crashes]]\nat_s = 1\ndown_s = 1\nprocess = 1",
        "caller: crashes: there is no process 1; they are counted from 0 to 0",
    ),
    (
        "[caller]\ncrashes = [{ at_s = 5, down_s = 1 }, { at_s = 1, down_s = 5 }]",
        "caller: crashes: process 0 cannot die at 5 s: it is down until 6 s",
    ),
    (
        "[[caller.crashes]]\nat_s = 1\ndown_s = 1\ndrain = true",
        "caller.crashes.0.drain: unknown key",
    ),
    ("mode = 'fast'", "mode: should be 'bull-queue' or 'in-process'"),
    ("warmup_s = 'soon'", "warmup_s: should be 'auto', not 'soon'"),
    ("warmup_s = -1", "warmup_s: should be greater than or equal to 0, not -1"),
    ("warmup_s = 60\nduration_s = 60", "warmup_s: 60 should be less than duration_s"),
    ("seed = -1", "seed: should be greater than or equal to 0"),
    ("duration_s = 0", "duration_s: should be greater than 0"),
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
    (
        "[queues.order.backoff]\ntype = 'list'",
        "queues.order.backoff: delays_ms: missing; a backoff",
    ),
    ("[queues.order.backoff]\ndelays_ms = [1]", "backoff: delays_ms: is for type = 'list', not"),
    (
        "[queues.order.backoff]\ntype = 'list'\ndelays_ms = [1]\ndelay_ms = 1",
        "queues.order.backoff: delay_ms: a backoff of type 'list' has delays_ms",
    ),
    (
        "[queues.order.backoff]\ntype = 'list'\ndelays_ms = [5, -1]",
        "queues.order.backoff.delays_ms.1: should be greater than or equal to 0, not -1",
    ),
    (
        "[queues.order.backoff]\ntype = 'fixed'\nmultiplier = 3",
        "queues.order.backoff: multiplier: is for type = 'exponential', not 'fixed'",
    ),
    (
        "[queues.order.backoff]\nmultiplier = 0.5",
        "queues.order.backoff.multiplier: should be greater than or equal to 1, not 0.5",
    ),
    (
        "[queues.order.backoff]\nmin_ms = 9\nmax_ms = 5",
        "queues.order.backoff: min_ms: 9 should not exceed max_ms, 5",
    ),
    ("[queues.order]\nfatal_rate = 1.5", "queues.order.fatal_rate: should be less than or equal"),
    ("[queues.order]\ntimeout_s = 0", "queues.order.timeout_s: should be greater than 0, not 0"),
    ("[queues.order]\ntimeout_s = '5 s'", "queues.order.timeout_s: should be a valid number"),
    ("[queues.order]\nfailure_service = 3", "queues.order.failure_service: should be a table"),
    (
        "[queues.order.failure_service]\ndistribution = 'constant'\nmean_s = -1",
        "queues.order.failure_service.mean_s: should be greater than or equal to 0, not -1",
    ),
    (
        "[queues.order]\noutages = [{ from_s = 5, to_s = 1 }]",
        "queues.order.outages.0: to_s: 1 should be after from_s, 5",
    ),
    ("[queues.order]\noutages = [{ from_s = 5 }]", "queues.order.outages.0.to_s: missing"),
    (
        "[queues.order]\noutages = [[1, 2], { from_s = 5, to_s = 6, rate = 2 }]",
        "queues.order.outages.1.rate: should be less than or equal to 1, not 2",
    ),
    (
        "[queues.order]\noutages = [{ from_s = 5, to_s = 6, attempt_takes_s = 'long' }]",
        "queues.order.outages.0.attempt_takes_s: should be a valid number, not 'long'",
    ),
    (
        "[queues.order]\noutages = [{ from_s = 5, to_s = 6, attempt_takes_s = { mean_s = 8 } }]",
        "queues.order.outages.0.attempt_takes_s: should have a key distribution",
    ),
    (
        "[queues.order]\ndownstream = 'gateway'",
        "queues.order.downstream: there is no downstreams.gateway",
    ),
    ("[downstreams.gateway]", "downstreams.gateway.places: missing"),
    (
        "[downstreams.gateway]\nplaces = 0",
        "downstreams.gateway.places: should be greater than or equal to 1, not 0",
    ),
    (
        "[downstreams.gateway]\nplaces = 1\nwhen_full = 'drop'",
        "downstreams.gateway.when_full: should be 'fail' or 'wait', not 'drop'",
    ),
    (
        "[queues.order]\nlater_attempts = [{ service = { distribution = 'pareto', cv = 2 } }]",
        "queues.order.later_attempts.0.service.mean_s: missing",
    ),
    (
        "[queues.order]\nlater_attempts = [{ fatal_rate = 0.5 }]",
        "queues.order.later_attempts.0.fatal_rate: unknown key",
    ),
    (
        "[queues.order]\nlater_attempts = [{ failure_rate = 5 }]",
        "queues.order.later_attempts.0.failure_rate: should be less than or equal to 1",
    ),
    (
        "[queues.order]\nlater_attempts = { cpu = 1 }",
        "queues.order.later_attempts: should be a list",
    ),
    (
        "[queues.order.service]\ndistribution = 'mixture'\nparts = [{ share = 1, time = 3 }]",
        "queues.order.service.parts.0.time: should be a table, not 3",
    ),
    (
        "[queues.order.service]\ndistribution = 'hyperexponential'\nmean_s = 1\ncv = 0.9",
        "queues.order.service.cv: should be greater than 1, not 0.9",
    ),
    (
        "[queues.late]\n[arrivals.late]\ncustomers = 3\n[queues.order]",
        "arrivals.late.think: missing",
    ),
    (
        "[queues.late]\n[arrivals.late]\ncustomers = 3\n"
        "think = { distribution = 'constant', mean_s = 0 }\n[queues.order]",
        "arrivals.late.think: who does not think would ask for ever: expected a mean above 0",
    ),
    (
        "[queues.late]\n[queues.later]\n[arrivals.late]\ncustomers = 3\n"
        "think = { distribution = 'constant', mean_s = 1 }\n[arrivals.later]\nfollows = 'late'\n"
        "think = { distribution = 'constant', mean_s = 1 }\n[queues.order]",
        "arrivals.later.follows: the customers of 'late' wait for its jobs to end, and then ask",
    ),
    (
        "[queues.late]\n[arrivals.late]\nper_hour = [1, 2, 3]\n[queues.order]",
        "arrivals.late: per_hour: should be 24 numbers, a day's, or 168, a week's, not 3",
    ),
    (
        "[queues.late]\n[arrivals.late]\nburst = { rate_per_s = 1, mean_s = 1 }\n[queues.order]",
        "arrivals.late.calm: missing",
    ),
    (
        "[queues.late]\n[arrivals.late]\ncalm = { rate_per_s = 1, mean_s = 1 }\n[queues.order]",
        "arrivals.late: should have exactly one of the keys trace, rate_per_s, interval_s,",
    ),
    (
        "[queues.late]\n[arrivals.late]\nprofile = [[0, 1], [5, 2]]\nrepeat_s = 4\n[queues.order]",
        "arrivals.late: repeat_s: 4 should come after the last step, at 5 s",
    ),
    ("[queues.order]\nlifo = 'newest'", "queues.order.lifo: should be a valid boolean"),
    (
        "[queues.order]\npriority = -1",
        "queues.order.priority: should be greater than or equal to 0",
    ),
    ("[queues.order]\npriority = 2097153", "queues.order.priority: should be less than or equal"),
    ("[queues.order]\npriority = 1.5", "queues.order.priority: should be a valid integer, not 1.5"),
    ("[queues.order]\ndelay = 5", "queues.order.delay"),
    (
        "[queues.order.classes]\nvip = { share = 0.2 }\nbulk = { share = 0.7 }",
        "queues.order: classes: their shares should sum to 1, not 0.2 + 0.7 = 0.9",
    ),
    (
        "[queues.order.classes]\nvip = { share = 0 }",
        "queues.order.classes.vip.share: should be greater than 0, not 0",
    ),
    ("[queues.order.classes]\nvip = { priority = 1 }", "queues.order.classes.vip.share: missing"),
    (
        "[queues.order.classes]\nvip = { share = 1, lifo = true }",
        "queues.order.classes.vip.lifo: unknown key",
    ),
    (
        "[queues.order.children]\nemail = { 2 = 0.5 }\n[queues.email]",
        "queues.order.children.email: their shares should sum to 1, not 0.5 = 0.5",
    ),
    (
        "[queues.order.children]\nemail = { 02 = 1 }\n[queues.email]",
        "queues.order.children.email: 02: should be a whole number of children, 0 to 1000",
    ),
    (
        "[queues.order.children]\nemail = 0\n[queues.email]",
        "queues.order.children.email: should be greater than or equal to 1, not 0",
    ),
    (
        "[queues.order.classes]\n'v[p' = { share = 1 }",
        "a class is named by 1 to 50 letters, digits, dots, dashes or underscores",
    ),
    ("[queues.order]\nlimiter = 20", "queues.order.limiter: should be a table"),
    ("[queues.order]\nlimiter = { max = 20 }", "queues.order.limiter.duration_s: missing"),
    (
        "[queues.order]\nlimiter = { max = 0, duration_s = 1 }",
        "queues.order.limiter.max: should be greater than or equal to 1, not 0",
    ),
    (
        "[queues.order]\nlimiter = { max = 1, duration_s = 0 }",
        "queues.order.limiter.duration_s: should be greater than or equal to 0.001, not 0",
    ),
    (
        "[queues.order]\nglobal_concurrency = 0",
        "queues.order.global_concurrency: should be greater than or equal to 1, not 0",
    ),
    (
        "[queues.order]\npaused = [[5, 5]]",
        "queues.order: paused: [5, 5] should end after it starts",
    ),
    (
        "[queues.order]\npaused = [[5, 9], [8, 10]]",
        "paused: the pause from 8 s should begin after the one before it ends, at 9 s",
    ),
    ("[queues.order]\nchildren = 3", "queues.order.children: should be a table, not 3"),
    ("[queues.order]\nchildren = { pdf = 2 }", "queues.order.children.pdf: there is no queues.pdf"),
    (
        "[queues.order]\nchildren = { email = 0 }\n[queues.email]",
        "queues.order.children.email: should be greater than or equal to 1, not 0",
    ),
    (
        "[queues.order]\nchildren = { email = 1001 }\n[queues.email]",
        "queues.order.children.email: should be less than or equal to 1000, not 1001",
    ),
    (
        "[queues.order]\nchildren = { email = 1.5 }\n[queues.email]",
        "queues.order.children.email: should be a valid integer, not 1.5",
    ),
    (
        "[queues.order]\nchildren = { pdf = 1 }\n[queues.pdf]\nchildren = { order = 2 }",
        "queues.order.children: jobs would go in a circle, order -> pdf -> order",
    ),
    (
        "[queues.order]\nchildren = { pdf = 1 }\n[queues.pdf]\n"
        "follow_up = { completed = ['order'] }",
        "jobs would go in a circle, ",
    ),
    (
        "[queues.order]\nchildren = { order = 1 }",
        "queues.order.children: jobs would go in a circle",
    ),
    (
        "[queues.order]\nchild_failure = 'panic'",
        "queues.order.child_failure: should be 'wait', 'fail-parent', 'continue-parent', ",
    ),
    ("[queues.order]\nsandbox = 'yes'", "queues.order.sandbox: should be a valid boolean"),
    (
        "[queues.order]\nsandbox = true\ncpu = { distribution = 'constant', mean_s = 1 }",
        "workers.cores: missing; queues.order.sandbox needs the",
    ),
    (
        "[queues.order]\nsandbox = true\n[queues.order.classes.a]\nshare = 1\n"
        "cpu = { distribution = 'constant', mean_s = 1 }",
        "workers.cores: missing; queues.order.sandbox needs the",
    ),
    ("[workers]\ncores = 0", "workers.cores: should be greater than or equal to 1, not 0"),
    ("[workers]\ncores = 1.5", "workers.cores: should be a valid integer, not 1.5"),
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
        ("arrivals.order.batch=0", "arrivals.order.batch: should be greater than or equal to 1"),
        ("arrivals.order.batch=many", "arrivals.order.batch: should be a valid integer"),
        ("arrivals.order.batch=[2, 0]", "arrivals.order.batch.1: should be greater than or equal"),
        ("arrivals.order.batch=[]", "arrivals.order.batch: should not be empty"),
        ("arrivals.order.batch={mean=2}", "arrivals.order.batch.distribution: missing"),
        ("arrivals.order.max_waiting=0", "arrivals.order.max_waiting: should be greater than or"),
        ("arrivals.order.repeat_s=5", "arrivals.order.repeat_s: unknown key"),
        ("arrivals.order={customers=0}", "arrivals.order.customers: should be greater than or"),
        ("arrivals.order={calm=1, burst=1}", "arrivals.order.calm: should be a table, not 1"),
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
    ("client", "said"),
    [
        ({}, "client.timeout_s: missing"),
        ({"timeout_s": 0}, "client.timeout_s: should be greater than 0"),
        (
            {"timeout_s": 1, "retries": 1.5},
            "client.retries: should be a valid integer",
        ),
        (
            {"timeout_s": 1, "budget": -1},
            "client.budget: should be greater than or equal",
        ),
        ({"timeout_s": 1, "patience": 2}, "client.patience: unknown key"),
    ],
)
def test_what_is_wrong_with_a_client_is_named(client: dict[str, object], said: str) -> None:
    table = {
        "duration_s": 9,
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
    assert overhead({"overhead": "measured", "client": "node"}) == MEASURED_NODE
    assert overhead({"overhead": {"loop_s": 0.001}}) == Overhead(loop_s=0.001)


def test_other_workers_have_the_cost_that_was_measured_with_them() -> None:
    def of_node(overhead: object) -> Overhead:
        arrivals = {"q": {"rate_per_s": 1}}
        table = {"duration_s": 9, "arrivals": arrivals, "queues": {"q": {}}}
        scenario = build_scenario({**table, "bullmq": {"overhead": overhead}})
        return scenario.replace({"bullmq.client": "node"}).bullmq.overhead

    assert of_node("measured") == MEASURED_NODE
    assert of_node("none") == NO_OVERHEAD
    assert of_node({"loop_s": 0.001}) == Overhead(loop_s=0.001)


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


def test_slots_may_differ_by_queue() -> None:
    """Of each worker; a queue that nobody works on needs no number, and has no slots."""
    table = {
        "duration_s": 9,
        "workers": {"count": 3, "concurrency": {"a": 4, "b": 2}},
        "arrivals": {"a": {"rate_per_s": 1}},
        "queues": {"a": {}, "b": {}},
    }
    scenario = build_scenario(table)

    assert scenario.slots == {"a": 12, "b": 6}
    assert scenario.replace({"workers.concurrency.b": 1}).slots == {"a": 12, "b": 3}
    assert scenario.replace({"workers.concurrency": 5}).slots == {"a": 15, "b": 15}
    only_a = scenario.replace({"workers": {"type": "a", "concurrency": {"a": 7}}})
    assert only_a.slots == {"a": 7, "b": 0}
    assert build_scenario(scenario.table()) == scenario


def test_callers_are_for_any_queue() -> None:
    table = {
        "duration_s": 9,
        "mode": "in-process",
        "caller": {"processes": 3, "concurrency": 4},
        "arrivals": {"a": {"rate_per_s": 1}},
        "queues": {"a": {}, "b": {}},
    }
    scenario = build_scenario(table)

    assert scenario.slots == {"a": 12, "b": 12}
    assert scenario.event_loops == 3
