"""Sample types come back as they were: values in their own units, maxima, white as zero, 1 bit."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import oracle
import pytest
import tifffile
from command import call
from marks import exhaustive_but

import convcli
from convcli import Frames, Image, ImageError, Meta, Spec, UsageError
from convcli.image.depth import full_range, widen_bits
from convcli.image.files import encode
from convcli.kernels import parse_kernel
from convcli.pipeline.sample_types import rounded, saturated
from convcli.teach.explain import study

VALUES = ("int8", "int16", "uint32", "int32", "uint64", "int64")
LEVELS = ("uint8", "uint16", "float16", "float32", "float64")
BITS = (9, 10, 12, 14, 15)
MINISWHITE = 0


def values(kind, shape=(23, 31), seed=1):
    """Noise of all that a type holds, or of what float64 holds of it, and its ends."""
    rng = np.random.default_rng(seed)
    if kind.startswith("float"):
        return rng.normal(scale=30, size=shape).astype(kind)
    ends = np.iinfo(kind)
    low, high = max(int(ends.min), -(2**53)), min(int(ends.max), 2**53)
    found = rng.integers(low, high, shape, endpoint=True, dtype=kind)
    found.flat[0], found.flat[1] = low, high
    return found


def tags_of(path):
    with tifffile.TiffFile(path) as file:
        return {tag.code: tag.value for tag in file.pages[0].tags}


def said_of(tool, *args):
    """What another program says of a file."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} isn't installed")
    done = subprocess.run([tool, *map(str, args)], capture_output=True, text=True, check=True)
    return done.stdout


def done(*args):
    """A command that has to work; what it said."""
    said = call("apply", *args)
    assert said.status == 0, said.err
    return "\n".join(line for line in said.lines if "compiling the loops" not in line)


# Values: whole numbers in their own units


@pytest.mark.parametrize("kind", [*VALUES, *LEVELS])
@pytest.mark.parametrize("order", exhaustive_but((">",), "<>"))
def test_an_identity_gives_back_the_samples_of_every_type(tmp_path, kind, order):
    stored = values(kind)
    stored = stored.astype(stored.dtype.newbyteorder(order))
    np.save(tmp_path / "a.npy", stored)
    tifffile.imwrite(tmp_path / "a.tif", stored, byteorder=order, software=False, metadata=None)
    for source in ("a.npy", "a.tif"):
        for target in ("b.npy", "b.tif"):
            said = done("identity", tmp_path / source, "-o", tmp_path / target, "--overwrite")
            assert "note" not in said
            path = tmp_path / target
            found = np.load(path) if target == "b.npy" else tifffile.imread(path)
            assert found.dtype.newbyteorder("=") == kind
            assert np.array_equal(found, stored)


@pytest.mark.parametrize("kind", exhaustive_but(("int16",), VALUES))
@pytest.mark.parametrize("channels", [2, 3, 4, 5])
def test_channels_of_values_have_no_alpha_unless_it_is_said(tmp_path, kind, channels):
    stored = values(kind, (7, 9, channels))
    image = Image(stored)
    assert image.channels == ("RGB" if channels == 3 else "?" * channels)
    found = convcli.apply(image, "identity")
    assert found.dtype == kind
    assert np.array_equal(found.pixels, stored)


def exactly(response, kind):
    """A response as a sample: rounded, halves away from zero, and the nearest there is."""
    size = int(abs(response) + Fraction(1, 2))
    ends = np.iinfo(kind)
    return min(max(size if response >= 0 else -size, int(ends.min)), int(ends.max))


KERNELS = ("box3", "[[1,2,1],[2,4,2],[1,2,1]]/16", "[[1,1]]/2", "sharpen", "[[9,-3],[7,5]]/273")


@pytest.mark.parametrize("kind", exhaustive_but(("int16", "uint32"), VALUES))
@pytest.mark.parametrize("kernel", exhaustive_but(("box3", "[[9,-3],[7,5]]/273"), KERNELS))
@pytest.mark.parametrize("border", exhaustive_but(("replicate",), ("replicate", "zero", "wrap")))
def test_whole_kernels_on_values_are_exact(kind, kernel, border):
    stored = values(kind, (6, 7), seed=5) // (1 if np.dtype(kind).itemsize < 8 else 2**13)
    one = parse_kernel(kernel)
    found = convcli.apply(Image(stored), one, Spec(border=border, mapping="clip"))
    rows, cols = one.shape
    padding = ((rows // 2, rows - 1 - rows // 2), (cols // 2, cols - 1 - cols // 2))
    sums = oracle.correlate(stored.tolist(), one.summed.weights, padding=padding, border=border)
    expected = [[exactly(Fraction(s) / one.summed.divisor, kind) for s in row] for row in sums]
    assert found.dtype == kind
    assert found.pixels.tolist() == expected


@pytest.mark.parametrize("method", exhaustive_but(("box",), ("direct", "separable", "box", "fft")))
def test_every_method_gives_the_same_values(method):
    stored = values("int16", (70, 80))
    spec = Spec(mapping="clip", method=method)
    found = convcli.apply(Image(stored), "box5", spec).pixels
    padded = np.pad(stored.astype(np.int64), 2, mode="edge")
    sums = sum(padded[y : y + 70, x : x + 80] for y in range(5) for x in range(5))
    expected = np.sign(sums) * ((2 * np.abs(sums) + 25) // 50)
    assert np.array_equal(found, expected)


def test_values_saturate_and_are_counted(tmp_path):
    stored = np.array([[100, 20, -120, 127, -128, 3]], dtype=np.int8)
    np.save(tmp_path / "a.npy", stored)
    said = call("apply", "[[3]]", tmp_path / "a.npy", "-o", tmp_path / "b.npy", "--json")
    found = json.loads(said.out)
    assert np.load(tmp_path / "b.npy").tolist() == [[127, 60, -128, 127, -128, 9]]
    assert found["response"]["clipped"] == 4
    assert found["response"]["units"] == "values"
    assert found["output"]["depth"] == "int8"


@pytest.mark.parametrize(
    ("rounding", "expected"), [("away", [-2, -1, 1, 2]), ("even", [-2, 0, 0, 2]),
                               ("truncate", [-1, 0, 0, 1])],
)  # fmt: skip
def test_values_are_rounded_as_asked(rounding, expected):
    stored = np.array([[-3, -1, 1, 3]], dtype=np.int16)
    spec = Spec(rounding=rounding, mapping="clip")
    assert convcli.apply(Image(stored), "[[1]]/2", spec).pixels.tolist() == [expected]


def test_rounding_and_saturating_by_numbers():
    assert rounded(np.array([-2.5, -0.4, 0.5, 1e15 + 0.5])).tolist() == [-3, 0, 1, 1e15 + 1]
    ends = saturated(np.array([-np.inf, np.nan, np.inf, 2.0**63]), np.dtype(np.int64)).tolist()
    assert ends == [-(2**63), 0, 2**63 - 1, 2**63 - 1]
    assert saturated(np.array([-1.0, 2.0**64]), np.dtype(np.uint64)).tolist() == [0, 2**64 - 1]


def test_a_float_kernel_on_values_is_rounded_once():
    stored = values("int32", (40, 50)) // 1000
    found = convcli.apply(Image(stored), "gaussian:sigma=1").pixels
    real = convcli.apply(Image(stored.astype(np.float64)), "gaussian:sigma=1", Spec(mapping="raw"))
    assert np.array_equal(found, np.floor(np.abs(real.pixels) + 0.5) * np.sign(real.pixels))


def test_mappings_of_values():
    stored = np.array([[-1000, 0, 24, 1200]], dtype=np.int16)
    image = Image(stored)

    def mapped(mapping, depth="same", **more):
        found = convcli.apply(image, "identity", Spec(mapping=mapping, depth=depth, **more))
        return found.dtype.name, found.pixels[0].tolist()

    assert mapped("clip") == ("int16", [-1000, 0, 24, 1200])
    assert mapped("abs") == ("int16", [1000, 0, 24, 1200])
    assert mapped("offset") == ("int16", [-1000, 0, 24, 1200])
    assert mapped("normalize") == ("int16", [0, 14894, 15252, 32767])
    assert mapped("raw") == ("float32", [-1000, 0, 24, 1200])
    assert mapped("clip", bias=7.5) == ("int16", [-993, 8, 32, 1208])


@pytest.mark.exhaustive
def test_values_of_other_depths():
    image = Image(np.array([[-1000, 0, 24, 1200]], dtype=np.int16))

    def mapped(mapping, depth="same"):
        found = convcli.apply(image, "identity", Spec(mapping=mapping, depth=depth))
        return found.dtype.name, found.pixels[0].tolist()

    assert mapped("clip", "16") == ("uint16", [0, 0, 24, 1200])
    assert mapped("clip", "8") == ("uint8", [0, 0, 24, 255])
    assert mapped("offset", "16") == ("uint16", [31768, 32768, 32792, 33968])
    assert mapped("normalize", "8") == ("uint8", [0, 116, 119, 255])
    assert mapped("clip", "float") == ("float32", [-1000, 0, 24, 1200])
    assert mapped("normalize", "1") == ("bool", [False, False, False, True])
    unsigned = Image(np.array([[0, 7, 2**32 - 1]], dtype=np.uint32))
    found = convcli.apply(unsigned, "[[-1]]", Spec(mapping="offset"))
    assert found.pixels.tolist() == [[2**31, 2**31 - 7, 0]]


def test_an_automatic_scale_has_no_value_saturate():
    image = Image(np.array([[32767, -32768, 32767, -32768]], dtype=np.int16))
    found = convcli.apply(image, "[[-1,2,-1]]", Spec(scale="auto", mapping="clip")).pixels
    assert found.min() > -32768
    assert found.max() >= 32766
    assert np.array_equal(found[0, 1:3], [-32766, 32766]) or abs(int(found[0, 1])) > 32000


def test_fills_and_biases_count_in_units_of_values(tmp_path):
    stored = np.full((3, 3), 500, dtype=np.int16)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    done("[[1,0,0]]", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--fill", -1000)
    assert tifffile.imread(tmp_path / "b.tif")[0].tolist() == [-1000, 500, 500]
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "c.tif", "--bias", -600)
    assert tifffile.imread(tmp_path / "c.tif")[0].tolist() == [-100] * 3


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_fills_of_levels_stay_between_black_and_white(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), kind))
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--fill", "-1000")
    assert said.status == 2
    assert "expected a number from 0 to 255; got '-1000'" in said.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"linear": True}, "`linear` needs samples with a full scale"),
        ({"luma": True}, "`luma` needs samples with a full scale"),
        ({"depth": "1"}, "`depth` 1 is white from half of a full sample on"),
    ],
)
def test_what_needs_a_full_scale_is_refused_for_values(options, words):
    with pytest.raises(UsageError, match=words):
        convcli.apply(Image(np.zeros((4, 4, 3), np.int16), "RGB"), "box3",
                      Spec(gray="depth" in options, **options))  # fmt: skip


def test_gray_of_values_is_their_weighted_mean():
    stored = np.array([[[-1000, 500, 2000]]], dtype=np.int16)
    found = convcli.apply(Image(stored), "identity", Spec(gray=True)).pixels
    assert found.tolist() == [[223]]  # of 222.5
    with pytest.raises(UsageError, match="full ink"):
        convcli.apply(Image(np.zeros((2, 2, 4), np.int16), "CMYK"), "identity", Spec(gray=True))


def test_alpha_that_a_file_says_weighs_values(tmp_path):
    stored = np.zeros((5, 9, 2), dtype=np.int16)
    stored[:, :4] = 800, 32767
    tifffile.imwrite(tmp_path / "a.tif", stored, extrasamples=["unassalpha"], planarconfig="contig")
    done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    found = tifffile.imread(tmp_path / "b.tif")
    assert found.dtype == np.int16
    assert (found[:, :5, 0] == 800).all()
    assert found[2, 4, 1] == round(32767 / 3)


def test_some_channels_of_values_are_filtered():
    stored = values("int16", (8, 9, 3))
    found = convcli.apply(Image(stored), "box3", Spec(channels="G")).pixels
    alone = convcli.apply(Image(stored[..., 1].copy()), "box3").pixels
    assert np.array_equal(found[..., 0], stored[..., 0])
    assert np.array_equal(found[..., 1], alone)


def test_edges_of_values_are_kept():
    stored = values("int16", (8, 9))
    found = convcli.apply(Image(stored), "box3", Spec(keep_edges=True)).pixels
    plain = convcli.apply(Image(stored), "box3").pixels
    assert np.array_equal(found[1:-1, 1:-1], plain[1:-1, 1:-1])
    assert np.array_equal(found[0], stored[0])


def test_formats_that_hold_no_values_say_what_to_do(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", values("int16"))
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    assert said.status == 1
    assert "PNG can't hold int16 gray; use --depth 16 --map normalize, or -o NAME.tif" in said.err
    said = call("apply", "box3", tmp_path / "a.tif", "-o", tmp_path / "b.pfm")
    assert "use --depth float, or" in said.err


def test_values_that_do_not_fit_levels_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 4), -5, np.int16))
    said = done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.png", "--depth", "16")
    assert "(100.0 %); int16 samples are values, and keep their numbers" in said
    assert "--map offset has 32768 stand for 0" in said


def test_a_part_of_values_and_of_12_bits(tmp_path):
    for stored, more in (
        (values("int16", (20, 30)), {}),
        (deep(12, (20, 30)), {"bitspersample": 12}),
    ):
        tifffile.imwrite(tmp_path / "a.tif", stored, **more)
        done(
            "box3",
            tmp_path / "a.tif",
            "-o",
            tmp_path / "b.tif",
            "--overwrite",
            "--region",
            "5,4,10x8",
        )
        found = tifffile.imread(tmp_path / "b.tif")
        whole = convcli.apply(convcli.read(tmp_path / "a.tif"), "box3").pixels
        expected = stored.copy()
        expected[4:12, 5:15] = whole[4:12, 5:15]
        assert np.array_equal(found, expected)
        soft = np.full((20, 30), 128, np.uint8)
        convcli.write(tmp_path / "m.png", Image(soft), overwrite=True)
        done(
            "box3",
            tmp_path / "a.tif",
            "-o",
            tmp_path / "c.tif",
            "--overwrite",
            "--mask",
            tmp_path / "m.png",
        )
        mixed = tifffile.imread(tmp_path / "c.tif").astype(float)
        share = 128 / 255
        assert np.abs(mixed - (share * whole + (1 - share) * stored)).max() <= 1


def test_pages_and_volumes_of_values(tmp_path):
    stack = values("int16", (4, 9, 11))
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    pages = tifffile.imread(tmp_path / "b.tif")
    assert pages.dtype == np.int16
    assert np.array_equal(pages[2], convcli.apply(Image(stack[2]), "box3").pixels)
    done("box", tmp_path / "a.tif", "--volume", "-o", tmp_path / "c.npy")
    padded = np.pad(stack.astype(np.int64), 1, mode="edge")
    sums = sum(
        padded[z : z + 4, y : y + 9, x : x + 11]
        for z in range(3) for y in range(3) for x in range(3)
    )  # fmt: skip
    expected = np.sign(sums) * ((2 * np.abs(sums) + 27) // 54)
    found = np.load(tmp_path / "c.npy")
    assert found.dtype == np.int16
    assert np.array_equal(found, expected)


def test_arrays_of_values_in_the_python_api():
    stored = values("int16")
    assert convcli.correlate(stored, "box3").dtype == np.float64
    found = convcli.correlate(stored, "box3", mapping="clip")
    assert found.dtype == np.int16
    assert np.array_equal(found, convcli.apply(Image(stored), "box3").pixels)
    assert convcli.correlate(stored, "box3", dtype=np.uint8).dtype == np.uint8


@pytest.mark.exhaustive
def test_banks_volumes_and_other_types_in_the_python_api():
    stored = values("int16")
    real = stored.astype(np.float64) * 1e5
    assert convcli.correlate(real, "identity", dtype="int32").max() == 2**31 - 1
    bank = convcli.correlate(stored, np.ones((2, 1, 3, 3), int), mapping="clip")
    assert bank.dtype == np.int16
    assert bank.shape == (*stored.shape, 2)
    volume = convcli.correlate_volume(np.stack([stored] * 3), "box", mapping="clip")
    assert volume.dtype == np.int16


def test_values_are_found_shown_compared_and_explained(tmp_path):
    stored = values("int16", (60, 70))
    match = convcli.find(stored[20:31, 30:42], stored)[0]
    assert (match.x, match.y) == (30, 20)
    assert match.score == pytest.approx(1)
    wide = values("uint32", (60, 70))
    match = convcli.find(wide[20:31, 30:42], wide)[0]
    assert (match.x, match.y) == (30, 20)
    tifffile.imwrite(tmp_path / "a.tif", stored)
    done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--compare", tmp_path / "c.tif")
    both = tifffile.imread(tmp_path / "c.tif")
    assert both.dtype == np.int16
    assert np.array_equal(both[:, :70], stored)
    assert np.array_equal(both[:, -70:], tifffile.imread(tmp_path / "b.tif"))
    shown = study(Image(stored), parse_kernel("box3"), Spec())
    place = shown.at(7, 9)
    assert place.stored == place.value == both[7, 71 + 9]
    assert place.steps[-1].name in ("round", "divide")


def test_a_preview_of_values_has_all_that_is_there():
    from convcli.image.show.preview import make_preview

    stored = np.linspace(-1000, 1200, 400).reshape(20, 20).astype(np.int16)
    seen = make_preview(Image(stored), Image(stored), (40, 80))
    assert seen.before.max() > 200
    assert seen.before.min() < 60
    assert "shown black" in seen.notes[0]


def test_a_bank_takes_values_as_they_are(tmp_path):
    stored = np.full((5, 5), -300, np.int16)
    np.save(tmp_path / "a.npy", stored)
    np.save(tmp_path / "bank.npy", np.ones((1, 1, 1, 1), np.float32))
    done(tmp_path / "bank.npy", tmp_path / "a.npy", "-o", tmp_path / "b.npy", "--map", "raw")
    assert (np.load(tmp_path / "b.npy") == -300).all()


# Maxima: levels of 10, 12 or 14 bits, or up to any number


def test_pam_keeps_its_maximum(tmp_path, rng):
    stored = rng.integers(0, 1000, (9, 14, 4), endpoint=True)
    head = b"P7\nWIDTH 14\nHEIGHT 9\nDEPTH 4\nMAXVAL 1000\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    (tmp_path / "a.pam").write_bytes(head + stored.astype(">u2").tobytes())
    done("identity", tmp_path / "a.pam", "-o", tmp_path / "b.pam")
    assert (tmp_path / "b.pam").read_bytes() == (tmp_path / "a.pam").read_bytes()


@pytest.mark.parametrize("peak", [2, 15, 100, 256, 1023, 4095, 10_000])
@pytest.mark.parametrize("channels", [1, 3])
def test_netpbm_keeps_its_maximum(tmp_path, rng, peak, channels):
    stored = rng.integers(0, peak, (9, 14, channels), endpoint=True)
    stored[0, 0] = peak
    kind = ">u2" if peak > 255 else "u1"
    head = f"P{5 if channels == 1 else 6}\n14 9\n{peak}\n".encode()
    (tmp_path / "a.pnm").write_bytes(head + stored.astype(kind).tobytes())
    name = "b.pgm" if channels == 1 else "b.ppm"
    assert "note" not in done("identity", tmp_path / "a.pnm", "-o", tmp_path / name)
    assert (tmp_path / name).read_bytes() == (tmp_path / "a.pnm").read_bytes()


def deep(bits, shape=(19, 27), seed=2):
    stored = np.random.default_rng(seed).integers(0, 2**bits, shape, dtype=np.uint16)
    stored.flat[0] = 2**bits - 1
    return stored


@pytest.mark.parametrize("bits", exhaustive_but((12,), BITS))
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("compress", [(), ("--compress", "0"), ("--compress", "9")])
def test_tiff_keeps_its_bits(tmp_path, bits, channels, compress):
    stored = deep(bits, (19, 27, channels) if channels > 1 else (19, 27))
    more = {1: {}, 3: {"photometric": "rgb"}, 4: {"photometric": "rgb", "extrasamples": [2]}}
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        bitspersample=bits,
        software=False,
        metadata=None,
        **more[channels],
    )
    said = done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif", *compress)
    assert "note" not in said
    assert f"{bits}-bit" in said
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)
    found = tags_of(tmp_path / "b.tif")[258]
    assert set(found if isinstance(found, tuple) else (found,)) == {bits}


def test_pages_of_12_bits(tmp_path):
    stack = deep(12, (3, 19, 27))
    tifffile.imwrite(tmp_path / "a.tif", stack, bitspersample=12, photometric="minisblack")
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stack)


@pytest.mark.parametrize("suffix", ["jp2", "jxl", "avif"])
@pytest.mark.parametrize("bits", [10, 12])
def test_other_formats_keep_their_bits(tmp_path, suffix, bits):
    stored = deep(bits, (19, 27, 3))
    image = Image(stored, meta=Meta(peak=2**bits - 1))
    convcli.write(tmp_path / f"a.{suffix}", image, quality=None if suffix == "jxl" else 100)
    read = convcli.read(tmp_path / f"a.{suffix}")
    assert read.maximum == 2**bits - 1
    assert np.array_equal(read.pixels, stored)
    done("identity", tmp_path / f"a.{suffix}", "-o", tmp_path / f"b.{suffix}",
         *([] if suffix == "jxl" else ["--quality", "100"]))  # fmt: skip
    again = convcli.read(tmp_path / f"b.{suffix}")
    assert again.depth == f"{bits}-bit"
    assert np.array_equal(again.pixels, stored)


@pytest.mark.parametrize("target", ["b.png", "b.npy"])
@pytest.mark.parametrize("bits", BITS)
def test_formats_without_such_bits_get_16_and_it_is_said(tmp_path, bits, target):
    stored = deep(bits)
    tifffile.imwrite(tmp_path / "a.tif", stored, bitspersample=bits)
    said = done("identity", tmp_path / "a.tif", "-o", tmp_path / target)
    top = 2**bits - 1
    assert f"note     {bits}-bit samples were scaled: {top} became 65535, a 16-bit one" in said
    assert np.array_equal(convcli.read(tmp_path / target).pixels, widen_bits(stored, bits))
    # What the library writes is the same.
    image = convcli.read(tmp_path / "a.tif")
    assert encode(image, "PNG") == encode(full_range(image), "PNG")


def twelve(kernel, **spec):
    image = Image(np.array([[0, 4095, 4095, 0, 10]], np.uint16), meta=Meta(peak=4095))
    return convcli.apply(image, kernel, Spec(**spec)).pixels[0].tolist()


@pytest.mark.exhaustive
def test_filtering_12_bits_by_numbers():
    assert Image(np.zeros((2, 2), np.uint16), meta=Meta(peak=4095)).depth == "12-bit"
    assert twelve("[[1,1,1]]/3") == [1365, 2730, 2730, 1368, 7]
    assert twelve("[[2]]") == [0, 4095, 4095, 0, 20]
    assert twelve("[[1,0,0]]", border="constant", fill=255) == [4095, 0, 4095, 4095, 0]
    assert twelve("[[1]]", bias=255) == [4095] * 5
    assert twelve("[[1]]", depth="8") == [0, 255, 255, 0, 1]


@pytest.mark.exhaustive
def test_mapping_12_bits_by_numbers():
    assert twelve("[[-1,0,1]]", mapping="offset") == [4095, 4095, 0, 0, 2058]
    assert twelve("[[1]]", mapping="normalize") == [0, 4095, 4095, 0, 10]
    assert twelve("[[1]]", depth="16") == [0, 65535, 65535, 0, 160]
    assert twelve("[[1]]", depth="float")[1] == 1
    assert twelve("[[1]]", mapping="raw") == [0, 4095, 4095, 0, 10]
    assert twelve("[[1]]", linear=True) == [0, 4095, 4095, 0, 10]


@pytest.mark.exhaustive
def test_12_bits_with_alpha_and_colour():
    stored = deep(12, (9, 11, 4))
    image = Image(stored, "RGBA", Meta(peak=4095))
    full = full_range(image)
    found = convcli.apply(image, "box3")
    assert found.maximum == 4095
    assert found.pixels.max() <= 4095
    wide = convcli.apply(full, "box3").pixels
    assert np.abs(found.pixels * (65535 / 4095) - wide).max() <= 9
    luma = convcli.apply(Image(stored[..., :3].copy(), meta=image.meta), "sharpen", Spec(luma=True))
    assert luma.pixels.max() <= 4095
    kept = convcli.apply(image, "sobel", Spec(depth="16"))
    assert np.abs(kept.pixels[..., 3].astype(int) - full.pixels[..., 3]).max() <= 1
    assert kept.meta.peak is None


@pytest.mark.exhaustive
def test_the_peak_is_forgotten_with_the_depth(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", deep(12), bitspersample=12)
    for depth, bits in (("8", 8), ("16", 16), ("float", 32)):
        done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--depth", depth, "--overwrite")
        assert tags_of(tmp_path / "b.tif")[258] == bits


def test_a_sample_above_the_maximum_is_refused():
    with pytest.raises(ImageError, match="a sample is 101, above the file's maximum 100"):
        convcli.read(b"P5\n1 1\n100\n\x65")


def test_fewer_than_8_bits_become_8_and_it_is_said(tmp_path):
    stored = np.arange(16, dtype=np.uint8).reshape(2, 8)
    tifffile.imwrite(tmp_path / "a.tif", stored, bitspersample=4)
    said = done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert "4-bit samples were scaled: 15 became 255, an 8-bit one" in said
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored * 17)


# White is zero


@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16", *VALUES, "float16", "float32"])
@pytest.mark.parametrize(
    "compress", [(), pytest.param(("--compress", "0"), marks=pytest.mark.exhaustive)]
)
def test_white_is_zero_comes_back(tmp_path, kind, compress):
    stored = values("uint8", (9, 11)) > 99 if kind == "bool" else values(kind, (9, 11))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    more = ("--depth", "1") if kind == "bool" else ()
    said = done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif", *compress, *more)
    assert ("white is zero" in said) == (kind in VALUES or kind.startswith("float"))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.pages[0].photometric == MINISWHITE
        assert file.pages[0].dtype == kind
    assert np.array_equal(convcli.read(tmp_path / "b.tif").pixels,
                          convcli.read(tmp_path / "a.tif").pixels)  # fmt: skip
    if kind != "bool":
        assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("extra", [0, 2])
def test_white_is_zero_beside_other_channels(tmp_path, kind, extra):
    stored = np.abs(values(kind, (9, 11, 2)) // 2)
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored,
        photometric="miniswhite",
        extrasamples=[extra],
        planarconfig="contig",
    )
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)
    assert tags_of(tmp_path / "b.tif")[262] == MINISWHITE


def test_white_is_zero_of_12_bits(tmp_path):
    stored = deep(12)
    tifffile.imwrite(tmp_path / "a.tif", stored, bitspersample=12, photometric="miniswhite")
    assert np.array_equal(convcli.read(tmp_path / "a.tif").pixels, 4095 - stored)
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), stored)
    assert tags_of(tmp_path / "b.tif")[262] == MINISWHITE


def test_white_is_zero_elsewhere_is_as_it_is_seen(tmp_path):
    stored = values("uint8", (9, 11))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.png")
    assert np.array_equal(convcli.read(tmp_path / "b.png").pixels, 255 - stored)
    # Levels that are floats now count from black.
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "c.tif", "--depth", "float")
    assert tags_of(tmp_path / "c.tif")[262] == 1
    assert np.allclose(tifffile.imread(tmp_path / "c.tif"), (255 - stored) / 255)


# One bit


def scan(shape=(98, 204)):
    """A page with some strokes."""
    page = np.full(shape, 255, np.uint8)
    page[20:24, 10:150] = 0
    page[40:80, 60:63] = 60
    page[50, ::2] = 127
    page[51, ::2] = 128
    return page


def test_half_of_white_on_is_white(tmp_path):
    convcli.write(tmp_path / "a.png", Image(scan()))
    done("identity", tmp_path / "a.png", "-o", tmp_path / "b.tif", "--depth", "1")
    assert np.array_equal(convcli.read(tmp_path / "b.tif").pixels, scan() >= 128)
    assert tags_of(tmp_path / "b.tif")[259] == 4


@pytest.mark.exhaustive
def test_half_of_white_of_other_depths():
    deep16 = Image(np.array([[32767, 32768]], np.uint16))
    assert convcli.apply(deep16, "identity", Spec(depth="1")).pixels.tolist() == [[False, True]]
    real = Image(np.array([[-1, 0.4999, 0.5001, 3]], np.float32))
    ones = convcli.apply(real, "identity", Spec(depth="1")).pixels.tolist()
    assert ones == [[False, False, True, True]]


@pytest.mark.parametrize("suffix", ["tif", "png", "pbm", "bmp", "gif", "npy"])
def test_one_bit_in_every_format(tmp_path, suffix):
    convcli.write(tmp_path / "a.png", Image(scan()))
    done("box3", tmp_path / "a.png", "-o", tmp_path / f"b.{suffix}", "--depth", "1")
    found = convcli.read(tmp_path / f"b.{suffix}").pixels
    found = found.reshape(*found.shape[:2], -1)[..., 0]
    blurred = convcli.apply(Image(scan()), "box3").pixels
    assert np.array_equal(found != 0, blurred >= 128)


@pytest.mark.parametrize("white", [False, True])
def test_a_fax_comes_back_as_one(tmp_path, white):
    bits = scan() >= 128
    stored = ~bits if white else bits
    meaning = "miniswhite" if white else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=meaning)
    # Without the option it becomes gray, as it did.
    done("box3", tmp_path / "a.tif", "-o", tmp_path / "gray.tif")
    assert tags_of(tmp_path / "gray.tif")[258] == 8
    done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--depth", "1")
    gray = convcli.read(tmp_path / "gray.tif").pixels
    assert np.array_equal(convcli.read(tmp_path / "b.tif").pixels, gray >= 128)
    found = tags_of(tmp_path / "b.tif")
    assert (found[258], found[259], found[262]) == (1, 4, int(not white))


def test_several_pages_of_one_bit(tmp_path):
    pages = np.stack([scan() >= 128, scan()[::-1] >= 128])
    convcli.write(tmp_path / "a.tif", Frames.of([Image(page) for page in pages]))
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--depth", "1")
    read = [image.pixels for image in convcli.read_frames(tmp_path / "b.tif")]
    assert np.array_equal(read, pages)


@pytest.mark.parametrize(("channels", "words"), [("RGB", "use --gray"), ("LA", "use --alpha drop")])
def test_one_bit_of_colour_or_alpha_is_refused(tmp_path, channels, words):
    pixels = np.full((4, 5, len(channels)), 9, np.uint8)
    convcli.write(tmp_path / "a.png", Image(pixels, channels))
    said = call("apply", "box3", tmp_path / "a.png", "-o", tmp_path / "b.png", "--depth", "1")
    assert said.status != 0
    assert words in said.err
    both = ("--gray", "--alpha", "drop")
    done("box3", tmp_path / "a.png", "-o", tmp_path / "b.png", "--depth", "1", *both)


# What others see


def test_gdal_sees_the_types(tmp_path):
    for kind, name in (("int16", "Int16"), ("uint32", "UInt32"), ("int32", "Int32")):
        tifffile.imwrite(tmp_path / "a.tif", values(kind))
        done("box3", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite")
        assert f"Type={name}" in said_of("gdalinfo", tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "a.tif", deep(12), bitspersample=12)
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--overwrite")
    assert "NBITS=12" in said_of("gdalinfo", tmp_path / "b.tif")


def test_libtiff_and_imagemagick_see_a_fax(tmp_path):
    convcli.write(tmp_path / "a.png", Image(scan()))
    done("identity", tmp_path / "a.png", "-o", tmp_path / "b.tif", "--depth", "1")
    assert "CCITT Group 4" in said_of("tiffinfo", tmp_path / "b.tif")
    said_of("convert", tmp_path / "b.tif", tmp_path / "c.pbm")
    assert np.array_equal(convcli.read(tmp_path / "c.pbm").pixels, scan() >= 128)


def test_netpbm_sees_12_bits_in_tiff(tmp_path):
    stored = deep(12)
    tifffile.imwrite(tmp_path / "a.tif", stored, bitspersample=12)
    done("identity", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    said_of("convert", tmp_path / "b.tif", "-depth", "16", tmp_path / "c.pgm")
    assert np.abs(convcli.read(tmp_path / "c.pgm").pixels - stored * (65535 / 4095)).max() <= 8
