"""L*a*b* of TIFF files: a* and b* have a sign, their neutral stays neutral, L* is lightness."""

from __future__ import annotations

import io
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import oracle
import pytest
import tiff_made as made
import tifffile
from command import call
from marks import exhaustive_but

from convcli import Spec, read
from convcli.errors import ImageError, UsageError
from convcli.image.show.preview import thumbnail
from convcli.image.tiff.write import encode
from convcli.kernels import parse_kernel
from convcli.pipeline import apply
from convcli.teach.explain import study

CIE, ICC, ITU = 8, 9, 10
ALPHA = 2
SIZE = 7, 8
BLUR, SHARPEN, SOBEL = "[[1,2,1],[2,4,2],[1,2,1]]/16", "0 -1 0; -1 5 -1; 0 -1 0", "sobel-x"
TRIPLE, THIRD = "[[1,1,1]]", "[[2,3,1],[0,1,0],[1,1,0]]/6"
ALL = [(kind, width) for kind in (CIE, ICC) for width in (8, 16)]


def coded(lightness, first, second, kind):
    """A file's samples, of L* as it is stored and a* and b* as whole numbers around 0."""
    bits = 8 * lightness.dtype.itemsize
    low = 2 ** (bits - 1)
    signed = np.stack([first, second], axis=2)
    if kind == ICC:
        signed = signed + low
    planes = [lightness[..., None], (signed % 2**bits).astype(lightness.dtype)]
    return np.concatenate(planes, axis=2)


def noise(bits, seed=1, size=SIZE):
    """L*, a* and b* of everything that there is."""
    rng = np.random.default_rng(seed)
    low = 2 ** (bits - 1)
    lightness = rng.integers(0, 2**bits, size).astype(f"u{bits // 8}")
    return lightness, *(rng.integers(-low, low, size) for _ in range(2))


def page(planes, kind, **more):
    samples = coded(*planes, kind)
    bits = 8 * samples.dtype.itemsize
    return made.page(samples, photometric=kind, bits=bits, **more)


def written(image):
    """What another program reads of an image that is written: (photometric, samples)."""
    with tifffile.TiffFile(io.BytesIO(encode(image))) as file:
        return int(file.pages[0].photometric), file.pages[0].asarray()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Read and written


@pytest.mark.parametrize(("kind", "bits"), ALL)
@pytest.mark.parametrize("order", "<>")
def test_a_file_is_read_around_the_middle_and_written_as_it_was(kind, bits, order):
    planes = noise(bits)
    image = read(page(planes, kind, order=order))
    assert image.channels == "Lab"
    low = 2 ** (bits - 1)
    for k, plane in enumerate(planes):
        assert np.array_equal(image.pixels[..., k].astype(int) - low * (k > 0), plane)
    photometric, found = written(image)
    assert photometric == kind
    assert np.array_equal(found, coded(*planes, kind))


def test_lightness_alone_and_alpha_and_bands():
    lightness, first, second = noise(8)
    alone = made.page(lightness[..., None], photometric=CIE, bits=8)
    image = read(alone)
    assert image.channels == "L"
    assert written(image)[0] == CIE
    assert np.array_equal(written(image)[1], lightness)
    more = np.dstack([coded(lightness, first, second, CIE), lightness, lightness // 2])
    both = read(made.page(more, photometric=CIE, bits=8, tags={338: [ALPHA, 0]}))
    assert both.channels == "Lab?A"
    assert np.array_equal(written(both)[1], more)


def test_what_is_not_read_is_refused():
    for kind, bits, form, words in ((ITU, 8, "u", "ITU"), (CIE, 32, "u", "32 bits of L"),
                                    (CIE, 16, "i", "signed whole")):  # fmt: skip
        samples = np.zeros((*SIZE, 3), f"{form}{bits // 8}")
        with pytest.raises(Exception, match=words):
            read(made.page(samples, photometric=kind, bits=bits))


# Filtered


def expected(plane, kernel, spec, *, signed, bits, white=None):
    """The oracle's samples of a plane: L* from 0, a* and b* around 0."""
    full, middle = 2**bits - 1, 2 ** (bits - 1)
    white = full if white is None else white
    fill = (
        0
        if signed or spec.border == "zero"
        else int(Fraction(spec.fill) * white / 255 + Fraction(1, 2))
    )
    part = kernel.parts[0]
    padding = ((part.weights.shape[0] // 2,) * 2, (part.weights.shape[1] // 2,) * 2)
    sums = oracle.correlate(
        plane, part.weights.astype(int), padding=padding, border=str(spec.border), fill=fill
    )
    divisor = Fraction(part.divisor)
    rows = []
    for row in sums:
        levels = [oracle.round_half_away(Fraction(v) / divisor) for v in row]
        if spec.mapping == "abs":
            levels = [abs(v) for v in levels]
        shift = middle if signed or spec.mapping == "offset" else 0
        rows.append([min(max(v + shift, 0), full) for v in levels])
    return np.array(rows)


BORDERS = ["replicate", "zero", "constant", "reflect", "symmetric", "wrap"]


@pytest.mark.parametrize(("kind", "bits"), exhaustive_but([(CIE, 8), (ICC, 16)], ALL))
@pytest.mark.parametrize("border", exhaustive_but(["zero"], BORDERS))
@pytest.mark.parametrize(
    "typed", exhaustive_but([BLUR, SOBEL], [BLUR, SHARPEN, SOBEL, TRIPLE, THIRD])
)
def test_sums_are_exact_around_the_neutral(kind, bits, border, typed):
    planes, kernel = noise(bits), parse_kernel(typed)
    image = read(page(planes, kind))
    for mapping in ("clip", "abs", "offset"):
        spec = Spec(border=border, fill=200 if border == "constant" else 0, mapping=mapping)
        result, _ = apply(image, [kernel], spec)
        assert result.channels == "Lab"
        white = 65280 if (kind, bits) == (ICC, 16) else None
        for k, plane in enumerate(planes):
            told = expected(plane.astype(int), kernel, spec, signed=k > 0, bits=bits, white=white)
            assert np.array_equal(result.pixels[..., k], told), (mapping, k)
        assert written(result)[0] == kind


SPECS = [
    Spec(),
    Spec(border="zero"),
    Spec(border="constant", fill=255, padding="full"),
    Spec(mapping="offset"),
    Spec(bias=30, mapping="clip"),
    Spec(scale="auto"),
    Spec(mapping="normalize"),
    Spec(depth="8"),
    Spec(depth="16"),
    Spec(rounding="even"),
    Spec(rounding="truncate"),
    Spec(channels="L"),
    Spec(luma=True),
    Spec(keep_edges=True),
    Spec(channels="b", padding=6, border="constant", fill=9),
]
KERNELS = [BLUR, SHARPEN, SOBEL, TRIPLE, "sobel", "gaussian:sigma=1.3"]


@pytest.mark.parametrize(("kind", "bits"), exhaustive_but([(CIE, 8), (ICC, 16)], ALL))
@pytest.mark.parametrize("typed", exhaustive_but([SHARPEN], KERNELS))
@pytest.mark.parametrize("number", exhaustive_but([0], range(len(SPECS))))
def test_what_has_no_colour_gets_none(kind, bits, typed, number):
    spec = SPECS[number]
    if spec.bias is not None and typed == "sobel":
        return
    lightness = noise(bits)[0]
    none = np.zeros(SIZE, int)
    image = read(page((lightness, none, none), kind))
    result, _ = apply(image, [parse_kernel(typed)], spec)
    middle = 2 ** (8 * result.dtype.itemsize - 1)
    assert (result.pixels[..., 1:] == middle).all()


@pytest.mark.parametrize(("kind", "bits"), ALL)
def test_lightness_is_filtered_as_gray_is(kind, bits):
    planes = noise(bits)
    image = read(page(planes, kind))
    gray = read(made.page(planes[0][..., None], photometric=1, bits=bits))
    kernels = [parse_kernel("unsharp:sigma=1")]
    alone, _ = apply(gray, kernels, Spec())
    for spec in (Spec(), Spec(channels="L"), Spec(luma=True), Spec(channels="1")):
        result, _ = apply(image, kernels, spec)
        assert np.array_equal(result.pixels[..., 0], alone.pixels)
        if spec != Spec():
            assert np.array_equal(result.pixels[..., 1:], image.pixels[..., 1:])


@pytest.mark.exhaustive
@pytest.mark.parametrize(("kind", "bits"), ALL)
def test_colour_is_weighted_by_alpha(kind, bits):
    planes = noise(bits, size=(9, 9))
    alpha = noise(bits, 2, (9, 9))[0]
    samples = np.dstack([coded(*planes, kind), alpha])
    image = read(made.page(samples, photometric=kind, bits=bits, tags={338: [ALPHA]}))
    result, facts = apply(image, [parse_kernel(BLUR)], Spec(padding="valid"))
    assert facts.alpha == "filter"
    weights = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    windows = np.lib.stride_tricks.sliding_window_view

    def mean(plane):
        return (windows(plane.astype(float), (3, 3)) * weights).sum(axis=(2, 3)) / 16

    below = mean(alpha)
    for k, plane in enumerate(planes):
        told = mean(plane * alpha.astype(float)) / below + (k > 0) * 2 ** (bits - 1)
        assert np.abs(result.pixels[..., k] - told).max() <= 0.5001
    assert np.abs(result.pixels[..., 3] - below).max() <= 0.5001


# Other depths


def values(image):
    """L* from 0 to 100, a* and b* of an image."""
    kind = image.meta.bands.kind
    if image.dtype.kind == "f":
        return image.pixels[..., :3].astype(float)
    wide = image.dtype.itemsize == 2
    white = 255 if not wide else 65280 if kind == "ICCLab" else 65535
    middle, step = (32768, 256) if wide else (128, 1)
    pixels = image.pixels.astype(float)
    return np.dstack([pixels[..., 0] / white * 100, (pixels[..., 1:3] - middle) / step])


@pytest.mark.parametrize(("kind", "bits"), exhaustive_but([(CIE, 8)], ALL))
@pytest.mark.parametrize("depth", exhaustive_but(["16"], ["8", "16", "float"]))
@pytest.mark.parametrize("channels", exhaustive_but([None, "b"], [None, "L", "b"]))
def test_colours_are_the_same_in_another_depth(kind, bits, depth, channels):
    lightness, first, second = noise(bits)
    if bits == 16:
        # Above 127 and above white, 8 bits hold nothing.
        lightness = np.minimum(lightness, 65280)
        first, second = np.minimum(first, 127 * 256), np.minimum(second, 127 * 256)
    image = read(page((lightness, first, second), kind))
    result, _ = apply(image, [parse_kernel("1")], Spec(depth=depth, channels=channels))
    error = {"8": 0.51, "16": 0.002, "float": 2e-5}[depth]
    assert np.abs(values(result) - values(image)).max() <= error
    assert result.channels == "Lab"
    back = read(encode(result))
    assert np.array_equal(back.pixels, result.pixels)


def test_raw_responses_are_no_colours():
    planes = noise(8)
    image = read(page(planes, CIE))
    result, _ = apply(image, [parse_kernel(SOBEL)], Spec(mapping="raw"))
    assert result.channels == "???"
    photometric, found = written(result)
    assert photometric == 1
    padded = [np.pad(plane.astype(float), 1, mode="edge") for plane in planes]
    for k, plane in enumerate(padded):
        across = plane[:, 2:] - plane[:, :-2]
        assert np.array_equal(found[..., k], across[:-2] + 2 * across[1:-1] + across[2:])


def test_normalize_stretches_colour_as_it_stretches_lightness():
    lightness = np.linspace(50, 100, 56).reshape(SIZE).astype(np.uint8)
    colour = np.full(SIZE, 10)
    result, _ = apply(read(page((lightness, colour, -colour), CIE)), [parse_kernel("1")],
                      Spec(mapping="normalize"))  # fmt: skip
    assert (result.pixels[..., 0].min(), result.pixels[..., 0].max()) == (0, 255)
    assert (result.pixels[..., 1:] == [128 + 51, 128 - 51]).all()
    with pytest.raises(UsageError, match="stretches L"):
        apply(read(page((lightness, colour, colour), CIE)), [parse_kernel("1")],
              Spec(mapping="normalize", channels="a"))  # fmt: skip


# Gray, and other formats


@pytest.mark.parametrize(("kind", "bits"), ALL)
def test_gray_is_lightness(kind, bits, here):
    planes = noise(bits)
    (here / "a.tif").write_bytes(page(planes, kind))
    said = call("apply", "1", "a.tif", "--gray", "-o", "out.png")
    assert said.status == 0
    assert "gray is L*, the lightness of L*a*b*" in said.err
    white = 65280 if (kind, bits) == (ICC, 16) else 2**bits - 1
    told = np.minimum(np.floor(planes[0] / white * (2**bits - 1) + 0.5), 2**bits - 1)
    assert np.array_equal(read("out.png").pixels, told)
    assert call("apply", "1", "a.tif", "--bands", "L", "-o", "two.png").status == 0
    assert np.array_equal(read("two.png").pixels, told)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "out.png"), "PNG can't hold 8-bit L*a*b*; use --gray, or -o NAME.tif"),
        (("-o", "out.jpg"), "JPEG can't hold 8-bit L*a*b*; use --gray, or -o NAME.tif"),
        (("--linear", "-o", "o.tif"), "--linear is not for L*a*b*"),
        (("--gray", "--linear", "-o", "o.tif"), "--linear is not for L*a*b*"),
        (("--channels", "K", "-o", "o.tif"), "channels are L, a, b; name some of these"),
        (("--channels", "4", "-o", "o.tif"), "are 1 (L), 2 (a), 3 (b); name some"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(arguments, words, here):
    (here / "a.tif").write_bytes(page(noise(8), CIE))
    said = call("apply", BLUR, "a.tif", *arguments)
    assert said.status in (1, 2)
    assert words in said.err
    assert len(said.lines) == 1


@pytest.mark.parametrize("typed", ["L", "l", "1", "lightness"])
def test_lightness_has_several_names(typed, here):
    (here / "a.tif").write_bytes(page(noise(8), CIE))
    assert call("apply", BLUR, "a.tif", "--channels", typed, "-o", "o.tif").status == 0
    same = read("o.tif").pixels == read("a.tif").pixels
    assert [bool(same[..., k].all()) for k in range(3)] == [False, True, True]


def test_letters_of_any_case_are_told_apart_where_alpha_is():
    samples = np.dstack([coded(*noise(8), CIE), np.full(SIZE, 9, np.uint8)])
    image = read(made.page(samples, photometric=CIE, bits=8, tags={338: [ALPHA]}))
    for typed, same in (("a", [1, 0, 1, 1]), ("LAB", [0, 0, 0, 1]), ("Lab", [0, 0, 0, 1])):
        result, _ = apply(image, [parse_kernel(SHARPEN)], Spec(channels=typed))
        equal = (result.pixels == image.pixels).all(axis=(0, 1))
        assert equal.tolist() == [bool(each) for each in same]


# Seen, compared, explained, as a stack


def test_previews_have_the_colours():
    """The values of CIE L*a*b* (D50) of sRGB's red, gray and blue."""
    planes = (np.array([[54.29, 53.59, 29.57]]), np.array([[80.80, 0, 68.30]]),
              np.array([[69.89, 0, -112.03]]))  # fmt: skip
    lightness = np.round(planes[0] * 655.35).astype(np.uint16)
    signed = [np.round(plane * 256).astype(int) for plane in planes[1:]]
    image = read(page((lightness, *signed), CIE))
    told = np.array([[255, 0, 0], [128, 128, 128], [0, 0, 255]])
    assert np.abs(thumbnail(image, (1, 3))[0].astype(int) - told).max() <= 3


@pytest.mark.parametrize("options", [(), ("--gray",), ("--bands", "L")])
def test_source_and_result_stand_side_by_side(options, here):
    (here / "a.tif").write_bytes(page(noise(8), CIE))
    said = call("apply", BLUR, "a.tif", *options, "-o", "o.tif", "--compare", "c.tif")
    assert said.status == 0, said.err
    with tifffile.TiffFile("c.tif") as file:
        assert int(file.pages[0].photometric) == CIE


def test_lightness_is_explained_and_colour_is_not():
    image = read(page(noise(8), CIE))
    kernel = parse_kernel(BLUR)
    for spec in (Spec(channels="L"), Spec(gray=True), Spec(bands="L")):
        assert study(image, kernel, spec).at(2, 3).stored is not None
    with pytest.raises(UsageError, match="`channels` L"):
        study(image, kernel, Spec())


def test_a_stack_is_a_volume_of_lightness_only(here):
    with tifffile.TiffWriter("s.tif") as file:
        for seed in range(3):
            file.write(coded(*noise(8, seed), CIE), photometric="cielab", metadata=None)
    said = call("apply", "--volume", "box:size=3", "s.tif", "-o", "o.tif")
    assert said.status in (1, 2)
    assert "use --gray, or --bands L" in said.err
    assert call("apply", "--volume", "box:size=3", "s.tif", "--gray", "-o", "o.tif").status == 0
    assert call("apply", BLUR, "s.tif", "-o", "pages.tif").status == 0
    with tifffile.TiffFile("pages.tif") as file:
        assert [int(page.photometric) for page in file.pages] == [CIE] * 3


def test_imagemagick_sees_the_same_colours(here):
    if shutil.which("convert") is None:
        pytest.skip("ImageMagick is not installed")
    lightness = np.full((16, 16), 138, np.uint8)
    (here / "a.tif").write_bytes(
        page((lightness, np.full((16, 16), 60), np.full((16, 16), -40)), CIE)
    )
    assert call("apply", "gaussian", "a.tif", "-o", "o.tif").status == 0
    seen = []
    for path in ("a.tif", "o.tif"):
        told = subprocess.run(
            ["convert", path, "-colorspace", "sRGB", "-depth", "8", "rgb:-"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        seen.append(told)
    assert seen[0] == seen[1]
    assert len(set(seen[0][:3])) > 1


def test_lab_in_jpeg_is_refused():
    """Decoders may take three components for YCbCr."""
    with io.BytesIO() as file:
        samples = np.zeros((16, 16, 3), np.uint8)
        tifffile.imwrite(file, samples, photometric="rgb", compression="jpeg", metadata=None)
        data = bytearray(file.getvalue())
    at = int.from_bytes(data[4:8], "little")
    for k in range(int.from_bytes(data[at : at + 2], "little")):
        place = at + 2 + 12 * k
        if int.from_bytes(data[place : place + 2], "little") == 262:
            data[place + 8] = CIE
    with pytest.raises(ImageError, match=r"L\*a\*b\* in JPEG"):
        read(bytes(data))


def test_a_region_of_lightness_is_filtered(here):
    planes = noise(8, size=(20, 24))
    (here / "a.tif").write_bytes(page(planes, CIE))
    region = ("--region", "4,5,8x6")
    assert call("apply", SHARPEN, "a.tif", *region, "--channels", "L", "-o", "o.tif").status == 0
    assert call("apply", SHARPEN, "a.tif", "--channels", "L", "-o", "all.tif").status == 0
    told = read("a.tif").pixels.copy()
    told[5:11, 4:12] = read("all.tif").pixels[5:11, 4:12]
    assert np.array_equal(read("o.tif").pixels, told)
    said = call("apply", SHARPEN, "a.tif", *region, "-o", "no.tif")
    assert said.status == 2 or said.status == 1
    assert "--region is for L* of L*a*b* alone; use --channels L" in said.err


def test_directions_of_lightness_are_hues(here):
    (here / "a.tif").write_bytes(page(noise(8), CIE))
    gray = noise(8)[0]
    (here / "g.tif").write_bytes(made.page(gray[..., None], photometric=1, bits=8))
    for name in ("a", "g"):
        arguments = ("sobel-direction", f"{name}.tif", "--map", "hue", "-o", f"{name}.png")
        assert call("apply", *arguments).status == 0
    assert np.array_equal(read("a.png").pixels, read("g.png").pixels)
