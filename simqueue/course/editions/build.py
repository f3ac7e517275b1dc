"""Building an edition: a folder that can be zipped and given away."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from simqueue.course.lessons import exercises, predictions, recalls
from simqueue.course.quizzes import FORMS, quiz_items
from simqueue.course.sealing import FILE as SEALED
from simqueue.course.sealing import Course, seal, seal_item
from simqueue.errors import InputError
from simqueue.files import reason

_PACKAGE = Path(__file__).resolve().parents[2]
#: Modules that hold answers; the students' edition has `sealed_questions` in their place.
_ANSWERS = ("course/quiz_items.py", "course/editions")
_LESSONS = "course/lessons"
#: What the students' edition is installed from, beside package and data.
_BESIDE = ("pyproject.toml", "LICENSE")
_README = """\
# The course: students' edition

```sh
python -m venv .venv
.venv/bin/python -m pip install -q '.[course,queue]'
.venv/bin/jupyter lab notebooks
```

On Windows write `.venv\\Scripts\\` for `.venv/bin/`. All of it runs offline and without Redis,
once it is installed.

Take the quiz first, `quiz_before.ipynb`. Then the lessons, in their order. `glossary.html` has the
words, `formulas.html` the formulas.

Your guesses and answers are kept in `notebooks/simqueue-progress.json`, on this machine and without
your name. `from simqueue.course import progress; progress()` shows how far you are, and a line to
hand in. Or hand in the file itself.

What is right is explained when you have found it.
"""

_TEACHERS_README = """\
# The course: teacher's edition

It is yours alone: the answers are in it. The students get the folder that
`simqueue course student for-students --quiz-seed {seed}` writes, of the same seed as this one.

## What is in the folder

- `notebooks/`: the lessons as they were run. Below each title is a note for you; below each
  question the answer, the solution, and the mistakes to expect.
- `notebooks/quiz_before.ipynb`, `notebooks/quiz_after.ipynb`: the quiz as students see it.
- `quiz-answers.md`: the questions of both quizzes with their answers, for seed {seed}.
- `glossary.html`, `formulas.html`: the words, and the formulas on a page. Students have them, too.

The lessons run where simqueue is installed, such as in the clone that made this folder; there
`docs/teaching.md` says how long each takes, and which to choose if there is little time. Lessons
02, 04, 07, 08 and 09 open with a queue to play with: one learner drives, the class says what to do.

## The quiz, before and after

1. Have students take `quiz_before.ipynb` before the first lesson, and hand it in once. It says how
   many are right, not which, and only the first time counts.
2. After the last lesson they take `quiz_after.ipynb`: the same fifteen things with other numbers.
3. Talk about `quiz-answers.md` after that, not in between.

## Collecting scores

What students answer is kept in `notebooks/simqueue-progress.json` in their folder, without a name.
Let each hand in that file, named after its owner, or the line that `progress()` shows in a
notebook; put lines into a text, each behind a name. Then:

```sh
simqueue course scores handed-in/*.json lines.txt
simqueue course progress handed-in/ada.json
```

The first prints a row for each learner, means, who had which question of the quiz right before and
after, and what was learned of what was not known before. Answers in files are marked anew; a line
is taken at its word. `--json` is for a table of your own.
"""


def build_students(folder: Path, quiz_seed: int) -> None:
    """Write the students' edition: lessons without outputs, the package without answers.

    Raises
    ------
    InputError
        If there is something in the folder already, or the sources are not at hand.
    """
    cells = _cells()
    root = _source()
    with _new(folder) as made:
        gone = [*_ANSWERS, *(f"{_LESSONS}/{path.name}" for path in _lesson_modules())]
        _copy(root / "simqueue", made / "simqueue", {_PACKAGE / one for one in gone})
        _copy(root / "data", made / "data", set())
        for name in _BESIDE:
            shutil.copy(root / name, made / name)
        sealed = made / "simqueue" / SEALED.relative_to(_PACKAGE)
        sealed.write_bytes(pickle.dumps(sealed_questions(quiz_seed), protocol=4))
        (made / "README.md").write_text(_README, encoding="utf-8")
        for path in _notebooks(root):
            _write(cells.for_students(_read(path)), made / "notebooks" / path.name)
        _write_shared(made, quiz_seed)


def build_teachers(folder: Path, quiz_seed: int) -> None:
    """Write the teacher's edition: lessons with outputs, notes, answers, and mistakes to expect.

    Raises
    ------
    InputError
        As `build_students`.
    """
    cells = _cells()
    root = _source()
    with _new(folder) as made:
        for path in _notebooks(root):
            lesson = path.stem.partition("_")[0]
            _write(cells.for_teachers(_read(path), lesson), made / "notebooks" / path.name)
        _write_shared(made, quiz_seed)
        readme = _TEACHERS_README.format(seed=quiz_seed)
        (made / "README.md").write_text(readme, encoding="utf-8")
        lines = [f"# The quiz of seed {quiz_seed}: questions and answers\n"]
        for form in FORMS:
            lines.append(f"## {form[0].upper()}{form[1:]} the course\n")
            for number, item in enumerate(quiz_items(form, quiz_seed), 1):
                options = [f"   - {letter}: {text}" for letter, text in item.options.items()]
                answer = " ".join(item.exercise.answer.split())
                lines += [f"{number}. {item.asks}", *options, f"\n   **{answer}**\n"]
        (made / "quiz-answers.md").write_text("\n".join(lines), encoding="utf-8")


def sealed_questions(quiz_seed: int) -> Course:
    """All questions of the course, without their answers."""
    return Course(
        predictions=predictions(),
        exercises={key: seal(key, one) for key, one in exercises().items()},
        recalls={key: seal_item(key, one) for key, one in recalls().items()},
        quiz_seed=quiz_seed,
        quiz={
            form: [
                seal_item(f"{form} {quiz_seed} {number}", item)
                for number, item in enumerate(quiz_items(form, quiz_seed), 1)
            ]
            for form in FORMS
        },
    )


def _cells() -> Any:
    """The module that works on notebooks: it needs an optional package."""
    return import_module("simqueue.course.editions.cells")


def _source() -> Path:
    root = _PACKAGE.parent
    if not all((root / name).exists() for name in ("notebooks", "data", *_BESIDE)):
        raise InputError(
            f"the lessons are not beside the package (in {root}): editions are made from a clone "
            "of the repository, installed with pip's --editable"
        )
    return root


@contextmanager
def _new(folder: Path) -> Iterator[Path]:
    """A folder to fill; it takes its place when the block ends well."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder}: is there already; expected a new folder, or an empty one")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".edition-") as draft:
            made = Path(draft) / "made"
            (made / "notebooks").mkdir(parents=True)
            yield made
            if folder.exists():
                folder.rmdir()
            os.replace(made, folder)  # noqa: PTH105 (a folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot write the edition: {reason(error)}") from error


def _lesson_modules() -> Iterable[Path]:
    return (path for path in (_PACKAGE / _LESSONS).glob("*.py") if path.name != "__init__.py")


def _copy(source: Path, target: Path, without: set[Path]) -> None:
    def left_out(folder: str, names: list[str]) -> list[str]:
        return [
            name for name in names
            if name in ("__pycache__", "node_modules") or (Path(folder) / name).resolve() in without
        ]  # fmt: skip

    shutil.copytree(source, target, ignore=left_out)


def _notebooks(root: Path) -> list[Path]:
    return sorted((root / "notebooks").glob("*.ipynb"))


def _read(path: Path) -> Any:
    return import_module("nbformat").read(path, as_version=4)


def _write(notebook: Any, path: Path) -> None:
    nbformat = import_module("nbformat")
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def _write_shared(made: Path, quiz_seed: int) -> None:
    """What students and teachers both get."""
    from simqueue.course.sheets import formulas_page, glossary_page

    for form in FORMS:
        _write(_cells().quiz_notebook(form, quiz_seed), made / "notebooks" / f"quiz_{form}.ipynb")
    (made / "glossary.html").write_text(glossary_page(), encoding="utf-8")
    (made / "formulas.html").write_text(formulas_page(), encoding="utf-8")
