"""Images by the hundred, written every way and read by others, and every fault that was so found.

`python tests/written.py` goes on from here for as many images as it is given.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from dataclasses import replace

import fuzz_seeds
import imagecodecs
import numpy as np
import pytest
import written
import written_cases as cases
from marks import exhaustive_but
from PIL import Image as Pillow
from written_checks import Judge
from written_gif import decode_gif_frames
from written_kinds import image_of
from written_tiff import decode_tiff

from convcli import Frames, ImageError, read_frames, write_frames
from convcli.image.files import encode, read
from convcli.image.image import Image, Meta
from convcli.image.png import deflate
from convcli.image.tiff import directories
from convcli.image.tiff import write as tiff_write

#: Cases of each writer: with all its options, and all its kinds with most of them.
COUNTS = {
    "png": 110, "apng": 44, "gif": 60, "jpeg": 121, "webp": 101, "webp-frames": 101, "avif": 101,
    "avif-frames": 101, "tiff": 58, "tiff-pages": 44, "jp2": 101, "bmp": 24, "pnm": 42, "npy": 29,
    "jxl": 202, "jxl-frames": 202,
}  # fmt: skip
SEED = 3
#: Files of these are always read by two of other people's decoders at least.
TWICE = ("png", "apng", "jpeg", "webp", "webp-frames", "avif-frames", "tiff", "tiff-pages")


# Many


@pytest.mark.parametrize(
    "writer", exhaustive_but(["jpeg", "gif", "apng", "tiff", "webp"], cases.WRITERS)
)
def test_others_read_what_was_meant(writer, tmp_path, capfd):
    """Neither refuse it, nor remark upon it, nor see anything else."""
    judge = Judge(tmp_path, lambda: "".join(capfd.readouterr()))
    reached = Counter()
    for number in range(COUNTS[writer]):
        case = cases.make(writer, number, SEED, large=False)
        found = judge.judge(case)
        again = f"python tests/written.py --seed {SEED} --case {writer}:{number} --small"
        assert found == [], f"{case.says()}\n{again}"
        others = len({*judge.used} - {"convcli"})
        assert others >= 1 + (writer in TWICE), f"{case.says()}: read by {judge.used}"
        reached.update([case.kind, case.road, *map(str, case.options.items())])
    kinds = {" ".join(kind[-2:]) for kind in cases.KINDS[writer]}
    values = {str(item) for k in range(121) for item in cases._options(writer, k).items()}
    assert kinds | values <= reached.keys()


def in_many_bands(number):
    """A case of PNG that is cut as one of many megabytes, some of it plain and some of it not."""
    rng = np.random.default_rng(number)
    depth, channels = cases.KINDS["png"][1 + number % 8]
    scene = ("beside", "collage", "screen", "photograph")[number % 4]
    size = int(rng.integers(60, 220)), int(rng.integers(60, 220))
    image = Image(image_of(rng, scene, size, channels, depth), channels)
    options = {"compress": cases.COMPRESS[number % 11]}
    settings = {"png.write._LEAST": 20_000, "png.filters._BLOCK": 3000}
    return cases.Case("png", number, SEED, rng, "PNG", [image], options, settings=settings)


def test_bands_of_all_kinds_are_joined(tmp_path):
    """One in twenty of these could not be read when bands referred to rows filtered anew."""
    judge = Judge(tmp_path, asked=0)
    wrong = [number for number in range(80) if judge.judge(in_many_bands(number))]
    assert wrong == []


def test_every_road_is_taken():
    roads = {"png": set(), "jpeg": set(), "apng": set()}
    for writer, taken in roads.items():
        for number in range(60):
            case = cases.make(writer, number, SEED, large=False)
            taken.update([case.road, case.jobs, *case.settings])
    still = {"encode", "to a file", "shuffled", "while filtered", 1, 2, 3}
    assert still | {"png.write._LEAST", "codecs.packing"} <= roads["png"]
    assert still | {"jpeg.bands._BAND"} <= roads["jpeg"]
    assert {"frames", "frames to a file"} <= roads["apng"]


def test_an_image_in_bands_is_filtered_while_it_is_written(tmp_path):
    for number in range(200):
        case = cases.make("png", number, SEED, large=False)
        if case.road == "while filtered" and "png.write._LEAST" in case.settings:
            judge = Judge(tmp_path)
            assert judge.judge(case) == []
            if case.road == "while filtered" and judge.data.count(b"IDAT") > 1:
                return
    pytest.fail("none of these images is filtered while it is written")


# A check that can't fail would be worth nothing


def without_kernel(writer):
    """The first cases of a writer that hold what is written."""
    made = (cases.make(writer, number, SEED, large=False) for number in range(100))
    return [case for case in made if not case.kernel]


def turned(pixels):
    if pixels.dtype == bool:
        return ~pixels
    full = 1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max
    return full - pixels


def one_sample_changed(pixels):
    changed = pixels.copy()
    changed.flat[-1] = turned(changed.flat[-1:])[0]
    return changed


def writes(change):
    """What writes other images than it is told, all or the last."""

    def write(case, folder, jobs=None):
        *others, last = case.images
        last = Image(change(last.pixels), last.channels, last.meta)
        return cases.written(replace(case, images=[*others, last]), folder, jobs)

    return write


@pytest.mark.parametrize("writer", cases.WRITERS)
def test_another_image_is_found(writer, tmp_path):
    judge = Judge(tmp_path, write=writes(turned), asked=0)
    for case in without_kernel(writer)[:4]:
        assert judge.judge(case), case.says()


@pytest.mark.parametrize("writer", ["png", "apng", "tiff", "tiff-pages", "bmp", "npy"])
def test_one_other_sample_is_found(writer, tmp_path):
    judge = Judge(tmp_path, write=writes(one_sample_changed), asked=0)
    for case in without_kernel(writer)[:4]:
        assert judge.judge(case), case.says()


@pytest.mark.parametrize(
    ("writer", "place"),
    [("png", -20), ("apng", -20), ("gif", -6), ("tiff", -3), ("tiff-pages", -20)],
)
def test_one_other_byte_is_found(writer, place, tmp_path):
    """In or behind the samples, as far from the file's end."""

    def write(case, folder, jobs=None):
        data = bytearray(cases.written(case, folder, jobs))
        data[place] ^= 0x55
        return bytes(data)

    judge = Judge(tmp_path, write=write, asked=0)
    bare = [case for case in without_kernel(writer) if not case.images[-1].meta.exif]
    for case in bare[:3]:
        assert judge.judge(case), case.says()


@pytest.mark.parametrize("writer", ["apng", "gif", "webp-frames", "avif-frames", "jxl-frames"])
def test_another_time_is_found(writer, tmp_path):
    def write(case, folder, jobs=None):
        times = [*case.durations[:-1], case.durations[-1] + 30]
        return cases.written(replace(case, durations=times), folder, jobs)

    judge = Judge(tmp_path, write=write, asked=0)
    case = next(case for case in without_kernel(writer) if len(case.images) > 2)
    # Pillow reads no JPEG XL.
    assert [kind for kind, _ in judge.judge(case)] == ["times"] * (1 + (case.format != "JPEGXL"))


def test_metadata_that_are_lost_are_found(tmp_path):
    def write(case, folder, jobs=None):
        bare = [Image(image.pixels, image.channels) for image in case.images]
        return cases.written(replace(case, images=bare), folder, jobs)

    judge = Judge(tmp_path, write=write, asked=0)
    for writer in ("png", "jpeg", "tiff"):
        made = without_kernel(writer)
        case = next(case for case in made if case.images[0].meta.dpi and not case.settings)
        assert "beside" in {kind for kind, _ in judge.judge(case)}, writer


def test_bands_that_refer_to_what_is_not_in_the_stream_are_found(tmp_path, monkeypatch):
    """The worst fault that there was: a dictionary of rows filtered otherwise than stored."""
    compress = deflate.compress

    def wrong(content, past, *more):
        return compress(content, memoryview(bytes(past)[1:] + b"\0") if len(past) else past, *more)

    monkeypatch.setattr(deflate, "compress", wrong)
    judge, found = Judge(tmp_path, asked=0), Counter()
    for number in range(20):
        found.update({kind for kind, _ in judge.judge(in_many_bands(number))})
    assert found["refused"] + found["differs"] >= 5


def test_threads_that_change_the_file_are_found(tmp_path):
    def write(case, folder, jobs=None):
        data = cases.written(case, folder, jobs)
        return data if jobs is None else data + b"\0"

    case = without_kernel("bmp")[0]
    assert [kind for kind, _ in Judge(tmp_path, write=write, asked=0).judge(case)][:1] == [
        "threads"
    ]


# The campaign


def test_writers_take_turns_and_miss_no_number():
    told = [*written.schedule(0, 300)]
    assert told[130:170] == [*written.schedule(130, 40)]
    for writer, share in written.SHARES.items():
        assert [n for w, n in told if w == writer] == [*range(3 * share)]
    assert sum(written.SHARES.values()) == 100


def test_a_case_is_made_again_from_its_number():
    for writer in cases.WRITERS:
        one, other = (cases.make(writer, 5, SEED, large=False) for _ in range(2))
        assert one.says() == other.says()
        assert np.array_equal(
            one.images[-1].pixels, other.images[-1].pixels, equal_nan=one.kind[0] == "f"
        )


def test_a_child_that_dies_is_a_finding(tmp_path, monkeypatch):
    """It dies in its third image; that is told, and the next is the fourth."""
    monkeypatch.setenv("CONVCLI_WRITTEN_DIES_AT", "bmp:2")
    campaign = written.Campaign(SEED, tmp_path, ["bmp"])
    assert campaign.go_on(0, 5) == 3
    assert [*campaign.found] == [("bmp", "died")]
    assert "--case bmp:2" in (tmp_path / f"bmp-2-seed-{SEED}.txt").read_text()


# What was found


def big_endian():
    exif = Pillow.Exif()
    exif.endian = ">"
    exif[0x010F] = "Convcli Optics"
    exif.get_ifd(0x8769)[0x829A] = 1 / 250
    exif.get_ifd(0x8769)[0x8827] = 400
    return exif.tobytes().removeprefix(b"Exif\0\0")


def little_endian():
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x010F, 2, 6, 26) + bytes(4) + b"Lumen\0"


@pytest.mark.parametrize(
    "blocks",
    [(None, big_endian()), (big_endian(), None), (big_endian(), little_endian(), None)],
)
def test_pages_have_one_byte_order(blocks, rng, tmp_path):
    """Each page had that of its own EXIF, and the file that of its first page."""
    images = [
        Image(rng.integers(0, 65536, (9, 7, 3), dtype=np.uint16), meta=Meta(exif=block))
        for block in blocks
    ]
    data = write_frames(tmp_path / "a.tif", images).read_bytes()
    for seen in (decode_tiff(data), [imagecodecs.tiff_decode(data, index=k) for k in range(2)]):
        for image, pixels in zip(images, seen, strict=False):
            assert np.array_equal(image.pixels, pixels)
    again = [*read_frames(data)]
    assert len(again) == len(images)
    for image, source, block in zip(again, images, blocks, strict=True):
        assert np.array_equal(image.pixels, source.pixels)
        if block == big_endian():
            found = Pillow.Exif()
            found.load(image.meta.exif)
            assert found[0x010F] == "Convcli Optics"
            assert found.get_ifd(0x8769)[0x829A] == pytest.approx(1 / 250)
            assert found.get_ifd(0x8769)[0x8827] == 400


def test_exif_of_another_byte_order_is_put_into_a_file():
    whole = tiff_write.encode(Image(fuzz_seeds.image()), order="<")
    data = directories.put_exif(whole, big_endian())
    with Pillow.open(io.BytesIO(data)) as opened:
        assert opened.getexif()[0x010F] == "Convcli Optics"
        assert opened.getexif().get_ifd(0x8769)[0x8827] == 400
        assert opened.getexif().get_ifd(0x8769)[0x829A] == pytest.approx(1 / 250)


def test_bigtiff_is_little_endian():
    """Pillow reads no other."""
    image = Image(fuzz_seeds.image(), meta=Meta(exif=big_endian()))
    data = tiff_write.encode(image, big=True)
    with Pillow.open(io.BytesIO(data)) as opened:
        assert np.array_equal(np.asarray(opened), image.pixels)


def test_jpeg_has_no_side_that_libjpeg_does_not_read():
    """Bands are read up to 65535 rows by some, and by most up to 65500."""
    tall = np.zeros((65_501, 40), np.uint8)
    for pixels in (tall, tall.T, np.zeros((65_536, 1), np.uint8)):
        with pytest.raises(ImageError, match="at most 65500 a side"):
            encode(Image(pixels), "JPEG")
    data = encode(Image(tall[1:]), "JPEG")
    with Pillow.open(io.BytesIO(data)) as opened:
        assert np.array_equal(np.asarray(opened), tall[1:])


def test_jpeg_says_the_density_of_cmyk():
    image = Image(fuzz_seeds.image(4), "CMYK", Meta(dpi=(300.0, 150.0)))
    data = encode(image, "JPEG")
    assert read(data).meta.dpi == (300, 150)
    with Pillow.open(io.BytesIO(data)) as opened:
        assert opened.info["dpi"] == (300, 150)
        assert opened.mode == "CMYK"
        assert np.array_equal(np.asarray(opened), read(data).pixels)


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "TIFF", "WEBP", "JPEG2000", "JPEGXL", "AVIF", "GIF"]
)
def test_one_column_is_written_whatever_its_strides_are(format):
    """NumPy calls any stride of an axis of one sample contiguous."""
    for pixels in (
        np.arange(8, dtype=np.uint8)[::-1].copy()[None].T,
        np.eye(8, dtype=np.uint8)[:1],
    ):
        odd = np.lib.stride_tricks.as_strided(pixels, strides=(pixels.strides[0] or 1, 40))
        strange = odd if pixels.shape[1] == 1 else pixels
        assert read(encode(Image(strange), format)).size == pixels.shape


def test_deep_jpeg_2000_is_not_turned_by_its_profile(rng):
    """OpenJPEG's binding made sRGB of it, and the profile of before was kept beside that."""
    icc = bytearray(fuzz_seeds.meta().icc)
    red, blue = icc.index(b"rXYZ"), icc.index(b"bXYZ")
    icc[red : red + 4], icc[blue : blue + 4] = b"bXYZ", b"rXYZ"
    pixels = rng.integers(0, 65536, (9, 8, 3), dtype=np.uint16)
    again = read(encode(Image(pixels, meta=Meta(icc=bytes(icc))), "JPEG2000"))
    assert np.array_equal(again.pixels, pixels)
    assert again.meta.icc == bytes(icc)


def test_a_sequence_of_one_frame_is_as_small_as_one_image():
    image = Image(fuzz_seeds.image())
    one = encode(Frames.of([image], [40]), "AVIF")
    assert len(one) == len(encode(image, "AVIF"))


def grays(levels, rng):
    """A gray animation: all levels at first, and then a part of fewer."""
    first = rng.permutation(np.arange(4096) % 256).astype(np.uint8).reshape(64, 64)
    part = first.copy()
    part[5:50, 7:40] = part[5:50, 7:40] % levels + 30
    return [first, part, first]


@pytest.mark.parametrize("levels", [1, 7, 200])
def test_pillow_shows_gray_animations(levels, rng):
    """It shows a later frame's palette wrongly if the first one is that of all grays."""
    images = [Image(pixels) for pixels in grays(levels, rng)]
    data = encode(Frames.of(images, [50] * 3), "GIF")
    with Pillow.open(io.BytesIO(data)) as opened:
        for number, image in enumerate(images):
            opened.seek(number)
            assert np.array_equal(np.asarray(opened.convert("L")), image.pixels)


def test_frames_share_a_palette_where_they_can(rng):
    """Whatever its order is, and with a clear colour or none at all in the first frame."""
    few = rng.integers(0, 256, (300, 3), dtype=np.uint8)
    opaque = [few[rng.integers(0, n, (40, 50))] for n in (250, 3, 255)]
    clear = [np.dstack([p, rng.choice([0, 255], (40, 50)).astype(np.uint8)]) for p in opaque]
    nothing = [np.zeros_like(clear[0]), *clear, np.zeros_like(clear[0])]
    for frames in (opaque, clear, nothing):
        data = encode(Frames.of([Image(p) for p in frames], 50), "GIF")
        for seen, meant in zip(decode_gif_frames(data), frames, strict=True):
            alpha = meant[..., 3:] if meant.shape[2] == 4 else np.full((40, 50, 1), 255)
            assert np.array_equal(seen[..., :3] * (alpha > 0), meant[..., :3] * (alpha > 0))
            assert np.array_equal(seen[..., 3:], alpha)
