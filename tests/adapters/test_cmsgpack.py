"""Our MessagePack decoder in Lua agrees with the msgpack package on everything Lua can hold."""

import math
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import simqueue.adapters.bull_queue as bull_queue

msgpack = pytest.importorskip("msgpack")
lua51 = pytest.importorskip("lupa.lua51")

LUA = Path(bull_queue.__file__).parent / "lua" / "cmsgpack.lua"


@pytest.fixture(scope="module")
def unpack() -> Any:
    runtime = lua51.LuaRuntime(encoding=None, unpack_returned_tuples=True)
    return runtime.execute(LUA.read_bytes())[b"unpack"]


def from_lua(value: Any, like: Any) -> Any:
    """What Lua decoded, in the shape of what was packed: Lua has one type for maps and arrays."""
    if isinstance(like, list):
        return [from_lua(value[i + 1], item) for i, item in enumerate(like)]
    if isinstance(like, dict):
        assert len(list(value)) == sum(item is not None for item in like.values())
        return {key: from_lua(value[key], item) for key, item in like.items()}
    return value


# Lua's numbers are doubles, and a table cannot hold nil: arrays with None are not for Lua.
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False)
scalars = st.booleans() | numbers | st.binary(max_size=300)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(st.binary(min_size=1, max_size=40), inner | st.none(), max_size=20)
    ),
    max_leaves=40,
)


@given(values)
@settings(deadline=None)
def test_what_the_package_packs_lua_unpacks(unpack: Any, value: Any) -> None:
    packed = msgpack.packb(value, use_bin_type=True)

    assert from_lua(unpack(packed), value) == value


@given(st.text(max_size=400))
@settings(deadline=None)
def test_text_is_its_utf8(unpack: Any, text: str) -> None:
    assert unpack(msgpack.packb(text)) == text.encode()


@pytest.mark.parametrize("length", [31, 32, 255, 256, 65_535, 65_536])
def test_every_length_form(unpack: Any, length: int) -> None:
    assert unpack(msgpack.packb("x" * length)) == b"x" * length
    assert unpack(msgpack.packb(b"x" * length)) == b"x" * length
    assert len(list(unpack(msgpack.packb([1] * length)))) == length
    assert len(list(unpack(msgpack.packb({str(i): i for i in range(length)})))) == length


@pytest.mark.parametrize(
    "edge", [2**k + d for k in (5, 7, 8, 15, 16, 31, 32, 53) for d in (-1, 0, 1)]
)
def test_every_integer_form(unpack: Any, edge: int) -> None:
    for value in (edge, -edge):
        if abs(value) <= 2**53:
            assert unpack(msgpack.packb(value)) == value


@given(st.floats(width=32, allow_nan=False))
@settings(deadline=None)
def test_short_floats(unpack: Any, value: float) -> None:
    assert unpack(msgpack.packb(value, use_single_float=True)) == value


def test_what_is_no_number(unpack: Any) -> None:
    assert math.isnan(unpack(msgpack.packb(math.nan)))
    assert unpack(msgpack.packb(math.inf)) == math.inf
    assert unpack(msgpack.packb(-math.inf)) == -math.inf


def test_several_values_come_one_after_the_other(unpack: Any) -> None:
    assert unpack(msgpack.packb(1) + msgpack.packb(b"two") + msgpack.packb(None)) == (
        1,
        b"two",
        None,
    )
    assert unpack(b"") is None


@given(values, st.integers(1, 200))
@settings(deadline=None)
def test_cut_off_input_is_an_error_not_a_value(unpack: Any, value: Any, cut: int) -> None:
    packed = msgpack.packb(value)
    part = packed[: max(len(packed) - cut, 0)]
    if part:
        with pytest.raises(lua51.LuaError, match="Missing bytes"):
            unpack(part)


def test_an_unknown_form_is_an_error(unpack: Any) -> None:
    for form in (0xC1, 0xC7, 0xD4):
        with pytest.raises(lua51.LuaError, match="Bad data format"):
            unpack(struct.pack("BB", form, 0))


def test_lua_finds_the_module_by_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from simqueue.adapters.bull_queue.connection import _embedded

    monkeypatch.setenv("LUA_PATH", "/elsewhere/?.lua")
    _embedded()

    assert os.environ["LUA_PATH"].startswith(f"{LUA.parent}/?.lua;/elsewhere/?.lua")
