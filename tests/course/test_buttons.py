"""Questions to click: what a click does is what the plain call does."""

from __future__ import annotations

from typing import Any

import pytest

from simqueue.course import asking
from simqueue.course.asking import taken_in
from simqueue.course.buttons import QuizButtons, RecallButtons
from simqueue.course.judging import judge
from simqueue.course.learners import record
from simqueue.course.lessons import recalls
from simqueue.course.quizzes import quiz_items

ITEMS = {key: item for key, item in recalls().items() if key.startswith("03.")}


def plain(html: str) -> str:
    return html.replace("&#x27;", "'")


@pytest.mark.parametrize("key", list(ITEMS))
def test_each_click_is_marked_at_once(
    key: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "mine.json"))
    buttons = RecallButtons("Three questions", ITEMS)
    field = buttons.fields[key]
    assert field.value is None
    assert [value for _, value in field.options] == list(ITEMS[key].options)
    for letter in ITEMS[key].options:
        field.value = letter
        judged = judge(ITEMS[key].exercise, letter)
        assert judged.sign in buttons.remarks[key].value
        assert judged.text.split(".")[0] in plain(buttons.remarks[key].value)
    others = [one.value for other, one in buttons.remarks.items() if other != key]
    assert others == ["", ""]
    assert record.kept().answers[key].right


def test_the_quiz_is_handed_in_by_its_button(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(record.VARIABLE, str(tmp_path / "mine.json"))
    items = {str(number): item for number, item in enumerate(quiz_items("before", 1), 1)}
    buttons = QuizButtons("The quiz", items, lambda given: taken_in("before", 1, given))
    for key in ("1", "2"):
        buttons.fields[key].value = str(items[key].exercise.right.value)  # type: ignore[attr-defined]
    buttons.fields["7"].value = "a"
    buttons.button.click()
    right = 2 + (judge(items["7"].exercise, "a").verdict == "right")
    assert f"{right} of 15 are right" in buttons.outcome.value
    assert record.kept().quiz["before"].given[2:6] == [None] * 4


@pytest.mark.parametrize("call", ["recall", "quiz"])
def test_where_somebody_sits_there_are_buttons(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(asking, "attended", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    (asking.recall("03") if call == "recall" else asking.quiz("before"))
    (data,) = shown
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<ol>" in data["text/html"]
    assert "None" in data["text/plain"], "the plain call is named for whoever cannot click"
