"""The quiz before and after the course: its forms, and where its questions come from."""

from __future__ import annotations

from simqueue.course.choices import Item
from simqueue.course.sealing import sealed_course
from simqueue.errors import InputError

#: The forms, and what to say to whoever has handed one in.
FORMS = {
    "before": "Which, you will find out in the course.",
    "after": "Your teacher can set that beside what you knew before.",
}
#: Fixes the numbers, where nobody says another one.
SEED = 1


def quiz_seed() -> int:
    """The seed of this edition."""
    course = sealed_course()
    return SEED if course is None else course.quiz_seed


def quiz_items(form: str, seed: int) -> list[Item]:
    """The fifteen questions of a form.

    Both forms ask the same, and differ in every number.

    Raises
    ------
    InputError
        If there is no such form; in the students' edition, if the seed is another one.
    """
    if form not in FORMS:
        raise InputError(f"quiz {form!r}: expected {' or '.join(FORMS)}")
    course = sealed_course()
    if course is None:
        from simqueue.course.quiz_items import items

        return items(form, seed)
    if seed != course.quiz_seed:
        raise InputError(f"seed {seed}: this edition has the quiz of seed {course.quiz_seed} only")
    return course.quiz[form]
