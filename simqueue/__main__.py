"""``python -m simqueue``, and the command ``simqueue``."""

import os
import signal
import sys
from types import FrameType


def _end(_signal: int, _frame: FrameType | None) -> None:
    os._exit(130)


def main() -> None:
    """Import the command line, and run it.

    Importing takes a second. Ctrl-C in it would raise in the middle of somebody's module, which
    may take that for a broken installation; there is nothing to clean up, so it ends the process.
    So it does when all is done, and Python takes itself apart.
    """
    before = signal.signal(signal.SIGINT, _end)
    from simqueue.cli import run

    signal.signal(signal.SIGINT, before)
    code = run()
    signal.signal(signal.SIGINT, _end)
    sys.exit(code)


if __name__ == "__main__":
    main()
