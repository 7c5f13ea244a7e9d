"""`convcli apply` as its users meet it: names, pipes, options, and what a result holds."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from asserts import assert_same_pixels
from command import call, spawn
from PIL import Image, ImageCms, PngImagePlugin

from convcli import read

SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
BOX = np.ones((3, 3))
SHARPEN = "0 -1 0; -1 5 -1; 0 -1 0"


@pytest.fixture
def here(tmp_path, monkeypatch, samples):
    """An empty folder to work in, with one small gray image, photo.png."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(samples / "grid-7x7.png", "photo.png")
    return tmp_path


def correlated(pixels, weights, *, pad=None, mode="edge", step=1, gap=1):
    """Correlate by shifted sums in float64: what `apply` is compared with."""
    pixels = np.asarray(pixels, dtype=np.float64)
    rows, cols = weights.shape
    around = (
        [(gap * (rows // 2),) * 2, (gap * (cols // 2),) * 2] if pad is None else [(pad,) * 2] * 2
    )
    padded = np.pad(pixels, around + [(0, 0)] * (pixels.ndim - 2), mode=mode)
    height = padded.shape[0] - gap * (rows - 1)
    width = padded.shape[1] - gap * (cols - 1)
    total = np.zeros((height, width, *pixels.shape[2:]))
    for i in range(rows):
        for j in range(cols):
            total += weights[i, j] * padded[i * gap : i * gap + height, j * gap : j * gap + width]
    return total[::step, ::step]


def stored(values, maximum=255):
    """Round to nearest, a half away from zero, and clip."""
    return np.clip(np.sign(values) * np.floor(np.abs(values) + 0.5), 0, maximum)


def pixels_of(path):
    """What Pillow reads."""
    with Image.open(path) as image:
        return np.asarray(image)


def names(folder):
    """Names of the files below a folder."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def applied(*args):
    """Apply a kernel to photo.png and return the result's pixels."""
    said = call("apply", *args, "-o", "result.png", "--overwrite")
    assert said.status == 0, said.err
    return pixels_of("result.png")


# Names.


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        ("sobel-x", "photo-sobel-x.png"),
        ("Sobel_V", "photo-sobel-x.png"),
        ("gaussian:sigma=2", "photo-gaussian-sigma-2.png"),
        ("0 1; 1 0", "photo-custom.png"),
        ("-1 0 1; -2 0 2; -1 0 1", "photo-custom.png"),
        ("mine.toml#ridge", "photo-ridge.png"),
        ("größe.csv", "photo-größe.png"),
        ("a b&c.csv", "photo-a-b-c.png"),
    ],
)
def test_a_result_stands_beside_its_source_and_is_named_after_the_kernel(kernel, name, here):
    (here / "mine.toml").write_text("[kernel.ridge]\nweights = [[-1, 2, -1]]\n")
    (here / "größe.csv").write_text("1,2,1\n")
    (here / "a b&c.csv").write_text("1,2,1\n")
    assert call("apply", kernel, "photo.png").status == 0
    assert (here / name).is_file()


def test_a_chain_is_named_after_all_its_kernels(here):
    assert call("apply", "gaussian", "photo.png", "--then", "sobel-x").status == 0
    assert (here / "photo-gaussian+sobel-x.png").is_file()


def test_o_names_a_file_and_its_folder_is_made(here):
    assert call("apply", "sobel-x", "photo.png", "-o", "new/folder/edges.tif").status == 0
    with Image.open("new/folder/edges.tif") as image:
        assert image.format == "TIFF"


def test_o_names_a_folder_that_is_made(here):
    shutil.copy("photo.png", "other.png")
    assert call("apply", "sobel-x", "photo.png", "other.png", "-o", "out").status == 0
    assert names(here / "out") == ["other.png", "photo.png"]


@pytest.mark.parametrize("output", ["out", "out/", "out.d/"])
def test_a_folder_is_mirrored_in_the_folder_of_results(output, here):
    for place in ("in/a.png", "in/deep/b.png", "in/deep/er/c.png"):
        (here / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("photo.png", place)
    (here / "in" / "notes.txt").write_text("not an image")
    assert call("apply", "sobel-x", "in", "-o", output).status == 0
    assert names(here / output) == ["a.png"]
    again = call("apply", "sobel-x", "in", "-o", output, "--recursive", "--skip-existing")
    assert again.status == 0
    assert names(here / output) == ["a.png", "deep/b.png", "deep/er/c.png"]


def test_results_of_a_folder_without_o_stand_beside_their_sources(here):
    (here / "in" / "deep").mkdir(parents=True)
    shutil.copy("photo.png", "in/a.png")
    shutil.copy("photo.png", "in/deep/b.png")
    assert call("apply", "sobel-x", "in", "-r").status == 0
    assert names(here / "in") == ["a-sobel-x.png", "a.png", "deep/b-sobel-x.png", "deep/b.png"]


@pytest.mark.parametrize(
    ("args", "name", "kind"),
    [
        (["--format", "jpg"], "photo-sobel-x.jpg", "JPEG"),
        (["--format", "TIFF"], "photo-sobel-x.tif", "TIFF"),
        (["--format", "webp", "-o", "out/"], "out/photo.webp", "WEBP"),
        (["--format", "png", "-o", "edges.png"], "edges.png", "PNG"),
    ],
)
def test_format_gives_the_result_its_format_and_suffix(args, name, kind, here):
    assert call("apply", "sobel-x", "photo.png", *args).status == 0
    with Image.open(name) as image:
        assert image.format == kind


def test_the_suffix_of_a_source_is_kept_as_it_is_written(here):
    shutil.copy("photo.png", "LOUD.PNG")
    assert call("apply", "sobel-x", "LOUD.PNG").status == 0
    assert (here / "LOUD-sobel-x.PNG").is_file()


# Names and matrices that begin with a minus.


def test_a_matrix_that_begins_with_a_minus_works_as_typed(here):
    typed = applied("-1 0 1; -2 0 2; -1 0 1", "photo.png")
    assert_same_pixels(typed, applied("sobel-x", "photo.png"))
    assert typed.any()


@pytest.mark.parametrize("matrix", ["-1", "-.5 1.5", "-1;1", "-1,1", "- 1 2 -1".replace("- ", "-")])
def test_every_way_to_begin_with_a_minus_is_a_matrix(matrix, here):
    assert call("apply", matrix, "photo.png", "-o", "x.png").status == 0


def test_then_and_bias_take_what_begins_with_a_minus(here):
    a = applied("-1 0 1", "photo.png", "--then", "-1 0 1", "--map", "offset")
    b = applied("[-1 0 1]", "photo.png", "--then=-1 0 1", "--map", "offset")
    assert_same_pixels(a, b)
    pixels = pixels_of("photo.png")
    darker = applied("identity", "photo.png", "--bias", "-5")
    assert_same_pixels(darker, stored(pixels.astype(float) - 5))


def test_a_file_whose_name_begins_with_a_minus_is_a_file(here):
    shutil.copy("photo.png", "-x.png")
    assert call("apply", "sobel-x", "-o", "one.png", "--", "-x.png").status == 0
    assert call("apply", "sobel-x", "./-x.png", "-o", "two.png").status == 0
    assert (here / "one.png").read_bytes() == (here / "two.png").read_bytes()


def test_a_file_whose_name_begins_with_a_negative_number_is_a_file(here):
    shutil.copy("photo.png", "-5 degrees.png")
    assert call("apply", "sobel-x", "-5 degrees.png").status == 0
    assert (here / "-5 degrees-sobel-x.png").is_file()


# Pipes.


def test_an_image_goes_through_a_pipe(here):
    source = (here / "photo.png").read_bytes()
    piped = spawn("apply", "sobel-x", "-", stdin=source)
    assert piped.status == 0
    assert call("apply", "sobel-x", "photo.png", "-o", "file.png").status == 0
    assert piped.data == (here / "file.png").read_bytes()
    assert piped.err.startswith("- → -\n")


def test_standard_input_can_go_to_a_file_and_a_file_to_standard_output(here):
    source = (here / "photo.png").read_bytes()
    assert call("apply", "sobel-x", "-", "-o", "in.png", stdin=source).status == 0
    out = call("apply", "sobel-x", "photo.png", "-o", "-", "--quiet")
    assert out.data == (here / "in.png").read_bytes()
    assert out.err == ""


def test_format_is_the_one_of_a_pipe(here):
    out = call("apply", "sobel-x", "photo.png", "-o", "-", "--format", "jpg")
    assert out.data[:3] == b"\xff\xd8\xff"


def test_a_pipe_keeps_the_format_that_came_in(samples):
    out = call("apply", "box:size=3", "-", stdin=(samples / "coffee-cmyk.jpg").read_bytes())
    assert out.data[:3] == b"\xff\xd8\xff"


# What exists.


def test_a_source_is_never_overwritten(here):
    before = (here / "photo.png").read_bytes()
    for output in ("photo.png", "./photo.png", "../" + here.name + "/photo.png", "."):
        for option in ([], ["--overwrite"]):
            assert call("apply", "sobel-x", "photo.png", "-o", output, *option).status == 2
    assert (here / "photo.png").read_bytes() == before
    assert names(here) == ["photo.png"]


def test_a_source_of_the_same_batch_is_never_overwritten(here):
    """The result of a.png would be b.png, which is still to be read."""
    (here / "a").mkdir()
    shutil.copy("photo.png", "a/b.png")
    shutil.copy("photo.png", "b.png")
    before = (here / "b.png").read_bytes()
    assert call("apply", "sobel-x", "a", "b.png", "-o", ".", "--overwrite").status == 2
    assert (here / "b.png").read_bytes() == before


def test_a_result_is_replaced_only_with_overwrite(here):
    (here / "x.png").write_bytes(b"mine")
    assert call("apply", "sobel-x", "photo.png", "-o", "x.png").status == 1
    assert (here / "x.png").read_bytes() == b"mine"
    assert call("apply", "sobel-x", "photo.png", "-o", "x.png", "--overwrite").status == 0
    assert pixels_of("x.png").shape == (7, 7)


def test_skip_existing_carries_an_interrupted_batch_on(here):
    shutil.copy("photo.png", "other.png")
    (here / "out").mkdir()
    (here / "out" / "photo.png").write_bytes(b"done before")
    said = call("apply", "sobel-x", "photo.png", "other.png", "-o", "out", "--skip-existing")
    assert said.status == 0
    assert (here / "out" / "photo.png").read_bytes() == b"done before"
    assert pixels_of("out/other.png").shape == (7, 7)
    assert said.lines[0] == "photo.png: skipped, out/photo.png exists"
    assert said.lines[-1].startswith("1 done, 1 skipped in ")


def test_a_dry_run_writes_nothing_and_says_what_would_be(here):
    shutil.copy("photo.png", "other.png")
    (here / "out").mkdir()
    (here / "out" / "other.png").write_bytes(b"mine")
    before = names(here)
    args = ("photo.png", "other.png", "nope.png", "-o", "out", "--dry-run")
    said = call("apply", "sobel-x", *args)
    assert said.status == 1
    assert said.lines[0] == "photo.png → out/photo.png"
    assert said.lines[1].startswith("convcli: other.png: out/other.png exists already")
    assert said.lines[2].startswith("convcli: nope.png: can't be read")
    assert said.lines[3].startswith("1 planned, 2 failed in ")
    assert names(here) == before


def test_a_dry_run_makes_no_folders(here):
    assert call("apply", "sobel-x", "photo.png", "-o", "new/x.png", "--dry-run").status == 0
    assert not (here / "new").exists()


def test_a_second_run_over_a_folder_does_not_filter_its_own_results(here):
    (here / "in").mkdir()
    shutil.copy("photo.png", "in/a.png")
    for _ in range(2):
        assert call("apply", "sobel-x", "in", "--overwrite").status == 0
    assert names(here / "in") == ["a-sobel-x.png", "a.png"]


def test_a_second_run_leaves_a_folder_of_results_within_the_folder_alone(here):
    for _ in range(2):
        assert call("apply", "sobel-x", ".", "-r", "-o", "out", "--overwrite").status == 0
    assert names(here) == ["out/photo.png", "photo.png"]


def test_an_image_of_that_name_without_its_source_is_an_image(here):
    (here / "in").mkdir()
    shutil.copy("photo.png", "in/view-sobel-x.png")
    assert call("apply", "sobel-x", "in").status == 0
    assert "view-sobel-x-sobel-x.png" in names(here / "in")


def test_an_image_named_twice_is_filtered_once(here):
    said = call("apply", "sobel-x", "photo.png", "photo.png", "--json")
    assert said.status == 0
    assert len(said.out.splitlines()) == 1


# Options against an independent computation.


@pytest.fixture
def noise(here, rng):
    """An 8-bit RGB image of noise, photo.png, and its pixels."""
    pixels = rng.integers(0, 256, (20, 23, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return pixels


def test_the_plain_result_is_the_magnitude_of_a_derivative(noise):
    expected = stored(np.abs(correlated(noise, SOBEL_X)))
    assert_same_pixels(applied("sobel-x", "photo.png"), expected)


def test_map_clip_offset_and_normalize(noise):
    response = correlated(noise, SOBEL_X)
    assert_same_pixels(applied("sobel-x", "photo.png", "--map", "clip"), stored(response))
    offset = stored(response + 128)
    assert_same_pixels(applied("sobel-x", "photo.png", "--map", "offset"), offset)
    low, high = response.min(), response.max()
    stretched = stored((response - low) * 255 / (high - low))
    assert_same_pixels(applied("sobel-x", "photo.png", "--map", "normalize"), stretched, 1)


def test_map_raw_keeps_signed_responses_in_float(noise):
    assert call("apply", "sobel-x", "photo.png", "--map", "raw", "-o", "raw.tif").status == 0
    raw = read("raw.tif").pixels
    assert raw.dtype == np.float32
    assert_same_pixels(raw, correlated(noise, SOBEL_X))


@pytest.mark.parametrize(
    ("border", "mode"),
    [("replicate", "edge"), ("reflect", "reflect"), ("symmetric", "symmetric"), ("wrap", "wrap")],
)
def test_borders(border, mode, noise):
    expected = stored(correlated(noise, BOX / 9, mode=mode))
    assert_same_pixels(applied("box", "photo.png", "--border", border), expected)


def test_a_fill_value_is_a_constant_border_in_levels(noise):
    padded = np.pad(noise, ((1, 1), (1, 1), (0, 0)), constant_values=200)
    expected = stored(correlated(padded, BOX / 9, pad=0))
    assert_same_pixels(applied("box", "photo.png", "--fill", "200"), expected)
    zero = np.pad(noise, ((1, 1), (1, 1), (0, 0)))
    expected = stored(correlated(zero, BOX / 9, pad=0))
    assert_same_pixels(applied("box", "photo.png", "--border", "zero"), expected)


@pytest.mark.parametrize(("padding", "pad"), [("valid", 0), ("full", 2), ("1", 1), ("4", 4)])
def test_paddings(padding, pad, noise):
    expected = stored(np.abs(correlated(noise, SOBEL_X, pad=pad)))
    assert_same_pixels(applied("sobel-x", "photo.png", "--padding", padding), expected)


def test_stride_and_dilation_of_rows_and_columns(noise):
    every = np.abs(correlated(noise, SOBEL_X))
    assert_same_pixels(applied("sobel-x", "photo.png", "--stride", "3"), stored(every[::3, ::3]))
    assert_same_pixels(applied("sobel-x", "photo.png", "--stride", "2,5"), stored(every[::2, ::5]))
    wide = stored(np.abs(correlated(noise, SOBEL_X, gap=2)))
    assert_same_pixels(applied("sobel-x", "photo.png", "--dilation", "2"), wide)


def test_convolve_flips_the_kernel(noise):
    weights = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 9]])
    text = "[0 1 2; 3 4 5; 6 7 9]/40"
    expected = stored(correlated(noise, weights[::-1, ::-1]) / 40)
    assert_same_pixels(applied(text, "photo.png", "--convolve"), expected)
    assert_same_pixels(applied(text, "photo.png"), stored(correlated(noise, weights) / 40))


def test_divisor_bias_and_scale(noise):
    response = correlated(noise, SOBEL_X)
    halved = stored(np.abs(response / 8))
    assert_same_pixels(applied("sobel-x", "photo.png", "--divisor", "8"), halved)
    shifted = stored(response + 100)
    args = ("photo.png", "--bias", "100", "--map", "clip")
    assert_same_pixels(applied("sobel-x", *args), shifted)
    scaled = stored(np.abs(response * 0.25))
    assert_same_pixels(applied("sobel-x", "photo.png", "--scale", "0.25"), scaled)


def test_scale_auto_clips_nothing(noise):
    said = call("apply", "sobel-x", "photo.png", "--scale", "auto", "-o", "x.png", "--json")
    assert json.loads(said.out)["response"]["clipped"] == 0
    expected = stored(np.abs(correlated(noise, SOBEL_X)) / 4)
    assert_same_pixels(pixels_of("x.png"), expected)


def test_then_computes_in_float_and_rounds_once(noise):
    smooth = correlated(noise, BOX / 9)
    expected = stored(np.abs(correlated(smooth, SOBEL_X)))
    chained = applied("box", "photo.png", "--then", "sobel-x")
    # What is within float32's error of a half may be rounded to either side.
    assert_same_pixels(chained, expected, 1)
    assert (chained == expected).mean() > 0.999
    rounded = stored(np.abs(correlated(stored(smooth), SOBEL_X)))
    assert (rounded != expected).mean() > 0.1


def test_gray_filters_the_gray_of_stored_values(noise):
    gray = stored(noise @ np.array([0.299, 0.587, 0.114]))
    result = applied("sobel-x", "photo.png", "--gray")
    assert_same_pixels(result, stored(np.abs(correlated(gray, SOBEL_X))))


def test_channels_filters_the_chosen_ones_only(noise):
    expected = noise.astype(float)
    expected[:, :, 0] = stored(np.abs(correlated(noise, SOBEL_X)))[:, :, 0]
    expected[:, :, 2] = stored(np.abs(correlated(noise, SOBEL_X)))[:, :, 2]
    assert_same_pixels(applied("sobel-x", "photo.png", "--channels", "RB"), expected)
    assert_same_pixels(applied("sobel-x", "photo.png", "--channels", "b,r"), expected)


def test_channels_that_are_left_out_are_sampled_where_the_kernel_stands(noise):
    result = applied("box", "photo.png", "--channels", "G", "--stride", "3")
    assert_same_pixels(result[:, :, 0], noise[::3, ::3, 0])
    assert_same_pixels(result[:, :, 1], stored(correlated(noise, BOX / 9)[::3, ::3, 1]))


def test_luma_adds_the_change_of_lightness_to_every_channel(noise):
    lightness = noise @ np.array([0.299, 0.587, 0.114])
    sharp = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    change = correlated(lightness, sharp) - lightness
    expected = stored(noise + change[:, :, None])
    assert_same_pixels(applied(SHARPEN, "photo.png", "--luma"), expected, 1)


def decoded(levels):
    """Linear light of sRGB, IEC 61966-2-1."""
    v = np.asarray(levels, dtype=np.float64) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encoded(light):
    """Levels of sRGB, IEC 61966-2-1."""
    v = np.clip(light, 0, 1)
    return 255 * np.where(v <= 0.0031308, v * 12.92, 1.055 * v ** (1 / 2.4) - 0.055)


def test_linear_filters_light_and_encodes_again(noise):
    expected = stored(encoded(correlated(decoded(noise), BOX / 9)))
    result = applied("box", "photo.png", "--linear")
    assert_same_pixels(result, expected, 1)
    assert (result == expected).mean() > 0.99
    stored_values = stored(correlated(noise, BOX / 9))
    assert np.abs(stored_values - expected).max() > 5


def test_linear_gray_is_luminance(noise):
    light = decoded(noise) @ np.array([0.2126, 0.7152, 0.0722])
    expected = stored(encoded(correlated(light, BOX / 9)))
    assert_same_pixels(applied("box", "photo.png", "--gray", "--linear"), expected, 1)


def test_precision_double_is_within_a_level_of_single(noise):
    single = applied("gaussian", "photo.png").astype(int)
    double = applied("gaussian", "photo.png", "--precision", "double")
    assert_same_pixels(single, double, 1)
    x = np.arange(-4, 5)
    bell = np.exp(-(x**2) / 2.0)
    bell /= bell.sum()
    assert_same_pixels(double, stored(correlated(noise, np.outer(bell, bell))))


@pytest.mark.parametrize("jobs", ["1", "2", "5"])
def test_the_number_of_threads_changes_nothing(jobs, noise):
    assert_same_pixels(applied("box", "photo.png", "-j", jobs), stored(correlated(noise, BOX / 9)))


# Alpha.


@pytest.fixture
def logo(here, samples):
    """The RGBA logo, photo.png, and its pixels; bright magenta hides where alpha is 0."""
    shutil.copy(samples / "logo.png", "photo.png")
    pixels = pixels_of("photo.png")
    assert (pixels[pixels[:, :, 3] == 0][:, :3] == pixels[0, 0, :3]).all()
    return pixels


def premultiplied(pixels, weights):
    """Colour weighted by alpha, filtered in float64, and divided by filtered alpha."""
    values = pixels.astype(np.float64)
    alpha = values[:, :, 3:] / 255
    weighed = np.concatenate((values[:, :, :3] * alpha, alpha), axis=2)
    out = correlated(weighed, weights)
    seen = out[:, :, 3:] > 1e-12
    colour = np.divide(out[:, :, :3], out[:, :, 3:], out=np.zeros_like(out[:, :, :3]), where=seen)
    return np.concatenate((stored(colour), stored(out[:, :, 3:] * 255)), axis=2)


def test_hidden_colour_does_not_leak_out_of_transparent_pixels(logo):
    result = applied("box:size=9", "photo.png")
    expected = premultiplied(logo, np.ones((9, 9)) / 81)
    assert_same_pixels(result[:, :, 3], expected[:, :, 3], 1)
    seen = expected[:, :, 3] > 0
    assert_same_pixels(result[seen], expected[seen], 1)
    unseen = (correlated(logo[:, :, 3], np.ones((9, 9))) == 0) & (result[:, :, 3] == 0)
    assert not result[unseen].any()


@pytest.mark.parametrize("kernel", ["box:size=5", "gaussian", "unsharp", SHARPEN])
def test_one_colour_stays_that_colour_wherever_something_is_seen(kernel, here, rng):
    """Whatever alpha does: colour·alpha and alpha are filtered alike, so their ratio stays."""
    pixels = np.empty((24, 24, 4), dtype=np.uint8)
    pixels[:, :, :3] = 100, 150, 60
    pixels[:, :, 3] = np.repeat(np.repeat(rng.integers(0, 4, (6, 6)) * 85, 4, axis=0), 4, axis=1)
    Image.fromarray(pixels).save("photo.png")
    result = applied(kernel, "photo.png")
    seen = result[:, :, 3] > 0
    assert seen.any()
    assert_same_pixels(result[seen][:, :3], pixels[seen][:, :3], 1)


def test_blurring_stored_colour_would_leak(logo):
    leaking = stored(correlated(logo, np.ones((9, 9)) / 81))
    assert (np.abs(leaking - premultiplied(logo, np.ones((9, 9)) / 81)).max()) > 50


def test_zero_sum_kernels_leave_alpha_as_it_is(logo):
    result = applied("sobel-x", "photo.png")
    assert_same_pixels(result[:, :, 3], logo[:, :, 3])
    assert_same_pixels(result[:, :, :3], stored(np.abs(correlated(logo[:, :, :3], SOBEL_X))))


def test_alpha_keep_filter_and_drop(logo):
    kept = applied("box:size=9", "photo.png", "--alpha", "keep")
    assert_same_pixels(kept[:, :, 3], logo[:, :, 3])
    assert_same_pixels(kept[:, :, :3], stored(correlated(logo[:, :, :3], np.ones((9, 9)) / 81)))
    dropped = applied("box:size=9", "photo.png", "--alpha", "drop")
    assert_same_pixels(dropped, kept[:, :, :3])
    auto = applied("box:size=9", "photo.png")
    assert_same_pixels(applied("box:size=9", "photo.png", "--alpha", "filter"), auto)


def test_the_alpha_channel_can_be_filtered_alone(logo):
    result = applied("box", "photo.png", "--channels", "A")
    assert_same_pixels(result[:, :, :3], logo[:, :, :3])
    assert_same_pixels(result[:, :, 3], stored(correlated(logo, BOX / 9))[:, :, 3])


# What a result keeps.


def _profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _exif():
    exif = Image.Exif()
    exif[0x010E] = "a description"
    exif[0x0112] = 1
    return exif


def test_metadata_of_png_is_kept(here, noise):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "noise")
    text.add_itxt("Author", "Zoë", "de", "Autor")
    Image.fromarray(noise).save(
        "in.png", icc_profile=_profile(), exif=_exif(), dpi=(300, 300), pnginfo=text
    )
    assert call("apply", "sobel-x", "in.png", "-o", "out.png").status == 0
    with Image.open("in.png") as source, Image.open("out.png") as result:
        assert result.info["icc_profile"] == source.info["icc_profile"]
        assert result.getexif()[0x010E] == "a description"
        assert result.info["dpi"] == pytest.approx((300, 300), abs=0.02)
        assert (result.text["Title"], result.text["Author"]) == ("noise", "Zoë")


def test_metadata_and_quality_of_jpeg_are_kept(here, noise):
    Image.fromarray(noise).save(
        "in.jpg", icc_profile=_profile(), exif=_exif(), dpi=(72, 72), quality=61, subsampling=0,
        comment=b"hello",
    )  # fmt: skip
    assert call("apply", "box", "in.jpg", "-o", "out.jpg").status == 0
    with Image.open("in.jpg") as source, Image.open("out.jpg") as result:
        assert result.info["icc_profile"] == source.info["icc_profile"]
        assert result.getexif()[0x010E] == "a description"
        assert result.info["dpi"] == (72, 72)
        assert result.info["comment"] == b"hello"
        assert result.quantization == source.quantization
    assert call("apply", "box", "in.jpg", "-o", "coarse.jpg", "--quality", "20").status == 0
    with Image.open("coarse.jpg") as coarse, Image.open("in.jpg") as source:
        assert coarse.quantization != source.quantization


def test_a_sideways_image_is_filtered_and_written_upright(here, samples):
    shutil.copy(samples / "rocket-sideways.jpg", "in.jpg")
    assert call("apply", "identity", "in.jpg", "-o", "out.png").status == 0
    with Image.open("in.jpg") as source, Image.open("out.png") as result:
        assert result.size == source.size[::-1]
        assert result.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    ("name", "kernel", "dtype", "channels"),
    [
        ("ramp-gray16.png", "box", "uint16", "L"),
        ("ramp-rgb16.png", "box", "uint16", "RGB"),
        ("float.tif", "box", "float32", "L"),
        ("coffee-cmyk.jpg", "box", "uint8", "CMYK"),
        ("chart.png", "box", "uint8", "RGBA"),
        ("page-1bit.png", "box", "uint8", "L"),
    ],
)
def test_depth_and_channels_stay(name, kernel, dtype, channels, here, samples):
    shutil.copy(samples / name, name)
    assert call("apply", kernel, name, "-o", f"out{name[-4:]}").status == 0
    result, source = read(f"out{name[-4:]}"), read(name)
    assert (result.pixels.dtype.name, result.channels) == (dtype, channels)
    assert result.meta.format == source.meta.format


def test_sixteen_bits_are_filtered_as_sixteen_bits(here, samples):
    shutil.copy(samples / "ramp-rgb16.png", "in.png")
    assert call("apply", "box", "in.png", "-o", "out.png").status == 0
    expected = stored(correlated(read("in.png").pixels, BOX / 9), 65535)
    assert_same_pixels(read("out.png").pixels, expected)
    assert (expected % 257 != 0).mean() > 0.9


def test_float_samples_may_lie_outside_of_black_and_white(here, samples):
    shutil.copy(samples / "float.tif", "in.tif")
    assert call("apply", "box", "in.tif", "-o", "out.tif").status == 0
    result = read("out.tif").pixels
    assert_same_pixels(result, correlated(read("in.tif").pixels, BOX / 9), 1e-5)
    assert result.min() < 0 < 1 < result.max()


@pytest.mark.parametrize(("depth", "dtype", "top"), [("8", "uint8", 255), ("16", "uint16", 65535)])
def test_depth_scales_the_range(depth, dtype, top, noise):
    assert call("apply", "box", "photo.png", "--depth", depth, "-o", "x.tif").status == 0
    result = read("x.tif").pixels
    assert result.dtype.name == dtype
    assert_same_pixels(result, stored(correlated(noise, BOX / 9) * top / 255, top))


def test_depth_float_is_from_0_to_1(noise):
    assert call("apply", "box", "photo.png", "--depth", "float", "-o", "x.tif").status == 0
    result = read("x.tif").pixels
    assert result.dtype.name == "float32"
    assert_same_pixels(result, correlated(noise, BOX / 9) / 255, 1e-6)


def test_one_bit_becomes_eight_and_half_black_is_gray(here, samples):
    shutil.copy(samples / "page-1bit.png", "in.png")
    assert call("apply", "box", "in.png", "-o", "out.png").status == 0
    source = pixels_of("in.png").astype(np.float64) * 255
    assert_same_pixels(pixels_of("out.png"), stored(correlated(source, BOX / 9)))


def test_a_preview_beside_a_photograph_is_no_frame(here):
    frames = [Image.new("L", (9, 9), level) for level in (50, 100)]
    frames[0].save("in.jpg", "MPO", save_all=True, append_images=frames[1:])
    said = call("apply", "box", "in.jpg", "-o", "out.png")
    assert said.status == 0
    assert "only the first of 2 images" in said.err
    assert (pixels_of("out.png") == 50).all()


def test_compress_changes_the_size_only(here, noise):
    for level in ("0", "9"):
        assert (
            call("apply", "box", "photo.png", "-o", f"{level}.png", "--compress", level).status == 0
        )
    with Image.open("0.png") as loose, Image.open("9.png") as tight:
        assert loose.tobytes() == tight.tobytes()
    assert (here / "9.png").stat().st_size < (here / "0.png").stat().st_size
