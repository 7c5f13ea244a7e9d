"""The sample images are what their page says, and can be made again."""

from __future__ import annotations

import importlib.util
import re
import shlex

import imagecodecs
import numpy as np
import oracle
import pytest
import tifffile
from asserts import assert_same_pixels
from PIL import Image

MEGABYTES = 3
#: Another version of a codec or of the letters may draw these a little differently.
NEARLY = {"coffee-cmyk.jpg", "rocket-sideways.jpg", "page.png", "page-1bit.png"}
NOT_IMAGES = {".md", ".py", ".csv"}


@pytest.fixture(scope="session")
def made(samples, tmp_path_factory):
    """Return a folder with the drawn samples made again."""
    spec = importlib.util.spec_from_file_location("samples_make", samples / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("samples")
    module.make(folder)
    return folder


def pixels_of(path):
    """Decode as the file has it: 16 bits and floats too, palettes as colour."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    if path.suffix == ".png" and path.stem not in ("chart", "page-1bit"):
        return imagecodecs.png_decode(path.read_bytes())
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA") if image.mode == "P" else image)


def table(page):
    """Return the names that the first column of a page's tables gives."""
    rows = re.findall(r"^\| (`[^|]+`) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def commands(page):
    """Return the commands that a page suggests."""
    return re.findall(r"`(convcli [^|]*?)` \|$", page.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_file_is_described(samples):
    files = {path.name for path in samples.iterdir() if path.is_file()}
    own = {"README.md", "LICENSES.md", "make.py"}
    assert table(samples / "README.md") == files - own


def test_the_folder_is_small(samples):
    total = sum(path.stat().st_size for path in samples.iterdir() if path.is_file())
    assert total < MEGABYTES * 1_000_000


def test_every_photograph_has_its_licence(samples, made):
    images = {p.name for p in samples.iterdir() if p.suffix not in NOT_IMAGES and p.is_file()}
    drawn = {path.name for path in made.iterdir()}
    assert table(samples / "LICENSES.md") == images - drawn
    text = (samples / "LICENSES.md").read_text(encoding="utf-8")
    for name in drawn & {"coffee-cmyk.jpg", "rocket-sideways.jpg"}:
        assert f"`{name}`" in text


def test_drawn_samples_can_be_made_again(samples, made):
    names = sorted(path.name for path in made.iterdir())
    assert len(names) == 16
    for name in names:
        old, new = samples / name, made / name
        if name.endswith(".csv"):
            assert new.read_bytes() == old.read_bytes()
        elif name in NEARLY:
            before, after = pixels_of(old).astype(float), pixels_of(new).astype(float)
            assert before.shape == after.shape
            assert np.abs(before - after).mean() < 0.02 * before.max(), name
        else:
            assert pixels_of(old).dtype == pixels_of(new).dtype
            assert_same_pixels(pixels_of(new), pixels_of(old), 1 if name.startswith("zone") else 0)


@pytest.mark.parametrize(
    ("name", "shape", "depth"),
    [
        ("zone-plate.png", (512, 512), "uint8"),
        ("logo.png", (240, 240, 4), "uint8"),
        ("chart.png", (160, 200, 4), "uint8"),
        ("ramp-gray16.png", (96, 512), "uint16"),
        ("ramp-rgb16.png", (96, 512, 3), "uint16"),
        ("float.tif", (120, 160), "float32"),
        ("page.png", (540, 464), "uint8"),
        ("page-1bit.png", (540, 464), "bool"),
        ("coffee-cmyk.jpg", (200, 300, 4), "uint8"),
        ("rocket-sideways.jpg", (320, 214, 3), "uint8"),
    ],
)
def test_each_is_of_its_kind(samples, name, shape, depth):
    pixels = pixels_of(samples / name)
    assert (pixels.shape, pixels.dtype.name) == (shape, depth)


def test_the_logo_hides_magenta_where_nothing_shows(samples):
    logo = pixels_of(samples / "logo.png")
    magenta = (logo[..., :3] == (255, 0, 255)).all(axis=2)
    assert_same_pixels(magenta, logo[..., 3] == 0)
    assert ((logo[..., 3] > 0) & (logo[..., 3] < 255)).mean() > 0.2
    assert magenta.mean() > 0.05


def test_the_gray_ramp_is_lost_in_8_bits(samples):
    ramp = pixels_of(samples / "ramp-gray16.png")
    assert np.ptp(ramp[0].astype(int)) == 65535
    assert len(np.unique(ramp[-1])) == 512
    assert len(np.unique(np.rint(ramp[-1] / 257))) == 2


def test_float_samples_go_below_black_and_above_white(samples):
    pixels = pixels_of(samples / "float.tif")
    assert pixels.min() < -0.5
    assert pixels.max() > 2


def test_the_chart_has_every_kind_of_transparency(samples):
    assert set(np.unique(pixels_of(samples / "chart.png")[..., 3])) == {0, 128, 255}


def test_the_rocket_stands_when_orientation_is_heeded(samples):
    with Image.open(samples / "rocket-sideways.jpg") as image:
        assert image.getexif()[0x0112] == 6
        stored = np.asarray(image.convert("L"), dtype=float)
    with Image.open(samples / "rocket.jpg") as image:
        upright = np.asarray(image.convert("L").reduce(2), dtype=float)
    assert np.abs(np.rot90(stored, -1) - upright).mean() < 3


def test_grids_as_text_and_as_images(samples):
    for size in (4, 5, 7):
        path = samples / f"grid-{size}x{size}.csv"
        numbers = np.loadtxt(path, delimiter=",", dtype=int)
        assert numbers.shape == (size, size)
        image = pixels_of(path.with_suffix(".png"))
        assert_same_pixels(image.astype(int) * numbers.max(), numbers * 255)


def test_the_taught_grid_has_the_taught_answer(samples):
    grid = np.loadtxt(samples / "grid-5x5.csv", delimiter=",", dtype=int)
    answer = oracle.correlate(grid, [[1, 0, 1], [0, 1, 0], [1, 0, 1]])
    assert answer == [[4, 3, 4], [2, 4, 3], [2, 3, 4]]
    page = (samples / "README.md").read_text(encoding="utf-8")
    assert " / ".join(" ".join(map(str, row)) for row in answer) in page


def test_a_derivative_finds_both_edges_of_the_corner(samples):
    grid = np.loadtxt(samples / "grid-7x7.csv", delimiter=",", dtype=int)
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    across, down = oracle.correlate(grid, sobel), oracle.correlate(grid, sobel.T)
    assert np.count_nonzero(across)
    assert np.array(across).max() == 40
    assert_same_pixels(np.array(across).T, down)


def test_suggested_commands_run(samples, runner, tmp_path, monkeypatch):
    from convcli.cli.main import cli

    suggested = commands(samples / "README.md")
    assert len(suggested) == len(table(samples / "README.md")) - 3
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples").symlink_to(samples, target_is_directory=True)
    for command in suggested:
        words = shlex.split(command)
        result = runner.invoke(cli, words[1:])
        assert result.exit_code == 0, f"{command}\n{result.output}"
        if "-o" in words:
            assert (tmp_path / words[words.index("-o") + 1]).stat().st_size > 0
