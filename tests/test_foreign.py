"""Files that aren't read: what they are told to be, and how folders count them."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zipfile

import numpy as np
import pytest
from command import call
from PIL import Image as Pillow

from convcli import Frames, Image
from convcli.errors import ImageError
from convcli.image.files import encode
from convcli.image.foreign.following import following
from convcli.image.foreign.kinds import FOREIGN, LEFT_OUT, SHARED
from convcli.image.formats import SUFFIXES
from convcli.image.recognise import ENOUGH, recognise
from convcli.report.failures import Failures

PIXELS = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)


def by_pillow(format):
    file = io.BytesIO()
    Pillow.fromarray(PIXELS).save(file, format)
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mergedimage.png", b"\x89PNG")
    return file.getvalue()


def fits():
    cards = ("SIMPLE  =                    T", "BITPIX  =                    8",
             "NAXIS   =                    2", "NAXIS1  =                    8",
             "NAXIS2  =                    8", "END")  # fmt: skip
    return "".join(f"{card:80}" for card in cards).ljust(2880).encode() + bytes(2880)


def media(brand, kind=b"ftyp"):
    return b"\0\0\0\x18" + kind + brand + b"\0\0\0\1isom" + bytes(100)


#: Files of each kind, what they are said to be, and a part of what is to be done.
KINDS = {
    "CR3": (media(b"crx "), "a Canon (CR3) raw photograph", "darktable-cli NAME.cr3 NAME.tif"),
    "RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(60), "Fujifilm (RAF) raw", "darktable-cli NAME.raf"),
    "ORF": (b"IIRO\x08\0\0\0" + bytes(60), "Olympus (ORF) raw", "NAME.orf"),
    "RW2": (b"IIU\0\x18\0\0\0" + bytes(60), "Panasonic (RW2) raw", "NAME.rw2"),
    "CRW": (b"II\x1a\0\0\0HEAPCCDR" + bytes(60), "Canon (CRW) raw", "NAME.crw"),
    "X3F": (b"FOVb\0\0\3\0" + bytes(60), "Sigma (X3F) raw", "NAME.x3f"),
    "FITS": (fits(), "a FITS image", "gdal_translate NAME.fits NAME.tif"),
    "DICOM": (bytes(128) + b"DICM" + bytes(200), "a DICOM image", "pydicom.dcmread"),
    "NIfTI": (bytes(344) + b"n+1\0" + bytes(60), "a NIfTI volume", "nibabel.load"),
    "HDR": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\1\1\1\1", "Radiance HDR",
            "oiiotool NAME.hdr -o NAME.tif"),
    "EXR": (b"\x76\x2f\x31\x01" + bytes(60), "an OpenEXR image", "oiiotool NAME.exr"),
    "DPX": (b"SDPX" + bytes(60), "a DPX image", "oiiotool NAME.dpx"),
    "PSD": (b"8BPS\0\1" + bytes(60), "a Photoshop document", "magick 'NAME.psd[0]' NAME.png"),
    "XCF": (b"gimp xcf v011\0" + bytes(60), "a GIMP document", "export it as PNG"),
    "TGA": (by_pillow("TGA"), "a TGA image", "magick NAME.tga NAME.png"),
    "TGA of gray": (bytes([0, 0, 3]) + bytes(9) + struct.pack("<HHBB", 8, 8, 8, 0) + bytes(64),
                    "a TGA image", "NAME.tga"),
    "TGA of a palette": (bytes([0, 1, 9, 0, 0, 0, 1, 24]) + bytes(4)
                         + struct.pack("<HHBB", 9, 5, 8, 0) + bytes(64), "a TGA image", "NAME.tga"),
    "QOI": (by_pillow("QOI"), "a QOI image", "magick NAME.qoi"),
    "ICO": (by_pillow("ICO"), "a Windows icon", "magick NAME.ico"),
    "ICNS": (b"icns" + bytes(60), "a macOS icon", "icns2png"),
    "DDS": (by_pillow("DDS"), "a DDS texture", "magick NAME.dds"),
    "PCX": (by_pillow("PCX"), "a PCX image", "magick NAME.pcx"),
    "SGI": (by_pillow("SGI"), "an SGI image", "magick NAME.sgi"),
    "XBM": (b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {\n", "an X bitmap",
            "NAME.xbm"),
    "SVG": (b'<svg xmlns="x"></svg>', "an SVG drawing", "rsvg-convert -o NAME.png NAME.svg"),
    "SVG of XML": (b"<?xml version='1.0'?>\n<!-- x -->\n<svg></svg>", "an SVG drawing", "rsvg"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "pdftoppm -r 300 -png NAME.pdf NAME"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF", "a PostScript document", "gs -sDEVICE=png16m"),
    "MP4": (media(b"isom"), "a film", "ffmpeg -i NAME NAME-%04d.png"),
    "MOV": (media(b"qt  "), "a film", "ffmpeg"),
    "MOV without brands": (b"\0\0\0\x08wide\0\0\1\0mdat" + bytes(60), "a film", "ffmpeg"),
    "WebM": (b"\x1a\x45\xdf\xa3" + bytes(60), "a film (Matroska or WebM)", "ffmpeg"),
    "AVI": (b"RIFF\0\0\1\0AVI LIST" + bytes(60), "a film (AVI)", "ffmpeg"),
    "M4A": (media(b"M4A "), "a sound file", "convcli signal"),
    "WAV": (b"RIFF\0\0\1\0WAVEfmt " + bytes(60), "a sound file (WAV)", "convcli signal"),
    "MP3": (b"ID3\4\0" + bytes(60), "a sound file (MP3)", "ffmpeg -i NAME.mp3 NAME.wav"),
    "HTML": (b"\r\n<!DOCTYPE html>\n<html><body>404</body>", "an HTML page", "fetch the image"),
    "HTML with a mark": (b"\xef\xbb\xbf<html>", "an HTML page", "error message"),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "an XML document", "error"),
    "JSON": (b'{"error": "not found"}', "JSON", "error message"),
    "zip": (zipped(), "a zip archive", "unpack it"),
    "gzip": (b"\x1f\x8b\x08" + bytes(60), "a gzip file", "gunzip NAME.gz"),
    "tar": (b"a.png".ljust(257, b"\0") + b"ustar\0" + bytes(200), "a tar archive", "unpack it"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS", "git lfs pull"),
    "base64": (b"/9j/4AAQSkZJRgABAQAAAQ", "written as text (base64)", "base64 -d"),
    "CZI": (b"ZISRAWFILE" + bytes(60), "a Zeiss CZI image", "bfconvert NAME.czi NAME.ome.tif"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(60), "an HDF5 or netCDF file", "h5py"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "what", "way"), KINDS.values(), ids=KINDS)
def test_a_file_that_is_not_read_is_told_in_one_line(data, what, way, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    said = call("apply", "box", path, "-o", tmp_path / "r.png")
    assert (said.status, len(said.lines)) == (1, 1)
    assert what in said.err
    assert way in said.err
    assert "damaged" not in said.err


@pytest.mark.parametrize("data", [b"hello, world\n", "späte Blüte".encode(), b"1,2,3\n4,5,6\n"])
def test_text_is_told_as_such(data):
    with pytest.raises(ImageError, match=r"not an image in a known format \(PNG.*\): it is text"):
        recognise(data)


@pytest.mark.parametrize("data", [bytes(600), b"\xff" * 600, bytes(range(1, 200))])
def test_what_nobody_knows_is_not_guessed_at(data):
    with pytest.raises(ImageError, match=r"not an image in a known format \([^)]*\)$"):
        recognise(data)


def test_a_table_of_kinds_is_true():
    assert not {*LEFT_OUT} & {*SUFFIXES}
    assert len(LEFT_OUT) == sum(len(kind.suffixes) for kind in FOREIGN)
    assert {*LEFT_OUT} >= SHARED
    assert all(place + len(word) <= ENOUGH for kind in FOREIGN for place, word in kind.magic)
    for suffix in (".exr", ".hdr", ".psd", ".psb", ".xcf", ".dng", ".nef", ".cr2", ".cr3", ".arw",
                   ".raf", ".orf", ".rw2", ".pef", ".fits", ".fit", ".dcm", ".tga", ".qoi", ".ico",
                   ".svg", ".pdf", ".ai", ".eps"):  # fmt: skip
        assert suffix in LEFT_OUT


@pytest.mark.skipif(shutil.which("gdal_translate") is None, reason="gdal-bin is not installed")
def test_the_command_for_fits_works(tmp_path):
    (tmp_path / "NAME.fits").write_bytes(fits())
    command = LEFT_OUT[".fits"].way.partition("as with: ")[2].split()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    if b"FITS" in done.stderr:
        pytest.skip("this GDAL has no FITS")
    assert call("apply", "box", tmp_path / "NAME.tif", "-o", tmp_path / "r.tif").status == 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make a folder of two photographs."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "in"
    path.mkdir()
    for k in (1, 2):
        Pillow.fromarray(PIXELS).save(path / f"{k}.JPG", "JPEG")
    return path


def fill(folder, *names):
    for name in names:
        (folder / name).write_bytes(KINDS["EXR"][0])


def test_pictures_of_a_folder_that_are_not_read_are_counted(folder):
    fill(folder, "a.EXR", "b.exr", "notes.txt", "film.mov", ".hidden.exr")
    said = call("apply", "sharpen", "in", "-o", "out")
    assert said.status == 0
    assert said.lines[-1].startswith("2 done, 2 left out: .EXR can't be read; in ")
    assert len(said.lines) == 3


def test_several_kinds_are_counted_each(folder):
    fill(folder, "a.psd", "b.psd", "c.dng", "d.NEF")
    said = call("apply", "sharpen", "in", "-o", "out", "--quiet")
    assert (said.status, said.err) == (0, "")
    said = call("apply", "sharpen", "in", "-o", "again")
    assert "2 done, 4 left out: .psd (2), .dng and .NEF can't be read; in " in said.err


def test_one_image_beside_them_has_its_report(folder):
    fill(folder, "a.psd")
    (folder / "2.JPG").unlink()
    said = call("apply", "sharpen", "in", "-o", "out")
    assert said.lines[1].startswith("  image ")
    assert said.lines[-1].startswith("1 done, 1 left out: .psd can't be read")


def test_each_is_told_by_verbose_and_json(folder):
    fill(folder, "a.psd", "b.cr3")
    said = call("apply", "sharpen", "in", "-o", "out", "--verbose")
    assert "in/b.cr3: left out, .cr3 can't be read: develop it first" in said.err
    said = call("apply", "sharpen", "in", "-o", "again", "--json")
    found = {each["source"]: each for each in map(json.loads, said.out.splitlines())}
    assert {source: each["status"] for source, each in found.items()} == {
        "in/1.JPG": "done", "in/2.JPG": "done", "in/a.psd": "left out", "in/b.cr3": "left out",
    }  # fmt: skip
    assert found["in/a.psd"]["notes"][0].startswith(".psd can't be read: ")
    assert found["in/a.psd"].keys() == found["in/1.JPG"].keys()
    assert said.err == ""


def test_a_dry_run_counts_them_too(folder):
    fill(folder, "a.psd")
    said = call("apply", "sharpen", "in", "-o", "out", "--dry-run")
    assert said.lines[-1].startswith("2 planned, 1 left out: .psd")


def test_patterns_and_folders_choose_among_them(folder):
    (folder / "deep").mkdir()
    fill(folder, "a.psd", "b.exr", "deep/c.psd")
    said = call("apply", "sharpen", "in", "-o", "out", "--exclude", "*.exr")
    assert "1 left out: .psd" in said.err
    said = call("apply", "sharpen", "in", "-o", "again", "--recursive")
    assert "3 left out: .psd (2) and .exr" in said.err


def test_a_folder_of_nothing_else_fails_and_says_so(folder):
    fill(folder, "a.psd")
    for k in (1, 2):
        (folder / f"{k}.JPG").unlink()
    said = call("apply", "sharpen", "in", "-o", "out")
    assert said.status == 1
    assert "in: no images that can be read in this folder" in said.lines[0]
    assert said.lines[-1].startswith("0 done, 1 failed, 1 left out: .psd can't be read")


def test_one_that_is_named_is_an_error(folder):
    fill(folder, "a.exr")
    said = call("apply", "sharpen", "in/a.exr", "in/1.JPG", "-o", "out")
    assert said.status == 1
    assert "in/a.exr: this is an OpenEXR image" in said.err
    assert "left out" not in said.err


def test_endings_of_several_kinds_are_counted_by_content(folder):
    """ENVI's headers end in .hdr, activities of watches in .fit."""
    (folder / "landsat.hdr").write_text("ENVI\nsamples = 8\n")
    (folder / "ride.fit").write_bytes(b"\x0e\x10\x43\x08" + b"\0\0\0\0.FIT" + bytes(99))
    (folder / "room.hdr").write_bytes(KINDS["HDR"][0])
    (folder / "m31.fit").write_bytes(fits())
    said = call("apply", "sharpen", "in", "-o", "out")
    assert "2 left out: .fit and .hdr can't be read" in said.err


def test_search_counts_them_too(folder):
    fill(folder, "a.psd")
    Pillow.fromarray(PIXELS[2:6, 2:6]).save("patch.png")
    said = call("find", "patch.png", "in", "--min", "0.1")
    assert said.lines[-1].startswith("found in 2 of 2 images, 1 left out: .psd can't be read")
    said = call("find", "patch.png", "in", "--json", "-o", "marks")
    assert [json.loads(line)["status"] for line in said.out.splitlines()][-1] == "left out"


def test_banks_count_them_too(folder):
    fill(folder, "a.psd")
    said = call("apply", "--bank", "sobel-x,sobel-y", "in", "-o", "maps")
    assert said.status == 0, said.err
    assert said.lines[-1].startswith("2 done, 1 left out: .psd can't be read")
    said = call("apply", "--bank", "sobel-x,sobel-y", "in", "-o", "more", "--json")
    assert [json.loads(line)["status"] for line in said.out.splitlines()][-1] == "left out"


@pytest.mark.parametrize(
    "name",
    ["a.apng", "a.jxl", "a.jpx", "a.j2c", "a.jpc", "a.tf8", "a.btf", "a.pnm", "a.pam", "a.mpo",
     "a.jfif", "a.AVIFS", "a.gtiff", "a.lsm"],
)  # fmt: skip
def test_what_can_be_read_is_found(folder, name):
    (folder / name).write_bytes(b"nothing")
    said = call("apply", "sharpen", "in", "-o", "out", "--dry-run", "--json")
    assert f"in/{name}" in [json.loads(line)["source"] for line in said.out.splitlines()]


MANY = {
    "png": lambda image: encode(image, "PNG"),
    "gif": lambda image: encode(image, "GIF"),
    "webp": lambda image: encode(image, "WEBP"),
    "bmp": lambda image: encode(image, "BMP"),
    "avif": lambda image: encode(image, "AVIF"),
    "animation.png": lambda image: encode(Frames.of([image, image], 50), "PNG"),
    "animation.gif": lambda image: encode(Frames.of([image, image], 50), "GIF"),
    "animation.webp": lambda image: encode(Frames.of([image, image], 50), "WEBP"),
}


@pytest.mark.parametrize("kind", MANY)
def test_files_behind_a_file_are_told(kind, tmp_path):
    """As other programs send images through a pipe."""
    image = Image(PIXELS)
    data = MANY[kind](image)
    for times in (1, 3):
        (tmp_path / "a").write_bytes(data * times)
        said = call("apply", "box", tmp_path / "a", "-o", tmp_path / "r.png", "--overwrite")
        assert said.status == 0, said.err
        assert ("only the first of 3 images in the file was read" in said.err) == (times == 3)
        seen = call("apply", "box", "-", "-o", "-", stdin=data * times).data
        assert seen[:4] == data[:4]
    assert following(data + b"\0" * 30, kind.upper()) == ()


def test_fifty_failures_of_one_cause_are_a_line_and_a_count(folder):
    fill(folder, *(f"b{k:02}.png" for k in range(50)))
    (folder / "cut.png").write_bytes(by_pillow("PNG")[:60])
    said = call("apply", "sharpen", "in", "-o", "out")
    failed = [line for line in said.lines if line.startswith("convcli:")]
    assert len(failed) == 3
    first = failed[0].split()[1].rstrip(":")
    assert "an OpenEXR image" in failed[0]
    assert failed[2] == f"convcli: and 49 more failed like {first} (--verbose or --json names each)"
    assert said.lines[-1].startswith("2 done, 51 failed in")
    said = call("apply", "sharpen", "in", "-o", "again", "--verbose")
    assert said.err.count("an OpenEXR image") == 50
    said = call("apply", "sharpen", "in", "-o", "more", "--json")
    assert sum("OpenEXR" in line for line in said.out.splitlines()) == 50
    assert len(said.lines) == 3


def test_a_few_failures_are_each_named():
    failures = Failures()
    lines = [failures.add(f"{k}.png: cut short: {k} bytes of 99", f"{k}.png") for k in range(4)]
    assert lines == ["0.png: cut short: 0 bytes of 99", "", "", ""]
    assert failures.rest() == [f"{k}.png: cut short: {k} bytes of 99" for k in (1, 2, 3)]
    assert failures.rest() == []


def test_results_that_exist_are_one_cause(folder):
    for k in range(3, 14):
        Pillow.fromarray(PIXELS).save(folder / f"{k}.JPG", "JPEG")
    assert call("apply", "sharpen", "in", "-o", "out").status == 0
    said = call("apply", "sharpen", "in", "-o", "out")
    assert len(said.lines) == 3
    assert "and 12 more failed like in/" in said.lines[1]
