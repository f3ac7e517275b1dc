"""From events to attempts: each kind of end, what waits and since when, and what is cut off."""

from typing import Any

from story import Story

from simqueue.calibration.days import Attempt
from simqueue.calibration.estimates import estimates_of
from simqueue.calibration.seen import STALLED


def told(story: Story) -> list[tuple[Any, ...]]:
    """Of each attempt: job, attempt, run, ready, started, finished, outcome; None for NaN."""

    def known(one: Attempt, field: str) -> Any:
        value = getattr(one, field)
        return None if value != value else value

    fields = ("attempt", "run", "ready_s", "started_s", "finished_s", "outcome")
    return [(one.job.id, *(known(one, field) for field in fields)) for one in story.day().attempts]


def test_a_job_waits_from_when_it_came() -> None:
    story = Story().run("a", 1000, 1500, 4000).end(9000)

    assert told(story) == [("a", 1, 1, 1.0, 1.5, 4.0, "completed")]
    assert story.day().lasted_s == 9.0


def test_a_retry_waits_from_when_it_is_due_however_late_it_is_moved() -> None:
    story = Story().run("a", 1000, 1000, 2000, outcome="delayed")
    story.lines[-1]["due_ms"] = story.lines[0]["at_ms"] + 3000
    story.event(3900, "waiting", "a", prev="delayed").event(4000, "active", "a")
    story.event(4500, "failed", "a", reason="GatewayTimeout").end(5000)

    assert told(story) == [
        ("a", 1, 1, 1.0, 1.0, 2.0, "retried"),
        ("a", 2, 1, 3.0, 4.0, 4.5, "failed"),
    ]
    assert story.day().attempts[-1].reason == "GatewayTimeout"


def test_a_retry_without_backoff_is_back_in_line_at_once_in_all_versions() -> None:
    for before in ("active", "failed"):
        story = Story().run("a", 0, 0, 1000, outcome="waiting")
        story.lines[-1]["prev"] = before
        story.event(1500, "active", "a").event(2000, "completed", "a").end(3000)

        assert told(story) == [
            ("a", 1, 1, 0.0, 0.0, 1.0, "retried"),
            ("a", 2, 1, 1.0, 1.5, 2.0, "completed"),
        ]


def test_a_stalled_run_costs_no_attempt() -> None:
    story = Story().run("a", 0, 1000, 31_000, outcome="waiting").event(31_000, "stalled", "a")
    story.event(32_000, "active", "a").event(33_000, "completed", "a").end(40_000)

    assert told(story) == [
        ("a", 1, 1, 0.0, 1.0, 31.0, "stalled"),
        ("a", 1, 2, 31.0, 32.0, 33.0, "completed"),
    ]


def test_a_job_that_stalled_too_often_fails_without_being_run() -> None:
    story = Story().run("a", 0, 1000, 31_000, outcome="waiting").event(31_000, "stalled", "a")
    story.event(32_000, "failed", "a", reason=STALLED).end(40_000)

    assert told(story)[1:] == [("a", 1, 2, 31.0, None, 32.0, "failed")]


def test_a_delayed_job_waits_from_when_it_is_due() -> None:
    story = Story().event(1000, "added", "a").event(1000, "delayed", "a", due=6000)
    story.event(6020, "waiting", "a", prev="delayed").event(6020, "active", "a")
    story.event(7000, "completed", "a").end(9000)

    assert told(story) == [("a", 1, 1, 6.0, 6.02, 7.0, "completed")]
    (job,) = story.day().jobs.values()
    assert (job.enqueued_s, job.due_s) == (1.0, 6.0)


def test_a_parent_waits_from_when_its_last_child_is_done() -> None:
    story = Story("report", "page").head("r")
    story.event(0, "added", "r").event(0, "waiting-children", "r")
    story.head("p", "page", parent=["report", "r"]).run("p", 0, 100, 5000, queue="page")
    story.event(5000, "waiting", "r", prev="waiting-children").event(5100, "active", "r")
    story.event(6000, "completed", "r").end(9000)

    assert told(story)[1] == ("r", 1, 1, 5.0, 5.1, 6.0, "completed")
    assert [job.children for job in story.day().jobs.values()] == [True, False]


def test_who_waits_for_children_of_its_own_making_has_not_failed() -> None:
    """What it does before them and after is a job each; they come by themselves."""
    story = Story("report", "page").head("r")
    story.event(0, "added", "r").event(100, "active", "r", prev="waiting")
    story.head("p", "page", parent=["report", "r"]).run("p", 200, 300, 5000, queue="page")
    story.event(250, "waiting-children", "r", prev="active")
    story.event(5000, "waiting", "r", prev="waiting-children").event(5100, "active", "r")
    story.event(6000, "completed", "r").end(9000)
    day = story.day()

    assert sorted(told(story)) == [
        ("p", 1, 1, 0.2, 0.3, 5.0, "completed"),
        ("r", 1, 1, 0.0, 0.1, 0.25, "completed"),
        ("r#2", 1, 1, 5.0, 5.1, 6.0, "completed"),
    ]
    assert day.in_parts == {"report"}
    found = estimates_of(story.seen(), day).queues
    assert (found["report"].children, len(found["page"].arrivals)) == ({}, 1)
    assert "counts as a job each" in found["report"].notes[0]


def test_what_was_there_takes_part_from_the_beginning_of_the_watch() -> None:
    story = Story().head("a", made=1).head("b")
    for job, state in (("a", "active"), ("b", "waiting")):
        story.line(kind="there", queue="video", job=job, state=state)
    story.event(500, "completed", "a").event(600, "active", "b").event(900, "completed", "b")
    story.end(1000)

    assert told(story) == [
        ("a", 2, 1, 0.0, 0.0, 0.5, "completed"),
        ("b", 1, 1, 0.0, 0.6, 0.9, "completed"),
    ]
    assert all(one.carried for one in story.day().attempts)


def test_what_has_not_ended_has_no_end() -> None:
    story = Story().event(0, "added", "a").event(0, "waiting", "a").event(100, "active", "a")
    story.event(200, "added", "b").event(200, "waiting", "b").end(1000)

    assert told(story) == [
        ("a", 1, 1, 0.0, 0.1, None, ""),
        ("b", 1, 1, 0.2, None, None, ""),
    ]


def test_an_id_that_comes_again_is_another_job() -> None:
    story = Story().run("a", 0, 0, 100).event(150, "removed", "a").run("a", 200, 250, 300).end(400)

    assert [one.job.id for one in story.day().attempts] == ["a", "a#2"]
    assert len(story.day().jobs) == 2


def test_between_two_watches_no_time_passes_and_nothing_is_guessed() -> None:
    story = Story().run("a", 0, 0, 100).event(500, "added", "b").event(500, "waiting", "b")
    story.end(1000).watch(60_000).run("c", 60_500, 60_600, 60_700).end(62_000)
    day = story.day()

    assert day.lasted_s == 3.0
    assert told(story)[1] == ("c", 1, 1, 1.5, 1.6, 1.7, "completed")


def test_a_watch_that_goes_on_where_it_ended_is_one() -> None:
    story = Story().event(0, "added", "a").event(0, "waiting", "a").event(100, "active", "a")
    story.end(200).watch(5000, goes_on=True).event(5100, "completed", "a").end(6000)

    assert told(story) == [("a", 1, 1, 0.0, 0.1, 5.1, "completed")]


def test_pauses_are_told_by_events_and_by_the_first_look() -> None:
    story = Story().line(kind="look", queue="video", at_ms=story_zero(), paused=True)
    story.event(2000, "resumed").event(5000, "paused").end(9000)

    assert story.day().pauses == {"video": [(0.0, 2.0), (5.0, 9.0)]}


def story_zero() -> int:
    return int(Story().lines[0]["at_ms"])


def test_a_job_whose_hash_was_gone_is_as_others_of_its_name() -> None:
    story = Story().head("a", name="encode", attempts=5, priority=2).run("a", 0, 0, 1)
    story.run("b", 2, 2, 3).end(10)
    day = story.day()

    assert day.without_head == 1
    assert {job.head.priority for job in day.jobs.values() if job.head} == {2}


def test_a_job_that_puts_itself_off_has_made_no_attempt() -> None:
    """It counts as delayed; its second start is its first attempt, and its third its second."""
    story = Story().run("a", 0, 1000, 1020, outcome="delayed")
    story.lines[-1]["due_ms"] = story.lines[0]["at_ms"] + 3000
    story.worker(1000, "a", "w-1", begun=1).event(3001, "waiting", "a", prev="delayed")
    story.event(3002, "active", "a").worker(3002, "a", "w-1", begun=2)
    story.event(4000, "waiting", "a", prev="active").event(4100, "active", "a")
    story.worker(4100, "a", "w-1", made=1, begun=3).event(5000, "completed", "a").end(6000)
    day = story.day()

    assert told(story) == [
        ("a", 1, 1, 3.0, 3.002, 4.0, "retried"),
        ("a", 2, 1, 4.0, 4.1, 5.0, "completed"),
    ]
    assert [one.due_s for one in day.jobs.values()] == [3.0]
    assert [(one.started_s, one.finished_s) for one in day.put_off] == [(1.0, 1.02)]
    assert day.asked == {}


def test_a_job_that_pauses_its_queue_waits_from_before() -> None:
    story = Story().run("a", 0, 1000, 1100, outcome="waiting").event(3000, "active", "a")
    story.worker(3000, "a", "w-1", begun=2).event(4000, "completed", "a").end(6000)

    assert told(story) == [("a", 1, 1, 0.0, 3.0, 4.0, "completed")]
    assert story.day().pauses == {"video": [(1.1, 3.0)]}


def test_a_stalled_start_is_not_one_that_was_put_off() -> None:
    story = Story().run("a", 0, 1000, 31_000, outcome="waiting").event(31_000, "stalled", "a")
    story.event(32_000, "active", "a").worker(32_000, "a", "w-1", begun=2)
    story.event(33_000, "completed", "a").end(40_000)

    assert [row[-1] for row in told(story)] == ["stalled", "completed"]
    assert not story.day().put_off
