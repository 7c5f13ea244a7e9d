"""The generators that find edges, lines, spots and textures, or sharpen."""

from __future__ import annotations

from fractions import Fraction

from convcli.kernels.generator import Generator
from convcli.kernels.parameters import Parameter, Type
from convcli.kernels.parameters_shared import BELL, sigma, size, theta

_SCALE = Parameter(
    "scale",
    "exact on polynomials, or the plain formula",
    "exact",
    Type.WORD,
    choices=("exact", "raw"),
)
_COMBINE = Parameter(
    "combine",
    "√(x² + y²) or |x| + |y|",
    "magnitude",
    Type.WORD,
    choices=("magnitude", "sum-abs"),
)
#: OpenCV has them up to here.
_SOBEL_SIZE = Parameter("size", "taps a side", 3, Type.ODD, 1, 31, unit="pixels")


def _sobel(axis: str, orders: tuple[int, int], edges: str) -> Generator:
    return Generator(
        f"sobel-d{axis}",
        "gradient",
        f"Shows {edges} edges, smoothed across by as many pixels as you like.",
        "Sobel and Feldman; cv2.Sobel",
        (_SOBEL_SIZE,),
        "formulas",
        "derivative",
        orders,
        aliases=(f"sobel-{axis}",),
        note="Not divided: size 3 answers 8 to a ramp of 1, size 5 128, size 7 2048.",
    )


def _derivative(name: str, orders: tuple[int, int], effect: str) -> Generator:
    family = "gradient" if sum(orders) == 1 else "second-derivative"
    return Generator(
        name,
        family,
        effect,
        "derivative of a Gaussian, exact on polynomials of its degree; scale=raw: SciPy's "
        "gaussian_filter with an order",
        (*BELL, _SCALE),
        "gaussians",
        "gaussian_derivative",
        (orders,),
    )


#: The generators, in the order in which they are listed.
DETECTORS = (
    _derivative("gaussian-dx", (1, 0), "Shows vertical edges, smoothed by a Gaussian."),
    _derivative("gaussian-dy", (0, 1), "Shows horizontal edges, smoothed by a Gaussian."),
    _derivative("gaussian-dxx", (2, 0), "Shows vertical lines of about sigma's width."),
    _derivative("gaussian-dxy", (1, 1), "Shows corners and saddles of about sigma's size."),
    _derivative("gaussian-dyy", (0, 2), "Shows horizontal lines of about sigma's width."),
    Generator(
        "gaussian-gradient",
        "gradient",
        "Shows edges of every direction, smoothed by a Gaussian.",
        "scipy.ndimage.gaussian_gradient_magnitude",
        (sigma(1), BELL[2], _COMBINE),
        "gaussians",
        "gaussian_gradient",
        aliases=("gaussian-gradient-magnitude",),
        note="2·⌊truncate·sigma + ½⌋ + 1 taps a side, as SciPy has it.",
        compound=True,
    ),
    Generator(
        "sobel-gradient",
        "gradient",
        "Shows edges of every direction: the length of a Sobel gradient of any size.",
        "Sobel and Feldman; cv2.Sobel",
        (_SOBEL_SIZE, _COMBINE),
        "formulas",
        "sobel",
        aliases=("sobel",),
        note="Not divided, as sobel-dx.",
        compound=True,
    ),
    _sobel("x", (1, 0), "vertical"),
    _sobel("y", (0, 1), "horizontal"),
    Generator(
        "derivative",
        "gradient",
        "Shows how brightness changes: any derivative of Sobel's kind, of any size.",
        "cv2.getDerivKernels",
        (
            Parameter("dx", "derivatives along x", 1, Type.INTEGER, 0, 30),
            Parameter("dy", "derivatives along y", 0, Type.INTEGER, 0, 30),
            _SOBEL_SIZE,
        ),
        "formulas",
        "derivative",
        aliases=("deriv",),
    ),
    Generator(
        "laplacian-cv",
        "second-derivative",
        "Shows fine detail and lines, smoothed by as many pixels as you like.",
        "cv2.Laplacian",
        (_SOBEL_SIZE,),
        "formulas",
        "laplacian_cv",
    ),
    Generator(
        "log",
        "second-derivative",
        "Shows spots of about sigma's size, and edges as lines of zeros: a band-pass.",
        "Marr and Hildreth 1980, Laplacian of Gaussian",
        (sigma(1.4), *BELL[1:]),
        "gaussians",
        "laplacian_of_gaussian",
        aliases=("laplacian-of-gaussian",),
    ),
    Generator(
        "dog",
        "second-derivative",
        "Shows spots, by a narrow blur minus a wide one: a band-pass.",
        "Marr 1980, difference of Gaussians; cut=own: skimage.filters.difference_of_gaussians",
        (
            sigma(1),
            Parameter(
                "sigma2",
                "width of the second bell",
                low=0,
                high=500,
                above=True,
                unit="pixels",
                derived="1.6·sigma",
            ),
            *BELL[1:],
            Parameter(
                "cut",
                "whether the bells have the same size, or each its own",
                "same",
                Type.WORD,
                choices=("same", "own"),
            ),
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
            theta("direction across the stripes, from right towards down"),
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
            size("reaches 3 sigma"),
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
        "unsharp",
        "sharpening",
        "Sharpens by adding what a Gaussian blur takes away.",
        "unsharp masking",
        (
            sigma(1),
            Parameter("amount", "how strongly", 1, low=0, high=100),
            *BELL[1:],
            Parameter(
                "threshold",
                "what a pixel must differ by from the blur",
                low=0,
                high=255,
                unit="8-bit levels",
                derived="0",
            ),
        ),
        "gaussians",
        "unsharp",
        note="threshold: the difference d = image − blur becomes sign(d)·max(|d| − threshold, 0) "
        "before amount multiplies it, so noise stays as it is; not linear any more.",
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
        (theta("direction of growth, from right towards down"), *BELL),
        "gaussians",
        "steerable",
    ),
)
