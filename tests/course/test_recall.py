"""Questions from earlier lessons: right answers found by other roads, a hint for each wrong one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from itertools import product
from math import prod, sqrt
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from simqueue import POLICIES, Backoff, QueuePolicy, next_step
from simqueue.course import recall, replay_orders, training_adapter
from simqueue.course.display import kept
from simqueue.course.judging import judge
from simqueue.course.lessons import exercises, recalls
from simqueue.course.lessons.lesson_09 import process
from simqueue.course.material import real_orders
from simqueue.course.twice import Night, play
from simqueue.jobs import Job
from simqueue.results import theory
from simqueue.results.intervals import share_interval

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LESSONS = {key.partition(".")[0] for key in recalls()}


def right_of(key: str) -> str:
    """The option that is marked as right."""
    item = recalls()[key]
    (found,) = (
        text for letter, text in item.options.items()
        if judge(item.exercise, letter).verdict == "right"
    )  # fmt: skip
    return found


def waits(policy: QueuePolicy, draw: float = 0.0) -> list[float]:
    """All waits of a job that always fails, by the one retry rule."""
    found: list[float] = []
    while (wait_s := next_step(policy, len(found) + 1, "failed", draw)) is not None:
        found.append(float(wait_s))
    return found


def fixed(attempts: int, delay_ms: float) -> QueuePolicy:
    return QueuePolicy(attempts=attempts, backoff=Backoff(type="fixed", delay_ms=delay_ms))


def doubling(attempts: int, delay_ms: float) -> QueuePolicy:
    return QueuePolicy(attempts=attempts, backoff=Backoff(type="exponential", delay_ms=delay_ms))


def jittered() -> str:
    policy = QueuePolicy(attempts=2, backoff=Backoff(delay_ms=8000, jitter=1.0))
    return f"{np.mean([waits(policy, draw) for draw in np.arange(0.0005, 1, 0.001)]):.3g} s"


def who_hears() -> str:
    async def fails(_: Job) -> str:
        raise RuntimeError

    job = Job(queue="order", name="mine", id="1", flow="1", payload={})
    with pytest.raises(RuntimeError):
        asyncio.run(training_adapter(fails).add(job))
    return "The caller: adding the job raises it."


def when_adding_returns() -> str:
    done = []

    async def handler(job: Job) -> str:
        await asyncio.sleep(0)
        done.append(job)
        return "done"

    job = Job(queue="order", name="mine", id="1", flow="1", payload={})
    asyncio.run(training_adapter(handler).add(job))
    return "When its handler has run." if done else "At once: the job waits in a queue."


def ignored() -> str:
    run = asyncio.run(replay_orders("none", real_orders()[:3]))
    return "It is ignored." if len(run.log) == 0 else "It waits until a worker is started."


def two_items() -> str:
    def takes(database: Any, _: str) -> None:
        with database:
            database.execute("UPDATE shelf SET on_hand = on_hand - 1")
            database.execute("UPDATE orders SET status = 'processing'")

    assert play(process, Night(on_hand=5)) == "all is well"
    assert play(takes, Night(on_hand=5)).startswith("2 items gone")
    return "Two items are gone."


def pooled_p99() -> str:
    """Two pairs of workers with these p99s, whose jobs together have other p99s."""
    quick, slow = np.full(1000, 0.5), np.full(1000, 0.5)
    quick[-11:], slow[-40:] = 1.0, 3.0
    found = set()
    for many in (1, 50):
        both = np.concatenate([np.tile(quick, many), slow])
        assert np.percentile(np.tile(quick, many), 99) == 1.0
        assert np.percentile(slow, 99) == 3.0
        found.add(float(np.percentile(both, 99)))
    return "That cannot be told from these two." if len(found) > 1 else f"{found.pop():g} s"


def wait(rho: float, servers: int = 1) -> float:
    return theory.mmc_wait_mean(rho * servers, 1.0, servers)


def others_wait() -> str:
    rates = [0.45 / 2, 0.45 / 2]
    behind = theory.priority_wait_means(rates, [2.0, 2.0], [0.0, 0.0])[1]
    return f"{behind / theory.md1_wait_mean(0.45, 2.0):.1f} times"


def replications() -> str:
    width = [1 / sqrt(n) for n in (10, 40)]
    assert width[1] == pytest.approx(width[0] / 2)
    return "4 times"


def poisson_misses() -> str:
    counts = np.arange(400)
    logs = counts * np.log(100) - 100 - np.cumsum(np.log(np.maximum(counts, 1)))
    spread = sqrt(float((np.exp(logs) * (counts - 100) ** 2).sum()))
    return f"About {spread:.0f}."


def last_of_the_rush() -> str:
    """Job by job: each starts when it has come, and a sixth of a second after the one before."""
    came = np.arange(600) / 10
    starts = np.maximum.accumulate(came - np.arange(600) / 6) + np.arange(600) / 6
    return f"{starts[-1] - came[-1]:.0f} s"


def given_up() -> str:
    fates = product((True, False), repeat=3)  # of three attempts, whether each fails
    return (
        f"{100 * sum(prod(0.2 if f else 0.8 for f in fate) for fate in fates if all(fate)):.1f} %"
    )


PROOFS: dict[str, Callable[[], str]] = {
    "01.1": who_hears,
    "01.2": lambda: f"{theory.littles_law(2, 3):g}",
    "01.3": ignored,
    "02.1": lambda: f"{len(waits(fixed(4, 1000)))}",
    "02.2": lambda: f"{sum(waits(doubling(4, 1000))):g} s",
    "02.3": when_adding_returns,
    "03.1": lambda: f"{50 / 20:g} s",
    "03.2": lambda: f"{100 * theory.littles_law(8, 0.5) / 5:g} %",
    "03.3": lambda: f"{exercises()['01.c'].right.value - 5 + 3}",  # type: ignore[attr-defined]
    "04.1": lambda: f"{wait(0.8):.3g}",
    "04.2": lambda: f"{wait(0.9) / wait(0.8):.3g} times",
    "04.3": lambda: f"{np.mean([0.5] * 95 + [20.0] * 5):g} s",
    "05.1": lambda: f"{theory.mmc_wait_mean(0.45, 2.0, 1):.3g} s",
    "05.2": lambda: f"{wait(0.8, 2):.2g} s",
    "05.3": lambda: f"{1 / 0.1:g}",
    "06.1": lambda: f"{theory.mg1_wait_mean(1, 0.8, 9) / theory.md1_wait_mean(1, 0.8):.3g} times",
    "06.2": lambda: f"{100 * theory.littles_law(15, 0.2) / 4:.3g} %",
    "06.3": lambda: f"{sum(waits(fixed(3, 5000))):g} s",
    "07.1": lambda: f"{theory.attempts_mean(0.5, 3):g}",
    "07.2": lambda: f"{60 * 1.5:g} %",
    "07.3": lambda: f"{100 * theory.erlang_c(1, 0.7):.3g} %",
    "08.1": lambda: f"{len(np.linspace(0, 20, 600)) / 20:g}",
    "08.2": lambda: f"{theory.littles_law(2, 10):g}",
    "08.3": lambda: f"{theory.attempts_mean(1.0, 5):g} times",
    "09.1": lambda: f"{max(rate for rate in range(200) if 2 * rate <= 60)}",
    "09.2": lambda: f"{sum(waits(POLICIES['email'])):g} s",
    "09.3": jittered,
    "10.1": lambda: f"{theory.recovery_longest(30, 30):g} s",
    "10.2": two_items,
    "10.3": lambda: (
        "Half as long."
        if theory.md1_wait_mean(0.5, 1) == pytest.approx(theory.mmc_wait_mean(0.5, 1, 1) / 2)
        else ""
    ),
    "11.1": lambda: f"{np.mean([1.0] * 900 + [11.0] * 100):g} s",
    "11.2": lambda: f"{theory.littles_law(1800 / 900, 2):g}",
    "11.3": lambda: f"{wait(0.8) + 1:.3g} s",
    "12.1": replications,
    "12.2": pooled_p99,
    "12.3": lambda: f"{exercises()['09.d'].right.value} times",  # type: ignore[attr-defined]
    "13.1": lambda: f"{theory.md1_wait_mean(0.45, 2.0):.3g} s",
    "13.2": lambda: "About a twentieth." if 1 / 21 < wait(0.8, 10) / wait(0.8) < 1 / 19 else "",
    "13.3": given_up,
    "14.1": lambda: f"{60 * (40 - 20):,} jobs",
    "14.2": lambda: f"{1200 / 20:g} s",
    "14.3": others_wait,
    "15.1": lambda: f"{30 / 10:g} s",
    "15.2": poisson_misses,
    "15.3": lambda: f"{wait(0.99):.3g}",
    "16.1": lambda: f"{theory.littles_law(6, 0.6):g}",
    "16.2": last_of_the_rush,
    "16.3": lambda: f"On up to {100 * (1 - share_interval(10, 10)[0]):.0f}.",
    "capstone.1": lambda: f"{int(np.ceil(theory.littles_law(1, 1.5)))}",
    "capstone.2": lambda: f"{theory.recovery_longest(300, 300) / 60:g} min",
    "capstone.3": lambda: f"{sum(waits(doubling(5, 5000))):g} s",
}


@pytest.mark.parametrize("key", PROOFS)
def test_the_right_option_is_what_comes_out(key: str) -> None:
    assert right_of(key) == PROOFS[key]()


def test_every_question_is_proved() -> None:
    """A new lesson's questions want a proof here, too."""
    assert recalls().keys() == PROOFS.keys()


@pytest.mark.parametrize("key", list(recalls()))
def test_wrong_options_get_a_hint_that_does_not_give_it_away(key: str) -> None:
    item = recalls()[key]
    verdicts = {letter: judge(item.exercise, letter) for letter in item.options}
    assert sorted(one.verdict for one in verdicts.values()) == ["right", *["wrong"] * 2]
    for letter, judged in verdicts.items():
        if judged.verdict == "wrong":
            hint = judged.text.removeprefix("Not yet. ")
            assert len(hint.split()) >= 3
            assert right_of(key).rstrip(".") not in hint.replace(",", "").rstrip(".").split(". ")
            assert judge(item.exercise, letter.upper()) == judged


@pytest.mark.parametrize("lesson", sorted(LESSONS))
def test_each_lesson_asks_three_from_earlier_ones(lesson: str) -> None:
    name = lesson if lesson == "capstone" else f"lesson_{lesson}"
    table = import_module(f"simqueue.course.lessons.{name}").RECALL
    assert list(table) == [f"{lesson}.{number}" for number in (1, 2, 3)]
    assert all(one.of < lesson for one in table.values())


def test_the_right_option_is_anywhere() -> None:
    letters = [exercise.right.right for exercise in (i.exercise for i in recalls().values())]  # type: ignore[attr-defined]
    assert all(letters.count(letter) >= len(letters) / 6 for letter in "abc")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_begins_with_its_questions(path: Path) -> None:
    lesson = path.stem.partition("_")[0]
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    called = f'recall("{lesson}", None, None, None)'
    assert (called in code[0].source) == (lesson in LESSONS)


def test_answers_are_marked_in_their_order() -> None:
    with kept() as things:
        recall("02", "a", None, "x")
    text = things[0][0]["text/plain"]
    assert text.count("✗ Not yet.") + text.count("✓ Right.") == 1
    assert "? I cannot read 'x'" in text
    markup = things[0][0]["text/html"]
    assert markup.count("<li>") == 3 + 9


@pytest.mark.parametrize("call", [(), ("99",), ("00", None), (3,), (None,)])
def test_a_call_that_asks_for_nothing_says_how(
    call: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    recall(*call)
    assert 'Write recall("01", None, None, None).' in capsys.readouterr().out
