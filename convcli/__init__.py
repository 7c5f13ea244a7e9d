"""Filter images with convolution kernels: exactly, quickly, and saying what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from convcli.api import apply, choose_plan, correlate
    from convcli.borders import Border
    from convcli.errors import ConvError, GeometryError, ImageError, KernelError, UsageError
    from convcli.geometry import Axis, Geometry, output_size
    from convcli.image.files import read, write
    from convcli.image.frame_files import read_frames, write_frames
    from convcli.image.frames import Frames
    from convcli.image.image import Image, Meta
    from convcli.kernels.kernel import Compound, Kernel
    from convcli.kernels.registry import get_kernel
    from convcli.spec import Spec

_HOME = {
    "apply": "api",
    "choose_plan": "api",
    "correlate": "api",
    "Border": "borders",
    "ConvError": "errors",
    "GeometryError": "errors",
    "ImageError": "errors",
    "KernelError": "errors",
    "UsageError": "errors",
    "Axis": "geometry",
    "Geometry": "geometry",
    "output_size": "geometry",
    "read": "image.files",
    "write": "image.files",
    "Frames": "image.frames",
    "read_frames": "image.frame_files",
    "write_frames": "image.frame_files",
    "Image": "image.image",
    "Meta": "image.image",
    "Compound": "kernels.kernel",
    "Kernel": "kernels.kernel",
    "get_kernel": "kernels.registry",
    "Spec": "spec",
}

__all__ = [
    "Axis",
    "Border",
    "Compound",
    "ConvError",
    "Frames",
    "Geometry",
    "GeometryError",
    "Image",
    "ImageError",
    "Kernel",
    "KernelError",
    "Meta",
    "Spec",
    "UsageError",
    "__version__",
    "apply",
    "choose_plan",
    "correlate",
    "get_kernel",
    "output_size",
    "read",
    "read_frames",
    "write",
    "write_frames",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: `convcli shape` needs no NumPy."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
