"""Where files are: those of the packaged data, and those that a scenario names."""

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
        if is_there(folder / name) and (folder / name).is_file():
            return folder / name
    here = next((folder for folder in folders if folder.is_dir()), folders[0])
    raise InputError(f"data file {name}: not found; expected one of the files in {here}")


def is_packaged(path: Path) -> bool:
    """Whether a file is one of the packaged data."""
    return path.resolve().parent in {(_PACKAGE / "_data"), (_PACKAGE.parent / "data")}


def find_file(name: str, folder: Path) -> Path:
    """A file that a scenario names: relative to ``folder``, then to the packaged data.

    A file that is nowhere is looked for in ``folder``: whoever opens it says that it is not there.
    """
    path = Path(name)
    if path.is_absolute() or is_there(folder / path):
        return folder / path
    try:
        return data_path(name.removeprefix("data/"))
    except InputError:
        return folder / path


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; there is none of a name that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
