"""Filter images with convolution kernels: exactly, quickly, and saying what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from convcli.api import apply, choose_plan, correlate, write_frames
    from convcli.borders import Border
    from convcli.errors import ConvError, GeometryError, ImageError, KernelError, UsageError
    from convcli.fitting.fit import fit_kernel
    from convcli.geometry import Axis, Geometry, output_size
    from convcli.image.files import open as read_frames
    from convcli.image.files import read, write
    from convcli.image.frames import Frames
    from convcli.image.image import Image, Meta
    from convcli.kernels.bank import Bank
    from convcli.kernels.bank_files import read_bank
    from convcli.kernels.kernel import Compound, Kernel
    from convcli.kernels.registry import get_kernel
    from convcli.kernels.volume import VolumeKernel
    from convcli.pipeline.find import Match, find, match_scores
    from convcli.pipeline.layers import Pool, Relu
    from convcli.pipeline.maps import feature_maps
    from convcli.presets import spec_like
    from convcli.signals.convolution import convolve_signal, correlate_signal
    from convcli.spec import Spec
    from convcli.volumes import correlate_volume

_HOME = {
    "apply": "api.apply",
    "choose_plan": "api.choose_plan",
    "correlate": "api.correlate",
    "correlate_volume": "volumes.correlate_volume",
    "Border": "borders.Border",
    "ConvError": "errors.ConvError",
    "GeometryError": "errors.GeometryError",
    "ImageError": "errors.ImageError",
    "KernelError": "errors.KernelError",
    "UsageError": "errors.UsageError",
    "fit_kernel": "fitting.fit.fit_kernel",
    "Axis": "geometry.Axis",
    "Geometry": "geometry.Geometry",
    "output_size": "geometry.output_size",
    "read": "image.files.read",
    "write": "image.files.write",
    "Frames": "image.frames.Frames",
    "read_frames": "image.files.open",
    "write_frames": "api.write_frames",
    "Image": "image.image.Image",
    "Meta": "image.image.Meta",
    "Bank": "kernels.bank.Bank",
    "read_bank": "kernels.bank_files.read_bank",
    "Compound": "kernels.kernel.Compound",
    "Kernel": "kernels.kernel.Kernel",
    "VolumeKernel": "kernels.volume.VolumeKernel",
    "get_kernel": "kernels.registry.get_kernel",
    "Pool": "pipeline.layers.Pool",
    "Relu": "pipeline.layers.Relu",
    "feature_maps": "pipeline.maps.feature_maps",
    "Match": "pipeline.find.Match",
    "find": "pipeline.find.find",
    "match_scores": "pipeline.find.match_scores",
    "convolve_signal": "signals.convolution.convolve_signal",
    "correlate_signal": "signals.convolution.correlate_signal",
    "spec_like": "presets.spec_like",
    "Spec": "spec.Spec",
}

__all__ = [
    "Axis",
    "Bank",
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
    "Match",
    "Meta",
    "Pool",
    "Relu",
    "Spec",
    "UsageError",
    "VolumeKernel",
    "__version__",
    "apply",
    "choose_plan",
    "convolve_signal",
    "correlate",
    "correlate_signal",
    "correlate_volume",
    "feature_maps",
    "find",
    "fit_kernel",
    "get_kernel",
    "match_scores",
    "output_size",
    "read",
    "read_bank",
    "read_frames",
    "spec_like",
    "write",
    "write_frames",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: `convcli shape` needs no NumPy."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOME[name].rsplit(".", 1)
    return getattr(import_module(f"{__name__}.{module}"), attribute)
