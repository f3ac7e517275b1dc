"""Grade repairs of the capstone's incident.

    python -m simqueue.course.grading my-incident.toml            the table
    python -m simqueue.course.grading students/*.toml             a line for each

The exit code is 0 if all pass, 1 if one does not, 2 if one cannot be graded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from simqueue.course.grading.grades import grade


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade the files that are named; see the top of this module."""
    files = list(sys.argv[1:] if arguments is None else arguments)
    if not files or any(file.startswith("-") for file in files):
        print(__doc__)
        return 2 if any(file not in ("-h", "--help") for file in files) or not files else 0
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # some terminals have no ✓
    grades = {file: grade(Path(file)) for file in files}
    for file, found in grades.items():
        if len(files) == 1:
            print(found)
        else:
            missed = f" Missed: {', '.join(found.missed)}." if found.missed else ""
            print(f"{file}: {found.verdict}{missed}")
    if any(found.problem for found in grades.values()):
        return 2
    return 0 if all(found.passed for found in grades.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
