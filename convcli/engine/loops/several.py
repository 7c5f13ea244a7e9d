"""Sums of several maps over the same samples, kept in registers together."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from convcli.engine.loops.vectors import (
    Vector,
    block_of,
    call_llvm,
    converted,
    place_of,
    spread_value,
)


def nothing_for(count, size):
    """Make an intrinsic: `count` blocks of zeros, of `size` bytes and the pointer's type."""

    @intrinsic
    def nothing(typing_context, pointer):
        vector = block_of(pointer, size)
        result = types.UniTuple(vector, count)

        def generate(context, builder, signature, arguments):
            zero = ir.Constant(context.get_value_type(vector), None)
            return context.make_tuple(builder, result, [zero] * count)

        return result(pointer), generate

    return nothing


def load_of(size):
    """Make an intrinsic: ``pointer[index : index + n]``, as many as are `size` bytes."""

    @intrinsic
    def load_some(typing_context, pointer, index):
        vector = block_of(pointer, size)

        return vector(pointer, types.intp), _loading(pointer, vector, vector)

    return load_some


@intrinsic
def add_products(typing_context, sums, values, weights, index):
    """``sums[k] + values * weights[index + k]`` for every k."""

    def generate(context, builder, signature, arguments):
        totals, values_, weights_, index_ = arguments
        first, added = builder.gep(weights_, [index_]), []
        for k in range(sums.count):
            weight = builder.load(builder.gep(first, [ir.Constant(ir.IntType(64), k)]))
            factor = spread_value(builder, weight, values_.type)
            total = builder.extract_value(totals, k)
            added.append(call_llvm(builder, "fmuladd", [values_, factor, total]))
        return context.make_tuple(builder, sums, added)

    return sums(sums, values, weights, types.intp), generate


@intrinsic
def store_several(typing_context, pointer, index, pitch, sums):
    """``pointer[index + k * pitch : …] = sums[k]`` for every k."""

    def generate(context, builder, signature, arguments):
        pointer_, place, pitch_, totals = arguments
        for k in range(sums.count):
            where = place_of(context, builder, pointer_, place, sums.dtype)
            builder.store(builder.extract_value(totals, k), where).align = (
                pointer.dtype.bitwidth // 8
            )
            place = builder.add(place, pitch_)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.intp, sums), generate


@intrinsic
def load_four(typing_context, pointer, index):
    """``pointer[index : index + 4]``."""
    vector = Vector(pointer.dtype, 4)
    return vector(pointer, types.intp), _loading(pointer, vector, vector)


@intrinsic
def load_four_as(typing_context, pointer, index, like):
    """``pointer[index : index + 4]`` in the type of `like`."""
    stored, result = Vector(pointer.dtype, 4), Vector(like.dtype, 4)
    return result(pointer, types.intp, like), _loading(pointer, stored, result)


def _loading(pointer, stored, result):
    def generate(context, builder, signature, arguments):
        value = builder.load(place_of(context, builder, *arguments[:2], stored))
        value.align = pointer.dtype.bitwidth // 8
        return converted(builder, value, pointer.dtype, result)

    return generate
