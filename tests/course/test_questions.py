"""What is asked for: it says how precise an answer must be, and takes just that."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simqueue.course.judging import judge, mark
from simqueue.course.lessons import exercises
from simqueue.course.questions import Between, Exercise, Letters, Number, Whole, near
from simqueue.course.reading import Span, UnreadableError

NUMBERS = {key: one.right for key, one in exercises().items() if isinstance(one.right, Number)}
WHOLES = {key: one.right for key, one in exercises().items() if isinstance(one.right, Whole)}


def forms(value: float, unit: str) -> list[Any]:
    """A value as learners may write it."""
    plain: list[Any] = [
        value,
        np.float64(value),
        np.array([value]),
        repr(value),
        f"about {value!r}",
    ]
    if unit == "s":
        return [
            *plain,
            *(f"{value!r} s", f"{value!r} seconds"),
            *(f"{1000 * value!r} ms", f"{value / 60!r} min", f"{value / 3600!r} hours"),
        ]
    if unit == "%":
        signed = [f"{value!r} %", f"{value!r}%", f"{value!r} per cent"]
        return signed if 0 < abs(value) <= 1 else [*plain, *signed]
    return [*plain, Fraction(value), f"{value!r} {unit}"]


def margin_of(words: str, value: float) -> float:
    """How far off an answer may be: read from the printed sentence alone."""
    found = re.search(r"to within ([\d.]+) ?(percentage points|%|s)?$", words)
    assert found, words
    size = float(found[1])
    return abs(value) * size / 100 if found[2] == "%" else size


@pytest.mark.parametrize("key", NUMBERS)
@settings(max_examples=60, deadline=None)
@given(off=st.floats(-6, 6))
def test_numbers_pass_within_the_printed_precision_only(key: str, off: float) -> None:
    right = NUMBERS[key]
    assume(abs(abs(off) - 1) > 1e-6)
    answer = right.value + off * margin_of(mark(key, None).text.removesuffix("."), right.value)
    expected = "right" if abs(off) < 1 else "wrong"
    for form in forms(answer, right.unit):
        assert mark(key, form).verdict == expected, form


@pytest.mark.parametrize("key", NUMBERS)
@settings(max_examples=60, deadline=None)
@given(ends=st.lists(st.floats(-3, 3), min_size=2, max_size=2, unique=True).map(sorted))
def test_a_range_passes_if_both_of_its_ends_do(key: str, ends: list[float]) -> None:
    right = NUMBERS[key]
    assume(all(abs(abs(off) - 1) > 1e-6 for off in ends))
    margin = margin_of(right.wants, right.value)
    low, high = (right.value + off * margin for off in ends)
    assume(0 < low < high)
    expected = "right" if max(map(abs, ends)) < 1 else "wrong"
    unit = right.unit if right.unit in ("s", "%") else ""
    for form in (f"{low!r} to {high!r} {unit}", f"between {low!r} and {high!r} {unit}"):
        assert mark(key, form).verdict == expected, form


@pytest.mark.parametrize("key", WHOLES)
@settings(max_examples=60, deadline=None)
@given(answer=st.integers(-3, 200) | st.floats(-3, 200))
def test_of_whole_numbers_just_the_right_one_passes(key: str, answer: float) -> None:
    right = WHOLES[key]
    assert "a whole number" in mark(key, None).text
    taken = (right.value, *right.also)
    for form in forms(answer, right.unit):
        assert mark(key, form).verdict == ("right" if answer in taken else "wrong"), form
    for value in taken:
        for form in forms(value, right.unit):
            assert mark(key, form).verdict == "right"


@pytest.mark.parametrize("key", [k for k, e in exercises().items() if isinstance(e.right, Letters)])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_letters_pass_in_any_order_and_form(key: str, data: st.DataObject) -> None:
    right = exercises()[key].right
    assert isinstance(right, Letters)
    chosen = data.draw(st.lists(st.sampled_from(right.among), min_size=1, unique=True))
    expected = "right" if set(chosen) == set(right.right) else "wrong"
    for form in (chosen, tuple(chosen), set(chosen), "".join(chosen), " and ".join(chosen)):
        assert mark(key, form).verdict == expected
    assert mark(key, ", ".join(chosen).upper()).verdict == expected


def test_the_kinds_cover_every_exercise() -> None:
    others = {
        k for k, e in exercises().items() if not isinstance(e.right, Number | Whole | Letters)
    }
    assert all(type(exercises()[key].right).__name__ in ("Make", "Repair") for key in others)


def asking(right: Number | Whole | Letters) -> Exercise:
    return Exercise(right=right, answer="", hints=(), otherwise="Think again.")


@pytest.mark.parametrize(
    ("right", "answer", "words"),
    [
        (Number(0.706, within=0.001), 0.71, "rounded too far"),
        (Number(80, within=12), "60 to 90", "too wide"),
        (Number(80, within=12), "10 to 20", "Think again"),
        (Number(80, within=12), 1000, "Think again"),
        (Whole(8, "slots", least=True), 7.6, "not whole"),
        (Whole(8, "slots"), "7 to 9", "one number"),
        (Whole(8, "slots"), 9, "Think again"),
        (Letters("b", among="abc", one=True), "bc", "one letter only"),
    ],
)
def test_near_misses_are_told_what_is_amiss(right: Any, answer: Any, words: str) -> None:
    judged = judge(asking(right), answer)
    assert judged.verdict == "wrong"
    assert words in judged.text


def test_one_precision_is_to_be_given() -> None:
    with pytest.raises(ValueError, match="one of"):
        Number(1)
    with pytest.raises(ValueError, match="one of"):
        Number(1, within=1, share=1)
    with pytest.raises(ValueError, match="exclude each other"):
        Whole(1, least=True, also=(2,))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (8.3, "A plain number is read as seconds. Did you mean '8.3 min'?"),
        (500_000, "Did you mean '500,000 ms'?"),
        ("8 min", "rounded too far. I want it to within 1 %."),
        ("0.5 s", ""),
        (83, ""),
    ],
)
def test_the_right_time_in_another_unit_is_known(answer: object, words: str) -> None:
    asked = Number(500, "s", share=0.01)
    read = asked.read(answer)
    assert not asked.fits(read)
    assert words in asked.remark(read)
    assert bool(words) == bool(asked.remark(read))


def test_signs_take_numbers_and_ranges() -> None:
    assert Between(1, 2).fits(Span(1.5, 2))
    assert not Between(1, 2).fits(Span(1.5, 3))
    assert near(-10, 0.1).fits(Span(-10.5, -10.5))
    assert Between(0.6, 0.7).fits(Span(700 * 0.001, 700 * 0.001)), "whatever floating point adds"


@pytest.mark.parametrize(
    "answer", ["ae", "EA", "a, e", "a and e", ["a", "e"], {"e", "a"}, ("E", "a")]
)
def test_letters_come_in_any_order_and_form(answer: object) -> None:
    letters = Letters("ae", among="abcde")
    assert letters.fits(letters.read(answer))


@pytest.mark.parametrize("answer", [3, "", "xyz", [], [1, 2], object()])
def test_other_things_are_no_letters(answer: object) -> None:
    with pytest.raises(UnreadableError):
        Letters("ae", among="abcde").read(answer)
