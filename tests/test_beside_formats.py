"""PNG, WebP, AVIF, JPEG XL, JPEG 2000, GIF, PNM: nothing beside the pixels is lost in silence."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from heif_made import heic
from made_beside import chunks_of, coded, iptc, packet, program, ramp, said, with_chunks
from PIL import Image as Pillow
from test_beside_jpeg import exif_of

import convcli
from convcli import Image, Meta, Spec
from convcli.image.beside.block import Block
from convcli.image.beside.changes import Change, changed
from convcli.image.boxes import box, boxes
from convcli.image.files import encode, read
from convcli.image.formats import FORMATS, left_out
from convcli.image.light import numbers

RATED = packet(b'xmp:Rating="4"', {b"xmp": b"http://ns.adobe.com/xap/1.0/"})

#: What programs put behind images in boxes, and what it is called.
BEHIND = [
    (box(b"mpvd", bytes(9)), "film of a motion photo"),
    (box(b"sefd", bytes(9)), "box sefd"),
    (box(b"jumb", b"c2pa"), "content credential (C2PA)"),
    (box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481")), "content credential (C2PA)"),
    (b"words of a phone", "16 bytes behind the image"),
    (b"\xff\xd8\xff\xe0" + bytes(9), "13 bytes behind the image"),
    (bytes(9), ""),
]


def filtered(file, format, **spec):
    """Return a filtered file, and all that is said of it."""
    result = convcli.apply(read(file), "box3", Spec(**spec))
    notes = result.meta.notes + left_out(result.meta, format, result.channels)
    return encode(result, format), " / ".join(notes)


# PNG


@pytest.mark.parametrize(
    ("name", "content", "spec", "now"),
    [
        (b"sBIT", b"\x08\x08\x08", {}, b"\x08\x08\x08"),
        (b"sBIT", b"\x08\x08\x08", {"gray": True}, b"\x08"),
        (b"sBIT", b"\x05\x06\x05", {}, None),
        (b"bKGD", struct.pack(">3H", 1, 2, 3), {"padding": "valid"}, struct.pack(">3H", 1, 2, 3)),
        (b"bKGD", struct.pack(">3H", 1, 2, 3), {"gray": True}, None),
        (b"oFFs", struct.pack(">iiB", 5, 6, 0), {}, struct.pack(">iiB", 5, 6, 0)),
        (b"oFFs", struct.pack(">iiB", 5, 6, 0), {"padding": "valid"}, struct.pack(">iiB", 6, 7, 0)),
        (b"oFFs", struct.pack(">iiB", 5, 6, 1), {"padding": "valid"}, None),
        (b"sCAL", b"\x010.5\x000.25", {"stride": 2}, b"\x011\x000.5"),
        (b"sCAL", b"\x010.5\x000.25", {"padding": "valid"}, b"\x010.5\x000.25"),
        (b"pHYs", struct.pack(">IIB", 2, 1, 0), {"stride": 2}, struct.pack(">IIB", 2, 1, 0)),
        (b"sTER", b"\0", {"padding": "valid"}, None),
        (
            b"pCAL",
            b"x\0" + bytes(8) + b"\0\2m\0001\0002",
            {},
            b"x\0" + bytes(8) + b"\0\2m\0001\0002",
        ),
        (b"teSt", b"safe to copy", {"stride": 2}, b"safe to copy"),
        (b"teST", b"not safe to copy", {}, None),
        (b"tIME", struct.pack(">H5B", 2020, 1, 2, 3, 4, 5), {}, None),
        (b"caBX", b"c2pa", {}, None),
    ],
)
def test_chunks_stay_or_are_named(name, content, spec, now):
    result, notes = filtered(with_chunks((name, content)), "PNG", **spec)
    assert dict(chunks_of(result)).get(name) == now
    assert bool(notes) == (now is None)
    assert now is not None or name.decode() in notes or "content credential" in notes
    before_pixels = [each for each, _ in chunks_of(result)]
    assert now is None or before_pixels.index(name) < before_pixels.index(b"IDAT")


@pytest.mark.parametrize(("dtype", "bits"), [("bool", 1), ("uint8", 8), ("uint16", 16)])
def test_significant_bits_are_all_of_another_type(dtype, bits):
    block = read(with_chunks((b"sBIT", b"\x08\x08\x08"))).meta.beside[0]
    change = Change(channels=("RGB", "LA"), depths=("uint8", dtype))
    assert changed((block,), change)[0][0].content == bytes([bits] * 2)


def test_a_palette_s_background_is_a_colour():
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) % 4
    palette = np.array([[0, 0, 0], [9, 8, 7], [50, 60, 70], [255, 0, 0]], np.uint8)
    rows = zlib.compress(np.insert(pixels, 0, 0, axis=1).tobytes())
    head = struct.pack(">IIBBBBB", 8, 8, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", head), (b"PLTE", palette.tobytes()), (b"bKGD", b"\2"), (b"IDAT", rows))
    file = with_chunks(*parts, (b"IEND", b""), file=b"\x89PNG\r\n\x1a\n" + bytes(25))
    file = file[:8] + file[33:]
    result, notes = filtered(file, "PNG")
    assert dict(chunks_of(result))[b"bKGD"] == struct.pack(">3H", 50, 60, 70)
    assert notes == ""


@pytest.mark.parametrize("content", [b"", b"\1", bytes(40)])
@pytest.mark.parametrize("name", [b"bKGD", b"sBIT", b"oFFs", b"sCAL", b"cICP", b"gAMA"])
def test_chunks_that_make_no_sense_do_no_harm(name, content):
    filtered(with_chunks((name, content)), "PNG", stride=2, gray=True)


def test_the_language_of_text_stays():
    content = b"Title\0\0\0de\0Titel\0Gr\xc3\xbc\xc3\x9fe"
    result, notes = filtered(with_chunks((b"iTXt", content)), "PNG")
    assert dict(chunks_of(result))[b"iTXt"] == content
    assert notes == ""
    assert "language of text" in filtered(with_chunks((b"iTXt", content)), "JPEG")[1]


def test_png_holds_iptc_as_others_write_it(tmp_path):
    block = Block("IPTC", "IPTC", iptc(caption="Harvest in the valley"))
    file = encode(Image(ramp(), meta=Meta(beside=(block,), text=(("Title", "x"),))), "PNG")
    result, notes = filtered(file, "PNG")
    again = read(result).meta
    assert (again.beside, again.text, notes) == ((block,), (("Title", "x"),), "")
    assert b"Harvest in the valley" in filtered(file, "JPEG")[0]
    (tmp_path / "a.png").write_bytes(result)
    program("exiftool")
    printed = said("exiftool", "-s3", "-Caption-Abstract", file=tmp_path / "a.png")
    assert printed == "Harvest in the valley\n"


def test_raw_profiles_of_other_programs():
    block = exif_of("<", [(0xA002, 4, 64)])

    def raw(name, content, words=""):
        said_so = f"\n{words or name}\n{len(content):8}\n{content.hex()}\n"
        return b"tEXt", f"Raw profile type {name}".encode() + b"\0" + said_so.encode()

    chunks = raw("exif", b"Exif\0\0" + block), raw("xmp", RATED), raw("iptc", iptc(author="A"))
    meta = read(with_chunks(*chunks)).meta
    assert (meta.exif, meta.xmp, meta.text) == (block, RATED, ())
    assert meta.beside[0].content == iptc(author="A")
    by_exiftool = raw("iptc", iptc(author="A"), "IPTC profile")
    assert read(with_chunks(by_exiftool)).meta.beside == meta.beside
    for wrong in (b"\nexif\n 5\nzz\n", b"", b"\nexif\n 9\n00\n"):
        chunk = b"tEXt", b"Raw profile type exif\0" + wrong
        assert read(with_chunks(chunk)).meta.text[0][1] == wrong.decode()


def test_pngcheck_finds_nothing_wrong(tmp_path):
    program("pngcheck")
    names = {b"sBIT": b"\x08\x08\x08", b"bKGD": bytes(6), b"oFFs": bytes(9), b"teSt": b"1",
             b"sCAL": b"\x011\x001", b"sTER": b"\0", b"sPLT": b"p\0\x08" + bytes(6)}  # fmt: skip
    file = tmp_path / "a.png"
    file.write_bytes(filtered(with_chunks(*names.items()), "PNG")[0])
    printed = said("pngcheck", "-v", file=file)
    assert "No errors detected" in printed
    assert all(name.decode() in printed for name in names)


# WebP


def riff(file, *chunks):
    more = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(file) - 8 + len(more)) + file[8:] + more


@pytest.mark.parametrize("options", [{}, {"exif": b"II*\0\x08\0\0\0\0\0\0\0\0\0"}])
@pytest.mark.parametrize("content", [b"odd", b"even"])
def test_webp_chunks_stay(options, content, tmp_path):
    file = riff(coded("WEBP", lossless=True, **options), (b"ABCD", content))
    result, notes = filtered(file, "WEBP")
    assert result.endswith(
        b"ABCD" + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    )
    assert notes == ""
    assert read(result).meta.beside == read(file).meta.beside
    assert filtered(file, "PNG")[1].startswith("PNG can't hold the source's")
    (tmp_path / "a.webp").write_bytes(result)
    assert "64 x 48" in said("webpmux", "-info", file=tmp_path / "a.webp")


def test_a_webp_credential_is_named():
    file = riff(coded("WEBP", lossless=True), (b"C2PA", b"signed"))
    result, notes = filtered(file, "WEBP")
    assert b"signed" not in result
    assert notes == "the source's content credential (C2PA): left out"


# AVIF


def test_auxiliary_images_of_avif_are_named():
    file = coded("AVIF", np.dstack((ramp(), ramp()[..., 0])))
    name = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
    assert filtered(file, "AVIF")[1] == ""
    depth = file.replace(name, name[:-5] + b"depth")
    assert filtered(depth, "AVIF")[1] == "the source's depth map: left out"
    other = file.replace(name, name[:-5] + b"other")
    assert filtered(other, "PNG")[1] == "the source's auxiliary image: left out"


@pytest.mark.parametrize(("behind", "words"), BEHIND)
@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
def test_what_stands_behind_images_in_boxes_is_named(format, behind, words):
    if format == "HEIF":
        pytest.importorskip("pi_heif")
    file = coded("AVIF") if format == "AVIF" else heic("plain")
    before, after = filtered(file, "PNG")[1], filtered(file + behind, "PNG")[1]
    said_so = f"the source's {words}: left out" if words else ""
    assert (before, after) == ("", said_so)


def test_boxes_of_avif_are_named():
    credential = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
    file = coded("AVIF") + box(b"uuid", credential + bytes(8)) + box(b"odd ", b"1")
    words = "the source's content credential (C2PA), box odd: left out"
    assert filtered(file, "AVIF")[1] == words


@pytest.mark.parametrize(
    ("options", "words"),
    [(("--crop", "2,2,40,40"), "clean aperture (clap)"), (("--irot", "1"), "")],
)
def test_properties_of_avif(options, words, tmp_path):
    program("avifenc")
    (tmp_path / "a.png").write_bytes(coded("PNG"))
    said("avifenc", "-s", "8", *options, tmp_path / "a.png", file=tmp_path / "a.avif")
    result, notes = filtered((tmp_path / "a.avif").read_bytes(), "PNG")
    assert notes == (f"the source's {words}: left out" if words else "")
    assert read(result).size == ((64, 48) if "--irot" in options else (48, 64))


@pytest.mark.parametrize("channels", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("profile", [False, True])
def test_avif_of_12_bits_says_all(channels, profile, tmp_path):
    pixels = {"L": ramp()[..., 0], "RGB": ramp(), "RGBA": np.dstack((ramp(), ramp()[..., 0]))}
    wide = pixels[channels].astype(np.uint16) * 257
    icc = encode_profile() if profile and channels != "L" else None
    cicp = None if icc else (9, 16, 0, 1)
    meta = Meta(exif=exif_of("<", [(0xA002, 4, 64)]), xmp=RATED, icc=icc, cicp=cicp)
    file = encode(Image(wide, meta=meta), "AVIF")
    again = read(file)
    found = again.meta.exif, again.meta.xmp, again.meta.icc, again.meta.cicp
    assert found == (meta.exif, meta.xmp, icc, cicp)
    assert again.meta.beside == ()
    bare = encode(Image(wide, meta=Meta(cicp=cicp)), "AVIF")
    assert np.array_equal(again.pixels, read(bare).pixels)
    (tmp_path / "a.avif").write_bytes(file)
    printed = said("exiftool", "-s3", "-Rating", "-ExifImageWidth", file=tmp_path / "a.avif")
    assert printed.split() == ["4", "64"]


@pytest.mark.parametrize("turned", [(), ("--irot", "1"), ("--imir", "1")])
def test_avif_s_exif_is_read_and_written_as_it_is(turned, tmp_path):
    for name in ("avifenc", "exiftool"):
        program(name)
    file = tmp_path / "a.jpg"
    file.write_bytes(coded())
    said("exiftool", "-ImageDescription=Gr\u00fc\u00dfe", "-Orientation#=6", "-q", file=file)
    said("avifenc", "-s", "8", *turned, "--ignore-xmp", file, file=tmp_path / "a.avif")
    result, _ = filtered((tmp_path / "a.avif").read_bytes(), "AVIF")
    (tmp_path / "b.avif").write_bytes(result)
    assert (
        said("exiftool", "-s3", "-ImageDescription", file=tmp_path / "b.avif")
        == "Gr\u00fc\u00dfe\n"
    )
    assert read(result).size == (64, 48)


# JPEG XL


def test_boxes_of_jpeg_xl_are_named():
    meta = Meta(xmp=RATED)
    file = encode(Image(ramp(), meta=meta), "JPEGXL")
    at = file.index(b"jxlc") - 4
    more = box(b"jhgm", b"1") + box(b"jumb", b"c2pa") + box(b"what", b"2")
    result, notes = filtered(file[:at] + more + file[at:], "JPEGXL")
    assert notes == "the source's gain map, content credential (C2PA), box what: left out"
    assert read(result).meta.xmp == RATED


# JPEG 2000


@pytest.mark.parametrize("dpi", [(300.0, 300.0), (72.0, 96.5), (1e-3, 12345.678)])
def test_resolution_of_jpeg_2000(dpi):
    file = encode(Image(ramp(), meta=Meta(dpi=dpi)), "JPEG2000")
    assert read(file).meta.dpi == pytest.approx(dpi, rel=1e-5)
    assert read(filtered(file, "JPEG2000")[0]).meta.dpi == pytest.approx(dpi, rel=1e-5)


def test_exiftool_reads_that_resolution(tmp_path):
    program("exiftool")
    file = tmp_path / "a.jp2"
    file.write_bytes(encode(Image(ramp(), meta=Meta(dpi=(300.0, 300.0))), "JPEG2000"))
    printed = said("exiftool", "-s3", "-n", "-DisplayXResolution", "-CaptureYResolution", file=file)
    assert [round(float(each) * 0.0254, 2) for each in printed.split()] == [300, 300]
    assert len(printed.split()) == 2


@pytest.mark.parametrize("suffix", ["j2k", "jp2"])
def test_comments_of_jpeg_2000(suffix, tmp_path):
    program("opj_compress")
    (tmp_path / "a.ppm").write_bytes(b"P6\n64 48\n255\n" + ramp().tobytes())
    file = tmp_path / f"a.{suffix}"
    said("opj_compress", "-i", tmp_path / "a.ppm", "-C", "Gr\u00fc\u00dfe, scan 7", "-o", file=file)
    assert read(file).meta.text == (("Comment", "Gr\u00fc\u00dfe, scan 7"),)
    result, notes = filtered(file.read_bytes(), "JPEG2000")
    assert (read(result).meta.text, notes) == (read(file).meta.text, "")
    assert "text" in filtered(file.read_bytes(), "WEBP")[1]


@pytest.mark.parametrize("format", ["WEBP", "AVIF", "JPEGXL"])
def test_a_resolution_that_exif_says_is_not_lost(format):
    exif = Pillow.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, 2
    block = exif.tobytes()[6:]
    for dpi, words in (((300.0, 300.0), ""), ((299.9994, 299.9994), ""), ((72.0, 72.0), "x")):
        file = encode(Image(ramp(), meta=Meta(exif=block, dpi=dpi)), "PNG")
        said_so = filtered(file, format)[1]
        assert said_so == (f"{format} can't hold the source's resolution: left out" * bool(words))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "JPEGXL"])
def test_tiff_says_what_exif_says(format, tmp_path):
    program("exiftool")
    file = tmp_path / "a.jpg"
    file.write_bytes(coded())
    words = ("-ImageDescription=a mill", "-XPTitle=Mill", "-EXIF:Rating=4", "-HostComputer=iPhone")
    numbers_said = ("-XResolution=300", "-YResolution=300", "-ResolutionUnit=inches", "-Make=X")
    said("exiftool", "-q", "-overwrite_original", *words, *numbers_said, file=file)
    block = read(file).meta.exif
    coded_so = encode(Image(ramp(), meta=Meta(exif=block)), format)
    (tmp_path / "a.tif").write_bytes(filtered(coded_so, "TIFF")[0])
    asked = ("-ImageDescription", "-XPTitle", "-IFD0:Rating", "-HostComputer", "-XResolution")
    printed = said("exiftool", "-s3", *asked, file=tmp_path / "a.tif")
    assert printed.split("\n")[:5] == ["a mill", "Mill", "4", "iPhone", "300"]


@pytest.mark.parametrize("format", ["GIF", "JPEG", "JPEG2000", "PPM"])
@pytest.mark.parametrize("letters", ["utf-8", "latin-1"])
def test_comments_of_older_programs(format, letters):
    file = encode(Image(ramp(), meta=Meta(text=(("Comment", "Gr\u00fc"),))), format)
    size = len("Gr\u00fc".encode(letters))
    assert b"Gr\xc3\xbc" in file
    if letters == "latin-1":
        file = file.replace(b"Gr\xc3\xbc", b"G" * (4 - size) + b"Gr\xfc")
    assert read(file).meta.text[0][1] == ("GGr\u00fc" if letters == "latin-1" else "Gr\u00fc")


@pytest.mark.parametrize("format", ["JPEG", "JPEG2000", "PNG"])
def test_text_of_any_length(format):
    # Letters of several bytes lie across the ends of segments.
    text = (("Comment", "\u6f22\u5b57" * 40_000), ("Comment", "short"), ("Comment", "a" * 65_533))
    again = read(encode(Image(ramp(), meta=Meta(text=text)), format))
    assert again.meta.text == text
    titled = read(encode(Image(ramp(), meta=Meta(text=(("Title", "x"),))), format)).meta.text
    assert titled == ((("Title", "x"),) if format == "PNG" else (("Comment", "Title: x"),))
    if format == "JPEG2000":
        assert np.array_equal(again.pixels, ramp())
        assert read(encode(Image(ramp()), "JPEG2000")).meta.text == ()


def test_boxes_of_jpeg_2000():
    caption = Block("IPTC", "IPTC", iptc(caption="Harvest"))
    geo = box(b"uuid", bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03") + b"II*\0")
    file = encode(Image(ramp(), meta=Meta(beside=(caption,))), "JPEG2000")
    at = file.index(b"jp2c") - 4
    more = geo + box(b"xml ", b"<a/>") + box(b"uuid", bytes(16) + b"1") + box(b"jumb", b"c2pa")
    file = file[:at] + more + file[at:]
    result, notes = filtered(file, "JPEG2000")
    assert notes == "the source's content credential (C2PA): left out"
    found = [content for name, content in boxes(result) if name in (b"uuid", b"xml ")]
    assert len(found) == 4
    assert any(b"Harvest" in content for content in found)
    result, notes = filtered(file, "JPEG2000", stride=2)
    assert "GeoJP2" in notes
    assert "XML box" in notes
    assert b"Harvest" in result
    assert b"Harvest" in filtered(file, "JPEG")[0]


# GIF


def test_gif_keeps_comments_xmp_profiles_and_blocks(tmp_path):
    icc = encode_profile()
    blocks = b"!\xff\x0bACMEPROG1.0\x03abc\0"
    meta = Meta(text=(("Comment", "words"), ("Title", "more")), xmp=RATED, icc=icc)
    file = encode(Image(ramp() // 128 * 128, meta=meta), "GIF")
    at = 13 + 3 * (2 << (file[10] & 7))
    file = file[:at] + blocks + file[at:]
    result, notes = filtered(file, "GIF")
    again = read(result).meta
    assert (again.xmp, again.icc) == (RATED, icc)
    assert again.text == (("Comment", "words\nTitle: more"),)
    assert blocks in result
    assert notes == ""
    (tmp_path / "a.gif").write_bytes(result)
    program("exiftool")
    assert said("exiftool", "-s3", "-Rating", "-Comment", file=tmp_path / "a.gif").startswith("4\n")


def encode_profile():
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_gif_extensions_that_are_not_read_are_named():
    file = encode(Image(ramp() // 128 * 128), "GIF")
    at = 13 + 3 * (2 << (file[10] & 7))
    text = b"!\x01\x0c" + bytes(12) + b"\x02hi\0"
    assert filtered(file[:at] + text + file[at:], "GIF")[1] == "the source's plain text: left out"


# BMP


@pytest.mark.parametrize("kind", ["bool", "L", "RGB"])
def test_bmp_keeps_a_profile(kind, tmp_path):
    pixels = {"bool": ramp()[..., 0] > 90, "L": ramp()[..., 0], "RGB": ramp()}[kind]
    icc = encode_profile() if kind == "RGB" else numbers.profile_of((1, 4, 0, 1), gray=True)
    file = encode(Image(pixels, meta=Meta(icc=icc, dpi=(300.0, 300.0))), "BMP")
    assert read(file).meta.icc == icc
    assert np.array_equal(read(file).pixels, pixels)
    with Pillow.open(io.BytesIO(file)) as opened:
        shown = np.asarray(opened.convert("RGB"))
    whole = pixels * np.uint8(255) if kind == "bool" else pixels
    assert np.array_equal(shown, whole if kind == "RGB" else np.dstack([whole] * 3))
    (tmp_path / "a.bmp").write_bytes(file)
    assert "64x48" in said("identify", file=tmp_path / "a.bmp")


def test_bmp_s_own_words_on_colour():
    plain = encode(Image(ramp(), meta=Meta(icc=encode_profile())), "BMP")
    ends = [0.4361, 0.2225, 0.0139, 0.3851, 0.7169, 0.0971, 0.1431, 0.0606, 0.7142]
    told = struct.pack("<I9I3I", 0, *(int(each * 2**30) for each in ends), *[int(1.8 * 65536)] * 3)
    meta = read(plain[:70] + told + plain[122:]).meta
    assert meta.icc is None
    chunks = dict(meta.chunks)
    assert struct.unpack(">I", chunks["gAMA"]) == (55556,)
    assert struct.unpack(">8I", chunks["cHRM"])[2:4] == (64848, 33086)
    linked = plain[:70] + b"KNIL" + plain[74:]
    assert filtered(linked, "BMP")[1] == "the source's link to a colour profile: left out"


# PNM


@pytest.mark.parametrize("format", ["PBM", "PGM", "PPM"])
def test_comments_of_pnm_stay(format, tmp_path):
    pixels = {"PBM": ramp()[..., 0] > 90, "PGM": ramp()[..., 0], "PPM": ramp()}[format]
    file = encode(Image(pixels), format)
    file = file[:3] + b"# made by hand\n#second\n" + file[3:]
    image = read(file)
    assert image.meta.text == (("Comment", "made by hand\nsecond"),)
    again = encode(image, format)
    assert read(again).meta.text == image.meta.text
    assert np.array_equal(read(again).pixels, pixels)
    (tmp_path / "a.pnm").write_bytes(again)
    assert "64x48" in said("identify", file=tmp_path / "a.pnm")


# All of them


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP"])
def test_what_follows_a_file_is_named(format):
    file = encode(Image(ramp() // 128 * 128), format)
    for behind, said_so in ((b"other data", True), (bytes(20), False)):
        notes = read(file + behind).meta.notes
        assert notes == (("10 bytes behind the image: left out",) if said_so else ())


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("PNM", "NPY", "HEIF")])
def test_what_no_format_can_write_is_named_and_nothing_else(format):
    image = Image((ramp()[..., 0] > 90) if format == "PBM" else ramp()[..., 0])
    if format == "PFM":
        image = Image(ramp()[..., 0].astype(np.float32))
    plain = read(encode(image, format))
    assert plain.meta.beside == () or format == "TIFF"
    assert left_out(plain.meta, format, plain.channels) == ()
