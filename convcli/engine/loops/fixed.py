"""Numbers that a loop may be compiled for."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from convcli.engine.places import FIXED_NAME


@intrinsic(prefer_literal=True)
def fixed(typing_context, sizes, place):
    """``sizes[place]``, or the number that the loop is compiled for (`objects.object_code`)."""
    if not isinstance(place, types.IntegerLiteral):
        return None
    name = f"{FIXED_NAME}{place.literal_value}"

    def generate(context, builder, signature, arguments):
        number = builder.load(builder.gep(arguments[0], [arguments[1]]))
        kind = ir.FunctionType(number.type, [number.type])
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        function.attributes.add("readnone")
        function.attributes.add("nounwind")
        return builder.call(function, [number])

    return sizes.dtype(sizes, place), generate
