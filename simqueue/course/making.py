"""Exercises whose answer is a function: it is called with some arguments, and its results judged.

A wrong function is known by what it returns: a hint names one that makes the same mistake (`Like`).
"""

from __future__ import annotations

import inspect
import linecache
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from numbers import Real
from types import FrameType, TracebackType
from typing import Any

from simqueue.course.reading import UnreadableError
from simqueue.results.wording import digits

Function = Callable[..., Any]


class StumbledError(Exception):
    """A function raised, returned nothing or did not end: the sentence says where."""


class _TooLong(BaseException):
    """Ends a learner's function; no ``except Exception`` of theirs stops it."""


@dataclass(frozen=True)
class Results:
    """What a function returned, try by try."""

    of: Make
    returned: tuple[Any, ...]

    def as_from(self, function: Function) -> bool:
        """Whether another function returns the same."""
        try:
            others = self.of.results_of(function)
        except Exception:
            # A model of a mistake may fail where the mistake fails: then it is another one.
            return False
        return all(map(self.of.same, self.returned, others))


@dataclass(frozen=True)
class Like:
    """Sign of a wrong function: it returns what ``mistake`` returns, try by try."""

    mistake: Function

    def fits(self, read: Results) -> bool:
        """Whether it does."""
        return read.as_from(self.mistake)


@dataclass(frozen=True, kw_only=True)
class Make:
    """A function, right if each try returns what it should.

    Attributes
    ----------
    solution
        A right one, as a learner may write it. Its name and parameters are asked for, and its
        source is shown with the answer.
    tries
        Arguments to call it with. Each call gets a copy, so that nothing it does to them lasts.
    truth
        What says which result is right: a formula, or a simulation; by default the solution.
    share
        How far off a number may be, as a share of the right one. 0: not at all.
    play
        What is done with a function and a try, if it is not just called.
    limit_s
        Seconds that all tries may take together. A loop of the learner's own is cut off then.

    Examples
    --------
    >>> def retries(attempts):
    ...     return attempts - 1
    >>> made = Make(solution=retries, tries=((3,), (1,)))
    >>> made.wants
    'a function `retries(attempts)`'
    >>> made.fits(made.read(lambda n: n - 1)), made.fits(made.read(lambda n: n))
    (True, False)
    """

    solution: Function
    tries: tuple[tuple[Any, ...], ...]
    truth: Function | None = None
    share: float = 0.0
    play: Callable[..., Any] | None = None
    limit_s: float = 5.0

    @property
    def name(self) -> str:
        """The name that the function should have."""
        return str(self.solution.__name__)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of what it takes."""
        return tuple(inspect.signature(self.solution).parameters)

    @property
    def wants(self) -> str:
        """How an answer must look, and how precise its numbers."""
        head = f"a function `{self.name}({', '.join(self.parameters)})`"
        return f"{head}; its numbers to within {digits(self.share * 100)} %" if self.share else head

    @property
    def source(self) -> str:
        """The solution as it is written down."""
        return textwrap.dedent(inspect.getsource(self.solution)).strip()

    def read(self, answer: Any) -> Results:
        """Call a function with each try; raises `UnreadableError` and `StumbledError`."""
        if not callable(answer) or isinstance(answer, type):
            raise UnreadableError(
                f"That is no function. Write `def {self.name}(...):`, and hand over its name."
            )
        if inspect.iscoroutinefunction(answer):
            raise UnreadableError("That is an `async` function. A plain `def` is enough here.")
        with _cut_off(answer, self.limit_s):
            returned = tuple(self._called(answer, arguments) for arguments in self.tries)
        return Results(self, returned)

    def fits(self, read: Results) -> bool:
        """Whether every result is right."""
        return all(map(self.same, read.returned, self._right()))

    def remark(self, read: Results) -> str:
        """The first try whose result is wrong."""
        for arguments, got, right in zip(self.tries, read.returned, self._right(), strict=True):
            if not self.same(got, right):
                return f"{self._call(arguments)} gives {_short(got)}; right is {_short(right)}."
        return ""

    def same(self, got: Any, right: Any) -> bool:
        """Whether a result is as good as the right one: numbers nearly, all else just so."""
        if callable(getattr(got, "tolist", None)):  # numpy's and pandas'
            got = got.tolist()
        if callable(getattr(right, "tolist", None)):
            right = right.tolist()
        if _is_number(got) and _is_number(right):
            return math.isclose(got, right, rel_tol=self.share + 1e-9, abs_tol=1e-9)
        if isinstance(right, list | tuple) and isinstance(got, list | tuple):
            return len(got) == len(right) and all(map(self.same, got, right))
        return type(got) is type(right) and bool(got == right)

    def results_of(self, function: Function) -> tuple[Any, ...]:
        """What one of our own functions returns, try by try."""
        return tuple(self._played(function, arguments) for arguments in self.tries)

    def _right(self) -> tuple[Any, ...]:
        return self.results_of(self.truth or self.solution)

    def _played(self, function: Function, arguments: tuple[Any, ...]) -> Any:
        copies = deepcopy(arguments)
        return self.play(function, *copies) if self.play else function(*copies)

    def _called(self, function: Function, arguments: tuple[Any, ...]) -> Any:
        try:
            returned = self._played(function, arguments)
        except _TooLong:
            raise StumbledError(
                f"{self._call(arguments)} had not come back after {digits(self.limit_s)} s. "
                "Does its loop ever end?"
            ) from None
        except (Exception, SystemExit) as error:
            what = f"{type(error).__name__}: {error}".strip().removesuffix(":")
            raise StumbledError(
                f"{self._call(arguments)} raised {_short(what, text=True)}"
                f"{_place(function, error.__traceback__)}."
            ) from None
        if returned is None:
            raise StumbledError(f"{self._call(arguments)} returned nothing. Is there a `return`?")
        return returned

    def _call(self, arguments: Sequence[Any]) -> str:
        return f"`{self.name}({', '.join(map(_short, arguments))})`"


@contextmanager
def _cut_off(function: Function, seconds: float) -> Iterator[None]:
    """End a function that goes on for longer: also one that loops in its own code for ever.

    Python asks a tracing function at each line; that works on every system and in every thread.
    Only calls, not lines, are watched in what the function calls elsewhere.
    """
    until = time.monotonic() + seconds
    own = getattr(getattr(function, "__code__", None), "co_filename", None)

    def watch(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ARG001
        if time.monotonic() > until:
            raise _TooLong
        return watch if frame.f_code.co_filename == own else None

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(before)


def _place(function: Function, traceback: TracebackType | None) -> str:
    """The line of the learner's own code in which it happened."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == own:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    code = linecache.getline(own, line).strip() if own and line else ""
    return (f" in line {line}" + (f", `{code}`" if code else "")) if line else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _rounded(value: Any) -> Any:
    """A number as people write it: numpy's own prints its type."""
    return round(float(value), 6) if isinstance(value, float) else value


def _short(value: Any, *, text: bool = False) -> str:
    shape = getattr(value, "shape", None)
    if shape:
        return f"an array of {' × '.join(map(str, shape))}"
    try:
        words = str(value) if text else repr(_rounded(value))
    except Exception:
        # A result may be any object, and may misbehave when it is looked at.
        words = f"a {type(value).__name__}"
    words = words.replace("`", "'")
    return words if len(words) <= 60 else words[:57] + "..."
