"""Compiling a rule when it is first called."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

#: With options that its type hints leave out.
_njit: Any = numba.njit
Rule = TypeVar("Rule", bound=Callable[..., Any])


def compiled(rule: Rule) -> Rule:
    """A rule that other compiled ones may call; it is a part of their machine code."""
    found: Any = _njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=False
    )(rule)
    return found


def inlined(rule: Rule) -> Rule:
    """A rule on the way of every job: its machine code takes the place of each call."""
    found: Any = _njit(
        error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
    )(rule)
    return found


def compiled_and_kept(rule: Rule) -> Rule:
    """A rule that Python calls: its machine code is kept on the disk."""
    found: Any = _njit(error_model="numpy", cache=True)(rule)
    return found


def sources() -> int:
    """A number that changes when a file of rules does, or what their records hold.

    A file of rules has something to do with this one.

    Numba looks only at the file of the rule that it keeps, not at those of the rules that are a
    part of it.
    """
    folder = Path(__file__).parent
    texts = [file.read_bytes() for file in sorted(folder.glob("*.py"))]
    rules = b"".join(text for text in texts if b"compiled.jit" in text)
    rules += (folder / "records.py").read_bytes()
    return int(sha256(rules).hexdigest()[:15], 16)


def record_at(
    world: np.dtype[Any], field: str, dtype: np.dtype[Any], place: int = 0
) -> Callable[..., Any]:
    """What gives a compiled rule a record of a table, given the world and its number.

    An array would be passed as seven numbers and a reference to count; this is one address.

    Parameters
    ----------
    world, field
        The record in which the table's address is, and its name there.
    dtype
        Of the table.
    place
        Where among several addresses of that name.
    """
    assert world.fields is not None
    record, offset = numba.from_dtype(dtype), world.fields[field][1] + 8 * place

    @intrinsic
    def at(typing: Any, its_world: Any, number: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            address = context.get_value_type(types.int64)
            base = builder.ptrtoint(values[0], address)
            where = builder.inttoptr(builder.add(base, address(offset)), address.as_pointer())
            size = address(dtype.itemsize)
            table = builder.load(where)
            table.set_metadata("invariant.load", builder.module.add_metadata([]))
            found = builder.add(table, builder.mul(values[1], size))
            return builder.inttoptr(found, context.get_value_type(record))

        return record(its_world, types.int64), generate

    return at


def has_field(field: str) -> Callable[..., bool]:
    """What says whether the world has a field: known when a rule is compiled, it costs nothing."""

    @intrinsic
    def at(typing: Any, world: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            return context.get_constant(types.boolean, field in world.fields)

        return types.boolean(world), generate

    return at


def compiled_where(field: str) -> Callable[[Rule], Rule]:
    """As `compiled`, for a rule of a world that has a field: in any other it is not there.

    Who calls it there all the same is told no. It takes the world and one number, or two.
    """

    def decorate(rule: Rule) -> Rule:
        made: Any = compiled(rule)

        def typed(world: Any, *others: Any) -> Any:
            taken = (world, *(types.int64 for _ in others))
            if field not in world.fields:
                return types.boolean(*taken), _no
            found = _made_for(made, taken)

            def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
                code, calls = _declared(context, builder, found), context.call_conv
                return calls.call_function(
                    builder, code, signature.return_type, signature.args, values
                )[1]

            return found.signature, generate

        def with_one(typing: Any, world: Any, one: Any) -> Any:  # noqa: ARG001
            return typed(world, one)

        def with_two(typing: Any, world: Any, one: Any, other: Any) -> Any:  # noqa: ARG001
            return typed(world, one, other)

        call: Any = intrinsic(with_two if made.py_func.__code__.co_argcount > 2 else with_one)
        return call

    return decorate


def _no(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
    return context.get_constant(types.boolean, False)


def _made_for(rule: Any, taken: tuple[Any, ...]) -> Any:
    """What a rule is compiled to for arguments of some types."""
    rule.compile(taken)
    return rule.overloads[taken]


def _declared(context: Any, builder: Any, made: Any) -> Any:
    """The machine code of a rule, for whoever calls it."""
    context.add_linking_libs([made.library])
    return context.declare_function(builder.module, made.fndesc)


def address_of(rule: Callable[..., Any], field: str) -> Callable[..., int]:
    """What gives the address of a compiled rule that takes the world and two numbers.

    It is 0 in a world that does not have a field.
    """

    @intrinsic
    def at(typing: Any, world: Any) -> Any:  # noqa: ARG001
        there = field in world.fields
        found = _made_for(rule, (world, types.int64, types.int64)) if there else None

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:  # noqa: ARG001
            address = context.get_value_type(types.int64)
            return (
                builder.ptrtoint(_declared(context, builder, found), address)
                if found
                else address(0)
            )

        return types.int64(world), generate

    return at


def rule_at(world: np.dtype[Any], field: str) -> Callable[..., None]:
    """What calls the rule whose address is in a field of the world, with the world and two numbers.

    That rule may come to this call itself: so rules can go in a circle, of which numba otherwise
    would have to know all types at once, and files each other.
    """
    assert world.fields is not None
    offset = world.fields[field][1]

    @intrinsic
    def call(typing: Any, its_world: Any, one: Any, other: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            address = context.get_value_type(types.int64)
            base = builder.ptrtoint(values[0], address)
            where = builder.inttoptr(builder.add(base, address(offset)), address.as_pointer())
            form = context.call_conv.get_function_type(types.none, signature.args)
            rule = builder.inttoptr(builder.load(where), form.as_pointer())
            context.call_conv.call_function(builder, rule, types.none, signature.args, values)
            return context.get_dummy_value()

        return types.none(its_world, types.int64, types.int64), generate

    return call
