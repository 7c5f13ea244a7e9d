"""A generator: a formula, its parameters, and the kernels it makes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from convcli.kernels.parameters import Parameter, assign, show, split
from convcli.record import record, replace

if TYPE_CHECKING:
    from convcli.kernels.exact import Matrix
    from convcli.kernels.kernel import AnyKernel


@record
class Generator:
    """A family of kernels, one for each choice of its parameters.

    Parameters
    ----------
    name, family, effect, source, note, aliases
        As for a `Kernel`.
    parameters
        The first may be given without its name: `gaussian:2`.
    module, function
        The formula, in a module of this package that is imported when it is needed.
    fixed
        What is passed to it besides the parameters.
    compound
        Whether the formula gives the matrices of a `Compound`, by the names of its kernels, and
        how they combine; else it gives one matrix.
    """

    name: str
    family: str
    effect: str
    source: str
    parameters: tuple[Parameter, ...]
    module: str
    function: str
    fixed: tuple[Any, ...] = ()
    aliases: tuple[str, ...] = ()
    note: str = ""
    compound: bool = False

    @property
    def usage(self) -> str:
        """How it is written, with its defaults that don't follow from others."""
        shown = [f"{p.name}={p.default_text}" for p in self.parameters if p.default is not None]
        return f"{self.name}:{','.join(shown)}"

    def make(self, given: Mapping[str, object]) -> AnyKernel:
        """Return the kernel for these parameters; the others have their defaults.

        Raises
        ------
        KernelError
            If a parameter is unknown, a value out of range, or the kernel too large.
        """
        import numpy as np

        from convcli.kernels.kernel import Combine, Compound, Kernel

        values = assign(self.name, self.parameters, given)
        # Weights far from the middle may well be 0.
        with np.errstate(under="ignore"):
            made = self._formula()(**values)
        written = ",".join(f"{name}={show(value)}" for name, value in values.items())
        name = f"{self.name}:{written}" if written else self.name
        texts: dict[str, Any] = {
            key: getattr(self, key) for key in ("family", "effect", "source", "note")
        }

        def kernel(name: str, matrix: Matrix) -> Kernel:
            weights, divisor = matrix.array, matrix.divisor
            found = Kernel(name, weights, divisor, denominator=matrix.denominator, **texts)
            return replace(found, threshold=matrix.threshold) if matrix.threshold else found

        if not self.compound:
            return kernel(name, made)
        parts, combine = made
        return Compound(
            name, tuple(kernel(*part) for part in parts.items()), Combine(combine), **texts
        )

    def parse(self, text: str, **given: object) -> AnyKernel:
        """Return the kernel for `sigma=2,size=9` and what else is given; as `make`."""
        written = split(self.name, text, self.parameters) if text.strip() else {}
        return self.make({**written, **given})

    def _formula(self) -> partial[Any]:
        from convcli.kernels import formulas, gaussians, shapes

        module = {"formulas": formulas, "gaussians": gaussians, "shapes": shapes}[self.module]
        return partial(getattr(module, self.function), *self.fixed)
