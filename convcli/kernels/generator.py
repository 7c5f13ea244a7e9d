"""A generator: a formula, its parameters, and the kernels it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from convcli.kernels.parameters import Parameter, assign, show, split
from convcli.record import record

if TYPE_CHECKING:
    from convcli.kernels.exact import Matrix
    from convcli.kernels.kernel import Kernel


@record
class Generator:
    """A family of kernels, one for each choice of its parameters.

    Parameters
    ----------
    name, family, effect, source, aliases
        As for a `Kernel`.
    parameters
        The first may be given without its name: `gaussian:2`.
    module, function
        The formula, in a module of this package that is imported when it is needed.
    fixed
        What is passed to it besides the parameters.
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

    @property
    def usage(self) -> str:
        """How it is written, with its defaults that don't follow from others."""
        shown = [f"{p.name}={p.default_text}" for p in self.parameters if p.default is not None]
        return f"{self.name}:{','.join(shown)}"

    def make(self, given: Mapping[str, object]) -> Kernel:
        """Return the kernel for these parameters; the others have their defaults.

        Raises
        ------
        KernelError
            If a parameter is unknown, a value out of range, or the kernel too large.
        """
        import numpy as np

        from convcli.kernels.kernel import Kernel

        values = assign(self.name, self.parameters, given)
        # Weights far from the middle may well be 0.
        with np.errstate(under="ignore"):
            matrix = self._formula()(**values)
        written = ",".join(f"{name}={show(value)}" for name, value in values.items())
        return Kernel(
            f"{self.name}:{written}" if written else self.name,
            matrix.array,
            matrix.divisor,
            denominator=matrix.denominator,
            family=self.family,
            effect=self.effect,
            source=self.source,
        )

    def parse(self, text: str, **given: object) -> Kernel:
        """Return the kernel for `sigma=2,size=9` and what else is given; as `make`."""
        written = split(self.name, text, self.parameters) if text.strip() else {}
        return self.make({**written, **given})

    def _formula(self) -> Callable[..., Matrix]:
        from convcli.kernels import formulas, gaussians

        module = {"formulas": formulas, "gaussians": gaussians}[self.module]
        function: Callable[..., Matrix] = getattr(module, self.function)
        return partial(function, *self.fixed)
