"""Two attempt logs of one workload: figures, errors and what is judged."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hand import NAN, QUEUES, big_log, hand_log, row
from hypothesis import given
from hypothesis import strategies as st
from two_sides import scenario, steady

from simqueue.errors import InputError
from simqueue.record.attempt_log import AttemptLog
from simqueue.record.merging import merge
from simqueue.results.comparison.compare import DEFAULT_TOLERANCES, compare, parse_tolerances
from simqueue.results.comparison.measures import Measure
from simqueue.results.comparison.tolerances import MEASURES
from simqueue.workload.reading import build_scenario

NOTHING = hand_log()


def test_each_figure_is_compared():
    real = steady(100, engine="bull-queue")
    compared = compare(real, steady(100, service_s=1.1), scenario())
    assert compared.engines == ("bull-queue", "simpy")
    order = compared.queues["order"]
    assert list(order.measures) == list(MEASURES)
    mean = order.measures["response.mean"]
    assert mean.real == pytest.approx(1.5)
    assert mean.model == pytest.approx(1.6)
    assert mean.difference == pytest.approx(0.1)
    assert mean.error == mean.judged == pytest.approx(0.1 / 1.5)
    assert order.measures["utilisation"].error == pytest.approx(0.1)
    assert order.measures["wait.p99"].error == pytest.approx(0, abs=1e-9)
    assert order.measures["arrived"].real == 100
    assert order.measures["attempts"].error == 0


def test_a_short_wait_is_judged_by_the_mean_response():
    compared = compare(steady(100, wait_s=1e-4), steady(100, wait_s=2e-4), scenario())
    wait = compared.queues["order"].measures["wait.mean"]
    assert wait.error == pytest.approx(1.0)
    assert wait.difference == pytest.approx(1e-4)
    assert wait.judged == pytest.approx(1e-4 / 1.0001)
    assert compared.exceeded({"wait.mean": 0.001}) == []


def test_a_long_wait_is_judged_by_itself():
    compared = compare(steady(100, wait_s=10), steady(100, wait_s=11), scenario())
    # The jobs respond after 11 s on average; the wait of 10 s is less.
    assert compared.queues["order"].measures["wait.mean"].judged == pytest.approx(1 / 11)
    assert Measure(20.0, 22.0, 11.0).judged == pytest.approx(0.1)


def test_a_queue_length_is_judged_by_at_least_one_job():
    figure = compare(steady(100, wait_s=0.01), steady(100, wait_s=0.02), scenario())
    length = figure.queues["order"].measures["queue_length.mean"]
    assert length.error == pytest.approx(1.0)
    assert length.judged == pytest.approx(length.difference)


@pytest.mark.parametrize(
    ("real", "model", "error", "size"),
    [
        (2.0, 1.0, -0.5, 0.5),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 1.0, None, float("inf")),
        (None, None, None, 0.0),
        (None, 1.0, None, float("inf")),
        (1.0, None, None, float("inf")),
    ],
)
def test_an_error_is_there_if_it_can_be(real, model, error, size):
    figure = Measure(real, model)
    assert figure.error == figure.judged == error
    assert figure.size == size


def test_what_is_out_of_tolerance_is_said():
    compared = compare(steady(100), steady(100, service_s=1.1), scenario())
    assert compared.exceeded() == [
        "order: response.mean is 1.6 s in the model and 1.5 s in the real run: +6.67 %, and 2 % is "
        "allowed.",
        "order: response.p99 is 1.6 s in the model and 1.5 s in the real run: +6.67 %, and 5 % is "
        "allowed.",
    ]
    assert compared.exceeded({"response.mean": 0.07}) == []
    assert len(compared.exceeded({"utilisation": 0.05})) == 1
    assert compare(steady(100), steady(100, service_s=1.029), scenario()).exceeded() == []


def test_the_p99_of_few_jobs_is_not_judged_and_that_is_said():
    compared = compare(steady(99), steady(99, service_s=2), scenario())
    assert [text.split()[1] for text in compared.exceeded()] == ["response.mean"]
    assert compared.notes == [
        "The order queue has 99 jobs, too few to judge its p99: that takes 100."
    ]
    assert compared.worst("response.p99") is None
    assert compare(steady(100), steady(100), scenario()).notes == []


def test_the_worst_queue_is_found():
    rows = [row(job=n, times=(n, n, n, n + 1)) for n in range(9)]
    emails = [row(job=20 + n, queue="email", times=(n, n, n, n + 1)) for n in range(9)]
    slow = [mail | {"times": (*mail["times"][:3], mail["times"][3] + 1)} for mail in emails]
    compared = compare(hand_log(*rows, *emails), hand_log(*rows, *slow), scenario())
    queue, figure = compared.worst("response.mean")
    assert (queue, figure.judged) == ("email", 1.0)


def test_a_queue_that_only_one_side_has_is_compared_too():
    odd = hand_log(row(job=1, queue="odd", times=(0, 0, 0, 1)), queues=("odd",))
    compared = compare(odd, NOTHING, scenario())
    assert set(compared.queues) == {*QUEUES, "odd"}
    assert compared.queues["odd"].measures["arrived"].difference == -1
    assert compared.queues["odd"].measures["utilisation"].real is None
    assert "odd: response.mean is – in the model and 1 s in the real run." in compared.exceeded()


def test_nothing_compared_with_nothing():
    compared = compare(NOTHING, NOTHING, scenario())
    assert compared.jobs == 0
    assert compared.differing == compared.recoveries == ()
    assert compared.exceeded() == compared.notes == []
    assert compared.worst("response.mean") is None
    json.dumps(compared.as_dict(), allow_nan=False)


def test_an_empty_side_is_out_of_tolerance():
    found = compare(steady(3), NOTHING, scenario()).exceeded()
    assert found == [
        "jobs: 3 of 3 fared differently for no known reason, and 0 may.",
        "order: response.mean is – in the model and 1.5 s in the real run.",
    ]


def test_an_interrupted_run_can_be_compared():
    cut = hand_log(
        row(job=1, times=(0, 0, 0, 1)),
        row(job=2, times=(0, 0, 1, NAN), outcome=""),
        row(job=3, times=(0, 0, NAN, NAN), outcome=""),
    )
    whole = hand_log(*(row(job=n, times=(0, 0, n - 1, n)) for n in (1, 2, 3)))
    compared = compare(cut, whole, scenario())
    reasons = {job.job_id: job.reason for job in compared.differing}
    assert reasons == dict.fromkeys(("job-2", "job-3"), "not finished in the real run")
    reasons = {job.reason for job in compare(whole, cut, scenario()).differing}
    assert reasons == {"not finished in the model"}
    json.dumps(compared.as_dict(), allow_nan=False)


def test_theory_stands_beside_where_a_formula_holds():
    service = {"distribution": "exponential", "mean_s": 1.0}
    queues = {"order": {"service": service}, "email": {}}
    theory = compare(steady(9), steady(9), scenario(queues=queues)).queues["order"].theory
    assert theory["model"] == "M/M/2"


def test_several_replications_are_no_run():
    two = merge([steady(3), replication_of(steady(3), 1)])
    with pytest.raises(ValueError, match="a comparison is of one replication"):
        compare(steady(3), two, scenario())


def replication_of(log: AttemptLog, number: int) -> AttemptLog:
    rows = log.rows.copy()
    rows["replication"] = number
    return replace(log, rows=rows)


def test_json_holds_it_all():
    real = hand_log(row(job=1, times=(0, 0, 0, 1)), row(job=2, times=(1, 1, 1, 3)))
    model = hand_log(row(job=1, times=(0, 0, 0, 1)), row(job=2, times=(1, 1, 1, 3), attempt=2))
    found = compare(real, replace(model, engine="other"), scenario()).as_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["engines"] == {"real": "simpy", "model": "other"}
    mean = {"real": 1.5, "model": 1.5, "difference": 0.0, "error": 0.0, "judged": 0.0}
    assert found["queues"]["order"]["figures"]["response.mean"] == mean
    assert found["queues"]["payment"]["figures"]["response.mean"]["error"] is None
    assert found["queues"]["order"]["real"]["arrived"] == 2
    assert found["notes"]


@given(seed=st.integers(0, 1000))
def test_a_log_is_like_itself(seed):
    log = one_run(seed)
    compared = compare(log, log, scenario())
    assert compared.differing == ()
    assert compared.exceeded(dict.fromkeys((*MEASURES, "jobs"), 0.0)) == []
    for queue in compared.queues.values():
        assert {figure.error for figure in queue.measures.values()} <= {0.0, None}


@given(seeds=st.tuples(st.integers(0, 1000), st.integers(0, 1000)))
def test_swapped_sides_differ_by_as_much_the_other_way(seeds):
    one, other = (one_run(seed) for seed in seeds)
    there, back = compare(one, other, scenario()), compare(other, one, scenario())
    for queue in there.queues:
        for name in MEASURES:
            ours, theirs = there.queues[queue].measures[name], back.queues[queue].measures[name]
            assert (ours.real, ours.model) == (theirs.model, theirs.real)
            if ours.difference is not None:
                assert ours.difference == -theirs.difference
            if ours.error is not None and theirs.error is not None:
                # (1 + e)(1 + e') = 1
                assert (1 + ours.error) * (1 + theirs.error) == pytest.approx(1)
    mirrored = {(job.job_id, job.model, job.real) for job in back.differing}
    assert {(job.job_id, job.real, job.model) for job in there.differing} == mirrored


def one_run(seed: int) -> AttemptLog:
    """Some tens of jobs with random times and outcomes."""
    log = big_log(20, replications=1, seed=seed)
    rng = np.random.default_rng(seed)
    times = ("enqueued_s", "ready_s", "started_s", "finished_s")
    for name in times:
        log.rows[name] /= 900  # a day in 96 s
    log.rows["outcome"] = rng.integers(1, 4, len(log))
    return log


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5%", {"response.mean": 0.05, "response.p99": 0.05}),
        ("0.05", {"response.mean": 0.05, "response.p99": 0.05}),
        ("response.mean=3 %, response.p99=7%", {"response.mean": 0.03, "response.p99": 0.07}),
        ("wait.mean=0.1", {"wait.mean": 0.1}),
        ("jobs=3", {"jobs": 3}),
        ("10%,response.p99=0", {"response.mean": 0.1, "response.p99": 0.0}),
        ("response.p99=0,10%", {"response.mean": 0.1, "response.p99": 0.0}),
    ],
)
def test_tolerances_in_words(text, expected):
    assert parse_tolerances(text) == {**DEFAULT_TOLERANCES, **expected}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "expected a share such as 2% or 0.02, not ''"),
        ("5%,", "expected a share such as 2% or 0.02, not ''"),
        ("five", "not 'five'"),
        ("-1%", "not '-1%'"),
        ("nan", "not 'nan'"),
        ("inf", "not 'inf'"),
        ("response.mean=", "'response.mean=': expected a share"),
        ("respons.mean=1%", "there is no figure 'respons.mean'; expected arrived, "),
        ("=1%", "there is no figure ''"),
        ("a=b=1%", "there is no figure 'a=b'"),
        ("1%,2%", "a share without a name comes twice"),
        ("jobs=1,jobs=2", "jobs comes twice"),
        ("jobs=1%", "expected a whole number of jobs, not '1%'"),
        ("jobs=-1", "expected a whole number of jobs, not '-1'"),
    ],
)
def test_wrong_tolerances_are_named(text, wrong):
    with pytest.raises(InputError, match="tolerance") as caught:
        parse_tolerances(text)
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_any_other_text_is_an_error_of_input(text):
    with contextlib.suppress(InputError):
        assert all(value >= 0 for value in parse_tolerances(text).values())


def test_response_times_leave_out_the_jobs_that_may_differ():
    """A kill that caught a job on one side only: its ten seconds are no error of the model."""
    made = build_scenario(
        {
            "duration_s": 100,
            "workers": {"count": 2, "crashes": [{"at_s": 50, "down_s": 1}]},
            "arrivals": {"order": {"rate_per_s": 1}},
            "queues": {"order": {}},
        }
    )
    real = hand_log(
        *(row(job=n, times=(n, n, n, n + 1)) for n in range(1, 50)),
        row(job=50, times=(49.5, 49.5, 49.5, 60), outcome="stalled", worker=0),
        row(job=50, times=(49.5, 60, 60, 61), run=2, worker=1),
    )
    model = hand_log(
        *(row(job=n, times=(n, n, n, n + 1)) for n in range(1, 50)),
        row(job=50, times=(49.5, 49.5, 49.5, 50.5), worker=0),
    )
    compared = compare(real, model, made)

    (job,) = compared.differing
    assert job.excused
    mean = compared.queues["order"].measures["response.mean"]
    assert mean.real == mean.model == pytest.approx(1.0)
    assert compared.queues["order"].real.response_s.max == pytest.approx(11.5)
