"""How many children: the keys of the shares, as TOML and as Python have them."""

from __future__ import annotations

from typing import Any

import pytest

import simqueue as sq
from simqueue.errors import InputError


def parents(shares: dict[Any, float]) -> sq.Scenario:
    return sq.build_scenario(
        {
            "duration_s": 60,
            "arrivals": {"a": {"rate_per_s": 1}},
            "queues": {"a": {"children": {"b": shares}}, "b": {}},
        }
    )


def test_whole_numbers_are_keys() -> None:
    assert parents({0: 0.5, 3: 0.5}) == parents({"0": 0.5, "3": 0.5})


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({10**5000: 1.0}, "should be a whole number of children, 0 to 1000"),
        ({"9" * 5000: 1.0}, "should be a whole number of children, 0 to 1000"),
        ({-1: 1.0}, "-1: should be a whole number"),
        ({1001: 1.0}, "1001: should be a whole number"),
        ({3.0: 1.0}, "3.0: should be a whole number"),
        ({True: 1.0}, "True: should be a whole number"),
        ({3: 0.5, "3": 0.5}, "'3': said twice"),
    ],
)
def test_no_number_of_children(shares: dict[Any, float], said: str) -> None:
    with pytest.raises(InputError) as error:
        parents(shares)
    assert str(error.value).startswith("scenario: queues.a.children.b: ")
    assert said in str(error.value)
    assert "set_int_max_str_digits" not in str(error.value)
    assert len(str(error.value)) < 400
