"""What would fill all memory, or last for ever, is refused in time; whatever else is there runs."""

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simqueue as sq
from simqueue.data import data_path
from simqueue.errors import InputError
from simqueue.policies import Backoff, QueuePolicy
from simqueue.workload.changes import parse_set
from simqueue.workload.reading import build_scenario, read_scenario
from simqueue.workload.scenario import Scenario
from simqueue.workload.size import attempts_mean, kinds_each, longest_backoffs_s, most_each
from simqueue.workload.workload import Workload

TRACE = str(data_path("arrivals.csv"))


def table(**keys: Any) -> dict[str, Any]:
    """A small scenario, with some of its tables replaced."""
    return {"duration_s": 10.0, "arrivals": {"q": {"rate_per_s": 1.0}}, "queues": {"q": {}}, **keys}


def arrivals(**keys: Any) -> dict[str, Any]:
    return table(arrivals={"q": keys})


def queue(**keys: Any) -> dict[str, Any]:
    return table(queues={"q": keys})


def service(distribution: str, **keys: Any) -> dict[str, Any]:
    return queue(service={"distribution": distribution, **keys})


def nested(depth: int, value: Any, wrap: Any) -> Any:
    for _ in range(depth):
        value = wrap(value)
    return value


def tree(levels: int) -> dict[str, Any]:
    """Each job is followed by another, whether it completes or fails."""
    queues: dict[str, Any] = {
        f"q{i}": {"follow_up": {"completed": [f"q{i + 1}"], "failed": [f"q{i + 1}"]}}
        for i in range(levels)
    }
    return table(arrivals={"q0": {"rate_per_s": 1.0}}, queues={**queues, f"q{levels}": {}})


CRASH = {"crashes": [{"at_s": 1, "down_s": 1}]}
#: What is too much, and what is said of it.
WALLS = {
    "a slow trace": (arrivals(trace=TRACE, speed=1e-9), "arrivals.q: window: from 2010-12-01"),
    "a fast trace": (arrivals(trace=TRACE, speed=1e300), "arrivals.q.speed: should be less than"),
    "centuries": (
        arrivals(trace=TRACE, window=["0002-01-01", "9998-01-01"], scale=2.0),
        "window: from 0002-01-01 00:00:00 to 9998-01-01 00:00:00 at speed 1 is more than 1e+09 s",
    ),
    "the end of the calendar": (
        arrivals(trace=TRACE, window=["0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00"]),
        "arrivals.q: window: 0001-01-01 00:00:00+01:00 has a timezone",
    ),
    "a tree of follow-ups": (
        tree(20),
        "queues: follow-ups, children and clients' retries make 2,097,151 kinds of jobs (each way "
        "from an arrival to a queue is one); at most 10,000",
    ),
    "a chain of follow-ups": (
        table(queues={f"q{i}": {"follow_up": {"completed": [f"q{i + 1}"]}} for i in range(500)}
              | {"q500": {}, "q": {}}),
        ".follow_up: follow-ups of follow-ups go 101 deep; at most 100",
    ),
    "slots": (
        table(workers={"count": 10_000, "concurrency": 10_000}),
        "workers: 10,000 workers with 10,000 slots each have 100,000,000 slots; at most 1,000,000",
    ),
    "slots by queue": (
        table(workers={"count": 10_000, "concurrency": {"q": 101}}),
        "workers: 10,000 workers with 101 slots each have 1,010,000 slots; at most 1,000,000",
    ),
    "callers": (
        table(caller={"processes": 10_000, "concurrency": 200}),
        "caller: 10,000 processes with 200 callers each have 2,000,000 callers; at most 1,000,000",
    ),
    "queues": (table(queues={f"q{i}": {} for i in range(20_000)}), "should have at most 1,000"),
    "no variation": (service("gamma", mean_s=1.0, cv=1e-200), "cv: should be greater than or"),
    "a mean of nothing": (
        service("uniform", low_s=0.0, high_s=1e-300),
        "queues.q.service.high_s: should be at least 1e-09 s, not 1e-300",
    ),
    "a rate": (arrivals(rate_per_s=1e308), "arrivals.q.rate_per_s: should be less than or equal"),
    "a rate for long": (
        table(duration_s=1e9),
        "arrivals: 1,000,000,000 attempts are expected in one replication",
    ),
    "an interval": (arrivals(interval_s=1e-7), "arrivals: 100,000,000 attempts are expected"),
    "a scale": (arrivals(trace=TRACE, scale=1e9), "attempts are expected in one replication"),
    "retries": (
        queue(failure_rate=1.0, attempts=1000) | {"duration_s": 1e5},
        "arrivals: 100,000,000 attempts are expected in one replication, retries and follow-ups",
    ),
    "a profile": (
        arrivals(profile=[[i / 1e5, 1.0] for i in range(1_000_000)]),
        "arrivals.q.profile: should have at most 100,000 entries",
    ),
    "a steep profile": (
        arrivals(profile=[[0, 1e308], [1, 1e308]]),
        "arrivals.q.profile.0.1: should be less than or equal to 1000000000, not 1e+308",
    ),
    "crashes": (
        table(workers={"crashes": [{"at_s": float(i), "down_s": 0.5} for i in range(20_000)]}),
        "workers.crashes: should have at most 10,000 entries",
    ),
    "outages": (
        queue(outages=[[float(i), i + 0.5] for i in range(20_000)]),
        "queues.q.outages: should have at most 10,000 entries",
    ),
    "a lock": (
        table(bullmq={"lock_duration_s": 1e-300}, workers=CRASH),
        "bullmq.lock_duration_s: should be greater than or equal to 0.001, not 1e-300",
    ),
    "many looks": (
        table(bullmq={"lock_duration_s": 0.001}, workers=CRASH, duration_s=1e6),
        "bullmq: after a crash each worker looks at its locks every 0.00025 s; that is "
        "4,000,000,000 times in the 1,000,000 s that the run may last; at most 100,000,000",
    ),
    "long jobs": (
        service("exponential", mean_s=1e9) | {"workers": CRASH},
        "times in the 2,000,000,000 s that the run may last",
    ),
    "long backoffs": (
        queue(failure_rate=1.0, attempts=900, backoff={"type": "exponential", "delay_ms": 8e7})
        | {"workers": CRASH},
        "bullmq: after a crash each worker looks at its locks every 7.5 s",
    ),
    "a moment": (table(duration_s=1e-320), "duration_s: should be at least 1e-09 s, not 1e-320"),
    "lists in lists": (table(name=nested(3000, 1, lambda x: [x])), "name: should be a valid"),
    "tables in tables": (table(x=nested(3000, 1, lambda x: {"a": x})), "x: unknown key"),
    "lists in a list": (
        queue(outages=nested(3000, 1, lambda x: [x])),
        "queues.q.outages.0",
    ),
    "many digits": (table(workers={"count": 10**5000}), "workers.count: should be less than"),
    "a long value": (table(mode="x" * 5000), "not 'xxxxxxxxxxx"),
    "a long name of a file": (arrivals(trace="x" * 5000), "cannot be read"),
    "a name of no file": (arrivals(trace="x\0y"), "arrivals.q: "),
}  # fmt: skip


@pytest.mark.parametrize("name", WALLS)
def test_what_is_too_much_is_refused_in_time(name: str) -> None:
    given_table, said = WALLS[name]
    began = time.perf_counter()
    with pytest.raises(InputError) as caught:
        build_scenario(given_table)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert time.perf_counter() - began < 3
    assert len(str(caught.value)) < (6000 if "name of a file" in name else 500)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = " + "[" * 3000 + "]" * 3000, "not TOML: nested too deep"),
        ("name = " + "{a=" * 3000 + "1" + "}" * 3000, "not TOML: nested too deep"),
        ("seed = " + "9" * 5000, "not TOML: Exceeds the limit"),
        ("[name." + ".".join("a" * 3000) + "]", "name: should be a valid string"),
        ("name = '" + "x" * 5_000_001 + "'", "longer than 5,000,000 characters: no scenario"),
    ],
    ids=["lists", "tables", "digits", "keys", "length"],
)
def test_a_file_that_nobody_wrote_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(f"{text}\nduration_s = 9\narrivals.q.rate_per_s = 1\nqueues.q.attempts = 1\n")
    with pytest.raises(InputError) as caught:
        read_scenario(file)

    assert str(caught.value).startswith(f"{file}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changes_that_nobody_means_are_refused() -> None:
    scenario = build_scenario(table())
    for change in (
        {"name": nested(3000, 1, lambda x: [x])},
        {"seed": 10**5000},
        {".".join("a" * 3000): 1},
    ):
        with pytest.raises(InputError):
            scenario.replace(change)
    for text in (f"seed={'[' * 3000}", f"{'.'.join('a' * 3000)}=1", f"seed={'9' * 5000}"):
        with pytest.raises(InputError):
            build_scenario(table(), changes=[parse_set(text)])


def test_what_is_large_and_not_too_large_is_built() -> None:
    """A limit that refuses real work would be a fault of its own."""
    trace = {"trace": TRACE, "scale": 100.0}
    for one in (
        table(workers={"count": 1000, "concurrency": 1000}),
        tree(12),
        table(arrivals={"q": trace}, workers=CRASH),
        table(duration_s=604_800.0, workers={"count": 100, "concurrency": 50, **CRASH}),
        queue(failure_rate=0.02, attempts=1000, backoff={"type": "exponential", "delay_ms": 1000.0})
        | {"workers": CRASH},
        arrivals(profile=[[i / 1e4, 1.0] for i in range(100_000)]),
    ):
        build_scenario(one)
    for name in ("busy-day.toml", "incident.toml", "storm.toml", "herd.toml", "outage.toml"):
        read_scenario(name)


def kinds(scenario: Scenario) -> int:
    return len(Workload(scenario).kinds)


def test_kinds_are_counted_as_they_are_made() -> None:
    scenario = build_scenario(
        table(
            arrivals={"a": {"rate_per_s": 1, "client": {"timeout_s": 1, "retries": 3}}},
            queues={
                "a": {"follow_up": {"completed": ["b", "x"], "failed": ["b"]}},
                "x": {"follow_up": {"completed": ["b"]}},
                "b": {"follow_up": {"completed": ["c"]}},
                "c": {},
            },
        )
    )
    ways = {
        name: (one.follow_up.completed, one.follow_up.failed)
        for name, one in scenario.queues.items()
    }

    assert kinds_each(ways) == {"a": 8, "x": 3, "b": 2, "c": 1}
    assert kinds(scenario) == 4 * kinds_each(ways)["a"]
    # It completes (b, x, and b after x) or it fails (b).
    assert most_each(ways, dict.fromkeys(ways, 1.0)) == {"a": 6, "x": 3, "b": 2, "c": 1}


@pytest.mark.parametrize("rate", [0.0, 1e-300, 0.02, 0.5, 0.999, 1 - 1e-16, 1.0])
@pytest.mark.parametrize("attempts", [1, 2, 5, 1000])
def test_expected_attempts_are_a_geometric_sum(rate: float, attempts: int) -> None:
    expected = math.fsum(rate**tried for tried in range(attempts))

    assert attempts_mean(rate, attempts) == pytest.approx(expected, rel=1e-9)


def test_backoffs_that_nobody_reaches_do_not_count() -> None:
    policy = QueuePolicy(attempts=1000, backoff=Backoff(type="exponential", delay_ms=1000))

    # One job in 50 fails: of a thousand, one in 50^k tries more than k times.
    assert longest_backoffs_s(policy, 0.02, 1000) == 1 + 2 + 4 + 8
    assert longest_backoffs_s(policy, 1.0, 1) == sum(policy.waits_s())
    assert longest_backoffs_s(policy, 0.0, 1000) == 0


#: Numbers whose squares, logarithms, sums or reciprocals are none.
EXTREME = [
    *(0.0, 5e-324, 1e-320, 1e-200, 1e-30, 1e-9, 1e-7, 1e-6, 1e-3, 60.0, 1e3, 1e5, 1e6, 1e8, 1e9),
    *(1e15, 1e200, 1.7e308, -1.0, float("nan"), float("inf")),
]
ANY = st.sampled_from([*[0.01, 0.05, 0.1, 0.2, 0.3, 0.7, 1.0, 2.0] * 14, *EXTREME])
COUNT = st.sampled_from([*[1, 2, 3, 4] * 10, 0, 100, 1000, 10_000, 10_001, 10**30])


def some(needed: dict[str, Any], more: dict[str, Any]) -> Any:
    return st.fixed_dictionaries(needed, optional=more)


SPREAD = st.sampled_from(["gamma", "lognormal", "weibull", "pareto", "hyperexponential"])
DURATION = st.one_of(
    some({"distribution": st.sampled_from(["constant", "exponential"]), "mean_s": ANY}, {}),
    some({"distribution": st.just("uniform"), "low_s": ANY, "high_s": ANY}, {}),
    some({"distribution": SPREAD, "mean_s": ANY, "cv": ANY}, {}),
    st.tuples(ANY, ANY, ANY).map(
        lambda one: {
            "distribution": "mixture",
            "parts": [
                {"share": 0.75, "time": {"distribution": "constant", "mean_s": one[0]}},
                {"share": 0.25, "time": {"distribution": "pareto", "mean_s": one[1], "cv": one[2]}},
            ],
        }
    ),
)
BATCH = st.one_of(
    COUNT,
    st.lists(COUNT, max_size=3),
    some({"distribution": st.just("geometric"), "mean": ANY}, {}),
)
CLIENT = {
    "client": some({"timeout_s": ANY}, {"retries": COUNT, "budget": ANY}),
    "max_waiting": COUNT,
    "batch": BATCH,
}
STATE = some({"rate_per_s": ANY, "mean_s": ANY}, {})
WINDOWS = st.sampled_from(
    [
        ["2011-11-17T08:00", "2011-11-17T09:00"],
        ["0001-01-01", "9999-12-31T23:59:59"],
        ["2011-11-17T08:00:00.000001", "2011-11-17T12:00"],
        [0, 10**10],
    ]
)
ROOT = st.one_of(
    some({"rate_per_s": ANY}, CLIENT),
    some({"interval_s": ANY}, CLIENT),
    some({"calm": STATE, "burst": STATE}, CLIENT),
    some({"per_hour": st.lists(ANY, min_size=24, max_size=24)}, {"speed": ANY}),
    some({"customers": COUNT, "think": DURATION}, {"max_waiting": COUNT}),
    some({"every_s": ANY}, {"offset_s": ANY}),
    st.tuples(ANY, ANY, ANY).map(
        lambda one: {"profile": [[0.0, one[0]], [1.0, one[1]]], "repeat_s": one[2]}
    ),
    st.lists(st.tuples(ANY, ANY), min_size=1, max_size=4).map(
        lambda steps: {"profile": [[0.0, steps[0][1]], *map(list, steps[1:])]}
    ),
    some({"trace": st.just("arrivals.csv"), "window": WINDOWS}, {"speed": ANY, "scale": ANY}),
)
FOLLOWS = some({"follows": st.just("a"), "think": DURATION}, {})
NAMES = st.lists(st.sampled_from("bcd"), max_size=2, unique=True)
QUEUE = some(
    {},
    {
        "service": DURATION,
        "cpu": DURATION,
        "later_attempts": st.lists(some({}, {"service": DURATION, "cpu": DURATION}), max_size=2),
        "failure_rate": ANY,
        "attempts": COUNT,
        "lifo": st.booleans(),
        "outages": st.lists(st.tuples(ANY, ANY).map(list), max_size=2),
        "backoff": some(
            {"type": st.sampled_from(["fixed", "exponential"])},
            {"delay_ms": ANY, "jitter": ANY, "max_ms": ANY},
        ),
    },
)
CRASHED = some({"at_s": ANY, "down_s": ANY}, {"worker": st.integers(0, 2), "drain": st.booleans()})
DEAD = some({"at_s": ANY, "down_s": ANY}, {"process": st.integers(0, 2)})
COSTS = ("pickup_s", "retry_s", "service_s", "loop_s", "failure_s")
TABLES = some(
    {
        "duration_s": ANY,
        "arrivals": st.fixed_dictionaries({"a": ROOT}, optional={"b": st.one_of(ROOT, FOLLOWS)}),
        "queues": st.fixed_dictionaries(
            {
                "a": some({"follow_up": some({"completed": NAMES, "failed": NAMES}, {})}, {}),
                "b": QUEUE,
                "c": QUEUE,
                "d": QUEUE,
            }
        ),
    },
    {
        "warmup_s": ANY,
        "mode": st.sampled_from(["bull-queue", "in-process"]),
        "workers": some(
            {},
            {
                "count": COUNT,
                "concurrency": st.one_of(COUNT, some({"a": COUNT}, dict.fromkeys("bcd", COUNT))),
                "crashes": st.lists(CRASHED, max_size=2),
            },
        ),
        "caller": some(
            {},
            {
                "processes": COUNT,
                "concurrency": COUNT,
                "max_waiting": COUNT,
                "crashes": st.lists(DEAD, max_size=2),
            },
        ),
        "bullmq": some(
            {},
            {
                "client": st.sampled_from(["python", "node"]),
                "lock_duration_s": ANY,
                "stalled_interval_s": ANY,
                "max_stalled": COUNT,
                "overhead": st.one_of(
                    st.sampled_from(["none", "measured"]), some({}, dict.fromkeys(COSTS, ANY))
                ),
            },
        ),
    },
)


@given(given_table=TABLES)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_table_is_refused_in_a_line_or_runs(given_table: dict[str, Any]) -> None:
    """Numbers of all sizes: no other exception, no warning of NumPy's, no endless run."""
    began = time.perf_counter()
    refused = ""
    try:
        scenario = build_scenario(given_table)
    except InputError as error:
        refused = str(error)
    assert time.perf_counter() - began < 5
    assert "\n" not in refused
    if refused:
        return
    slots = sum(scenario.slots.values())
    jobs = sum(len(arrived.times_s) for arrived in Workload(scenario).streams.values())
    if jobs > 300 or slots > 10_000:
        return  # it would run, and take its time
    json.dumps(sq.simulate(scenario).document(), allow_nan=False)
