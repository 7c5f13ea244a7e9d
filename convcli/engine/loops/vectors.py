"""Vectors: blocks of neighbouring samples that are computed at once, in Numba's loops.

A block is BLOCK bytes of the working type, whatever the processor: LLVM splits it into the
registers there are. JUSTIFICATION: Numba vectorises plain loops too, but keeps no sum in a
register over a loop of taps; these do, and a kernel of any size runs at two to three times the
speed with a third of the compiling (bench: dense). The textbook form of each is in its docstring;
`lanes` is the number of samples of a block.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

#: Four registers of AVX2, so that their additions overlap; less and more are slower there.
BLOCK = 128
#: One register of AVX2, for loops that keep many values.
SMALL = 32


class Vector(types.Type):
    """Numba's type of a block: `lanes` samples of `dtype`."""

    def __init__(self, dtype, lanes):
        self.dtype, self.lanes = dtype, lanes
        super().__init__(f"Vector({dtype}, {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        element = manager.lookup(vector.dtype).get_value_type()
        super().__init__(manager, vector, ir.VectorType(element, vector.lanes))


def block_of(pointer, size=BLOCK):
    """Return the type of a block of `size` bytes."""
    return Vector(pointer.dtype, size * 8 // pointer.dtype.bitwidth)


def _is_real(dtype):
    return isinstance(dtype, types.Float)


def _is_signed(dtype):
    return isinstance(dtype, types.Integer) and dtype.signed


def place_of(context, builder, pointer, index, vector):
    """Where a block starts in memory, as a pointer to a vector."""
    first = builder.gep(pointer, [index])
    return builder.bitcast(first, context.get_value_type(vector).as_pointer())


def spread_value(builder, value, kind):
    """A vector with one value in all lanes."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None)
    return builder.shuffle_vector(one, nothing, zeros)


def call_llvm(builder, name, arguments):
    """Call an LLVM intrinsic that takes and gives vectors of one type."""
    kind = arguments[0].type
    letter = {"float": "f32", "double": "f64"}[str(kind.element)]
    function = ir.FunctionType(kind, [kind] * len(arguments))
    full = f"llvm.{name}.v{kind.count}{letter}"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, full), arguments)


@intrinsic
def lanes(typing_context, pointer):
    """Samples in a block of the pointer's type."""
    count = block_of(pointer).lanes

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.intp, count)

    return types.intp(pointer), generate


@intrinsic
def at(typing_context, pointer, offset):
    """``pointer + offset``, in samples."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


@intrinsic
def seen_as(typing_context, pointer, like):
    """The pointer as one to samples of the type of `like`."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(like))

    return like(pointer, like), generate


def _load(pointer, vector):
    def generate(context, builder, signature, arguments):
        value = builder.load(place_of(context, builder, *arguments, vector))
        value.align = pointer.dtype.bitwidth // 8
        return value

    return vector(pointer, types.intp), generate


@intrinsic
def load(typing_context, pointer, index):
    """``pointer[index : index + lanes]``."""
    return _load(pointer, block_of(pointer))


@intrinsic
def load_small(typing_context, pointer, index):
    """``pointer[index : index + n]``, as many as are SMALL bytes."""
    return _load(pointer, block_of(pointer, SMALL))


def _load_as(pointer, like, size):
    result = block_of(like, size)
    stored = Vector(pointer.dtype, result.lanes)

    def generate(context, builder, signature, arguments):
        value = builder.load(place_of(context, builder, *arguments[:2], stored))
        value.align = pointer.dtype.bitwidth // 8
        return converted(builder, value, pointer.dtype, result)

    return result(pointer, types.intp, like), generate


@intrinsic
def load_as(typing_context, pointer, index, like):
    """``pointer[index : index + lanes]`` in the type of `like`, a block of that."""
    return _load_as(pointer, like, BLOCK)


@intrinsic
def load_few(typing_context, pointer, index, like):
    """``pointer[index : index + n]`` in the type of `like`, as many as are SMALL bytes of that."""
    return _load_as(pointer, like, SMALL)


@intrinsic
def transpose(typing_context, a, b, c, d):
    """Four vectors of four: their first lanes, their second, and so on."""
    result = types.UniTuple(a, 4)

    def mask(*places):
        return ir.Constant(ir.VectorType(ir.IntType(32), 4), places)

    def generate(context, builder, signature, arguments):
        p, q, r, s = arguments
        low, high = mask(0, 4, 1, 5), mask(2, 6, 3, 7)
        first, second = mask(0, 1, 4, 5), mask(2, 3, 6, 7)
        pairs = [
            (builder.shuffle_vector(p, q, m), builder.shuffle_vector(r, s, m)) for m in (low, high)
        ]
        rows = [builder.shuffle_vector(*pair, m) for pair in pairs for m in (first, second)]
        return context.make_tuple(builder, result, rows)

    return result(a, b, c, d), generate


@intrinsic
def lane(typing_context, values, index):
    """``values[index]``."""

    def generate(context, builder, signature, arguments):
        return builder.extract_element(*arguments)

    return values.dtype(values, types.intp), generate


@intrinsic
def small(typing_context, pointer):
    """Samples of the pointer's type in SMALL bytes."""
    count = block_of(pointer, SMALL).lanes

    def generate(context, builder, signature, arguments):
        return context.get_constant(types.intp, count)

    return types.intp(pointer), generate


@intrinsic
def scale(typing_context, values, factor):
    """``values * factor``."""

    def generate(context, builder, signature, arguments):
        values_, factor_ = arguments
        name = "fmul" if _is_real(values.dtype) else "mul"
        return getattr(builder, name)(values_, spread_value(builder, factor_, values_.type))

    return values(values, values.dtype), generate


@intrinsic
def store(typing_context, pointer, index, values):
    """``pointer[index : index + lanes] = values``, of the pointer's type."""

    def generate(context, builder, signature, arguments):
        place = place_of(context, builder, *arguments[:2], values)
        builder.store(arguments[2], place).align = pointer.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(pointer, types.intp, values), generate


@intrinsic
def spread(typing_context, pointer, value):
    """``[value] * lanes``, of the pointer's type."""
    vector = block_of(pointer)

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], signature.args[1], vector.dtype)
        return spread_value(builder, value, context.get_value_type(vector))

    return vector(pointer, value), generate


@intrinsic
def spread_like(typing_context, values, value):
    """``[value] * lanes``, as many and of the type of `values`."""

    def generate(context, builder, signature, arguments):
        value = context.cast(builder, arguments[1], signature.args[1], values.dtype)
        return spread_value(builder, value, context.get_value_type(values))

    return values(values, value), generate


@intrinsic
def add_product(typing_context, sums, values, weight):
    """``sums + values * weight``, rounded once where the processor can."""

    def generate(context, builder, signature, arguments):
        sums_, values_, weight_ = arguments
        factor = spread_value(builder, weight_, sums_.type)
        if _is_real(sums.dtype):
            return call_llvm(builder, "fmuladd", [values_, factor, sums_])
        return builder.add(sums_, builder.mul(values_, factor))

    return sums(sums, values, sums.dtype), generate


def _operation(real, whole):
    """An intrinsic of two vectors, from the names of the builder's methods."""

    def typed(typing_context, left, right):
        def generate(context, builder, signature, arguments):
            name = real if _is_real(left.dtype) else whole
            return getattr(builder, name)(*arguments)

        return left(left, right), generate

    return intrinsic(typed)


#: ``left + right``, ``left - right``, ``left / right`` (floats only).
add, subtract = _operation("fadd", "add"), _operation("fsub", "sub")
divide = _operation("fdiv", "sdiv")


def _compare(builder, dtype, sign, left, right):
    if _is_real(dtype):
        return builder.fcmp_ordered(sign, left, right)
    compare = builder.icmp_signed if _is_signed(dtype) else builder.icmp_unsigned
    return compare(sign, left, right)


def _pick(sign):
    """An intrinsic: in each lane `left` where ``left sign right``, else `right`."""

    def typed(typing_context, left, right):
        def generate(context, builder, signature, arguments):
            chosen = _compare(builder, left.dtype, sign, *arguments)
            return builder.select(chosen, *arguments)

        return left(left, right), generate

    return intrinsic(typed)


#: The lesser and the greater in each lane; `right` where `left` is not a number.
minimum, maximum = _pick("<"), _pick(">")


@intrinsic
def with_sign(typing_context, size, sign):
    """``size`` where sign > 0, else ``-size``; floats."""

    def generate(context, builder, signature, arguments):
        zero = ir.Constant(arguments[1].type, None)
        positive = builder.fcmp_ordered(">", arguments[1], zero)
        return builder.select(positive, arguments[0], builder.fneg(arguments[0]))

    return size(size, sign), generate


@intrinsic
def floor(typing_context, values):
    """``floor(values)``; floats."""

    def generate(context, builder, signature, arguments):
        return call_llvm(builder, "floor", arguments)

    return values(values), generate


@intrinsic
def count_outside(typing_context, values, low, high):
    """How many of the values lie below `low` or above `high`."""

    def generate(context, builder, signature, arguments):
        below = _compare(builder, values.dtype, "<", arguments[0], arguments[1])
        above = _compare(builder, values.dtype, ">", arguments[0], arguments[2])
        outside = builder.bitcast(builder.or_(below, above), ir.IntType(values.lanes))
        count = builder.ctpop(outside)
        return builder.zext(count, ir.IntType(64)) if values.lanes < 64 else count

    return types.int64(values, values, values), generate


@intrinsic
def convert(typing_context, values, pointer):
    """The values in the pointer's type; floats lose their fraction in a whole type they fit."""
    result = Vector(pointer.dtype, values.lanes)

    def generate(context, builder, signature, arguments):
        return converted(builder, arguments[0], values.dtype, result)

    return result(values, pointer), generate


def converted(builder, value, dtype, result):
    """Convert a vector of a type to another, as `convert` does."""
    kind = ir.VectorType(_element(result.dtype), result.lanes)
    real, width = _is_real(result.dtype), result.dtype.bitwidth
    if _is_real(dtype):
        if real:
            change = builder.fpext if width > dtype.bitwidth else builder.fptrunc
            return value if width == dtype.bitwidth else change(value, kind)
        # By way of 32 bits, which processors convert to, and narrow with saturation.
        wide = builder.fptosi(value, ir.VectorType(ir.IntType(32), result.lanes))
        return wide if width == 32 else _narrowed(builder, wide, result.dtype, kind)
    if real:
        return (builder.sitofp if dtype.signed else builder.uitofp)(value, kind)
    if width < dtype.bitwidth:
        return _narrowed(builder, value, result.dtype, kind)
    if width == dtype.bitwidth:
        return value
    return (builder.sext if dtype.signed else builder.zext)(value, kind)


def _narrowed(builder, value, dtype, kind):
    """The values in a narrower type, which they fit; written as the saturation it needn't do.

    JUSTIFICATION: LLVM has one instruction for both steps, and several for the second alone
    (bench: named, half of the time of storing).
    """
    for sign, end in ((">", dtype.minval), ("<", dtype.maxval)):
        limit = ir.Constant(value.type, [end] * value.type.count)
        value = builder.select(builder.icmp_signed(sign, value, limit), value, limit)
    return builder.trunc(value, kind)


def _element(dtype):
    if _is_real(dtype):
        return ir.FloatType() if dtype.bitwidth == 32 else ir.DoubleType()
    return ir.IntType(dtype.bitwidth)
