"""Files that a command is to write."""

from __future__ import annotations

import os
from pathlib import Path

from simqueue.errors import InputError


def check_writable(path: Path | None, ending: str = "", made: Path | None = None) -> None:
    """Refuse early: nobody wants to hear of a wrong file after a long run.

    Parameters
    ----------
    path
        The file.
    ending
        What its name should end in.
    made
        A folder that need not be there yet: the command makes it.

    Raises
    ------
    InputError
        If the file could not be written, or its name has not the ending that it should.
    """
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected the name of a file")
    if path.parent != made or made.exists():
        if not path.parent.is_dir():
            raise InputError(f"{path}: there is no folder {path.parent}")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise InputError(f"{path}: may not be written")
    if not path.name.lower().endswith(ending):
        raise InputError(f"{path}: expected a name that ends in {ending}")
