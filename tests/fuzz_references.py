"""Other programs' decoders, to compare the pixels of damaged files that are read."""

from __future__ import annotations

import io
import re
import warnings

import imagecodecs
import numpy as np
from fuzz_gif import decode_gif
from PIL import Image as Pillow

from convcli.image.orientation import turn

#: Any depth, any number of channels, not turned.
_AS_STORED = -1 | 128


def _pillow(data):
    with Pillow.open(io.BytesIO(data)) as opened:
        if opened.mode in ("P", "PA") or "transparency" in opened.info:
            clear = "transparency" in opened.info or opened.mode == "PA"
            opened = opened.convert("RGBA" if clear else "RGB")
        return np.array(opened)


def _opencv(data):
    import cv2

    found = cv2.imdecode(np.frombuffer(data, np.uint8), _AS_STORED)
    if found is None:
        raise ValueError("no image")
    if found.ndim == 3:
        found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    return found


def _gif(data):
    """The first image where it belongs, on white; the rest of the screen may be anything."""
    (left, top), colours = decode_gif(data)
    if left or top:
        raise ValueError("not in the corner")
    return colours


def _avif(data):
    """Never with an index: imagecodecs 2026.3.6 then writes beyond the end of its memory."""
    found = imagecodecs.avif_decode(data)
    with Pillow.open(io.BytesIO(data)) as opened:
        return found[0] if opened.n_frames > 1 else found


def _first(decode):
    return lambda data: decode(data, index=0)


def _npy(data):
    return np.load(io.BytesIO(data), allow_pickle=False)


REFERENCES = {
    "png": {"libpng": imagecodecs.png_decode, "Pillow": _pillow},
    "jpeg": {"Pillow": _pillow, "OpenCV": _opencv},
    "tiff": {"libtiff": _first(imagecodecs.tiff_decode), "Pillow": _pillow, "OpenCV": _opencv},
    "bmp": {"OpenCV": _opencv, "imagecodecs": imagecodecs.bmp_decode},
    "pnm": {"Pillow": _pillow, "OpenCV": _opencv},
    "gif": {"strict": _gif, "giflib": _first(imagecodecs.gif_decode)},
    "webp": {"libwebp": _first(imagecodecs.webp_decode)},
    "avif": {"libavif": _avif},
    "jp2": {"OpenJPEG": imagecodecs.jpeg2k_decode},
    "jxl": {"libjxl": lambda data: imagecodecs.jpegxl_decode(data, index=0)},
    "npy": {"NumPy": _npy},
}


def compare(group, data, pixels):
    """What other decoders say; '' if one of them sees the same pixels."""
    said = []
    if group == "jpeg" and pixels.dtype != np.uint8:
        return ""  # Nobody else reads these.
    for name, decode in REFERENCES[group].items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = np.asarray(decode(data))
        except Exception as error:
            reason = re.sub(r"<_io.*?>", "it", " ".join(str(error).split()))
            said.append(f"{name} refuses: {reason[:70]}")
            continue
        if alike(pixels, expected):
            return ""
        said.append(f"{name} sees {expected.dtype} {expected.shape}")
    return f"{pixels.dtype} {pixels.shape}; {'; '.join(said)}"


def alike(ours, theirs):
    """Whether two decoders see the same, whichever way up, however scaled, with alpha or not."""
    ours, theirs = _plain(ours), _plain(theirs)
    for orientation in range(1, 9):
        turned = turn(theirs, orientation)
        if turned.shape[:2] != ours.shape[:2]:
            continue
        for one, other in ((ours, turned), (_colour(ours), _colour(turned))):
            if one.shape == other.shape and _same(one, other):
                return True
    return False


def _same(one, other):
    """Whether samples are equal, or are once bits are shifted, inverted or scaled."""
    if one.dtype.kind == "f" or other.dtype.kind == "f":
        return np.array_equal(one, other.astype(one.dtype, copy=False), equal_nan=True)
    full = np.iinfo(one.dtype).max
    if np.allclose(one / full, other / np.iinfo(other.dtype).max, atol=1.5 / 255):
        return True
    if np.array_equal(one, other) or np.array_equal(full - one, other):
        return True
    if any(np.array_equal(one >> k, other) for k in range(1, 8 * one.itemsize)):
        return True
    most = max(int(other.max()), 1)
    return full % most == 0 and np.array_equal(one, other.astype(int) * (full // most))


def _plain(pixels):
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * 255
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _colour(pixels):
    """Three channels of what may be gray, without alpha."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    count = pixels.shape[2]
    return np.repeat(pixels[..., :1], 3, axis=2) if count == 2 else pixels[..., :3]
