"""Packages that only some of simqueue needs, and how to say that one is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from simqueue.errors import InputError
from simqueue.files import reason

#: The extras of simqueue, and what they bring by the names that are imported.
EXTRAS = {
    "queue": (
        *("bullmq", "fakeredis", "hiredis", "lupa", "prometheus_client", "redis", "starlette"),
        *("uvicorn", "uvloop"),
    ),
    "postgres": ("psycopg",),
    "course": ("IPython", "anywidget", "ipywidgets", "nbformat"),
    "fast": ("llvmlite", "numba"),
    "sweeps": ("dask", "distributed", "pyarrow"),
}


class MissingExtraError(InputError, ImportError):
    """What an extra of simqueue would bring is not installed; the text names the extra."""


@contextmanager
def naming_extras(extra: str | None = None) -> Iterator[None]:
    """Say what to install if something cannot be imported in the block.

    Parameters
    ----------
    extra
        What brings it; by default the extra that has the missing package.

    Raises
    ------
    MissingExtraError
        In the place of an `ImportError` that an extra would have prevented.

    Examples
    --------
    >>> with naming_extras():  # doctest: +ELLIPSIS
    ...     raise ModuleNotFoundError(name="redis.asyncio")
    Traceback (most recent call last):
    simqueue.extras.MissingExtraError: package redis is missing: in your clone of simqueue: ...
    """
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        named = extra or next((one for one, some in EXTRAS.items() if package in some), None)
        if named is None:
            raise
        missing = isinstance(error, ModuleNotFoundError) and package
        what = f"package {package} is missing" if missing else reason(error)
        raise MissingExtraError(f"{what}: {advice(named)}") from error


def advice(extra: str) -> str:
    """How to install an extra: no index has simqueue, and there may be several Pythons.

    Quotes are double: single ones are none in a Windows prompt.
    """
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f'in your clone of simqueue: {python} -m pip install ".[{extra}]"'
