"""What directions can be shown as hues."""

from __future__ import annotations

from typing import Any

from convcli.errors import UsageError
from convcli.kernels.kernel import Combine
from convcli.spec import Alpha, Spec


def check_direction(kernel: Any, spec: Spec) -> None:
    """Refuse kernels that have no direction, and what no hue can be made of.

    Raises
    ------
    UsageError
        If the kernel isn't one of two whose responses give an angle, or the spec asks for colour.
    """
    if getattr(kernel, "combine", None) is not Combine.DIRECTION:
        raise UsageError(
            f"`mapping` hue shows directions, and {kernel.name[:64]} has none; use sobel-direction "
            f"or one like it, or another `mapping`"
        )
    if spec.luma or spec.channels:
        name = "luma" if spec.luma else "channels"
        raise UsageError(f"`mapping` hue filters a gray version; leave `{name}` out")
    if spec.alpha is Alpha.FILTER:
        raise UsageError("`mapping` hue leaves alpha as it is; use `alpha` keep or drop")
