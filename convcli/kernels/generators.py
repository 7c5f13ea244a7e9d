"""Kernels made from parameters: `gaussian:sigma=2`; each declared once, with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcli.errors import KernelError
from convcli.kernels.blurs import BLURS
from convcli.kernels.detectors import DETECTORS
from convcli.kernels.generator import Generator

if TYPE_CHECKING:
    from convcli.kernels.kernel import AnyKernel


def find(name: str) -> Generator | None:
    """Return the generator of that name or alias, if there is one.

    Examples
    --------
    >>> find("gaussian").usage
    'gaussian:sigma=1,theta=0,truncate=4'
    """
    return BY_NAME.get(name)


def generate(name: str, **given: object) -> AnyKernel:
    """Return a generated kernel.

    Raises
    ------
    KernelError
        If there is no such generator, or a parameter is wrong.

    Examples
    --------
    >>> generate("box", size=5).divisor
    25
    """
    generator = find(name)
    if generator is None:
        raise KernelError(f"no generator named {name!r}; there are {', '.join(GENERATORS)}")
    return generator.make(given)


GENERATORS = {generator.name: generator for generator in (*BLURS, *DETECTORS)}

BY_NAME = GENERATORS | {
    alias: generator for generator in GENERATORS.values() for alias in generator.aliases
}
