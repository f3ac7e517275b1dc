"""Knobs: which values a slider gives to a parameter."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from simqueue.errors import InputError
from simqueue.results.wording import digits

Choice = Sequence[Any]

_STEPS = 100


@dataclass(frozen=True)
class Knob:
    """A parameter that a slider turns: one of ``values``, or from the first to the last."""

    name: str
    start: Any
    values: list[Any]
    step: Any = None

    @property
    def label(self) -> str:
        """The parameter's name in words."""
        return _label(self.name)

    @property
    def span(self) -> str:
        """What there is to choose from, in words."""
        words = [digits(v) if isinstance(v, float) else str(v) for v in self.values]
        if self.step:
            return f"{self.label} from {words[0]} to {words[1]}"
        return f"{self.label} {' or '.join(filter(None, [', '.join(words[:-1]), words[-1]]))}"

    def slider(self) -> Any:
        """Make the slider."""
        widgets = import_module("ipywidgets")
        common = {
            "value": self.start,
            "description": self.label,
            "style": {"description_width": "initial"},
            "layout": {"width": "100%", "max_width": "40rem"},
        }
        if self.step is None:
            return widgets.SelectionSlider(options=self.values, **common)
        common |= {"min": self.values[0], "max": self.values[1], "step": self.step}
        if all(isinstance(value, int) for value in (*self.values, self.step)):
            return widgets.IntSlider(**common)
        decimals = len(f"{self.step:.9f}".rstrip("0").partition(".")[2])
        return widgets.FloatSlider(readout_format=f".{decimals}f", **common)


def knob_of(draw: Callable[..., Any], name: str, choice: Choice) -> Knob:
    """The knob of the parameter ``name`` of ``draw``.

    Parameters
    ----------
    draw
        The function.
    name
        Its parameter, whose default is where the slider starts.
    choice
        ``(lowest, highest)``, ``(lowest, highest, step)``, or a list of the values to choose from.

    Raises
    ------
    InputError
        If there is no such parameter, or the choice is none.
    """
    parameter = inspect.signature(draw).parameters.get(name)
    if parameter is None:
        raise InputError(f"{name}: {draw.__name__} has no parameter of this name")
    try:
        values, step = _values(choice)
    except (TypeError, ValueError):
        raise InputError(
            f"{name}: {choice!r}: expected (lowest, highest), (lowest, highest, step) or a list "
            "of the values to choose from"
        ) from None
    if parameter.default is inspect.Parameter.empty:
        return Knob(name, values[0], values, step)
    inside = values[0] <= parameter.default <= values[-1] if step else parameter.default in values
    if not inside:
        raise InputError(f"{name}: the default, {parameter.default!r}, is not among {choice!r}")
    return Knob(name, parameter.default, values, step)


def _values(choice: Choice) -> tuple[list[Any], Any]:
    """The values of a list, no step; or both ends, and the step."""
    if isinstance(choice, list):
        if not choice:
            raise ValueError("nothing to choose from")
        return choice, None
    low, high, *rest = choice
    if not low < high:
        raise ValueError("no room between lowest and highest")
    whole = isinstance(low, int) and isinstance(high, int)
    (step,) = rest or (1 if whole else 10.0 ** round(math.log10((high - low) / _STEPS)),)
    if not 0 < step <= high - low:
        raise ValueError("no such step")
    return [low, high], step


def _label(name: str) -> str:
    """A parameter's name in words.

    >>> _label("mean_wait_s"), _label("arrivals_per_s"), _label("load")
    ('mean wait, s', 'arrivals per s', 'load')
    """
    stem, _, unit = name.rpartition("_")
    if unit in ("s", "ms", "h") and stem and not stem.endswith("per"):
        return f"{stem.replace('_', ' ')}, {unit}"
    return name.replace("_", " ")
