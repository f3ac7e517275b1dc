"""Two logs job by job: who differs, why, and how soon crashed jobs were started again."""

import pytest
from hand import hand_log, row
from two_sides import attempt, crashing, scenario

from simqueue.record.attempt_log import AttemptLog
from simqueue.results.comparison.compare import compare
from simqueue.results.comparison.job_by_job import Fate
from simqueue.results.comparison.recoveries import Recovery
from simqueue.workload.scenario import Scenario

ONCE, TWICE = Fate("completed", 1, 1), Fate("completed", 2, 2)


def retried(job: int, start: float, **more: object) -> list[dict]:
    """An attempt that fails and the one after it."""
    second = row(job=job, times=(start - 0.5, start + 3, start + 3, start + 4), attempt=2)
    return [attempt(job, start, outcome="retried", **more), second | more]


def reasons(real: AttemptLog, model: AttemptLog, of: Scenario | None = None) -> dict[str, str]:
    return {job.job_id: job.reason for job in compare(real, model, of or scenario()).differing}


def test_equal_jobs_are_not_listed_whatever_their_times():
    real = hand_log(attempt(1, 5.0), attempt(2, 7.0, worker=1))
    assert reasons(real, hand_log(attempt(2, 9.0), attempt(1, 6.0))) == {}


def test_more_attempts_for_no_reason_are_unexplained():
    real, model = hand_log(attempt(1, 5.0)), hand_log(*retried(1, 5.0))
    (job,) = compare(real, model, scenario()).differing
    assert (job.queue, job.job_id, job.reason) == ("order", "job-1", "unexplained")
    assert (job.real, job.model) == (ONCE, TWICE)
    assert not job.excused


def test_another_outcome_is_a_difference():
    real, model = hand_log(attempt(1, 5.0)), hand_log(attempt(1, 5.0, outcome="failed"))
    (job,) = compare(real, model, scenario()).differing
    assert (job.real, job.model) == (ONCE, Fate("failed", 1, 1))


def test_equal_ids_in_two_queues_are_two_jobs():
    real = hand_log(attempt(1, 5.0), attempt(1, 5.0, queue="email"))
    compared = compare(real, hand_log(attempt(1, 5.0)), scenario())
    assert compared.jobs == 2
    assert [job.queue for job in compared.differing] == ["email"]


@pytest.mark.parametrize(
    ("real", "model", "reason"),
    [
        (10.004, 10.5, "outage's edge"),  # the real attempt
        (10.5, 9.996, "outage's edge"),  # the model's
        (19.996, 20.5, "outage's edge"),  # the end
        (10.006, 10.5, "unexplained"),
        (15.0, 15.0, "unexplained"),  # well inside
    ],
)
def test_an_attempt_at_an_outages_edge_may_differ(real, model, reason):
    queues = {"order": {"outages": [[10, 20]]}, "email": {}}
    found = reasons(
        hand_log(attempt(1, real)), hand_log(*retried(1, model)), scenario(queues=queues)
    )
    assert found == {"job-1": reason}


def test_the_outages_of_another_queue_are_no_excuse():
    queues = {"order": {}, "email": {"outages": [[10, 20]]}}
    real, model = hand_log(attempt(1, 10.0)), hand_log(*retried(1, 10.0))
    assert reasons(real, model, scenario(queues=queues)) == {"job-1": "unexplained"}


def test_who_finds_the_last_place_downstream_taken_may_be_another():
    """Milliseconds decide that; they do not excuse a job that is lost."""
    gateway = scenario(
        queues={"order": {"downstream": "g"}, "email": {}}, downstreams={"g": {"places": 1}}
    )
    real, model = hand_log(attempt(1, 15.0)), hand_log(*retried(1, 15.0))
    assert reasons(real, model, gateway) == {"job-1": "places downstream"}
    nobody = hand_log(attempt(2, 15.0))
    assert reasons(real, nobody, gateway)["job-1"] == "only in the real run"


def test_how_near_is_at_the_edge_can_be_said():
    queues = {"order": {"outages": [[10, 20]]}, "email": {}}
    real, model = hand_log(attempt(1, 10.05)), hand_log(*retried(1, 10.05))
    (job,) = compare(real, model, scenario(queues=queues), edge_s=0.1).differing
    assert job.excused


@pytest.mark.parametrize(
    ("start", "worker", "reason"),
    [
        (9.5, 0, "in flight at a crash"),
        (8.996, 0, "in flight at a crash"),  # ended 4 ms before
        (10.004, 0, "in flight at a crash"),
        (9.5, 1, "unexplained"),  # the other worker lives
        (9.5, -1, "in flight at a crash"),  # no worker known
        (8.5, 0, "unexplained"),
        (11.0, 0, "unexplained"),
    ],
)
def test_an_attempt_that_ran_when_its_worker_died_may_differ(start, worker, reason):
    real = hand_log(attempt(1, start, worker=worker))
    model = hand_log(*retried(1, start, worker=1))
    assert reasons(real, model, crashing(10.0)) == {"job-1": reason}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("worker-0", "worker-1"), "in flight at a crash"),
        (("worker-1", "worker-0"), "unexplained"),
        (("0.2", "1.1"), "in flight at a crash"),
        (("1-2", "0-1"), "unexplained"),
        (("host-4711", "host-4712"), "in flight at a crash"),  # any may have been it
    ],
)
def test_a_workers_number_is_read_from_its_name(names, reason):
    log = hand_log(attempt(1, 9.5))
    real = AttemptLog("bull-queue", log.rows, log.queues, log.names, log.results, names, log.ids)
    model = hand_log(*retried(1, 9.5, worker=1))
    assert reasons(real, model, crashing(10.0)) == {"job-1": reason}


def stalled(job: int, start: float, back: float, again: float, **more: object) -> list[dict]:
    """A job whose worker dies: put back, and started again."""
    first = row(job=job, times=(start, start, start, back), outcome="stalled", **more)
    second = row(job=job, times=(start, back, again, again + 1), run=2, worker=1)
    return [first, second]


def test_a_stalled_job_may_differ_if_a_worker_crashed():
    real, model = hand_log(*stalled(1, 9.5, 40.0, 41.0)), hand_log(attempt(1, 8.0))
    (job,) = compare(real, model, crashing(10.0)).differing
    assert job.reason == "in flight at a crash"
    assert job.real == Fate("completed", 1, 2)
    assert reasons(real, model) == {"job-1": "unexplained"}  # a blocked loop, no crash


def test_a_job_that_is_lost_has_no_excuse():
    lost = row(job=1, times=(9.5, 9.5, 9.5, 40.0), outcome="stalled")
    found = reasons(hand_log(lost), hand_log(*stalled(1, 9.5, 40.0, 41.0)), crashing(10.0))
    assert found == {"job-1": "not finished in the real run"}


def test_follow_ups_have_the_reason_of_their_job():
    queues = {"order": {"outages": [[10, 20]]}, "payment": {}, "email": {}}
    mail = {"queue": "email", "flow": 1, "parent": 1}
    real = hand_log(attempt(1, 10.0), attempt(2, 13.0, **mail))
    model = hand_log(attempt(1, 9.9, outcome="failed"), attempt(3, 13.0, **mail))
    of = scenario(queues=queues)
    assert reasons(real, model, of) == dict.fromkeys(("job-1", "job-2", "job-3"), "outage's edge")
    # The follow-up of a follow-up, too.
    deep = attempt(4, 15.0, queue="payment", flow=1, parent=2)
    real = hand_log(attempt(1, 10.0), attempt(2, 13.0, **mail), deep)
    assert reasons(real, model, of)["job-4"] == "outage's edge"


def test_a_follow_up_of_a_job_that_does_not_differ_stands_for_itself():
    mail = attempt(2, 13.0, queue="email", flow=1, parent=1)
    real, model = hand_log(attempt(1, 5.0), mail), hand_log(attempt(1, 5.0))
    assert reasons(real, model) == {"job-2": "only in the real run"}
    assert reasons(model, real) == {"job-2": "only in the model"}


def test_jobs_without_an_excuse_come_first_and_are_counted():
    queues = {"order": {"outages": [[10, 20]]}, "email": {}}
    real = hand_log(attempt(1, 10.0), attempt(2, 5.0))
    model = hand_log(*retried(1, 10.0), *retried(2, 5.0))
    compared = compare(real, model, scenario(queues=queues))
    assert [job.job_id for job in compared.differing] == ["job-2", "job-1"]
    assert [job.job_id for job in compared.unexplained] == ["job-2"]
    assert compared.exceeded({"jobs": 0}) == [
        "jobs: 1 of 2 fared differently for no known reason, and 0 may."
    ]
    assert compared.exceeded({"jobs": 1}) == []


def test_recoveries_run_from_the_kill_to_the_next_start():
    real = hand_log(*stalled(1, 9.5, 40.0, 41.0), *stalled(2, 9.8, 40.0, 42.0))
    model = hand_log(*stalled(1, 9.5, 40.0, 40.5), attempt(2, 9.8, worker=1))
    compared = compare(real, model, crashing(10.0))
    assert compared.recoveries == (
        Recovery("order", "job-1", 10.0, 31.0, 30.5),
        Recovery("order", "job-2", 10.0, 32.0, None),
    )
    assert [one.difference_s for one in compared.recoveries] == [-0.5, None]
    assert compared.as_dict()["recoveries"][0]["difference_s"] == -0.5


def test_a_job_belongs_to_the_crash_that_it_was_running_at():
    # Its row lasts until 40 s; the worker dies again at 30 s.
    real = hand_log(*stalled(1, 9.5, 40.0, 41.0), *stalled(2, 29.5, 60.0, 61.0))
    found = compare(real, real, crashing(10.0, 30.0)).recoveries
    assert [(one.job_id, one.killed_s, one.real_s) for one in found] == [
        ("job-1", 10.0, 31.0),
        ("job-2", 30.0, 31.0),
    ]
    assert [one.difference_s for one in found] == [0.0, 0.0]


def test_a_job_that_never_started_again_has_no_recovery_time():
    lost = row(job=1, times=(9.5, 9.5, 9.5, 40.0), outcome="stalled")
    log = hand_log(lost, attempt(2, 50.0))
    assert compare(log, log, crashing(10.0)).recoveries == (
        Recovery("order", "job-1", 10.0, None, None),
    )
