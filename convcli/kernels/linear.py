"""Where a kernel has to be linear: its weights all there is."""

from __future__ import annotations

from convcli.errors import KernelError
from convcli.kernels.kernel import AnyKernel


def check_linear(kernel: AnyKernel, use: str) -> None:
    """Refuse a kernel with a threshold where sums are all there is.

    Raises
    ------
    KernelError
        If it has one.
    """
    if getattr(kernel, "threshold", 0):
        raise KernelError(
            f"{kernel.name[:64]} has a threshold, which {use} doesn't go with; leave threshold out"
        )
