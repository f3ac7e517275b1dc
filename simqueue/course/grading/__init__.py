"""Grading a repair of the capstone's incident: it meets three simulated days, and eight targets.

A repair is read (`repair`), meets the days (`days`), and is held against the targets (`targets`,
`hints`); `grades` says what became of it. ``python -m simqueue.course.grading`` grades files.
"""

from simqueue.course.grading.grades import Grade, grade
from simqueue.course.grading.targets import Row

__all__ = ["Grade", "Row", "grade"]
