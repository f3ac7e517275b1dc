"""What every lesson keeps to. A lesson that needs an exception argues for it here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from simqueue.course.lessons import exercises, predictions

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
LESSONS = sorted(FOLDER.glob("*.ipynb"))

SECTIONS = (
    "The surprise",
    "Check",
    "Modify",
    "In production this setting is called",
    "What we found",
    "Exercises",
    "Sources",
)
#: A place on somebody's machine.
PATH = r"(?<![\w.:/])(?:/(?:home|Users|root|tmp|work|usr|opt|var)/|[A-Z]:\\)\S*"
#: Now, as some program may print it, or how long something took; recorded times are of 2011.
NOW = (
    r"\b20(?:1[2-9]|[2-9]\d)-\d\d-\d\d|\b\d+(?:\.\d+)? ?(?:ms|s) ± .* per loop|Wall time|CPU times"
)
ADDRESS = r"\bat 0x[0-9a-f]+"


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def lesson(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(lesson: Any) -> list[Any]:
    return [cell for cell in lesson.cells if cell.cell_type == "code"]


def text(lesson: Any) -> str:
    return "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")


def outputs(lesson: Any) -> list[Any]:
    return [output for cell in code(lesson) for output in cell.outputs]


def said(output: Any) -> str:
    """All that an output says in words."""
    data = dict(output.get("data", {}))
    data.pop("image/png", None)
    words = "\n".join([output.get("text", ""), *map(str, data.values())])
    return re.sub(r"base64,[A-Za-z0-9+/=]+", "", words)


def test_there_are_lessons() -> None:
    assert LESSONS


def test_names_say_the_number(path: Path) -> None:
    assert re.fullmatch(r"\d\d_[a-z0-9_]+|capstone_[a-z0-9_]+", path.stem)


def test_it_is_valid(lesson: Any) -> None:
    nbformat.validate(lesson)
    ids = [cell.id for cell in lesson.cells]
    assert len(set(ids)) == len(ids)


def test_the_title_is_a_question(lesson: Any) -> None:
    assert re.match(r"# [^\n]+\?\n", lesson.cells[0].source)
    for word in ("Covers", "You need", "Takes"):
        assert f"**{word}:**" in lesson.cells[0].source


def test_the_sections_are_there_in_their_order(lesson: Any) -> None:
    places = []
    for section in SECTIONS:
        found = re.search(rf"^(?:## |\*\*){re.escape(section)}", text(lesson), re.MULTILINE)
        assert found, f"no section {section!r}"
        places.append(found.start())
    assert places == sorted(places)


def test_words_and_cells_are_few(lesson: Any) -> None:
    words = re.findall(r"\w+(?:[-'’]\w+)*", text(lesson))
    assert 1_000 <= len(words) <= 2_000
    assert len([cell for cell in code(lesson) if "\nrecall(" not in cell.source]) <= 28
    for cell in code(lesson):
        lines = cell.source.splitlines()
        assert len(lines) <= 15, cell.source
        assert max(map(len, lines)) <= 100, cell.source


def test_it_predicts_reveals_and_has_exercises(path: Path, lesson: Any) -> None:
    sources = "\n".join(cell.source for cell in code(lesson))
    number = path.stem.partition("_")[0]
    for verb, keys in (
        ("predict", predictions()),
        ("reveal", predictions()),
        ("check", exercises()),
    ):
        used = re.findall(rf'^{verb}\(\s*"([^"]+)"', sources, re.MULTILINE)
        assert used, f"no {verb}()"
        assert used == [key for key in keys if key.startswith(f"{number}.")]
    assert sources.index("predict(") < sources.index("reveal(")
    for key in re.findall(r'^check\("[^"]+", (.+)\)', sources, re.MULTILINE):
        assert key == "None", "the stored lesson must not give the answer"


def test_every_exercise_has_a_folded_answer(lesson: Any) -> None:
    for cell in code(lesson):
        if cell.source.startswith("check("):
            assert "<details><summary>Answer</summary>" in "".join(map(said, cell.outputs))


def test_it_was_run_from_top_to_bottom(lesson: Any) -> None:
    numbers = [cell.execution_count for cell in code(lesson)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_outputs_do_not_depend_on_time_or_place(lesson: Any) -> None:
    for output in outputs(lesson):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output
        for pattern in (PATH, NOW, ADDRESS):
            found = re.search(pattern, said(output))
            assert not found, found
    assert not re.search(PATH, text(lesson) + "\n".join(cell.source for cell in code(lesson)))


def test_nothing_volatile_is_stored(lesson: Any) -> None:
    assert set(lesson.metadata) == {"kernelspec", "language_info"}
    assert lesson.metadata.kernelspec.name == "python3"
    assert dict(lesson.metadata.language_info) == {"name": "python"}
    for cell in lesson.cells:
        assert set(cell.metadata) <= {"tags"}


def test_some_outputs_are_compared(lesson: Any) -> None:
    tagged = [c for c in code(lesson) if "nbval-check-output" in c.metadata.get("tags", [])]
    assert len(tagged) >= len(code(lesson)) // 2
    for cell in tagged:
        assert not any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_every_picture_has_alternative_text_and_numbers(lesson: Any) -> None:
    pictures = 0
    for output in outputs(lesson):
        data = output.get("data", {})
        markup = data.get("text/html", "")
        for image in re.findall(r"<img[^>]*>", markup):
            pictures += 1
            alt = re.search(r'alt="([^"]*)"', image)
            assert alt, "a picture without alternative text"
            assert len(alt[1]) > 40
            assert "This figure in words and numbers" in markup
        if "image/png" in data:
            assert output.metadata["image/png"]["alt"]
            assert "<img" in markup, "show figures with simqueue.course.figure"
    assert pictures >= 1


def test_scaled_loads_say_so(lesson: Any) -> None:
    if any("busy_day" in cell.source for cell in code(lesson)):
        assert re.search(r"\bscale", text(lesson))


def test_the_data_is_credited(lesson: Any) -> None:
    sources = text(lesson).partition("## Sources")[2]
    assert "10.24432/C5BW33" in sources
    assert "CC BY 4.0" in sources
    if any("busy_day" in cell.source for cell in code(lesson)):
        assert "Nezha" in sources
