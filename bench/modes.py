"""Whole commands in every mode, beside the plain job and beside libvips."""

from __future__ import annotations

import sys
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import checks, images, timing, tools
from bench.cases import Case, Work, Wrong
from bench.scale import Scale

PLAIN, VIPS = "RGB, plain", "libvips"
SMOOTHING = "gaussian:sigma=2"

TITLE = "Modes"
ABOUT = f"""`{SMOOTHING}` on a photograph, PNG to PNG with `--compress 1`, each command in a process
of its own. *{PLAIN}* is the job without any option; each mode takes turns with it, and the *ratio*
says how much of the mode's time it takes. RGBA is that photograph fading away to its corners.
*{VIPS}* is one process, too: `premultiply`, `gaussblur 2`, `unpremultiply`, `cast uchar` as one
pipeline of its library, called through ctypes, from a source read in sequence to
`[compression=1]`; its kernel has 7 taps a side, ours 17."""

#: Samples that a direct computation in float64 may differ by: sums in float32 round otherwise.
_TOLERANCE = 1
#: Colour times alpha by libvips and by ours: its Gaussian ends where it is below a fifth.
_VIPS_WORST, _VIPS_MEAN = 40, 2.5
#: Samples around a window that its result depends on, at the least.
_REACH = 16

Samples = NDArray[np.float64]


def smooth(part: Samples) -> Samples:
    """Return the Gaussian's response, by definition."""
    return correlated(part, SMOOTHING)


def weighted(part: Samples) -> Samples:
    """Smooth colour weighted by alpha, and alpha."""
    colour, alpha = part[..., :-1], part[..., -1:]
    faded = smooth(np.dstack((colour * alpha, alpha)))
    below = faded[..., -1:]
    seen = np.where(below > 0, below, 1)
    return np.dstack((np.where(below > 0, faded[..., :-1] / seen, 0), below))


def in_linear_light(part: Samples) -> Samples:
    """Smooth light: the samples are sRGB's (IEC 61966-2-1)."""
    share = part / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = smooth(light)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def gray(part: Samples) -> Samples:
    """Return ITU-R BT.601's gray."""
    mixed: Samples = part @ np.array([0.299, 0.587, 0.114])
    return mixed


def of_lightness(part: Samples) -> Samples:
    """Smooth lightness, and add what it changed by to every channel."""
    before = gray(part)
    return part + (smooth(before) - before)[..., None]


def of_gray(part: Samples) -> Samples:
    """Smooth gray, which is rounded."""
    return smooth(np.floor(gray(part) + 0.5))


def chained(part: Samples) -> Samples:
    """Smooth, and take the Laplacian's magnitude."""
    return np.abs(correlated(smooth(part), "laplacian"))


def correlated(part: Samples, kernel: str) -> Samples:
    """Return a kernel's response, by definition."""
    everywhere = (slice(0, part.shape[0]), slice(0, part.shape[1]))
    return checks.expected(part, images.kernel(kernel).scaled, everywhere)


@dataclass(frozen=True)
class Mode:
    """A way to filter.

    Parameters
    ----------
    options
        As typed behind the kernel.
    right
        Computes the result, not rounded, of part of an image whose samples go to 255.
    alpha
        Whether the source has it.
    """

    options: tuple[str, ...]
    right: Callable[[Samples], Samples]
    alpha: bool = False


MODES = {
    "RGBA": Mode((), weighted, alpha=True),
    "RGB, --linear": Mode(("--linear",), in_linear_light),
    "RGB, --luma": Mode(("--luma",), of_lightness),
    "RGB, --gray": Mode(("--gray",), of_gray),
    "RGB, --then laplacian": Mode(("--then", "laplacian"), chained),
}
_PLAIN = Mode((), smooth)


def cases(scale: Scale) -> list[Case]:
    """Every mode."""
    return [case(scale, row, mode) for row, mode in MODES.items()]


def case(scale: Scale, row: str, mode: Mode) -> Case:
    """One mode beside the plain job, and that with alpha beside libvips."""
    jobs = {"ours": (_ours, mode), PLAIN: (_ours, _PLAIN)}
    if mode.alpha and library():
        jobs[VIPS] = (_vips, mode)

    def path(name: str) -> Path:
        return tools.folder() / f"mode-{name.partition(',')[0]}.png"

    def run(name: str) -> timing.Ended:
        command, its_mode = jobs[name]
        source = tools.source(scale.shape, ".png", alpha=its_mode.alpha)
        return tools.run(command(its_mode, source, path(name)), path(name))

    def check() -> None:
        for name, (_, its_mode) in jobs.items():
            run(name)
            if name != VIPS:
                check_windows(f"{row}: {name}", pixels(path(name)), scale, its_mode)
        if VIPS in jobs:
            check_vips(pixels(path(VIPS)), pixels(path("ours")))

    works: dict[str, Work] = {name: partial(run, name) for name in jobs}
    ours = works.pop("ours")
    lacks = mode.alpha and VIPS not in jobs
    return Case(
        f"{SMOOTHING}, PNG → PNG, {scale.megapixels:g} MP",
        row,
        ours,
        works,
        check=check,
        unit="s",
        facts=lambda: {"not installed": VIPS} if lacks else {},
        runs=2 if scale.quick else 7,
    )


def _ours(mode: Mode, source: Path, target: Path) -> list[str]:
    return [*tools.ours_apply(SMOOTHING, source, target), "--compress", "1", *mode.options]


# --- libvips


def library() -> str | None:
    """Return libvips' library, if it is there and ctypes can call it.

    Where arguments of variable number travel otherwise than others, as on Apple's processors,
    ctypes can't call such functions.
    """
    return None if sys.platform == "darwin" else find_library("vips")


_PIPELINE = """
import sys
from ctypes import CDLL, byref, c_char_p, c_double, c_int, c_void_p

library, source, target = sys.argv[1:]
vips = CDLL(library)
vips.vips_error_buffer.restype, vips.vips_image_new_from_file.restype = c_char_p, c_void_p
END, SEQUENTIAL, UCHAR = c_void_p(None), c_int(1), c_int(0)


def failed():
    sys.exit(vips.vips_error_buffer().decode())


def step(name, *more):
    result = c_void_p()
    if getattr(vips, name)(image, byref(result), *more, END):
        failed()
    return result


if vips.vips_init(b"pipeline"):
    failed()
image = c_void_p(vips.vips_image_new_from_file(source.encode(), b"access", SEQUENTIAL, END))
if not image:
    failed()
image = step("vips_premultiply")
image = step("vips_gaussblur", c_double(2))
image = step("vips_unpremultiply")
image = step("vips_cast", UCHAR)
if vips.vips_image_write_to_file(image, target.encode(), END):
    failed()
"""


def _vips(_: Mode, source: Path, target: Path) -> list[str]:
    found = library()
    assert found is not None
    code = ("-I", "-S", "-c", _PIPELINE)  # Python starts in 10 ms then
    return [sys.executable, *code, found, str(source), f"{target}[compression=1]"]


# --- results


def pixels(path: Path) -> NDArray[np.uint8]:
    """Read a file's pixels."""
    with Image.open(path) as opened:
        return np.asarray(opened)


def check_windows(what: str, result: NDArray[np.uint8], scale: Scale, mode: Mode) -> None:
    """Compare windows of our result with a direct computation.

    Raises
    ------
    Wrong
        If one differs.
    """
    source = pixels(tools.source(scale.shape, ".png", alpha=mode.alpha))
    if result.shape[:2] != scale.shape:
        raise Wrong(f"{what}: shape {result.shape} of {scale.shape}")
    for window in images.windows(*scale.shape, 289):
        grown = tuple(slice(max(0, part.start - _REACH), part.stop + _REACH) for part in window)
        within = tuple(
            slice(part.start - large.start, part.stop - large.start)
            for part, large in zip(window, grown, strict=True)
        )
        right = checks.stored(mode.right(source[grown].astype(np.float64))[within], result.dtype)
        checks.alike(f"{what}, by definition", right, result[window], _TOLERANCE)


def check_vips(theirs: NDArray[np.uint8], ours: NDArray[np.uint8]) -> None:
    """Compare what is seen of two results with alpha: where that is 0, colour may be any.

    Raises
    ------
    Wrong
        If they differ by more than the two Gaussians do.
    """
    one, two = seen(theirs), seen(ours)
    checks.alike("RGBA by libvips and by ours", one, two, _VIPS_WORST, _VIPS_MEAN)


def seen(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return colour times alpha, and alpha."""
    wide = image.astype(np.float32)
    wide[..., :-1] *= wide[..., -1:] / np.float32(255)
    return wide
