"""What filtering an image takes in memory at its peak, told from its header and its options.

The factors are measured, of whole commands on 12 megapixels (`python tests/peaks.py`), and a test
keeps the sums at what a few of these take.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from convcli import arrays
from convcli.errors import ConvError
from convcli.geometry import plan_geometry
from convcli.image.formats import codec_of
from convcli.image.header import WIDTHS, Header
from convcli.image.image import Image
from convcli.kernels.kernel import Kind as KernelKind
from convcli.record import record
from convcli.spec import Alpha, Depth, Mapping, Method, Precision, Spec
from convcli.taps import AnyKernel

#: Bands, scratch and what else doesn't grow with the image; small images need less. With
#: products of spectra it is more.
_SCRATCH, _SPECTRA = 2**24, 5 * 2**23
#: Taps a side from which on spectra may be multiplied.
_MANY_TAPS = 15
#: From so many bytes on a TIFF file is mapped and not held; a smaller one is to the end.
_MAPPED = 2**26
#: Images of floats that there are at once beside the result: planes and responses; in linear
#: light alone, and where colour is weighted by alpha or lightness is put back.
_LINEAR, _WEIGHED = 2.1, 4.1
#: Bytes a pixel while gray is made of whole samples.
_GRAY = 25
#: Source and result side by side: with the halves that become it, a byte of both.
_COMPARED = 2.2


@record
class Output:
    """What becomes of the result: its format, whether that may lose, and whether it is compared."""

    format: str
    lossy: bool = False
    compared: bool = False


@record
class Kind:
    """What an image is like.

    Parameters
    ----------
    size, channels, dtype
        Its (rows, cols), how many channels it has, and the type of its samples.
    opaque
        Whether alpha, if there is any, is known to be full everywhere.
    """

    size: tuple[int, int]
    channels: int
    dtype: str
    opaque: bool = False


@record
class Sums:
    """What an image takes in bytes: its samples, its result's, and stage by stage.

    Parameters
    ----------
    source, result
        Samples.
    filtering
        While it is filtered, the source's samples included.
    writing
        While it is written, the source's and the result's samples included.
    """

    source: int
    result: int
    filtering: int
    writing: int


def takes(
    header: Header, file: int, kernels: Sequence[AnyKernel], spec: Spec, output: Output
) -> int:
    """Return the bytes that an image takes at its peak, from its file to its result's.

    Parameters
    ----------
    header
        What its header says.
    file
        Bytes of the file, which is held while it is decoded.
    kernels, spec
        What is done to it.
    output
        What becomes of the result.
    """
    kind = Kind(header.size, header.channels, header.dtype)
    found = sums(kind, tuple(kernels), spec, output)
    reading = file + header.nbytes + header.beside
    if codec_of(header.format).scattered:
        held = (file if file < _MAPPED else 0) + header.nbytes * (header.frames > 1)
        return held + max(header.nbytes + header.beside, found.filtering, found.writing)
    if header.frames > 1:
        # The file stays, and so does the canvas that the next frame is drawn upon.
        return reading + header.nbytes + max(found.filtering, found.writing)
    return max(reading, found.filtering, found.writing)


@lru_cache(maxsize=256)
def sums(kind: Kind, kernels: tuple[AnyKernel, ...], spec: Spec, output: Output) -> Sums:
    """Return what an image takes while it is filtered and written.

    Parameters
    ----------
    kind
        What it is like.
    kernels, spec, output
        As for `takes`.
    """
    facts = _Facts(kind, kernels, spec)
    source = facts.pixels * kind.channels * WIDTHS[kind.dtype]
    result = facts.out_pixels * facts.out_channels * facts.width
    scratch = min(_SPECTRA if facts.large else _SCRATCH, 2 * source)
    writing = source + result + int(_coder(output, facts.width == 2) * result)
    if output.compared:
        writing += int(_COMPARED * (source + result))
    return Sums(source, result, source + facts.beside(result) + scratch, writing + scratch)


def _coder(output: Output, wide: bool) -> float:
    """Return the bytes that coding takes, a byte of samples; they may be of two bytes."""
    codec = codec_of(output.format)
    if output.lossy and codec.coder_lossy is not None:
        return codec.coder_lossy
    return codec.coder_wide if wide and codec.coder_wide is not None else codec.coder


def sums_of(image: Image, kernels: Sequence[AnyKernel], spec: Spec, output: Output) -> Sums:
    """Return what an image takes whose samples are there, alpha among them."""
    opaque = image.has_alpha and bool((image.pixels[..., -1] == image.maximum).all())
    kind = Kind(image.size, len(image.channels), image.pixels.dtype.name, opaque)
    return sums(kind, tuple(kernels), spec, output)


class _Facts:
    """What of an image and its options decides how much is held."""

    def __init__(self, kind: Kind, kernels: tuple[AnyKernel, ...], spec: Spec) -> None:
        size, channels, dtype = kind.size, kind.channels, kind.dtype
        self.spec, self.kernels, self.channels = spec, kernels, channels
        self.pixels = size[0] * size[1]
        self.out_pixels = _out_pixels(size, kernels, spec)
        mapping = spec.mapping or arrays.own_mapping(kernels)
        stored = max(1, WIDTHS[dtype])
        double = spec.precision is Precision.DOUBLE or dtype == "float64"
        self.real = 8 if double else 4
        depths = {Depth.SAME: stored, Depth.EIGHT: 1, Depth.SIXTEEN: 2}
        self.width = self.real if mapping is Mapping.RAW else depths.get(spec.depth, self.real)
        alpha = channels in (2, 4)
        point = spec.channels or any(kernel.kind is KernelKind.DERIVATIVE for kernel in kernels)
        self.weighs = alpha and (
            spec.alpha is Alpha.FILTER
            or (spec.alpha is Alpha.AUTO and not point and not kind.opaque)
        )
        # Alpha of four channels may be black ink as well.
        self.out_channels = 1 + alpha if spec.gray else channels
        self.whole = dtype in ("uint8", "uint16", "bool")
        wide = dtype == "uint16" and not spec.linear and (self.weighs or spec.luma)
        self.float_width = 8 if wide else self.real
        self.normalized = mapping is Mapping.NORMALIZE
        self.stored = stored
        self.chosen = (
            len(spec.channels) if spec.channels else channels - (alpha and not self.weighs)
        )

    @property
    def floats(self) -> bool:
        """Whether all is done in floats."""
        return self.weighs or self.spec.linear or self.spec.luma

    @property
    def large(self) -> bool:
        """Whether spectra may be multiplied."""
        if self.spec.method is Method.FFT:
            return True
        return any(min(kernel.shape) >= _MANY_TAPS for kernel in self.kernels)

    def beside(self, result: int) -> int:
        """Return the bytes that filtering holds beside the source's samples."""
        largest = max(self.pixels, self.out_pixels) * self.channels
        if self.floats:
            many = _WEIGHED if self.weighs or self.spec.luma else _LINEAR
            return result + int(many * largest * self.float_width)
        held = 2 * result if self.normalized else result
        if self.spec.gray:
            held = max(held, _GRAY * self.pixels if self.whole else 0) + self.pixels * self.stored
        elif self.chosen < self.channels:
            part = self.chosen / self.channels
            held += int(largest * self.stored + part * result)
        if len(self.kernels) > 1:
            held += min(2, len(self.kernels) - 1) * largest * self.real
        return held


def _out_pixels(size: tuple[int, int], kernels: tuple[AnyKernel, ...], spec: Spec) -> int:
    """Return how many pixels the largest of the results in a chain has."""
    most = 0
    try:
        for kernel in kernels:
            size = plan_geometry(
                size,
                kernel.shape,
                stride=spec.stride,
                dilation=spec.dilation,
                padding=spec.padding,
            ).out
            most = max(most, size[0] * size[1])
    except ConvError:
        # It doesn't fit, and is refused.
        return 0
    return most
