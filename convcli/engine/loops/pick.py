"""Picking pixels that are some apart out of a row, block by block."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from convcli.engine.loops.compiling import jit
from convcli.engine.loops.vectors import Vector, converted, place_of

#: Pixels that are picked at once.
PIXELS = 16


def _picked(stride, step, pixels):
    """Make an intrinsic: some pixels of `step` samples, `stride` apart, next to each other.

    That is ``target[begin + k] = source[place + k // step * stride * step + k % step]`` for the
    samples k of so many pixels, in the type of `target`; it reads ``stride * step * pixels``.
    """
    lanes, width = step * pixels, stride * step * pixels
    order = tuple(k // step * stride * step + k % step for k in range(lanes))

    @intrinsic
    def pick(typing_context, source, place, target, begin):
        stored, result = Vector(source.dtype, width), Vector(target.dtype, lanes)

        def generate(context, builder, signature, arguments):
            value = builder.load(place_of(context, builder, *arguments[:2], stored))
            value.align = source.dtype.bitwidth // 8
            mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), order)
            value = builder.shuffle_vector(value, value, mask)
            value = converted(builder, value, source.dtype, result)
            into = place_of(context, builder, *arguments[2:], result)
            builder.store(value, into).align = target.dtype.bitwidth // 8
            return context.get_dummy_value()

        return types.void(source, types.intp, target, types.intp), generate

    return pick


def _picking(stride, step):
    """Make a loop that copies every so-manieth pixel of `step` samples, block by block."""
    pick = _picked(stride, step, PIXELS)

    @jit
    def every(row, first, target, begin, low, high):
        done = low
        while done + PIXELS <= high:
            pick(row, (first + done * stride) * step, target, (begin + done) * step)
            done += PIXELS
        return done

    return every


every_second, every_third, every_fourth = (_picking(stride, 1) for stride in (2, 3, 4))
every_second_of_three, every_second_of_four = _picking(2, 3), _picking(2, 4)
