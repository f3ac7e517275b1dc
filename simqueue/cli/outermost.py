"""The outermost handler: whatever ends a command ends in one line and an exit code."""

from __future__ import annotations

import _thread
import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from typer.exceptions import Abort, TyperException

from simqueue.errors import InputError, SimqueueError
from simqueue.extras import naming_extras
from simqueue.files import reason
from simqueue.safe_text import said

#: Set to anything, it has a traceback shown in the place of the line about a bug.
TRACEBACK_VARIABLE = "SIMQUEUE_TRACEBACK"
_PACKAGE = Path(__file__).parent.parent
_LONGEST = 2000


def run_safely(command: Callable[[], int], usage: Callable[[TyperException], str]) -> int:
    """Run a command; its exit code, or what that of its end is.

    Parameters
    ----------
    command
        Runs it, and returns the exit code.
    usage
        Says what is wrong with a command line.
    """
    _mend_streams()
    try:
        with naming_extras(), _keeping_interrupts():
            code = command()
        sys.stdout.flush()
        return code
    except InputError as error:
        return _refuse(2, str(error))
    except SimqueueError as error:
        # Nobody's input: Redis or the database went away in the middle.
        return _refuse(1, str(error))
    except TyperException as error:
        return _refuse(2, usage(error))
    except (KeyboardInterrupt, Abort):
        return 130
    except (Exception, SystemExit) as error:
        unnamed = isinstance(error, OSError) and error.filename is None
        unwritten = unnamed and _give_up_output()
        if BrokenPipeError in (type(error), type(error.__context__)):
            # Whoever read our output has had enough, as in `simqueue backoff | head -1`: typer
            # would make that an exit code of 1.
            return 0
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
            return 1
        return _refuse(1, _words(error, unwritten))


@contextmanager
def signals_as_before() -> Iterator[None]:
    """Put back what SIGTERM and Ctrl-C do, if a block changes that."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not a thread's to change
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that Python knows
                signal.signal(number, handler)


@contextmanager
def _keeping_interrupts() -> Iterator[None]:
    """See that no Ctrl-C gets lost.

    One that comes while Python cleans something up cannot be raised there: Python would print a
    traceback and go on as if nothing had been.
    """
    before = sys.unraisablehook

    def hook(found: sys.UnraisableHookArgs, /) -> None:
        if isinstance(found.exc_value, KeyboardInterrupt):
            again = threading.Timer(0.05, _thread.interrupt_main)
            again.daemon = True
            again.start()
        else:
            before(found)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def _refuse(code: int, text: str) -> int:
    with suppress(OSError):  # nobody hears us: the exit code has to do
        print(f"error: {said(' '.join(text.split()), _LONGEST)}", file=sys.stderr, flush=True)
    return code


def _words(error: BaseException, unwritten: bool) -> str:
    """What went wrong that nobody foresaw."""
    if isinstance(error, OSError):
        where = error.filename or ("standard output" if unwritten else "a file")
        return f"{where}: {reason(error)}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_PACKAGE)
    ]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return (
        f"this is a bug in simqueue: {type(error).__name__}: {error}{place}; "
        f"{TRACEBACK_VARIABLE}=1 shows where it came from"
    )


def _give_up_output() -> bool:
    """Whether standard output takes no more; what is still to be written is given up then.

    Python would try to write it once more when it ends, and complain.
    """
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for good)
        return True
    return False


class _Closed(io.TextIOBase):
    """A standard output that was closed before we began: writing to it is an error."""

    written = False

    def write(self, _text: str, /) -> int:
        self.written = True
        raise OSError(errno.EBADF, "it is closed")

    def flush(self) -> None:
        if self.written:
            self.write("")


def _mend_streams() -> None:
    """See that there are three standard streams, and that any text can be written to them."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 (for good)
    if sys.stdout is None:
        # Or else the next file that is opened would be standard output to whoever uses its number.
        os.open(os.devnull, os.O_WRONLY)
        sys.stdout = _Closed()
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for good)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
