"""What people ask for under a name that is no kernel's: what it is instead, and what does it."""

from __future__ import annotations

from typing import NamedTuple


class Other(NamedTuple):
    """Something that is no convolution: why it isn't, and what does it."""

    names: tuple[str, ...]
    why: str
    how: str


_RANK = "it picks one of the values around a pixel by their order, which no weighted sum does"
_MORPHOLOGY = "it compares the values around a pixel, which no weighted sum does"
_PLACES = "it moves pixels to other places"
_VALUES = "it changes each value by itself, whatever is around it"
_HISTOGRAM = "it maps values by how often they occur"
_LOOKS = "its weights change from pixel to pixel with the image"
_UNDOES = "it undoes a convolution, step by step"


def _statistic(kind: str) -> str:
    return f"convert IN -statistic {kind} 3x3 OUT"


def _morphology(method: str) -> str:
    return f"convert IN -morphology {method} Square OUT"


#: Tests run the commands of `convert` (ImageMagick 6 and 7), `vips` and `ffmpeg`.
OTHERS = (
    Other(("median", "median-blur", "median-filter"), _RANK, _statistic("Median")),
    Other(("min", "minimum", "min-filter"), _RANK, _statistic("Minimum")),
    Other(("max", "maximum", "max-filter"), _RANK, _statistic("Maximum")),
    Other(("mode", "majority"), _RANK, _statistic("Mode")),
    Other(("rank", "percentile"), _RANK, "vips rank IN OUT 3 3 4"),
    Other(("erode", "erosion"), _MORPHOLOGY, _morphology("Erode")),
    Other(("dilate", "dilation", "dilatation"), _MORPHOLOGY, _morphology("Dilate")),
    Other(("open", "opening"), _MORPHOLOGY, _morphology("Open")),
    Other(("close", "closing"), _MORPHOLOGY, _morphology("Close")),
    Other(("white-tophat", "morphological-tophat"), _MORPHOLOGY, _morphology("TopHat")),
    Other(("blackhat", "black-hat", "bottom-hat"), _MORPHOLOGY, _morphology("BottomHat")),
    Other(("morphological-gradient",), _MORPHOLOGY, _morphology("Edge")),
    Other(("morphology", "hit-or-miss"), _MORPHOLOGY, _morphology("Erode")),
    Other(
        ("skeleton", "skeletonize", "thin", "thinning"),
        _MORPHOLOGY,
        "convert IN -morphology Thinning:-1 Skeleton OUT",
    ),
    Other(("distance", "distance-transform"), _MORPHOLOGY,
          "convert IN -morphology Distance Euclidean OUT"),
    Other(
        ("canny", "canny-edge"),
        "it thins edges and links them by comparisons (edges alone: sobel after canny-blur)",
        "convert IN -canny 0x1+10%+30% OUT",
    ),
    Other(("hough", "hough-lines"), "it counts lines", "convert IN -hough-lines 9x9+40 OUT"),
    Other(("bilateral", "bilateral-blur"), _LOOKS,
          "ffmpeg -i IN -vf bilateral=sigmaS=3:sigmaR=0.1 OUT"),
    Other(("nlmeans", "nl-means", "non-local-means", "denoise", "denoising"), _LOOKS,
          "ffmpeg -i IN -vf nlmeans=s=4 OUT"),
    Other(("kuwahara",), _LOOKS, "convert IN -kuwahara 2 OUT"),
    Other(("despeckle",), _RANK, "convert IN -despeckle OUT"),
    Other(("guided", "guided-filter", "anisotropic", "perona-malik", "tv", "total-variation"),
          _LOOKS, "skimage.restoration.denoise_tv_chambolle in Python"),
    Other(("wavelet", "wavelet-denoise"), _LOOKS, "convert IN -wavelet-denoise 5% OUT"),
    Other(("std", "stddev", "variance", "local-std"), "it squares values",
          _statistic("StandardDeviation")),
    Other(("resize", "rescale", "thumbnail", "zoom", "upscale", "upsample", "downscale",
           "downsample", "super-resolution"),
          "it changes how many pixels there are", "convert IN -resize 50% OUT"),
    Other(("rotate",), _PLACES, "convert IN -rotate 30 OUT"),
    Other(("flip",), _PLACES, "convert IN -flip OUT"),
    Other(("flop", "mirror"), _PLACES, "convert IN -flop OUT"),
    Other(("transpose",), _PLACES, "convert IN -transpose OUT"),
    Other(("crop", "trim"), "it cuts an image off", "convert IN -crop 100x100+0+0 +repage OUT"),
    Other(("deskew", "straighten"), _PLACES, "convert IN -deskew 40% OUT"),
    Other(("warp", "affine", "shear", "perspective", "undistort"), _PLACES,
          "convert IN -distort SRT 1.1,30 OUT"),
    Other(("threshold", "binarize", "binarise"), _VALUES, "convert IN -threshold 50% OUT"),
    Other(("adaptive-threshold", "local-threshold"), _MORPHOLOGY, "convert IN -lat 25x25+5% OUT"),
    Other(("otsu",), _HISTOGRAM, "skimage.filters.threshold_otsu in Python"),
    Other(("fft", "ifft", "dft", "fourier", "spectrum"),
          "it gives a spectrum (`method` fft filters by way of one)", "vips spectrum IN OUT"),
    Other(("dct",), "it gives a spectrum", "scipy.fft.dctn in Python"),
    Other(("deconvolve", "deconvolution", "deblur", "richardson-lucy"), _UNDOES,
          "skimage.restoration.richardson_lucy in Python"),
    Other(("wiener",), _UNDOES, "skimage.restoration.wiener in Python"),
    Other(("clahe",), _HISTOGRAM, "vips hist_local IN OUT 64 64 --max-slope 3"),
    Other(("equalize", "equalise", "histogram", "hist-eq"), _HISTOGRAM, "convert IN -equalize OUT"),
    Other(("stretch", "autolevel", "auto-level", "normalize", "normalise"), _HISTOGRAM,
          "convert IN -normalize OUT"),
    Other(("gamma",), _VALUES, "convert IN -gamma 1.8 OUT"),
    Other(("contrast", "brightness", "levels", "curves"), _VALUES,
          "convert IN -brightness-contrast 10x20 OUT"),
    Other(("posterize", "quantize", "dither"), _VALUES, "convert IN -posterize 4 OUT"),
    Other(("solarize", "solarise"), _VALUES, "convert IN -solarize 50% OUT"),
    Other(("sepia",), _VALUES, "convert IN -sepia-tone 80% OUT"),
    Other(("saturation", "saturate", "hue"), _VALUES, "convert IN -modulate 100,130 OUT"),
    Other(("vignette",), "it darkens by place", "convert IN -vignette 0x20 OUT"),
    Other(("noise", "add-noise"), "it adds what is random", "convert IN +noise Gaussian OUT"),
    Other(("pixelate", "mosaic"), _PLACES, "convert IN -scale 10% -scale 1000% OUT"),
    Other(("oil", "oil-paint", "paint"), _RANK, "convert IN -paint 3 OUT"),
    Other(("watershed", "segment", "segmentation"), _MORPHOLOGY,
          "skimage.segmentation.watershed in Python"),
    Other(("label", "connected-components"), _MORPHOLOGY, "skimage.measure.label in Python"),
    Other(("harris", "corners"), "it multiplies gradients",
          "skimage.feature.corner_harris in Python"),
    Other(("inpaint",), _UNDOES, "skimage.restoration.inpaint_biharmonic in Python"),
    Other(("rolling-ball", "background"), _MORPHOLOGY,
          "skimage.restoration.rolling_ball in Python"),
    Other(("sift", "hog", "lbp"), "it describes an image in numbers", "skimage.feature in Python"),
    Other(("invert", "negate", "negative"), "it changes each value by itself, as one weight does",
          "the kernel '-1' with `bias` 255"),
    Other(("grayscale", "greyscale", "desaturate", "to-gray"), _VALUES,
          "identity with `gray`"),
    Other(("template", "template-match", "match-template"), "it looks for a patch",
          "'convcli find PATCH IN'"),
    Other(("maxpool", "max-pool", "max-pooling"), _RANK, "a pooling layer of 'convcli apply'"),
    Other(("relu",), _VALUES, "a relu layer of 'convcli apply'"),
)  # fmt: skip


def other(name: str) -> str:
    """Return what is to be said of a name that isn't a kernel's; '' for one that nobody knows.

    Parameters
    ----------
    name
        Lower case, with hyphens.

    Examples
    --------
    >>> other("rotate")
    "'rotate' is no kernel: it moves pixels to other places; use ImageMagick: convert IN -rotate
    30 OUT"
    """
    joined = name.replace("-", "")
    for each in OTHERS:
        if any(joined == known.replace("-", "") for known in each.names):
            program = {"convert": "ImageMagick: "}.get(each.how.partition(" ")[0], "")
            return f"{name!r} is no kernel: {each.why}; use {program}{each.how}"
    return ""
