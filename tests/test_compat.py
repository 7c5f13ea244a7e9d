"""The table of docs/compat.md: each call of another program beside our command."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import oracle
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but
from PIL import Image as PillowImage
from PIL import ImageFilter

from convcli import Image, Kernel, Spec, UsageError, apply, get_kernel, read, spec_like, write
from convcli.borders import ALIASES, Border, source
from convcli.cli.main import main
from convcli.presets import PRESETS
from convcli.report.option_names import as_options

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data" / "compat.npz"
#: What a program's calls need of the `peers` extra.
PEERS = {"OpenCV": "cv2", "PyTorch": "torch", "scikit-image": "skimage"}
#: Those whose results were recorded, as few machines have them.
RECORDED = {"GIMP": "gimp", "GDAL": "gdal"}
#: Calls of each program that the quick tests try.
QUICK = 3


def table(heading):
    """Return the cells of the first table below a heading, without its own head."""
    text = (ROOT / "docs" / "compat.md").read_text(encoding="utf-8")
    text = f"\n{text}".split(f"\n{heading}")[1].split("\n\n|")[1]
    lines = text.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line]


def calls():
    """Return the table's rows, marked as tests."""
    seen = Counter()
    for row in table("## Call by call"):
        seen[row[0]] += 1
        marks = [pytest.mark.peers(PEERS[row[0]])] if row[0] in PEERS else []
        marks += [pytest.mark.exhaustive] * (seen[row[0]] > QUICK)
        yield pytest.param(*row, marks=marks, id=f"{row[0]}-{seen[row[0]]}")


@pytest.fixture(scope="module")
def given():
    with np.load(DATA) as file:
        return dict(file)


@pytest.fixture
def place(given, tmp_path, monkeypatch):
    """A folder with the image and the kernel that the table speaks of."""
    monkeypatch.chdir(tmp_path)
    write("photo.png", Image(given["image"]))
    rows = [",".join(map(str, row)) for row in given["kernel"].tolist()]
    Path("k.csv").write_text("\n".join(rows))
    return tmp_path


def theirs(program, call, given):
    """Return what a program gives."""
    code = call.strip("`")
    if program in RECORDED:
        return given[RECORDED[program]]
    if program == "ImageMagick":
        subprocess.run(shlex.split(code), check=True, timeout=60)
        return np.asarray(PillowImage.open("result.png").convert("L"))
    names = {"img": given["image"], "k": given["kernel"].astype(float), "np": np}
    if program == "OpenCV":
        import cv2

        names["cv2"] = cv2
    elif program == "SciPy":
        ndimage, signal = map(pytest.importorskip, ("scipy.ndimage", "scipy.signal"))
        names |= {"ndimage": ndimage, "signal": signal}
    elif program == "Pillow":
        names |= {"pil": PillowImage.fromarray(given["image"]), "ImageFilter": ImageFilter}
    elif program == "scikit-image":
        from skimage import filters

        names["filters"] = filters
    else:
        import torch

        tensor = torch.tensor(given["image"])[None, None].float()
        weights = torch.tensor(given["kernel"])[None, None].float()
        names |= {"F": torch.nn.functional, "x": tensor, "w": weights}
    return np.squeeze(np.asarray(eval(code, names)))


def magick():
    """Skip where ImageMagick isn't, or is one that rounds in another way."""
    path = shutil.which("convert")
    said = path and subprocess.run([path, "-version"], capture_output=True, text=True).stdout
    if not said or not re.search(r"ImageMagick 6\.9\.11.*Q16", said):
        pytest.skip("needs ImageMagick 6.9.11, of 16 bits")


@pytest.mark.parametrize(("program", "call", "command", "difference"), [*calls()])
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_a_call_and_our_command(program, call, command, difference, given, place):
    if program == "ImageMagick":
        magick()
    expected = theirs(program, call, given)
    name, *arguments = shlex.split(command.strip("`"))
    assert name == "convcli"
    assert main([*arguments, "-o", "ours.tif", "-q"]) == 0
    ours = read("ours.tif").pixels
    assert ours.shape == expected.shape
    off = np.abs(ours.astype(float) - expected)
    if "wrap around" in difference:
        ndimage = pytest.importorskip("scipy.ndimage")
        real = ndimage.correlate(given["image"], _weights(call, given), output=float)
        fits = (real > -1) & (real < 256)
        assert fits.sum() > 50
        assert off[fits].max() == 0
        assert set(ours[~fits].tolist()) <= {0, 255}
    elif difference.startswith("none"):
        assert ours.dtype.kind == expected.dtype.kind
        assert off.max() == 0, f"{(off > 0).sum()} of {off.size} differ by up to {off.max()}"
    elif difference.startswith("1 level at most"):
        assert off.max() <= 1
    else:
        assert off.max() < float(difference.removeprefix("under "))


def _weights(call, given):
    divisor = call.partition(" / ")[2].partition(")")[0]
    return given["kernel"] / float(divisor or 1)


def test_the_table_has_every_program_and_the_presets_are_as_it_says():
    programs = {row[0] for row in table("## Call by call")}
    assert programs == PEERS.keys() | RECORDED.keys() | {"SciPy", "Pillow", "ImageMagick"}
    told = {}
    for name, options, _ in table("# As other"):
        told[name.strip("`")] = set(re.findall(r"--[\w-]+(?: (?!-)[\w-]+)?", options))
    fields = {
        name: {
            as_options(f"`{key}`" if value is True else f"`{key}` {value}")
            for key, value in preset.fields
        }
        for name, preset in PRESETS.items()
    }
    assert told == fields


def test_borders_of_the_table_are_those_there_are():
    rows = table("## Borders")
    assert [row[0].strip("`") for row in rows] == list(Border)
    for name, around, *others in rows:
        border = Border.parse(name.strip("`"))
        places = source(4, 2, 2, border)
        fill = "0" if border is Border.ZERO else "v"
        assert around.strip("`").split() == ["abcd"[p] if p >= 0 else fill for p in places]
        known = {word.lower() for cell in others for word in re.findall(r"`([\w-]+)`", cell)}
        for alias in known & ALIASES.keys() - {"mirror"}:
            assert Border.parse(alias) in (border, Border.CONSTANT), alias


@pytest.mark.parametrize(("dtype", "names"), [(np.uint16, "RGB"), (np.uint8, "RGBA")])
@pytest.mark.peers("cv2")
def test_presets_of_wide_samples_and_of_alpha_like_any_channel(dtype, names, given, rng):
    import cv2

    ndimage = pytest.importorskip("scipy.ndimage")
    top, weights = np.iinfo(dtype).max, given["kernel"] / 32
    pixels = rng.integers(0, top + 1, (30, 40, len(names))).astype(dtype)
    expected = {
        "opencv": cv2.filter2D(pixels, -1, weights),
        "scipy": ndimage.correlate(pixels, weights[:, :, None]),
    }
    if dtype is np.uint8:
        listed = given["kernel"].ravel().tolist()
        kernel = ImageFilter.Kernel((3, 3), listed, 32)
        expected["pillow"] = np.asarray(PillowImage.fromarray(pixels).filter(kernel))
    for name, theirs in expected.items():
        spec = spec_like(name, divisor=32, channels=names)
        got = apply(Image(pixels, names), Kernel("k", given["kernel"]), spec).pixels
        assert_same_pixels(got, theirs)


def test_what_is_given_wins_and_the_note_says_so():
    spec = spec_like("opencv", border="wrap", stride=2)
    assert (spec.border, spec.rounding, spec.mapping, spec.stride) == ("wrap", "even", "clip", 2)
    (note,) = spec.notes
    assert as_options(note) == (
        "--like opencv is --map clip, --rounding even, --border as given: "
        "cv2.filter2D(image, -1, kernel)"
    )
    with pytest.raises(UsageError, match="no program named 'matlab' is known; there are opencv"):
        spec_like("matlab")


@pytest.mark.parametrize("name", ["scipy", "skimage", "opencv"])
def test_a_reflect_that_means_another_one_there_is_told_of(name):
    assert len(spec_like(name, border="symmetric").notes) == 1
    for typed in ("wrap, Reflect", ("reflect", "wrap"), "reflect"):
        note = spec_like(name, border=typed).notes[1]
        assert "is symmetric here" in note
    assert len(spec_like(name, border=Border.REFLECT).notes) == 1
    assert len(spec_like("torch", border="reflect").notes) == 1


def test_the_report_says_what_was_set(place, capsys):
    assert main(["apply", "k.csv", "photo.png", "-o", "a.png", "--like", "gdal"]) == 0
    assert "note     --like gdal is --border replicate, --map clip" in capsys.readouterr().err
    shutil.copy("photo.png", "other.png")
    both = ["apply", "k.csv", "photo.png", "other.png", "-o", "out", "--border", "mirror"]
    assert main(both) == 0
    assert capsys.readouterr().err.count("--border mirror is taken as SciPy's") == 1
    assert main([*both, "-q", "--overwrite"]) == 0
    assert capsys.readouterr().err == ""


ROUNDINGS = {
    "away": lambda v: np.sign(v) * np.floor(np.abs(v) + 0.5),
    "even": np.rint,
    "truncate": np.trunc,
}


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("dtype", exhaustive_but([np.uint8], [np.uint8, np.uint16]))
def test_roundings_of_exact_responses(rounding, dtype, rng):
    """Divisors are powers of two, so that the quotients here are exact, halves among them."""
    top = np.iinfo(dtype).max
    pixels = rng.integers(0, top + 1, (9, 11, 3)).astype(dtype)
    for mapping, divisor in product(("clip", "abs", "offset"), (1, 2, 8, 64)):
        weights = rng.integers(-4, 5, (3, 3))
        weights[1, 1] += divisor
        kernel = Kernel("k", weights, divisor, offset=float(rng.integers(-9, 9)))
        sums = np.array(oracle.correlate(pixels, weights, padding=((1, 1), (1, 1))))
        level = ROUNDINGS[rounding](sums / divisor + kernel.offset * (top / 255))
        level = np.abs(level) if mapping == "abs" else level
        level += (top + 1) // 2 * (mapping == "offset")
        got = apply(Image(pixels), kernel, Spec(mapping=mapping, rounding=rounding)).pixels
        assert_same_pixels(got, level.clip(0, top).astype(dtype))


def test_kept_edges_are_the_images_own(rng):
    pixels = rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)
    weights = rng.integers(1, 9, (4, 7))
    kernel, itself = Kernel("k", weights, 255), np.zeros((4, 7), int)
    itself[2, 3] = 1
    for steps in ({}, {"stride": (2, 3)}, {"padding": 3}, {"convolve": True}):
        zero = apply(Image(pixels), kernel, Spec(**steps, border="zero")).pixels
        full = apply(Image(pixels), kernel, Spec(**steps, border="constant", fill=255)).pixels
        # A level or more for each weight that sees something outside.
        inside = (zero == full).all(axis=2)
        assert 0 < inside.sum() < inside.size
        kept = apply(Image(pixels), kernel, Spec(**steps, keep_edges=True)).pixels
        below = apply(Image(pixels), Kernel("itself", itself), Spec(**steps)).pixels
        assert_same_pixels(kept, np.where(inside[:, :, None], zero, below))
    kept = apply(Image(pixels), kernel, Spec(keep_edges=True)).pixels
    around = np.ones(pixels.shape[:2], bool)
    around[2:-1, 3:-3] = False
    assert_same_pixels(kept[around], pixels[around])
    twice = apply(Image(pixels), [kernel, kernel], Spec(keep_edges=True)).pixels
    around[:4], around[-2:], around[:, :6], around[:, -6:] = True, True, True, True
    assert_same_pixels(twice[around], pixels[around])
    small = apply(Image(pixels[:3, :4]), kernel, Spec(keep_edges=True)).pixels
    assert_same_pixels(small, pixels[:3, :4])


def test_edges_can_not_be_kept_in_another_kind_of_result():
    for fields in ({"mapping": "raw"}, {"depth": "16"}, {"gray": True, "linear": True}):
        with pytest.raises(UsageError, match="`keep_edges` leaves samples as they are"):
            apply(Image(np.zeros((5, 5, 3), np.uint8)), "box3", Spec(keep_edges=True, **fields))


def test_a_kernel_upside_down(rng):
    pixels = rng.integers(0, 256, (9, 11)).astype(np.uint8)
    weights = rng.integers(-9, 10, (3, 4))
    got = apply(Image(pixels), Kernel("k", weights), Spec(flip_rows=True, mapping="raw")).pixels
    expected = apply(Image(pixels), Kernel("k", weights[::-1]), Spec(mapping="raw")).pixels
    assert_same_pixels(got, expected)
    turned = apply(Image(pixels), get_kernel("kirsch"), Spec(flip_rows=True)).pixels
    assert_same_pixels(turned, apply(Image(pixels[::-1]), get_kernel("kirsch")).pixels[::-1])
