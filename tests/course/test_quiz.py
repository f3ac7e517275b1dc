"""The quiz: right answers recomputed from the words of the question, two forms, handed in once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from simqueue.course import quiz
from simqueue.course.asking import taken_in
from simqueue.course.choices import Item
from simqueue.course.display import kept
from simqueue.course.judging import judge
from simqueue.course.quiz_items import QUESTIONS
from simqueue.course.quizzes import FORMS, quiz_items
from simqueue.errors import InputError

SEEDS = range(1, 11)


def numbers(item: Item) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"\d+(?:[.,]\d+)*", item.asks)]


def erlang_like(rho: float) -> float:
    """Mean number in the line of M/M/1, added up state by state."""
    return sum(max(0, n - 1) * (1 - rho) * rho**n for n in range(4000))


def storm(asks: float, capacity: float) -> float:
    """The largest arrival rate at which a backlog of asks shrinks."""
    return max(rate / 1000 for rate in range(200_000) if asks * rate / 1000 < capacity)


#: For each question in turn, what is right, from the numbers in its words.
ROADS: tuple[Callable[..., float | str], ...] = (
    lambda attempts: len(range(2, int(attempts) + 1)),
    lambda attempts, ms: sum(ms / 1000 * 2**n for n in range(int(attempts) - 1)),
    lambda per_min, jobs: jobs / (per_min / 60),
    lambda rate, ms: rate * ms / 1000,
    # Little's law: the line's mean number over the arrival rate, rho / s.
    lambda service, busy: erlang_like(busy / 100) / (busy / 100 / service),
    lambda low, high: (erlang_like(high / 100) / high) / (erlang_like(low / 100) / low),
    lambda *_: "One queue",
    lambda ms, _: 1 / (ms / 1000),
    lambda cv, _: (cv**2 + 1) / 1,
    lambda p, n: sum((p / 100) ** k for k in range(int(n))),
    lambda jobs, low, high: jobs / (high - low),
    storm,
    lambda lock, look: max(look + look + look, lock + look),
    lambda *_: "It runs at least once",
    lambda users, think, rate: users / rate - think,
)


@pytest.mark.parametrize("number", range(len(ROADS)))
def test_right_answers_come_by_another_road(number: int) -> None:
    make, lists = QUESTIONS[number]
    for numbers_of in lists:
        item = make(*numbers_of)
        found = ROADS[number](*numbers(item))
        if isinstance(found, str):
            (letter,) = (one for one, text in item.options.items() if text.startswith(found))
            found = letter
        assert judge(item.exercise, found).verdict == "right", item.asks
        for letter in item.options.keys() - {found}:
            assert judge(item.exercise, letter).verdict == "wrong"


def test_there_are_fifteen() -> None:
    assert len(ROADS) == len(QUESTIONS) == 15


@pytest.mark.parametrize("seed", SEEDS)
def test_the_forms_ask_the_same_with_other_numbers(seed: int) -> None:
    before, after = (quiz_items(form, seed) for form in FORMS)
    for one, other in zip(before, after, strict=True):
        assert one.asks != other.asks
        assert bool(one.options) == bool(other.options)
        alike = [re.sub(r"\d[\d.,]*", "#", item.asks) for item in (one, other)]
        assert one.options or alike[0] == alike[1]
    assert [item.asks for item in quiz_items("before", seed)] == [item.asks for item in before]


def test_seeds_differ() -> None:
    asked = {tuple(item.asks for item in quiz_items("before", seed)) for seed in SEEDS}
    assert len(asked) == len(SEEDS)


def answers(form: str, right: int, seed: int = 1) -> list[object]:
    """That many right answers, and none to the other questions."""
    found: list[object] = []
    for item in quiz_items(form, seed):
        if item.options:
            found += [one for one in item.options if judge(item.exercise, one).verdict == "right"]
        else:
            found.append(item.exercise.right.value)  # type: ignore[attr-defined]
    return [*found[:right], *[None] * (len(found) - right)]


def test_it_says_how_many_are_right_and_not_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.json"
    monkeypatch.setenv("SIMQUEUE_PROGRESS", str(file))
    with kept() as things:
        quiz("before", *answers("before", 6))
        quiz("before", *answers("before", 15))
        quiz("after", *answers("after", 12))
    said = [data["text/plain"] for data, _ in things]
    assert said[0] == "Handed in: 6 of 15 are right. Which, you will find out in the course."
    assert "It was handed in before: the first time counts" in said[1]
    assert said[2].startswith("Handed in: 12 of 15 are right.")
    stored = json.loads(file.read_text())["quiz"]
    assert stored["before"]["given"][6:] == [None] * 9
    assert stored["after"]["seed"] == 1


def test_what_cannot_be_read_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMQUEUE_PROGRESS", str(tmp_path / "mine.json"))
    said = taken_in("before", 1, ["3 or 4", *[None] * 14])
    assert said.startswith("Question 1: I cannot read '3 or 4'.")
    assert said.endswith("Nothing was handed in yet.")
    assert list(tmp_path.iterdir()) == []


def test_another_form_is_refused() -> None:
    with pytest.raises(InputError, match="quiz 'between': expected before or after"):
        quiz_items("between", 1)
    with kept() as things:
        quiz()
        quiz("before")
    assert 'Write quiz("before"), or quiz("after").' in things[0][0]["text/plain"]
    assert things[1][0]["text/plain"].count("I want") == 13
