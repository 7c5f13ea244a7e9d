"""The generators that smooth."""

from __future__ import annotations

from convcli.kernels.exact import MAX_TAPS
from convcli.kernels.generator import Generator
from convcli.kernels.parameters import Parameter, Type
from convcli.kernels.parameters_shared import CUT, sigma, size, theta


def _shape(name: str, effect: str, theirs: str = "") -> Generator:
    also = f"; skimage.morphology.{theirs}" if theirs else ""
    return Generator(
        name,
        "smoothing",
        effect,
        f"ImageMagick {name.title()}{also}",
        (
            Parameter(
                "radius", "from the centre, along an axis", 2, Type.INTEGER, 1, 500, unit="pixels"
            ),
        ),
        "shapes",
        "flat",
        (name,),
    )


#: The generators, in the order in which they are listed.
BLURS = (
    Generator(
        "gaussian",
        "smoothing",
        "Blurs: near pixels count more than far ones.",
        "Gaussian, sampled; SciPy's gaussian_filter",
        (
            sigma(1),
            Parameter(
                "sigma_y",
                "width across theta",
                low=0,
                high=500,
                above=True,
                unit="pixels",
                derived="sigma",
            ),
            theta("direction of sigma, from right towards down"),
            size("2·⌈truncate·sigma⌉ + 1"),
            CUT,
        ),
        "gaussians",
        "gaussian",
        aliases=("gauss",),
    ),
    Generator(
        "box",
        "smoothing",
        "Replaces each pixel by the mean of those around it.",
        "cv2.blur; MATLAB fspecial('average'); Pillow's BoxBlur for a radius",
        (
            Parameter("size", "taps a side", 3, Type.INTEGER, 1, MAX_TAPS, unit="pixels"),
            Parameter(
                "rows", "taps down", None, Type.INTEGER, 1, MAX_TAPS, unit="pixels", derived="size"
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
            Parameter(
                "radius",
                "in place of a size; a fraction counts the rim in part",
                None,
                Type.EXACT,
                0,
                MAX_TAPS // 2,
                unit="pixels",
                derived="(size − 1)/2",
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
        "binomial",
        "smoothing",
        "Blurs with the whole numbers of Pascal's triangle, nearly a Gaussian.",
        "ImageMagick Binomial",
        (Parameter("size", "taps a side", 5, Type.INTEGER, 1, MAX_TAPS, unit="pixels"),),
        "formulas",
        "binomial",
        note="About σ = √(size − 1)/2. ImageMagick's Binomial:2 has 5 taps.",
    ),
    Generator(
        "tophat",
        "smoothing",
        "Replaces each pixel by the mean of a disk of whole pixels around it.",
        "ImageMagick Disk; astropy Tophat2DKernel; skimage.morphology.disk",
        (Parameter("radius", "of the disk", 5, low=0.5, high=500, unit="pixels"),),
        "shapes",
        "tophat",
        aliases=("top-hat", "binary-disk"),
        note="A pixel counts if its centre is inside; disk counts the part of it that is.",
    ),
    _shape("diamond", "Replaces each pixel by the mean of a diamond around it.", "diamond"),
    _shape("octagon", "Replaces each pixel by the mean of an octagon around it."),
    _shape("plus", "Replaces each pixel by the mean of its row and column, near it."),
    _shape("cross", "Replaces each pixel by the mean of both diagonals, near it."),
    Generator(
        "ring",
        "smoothing",
        "Replaces each pixel by the mean of a ring around it, itself left out.",
        "ImageMagick Ring",
        (
            Parameter("inner", "radius of the hole", 2.5, low=0, high=500, unit="pixels"),
            Parameter("outer", "radius of the ring", 3.5, low=1, high=500, unit="pixels"),
        ),
        "shapes",
        "ring",
        note="A pixel counts if its centre is farther away than inner, but not than outer.",
    ),
    Generator(
        "trapezoid",
        "smoothing",
        "Blurs like a disk with a soft edge.",
        "astropy TrapezoidDisk2DKernel",
        (
            Parameter("radius", "of the flat part", 3, low=0, high=500, unit="pixels"),
            Parameter("slope", "how quickly it falls off", 1, low=0.01, high=1000),
            size("until it is 0"),
        ),
        "shapes",
        "trapezoid",
        aliases=("trapezoid-disk",),
    ),
    Generator(
        "moffat",
        "smoothing",
        "Blurs like the air before a star: a bell with wide wings.",
        "Moffat 1969; astropy Moffat2DKernel",
        (
            Parameter("gamma", "width of the core", 2, low=0.01, high=500, unit="pixels"),
            Parameter("alpha", "how quickly the wings fall off", 2.5, low=0.1, high=100),
            size("4 times the width at half of the height"),
        ),
        "shapes",
        "moffat",
    ),
    Generator(
        "airy",
        "smoothing",
        "Blurs like a lens without faults: a spot, and faint rings around it.",
        "Airy 1835; astropy AiryDisk2DKernel",
        (
            Parameter("radius", "of the first dark ring", 3, low=0.1, high=500, unit="pixels"),
            size("4·radius either way"),
        ),
        "shapes",
        "airy",
        aliases=("airy-disk",),
    ),
    Generator(
        "comet",
        "smoothing",
        "Gives every pixel a tail that fades to one side: half a Gaussian.",
        "ImageMagick Comet",
        (
            sigma(2),
            Parameter(
                "length",
                "of the tail, with its head",
                None,
                Type.INTEGER,
                1,
                MAX_TAPS // 2 + 1,
                unit="pixels",
                derived="⌈4·sigma⌉ + 1",
            ),
            theta("where the tail goes, from right towards down: a multiple of 90"),
        ),
        "shapes",
        "comet",
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
)
