"""Reading and writing files: metadata kept, nothing lost in silence, nothing but ImageError."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from PIL import ImageCms, JpegImagePlugin
from PIL.TiffImagePlugin import IFDRational

from convcli.errors import ImageError
from convcli.image.depth import full_range
from convcli.image.files import encode, read, write
from convcli.image.formats import codec_of
from convcli.image.image import Image, Meta
from convcli.image.jpeg.write import quality_of
from convcli.image.limits import MAX_PIXELS
from convcli.image.png import read as png
from convcli.record import replace

DATA = Path(__file__).parent / "data"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>words</rdf:RDF></x:xmpmeta>'
TEXT = (("Author", "Ada"), ("Comment", "made of light"), ("Title", "λ"))


def make_exif():
    """An EXIF block with a maker and an exposure time in its sub-directory."""
    block = PillowImage.Exif()
    block[0x010F] = "Convcli Optics"
    block[0x0112] = 1
    block.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    block.get_ifd(0x8769)[0x829A] = IFDRational(1, 250)
    return block.tobytes()[6:] if block.tobytes()[:4] == b"Exif" else block.tobytes()


def smooth(rows=48, cols=64, channels=3):
    """A soft image that lossy formats keep well."""
    y, x = np.mgrid[0:rows, 0:cols]
    planes = [y * 4, x * 3, (x + y) * 2, 255 - x * 2][:channels]
    return np.stack(planes, axis=2).astype(np.uint8)


def pillow_file(original, format, **options):
    target = io.BytesIO()
    original.save(target, format, **options)
    return target.getvalue()


# What files say beside their pixels


KEPT = {
    "PNG": {"icc", "exif", "xmp", "dpi", "text"},
    "JPEG": {"icc", "exif", "xmp", "dpi", "text"},
    "TIFF": {"icc", "exif", "xmp", "dpi", "text"},
    "WEBP": {"icc", "exif", "xmp"},
    "AVIF": {"icc", "exif", "xmp"},
    "JPEG2000": {"icc", "exif", "xmp", "dpi", "text"},
    "JPEGXL": {"icc", "exif", "xmp"},
    "BMP": {"icc", "dpi"},
}


@pytest.mark.parametrize("source", ["PNG", "TIFF"])
@pytest.mark.parametrize("format", KEPT)
def test_metadata_are_kept(source, format):
    meta = Meta(icc=ICC, exif=make_exif(), xmp=XMP, dpi=(300, 150), text=TEXT)
    image = read(encode(Image(smooth(), meta=meta), source))
    again = read(encode(image, format)).meta
    kept = KEPT[format]
    assert again.format == format
    assert again.icc == (ICC if "icc" in kept else None)
    assert again.xmp == (XMP if "xmp" in kept else None)
    if "dpi" in kept:
        assert again.dpi == pytest.approx((300, 150), abs=0.1)
    words = " ".join(f"{key}: {value}" for key, value in again.text)
    assert ("Ada" in words and "λ" in words and "made of light" in words) == ("text" in kept)
    if "exif" in kept:
        block = PillowImage.Exif()
        block.load(again.exif)
        assert block[0x010F] == "Convcli Optics"
        assert block.get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
        assert block.get_ifd(0x8769)[0x829A] == 1 / 250


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_pillow_sees_the_same_metadata(format):
    meta = Meta(icc=ICC, exif=make_exif(), xmp=XMP, dpi=(300, 150))
    opened = PillowImage.open(io.BytesIO(encode(Image(smooth(), meta=meta), format)))
    assert opened.info["icc_profile"] == ICC
    assert opened.getexif()[0x010F] == "Convcli Optics"
    assert opened.getexif().get_ifd(0x8769)[0x829A] == 1 / 250
    found = opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp")
    assert XMP.decode() in (found if isinstance(found, str) else found.decode())
    if format != "WEBP":
        assert opened.info["dpi"] == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize("order", ["II", "MM"])
def test_exif_survives_tiff_in_either_byte_order(order):
    block = PillowImage.Exif()
    block.endian = "<" if order == "II" else ">"
    block[0x010F] = "Convcli Optics"
    block.get_ifd(0x8769)[0x829A] = IFDRational(1, 250)
    raw = block.tobytes().removeprefix(b"Exif\0\0")
    pixels = smooth().astype(np.uint16) * 257
    again = read(encode(Image(pixels, meta=Meta(exif=raw)), "TIFF"))
    assert np.array_equal(again.pixels, pixels)
    assert again.meta.exif[:2] == order.encode()
    found = PillowImage.Exif()
    found.load(again.meta.exif)
    assert found.get_ifd(0x8769)[0x829A] == 1 / 250


def test_a_profile_for_other_channels_is_not_embedded():
    """An RGB profile on a gray image makes a file that other programs refuse."""
    gray = Image(smooth()[..., 0], meta=Meta(icc=ICC))
    for format in ("PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000", "JPEGXL"):
        assert read(encode(gray, format)).meta.icc is None


def test_a_large_profile_is_split_over_segments():
    large = ICC[:128] + bytes(range(256)) * 800
    meta = Meta(icc=large)
    data = encode(Image(smooth(), meta=meta), "JPEG")
    assert read(data).meta.icc == large
    assert PillowImage.open(io.BytesIO(data)).info["icc_profile"] == large


def test_frames_are_counted_and_the_first_is_read():
    first, second = PillowImage.fromarray(smooth()), PillowImage.new("RGB", (64, 48), "red")
    for format, options in (
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("GIF", {}),
        ("AVIF", {"quality": 95}),
        ("MPO", {"quality": 95}),
    ):
        data = pillow_file(first, format, save_all=True, append_images=[second], **options)
        image = read(data)
        assert image.meta.frames == 2, format
        assert np.abs(image.pixels.astype(int) - smooth()).mean() < 8, format


def test_colour_chunks_stay_with_png():
    chunks = (("gAMA", struct.pack(">I", 45455)), ("sRGB", b"\0"))
    image = Image(smooth(), meta=Meta(chunks=chunks))
    assert read(encode(image, "PNG")).meta.chunks == chunks


def test_a_damaged_remark_is_left_out_and_said():
    data = bytearray(encode(Image(smooth(), meta=Meta(text=TEXT)), "PNG"))
    data[data.index(b"made of light")] ^= 1
    image = read(bytes(data))
    assert np.array_equal(image.pixels, smooth())
    assert image.meta.notes == ("chunk tEXt has a wrong checksum and was left out",)


# JPEG's quality


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 92, 100])
@pytest.mark.parametrize("sampling", [0, 1, 2])
def test_jpeg_keeps_its_sources_quality(quality, sampling):
    source = pillow_file(
        PillowImage.fromarray(smooth()), "JPEG", quality=quality, subsampling=sampling
    )
    result = encode(read(source), "JPEG")
    before, after = (PillowImage.open(io.BytesIO(data)) for data in (source, result))
    assert after.quantization == before.quantization
    assert JpegImagePlugin.get_sampling(after) == sampling
    assert quality_of(before.quantization) == quality


def test_jpeg_keeps_tables_of_its_own():
    tables = [[min(255, 2 + k) for k in range(64)], [min(255, 3 + 2 * k) for k in range(64)]]
    original = PillowImage.fromarray(smooth())
    source = pillow_file(original, "JPEG", qtables=tables, subsampling=1)
    image = read(source)
    assert image.meta.quantization == PillowImage.open(io.BytesIO(source)).quantization
    result = PillowImage.open(io.BytesIO(encode(image, "JPEG")))
    assert result.quantization == image.meta.quantization
    assert JpegImagePlugin.get_sampling(result) == 1
    gray = Image(image.pixels[..., 0], "L", image.meta)
    assert PillowImage.open(io.BytesIO(encode(gray, "JPEG"))).quantization[0] == tables[0]


def test_quality_given_wins():
    source = pillow_file(PillowImage.fromarray(smooth()), "JPEG", quality=30)
    result = PillowImage.open(io.BytesIO(encode(read(source), "JPEG", quality=80)))
    assert quality_of(result.quantization) == 80


@pytest.mark.parametrize("format", ["WEBP", "JPEG2000", "JPEGXL"])
def test_what_may_be_lossless_is_unless_the_source_was_not(format, rng):
    noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    image = read(encode(Image(noise), "PNG"))
    assert np.array_equal(read(encode(image, format)).pixels, noise)
    lossy = read(encode(image, format, quality=80))
    assert not np.array_equal(lossy.pixels, noise)
    assert lossy.meta.lossy
    assert read(encode(lossy, format)).meta.lossy
    assert not read(encode(image, format)).meta.lossy


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "JPEG2000", "JPEGXL"])
def test_quality_matters(format, samples):
    pixels = smooth() + np.random.default_rng(1).integers(0, 30, (48, 64, 3), dtype=np.uint8)
    sizes = [len(encode(Image(pixels), format, quality=quality)) for quality in (10, 60, 95)]
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("kind", ["bool", "uint8", "uint16"])
def test_compression_matters_and_changes_nothing(format, kind):
    pixels = smooth()[..., 0]
    pixels = pixels > 90 if kind == "bool" else pixels.astype(kind)
    sizes = []
    for level in (0, 1, 9):
        data = encode(Image(pixels), format, compress=level)
        assert np.array_equal(read(data).pixels, pixels)
        sizes.append(len(data))
    assert sizes[0] > sizes[1] >= sizes[2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": 0}, "`quality` must be 1 to 100, got 0"),
        ({"quality": 101}, "`quality`"),
        ({"compress": 10}, "`compress` must be 0 to 9, got 10"),
        ({"compress": -1}, "`compress`"),
    ],
)
def test_numbers_out_of_range_are_refused(options, words):
    with pytest.raises(ImageError, match=words):
        encode(Image(smooth()), "PNG", **options)


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "page", "text"])
def test_png_is_about_as_small_as_pillows(name, samples):
    path = samples / f"{name}.png"
    image = read(path)
    ours = len(encode(Image(image.pixels, image.channels), "PNG"))
    assert ours <= 1.04 * len(pillow_file(PillowImage.fromarray(image.pixels), "PNG"))


def test_flat_images_are_not_compressed_as_photographs():
    rows = np.tile(np.arange(400) // 7 % 2 * 255, (400, 1)).astype(np.uint8)
    pixels = np.dstack([rows, rows.T, rows])
    ours = len(encode(Image(pixels), "PNG"))
    assert ours <= 1.5 * len(pillow_file(PillowImage.fromarray(pixels), "PNG"))


# What Pillow loses without a word


def test_16_bit_colour_is_kept(rng):
    for channels in (1, 2, 3, 4):
        shape = (9, 13, channels) if channels > 1 else (9, 13)
        pixels = rng.integers(0, 65536, shape).astype(np.uint16)
        assert np.array_equal(read(bytes(imagecodecs.png_encode(pixels))).pixels, pixels)
        j2k = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="jp2")
        assert np.array_equal(read(bytes(j2k)).pixels, pixels)


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_stays_as_it_is(rng, bits):
    stored = rng.integers(0, 2**bits, (16, 20, 3)).astype(np.uint16)
    data = imagecodecs.avif_encode(stored, level=100, bitspersample=bits, speed=10)
    image = read(bytes(data))
    assert np.array_equal(image.pixels, stored)
    assert image.maximum == 2**bits - 1
    assert image.depth == f"{bits}-bit"
    assert image.meta.mode == f"{bits}-bit colour"


def test_12_bit_jpeg_is_kept():
    stored = smooth().astype(np.uint16) * 16
    data = imagecodecs.jpeg8_encode(stored, level=98, bitspersample=12)
    image = read(bytes(data))
    assert image.pixels.dtype == np.uint16
    assert np.abs(image.pixels.astype(int) - stored).mean() < 20
    assert image.maximum == 4095
    lossless = imagecodecs.jpeg8_encode(stored * 16, lossless=True, bitspersample=16)
    assert np.array_equal(read(bytes(lossless)).pixels, stored * 16)


@pytest.mark.parametrize("maximum", [1, 15, 100, 255, 256, 1023, 65535])
@pytest.mark.parametrize("plain", [False, True])
def test_netpbm_of_any_maximum(rng, maximum, plain):
    stored = rng.integers(0, maximum + 1, (5, 7, 3))
    head = f"P{3 if plain else 6}\n# a remark\n7 5 # another\n{maximum}\n".encode()
    kind = ">u2" if maximum > 255 else "u1"
    body = stored.astype(kind).tobytes()
    if plain:
        body = " ".join(str(value) for value in stored.ravel()).encode()
    image = read(head + body)
    if maximum == 1:
        assert np.array_equal(image.pixels, stored * 255)
        assert "1 became 255" in image.meta.notes[0]
        return
    assert np.array_equal(image.pixels, stored)
    assert image.maximum == maximum
    full = full_range(image)
    whole = 255 if maximum <= 255 else 65535
    assert full.maximum == whole
    assert full.pixels.max() == whole * (stored.max() == maximum) or stored.max() < maximum
    assert np.abs(full.pixels - stored * (whole / maximum)).max() <= 1
    assert np.array_equal(np.rint(full.pixels.astype(float) * maximum / whole), stored)


def test_plain_bitmaps_need_no_spaces():
    image = read(b"P1 # bits\n3 2\n101\n0 1 0\n")
    assert image.pixels.tolist() == [[False, True, False], [True, False, True]]


def test_unsigned_32_bits_do_not_wrap():
    values = np.array([[0, 1, 2**31, 2**32 - 1]], dtype=np.uint32)
    image = read(tiff_file(values))
    assert image.pixels.dtype == np.uint32
    assert np.array_equal(image.pixels, values)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "uint32", "int64", "uint64", ">i4"])
def test_whole_numbers_stay_as_they_are(kind):
    values = np.array([[0, 1, 100]], dtype=kind)
    target = io.BytesIO()
    np.save(target, values)
    image = read(target.getvalue())
    assert image.pixels.dtype == np.dtype(kind).newbyteorder("=")
    assert np.array_equal(image.pixels, values)


def test_whole_numbers_that_are_not_exact_are_refused():
    target = io.BytesIO()
    np.save(target, np.array([[2**53 + 1]]))
    with pytest.raises(ImageError, match="not exact in double precision"):
        read(target.getvalue())


def tiff_file(pixels, **options):
    target = io.BytesIO()
    tifffile.imwrite(target, pixels, metadata=None, **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_float_tiff_is_kept(rng, kind, channels):
    shape = (6, 8, channels) if channels > 1 else (6, 8)
    pixels = rng.normal(size=shape).astype(kind)
    photometric = "rgb" if channels == 3 else "minisblack"
    planar = {"planarconfig": "contig"} if channels > 1 else {}
    image = read(tiff_file(pixels, photometric=photometric, **planar))
    assert image.pixels.dtype == kind
    assert np.array_equal(image.pixels, pixels)
    assert image.channels == {1: "L", 3: "RGB", 5: "?????"}[channels]


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "zstd"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_layouts(rng, planar, tile, compression, order):
    pixels = rng.integers(0, 65536, (37, 29, 3)).astype(np.uint16)
    stored = np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
    options = {"photometric": "rgb", "planarconfig": planar, "compression": compression}
    data = tiff_file(stored, tile=tile, byteorder=order, **options)
    assert np.array_equal(read(data).pixels, pixels)


def test_white_is_zero_is_inverted(rng):
    pixels = rng.integers(0, 256, (5, 9), dtype=np.uint8)
    assert np.array_equal(read(tiff_file(pixels, photometric="miniswhite")).pixels, 255 - pixels)
    bits = pixels > 90
    assert np.array_equal(read(tiff_file(bits, photometric="miniswhite")).pixels, ~bits)


def test_a_tiff_palette_becomes_colours(rng):
    indices = rng.integers(0, 256, (5, 9), dtype=np.uint8)
    table = rng.integers(0, 256, (3, 256)).astype(np.uint16)
    image = read(tiff_file(indices, photometric="palette", colormap=table * 257))
    assert np.array_equal(image.pixels, table.T[indices])
    assert image.pixels.dtype == np.uint8
    fine = read(tiff_file(indices, photometric="palette", colormap=table * 257 // 3))
    assert np.array_equal(fine.pixels, (table * 257 // 3).T[indices])
    assert fine.pixels.dtype == np.uint16


def test_premultiplied_alpha_is_divided_out():
    alpha = np.array([[0, 51, 255]], dtype=np.uint8)
    stored = np.dstack([alpha // 3, alpha // 5, alpha, alpha])
    data = tiff_file(stored, photometric="rgb", extrasamples=["assocalpha"])
    image = read(data)
    assert image.channels == "RGBA"
    assert image.pixels[0, 1:].tolist() == [[85, 50, 255, 51], [85, 51, 255, 255]]
    assert "multiplied by alpha" in image.meta.notes[0]


@pytest.mark.parametrize("mode", ["P", "L", "RGB", "1"])
def test_transparency_in_png_becomes_alpha(mode):
    original = PillowImage.fromarray(smooth()).quantize(8) if mode == "P" else (
        PillowImage.fromarray(smooth() // 64 * 64).convert(mode)
    )  # fmt: skip
    key = {"P": 3, "L": 64, "RGB": (0, 0, 64), "1": 255}[mode]
    data = pillow_file(original, "PNG", transparency=key)
    image = read(data)
    expected = np.array(PillowImage.open(io.BytesIO(data)).convert("RGBA"))
    ours = image.pixels if image.channels == "RGBA" else image.pixels[..., [0, 0, 0, 1]]
    assert (expected[..., 3] == 0).any()
    assert np.array_equal(ours[..., 3], expected[..., 3])
    assert np.array_equal(ours[..., :3], expected[..., :3])


@pytest.mark.parametrize("coded", ["CMYK", "YCCK"])
def test_cmyk_jpeg_has_no_ink_at_0(coded):
    ink = np.array(PillowImage.fromarray(smooth()).convert("CMYK"))
    data = imagecodecs.jpeg8_encode(255 - ink, level=98, colorspace="CMYK", outcolorspace=coded)
    image = read(bytes(data))
    assert image.channels == "CMYK"
    assert np.abs(image.pixels.astype(int) - ink).mean() < 2
    assert np.array_equal(image.pixels, np.array(PillowImage.open(io.BytesIO(data))))


def test_written_cmyk_is_read_alike_by_pillow():
    ink = np.array(PillowImage.fromarray(smooth()).convert("CMYK"))
    for format in ("JPEG", "TIFF"):
        data = encode(Image(ink, "CMYK"), format, quality=98 if format == "JPEG" else None)
        opened = PillowImage.open(io.BytesIO(data))
        assert opened.mode == "CMYK"
        assert np.abs(np.array(opened).astype(int) - ink).mean() < 2


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        (format, mode)
        for format in ("PNG", "TIFF", "BMP", "WEBP", "PPM", "GIF")
        for mode in ("1", "L", "LA", "RGB", "RGBA")
        if codec_of(format).has("uint8", "L" if mode == "1" else mode)
    ],
)
def test_pillow_reads_what_we_write(format, mode):
    pixels = np.array(PillowImage.fromarray(smooth()).quantize(50).convert("RGB").convert(mode))
    image = Image(pixels, "L" if mode == "1" else mode)
    opened = PillowImage.open(io.BytesIO(encode(image, format)))
    assert np.array_equal(np.array(opened.convert(mode)), pixels)


@pytest.mark.peers("cv2")
def test_other_libraries_read_16_bits(rng):
    import cv2

    pixels = rng.integers(0, 65536, (20, 30, 3)).astype(np.uint16)
    for format in ("PNG", "TIFF", "PPM"):
        raw = np.frombuffer(encode(Image(pixels), format), dtype=np.uint8)
        found = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED)
        assert np.array_equal(found[..., ::-1], pixels), format


# Where images come from


def test_any_source_will_do(tmp_path):
    data = encode(Image(smooth()), "PNG")
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    for source in (path, str(path), data, io.BytesIO(data), path.open("rb")):
        image = read(source)
        assert np.array_equal(image.pixels, smooth())
        assert image.meta.format == "PNG"
        if hasattr(source, "close"):
            source.close()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.write_bytes(b""), "0 bytes"),
        (lambda path: path.write_bytes(b"hello" * 1000), "not an image"),
    ],
)
def test_what_can_not_be_read_is_told(tmp_path, make, words):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(ImageError, match=words):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    start = time.monotonic()
    with pytest.raises(ImageError, match="0 bytes"):
        read(tmp_path / "a.png")
    assert time.monotonic() - start < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_with_a_writer_is_read(tmp_path):
    """As a shell's `<(command)` gives one."""
    data = encode(Image(np.zeros((300, 300, 3), np.uint8)), "PPM")
    (tmp_path / "data").write_bytes(data)
    receiver, sender = os.pipe()
    script = "import shutil, sys; shutil.copyfileobj(open(sys.argv[1], 'rb'), sys.stdout.buffer)"
    command = [sys.executable, "-c", script, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=sender):
        os.close(sender)
        assert read(f"/dev/fd/{receiver}").size == (300, 300)
    os.close(receiver)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices here")
def test_a_device_is_refused():
    with pytest.raises(ImageError, match="a device"):
        read("/dev/zero")


def test_reading_a_jpeg_imports_no_other_reader(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encode(Image(smooth()), "JPEG"))
    script = (
        "import sys; from convcli.image.files import read; read(sys.argv[1]);"
        "print([m for m in ('tifffile', 'PIL', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.jpg")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# Too large


def png_header(width, height):
    header = png.PngHeader(width, height, 1, png.GRAY, interlaced=False)
    return png.assemble(header, zlib.compress(bytes(100)))


BOMBS = {
    "PNG": png_header(20_000, 20_000),
    "PBM": b"P4\n20000 20000\n" + bytes(64),
    "PPM": b"P6\n20000 20000\n255\n" + bytes(64),
    "JPEG": b"\xff\xd8\xff\xc0\0\x11\x08" + struct.pack(">HH", 20_000, 20_000)
    + b"\3\1\x11\0\2\x11\1\3\x11\1\xff\xda\0\x0c" + bytes(10) + b"\xff\xd9",
    "BMP": b"BM" + bytes(8) + struct.pack("<IIiiHH", 54, 40, 20_000, 20_000, 1, 1) + bytes(40),
    "GIF": b"GIF89a" + struct.pack("<HH", 20_000, 20_000) + b"\0\0\0,"
    + struct.pack("<HHHH", 0, 0, 20_000, 20_000) + b"\0\2\1\0\0;",
    "TIFF": b"II*\0\x08\0\0\0\6\0" + b"".join(
        struct.pack("<HHII", *entry) for entry in (
            (256, 4, 1, 20_000), (257, 4, 1, 20_000), (258, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, 100), (279, 4, 1, 8))) + bytes(40),
}  # fmt: skip


@pytest.mark.parametrize("format", BOMBS)
def test_too_many_pixels_are_refused_before_they_are_allocated(format):
    with pytest.raises(ImageError) as caught:
        read(BOMBS[format])
    message = str(caught.value)
    assert "400000000 pixels" in message
    assert "`max_pixels` 400000000" in message
    assert str(MAX_PIXELS) in message


def test_the_limit_is_the_callers():
    data = encode(Image(smooth()), "PNG")
    assert read(data, max_pixels=48 * 64).size == (48, 64)
    with pytest.raises(ImageError, match=r"3072 pixels \(64 × 48\), the limit is 3071"):
        read(data, max_pixels=48 * 64 - 1)


@pytest.mark.parametrize("format", [*KEPT, "GIF", "PPM", "NPY"])
def test_the_limit_holds_for_every_format(format):
    with pytest.raises(ImageError, match="`max_pixels` 3072"):
        read(encode(Image(smooth()), format), max_pixels=3000)


# Damaged


def examples():
    """A file of each kind, with metadata where there can be some."""
    meta = Meta(icc=ICC, exif=make_exif(), xmp=XMP, dpi=(300, 150), text=TEXT)
    noise = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    image = Image(noise, meta=meta)
    files = {name: encode(image, name) for name in (*KEPT, "GIF", "PPM", "NPY")}
    deep = Image(noise.astype(np.uint16) * 257)
    gray = Image(noise[..., 0] > 99)
    files["PNG 16"] = encode(deep, "PNG")
    files["PNG 1"] = encode(gray, "PNG")
    files["PNG palette"] = (DATA / "pngsuite" / "tbbn3p08.png").read_bytes()
    files["PNG interlaced"] = (DATA / "pngsuite" / "basi6a16.png").read_bytes()
    files["AVIF 12"] = encode(deep, "AVIF", quality=95)
    files["JPEG2000 16"] = encode(deep, "JPEG2000")
    files["TIFF float"] = encode(Image(noise.astype(np.float32)), "TIFF")
    files["TIFF raw"] = encode(image, "TIFF", compress=0)
    files["TIFF 1"] = encode(gray, "TIFF")
    files["WEBP lossy"] = encode(image, "WEBP", quality=50)
    files["JPEGXL lossy"] = encode(Image(noise), "JPEGXL", quality=50)
    files["JPEGXL 16"] = encode(deep, "JPEGXL")
    files["JPEGXL float"] = encode(Image(noise.astype(np.float32)), "JPEGXL")
    files["PBM"] = encode(gray, "PBM")
    files["PFM"] = encode(Image(noise.astype(np.float32)), "PFM")
    files["PGM plain"] = b"P2 3 2 9\n" + b"1 2 3 4 5 6\n"
    original = PillowImage.fromarray(noise)
    files["JPEG progressive"] = pillow_file(original, "JPEG", progressive=True, quality=60)
    files["JPEG CMYK"] = pillow_file(original.convert("CMYK"), "JPEG")
    files["TIFF LZW"] = tiff_file(noise, compression="lzw", photometric="rgb")
    return files


EXAMPLES = examples()


@pytest.mark.parametrize("name", EXAMPLES)
def test_files_cut_short_are_refused(name):
    whole = EXAMPLES[name]
    pixels = read(whole).pixels
    sizes = {*range(0, min(60, len(whole))), *np.linspace(1, len(whole) - 1, 25, dtype=int)}
    sizes |= set(range(max(0, len(whole) - 20), len(whole)))
    for size in sorted(sizes):
        image = read_or_refuse(whole[:size])
        if image is None:
            continue
        # Only what comes after the pixels was cut.
        assert np.array_equal(image.pixels, pixels), f"{size} bytes of {len(whole)}"
        assert name.startswith(("TIFF", "GIF", "BMP", "PGM", "PFM")) or size >= len(whole) - 64


@pytest.mark.parametrize("name", EXAMPLES)
def test_damaged_files_raise_nothing_but_image_errors(name, capfd):
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    whole = EXAMPLES[name]
    start = time.monotonic()
    for k in range(150):
        damaged = bytearray(whole)
        reach = min(len(whole), 200) if k % 2 else len(whole)
        for at in generator.integers(0, reach, 1 + k % 4):
            damaged[at] = generator.integers(256)
        read_or_refuse(bytes(damaged))
        if time.monotonic() - start > 2:
            break
    assert capfd.readouterr().err == ""


def read_or_refuse(data):
    """Read a file, or return None if it is refused in one line; anything else is a mistake."""
    messages = []
    try:
        return read(data, max_pixels=1_000_000)
    except ImageError as error:
        messages.append(str(error))
    assert messages[0]
    assert "\n" not in messages[0]
    return None


# Writing


def test_write_takes_the_suffix(tmp_path):
    assert write(tmp_path / "a.TIF", Image(smooth())) == tmp_path / "a.TIF"
    assert read(tmp_path / "a.TIF").meta.format == "TIFF"
    write(tmp_path / "b.dat", Image(smooth()), format="png")
    assert read(tmp_path / "b.dat").meta.format == "PNG"


def test_write_refuses_what_exists(tmp_path):
    write(tmp_path / "a.png", Image(smooth()))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(ImageError, match="`overwrite`"):
        write(tmp_path / "a.png", Image(smooth()[::-1]))
    assert (tmp_path / "a.png").read_bytes() == before
    write(tmp_path / "a.png", Image(smooth()[::-1]), overwrite=True)
    assert np.array_equal(read(tmp_path / "a.png").pixels, smooth()[::-1])


def test_nothing_is_left_of_what_can_not_be_written(tmp_path):
    with pytest.raises(ImageError):
        write(tmp_path / "a.jpg", Image(smooth().astype(np.uint16)))
    with pytest.raises(ImageError, match="suffix"):
        write(tmp_path / "a.xyz", Image(smooth()))
    with pytest.raises(ImageError, match="JPEG can't hold 70000×1 pixels"):
        write(tmp_path / "a.jpg", Image(np.zeros((1, 70_000), np.uint8)))
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_not_changed():
    image = Image(smooth(), meta=Meta(text=TEXT))
    before = image.pixels.copy(), replace(image.meta)
    for format in KEPT:
        encode(image, format)
    assert np.array_equal(image.pixels, before[0])
    assert image.meta == before[1]
