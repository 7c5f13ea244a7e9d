"""Files of several images: every frame is filtered, and shown when and as long as before."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from asserts import assert_same_pixels
from command import call, spawn
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

import convcli
from convcli import Frames, Image, ImageError, Meta, batch, pipeline, read_frames, write_frames
from convcli.image import source
from convcli.image.canvas import Disposal, Patch, changed, compose, is_opaque
from convcli.image.files import encode, read
from convcli.image.frames import TOGETHER
from convcli.image.tiff import write as tiff_write

#: What Pillow reads; and JPEG XL, in which a damaged frame may be another one.
SEEN = (".gif", ".png", ".webp")
MOVING = (*SEEN, ".jxl")
DURATIONS = (40.0, 50.0, 60.0, 70.0, 300.0)
LEVELS = {"bool": 1, "uint8": 85, "uint16": 20_001, "float32": 0.25}


def moving(rng, channels="RGB", depth="uint8", count=5, size=(24, 30)):
    """Images with a few colours and a square that moves; alpha is nothing or full."""
    most = 1 if depth == "bool" else 3
    ground = rng.integers(0, most + 1, (*size, len(channels)))
    images = []
    for k in range(count):
        levels = ground.copy()
        levels[k : k + 6, 3 * k : 3 * k + 5] = rng.integers(0, most + 1, len(channels))
        pixels = (levels * LEVELS[depth]).astype(depth)
        if channels.endswith("A"):
            full = np.iinfo(depth).max
            pixels[..., -1] = np.where((levels[..., -1] > 1) | (levels[..., 0] == k % 3), full, 0)
        images.append(Image(pixels[..., 0] if len(channels) == 1 else pixels, channels))
    return images


def seen(image):
    """(rows, cols, 4) of what is seen: colour where nothing is seen doesn't count."""
    pixels = image.pixels.reshape(*image.size, -1)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    full = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    alpha = pixels[..., -1:] if image.has_alpha else np.full_like(pixels[..., :1], full)
    colour = pixels[..., : pixels.shape[2] - image.has_alpha]
    colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
    return np.concatenate((colour * (alpha > 0), alpha), axis=2)


def write_moving(path, images, durations=DURATIONS, loop=3):
    write_frames(path, Frames.of(images, durations[: len(images)], loop))
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


KINDS = [
    *[(suffix, "uint8", names) for suffix in MOVING for names in ("L", "LA", "RGB", "RGBA")],
    *[(".png", "uint16", names) for names in ("L", "LA", "RGB", "RGBA")],
    *[(suffix, "bool", "L") for suffix in (*MOVING, ".tif")],
    *[(".tif", depth, "RGBA") for depth in ("uint8", "uint16")],
    (".tif", "float32", "RGB"),
]


@pytest.mark.parametrize(("suffix", "depth", "channels"), KINDS)
def test_frames_come_back_as_they_were(suffix, depth, channels, rng, tmp_path):
    images = moving(rng, channels, depth)
    path = write_moving(tmp_path / f"a{suffix}", images)
    again = read_frames(path)
    assert len(again) == len(images)
    for image, found in zip(images, again, strict=True):
        assert found.depth == image.depth or depth == "bool"
        assert_same_pixels(seen(found), seen(image))
    if suffix == ".tif":
        assert again.durations is None
    else:
        assert (again.durations, again.loop) == (DURATIONS, 3)


@pytest.mark.parametrize("suffix", SEEN)
@pytest.mark.parametrize("channels", ["L", "LA", "RGB", "RGBA"])
def test_others_see_the_same_frames(suffix, channels, rng, tmp_path):
    images = moving(rng, channels)
    path = write_moving(tmp_path / f"a{suffix}", images)
    with Pillow.open(path) as opened:
        assert opened.n_frames == len(images)
        for number, image in enumerate(images):
            opened.seek(number)
            found = np.array(opened.convert("RGBA"))
            assert opened.info["duration"] == DURATIONS[number]
            assert_same_pixels(found * (found[..., 3:] > 0), seen(image))


@pytest.mark.parametrize("suffix", MOVING)
@pytest.mark.parametrize("loop", [0, 1, 2, 7])
def test_how_often_they_are_played_is_kept(suffix, loop, rng, tmp_path):
    assert read_frames(write_moving(tmp_path / f"a{suffix}", moving(rng), loop=loop)).loop == loop


@pytest.mark.parametrize("suffix", [*MOVING, ".tif"])
@pytest.mark.parametrize("channels", ["L", "RGB", "RGBA"])
def test_each_frame_is_filtered_as_if_alone(suffix, channels, rng, here):
    path = write_moving(here / f"in{suffix}", moving(rng, channels))
    kernel = "1 2 1; 0 0 0; -1 -2 -1"
    said = call("apply", kernel, path, "-o", f"out{suffix}")
    assert said.status == 0
    assert "5 frames, 30×24" in said.err
    results = read_frames(here / f"out{suffix}")
    if suffix != ".tif":
        assert (results.durations, results.loop) == (DURATIONS, 3)
    for frame, result in zip(read_frames(path), results, strict=True):
        assert_same_pixels(seen(result), seen(convcli.apply(frame, kernel)))


def test_a_sequence_of_avif_is_read_and_written(rng, here):
    images = moving(rng, size=(32, 48))
    write_frames("in.avif", Frames.of(images, DURATIONS))
    assert call("apply", "identity", "in.avif", "-o", "out.avif", "--quality", "100").status == 0
    again = read_frames("out.avif")
    assert again.durations == DURATIONS
    for before, after in zip(read_frames("in.avif"), again, strict=True):
        assert np.abs(seen(before).astype(int) - seen(after)).max() <= 4


def test_frame_picks_one_and_counts_from_0(rng, here):
    for suffix in (*MOVING, ".tif"):
        path = write_moving(here / f"in{suffix}", moving(rng))
        said = call("apply", "sobel", path, "--frame", "3", "-o", f"{suffix[1:]}.ppm")
        assert said.status == 0
        assert "frames" not in said.err
        expected = convcli.apply(read_frames(path)[3], "sobel")
        assert_same_pixels(seen(read(here / f"{suffix[1:]}.ppm")), seen(expected))


@pytest.mark.parametrize(("suffix", "has"), [(".gif", "5 frames"), (".jpg", "one frame")])
def test_a_frame_that_is_not_there_is_refused(suffix, has, rng, here):
    if suffix == ".gif":
        write_moving("in.gif", moving(rng))
    else:
        convcli.write("in.jpg", moving(rng)[0])
    said = call("apply", "box", f"in{suffix}", "--frame", "5", "-o", "out.png")
    assert (said.status, len(said.lines)) == (1, 1)
    assert f"there is no frame 5: the file has {has}" in said.err
    assert call("apply", "box", f"in{suffix}", "--frame", "0", "-o", "out.png").status == 0


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".npy", ".jp2", ".pfm"])
def test_a_format_of_one_image_takes_no_animation(suffix, rng, here):
    write_moving("in.gif", moving(rng))
    said = call("apply", "box", "in.gif", "-o", f"out{suffix}")
    assert (said.status, len(said.lines)) == (1, 1)
    assert "use --frame N" in said.err
    assert "-o NAME.tif" in said.err
    assert not (here / f"out{suffix}").exists()


def test_pipes_carry_frames(rng, here):
    path = write_moving(here / "in.webp", moving(rng))
    said = call("apply", "box", "-", "-o", "-", stdin=path.read_bytes())
    assert said.status == 0
    assert len(read_frames(said.data)) == 5
    assert read_frames(said.data).durations == DURATIONS


def test_a_new_process_filters_frames_as_the_library_does(rng, here):
    path = write_moving(here / "in.gif", moving(rng))
    assert spawn("apply", "box", path, "-o", "out.png").status == 0
    for frame, result in zip(read_frames(path), read_frames("out.png"), strict=True):
        assert_same_pixels(seen(result), seen(convcli.apply(frame, "box")))


def test_the_report_counts_all_frames(rng, here):
    path = write_moving(here / "in.png", moving(rng))
    said = call("apply", "sobel", path, "-o", "out.png", "--json")
    found = json.loads(said.out)
    assert found["frames"] == 5
    parts = []
    for number in range(5):
        one = call("apply", "sobel", path, "--frame", number, "-o", f"{number}.png", "--json")
        parts.append(json.loads(one.out)["response"])
        assert json.loads(one.out)["frames"] == 1
    for name in ("clipped", "samples"):
        assert found["response"][name] == sum(part[name] for part in parts)
    assert found["response"]["lowest"] == min(part["lowest"] for part in parts)
    assert found["response"]["highest"] == max(part["highest"] for part in parts)


def test_timing_that_gets_lost_or_is_made_up_is_said(rng, here):
    write_moving("in.gif", moving(rng))
    said = call("apply", "box", "in.gif", "-o", "out.tif")
    assert "timing: left out" in said.err
    said = call("apply", "box", "out.tif", "-o", "out.png")
    assert "shown for 100 ms" in said.err
    assert read_frames("out.png").durations == (100.0,) * 5


def test_facts_can_be_sent_to_another_process(rng, here):
    path = write_moving(here / "in.gif", moving(rng))
    streams = io.BytesIO(), io.BytesIO()
    kernels = (convcli.get_kernel("box"),)
    common = batch.Common(
        lambda image, **given: pipeline.lay(image, kernels, convcli.Spec(), **given),
        batch.Writing(),
        streams,
    )
    told = []
    outcome = common.do(batch.Job(str(path), str(here / "out.gif")), told.append)
    assert outcome.facts.frames == 5
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    assert min(told) >= 24 * 30 * 3


# What a file stores, and what is seen


def gif(size, frames, palette, repeats=None):
    """Return a GIF file of frames: (left, top, indices, disposal, clear index or None)."""
    assert len(palette) == 4
    cols, rows = size
    parts = [b"GIF89a", struct.pack("<HHBBB", cols, rows, 0x81, 0, 0), bytes(np.ravel(palette))]
    if repeats is not None:
        parts.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repeats) + b"\0")
    for left, top, indices, disposal, clear in frames:
        flags = disposal << 2 | (clear is not None)
        parts.append(b"!\xf9\x04" + struct.pack("<BHBB", flags, 5, clear or 0, 0))
        height, width = indices.shape
        parts.append(b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x08")
        parts.append(Pillow.fromarray(indices).tobytes("gif", "L", 8, 0) + b"\0")
    return b"".join((*parts, b";"))


PALETTE = np.array([(9, 0, 0), (0, 90, 0), (0, 0, 200), (250, 250, 0)], dtype=np.uint8)


@pytest.mark.parametrize("middle", [0, 1, 2, 3])
@pytest.mark.parametrize("clear", [None, 2])
def test_gif_frames_are_put_together_as_browsers_do(middle, clear, rng):
    """The canvas begins clear; 2 clears a frame's region and 3 restores what was there."""
    size = (8, 6)
    first = rng.integers(0, 4, (6, 8), dtype=np.uint8)
    second = rng.integers(0, 4, (3, 4), dtype=np.uint8)
    third = rng.integers(0, 4, (2, 5), dtype=np.uint8)
    frames = [
        (0, 0, first, 1, None),
        (2, 1, second, middle, clear),
        (3, 2, third, 1, clear),
    ]
    canvas = np.zeros((6, 8, 4), dtype=np.uint8)
    expected = []
    for left, top, indices, disposal, index in frames:
        before = canvas.copy()
        for y, x in np.ndindex(indices.shape):
            if indices[y, x] != index:
                canvas[top + y, left + x] = (*PALETTE[indices[y, x]], 255)
        expected.append(canvas.copy())
        region = np.s_[top : top + indices.shape[0], left : left + indices.shape[1]]
        if disposal == 2:
            canvas[region] = 0
        if disposal == 3:
            canvas[region] = before[region]
    found = read_frames(gif(size, frames, PALETTE))
    assert found.durations == (50.0,) * 3
    for number, image in enumerate(found):
        assert_same_pixels(seen(image), expected[number])
        assert_same_pixels(seen(found[number]), expected[number])


def test_a_gif_that_says_how_often_it_is_repeated_is_played_once_more(rng):
    frame = (0, 0, rng.integers(0, 4, (2, 2), dtype=np.uint8), 1, None)
    for repeats, plays in ((None, 1), (0, 0), (1, 2), (4, 5)):
        assert read_frames(gif((2, 2), [frame] * 2, PALETTE, repeats)).loop == plays


def test_gray_animations_are_gray(rng):
    grays = np.repeat(np.array([[0], [80], [160], [255]], dtype=np.uint8), 3, axis=1)
    frame = (0, 0, rng.integers(0, 4, (5, 4), dtype=np.uint8), 1, None)
    assert read_frames(gif((4, 5), [frame] * 3, grays))[0].channels == "L"
    aside = (1, 1, frame[2], 1, None)
    assert read_frames(gif((5, 6), [aside] * 3, grays))[0].channels == "LA"


def test_a_gif_pixel_must_be_in_the_palette(rng):
    wrong = (0, 0, np.full((2, 2), 9, dtype=np.uint8), 1, None)
    right = (0, 0, np.full((2, 2), 3, dtype=np.uint8), 1, None)
    frames = read_frames(gif((2, 2), [right, wrong], PALETTE))
    assert frames[0].pixels.shape[:2] == (2, 2)
    with pytest.raises(ImageError, match=r"^frame 1: .* colour 9 of a palette of 4"):
        frames[1]


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(
        ">I", zlib.crc32(name + content)
    )  # fmt: skip


def apng(size, colour, depth, frames, still=None):
    """Return an APNG of frames: (left, top, pixels, disposal, blend)."""
    cols, rows = size

    def packed(pixels):
        lines = pixels.astype(f">u{depth // 8}").reshape(len(pixels), -1).view(np.uint8)
        return zlib.compress(np.insert(lines, 0, 0, axis=1).tobytes())

    parts = [b"\x89PNG\r\n\x1a\n"]
    parts.append(chunk(b"IHDR", struct.pack(">IIBBBBB", cols, rows, depth, colour, 0, 0, 0)))
    parts.append(chunk(b"acTL", struct.pack(">II", len(frames), 4)))
    if still is not None:
        parts.append(chunk(b"IDAT", packed(still)))
    number = 0
    for k, (left, top, pixels, disposal, blend) in enumerate(frames):
        height, width = pixels.shape[:2]
        control = (number, width, height, left, top, 1, 30, disposal, blend)
        parts.append(chunk(b"fcTL", struct.pack(">IIIIIHHBB", *control)))
        number += 1
        if k == 0 and still is None:
            parts.append(chunk(b"IDAT", packed(pixels)))
        else:
            parts.append(chunk(b"fdAT", struct.pack(">I", number) + packed(pixels)))
            number += 1
    return b"".join((*parts, chunk(b"IEND", b"")))


def over(under, pixels, full):
    """Lay pixels over others, as PNG's standard has it, in exact numbers."""
    from fractions import Fraction

    out = np.zeros_like(under)
    for at in np.ndindex(under.shape[:2]):
        top, below = pixels[at].tolist(), under[at].tolist()
        share = Fraction(top[-1], full)
        rest = Fraction(below[-1], full) * (1 - share)
        alpha = share + rest
        if alpha:
            mixed = [
                (a * share + b * rest) / alpha for a, b in zip(top[:-1], below[:-1], strict=True)
            ]
            out[at] = [int(v + Fraction(1, 2)) for v in (*mixed, alpha * full)]
    return out


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("middle", [0, 1, 2])
def test_png_frames_are_put_together_at_their_full_depth(depth, middle, rng):
    full = 2**depth - 1
    kind = f"uint{depth}"
    first = rng.integers(0, full + 1, (6, 8, 4)).astype(kind)
    second = rng.integers(0, full + 1, (3, 4, 4)).astype(kind)
    third = rng.integers(0, full + 1, (6, 8, 4)).astype(kind)
    third[0, 0, 3], third[0, 1, 3] = 0, full
    frames = [(0, 0, first, 0, 0), (2, 1, second, middle, 0), (0, 0, third, 0, 1)]
    shown = first.copy()
    shown[1:4, 2:6] = second
    base = {0: shown, 1: shown.copy(), 2: first}[middle]
    if middle == 1:
        base[1:4, 2:6] = 0
    expected = [first, shown, over(base, third, full)]
    found = read_frames(apng((8, 6), 6, depth, frames))
    assert found.loop == 4
    assert found.durations == pytest.approx([1000 / 30] * 3, rel=1e-15)
    for number, image in enumerate(found):
        clear = expected[number][..., 3:] == 0
        assert image.pixels.dtype == kind
        assert_same_pixels(image.pixels * ~clear, expected[number] * ~clear)


def test_an_image_beside_an_animation_is_no_frame(rng):
    still, *others = (rng.integers(0, 256, (4, 5, 3)).astype("uint8") for _ in range(3))
    data = apng((5, 4), 2, 8, [(0, 0, each, 0, 0) for each in others], still)
    frames = read_frames(data)
    assert [image.pixels.tolist() for image in frames] == [each.tolist() for each in others]
    assert any("beside the animation" in note for note in frames.notes)
    assert_same_pixels(read(data).pixels, still)
    assert_same_pixels(read(data, frame=0).pixels, others[0])


def test_png_times_come_back_to_the_last_digit(rng, tmp_path):
    times = (1000 / 3, 1000 / 30, 1001 / 30, 12_345.67, 65_535_000.0)
    write_moving(tmp_path / "a.png", moving(rng), times)
    again = read_frames(tmp_path / "a.png").durations
    assert again[:3] == times[:3]
    assert again == pytest.approx(times, rel=1e-4)


patches = st.builds(
    Patch,
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from(list(Disposal)),
    st.booleans(),
)


@given(st.lists(st.one_of(patches, st.builds(
    Patch, st.just(0), st.just(0), st.just(4), st.just(4), st.sampled_from(list(Disposal)),
    st.booleans(),
)), min_size=1, max_size=5))  # fmt: skip
def test_frames_without_alpha_have_no_clear_pixel(chosen):
    def draw(number, region):
        if chosen[number].solid:
            region[...] = 1

    canvas = np.zeros((4, 4), dtype=np.uint8)
    opaque = [bool(frame.all()) for frame in compose(canvas, chosen, draw)]
    if is_opaque(chosen, (4, 4)):
        assert all(opaque)
    if len(chosen) == 1 and all(opaque):
        assert is_opaque(chosen, (4, 4))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), max_size=4))
def test_what_changed_is_all_that_changed(places):
    before = np.zeros((7, 9, 3), dtype=np.uint8)
    after = before.copy()
    for y, x in places:
        after[y, x, y % 3] = 1
    region = changed(before, after)
    before[region] = after[region]
    assert (before == after).all()
    if places:
        rows, cols = zip(*places, strict=True)
        assert region[0] == slice(min(rows), max(rows) + 1)
        assert region[1] == slice(min(cols), max(cols) + 1)


@given(st.lists(st.floats(0, 5000), min_size=1, max_size=40), st.sampled_from([1.0, 10.0]))
def test_rounded_times_add_up(durations, unit):
    steps = Frames(len(durations), iter, tuple(durations)).steps(unit, 10**9)
    shown, meant = np.cumsum(steps) * unit, np.cumsum(durations)
    assert np.abs(shown - meant).max() <= unit / 2 + 1e-6


# TIFF


def pages(*arrays, **options):
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as file:
        for array in arrays:
            file.write(array, contiguous=False, metadata=None, **options)
    return target.getvalue()


def test_pages_may_differ_in_all(rng, here, tiny):
    arrays = [tiny((20, 30, 3)), tiny((31, 17), "uint16"), tiny((9, 9), "float32"), tiny((8, 8))]
    (here / "in.tif").write_bytes(pages(*arrays))
    said = call("apply", "box", "in.tif", "-o", "out.tif")
    assert said.status == 0
    assert "frames differ in size or kind" in said.err
    for array, result in zip(arrays, read_frames("out.tif"), strict=True):
        assert_same_pixels(result.pixels, convcli.apply(Image(array), "box").pixels)
        assert result.pixels.dtype == array.dtype
    said = call("apply", "box", "in.tif", "-o", "out.gif")
    assert said.status == 1
    assert "frame 1 is 17×31 gray, 16-bit" in said.err or "GIF can't hold" in said.err
    assert not (here / "out.gif").exists()


def test_every_page_keeps_what_it_says(rng, tmp_path):
    exif = Pillow.Exif()
    exif[0x8769] = {0x9003: "2026:01:02 03:04:05"}
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    images = [
        Image(
            rng.integers(0, 256, (9, 8 + k), dtype=np.uint8),
            meta=Meta(text=(("Description", f"page {k}"),), dpi=(100.0 + k, 50.0), exif=block),
        )
        for k in range(3)
    ]
    write_frames(tmp_path / "a.tif", images)
    for k, image in enumerate(read_frames(tmp_path / "a.tif")):
        assert image.meta.text == (("Description", f"page {k}"),)
        assert image.meta.dpi == pytest.approx((100.0 + k, 50.0))
        assert b"2026:01:02" in image.meta.exif
        assert image.meta.frames == 3


def test_reduced_pages_and_masks_are_left_out_and_it_is_said(tiny, here):
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as file:
        for kind, size in ((1, 5), (0, 20), (1, 10), (4, 20), (2, 20)):
            page = tiny((size, size), "bool" if kind == 4 else "uint8")
            file.write(page, subfiletype=kind, metadata=None, contiguous=False)
    (here / "in.tif").write_bytes(target.getvalue())
    frames = read_frames(target.getvalue())
    assert [image.size for image in frames] == [(20, 20), (20, 20)]
    assert read(target.getvalue()).size == (20, 20)
    said = call("apply", "box", "in.tif", "-o", "out.tif")
    assert "3 pages that are reduced versions or masks of others were left out" in said.err
    assert len(read_frames("out.tif")) == 2


def test_frames_are_still_taken_by_their_old_name(tmp_path, rng):
    images = [Image(rng.integers(0, 256, (3, 4), dtype=np.uint8)) for _ in range(2)]
    with pytest.warns(DeprecationWarning, match="frames= is called image= now"):
        old = write_frames(tmp_path / "a.gif", frames=images)
    new = write_frames(tmp_path / "b.gif", image=images)
    assert old.read_bytes() == new.read_bytes()
    for wrong in ({}, {"image": images, "frames": images}):
        with pytest.raises(TypeError, match="image="):
            write_frames(tmp_path / "c.gif", **wrong)


def test_a_stack_is_never_in_memory_as_a_whole(rng, tmp_path):
    page = rng.integers(0, 256, (256, 256), dtype=np.uint8)
    data = pages(*[page + np.uint8(k) for k in range(100)], compression="zlib")
    frames = read_frames(data).each(lambda image: Image(~image.pixels))
    next(iter(frames))
    tracemalloc.start()
    write_frames(tmp_path / "a.tif", frames)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15 * page.nbytes
    assert len(read_frames(tmp_path / "a.tif")) == 100


def test_a_large_stack_is_read_from_its_file(tiny, tmp_path, monkeypatch):
    exif = Pillow.Exif()
    exif[0x8769] = {0x9003: "2026:01:02 03:04:05"}
    block = exif.tobytes().removeprefix(b"Exif\0\0")
    images = [Image(tiny((20, 30), "uint16"), meta=Meta(exif=block)) for _ in range(4)]
    write_frames(tmp_path / "a.tif", images)
    monkeypatch.setattr(source, "_LARGE", 1)
    assert not isinstance(source.load(tmp_path / "a.tif")[0], bytes)
    frames = read_frames(tmp_path / "a.tif")
    for image, found in zip(images, frames, strict=True):
        assert_same_pixels(found.pixels, image.pixels)
        assert b"2026:01:02" in found.meta.exif
    assert_same_pixels(read(tmp_path / "a.tif").pixels, images[0].pixels)
    said = call("apply", "box", tmp_path / "a.tif", "-o", tmp_path / "b.tif")
    assert said.status == 0
    assert len(read_frames(tmp_path / "b.tif")) == 4
    convcli.write(tmp_path / "a.png", images[0])
    assert isinstance(source.load(tmp_path / "a.png")[0], bytes)


def test_what_may_not_fit_4_gb_becomes_bigtiff(rng, tmp_path, monkeypatch):
    images = moving(rng, count=4)
    monkeypatch.setattr(tiff_write, "CLASSIC_BYTES", 3 * images[0].pixels.nbytes)
    write_frames(tmp_path / "big.tif", images, compress=0)
    with tifffile.TiffFile(tmp_path / "big.tif") as file:
        assert file.is_bigtiff
    for image, found in zip(images, read_frames(tmp_path / "big.tif"), strict=True):
        assert_same_pixels(found.pixels, image.pixels)
    surprise = [*moving(rng, count=1), *moving(rng, count=1, size=(200, 200))]
    frames = Frames(2, lambda first: iter(surprise[first:]), sizes=(2160, 10))
    with pytest.raises(ImageError, match="need more than 4 GB"):
        write_frames(tmp_path / "no.tif", frames, compress=0)
    assert not (tmp_path / "no.tif").exists()


# What goes wrong


def broken(suffix, rng, tmp_path):
    """Return a file whose fourth of five frames is damaged."""
    images = moving(rng, size=(40, 44))
    for image in images:
        image.pixels[:] = rng.integers(0, 256, image.pixels.shape)
    path = write_moving(tmp_path / f"in{suffix}", images)
    data = bytearray(path.read_bytes())
    if suffix == ".gif":
        at = [k for k in range(len(data)) if data[k : k + 4] == b"!\xf9\x04\x04"][3]
        at = data.index(b",", at) + 10
        data[at + 768 + 200 : at + 768 + 800] = bytes(600)
    elif suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            at, size = file.pages[3].dataoffsets[0], file.pages[3].databytecounts[0]
        data[at : at + size] = bytes(size)
    else:
        name = {".png": b"fdAT", ".webp": b"ANMF"}[suffix]
        at = [k for k in range(len(data)) if data[k : k + 4] == name][3 - (suffix == ".png")]
        data[at + 40 : at + 400] = bytes(360)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [*SEEN, ".tif"])
def test_a_damaged_frame_fails_the_image_and_is_named(suffix, rng, here):
    path = broken(suffix, rng, here)
    said = call("apply", "box", path, "-o", "out.tif")
    assert (said.status, len(said.lines)) == (1, 1)
    if suffix == ".png":  # Its checksum is wrong, so that it is as if it weren't there.
        assert "chunk" in said.err
    else:
        assert "frame 3" in said.err
        assert call("apply", "box", path, "--frame", "2", "-o", "2.png").status == 0
    assert sorted(p.name for p in here.iterdir() if p.name != "2.png") == [path.name]


@pytest.mark.parametrize("suffix", [*MOVING, ".tif"])
def test_a_file_cut_anywhere_is_no_shorter_animation(suffix, rng, here):
    data = write_moving(here / f"in{suffix}", moving(rng)).read_bytes()
    for end in range(len(data) * 2 // 3, len(data) - 1, 97):
        (here / f"cut{suffix}").write_bytes(data[:end])
        said = call("apply", "box", f"cut{suffix}", "-o", "out.tif", "--overwrite")
        assert (said.status, len(said.lines)) == (1, 1), end
    assert not (here / "out.tif").exists()


def test_a_stack_whose_chain_goes_in_a_circle_is_refused(tiny, here):
    data = bytearray(pages(tiny((9, 9)), tiny((9, 9))))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        first, second = (page.offset for page in file.pages)
    (count,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<I", data, second + 2 + 12 * count, first)
    (here / "in.tif").write_bytes(data)
    said = call("apply", "box", "in.tif", "-o", "out.tif")
    assert said.status == 1
    assert "circle" in said.err
    assert "--frame" in said.err
    assert read(bytes(data)).size == (9, 9)


def test_frames_may_not_have_too_many_pixels_together(rng):
    frame = (0, 0, np.zeros((1, 1), dtype=np.uint8), 1, None)
    data = gif((1000, 1000), [frame] * (TOGETHER + 1), PALETTE)
    with pytest.raises(ImageError, match="65 frames have 65000000 pixels together"):
        read_frames(data, max_pixels=10**6)
    assert len(read_frames(data, max_pixels=1_015_625)) == 65
    with pytest.raises(ImageError, match="limit is 999999"):
        read_frames(data, max_pixels=999_999)


def test_frames_that_are_not_alike_are_no_animation(rng, tmp_path):
    small, large = moving(rng, count=1)[0], moving(rng, count=1, size=(30, 30))[0]
    with pytest.raises(ImageError, match="frame 1 is 30×30 RGB, 8-bit, and the first 30×24"):
        write_frames(tmp_path / "a.png", [small, large])
    assert not list(tmp_path.iterdir())


# The library


def test_frames_are_a_sequence_that_is_read_when_asked(rng, tmp_path):
    path = write_moving(tmp_path / "a.png", moving(rng))
    frames = read_frames(path)
    asked = []

    def work(image):
        asked.append(1)
        return convcli.apply(image, "box")

    each = frames.each(work)
    assert (len(each), asked) == (5, [])
    assert_same_pixels(each[-1].pixels, convcli.apply(frames[4], "box").pixels)
    assert [image.size for image in each] == [(24, 30)] * 5
    assert [image.size for image in each] == [(24, 30)] * 5
    with pytest.raises(IndexError):
        frames[5]
    assert read_frames(path.read_bytes())[0].meta.frames == 5


@pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "NPY", "AVIF", "JPEGXL"])
def test_one_image_is_one_frame(format, rng, tmp_path):
    image = moving(rng, count=1)[0]
    frames = read_frames(encode(image, format))
    assert (len(frames), frames.durations) == (1, None)
    assert_same_pixels(frames[0].pixels, read(encode(image, format)).pixels)
    write_frames(tmp_path / "a", frames, format=format)
    assert len(read_frames(tmp_path / "a")) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda images: Frames.of([]), "no frame to write"),
        (lambda images: Frames.of(images, [1, 2]), "each of 5 frames, got 2"),
        (lambda images: Frames.of(images, -1), "0 or more milliseconds"),
        (lambda images: Frames.of(images, float("nan")), "0 or more milliseconds"),
        (lambda images: Frames.of(images, loop=-1), "how often"),
    ],
)
def test_times_that_make_no_sense_are_refused(make, said, rng):
    with pytest.raises(ImageError, match=said):
        make(moving(rng))


def test_times_can_be_changed(rng, tmp_path):
    frames = Frames.of(moving(rng)).timed(20, loop=2)
    write_frames(tmp_path / "a.gif", frames)
    again = read_frames(tmp_path / "a.gif")
    assert (again.durations, again.loop) == ((20.0,) * 5, 2)
    with pytest.raises(ImageError, match="exists"):
        write_frames(tmp_path / "a.gif", frames)
