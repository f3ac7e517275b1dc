"""A text is a path, at every door."""

import inspect
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import simqueue
import simqueue.adapters
import simqueue.course
import simqueue.shop
import simqueue.simulation
import simqueue.validation
from simqueue.data import data_path

DOORS = (
    *(simqueue, simqueue.course, simqueue.simulation, simqueue.validation),
    *(simqueue.adapters, simqueue.shop),
)


def called(door: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """What is called through a door: functions, and the public methods of classes."""
    for name in door.__all__:
        thing = getattr(door, name)
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            for what, method in inspect.getmembers(thing, inspect.isfunction):
                ours = method.__module__.startswith("simqueue")
                if ours and (what == "__init__" or not what.startswith("_")):
                    yield f"{name}.{what}", method
        elif inspect.ismodule(thing):
            for what, one in inspect.getmembers(thing, inspect.isfunction):
                if not what.startswith("_") and one.__module__ == thing.__name__:
                    yield f"{name}.{what}", one


def kinds(hint: Any) -> set[Any]:
    """The types that a parameter takes, however they are nested."""
    inner = [kinds(one) for one in get_args(hint)]
    return set().union({hint}, *inner)


def names_known_to(function: Any) -> dict[str, Any]:
    """The names of a module, and those that it imports for types only."""
    return {"Path": Path, **vars(inspect.getmodule(function))}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_what_takes_a_path_takes_a_text(door: types.ModuleType) -> None:
    asked = 0
    for name, function in called(door):
        for parameter, hint in function.__annotations__.items():
            if parameter != "return" and "Path" in str(hint):
                found = kinds(eval(hint, names_known_to(function)))
                assert str in found, f"{door.__name__}.{name}({parameter}: {hint})"
                asked += 1
    assert asked or door not in (simqueue, simqueue.shop)


def test_texts_are_read_and_written(tmp_path: Path) -> None:
    table = {
        "duration_s": 20,
        "arrivals": {"order": {"trace": "mine.csv"}},
        "queues": {"order": {}},
    }
    (tmp_path / "mine.csv").write_text("placed_at\n2024-05-03T10:00:00.5\n2024-05-03T10:00:09.5\n")
    run = simqueue.simulate(simqueue.build_scenario(table, folder=str(tmp_path)))
    run.log.write(f"{tmp_path}/log.csv.gz")
    run.plot(f"{tmp_path}/run.png")

    assert len(simqueue.read_log(f"{tmp_path}/log.csv.gz")) == 2
    assert (tmp_path / "run.png").stat().st_size
    assert simqueue.read_scenario(str(data_path("herd.toml"))).name == "thundering herd"
    assert simqueue.shop.read_orders(str(data_path("orders.csv")))
