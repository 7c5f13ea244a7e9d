"""The grid: kinds of images × kernels × options, the same cases in every run."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from random import Random

from grid_sources import KINDS, MOVING, STILL

SEED = 14
BORDERS = ("replicate", "zero", "constant", "reflect", "symmetric", "wrap")
MAPS = ("clip", "abs", "offset", "normalize", "raw")
METHODS = ("auto", "direct", "separable", "lowrank", "box", "fft")
#: The usual ones, of every class; then all others that differ in how they are computed.
COMMON = ("gaussian:sigma=1.5", "sobel", "sobel-x", "sharpen", "unsharp:sigma=2", "laplacian")
KERNELS = (
    *COMMON, "identity", "box3", "box:size=9", "box:size=31", "gaussian:sigma=0.6",
    "gaussian:sigma=4", "gaussian:sigma=9", "gaussian3", "gaussian7", "disk:radius=5",
    "motion:length=9,angle=30", "tent:size=6", "savgol5", "cross-blur", "sharpen8", "detail",
    "highboost:amount=1", "unsharp5", "sobel-y", "sobel5-x", "sobel7-y", "scharr-x", "prewitt",
    "prewitt-x", "roberts", "roberts-a", "scharr", "kirsch", "robinson", "frei-chen",
    "sobel-direction", "laplacian8", "log", "log:sigma=1.4", "log:sigma=3", "dog", "gabor:theta=30",
    "emboss", "emboss5", "farid5-x", "bickley-x", "0 -1 0; -1 5 -1; 0 -1 0",
    "[[1,2,1],[2,4,2],[1,2,1]]/16", "0.1 0.2 0.1; 0.2 -0.3 0.2; 0.1 0.2 0.1", "1 2 3 4",
    "1; -1", "-1 2; 3 0.5", "dense5.npy", "dense15.npy", "dense31.npy", "dense63.npy",
    "whole5.npy", "whole15.npy", "whole31.npy",
)  # fmt: skip
CHAINS = (
    ("gaussian:sigma=2", "laplacian"), ("gaussian:sigma=1", "sobel"), ("sharpen", "box3"),
    ("box3", "box3", "box3"), ("gaussian3", "sobel-x", "emboss"), ("sobel-x", "sobel-y"),
    ("dense5.npy", "gaussian:sigma=3"), ("unsharp:sigma=2", "sharpen", "identity"),
)  # fmt: skip
_RASTER = ("l8", "la8", "rgb8", "rgba8", "l16", "la16", "rgb16", "rgba16")
#: What most groups filter: every number of channels, depth and light.
MAIN = (*(f"{name}.png" for name in _RASTER), "rgb-float32.tif", "rgba-float32.tif", "rgb-420.jpg",
        "rgb8-told.png")  # fmt: skip
#: Options that are one thing alone, for every kind of image.
SINGLE = (
    "--linear", "--luma", "--gray", "--gray --linear", "--luma --linear", "--alpha keep",
    "--alpha filter", "--alpha drop", "--map abs", "--map offset", "--map normalize",
    "--map raw --depth float", "--depth 8", "--depth 16", "--depth float", "--stride 2",
    "--border wrap", "--precision double", "--scale auto", "--jobs 1", "--then laplacian",
)  # fmt: skip
#: Suffixes that results are written to, and options of theirs.
WRITTEN = {
    ".png": ("", "--compress 0", "--compress 1", "--compress 6", "--compress 9"),
    ".jpg": ("", "--quality 1", "--quality 60", "--quality 95", "--quality 100"),
    ".tif": ("", "--compress 0", "--compress 5", "--compress 9", "--depth float", "--depth 16"),
    ".webp": ("", "--quality 40", "--quality 100"), ".avif": ("", "--quality 50"),
    ".jp2": ("", "--quality 70", "--depth 16"), ".bmp": ("",), ".gif": ("",),
    ".npy": ("", "--map raw"),
    ".pgm": ("", "--gray", "--gray --depth 16"), ".ppm": ("", "--depth 16"),
    ".pfm": ("", "--depth float"), ".pbm": ("",), ".pnm": ("",),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A command line, or a call of a documented function.

    Parameters
    ----------
    group
        What it is for.
    source
        Size and kind, as `grid_sources.make` takes them.
    kernels
        As typed, or `denseN.npy` and `wholeN.npy` for weights in a file.
    options
        As typed, in one string.
    suffix
        Of the result; '' for the source's.
    call, given
        A function of `grid_runner.CALLS`, and what it is given beside files.
    """

    group: str
    source: str
    kernels: tuple[str, ...]
    options: str = ""
    suffix: str = ""
    call: str = ""
    given: dict = field(default_factory=dict)

    @property
    def key(self):
        """What tells it from all others, and what a person reads."""
        more = f"{self.call}({self.given})" if self.call else self.options
        then = " --then ".join(self.kernels)
        return " ".join(filter(None, (self.source, then, more, self.suffix and f"→ {self.suffix}")))

    @property
    def ending(self):
        """The result's suffix."""
        if self.suffix or self.call == "correlate":
            return self.suffix or ".npy"
        return "." + self.source.rpartition(".")[2]


def cases(groups=None):
    """All cases of some groups, none twice."""
    found = {}
    for name, make in GROUPS.items():
        if groups is None or name in groups:
            for case in make(Random(f"{SEED} {name}")):
                found.setdefault(case.key, case)
    return [*found.values()]


def _kinds(random):
    """Every kind of image, under every option alone."""
    for kind in STILL:
        sizes = ("61x83", "96x150", "40x7")
        for kernel in COMMON:
            yield Case("kinds", f"{random.choice(sizes)}-{kind}", (kernel,))
        for option in SINGLE:
            suffix = ".tif" if "float" in option else ".png" if "16" in option else ""
            kernel = random.choice(COMMON)
            yield Case("kinds", f"61x83-{kind}", (kernel,), option, suffix)


def _kernels(random):
    """Every kernel, on every number of channels and depth."""
    for kernel in KERNELS:
        kinds = (*MAIN[:3], "rgba8.png", *random.sample(MAIN[4:], 2))
        for kind in kinds:
            yield Case("kernels", f"96x150-{kind}", (kernel,))
        yield Case("kernels", "61x83-rgb8.png", (kernel,), "--convolve")
        yield Case("kernels", "61x83-rgb16.png", (kernel,), "--map raw", ".npy")


def _sizes(random):
    """Tiny images: borders lie upon borders, threads and tiles have nothing to share."""
    kernels = ("box3", "gaussian:sigma=2", "sobel", "laplacian", "dense5.npy", "dense15.npy")
    for rows, cols in product((1, 2, 3, 5, 8, 9), (1, 2, 4, 7, 9)):
        for kernel in random.sample(kernels, 3):
            kind, border = random.choice(MAIN[:8]), random.choice(BORDERS)
            option = random.choice(("", "--linear", "--luma", "--stride 3", "--method fft"))
            yield Case("sizes", f"{rows}x{cols}-{kind}", (kernel,), f"--border {border} {option}")
    for kind in KINDS:
        yield Case("sizes", f"1x1-{kind}", ("sharpen",))
        yield Case("sizes", f"7x9-{kind}", ("gaussian:sigma=2",), "--border wrap")


def _geometry(random):
    """Padding, border, stride and dilation."""
    paddings = ("", "--padding valid", "--padding full", "--padding 0", "--padding 3",
                "--padding 2,5")  # fmt: skip
    strides = ("", "--stride 2", "--stride 3", "--stride 2,5", "--stride 1,2", "--stride 40")
    dilations = ("", "--dilation 2", "--dilation 3", "--dilation 1,4")
    kernels = (*COMMON, "1 2 3 4", "-1 2; 3 0.5", "box:size=9", "dense5.npy", "whole15.npy", "dog")
    for padding, border in product(paddings, (*BORDERS, "constant --fill 77.5")):
        for _ in range(8):
            options = (padding, f"--border {border}", random.choice(strides))
            more = random.choice(("", "", "--convolve")), random.choice(dilations)
            source = f"61x83-{random.choice(MAIN)}"
            words = " ".join(filter(None, (*options, *more)))
            yield Case("geometry", source, (random.choice(kernels),), words)


#: One of each line is taken for a case of many options; '' is left out.
_MANY = (
    ("", "", "--linear"),
    ("", "", "--luma", "--gray", "--channels R", "--channels GB", "--channels A", "--channels L"),
    ("", "--alpha keep", "--alpha filter", "--alpha drop"),
    ("", "", *(f"--border {border}" for border in BORDERS), "--border constant --fill 200"),
    ("", "", "", "--stride 2", "--stride 3,2"),
    ("", "", *(f"--map {name}" for name in MAPS)),
    ("", "", "", "--depth 8", "--depth 16", "--depth float"),
    ("", "", "", "", "--padding valid", "--padding full", "--padding 4", "--padding 1,0"),
    ("", "", "", "", "--dilation 2"),
    ("", "", "", "", "--convolve"),
    ("", "", "", "", "--scale 0.5", "--scale 3", "--scale auto", "--bias 40", "--bias -10"),
    ("", "", "", "", "--precision double"),
    ("", "", "", "", "--jobs 1", "--jobs 2"),
)


def _options(random, group="options", count=1900, size="61x83", kinds=MAIN, kernels=KERNELS):
    """Options of all sorts at once, where they meet."""
    for _ in range(count):
        words = " ".join(filter(None, (random.choice(line) for line in _MANY)))
        chain = random.choice(CHAINS) if random.random() < 0.3 else (random.choice(kernels),)
        suffix = "" if random.random() < 0.5 else random.choice((".png", ".tif", ".npy"))
        if suffix != ".npy" and ("--map raw" in words or "--depth float" in words):
            suffix = ".tif"
        yield Case(group, f"{size}-{random.choice(kinds)}", chain, words, suffix)


_LIGHT = tuple(kernel for kernel in KERNELS if kernel not in ("whole31.npy", "dense63.npy"))


def _large(random):
    """Images that bands, threads and tiles share, in all ways that these are gone through."""
    kinds = ("l8.png", "rgb8.png", "rgba8.png", "rgb16.png", "rgb-420.jpg", "rgb-float32.tif")
    kernels = ("box:size=31", "gaussian:sigma=2", "gaussian:sigma=9", "dense15.npy", "dense31.npy",
               "sobel", "unsharp:sigma=3", "sharpen", "sobel-x", "identity")  # fmt: skip
    size = "1200x1500"
    for kind in kinds:
        for kernel in kernels:
            yield Case("large", f"{size}-{kind}", (kernel,), random.choice(("", "--jobs 1")))
        for chain in random.sample(CHAINS, 3):
            yield Case("large", f"{size}-{kind}", chain)
    modes = ("--linear", "--luma", "--gray", "--map normalize", "--stride 2", "--method fft",
             "--border wrap", "--padding full", "--luma --linear", "--precision double",
             "--depth 16", "--compress 1", "--scale auto",
             "--padding valid --stride 3,2")  # fmt: skip
    for kind, mode in product(kinds[:4], modes):
        yield Case("large", f"{size}-{kind}", (random.choice(kernels),), mode, ".png")
    for mode in ("--alpha filter", "--alpha keep", "--alpha drop", "--alpha filter --linear"):
        for kernel in ("gaussian:sigma=3", "sobel-x", "dense63.npy", "unsharp:sigma=2"):
            yield Case("large", f"{size}-rgba8.png", (kernel,), mode)
    for kernel in ("sobel-x", "gaussian:sigma=2", "sobel"):
        for options in ("--depth float --map raw", "--map normalize", "--linear", "--depth 16"):
            yield Case("large", f"{size}-rgb8.png", (kernel,), options, ".tif")
    for kind in ("rgb-progressive.jpg", "rgb-turned6.jpg", "palette.png", "rgb8-tiled.tif",
                 "rgb8-interlaced.png", "rgb8-planar.tif", "rgb8.ppm", "rgb8.npy",
                 "l1.png", "la8.png", "rgba16.png", "cmyk8.tif"):  # fmt: skip
        for kernel in ("gaussian:sigma=2", "sharpen"):
            yield Case("large", f"1030x700-{kind}", (kernel,))
    yield from _options(random, "large", 60, "900x1100", MAIN[:8], _LIGHT)


def _methods(random):
    """Every method where it can be had, and where it can't."""
    kernels = ("box3", "box:size=9", "gaussian:sigma=4", "sobel-x", "laplacian", "whole15.npy",
               "dense5.npy", "dense31.npy", "disk:radius=5", "log:sigma=3", "unsharp:sigma=2",
               "dog")  # fmt: skip
    for kernel, method in product(kernels, METHODS):
        for kind in random.sample(MAIN, 2):
            more = random.choice(("", "--stride 2", "--dilation 2", "--precision double"))
            words = f"--method {method} {more}".strip()
            yield Case("methods", f"96x150-{kind}", (kernel,), words)
        options = f"--method {method} --map raw --border {random.choice(BORDERS)}"
        yield Case("methods", "96x150-rgb-float64.tif", (kernel,), options, ".npy")


def _formats(random):
    """Every format that results are written to, from every depth."""
    kinds = (*MAIN, "cmyk.jpg", "l1.png", "palette.png", "rgb8-told.tif", "rgb-told.jpg",
             "rgb-turned5.jpg", "rgba.webp", "seven.npy", "still-clear.gif")  # fmt: skip
    for kind, (suffix, options) in product(kinds, WRITTEN.items()):
        for option in random.sample(options, min(2, len(options))):
            kernel = random.choice(("sharpen", "gaussian:sigma=1.5", "identity"))
            yield Case("formats", f"61x83-{kind}", (kernel,), option, suffix)


def _moving(random):
    """Animations and pages."""
    options = ("", "--map normalize", "--linear", "--luma", "--gray", "--stride 2", "--frame 1",
               "--alpha filter", "--then laplacian", "--map offset", "--depth float")  # fmt: skip
    for kind, option in product(MOVING, options):
        suffix = ".tif" if "float" in option else ""
        kernel = random.choice(("sobel", "gaussian:sigma=1.5", "sharpen", "sobel-x"))
        yield Case("moving", f"40x52-{kind}", (kernel,), option, suffix)
    for kind, suffix in product(MOVING, (".gif", ".png", ".webp", ".tif", ".avif", ".jpg", ".npy")):
        yield Case("moving", f"40x52-{kind}", ("sharpen",), "", suffix)
    for kind in ("moving-rgb.png", "moving.gif", "stack.tif"):
        yield Case("moving", f"400x500-{kind}", ("gaussian:sigma=3",))


def _numbers(random):
    """Fill, bias, scale, and what is clipped by them."""
    values = ("0", "1", "0.1", "-0.5", "3", "1e-6", "1e6")
    for kernel in ("sobel-x", "sharpen", "gaussian:sigma=1.5", "emboss", "sobel", "dense5.npy"):
        for value, kind in product(values, ("l8.png", "rgba16.png", "rgb-float32.tif")):
            map_ = f"--map {random.choice(MAPS[:4])}"
            yield Case("numbers", f"61x83-{kind}", (kernel,), f"--scale={value} {map_}")
            yield Case("numbers", f"61x83-{kind}", (kernel,), f"--bias={value} {map_}")
        for fill in ("0", "255", "12.5", "-3", "300"):
            words = f"--border constant --fill={fill}"
            yield Case("numbers", f"61x83-{random.choice(MAIN)}", (kernel,), words)


def _channels(random):
    """Every choice of channels, and those that aren't there."""
    chosen = ("R", "G", "B", "A", "RG", "BR", "RGB", "RGBA", "L", "LA", "C", "CMYK", "X", "RR")
    kinds = ("l8.png", "la8.png", "rgb8.png", "rgba8.png", "cmyk.jpg", "five.tif", "rgba16.png")
    for letters, kind in product(chosen, kinds):
        more = random.choice(("", "--linear", "--map offset", "--depth 16", "--alpha filter"))
        words = f"--channels {letters} {more}".strip()
        suffix = ".png" if "16" in more else ""
        yield Case("channels", f"61x83-{kind}", (random.choice(COMMON),), words, suffix)


def _wrong(random):
    """What is refused, each with its exit status."""
    for options in ("--padding -1", "--stride 0", "--dilation 0", "--scale nan", "--fill inf",
                    "--map raw --depth 8", "--luma --gray", "--luma --map raw", "--jobs 0",
                    "--quality 0", "--compress 10", "--frame 9", "--frame -1", "--border maybe",
                    "--nothing", "--max-pixels 10", "--format xyz",
                    "--alpha none", "--depth 12", "--method fast"):  # fmt: skip
        yield Case("wrong", "61x83-rgb8.png", ("sharpen",), options)
    for kernel in ("nothing", "gaussian:sigma=0", "gaussian:sigma=x", "1 2; 3", "", "0 0; 0 0",
                   "missing.toml", "box:size=0", "gaussian:size=4,sigma=1", "1 a"):  # fmt: skip
        yield Case("wrong", "61x83-rgb8.png", (kernel,))
    for kind in ("l8.png", "rgb-turned6.jpg"):
        yield Case("wrong", f"5x5-{kind}", ("box:size=9",), "--padding valid")


def _calls(random):
    """The documented functions."""
    for kind in KINDS:
        yield Case("calls", f"61x83-{kind}", (), call="read", suffix=".npy")
    arrays = ("u8.npy", "rgb8.npy", "rgb16.npy", "float32.npy", "rgb-float64.npy", "bool.npy",
              "seven.npy")  # fmt: skip
    for kind, kernel in product(
        arrays, ("sobel-x", "gaussian:sigma=2", "dense15.npy", "frei-chen")
    ):
        for _ in range(3):
            given = {"border": random.choice(BORDERS), "stride": random.choice((1, 2, [2, 3])),
                     "padding": random.choice(("same", "valid", "full", 2)),
                     "mapping": random.choice(MAPS), "flip": random.choice((False, True)),
                     "method": random.choice(("auto", "direct", "auto"))}  # fmt: skip
            yield Case("calls", f"61x83-{kind}", (kernel,), call="correlate", given=given)
        yield Case("calls", f"700x500-{kind}", (kernel,), call="correlate", given={"jobs": 2})
    for bank, groups in (("bank-4-3-5-5", 1), ("bank-6-1-3-3", 3), ("bank-2-7-3-4", 1)):
        for kind in ("rgb8.npy", "rgb-float64.npy", "seven.npy"):
            for bias, stride in ((None, 1), ([1.5] * int(bank.split("-")[1]), 2)):
                given = {"groups": groups, "bias": bias, "stride": stride}
                name = f"{bank}.npy"
                yield Case("calls", f"61x83-{kind}", (name,), call="correlate", given=given)
    for kind, chain in product(MAIN, CHAINS[:4]):
        given = {"linear": random.random() < 0.4, "stride": random.choice((1, 2))}
        suffix = ".tif" if "float" in kind else ".png"
        yield Case("calls", f"61x83-{kind}", chain, suffix=suffix, call="apply", given=given)
    for kernel, depth in product(KERNELS[:30], ("uint8", "uint16", "float32")):
        given = {"shape": [700, 500, 3], "dtype": depth, "method": "auto"}
        yield Case("calls", "1x1-u8.npy", (kernel,), call="choose", given=given)


GROUPS = {
    "kinds": _kinds, "kernels": _kernels, "sizes": _sizes, "geometry": _geometry,
    "options": _options, "large": _large, "methods": _methods, "formats": _formats,
    "moving": _moving, "numbers": _numbers, "channels": _channels, "wrong": _wrong,
    "calls": _calls,
}  # fmt: skip
