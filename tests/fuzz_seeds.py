"""Small files of every kind that convcli or another program writes: what the fuzzer starts from."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image as Pillow
from PIL import ImageCms

from convcli.image.files import encode
from convcli.image.frames import Frames
from convcli.image.image import Image, Meta

DATA = Path(__file__).parent / "data"
SIZE = 20, 27
DPI = (300.0, 150.0)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF tiff:Orientation="3"/></x:xmpmeta>'
TEXT = (("Author", "Ada"), ("Comment", "made of light"), ("Title", "λ"))


def image(channels=3, depth="uint8"):
    """Slopes with a little noise: both are seen when a decoder goes astray."""
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    planes = np.stack([y * 9, x * 8, (x + y) * 5, 255 - x * 4, 255 - y * 3], axis=2)[..., :channels]
    planes = planes + np.random.default_rng(3).integers(0, 12, planes.shape)
    planes = planes.clip(0, 255)
    if depth == "bool":
        planes = planes > 120
    elif depth == "uint16":
        planes = planes * 257 - planes // 3
    elif depth.startswith("float"):
        planes = planes / 255
    planes = planes.astype(depth)
    return planes[..., 0] if channels == 1 else planes


def exif(orientation=1):
    block = Pillow.Exif()
    block[0x010F] = "Convcli Optics"
    block[0x0112] = orientation
    block.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    block.get_ifd(0x8825)[1] = "N"
    return block.tobytes().removeprefix(b"Exif\0\0")


def meta(orientation=1):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Without the time at which it was made, so that every run has the same cases.
    icc = icc[:24] + bytes(12) + icc[36:]
    return Meta(icc=icc, exif=exif(orientation), xmp=XMP, dpi=DPI, text=TEXT)


def pillow(format, mode="RGB", channels=3, **options):
    target = io.BytesIO()
    Pillow.fromarray(image(channels)).convert(mode).save(target, format, **options)
    return target.getvalue()


def frames(format, **options):
    target = io.BytesIO()
    first = Pillow.fromarray(image())
    others = [Pillow.fromarray(255 - image()), Pillow.new("RGB", first.size, "red")]
    options |= {"save_all": True, "append_images": others, "duration": 40, "loop": 2}
    first.save(target, format, **options)
    return target.getvalue()


def tiff(pixels, **options):
    target = io.BytesIO()
    options = {"metadata": None, "byteorder": "<"} | options
    tifffile.imwrite(target, pixels, **options)
    return target.getvalue()


def array(pixels):
    target = io.BytesIO()
    np.save(target, pixels)
    return target.getvalue()


def suite(*names):
    return {name: (DATA / "pngsuite" / f"{name}.png").read_bytes() for name in names}


def _png():
    files = {f"{n} {d}": encode(Image(image(n, d)), "PNG")
             for n in (1, 2, 3, 4) for d in ("uint8", "uint16")}  # fmt: skip
    files["1 bit"] = encode(Image(image(1, "bool")), "PNG")
    files["beside"] = encode(Image(image(), meta=meta(6)), "PNG")
    files["stored"] = encode(Image(image()), "PNG", compress=0)
    files["frames"] = frames("PNG")
    names = ("basi0g01", "basi2c16", "basi3p04", "basi4a08", "basi6a16", "basn0g02", "basn3p02",
             "basn3p08", "tbbn3p08", "tbwn0g16", "tbrn2c08", "ccwn2c08", "ctzn0g04", "ctjn0g04",
             "exif2c08", "oi9n2c16", "s03i3p01", "s01n3p01", "PngSuite")  # fmt: skip
    return files | suite(*(n for n in names if (DATA / "pngsuite" / f"{n}.png").exists()))


def _jpeg():
    files = {"ours": encode(Image(image(), meta=meta(6)), "JPEG"),
             "ours gray": encode(Image(image(1)), "JPEG", quality=60)}  # fmt: skip
    for sampling in (0, 1, 2):
        files[f"sampling {sampling}"] = pillow("JPEG", subsampling=sampling, quality=80)
    files["progressive"] = pillow("JPEG", progressive=True)
    files["restarts"] = pillow("JPEG", restart_marker_blocks=2)
    files["gray"] = pillow("JPEG", "L")
    files["cmyk"] = pillow("JPEG", "CMYK")
    files["mpo"] = frames("MPO")
    deep = image(3, "uint16")
    files["12 bit"] = bytes(imagecodecs.jpeg8_encode(deep >> 4, level=95, bitspersample=12))
    files["lossless"] = bytes(imagecodecs.jpeg8_encode(deep, lossless=True, bitspersample=16))
    files["lossless 8"] = bytes(imagecodecs.jpeg8_encode(image(1), lossless=True))
    return files


def _tiff():
    depths = ("uint8", "uint16", "float32", "float64")
    files = {f"{n} {d}": encode(Image(image(n, d)), "TIFF")
             for n in (1, 2, 3, 4, 5) for d in depths}  # fmt: skip
    files["beside"] = encode(Image(image(), meta=meta(6)), "TIFF")
    files["1 bit"] = encode(Image(image(1, "bool")), "TIFF")
    files["raw"] = encode(Image(image()), "TIFF", compress=0)
    for name in ("lzw", "zlib", "packbits", "zstd", "lzma", "webp", "jpeg", "deflate", "lerc"):
        for tile in (None, (16, 16)):
            options = {"photometric": "rgb", "compression": name, "rowsperstrip": 8}
            options |= {"tile": tile} if tile else {}
            files[f"{name}{' tiles' if tile else ''}"] = tiff(image(), **options)
    planes = np.moveaxis(image(), 2, 0)
    files["planes"] = tiff(planes, photometric="rgb", planarconfig="separate", compression="zlib")
    files["big"] = tiff(image(), photometric="rgb", bigtiff=True, rowsperstrip=4)
    files["big endian"] = tiff(image(3, "uint16"), photometric="rgb", byteorder=">")
    files["predictor"] = tiff(image(3, "uint16"), photometric="rgb", predictor=2,
                              compression="lzw")  # fmt: skip
    files["float predictor"] = tiff(image(1, "float32"), predictor=3, compression="zlib")
    files["white is zero"] = tiff(image(1), photometric="miniswhite")
    table = np.arange(768, dtype=np.uint16).reshape(3, 256) * 80
    files["palette"] = tiff(image(1), photometric="palette", colormap=table)
    files["pages"] = tiff(np.stack([image(), 255 - image()]), photometric="rgb")
    files["premultiplied"] = tiff(image(4), photometric="rgb", extrasamples=["assocalpha"])
    files["signed"] = tiff(image(1).astype(np.int32))
    for mode in ("1", "P", "CMYK", "RGBA", "YCbCr"):
        files[f"pillow {mode}"] = pillow("TIFF", mode)
    files["pillow group 4"] = pillow("TIFF", "1", compression="group4")
    files["pillow group 3"] = pillow("TIFF", "1", compression="group3")
    files["pillow ycbcr jpeg"] = pillow("TIFF", "YCbCr", compression="jpeg")
    return files


def _bmp():
    files = {mode: pillow("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")}
    files["ours"] = encode(Image(image(), meta=Meta(dpi=DPI)), "BMP")
    # Two rows of four pixels, run-length coded (BI_RLE8), with escapes.
    head = struct.pack("<IiiHHIIiiII", 40, 4, 2, 1, 8, 1, 10, 0, 0, 4, 0)
    body = bytes((4, 2, 0, 0, 0, 4, 1, 2, 3, 0, 0, 1))
    table = bytes(range(16))
    start = 14 + len(head) + len(table)
    size = struct.pack("<IHHI", start + len(body), 0, 0, start)
    files["rle"] = b"BM" + size + head + table + body
    return files


def _pnm():
    files = {
        f"{name} {d}": encode(Image(image(n, d)), name)
        for name, n, d in (
            ("PBM", 1, "bool"), ("PGM", 1, "uint8"), ("PGM", 1, "uint16"), ("PPM", 3, "uint8"),
            ("PPM", 3, "uint16"), ("PFM", 1, "float32"), ("PFM", 3, "float32"),
            ("PAM", 2, "uint8"), ("PAM", 4, "uint16"),
        )
    }  # fmt: skip
    files["P1"] = b"P1 # bits\n3 2\n101\n0 1 0\n"
    files["P2"] = b"P2\n# gray\n3 2 9\n1 2 3\n4 5 6\n"
    # One that is cut within its last number can't be told from a whole one: that has one digit.
    files["P3"] = b"P3 2 2 1000\n" + b" ".join(b"%d" % n for n in range(960, 80, -80)) + b" 7\n"
    files["P5 15"] = b"P5\n3 2\n15\n" + bytes((0, 3, 15, 7, 8, 9))
    files["frames"] = files["PGM uint8"] + files["PPM uint16"] + files["PBM bool"]
    return files


def _gif():
    files = {mode: pillow("GIF", mode) for mode in ("L", "P", "RGB", "1")}
    files["frames"] = frames("GIF")
    clear = image(4)
    clear[..., 3] = 255 * (clear[..., 3] > 128)
    files["ours"] = encode(Image(clear), "GIF")
    files["interlaced"] = pillow("GIF", "P", interlace=1)
    return files


def _webp():
    files = {"lossless": pillow("WEBP", lossless=True), "lossy": pillow("WEBP", quality=70)}
    files["alpha"] = pillow("WEBP", "RGBA", 4, quality=70)
    files["alpha lossless"] = pillow("WEBP", "RGBA", 4, lossless=True)
    files["beside"] = encode(Image(image(), meta=meta(6)), "WEBP")
    files["frames"] = frames("WEBP", lossless=True)
    return files


def _avif():
    files = {"ours": encode(Image(image(), meta=meta(6)), "AVIF"),
             "alpha": encode(Image(image(4)), "AVIF", quality=80)}  # fmt: skip
    for bits in (10, 12):
        deep = image(3, "uint16") >> (16 - bits)
        options = {"level": 90, "bitspersample": bits, "speed": 10}
        files[f"{bits} bit"] = bytes(imagecodecs.avif_encode(deep, **options))
    files["gray"] = encode(Image(image(1)), "AVIF")
    files["frames"] = frames("AVIF")
    deep = np.stack([image(3, "uint16") >> 6] * 3)
    files["deep frames"] = bytes(imagecodecs.avif_encode(deep, bitspersample=10, speed=10))
    return files


def _jp2():
    files = {f"{n} {d}": encode(Image(image(n, d)), "JPEG2000")
             for n in (1, 2, 3, 4) for d in ("uint8", "uint16")}  # fmt: skip
    files["beside"] = encode(Image(image(), meta=meta(6)), "JPEG2000")
    files["lossy"] = encode(Image(image()), "JPEG2000", quality=50)
    files["tiles"] = pillow("JPEG2000", tile_size=(16, 16))
    files["stream"] = bytes(imagecodecs.jpeg2k_encode(image(), level=0, codecformat="j2k"))
    deep = image(1, "uint16") >> 4
    options = {"level": 0, "reversible": True, "bitspersample": 12}
    files["12 bit"] = bytes(imagecodecs.jpeg2k_encode(deep, codecformat="jp2", **options))
    return files


def _jxl():
    files = {f"{n} {d}": encode(Image(image(n, d)), "JPEGXL")
             for n in (1, 2, 3, 4) for d in ("uint8", "uint16")}  # fmt: skip
    files["beside"] = encode(Image(image(), meta=meta(6)), "JPEGXL")
    files["lossy"] = encode(Image(image()), "JPEGXL", quality=50)
    files["float"] = encode(Image(image().astype(np.float32) / 255), "JPEGXL")
    files["frames"] = encode(Frames.of([Image(image()), Image(image()[::-1])], 50), "JPEGXL")
    return files


def _npy():
    depths = ("bool", "uint8", "uint16", "int32", "uint64", "float16", "float32", "float64")
    files = {d: array(image(1, d if d in ("bool", "uint16") else "uint8").astype(d))
             for d in depths}  # fmt: skip
    files["columns"] = array(np.asfortranarray(image(5)))
    files["big endian"] = array(image(3, "uint16").astype(">u2"))
    target = io.BytesIO()
    np.lib.format.write_array(target, image(), version=(2, 0))
    files["version 2"] = target.getvalue()
    return files


def bomb(size=2**20):
    """PNG chunks that are small and unfold to `size` bytes each."""
    folded = zlib.compress(bytes(size), 9)
    return {b"zTXt": b"Comment\0\0" + folded, b"iCCP": b"profile\0\0" + folded,
            b"iTXt": b"Comment\0\1\0\0\0" + folded}  # fmt: skip


_MAKERS = {"png": _png, "jpeg": _jpeg, "tiff": _tiff, "bmp": _bmp, "pnm": _pnm, "gif": _gif,
           "webp": _webp, "avif": _avif, "jp2": _jp2, "jxl": _jxl, "npy": _npy}  # fmt: skip
#: Groups of image formats.
IMAGES = tuple(_MAKERS)
#: Groups of texts.
TEXTS = ("matrix", "notation", "kernel-file")

MATRICES = (
    "0 -1 0; -1 5 -1; 0 -1 0", "[[1,2],[3,4]]/16", "[1 2 1; 2 4 2; 1 2 1] * 1/16", "1/9 1/9 1/9",
    "1e-3 .5 -2.; +4 5e2 6", "[[1, 2], [3, 4]]", "1 2\n3 4\n", "−1 0 1", "[1;2;3]/-6",
)  # fmt: skip
NOTATIONS = (
    "gaussian:2", "gaussian:sigma=2,size=7", "sobel-x", "gabor:sigma=2,theta=30,lambda=4",
    "box:size=5", "motion:size=9,angle=45", "log:sigma=1.5", "frei-chen", "mine.toml#a", "unsharp",
    "disk:radius=3", "dog", "laplacian", "kirsch", "sharpen:amount=2",
)  # fmt: skip
_TOML = """[kernel.soft]
weights = [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
divisor = 16
offset = 1.5
effect = "Blurs."
["two words"]
weights = "1/9 1/9 1/9"
[kernel.across]
column = "1 2 1"
row = [-1, 0, 1]
aliases = ["h"]
mapping = "offset"
[compound.edges]
parts = ["across", "sobel-y"]
combine = "sum-abs"
[compound.shared]
parts = ["across", "soft"]
combine = "share"
share = 1
full_scale = 4
"""


def kernel_files():
    """(suffix, content) of kernel files by name."""
    rows = [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    return {
        "toml": (".toml", _TOML.encode()),
        "toml bare": (".toml", b"weights = [[0.5, 1, 0.5]]\ndivisor = 4\n"),
        "toml text": (".toml", b'weights = """\n1 2\n3 4"""\n'),
        "csv": (".csv", b"0,-1,0\n-1,5,-1\n0,-1,0\n"),
        "csv commas": (".csv", b"0,5;1;0,5\r\n1;2;1\r\n# middle\r\n0,5;1;0,5\r\n"),
        "csv tabs": (".csv", b'\xef\xbb\xbf"1"\t"2"\n3\t4\n'),
        "txt": (".txt", b"# rows\n0 -1 0\n-1  5\t-1\n1e-1 .2 1/3"),
        "mat": (".mat", b"3 3 9 128\n1 1 1\n1 1 1\n1 1 1\n"),
        "mat quoted": (".mat", b'2, 1\n"1", "-1"\n'),
        "json": (".json", json.dumps(rows).encode()),
        "json table": (".json", b'{"name": "a", "weights": [["1/9", 0.5]], "divisor": 3}'),
        "json parts": (".json", b'{"parts": ["sobel-x", "sobel-y"], "combine": "magnitude"}'),
        "npy": (".npy", array(np.array(rows))),
        "npy float": (".npy", array(np.array([0.25, 0.5, 0.25]))),
    }


def images(group):
    """File contents by name, of one group of formats."""
    return _MAKERS[group]()
