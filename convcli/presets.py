"""What other programs do where they differ: border, anchor, flip, rounding, of a call by name."""

from __future__ import annotations

from typing import Any

from convcli.borders import border_words
from convcli.errors import UsageError
from convcli.record import record
from convcli.spec import Spec

#: SciPy and OpenCV call `symmetric` so.
_REFLECT = (
    "`border` reflect doesn't repeat the last sample, as NumPy's; what SciPy calls reflect, and "
    "OpenCV BORDER_REFLECT, is symmetric here"
)


@record
class Preset:
    """A call of another program, and what a spec needs to do the same.

    Parameters
    ----------
    call
        The call.
    fields
        Fields of a `Spec`, by name, and their values.
    names_reflect
        Whether its `reflect` is our `symmetric`.
    """

    call: str
    fields: tuple[tuple[str, Any], ...] = ()
    names_reflect: bool = False


def _preset(call: str, *, names_reflect: bool = False, **fields: Any) -> Preset:
    return Preset(call, tuple(fields.items()), names_reflect)


PRESETS = {
    "opencv": _preset(
        "cv2.filter2D(image, -1, kernel)",
        names_reflect=True,
        border="reflect",
        mapping="clip",
        rounding="even",
    ),
    "scipy": _preset(
        "scipy.ndimage.correlate(image, kernel)",
        names_reflect=True,
        border="symmetric",
        mapping="clip",
        rounding="truncate",
    ),
    "pillow": _preset(
        "image.filter(ImageFilter.Kernel(size, kernel, scale))",
        flip_rows=True,
        keep_edges=True,
        mapping="clip",
    ),
    "imagemagick": _preset(
        "convert image -morphology Correlate kernel result",
        border="replicate",
        anchor="first-middle",
        mapping="clip",
        rounding="truncate",
    ),
    "torch": _preset(
        "torch.nn.functional.conv2d(image, kernel)",
        padding="valid",
        border="zero",
        mapping="raw",
    ),
    "skimage": _preset(
        "skimage.filters, mode='reflect', on img_as_float(image)",
        names_reflect=True,
        border="symmetric",
        mapping="clip",
        depth="float",
    ),
    "gimp": _preset("Filters, Generic, Convolution Matrix", linear=True, mapping="clip"),
    "gdal": _preset("a VRT file's KernelFilteredSource", border="replicate", mapping="clip"),
}


def spec_like(like: str, **given: Any) -> Spec:
    """Return the spec of a call of another program.

    Parameters
    ----------
    like
        One of `opencv`, `scipy`, `pillow`, `imagemagick`, `torch`, `skimage`, `gimp`, `gdal`.
    given
        Fields of a `Spec`, which win.

    Raises
    ------
    UsageError
        If there is no such program, or fields contradict each other.

    Examples
    --------
    >>> spec = spec_like("opencv", stride=2)
    >>> str(spec.border), str(spec.rounding), spec.stride
    ('reflect', 'even', 2)
    """
    if like not in PRESETS:
        known = ", ".join(PRESETS)
        raise UsageError(f"no program named {like!r} is known; there are {known}")
    preset = PRESETS[like]
    fields = {key: value for key, value in preset.fields if key not in given}
    said = [f"`{key}`" if value is True else f"`{key}` {value}" for key, value in fields.items()]
    if wins := [f"`{key}`" for key, _ in preset.fields if key in given]:
        said.append(f"{' '.join(wins)} as given")
    notes = [f"`like` {like} is {', '.join(said)}: {preset.call}"]
    if preset.names_reflect and "reflect" in border_words(given.get("border", "")):
        notes.append(_REFLECT)
    return Spec(**fields | given, notes=tuple(notes))
