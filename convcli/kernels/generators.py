"""Kernels made from parameters: `gaussian:sigma=2`; each declared once, with its parameters."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from convcli.errors import KernelError
from convcli.kernels.exact import MAX_TAPS
from convcli.kernels.generator import Generator
from convcli.kernels.parameters import Parameter, Type

if TYPE_CHECKING:
    from convcli.kernels.kernel import Kernel


def find(name: str) -> Generator | None:
    """Return the generator of that name or alias, if there is one.

    Examples
    --------
    >>> find("gaussian").usage
    'gaussian:sigma=1,theta=0,truncate=4'
    """
    return BY_NAME.get(name)


def generate(name: str, **given: object) -> Kernel:
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


def _size(derived: str) -> Parameter:
    return Parameter(
        "size", "taps a side", None, Type.ODD, 1, MAX_TAPS, unit="pixels", derived=derived
    )


def _sigma(default: float) -> Parameter:
    return Parameter(
        "sigma", "width of the bell", default, low=0, high=500, above=True, unit="pixels"
    )


def _theta(meaning: str) -> Parameter:
    return Parameter("theta", meaning, 0, low=-360, high=360, unit="degrees")


_CUT = Parameter("truncate", "how many sigma the kernel reaches", 4, low=0, high=20, above=True)
_BELL = (_sigma(1), _size("2·⌈truncate·sigma⌉ + 1"), _CUT)
_SIDE = Parameter("size", "taps a side", 3, Type.INTEGER, 1, MAX_TAPS, unit="pixels")


def _derivative(name: str, orders: tuple[int, int], effect: str) -> Generator:
    family = "gradient" if sum(orders) == 1 else "second-derivative"
    return Generator(
        name,
        family,
        effect,
        "derivative of a Gaussian, exact on polynomials of its degree",
        _BELL,
        "gaussians",
        "gaussian_derivative",
        (orders,),
    )


GENERATORS = {
    generator.name: generator
    for generator in (
        Generator(
            "gaussian",
            "smoothing",
            "Blurs: near pixels count more than far ones.",
            "Gaussian, sampled; SciPy's gaussian_filter",
            (
                _sigma(1),
                Parameter(
                    "sigma_y",
                    "width across theta",
                    low=0,
                    high=500,
                    above=True,
                    unit="pixels",
                    derived="sigma",
                ),
                _theta("direction of sigma, from right towards down"),
                _size("2·⌈truncate·sigma⌉ + 1"),
                _CUT,
            ),
            "gaussians",
            "gaussian",
            aliases=("gauss",),
        ),
        _derivative("gaussian-dx", (1, 0), "Shows vertical edges, smoothed by a Gaussian."),
        _derivative("gaussian-dy", (0, 1), "Shows horizontal edges, smoothed by a Gaussian."),
        _derivative("gaussian-dxx", (2, 0), "Shows vertical lines of about sigma's width."),
        _derivative("gaussian-dxy", (1, 1), "Shows corners and saddles of about sigma's size."),
        _derivative("gaussian-dyy", (0, 2), "Shows horizontal lines of about sigma's width."),
        Generator(
            "log",
            "second-derivative",
            "Shows spots of about sigma's size, and edges as lines of zeros: a band-pass.",
            "Marr and Hildreth 1980, Laplacian of Gaussian",
            (_sigma(1.4), *_BELL[1:]),
            "gaussians",
            "laplacian_of_gaussian",
            aliases=("laplacian-of-gaussian",),
        ),
        Generator(
            "dog",
            "second-derivative",
            "Shows spots, by a narrow blur minus a wide one: a band-pass.",
            "Marr 1980, difference of Gaussians",
            (
                _sigma(1),
                Parameter(
                    "sigma2",
                    "width of the second bell",
                    low=0,
                    high=500,
                    above=True,
                    unit="pixels",
                    derived="1.6·sigma",
                ),
                *_BELL[1:],
            ),
            "gaussians",
            "difference_of_gaussians",
            aliases=("difference-of-gaussians",),
        ),
        Generator(
            "gabor",
            "texture",
            "Shows stripes of one width and direction: a band-pass.",
            "Daugman 1985; cv2.getGaborKernel",
            (
                Parameter(
                    "wavelength",
                    "width of a stripe and a gap",
                    8,
                    low=2,
                    high=500,
                    unit="pixels",
                ),
                _theta("direction across the stripes, from right towards down"),
                Parameter(
                    "sigma",
                    "width of the bell",
                    low=0,
                    high=500,
                    above=True,
                    unit="pixels",
                    derived="0.56·wavelength",
                ),
                Parameter("gamma", "how round the bell is", 0.5, low=0.05, high=20),
                Parameter(
                    "psi",
                    "phase: 0 for lines, 90 for edges",
                    0,
                    low=-360,
                    high=360,
                    unit="degrees",
                ),
                _size("reaches 3 sigma"),
                Parameter(
                    "dc",
                    "whether the mean is taken out",
                    "remove",
                    Type.WORD,
                    choices=("remove", "keep"),
                ),
                Parameter(
                    "scale",
                    "Σ|weights| = 2, or the plain formula",
                    "unit",
                    Type.WORD,
                    choices=("unit", "raw"),
                ),
            ),
            "gaussians",
            "gabor",
        ),
        Generator(
            "box",
            "smoothing",
            "Replaces each pixel by the mean of those around it.",
            "cv2.blur; MATLAB fspecial('average')",
            (
                _SIDE,
                Parameter(
                    "rows",
                    "taps down",
                    None,
                    Type.INTEGER,
                    1,
                    MAX_TAPS,
                    unit="pixels",
                    derived="size",
                ),
                Parameter(
                    "cols",
                    "taps across",
                    None,
                    Type.INTEGER,
                    1,
                    MAX_TAPS,
                    unit="pixels",
                    derived="size",
                ),
            ),
            "formulas",
            "box",
        ),
        Generator(
            "tent",
            "smoothing",
            "Blurs: weights fall off evenly from the centre.",
            "a box convolved with itself",
            (Parameter("size", "taps a side", 3, Type.ODD, 1, MAX_TAPS, unit="pixels"),),
            "formulas",
            "tent",
            aliases=("pyramid",),
        ),
        Generator(
            "disk",
            "smoothing",
            "Blurs like a lens out of focus: the mean of a disk.",
            "MATLAB fspecial('disk')",
            (Parameter("radius", "of the disk", 5, low=0.5, high=500, unit="pixels"),),
            "formulas",
            "disk",
            aliases=("pillbox", "defocus"),
        ),
        Generator(
            "motion",
            "smoothing",
            "Blurs along a line, like a camera that moved.",
            "MATLAB fspecial('motion')",
            (
                Parameter("length", "of the line", 9, low=1, high=MAX_TAPS - 2, unit="pixels"),
                Parameter(
                    "angle",
                    "counter-clockwise from horizontal",
                    0,
                    low=-360,
                    high=360,
                    unit="degrees",
                ),
            ),
            "formulas",
            "motion",
            aliases=("motion-blur",),
        ),
        Generator(
            "unsharp",
            "sharpening",
            "Sharpens by adding what a Gaussian blur takes away.",
            "unsharp masking, without threshold",
            (_sigma(1), Parameter("amount", "how strongly", 1, low=0, high=100), *_BELL[1:]),
            "gaussians",
            "unsharp",
        ),
        Generator(
            "laplacian",
            "second-derivative",
            "Shows fine detail; alpha says how much the diagonals count.",
            "MATLAB fspecial('laplacian')",
            (Parameter("alpha", "share of the diagonals", Fraction(0), Type.EXACT, 0, 1),),
            "formulas",
            "laplacian",
        ),
        Generator(
            "highboost",
            "sharpening",
            "Sharpens and brightens: amount times the image, plus its detail.",
            "Gonzalez and Woods, high-boost filtering",
            (Parameter("amount", "how often the image counts", Fraction(1), Type.EXACT, 0, 100),),
            "formulas",
            "highboost",
            aliases=("high-boost",),
        ),
        Generator(
            "savgol",
            "smoothing",
            "Smooths, or takes a derivative, by fitting a curved surface; keeps peaks.",
            "Savitzky and Golay 1964, in two dimensions",
            (
                Parameter("size", "taps a side", 5, Type.ODD, 1, 51, unit="pixels"),
                Parameter("degree", "of the surface", 2, Type.INTEGER, 0, 6),
                Parameter("dx", "derivatives along x", 0, Type.INTEGER, 0, 6),
                Parameter("dy", "derivatives along y", 0, Type.INTEGER, 0, 6),
            ),
            "formulas",
            "savgol",
            aliases=("savitzky-golay",),
        ),
        Generator(
            "laws",
            "texture",
            "Measures texture: one of Laws' vectors downwards, one to the right.",
            "Laws 1980; HALCON texture_laws",
            (Parameter("mask", "two of l5, e5, s5, w5, r5 (or l3 … o7)", "l5e5", Type.WORD),),
            "formulas",
            "laws",
        ),
        Generator(
            "steerable",
            "gradient",
            "Shows edges across one direction, smoothed by a Gaussian.",
            "Freeman and Adelson 1991",
            (_theta("direction of growth, from right towards down"), *_BELL),
            "gaussians",
            "steerable",
        ),
    )
}

BY_NAME = GENERATORS | {
    alias: generator for generator in GENERATORS.values() for alias in generator.aliases
}
