"""Structs of numbers as Numba sees them: a pointer to the first, the others by name."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, intrinsic, lower_getattr_generic, models, register_model

from convcli.engine.structs import FIXED, FIXED_NAME, BandSizes


class Struct(types.Type):
    """Numba's type of a struct of numbers, all of one type, in the order of a named tuple's."""

    def __init__(self, fields, dtype):
        self.fields, self.dtype = fields, dtype
        super().__init__(f"{fields.__name__}({dtype})")


@register_model(Struct)
class _StructModel(models.PrimitiveModel):
    def __init__(self, manager, struct):
        number = manager.lookup(struct.dtype).get_value_type()
        super().__init__(manager, struct, number.as_pointer())


@infer_getattr
class _StructAttributes(AttributeTemplate):
    key = Struct

    def generic_resolve(self, struct, name):
        """``struct.name`` is a number."""
        return struct.dtype if name in struct.fields._fields else None


@lower_getattr_generic(Struct)
def _number(context, builder, struct, value, name):
    """Load a number; or the one that the loop is compiled for (`objects.object_code`)."""
    place = ir.Constant(ir.IntType(64), struct.fields._fields.index(name))
    number = builder.load(builder.gep(value, [place]))
    if struct.fields is not BandSizes or name not in FIXED:
        return number
    kind = ir.FunctionType(number.type, [number.type])
    function = cgutils.get_or_insert_function(builder.module, kind, f"{FIXED_NAME}{name}")
    function.attributes.add("readnone")
    function.attributes.add("nounwind")
    return builder.call(function, [number])


def taking(struct, first):
    """Make an intrinsic: the struct whose fields' addresses begin at the `first` of those given.

    Parameters
    ----------
    struct : numba.types.NamedTuple
        Its fields are pointers, or structs of numbers.
    first : int
    """

    @intrinsic
    def take(typing_context, addresses):
        def generate(context, builder, signature, arguments):
            values = []
            for k, field in enumerate(struct.types):
                place = ir.Constant(ir.IntType(64), first + k)
                address = builder.load(builder.gep(arguments[0], [place]))
                values.append(builder.bitcast(address, context.get_value_type(field)))
            return context.make_tuple(builder, struct, values)

        return struct(addresses), generate

    return take
