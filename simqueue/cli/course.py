"""``simqueue course``: editions for a class, what a learner has done, glossary and formulas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import simqueue.cli.options as opt
from simqueue.errors import InputError

course = typer.Typer(
    name="course",
    help="Use the course in a class: editions, progress, scores, glossary, formulas.",
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Name a new folder to write it to.")]
QuizSeed = Annotated[
    int, typer.Option(metavar="N", min=0, help="Choose the number that fixes the quiz's numbers.")
]
PageOut = Annotated[
    Path | None,
    typer.Option("--page", metavar="FILE.html", help="Write a page to print, in place of text."),
]


@course.callback(invoke_without_command=True)
def options(context: typer.Context) -> None:
    """Use the course in a class: editions, progress, scores, glossary, formulas."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@course.command(short_help="Write the edition for students: no answers.")
def student(folder: Folder, quiz_seed: QuizSeed = 1) -> None:
    """Write the students' edition into a folder: zip it, and give it away.

    It has the lessons without outputs, the quiz, glossary, formulas, and the package without its
    answers: it marks what students find, and explains it then. Made from a clone of the repository.

    Example: simqueue course student for-students --quiz-seed 2026
    """
    _refuse_sealed()
    from simqueue.course.editions.build import build_students

    build_students(folder, quiz_seed)
    print(f"{folder}: the students' edition; the quiz has seed {quiz_seed}")


@course.command(short_help="Write the edition for teachers: notes, answers.")
def teacher(folder: Folder, quiz_seed: QuizSeed = 1) -> None:
    """Write the teacher's edition into a folder: what students get, with notes and answers.

    Give it the quiz's seed of the students' edition. Made from a clone of the repository.

    Example: simqueue course teacher for-me --quiz-seed 2026
    """
    _refuse_sealed()
    from simqueue.course.editions.build import build_teachers

    build_teachers(folder, quiz_seed)
    print(f"{folder}: the teacher's edition; the quiz has seed {quiz_seed}")


@course.command(short_help="Show what a learner has done so far.")
def progress(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Name the file in which the guesses and answers are kept."
        ),
    ] = Path("simqueue-progress.json"),
) -> None:
    """Show what a learner has done so far, by lesson, and a line to hand in.

    The file is kept where the notebooks are, on this machine, and without a name.

    Example: simqueue course progress notebooks/simqueue-progress.json
    """
    from rich.console import Console
    from rich.table import Table

    from simqueue.course.learners.record import read_record
    from simqueue.course.learners.score import HEAD, rows_of, score_of

    if not file.exists():
        raise InputError(f"{file}: nothing is kept there yet; expected a learner's file")
    record = read_record(file)
    table = Table(*HEAD, box=None, header_style="bold")
    for row in rows_of(record):
        table.add_row(*row)
    Console(highlight=False).print(table)
    print(score_of(record).line)


@course.command(short_help="Add up what a class has done.")
def scores(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Read these learners' files (.json), or texts that hold score lines.",
        ),
    ],
    as_json: opt.AsJson = False,
) -> None:
    """Add up what a class has handed in, and say what was learned between the two quizzes.

    Answers in files are marked anew; a score line is taken at its word. A learner is named as the
    file is, as its folder if it has the usual name, or by what stands before the score line.

    Example: simqueue course scores handed-in/*.json
    """
    from rich.console import Console

    from simqueue.course.learners.scores import read_scores

    found = read_scores(files)
    if as_json:
        print(json.dumps(found.document(), allow_nan=False))
    else:
        Console(highlight=False).print(found.report())


@course.command(short_help="Print the words of the course.")
def glossary(page: PageOut = None) -> None:
    """Print the words of the course, what they mean, and where they are explained.

    Example: simqueue course glossary --page glossary.html
    """
    from simqueue.course.sheets import glossary_markdown, glossary_page

    _put(glossary_markdown() if page is None else glossary_page(), page)


@course.command(short_help="Print the formulas of the course.")
def formulas(page: PageOut = None) -> None:
    """Print the formulas, where each is in Python, and the textbook that it is from.

    Example: simqueue course formulas --page formulas.html
    """
    from simqueue.course.sheets import formulas_markdown, formulas_page

    _put(formulas_markdown() if page is None else formulas_page(), page)


def _put(text: str, page: Path | None) -> None:
    if page is None:
        print(text, end="")
        return
    from simqueue.cli.files import check_writable
    from simqueue.files import writing

    check_writable(page, ".html")
    with writing(page) as file:
        file.write(text)


def _refuse_sealed() -> None:
    from simqueue.course.sealing import sealed_course

    if sealed_course() is not None:
        raise InputError("this is the students' edition: there are no answers to make others from")
