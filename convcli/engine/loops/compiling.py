"""How loops are compiled: Numba types and lowers them, and LLVM sees them once, as a whole.

JUSTIFICATION: Numba optimises each function and makes machine code of it, though nothing is
called from Python here but the entry that has them all inlined. Leaving that out takes a third
to a half off the time to the first image (bench: startup). It uses what Numba offers to those
who extend it: a pipeline of one's own with its own lowering, and its own library of code.
"""

from __future__ import annotations

from numba import njit
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering


class _Library(CPUCodeLibrary):
    """Code that is linked with what it calls, and neither optimised nor made to run."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """Lower a function to LLVM's language, and let others call it."""

    _name = "loop_lowering"

    def run_pass(self, state):
        """Lower, with a library of our own."""
        context = state.targetctx
        state.library = _Library(context.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        state.flags.no_compile = True
        changed = super().run_pass(state)
        # Callers find a function by its entry point, which is never called, but has to be a
        # built-in function that no other one equals: a method of a new object is.
        entry = [].append
        context.insert_user_function(entry, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=entry)
        return changed


class Pipeline(CompilerBase):
    """Numba's pipeline with the lowering above."""

    def define_pipelines(self):
        """One way only: without Python objects."""
        builder = DefaultPassBuilder.define_nopython_pipeline(self.state)
        builder.passes = [
            (_Lowering if step is NativeLowering else step, why) for step, why in builder.passes
        ]
        builder._finalized = False
        builder.finalize()
        return [builder]


# No fastmath: sums of exact integers must stay in order, and NaN must stay NaN.
jit = njit(  # type: ignore[call-overload]  # the last are missing from Numba's stubs
    nogil=True,
    error_model="numpy",
    boundscheck=False,
    no_cpython_wrapper=True,
    no_cfunc_wrapper=True,
    pipeline_class=Pipeline,
)


def lowered(function, signature):
    """Return a function and all it calls in LLVM's language, and its name there.

    Parameters
    ----------
    function : Python function
        In Numba's language; it may call what `jit` made.
    signature : Numba signature
        Its types.
    """
    result = jit(function).get_compile_result(signature)
    with global_compiler_lock:
        result.library._ensure_finalized()
    return result.library.get_llvm_str(), result.fndesc.mangled_name
