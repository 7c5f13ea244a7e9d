"""Before and after in the terminal, and both in one file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import command
import numpy as np
import pytest
from command import call, program, spawn
from hypothesis import given
from hypothesis import strategies as st

from convcli.errors import ImageError
from convcli.image.files import read, write
from convcli.image.image import Image
from convcli.image.show.preview import make_preview, thumbnail
from convcli.image.show.side_by_side import side_by_side

posix = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
_PIECE = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b])")
WIDE = 70


@pytest.fixture
def image(tmp_path):
    """Write an image of noise in colour and return its path."""
    pixels = np.random.default_rng(5).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    return write(tmp_path / "in.png", Image(pixels))


def on_terminal(*args, **environment):
    """Run `apply` with a terminal for standard error; return status, output, what it showed."""
    options = {"COLORTERM": "truecolor", "COLUMNS": str(WIDE), "LINES": "30"}
    options |= {"PYTHONUTF8": "1", "NO_COLOR": ""} | environment
    status, out, shown = command.on_terminal("apply", *args, **options)
    return status, out, shown.replace("\r\n", "\n")


def cells(line):
    """Return (character, colour, background) of each column; colours as the codes have them."""
    found, style = [], {"38": None, "48": None}
    for codes, sign in _PIECE.findall(line):
        if sign:
            found.append((sign, style["38"], style["48"]))
            continue
        if codes in ("", "0"):
            style = dict.fromkeys(style)
        for kind, value in re.findall(r"([34]8);(2;\d+;\d+;\d+|5;\d+)", codes):
            style[kind] = tuple(map(int, value.split(";")))[1:]
    return found


def drawn(shown):
    """Return the lines that images take, as cells."""
    return [cells(line) for line in shown.splitlines() if "▀" in line]


def block(lines, left, width):
    """Return the pixels of one of the images, row by row."""
    rows = []
    for line in lines:
        part = line[left : left + width]
        rows.append([colour for _, colour, _ in part])
        if all(background is not None for _, _, background in part):
            rows.append([background for _, _, background in part])
    return np.array(rows)


@posix
def test_cells_are_means_of_the_areas_they_stand_for(image, tmp_path):
    """67 columns for both: of 90 pixels each there are 33, and of 60 rows 22."""
    status, _, shown = on_terminal("sharpen", image, "-o", tmp_path / "o.png", "--show")
    assert status == 0
    lines = drawn(shown)
    assert {len(line) for line in lines} == {33 + 2 + 33}
    for left, path in ((0, image), (35, tmp_path / "o.png")):
        expected = by_area(read(path).pixels / 255, (22, 33)) * 255
        assert np.abs(block(lines, left, 33) - expected).max() <= 0.51


@posix
def test_titles_stand_above_and_the_report_before(image, tmp_path):
    _, _, shown = on_terminal("box3", image, "-o", tmp_path / "o.png", "--show")
    words = [line for line in shown.splitlines() if "▀" not in line]
    assert words[-1] == "before".ljust(35) + "after"
    assert shown.index("o.png") < shown.index("before  ") < shown.index("▀")


@posix
@pytest.mark.parametrize("columns", [12, 20, 59, 60, 200])
def test_images_fit_the_terminal(columns, image, tmp_path):
    _, _, shown = on_terminal(
        "box3", image, "-o", tmp_path / "o.png", "--show", COLUMNS=str(columns)
    )
    lines = drawn(shown)
    assert 1 <= len(lines) <= 26
    assert max(map(len, lines)) < columns


@posix
def test_256_colours_do(image, tmp_path):
    _, _, shown = on_terminal("box3", image, "-o", tmp_path / "o.png", "--show", COLORTERM="")
    assert "shown in 256 colours" in shown
    found = [colour for line in drawn(shown) for _, colour, _ in line if colour is not None]
    assert found
    assert {len(colour) for colour in found} == {1}


@posix
@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"NO_COLOR": "1"}, "NO_COLOR is set"),
        ({"TERM": "linux", "COLORTERM": ""}, "(TERM linux) has too few colours"),
        ({"TERM": "dumb"}, "(TERM dumb) has too few colours"),
        ({"COLUMNS": "8"}, "8 columns wide; 12 are needed"),
        ({"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}, "encoding, ascii, has no"),
    ],
)
def test_what_can_not_show_images_is_said_in_a_line(environment, why, image, tmp_path):
    status, _, shown = on_terminal("box3", image, "-o", tmp_path / "o.png", "--show", **environment)
    assert status == 0
    assert (tmp_path / "o.png").exists()
    assert [line for line in shown.splitlines() if why in line and "nothing is shown" in line]
    assert "\x1b" not in shown
    assert "▀" not in shown


def test_no_terminal_is_said_in_a_line(image, tmp_path):
    said = call("apply", "box3", image, "-o", tmp_path / "o.png", "--show")
    assert said.status == 0
    assert said.lines[0] == "convcli: --show: nothing is shown: standard error is no terminal"


@posix
def test_each_of_many_is_shown_from_its_worker(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(24):
        write(folder / f"{k:02}.png", Image(np.full((4, 4), 10 * k, np.uint8)))
    (folder / "07.png").write_text("no image")
    status, _, shown = on_terminal("identity", folder, "-o", tmp_path / "out", "--show")
    assert status == 1
    assert shown.count("before") == 23
    parts = re.split(r"(?m)^.*/(\d\d)\.png → .*$", shown)[1:]
    assert len(parts) == 46
    for name, drawing in zip(parts[::2], parts[1::2], strict=True):
        level = 10 * int(name)
        assert drawn(drawing)[0][0] == ("▀", (level,) * 3, (level,) * 3)


@posix
def test_a_result_on_standard_output_is_data_alone(image):
    status, out, shown = on_terminal("box3", image, "-o", "-", "--show")
    assert status == 0
    assert out.startswith(b"\x89PNG")
    assert drawn(shown)


@posix
def test_the_first_frame_of_several_is_shown(tmp_path):
    import PIL.Image

    frames = [PIL.Image.new("L", (8, 8), level) for level in (40, 200)]
    path = tmp_path / "in.tif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    status, _, shown = on_terminal(
        "identity", path, "-o", tmp_path / "o.tif", "--show", "--compare", tmp_path / "c.png"
    )
    assert status == 0
    assert drawn(shown)[0][0][1] == (40, 40, 40)
    assert "the first frame is the one that is shown or compared" in " ".join(shown.split())
    assert read(tmp_path / "c.png").pixels[0, 0] == 40


@pytest.mark.parametrize("other", ["--json", "--quiet"])
def test_showing_contradicts_silence(other, image):
    said = call("apply", "box3", image, "--show", other)
    assert said.status == 2
    assert f"--show and {other} contradict each other" in said.err
    assert not image.with_name("in-box3.png").exists()


def by_area(samples, size):
    """Mean over areas, with every pixel's overlap reckoned: (rows, cols, channels) floats."""

    def shares(extent, count):
        edges = np.arange(count + 1) * extent / count
        ends = np.minimum(edges[1:, None], np.arange(1, extent + 1))
        return np.maximum(ends - np.maximum(edges[:-1, None], np.arange(extent)), 0)

    rows, cols = (shares(*pair) for pair in zip(samples.shape[:2], size, strict=True))
    area = samples.shape[0] * samples.shape[1] / (size[0] * size[1])
    return np.einsum("ar,rcx,bc->abx", rows, samples, cols) / area


@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    names=st.sampled_from(["L", "LA", "RGB", "RGBA", "CMYK"]),
    kind=st.sampled_from([np.uint8, np.uint16, np.float32, np.float64]),
)
def test_a_thumbnail_is_the_mean_over_areas(shape, size, names, kind):
    unit = np.random.default_rng(1).random((*shape, len(names)))
    full = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
    pixels = (unit * full).astype(kind)
    image = Image(pixels if len(names) > 1 else pixels[:, :, 0], names)
    unit = pixels / full
    opacity = unit[:, :, -1:] if names.endswith("A") else np.ones((*shape, 1))
    light = {"L": unit[:, :, [0, 0, 0]], "R": unit[:, :, :3]}.get(
        names[0], (1 - unit[:, :, :3]) * (1 - unit[:, :, -1:])
    )
    rows, cols = np.indices(size)
    board = np.where((rows // 4 + cols // 4) % 2, 0.6, 0.4)[:, :, None]
    expected = by_area(light * opacity, size) + (1 - by_area(opacity, size)) * board
    assert np.abs(thumbnail(image, size) - 255 * expected).max() <= 0.51


def test_black_and_white_is_seen_as_gray_from_afar():
    stripes = np.arange(100)[None, :].repeat(60, axis=0) % 2 == 0
    assert np.unique(thumbnail(Image(stripes), (3, 5))).tolist() == [128]


@pytest.mark.parametrize(
    ("low", "high", "raw", "black", "white"),
    [
        (0.0, 1.0, False, 0, 1),
        (-0.2, 1.3, False, 0, 1),
        (0.0, 4000.0, False, 0, 4000),
        (-30.0, 20.0, False, -30, 30),
        (-0.2, 0.1, True, -0.2, 0.2),
        (0.0, 1.0, True, 0, 1),
    ],
)
def test_floats_far_off_are_stretched_and_said(low, high, raw, black, white):
    ramp = np.linspace(low, high, 64, dtype=np.float64)[None, :]
    seen = make_preview(Image(np.zeros((1, 64))), Image(ramp), (2, 128), raw=raw)
    expected = np.clip((ramp[0] - black) / (white - black), 0, 1) * 255
    assert np.abs(seen.after[0, :, 0] - expected).max() <= 0.51
    assert bool(seen.notes) is ((black, white) != (0, 1))


def test_raw_responses_are_seen_in_levels_of_the_source():
    level = np.full((2, 2), 51.0, np.float32)
    seen = make_preview(Image(np.full((2, 2), 51, np.uint8)), Image(level), (2, 4), raw=True)
    assert (seen.after == 51).all()
    assert not seen.notes


def test_what_is_no_number_is_black():
    pixels = np.array([[np.nan, np.inf, -np.inf, 0.5]], np.float32)
    assert thumbnail(Image(pixels), (1, 4))[0, :, 0].tolist() == [0, 255, 0, 128]


@given(
    before=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    after=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    room=st.tuples(st.integers(6, 80), st.integers(9, 200)),
)
def test_both_fit_at_one_scale(before, after, room):
    # Nothing is read of these: a stride of 0 makes them small in memory.
    shapes = [np.broadcast_to(np.uint8(9), shape) for shape in (before, after)]
    if before[0] * before[1] + after[0] * after[1] > 10**6:
        return
    seen = make_preview(*map(Image, shapes), room)
    assert seen.before.shape[1] + seen.after.shape[1] <= room[1]
    assert max(len(seen.before), len(seen.after)) <= room[0]
    scales = [
        small / large
        for part, shape in ((seen.before, before), (seen.after, after))
        for small, large in zip(part.shape[:2], shape, strict=True)
        if small > 20
    ]
    assert not scales or max(scales) <= 1.06 * min(scales)


def compared(*args):
    """Run `apply` and return what it said, the result and both in one."""
    said = call("apply", *args, "-o", "out.png", "--compare", "both.png")
    assert said.status == 0, said.err
    return said, read("out.png"), read("both.png")


def test_both_are_in_one_file(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said, result, both = compared("sharpen", "in.png")
    assert both.size == (60, 181)
    assert np.array_equal(both.pixels[:, :90], read("in.png").pixels)
    assert (both.pixels[:, 90] == 128).all()
    assert np.array_equal(both.pixels[:, 91:], result.pixels)
    assert "compared in both.png: source left, result right, 181×60" in said.err


def test_different_sizes_are_aligned_at_the_top(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said, result, both = compared("box3", "in.png", "--stride", "2")
    assert both.size == (60, 90 + 1 + 45)
    assert np.array_equal(both.pixels[:30, 91:], result.pixels)
    assert (both.pixels[30:, 91:] == 128).all()
    assert "of different sizes, aligned at the top on mid-gray" in " ".join(said.err.split())


def test_gray_beside_colour_becomes_colour_and_8_bits_become_16(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, result, both = compared("box3", "in.png", "--gray", "--depth", "16")
    assert (both.channels, both.depth) == ("RGB", "16-bit")
    assert np.array_equal(both.pixels[:, :90], read("in.png").pixels.astype(np.uint16) * 257)
    assert np.array_equal(both.pixels[:, 91:], result.pixels[:, :, None].repeat(3, axis=2))


def test_raw_is_compared_in_levels_of_the_source(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    args = ("laplacian", "in.png", "--map", "raw", "-o", "o.tif", "--compare", "both.tif")
    assert call("apply", *args).status == 0
    both = read("both.tif").pixels
    assert both.dtype == np.float32
    assert np.array_equal(both[:, :90], read("in.png").pixels)
    assert (both[:, 90] == 128).all()
    assert np.array_equal(both[:, 91:], read("o.tif").pixels)


@pytest.mark.parametrize(
    ("one", "other", "channels", "left", "gap", "right"),
    [
        ("L", "RGB", "RGB", [3, 3, 3], [128] * 3, [9, 9, 9]),
        ("RGBA", "RGB", "RGBA", [3, 3, 3, 3], [128, 128, 128, 255], [9, 9, 9, 255]),
        ("L", "LA", "LA", [3, 255], [128, 255], [9, 9]),
        ("RGBA", "L", "RGBA", [3] * 4, [128, 128, 128, 255], [9, 9, 9, 255]),
        ("CMYK", "L", "CMYK", [3] * 4, [0, 0, 0, 128], [0, 0, 0, 246]),
    ],
)
def test_channels_that_both_can_have(one, other, channels, left, gap, right):
    images = [
        Image(np.full((2, 2, len(names))[: 2 + (len(names) > 1)], level, np.uint8), names)
        for names, level in ((one, 3), (other, 9))
    ]
    both = side_by_side(*images)
    assert both.channels == channels
    assert both.pixels[0, [0, 2, 3]].tolist() == [left, gap, right]


def test_depths_that_both_can_have():
    black_white = Image(np.ones((1, 1), bool))
    eight, sixteen = (Image(np.full((1, 1), 51, kind)) for kind in (np.uint8, np.uint16))
    real = Image(np.full((1, 1), 0.25, np.float32))
    assert side_by_side(black_white, eight).pixels.tolist() == [[255, 128, 51]]
    assert side_by_side(eight, sixteen).pixels.tolist() == [[51 * 257, 32768, 51]]
    assert side_by_side(eight, real).pixels.tolist() == [[np.float32(0.2), 0.5, 0.25]]


def test_unlike_channels_are_refused():
    images = [Image(np.zeros((2, 2, count), np.uint8)) for count in (5, 6)]
    with pytest.raises(ImageError, match="can't be put side by side"):
        side_by_side(*images)


@pytest.mark.parametrize(
    ("args", "status", "why"),
    [
        (["--compare", "in.png", "--overwrite"], 2, "is the source itself"),
        (["--compare", "./in-box3.png"], 2, "is the result itself"),
        (["--compare", "link.png", "--overwrite"], 2, "is the source itself"),
        (["-o", "x.png", "--compare", "x.png"], 2, "is the result itself"),
        (["other.png", "--compare", "c.png"], 2, "compares one image, and there are 2"),
        (["--compare", "-"], 2, "name a file"),
        (["--compare", "new/"], 2, "name a file"),
        (["--compare", "."], 2, "name a file"),
        (["--compare", "c.xyz"], 2, "belongs to no image format"),
        (["--compare", "other.png"], 1, "other.png: exists already; use --overwrite"),
        (["--depth", "16", "-o", "o.png", "--compare", "c.jpg"], 1, "JPEG can't hold 16-bit"),
    ],
)
def test_what_can_not_be_compared_is_refused_before_any_work(
    args, status, why, image, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write("other.png", Image(np.zeros((3, 3), np.uint8)))
    (tmp_path / "link.png").symlink_to("in.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    said = call("apply", "box3", "in.png", *args)
    assert said.status == status
    assert why in said.err
    assert len(said.lines) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_existing_file_is_replaced_if_that_is_asked_for(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("both.png", Image(np.zeros((3, 3), np.uint8)))
    compared("box3", "in.png", "--overwrite")
    assert read("both.png").size == (60, 181)


def test_programs_are_told_of_it(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = call("apply", "box3", "in.png", "--compare", "new/both.png", "--json")
    assert "compared in new/both.png" in json.loads(said.out)["notes"][-1]
    assert (tmp_path / "new" / "both.png").exists()


def test_a_dry_run_says_and_does_nothing(image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = call("apply", "box3", "in.png", "--compare", "both.png", "--show", "--dry-run")
    assert said.status == 0
    assert "this is a dry run" in said.lines[0]
    assert said.lines[-1].endswith("→ both.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_an_image_that_is_not_shown_needs_no_drawing(image, tmp_path):
    code = (
        "import sys; from convcli.cli.main import main; status = main(sys.argv[1:]);"
        "names = ('rich', 'convcli.batch.comparison', 'convcli.image.show.preview', "
        "'convcli.report.show');"
        "print([name for name in names if name in sys.modules]); sys.exit(status)"
    )
    asked = program("apply", "box3", image, "-o", tmp_path / "o.png", "-q")
    asked["args"][:3] = [sys.executable, "-c", code]
    done = subprocess.run(**asked, timeout=120)
    assert (done.returncode, done.stdout.decode().strip()) == (0, "[]"), done.stderr


def backgrounds(name, **environment):
    """Return (text, background) of the cells of a 3×3 matrix as `kernels` shows it."""
    options = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    shown = spawn("kernels", name, **options | environment).out.splitlines()
    found = []
    for line in shown:
        if "48;" not in line:
            continue
        signs = cells(line)
        found += [(signs[k + 1][0] + signs[k + 2][0], signs[k + 1][2]) for k in (3, 7, 11)]
    return found


def test_greater_weights_have_stronger_cells():
    found = backgrounds("sobel-x")
    assert [text.strip() for text, _ in found] == ["-1", "0", "1", "-2", "0", "2", "-1", "0", "1"]
    one, none, plus, two, _, double = (background for _, background in found[:6])
    assert none is None
    assert two[0] > one[0] > max(one[1:])
    assert double[1] > plus[1] > max(plus[0], plus[2])


@pytest.mark.parametrize("environment", [{"COLORTERM": ""}, {"NO_COLOR": "1"}])
def test_cells_are_not_shaded_in_few_colours(environment):
    shown = spawn(
        "kernels", "sobel-x", FORCE_COLOR="1", **{"TERM": "xterm-256color"} | environment
    ).out
    assert "48;" not in shown
    assert "-1   0   1" in re.sub(r"\x1b\[[0-9;]*m", "", shown)


def test_alpha_beside_raw_responses_is_seen_through():
    source = Image(np.full((2, 2, 2), 255, np.uint8))
    raw = np.stack([np.full((2, 2), -510.0), np.array([[0.0, 1.0]] * 2)], axis=2)
    seen = make_preview(source, Image(raw), (2, 4), raw=True)
    assert seen.after[:, :, 0].tolist() == [[102, 0]] * 2


def test_alpha_beside_raw_responses_is_compared_as_0_to_1():
    source = Image(np.full((1, 1, 4), 255, np.uint8))
    raw = Image(np.array([[[-8.0, 0.0, 300.0, 0.5]]]))
    both = side_by_side(source, raw, raw=True)
    assert both.pixels.tolist() == [
        [[255, 255, 255, 1], [128, 128, 128, 1], [-8.0, 0.0, 300.0, 0.5]]
    ]
