"""Repairs of the incident: good ones by several roads, bad ones each with a hint, and nonsense."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simqueue import read_scenario
from simqueue.course import grade
from simqueue.course.grading.__main__ import main
from simqueue.course.grading.days import DAYS
from simqueue.course.grading.targets import TARGETS
from simqueue.course.judging import mark
from simqueue.course.lessons import exercises
from simqueue.data import data_path

RETRIES = ["queues.payment.attempts=9", "queues.payment.backoff.type=exponential"]
WORKERS = ["workers.count=3", "workers.concurrency=5"]
LOCKS = ["bullmq.lock_duration_s=30", "bullmq.stalled_interval_s=30"]
PATIENT = ["queues.payment.attempts=12", "queues.payment.backoff.delay_ms=30000"]
JITTERED = [
    "queues.payment.attempts=11",
    'queues.payment.backoff={type="exponential",delay_ms=2000,jitter=0.5,max_ms=60000}',
]


@pytest.mark.parametrize(
    "repair",
    [
        RETRIES + WORKERS + LOCKS,
        PATIENT + LOCKS + ["workers.count=4", "workers.concurrency=10"],
        JITTERED + WORKERS + ["bullmq.lock_duration_s=60", "bullmq.stalled_interval_s=45"],
        RETRIES + LOCKS + ["workers.count=4", "workers.concurrency=3", "bullmq.max_stalled=3"],
    ],
)
def test_good_repairs_pass(repair: list[str]) -> None:
    found = grade(repair)
    assert found.passed, found
    assert len(found.rows) == len(TARGETS)
    assert "Repaired" in str(found)
    # None of them is a narrow escape, so that another seed would say the same.
    assert found.value["response"] < 20
    assert found.value["given_up"] < 0.0005
    assert found.value["calls"] < 8
    assert found.value["slowest_payment"] < 800
    assert found.value["recovery"] < 165
    assert found.value["twice"] < 5


def test_the_incident_itself_fails() -> None:
    assert {"response", "given_up", "recovery"} <= set(grade([]).missed)
    assert not {"calls", "twice", "workers", "slots"} & set(grade([]).missed)


@pytest.mark.parametrize(
    ("repair", "missed", "hint"),
    [
        (RETRIES, "response", "slots of one worker share"),
        (RETRIES + WORKERS, "recovery", "second look"),
        (WORKERS + LOCKS, "given_up", "gateway down"),
        (RETRIES + LOCKS, "twice", "renewed only when the event loop has time"),
        (LOCKS, "given_up", "stalled too often"),
        (
            RETRIES + LOCKS + ["workers.count=2", "workers.concurrency=10"],
            "response",
            "busiest quarter-hour",
        ),
        (
            RETRIES + LOCKS + ["workers.count=3", "workers.concurrency=2"],
            "response",
            "how many are busy at the peak",
        ),
        (
            RETRIES
            + LOCKS
            + ["queues.order.lifo=true", "workers.count=2", "workers.concurrency=5"],
            "response",
            "Newest first",
        ),
        (
            RETRIES + WORKERS + ["bullmq.lock_duration_s=30"],
            "recovery",
            "looks only every 5 min",
        ),
        (
            RETRIES + WORKERS + ["bullmq.stalled_interval_s=30"],
            "recovery",
            "lock lasts up to 5 min",
        ),
        (RETRIES + WORKERS + LOCKS + ["bullmq.max_stalled=0"], "recovery", "max_stalled = 0"),
        (
            WORKERS + LOCKS + ["queues.payment.attempts=150"],
            "calls",
            "every 2 s",
        ),
        (
            WORKERS + LOCKS + ["queues.payment.attempts=7", RETRIES[1]],
            "given_up",
            "waits 2.1 min in all",
        ),
        (
            WORKERS
            + LOCKS
            + ["queues.payment.attempts=3", "queues.payment.backoff.delay_ms=1200000"],
            "slowest_payment",
            "max_ms",
        ),
        (
            RETRIES + LOCKS + ["workers.count=8", "workers.concurrency=5"],
            "workers",
            "How many event loops",
        ),
        (
            RETRIES + LOCKS + ["workers.count=4", "workers.concurrency=11"],
            "slots",
            "connection of the database",
        ),
    ],
)
def test_bad_repairs_fail_with_a_hint(repair: list[str], missed: str, hint: str) -> None:
    found = grade(repair)
    assert not found.passed
    assert not found.problem
    (row,) = [row for row in found.rows if row.key == missed]
    assert not row.passed
    assert hint in row.hint
    assert hint in str(found)
    assert "FAIL" in found._repr_html_()


def test_each_cause_has_a_measure_of_its_own() -> None:
    """Whatever else is repaired or not, its own repair moves it, and nothing else does."""
    all_three = grade(RETRIES + WORKERS + LOCKS)
    assert grade(WORKERS + LOCKS).missed == ("given_up",)
    assert grade(RETRIES + WORKERS).missed == ("recovery",)
    without_workers = grade(RETRIES + LOCKS)
    assert "response" in without_workers.missed
    assert all_three.value["response"] < without_workers.value["response"] / 10
    # Alone, two of the three help at once; the third harms while the event loop is held.
    nothing, alone = grade([]).value, grade(LOCKS).value
    assert grade(RETRIES).value["given_up"] < nothing["given_up"] / 10
    assert grade(WORKERS).value["response"] < nothing["response"] / 100
    assert alone["given_up"] > 0.2 > nothing["given_up"]


def test_a_hundred_workers_are_refused_at_once() -> None:
    found = grade(RETRIES + LOCKS + ["workers.count=100", "workers.concurrency=100"])
    assert found.missed == ("workers", "slots")
    assert "over the budget" in found.verdict


def test_it_is_the_same_whoever_asks_and_whatever_the_seed() -> None:
    scenario = read_scenario("incident.toml").replace({"seed": 99, "name": "x"})
    assert grade(scenario).value == grade([]).value == grade("").value
    assert f"{DAYS} days" in str(grade([]))


def test_a_copy_anywhere_is_graded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = data_path("incident.toml").read_text(encoding="utf-8")
    good = text.replace("count = 1\nconcurrency = 40", "count = 3\nconcurrency = 5")
    good = good.replace("_s = 300", "_s = 30").replace("attempts = 5", "attempts = 9")
    good = good.replace('type = "fixed"', 'type = "exponential"').replace("friday", "ours")
    for name, content in {"good": good, "as-it-was": text, "broken": "workers ="}.items():
        (tmp_path / f"{name}.toml").write_text(content, encoding="utf-8")
    assert grade(tmp_path / "good.toml").value == grade(RETRIES + WORKERS + LOCKS).value

    assert main([str(tmp_path / "good.toml")]) == 0
    said = capsys.readouterr().out
    assert said.count("pass") == len(TARGETS)
    assert main([str(tmp_path / "good.toml"), str(tmp_path / "as-it-was.toml")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "Repaired" in lines[0]
    assert "Missed: response" in lines[1]
    assert main([str(tmp_path / "broken.toml")]) == 2
    assert "not TOML" in capsys.readouterr().out
    assert main([]) == 2
    assert main(["--help"]) == 0


def test_it_is_a_program() -> None:
    program = [sys.executable, "-m", "simqueue.course.grading", "--help"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)

    assert "python -m simqueue.course.grading my-incident.toml" in done.stdout


class Awkward:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("nonsense", "says"),
    [
        (None, "expected a list of settings"),
        (3, "expected a list of settings"),
        ([3], "expected a list of settings"),
        ({"workers": {"count": 3}}, "expected a list of settings"),
        (Awkward(), "RuntimeError"),
        ("workers", "expected KEY=VALUE"),
        (["workers.count"], "expected KEY=VALUE"),
        (["workers.count=0"], "greater than or equal to 1"),
        (["workers.count=many"], "integer"),
        (["wokers.count=3"], "unknown key"),
        (["queues.payment.atempts=3"], "unknown key"),
        ("no-such-file.toml", "cannot read"),
        (["queues.order.cpu.mean_s=0.1"], "queues.order.cpu.mean_s: that is the world"),
        (["queues.payment.outages=[]"], "queues.payment.outages: that is the world"),
        (["workers.crashes=[]"], "workers.crashes: that is the world"),
        (["arrivals.order.scale=100"], "arrivals.order.scale: that is the world"),
        (["workers.type=email"], "workers.type: that is the world"),
        (["mode=in-process"], "mode: that is the world"),
        (["bullmq.lock_duration_s=0.001"], "expected 1 s or more"),
        (["bullmq.stalled_interval_s=0.5"], "expected 1 s or more"),
        (["queues.payment.backoff.delay_ms=80000000"], "an hour"),
        (["queues.payment.attempts=100000"], "less than or equal to 1000"),
    ],
)
def test_nonsense_is_one_clear_line(nonsense: Any, says: str) -> None:
    found = grade(nonsense)
    assert not found.passed
    assert found.rows == ()
    assert says in found.problem
    assert "\n" not in str(found)
    assert found._repr_html_().startswith("<p>Not graded.")


def test_settings_are_read_as_people_write_them() -> None:
    text = "\n".join(f"--set {setting}" for setting in RETRIES + WORKERS + LOCKS)
    assert grade(text).passed
    assert grade(tuple(RETRIES + WORKERS + LOCKS)).passed


def test_the_folded_solution_is_one() -> None:
    shown = re.search(r"`(\[.*?\])`", exercises()["capstone.e"].answer, re.DOTALL)
    assert shown
    assert mark("capstone.e", ast.literal_eval(" ".join(shown[1].split()))).verdict == "right"


def test_another_repair_passes_too() -> None:
    other = [*LOCKS, "workers.count=4", "workers.concurrency=6", "queues.payment.attempts=12"]
    assert mark("capstone.e", [*other, "queues.payment.backoff.delay_ms=30000"]).verdict == "right"


@pytest.mark.parametrize("nonsense", [3, "workers", ["workers.count=0"], ["mode=in-process"]])
def test_a_repair_that_cannot_be_read_is_not_wrong(nonsense: object) -> None:
    judged = mark("capstone.e", nonsense)
    assert judged.verdict == "unread"
    assert "grade()" in judged.text


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ([], "slots of a worker share"),
        (["workers.count=100"], "four at most"),
        (["workers.count=4", "workers.concurrency=40"], "connections"),
        (LOCKS, "although their workers live"),
        (RETRIES, "late"),
        (RETRIES + WORKERS, "exercise d"),
        (WORKERS + LOCKS, "Exercise c"),
        ([*WORKERS, *LOCKS, "queues.payment.attempts=150"], "over and over"),
        (
            [
                *(*WORKERS, *LOCKS, "queues.payment.attempts=3"),
                "queues.payment.backoff.delay_ms=1200000",
            ],
            "too far",
        ),
    ],
)
def test_a_wrong_answer_to_the_exercise_gets_a_hint(wrong: list[str], hint: str) -> None:
    judged = mark("capstone.e", wrong)
    assert judged.verdict == "wrong"
    assert hint in judged.text
