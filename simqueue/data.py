"""Where the packaged data files are."""

from __future__ import annotations

from pathlib import Path

from simqueue.errors import InputError

_PACKAGE = Path(__file__).resolve().parent


def data_path(name: str) -> Path:
    """Path of a file of the packaged data, such as ``orders.csv``.

    An installed wheel carries the data inside the package; a clone has it beside the package.

    Parameters
    ----------
    name
        Path of the file inside the data folder.

    Raises
    ------
    InputError
        If there is no such file.
    """
    folders = (_PACKAGE / "_data", _PACKAGE.parent / "data")
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    here = next((folder for folder in folders if folder.is_dir()), folders[0])
    raise InputError(f"data file {name}: not found; expected one of the files in {here}")
