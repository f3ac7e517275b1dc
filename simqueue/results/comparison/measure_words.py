"""Figures of a comparison in words: their names, values, differences and errors."""

from __future__ import annotations

import math

from simqueue.results.wording import digits, duration

#: A microsecond or a thousandth of a job: what the measures do not show.
_NOTHING = 0.5e-6
_NAMES = {"mean": "mean", "p50": "median", "p95": "p95", "p99": "p99", "max": "longest"}
_WORDS = {
    "arrived": "jobs",
    "queue_length.mean": "queue length, mean",
    "queue_length.max": "queue length, largest",
}


def measure_name(measure: str) -> str:
    """Word the name of a measure.

    >>> measure_name("response.p99"), measure_name("queue_length.mean"), measure_name("arrived")
    ('response, p99', 'queue length, mean', 'jobs')
    """
    table, _, key = measure.partition(".")
    return _WORDS.get(measure) or (f"{table}, {_NAMES[key]}" if key else table)


def value(measure: str, number: float | None) -> str:
    """Word a measure's number in its unit.

    >>> value("wait.mean", 0.0412), value("utilisation", 0.123), value("completed", 1234.0)
    ('41.2 ms', '12.3 %', '1,234')
    """
    if number is None:
        return "–"
    if measure.startswith(("wait.", "response.")):
        return duration(number)
    if measure == "utilisation":
        return f"{number * 100:.1f} %"
    return digits(number)


def difference(measure: str, number: float | None) -> str:
    """Word a difference with its sign, in the measure's unit.

    >>> difference("wait.mean", -0.0412), difference("arrived", 3), difference("utilisation", 0.01)
    ('-41.2 ms', '+3', '+1.0 points')
    """
    if number is None:
        return "–"
    if measure == "utilisation":
        return f"{number * 100:+.1f} points"
    if abs(number) < _NOTHING:
        return "0"
    return f"{'-' if number < 0 else '+'}{value(measure, abs(number))}"


def share(error: float | None, sign: bool = True) -> str:
    """Word an error in percent, the finer the smaller it is.

    >>> share(0.0123), share(-0.5), share(12.345), share(0.02, sign=False), share(None)
    ('+1.23 %', '-50.0 %', '+1,234 %', '2 %', '–')
    """
    if error is None:
        return "–"
    if not sign:
        return f"{digits(abs(error) * 100)} %"
    places = sum(abs(error) < limit for limit in (0.1, 1.0))
    text = f"{error * 100:+,.{places}f} %"
    return "0 %" if float(text[1:-2].replace(",", "")) == 0 else text


def within(error: float) -> str:
    """Word an error's size rounded up to a tenth of a percent, so that "within" it is true.

    >>> within(-0.0121), within(0.02), within(0.0)
    ('1.3 %', '2 %', '0 %')
    """
    return f"{digits(math.ceil(abs(error) * 1000 - 1e-9) / 10)} %"
