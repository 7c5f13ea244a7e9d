"""Sound in WAV files: read and written as samples.

The format: Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991;
WAVE_FORMAT_EXTENSIBLE: Microsoft, "Multiple channel audio data and WAVE files".
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import UsageError
from convcli.record import record

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
#: Bits of a sample by kind, and the type that holds them; 24 bits are three bytes of an int32.
_TYPES = {
    (_PCM, 8): "u1",
    (_PCM, 16): "<i2",
    (_PCM, 24): "<i4",
    (_PCM, 32): "<i4",
    (_FLOAT, 32): "<f4",
    (_FLOAT, 64): "<f8",
}
#: Sizes of 4 GB are written so where a program didn't know the size when it began.
_UNKNOWN = 0xFFFFFFFF
_MOST = 2**32 - 2**12


@record
class WavFormat:
    """What a WAV file says of its samples.

    Parameters
    ----------
    rate
        Samples a second.
    bits
        Of a sample: 8, 16, 24 or 32 of integers, 32 or 64 of floats.
    is_float
        Whether they are floats, full at 1; else integers.
    """

    rate: int
    bits: int
    is_float: bool

    @property
    def full(self) -> int:
        """A full sample, as an integer."""
        return 1 if self.is_float else 2 ** (self.bits - 1)


def decode(data: bytes) -> tuple[NDArray[Any], WavFormat, tuple[str, ...]]:
    """Read a WAV file.

    Returns
    -------
    ndarray of shape (samples, channels)
        int64 (8-bit samples around 0, too), or float64.
    WavFormat
        What they are.
    tuple of str
        Names of the chunks that hold something else.

    Raises
    ------
    UsageError
        If it isn't one, is cut off, or holds compressed samples.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise UsageError("it is not a WAV file: it doesn't begin with RIFF … WAVE")
    found: dict[bytes, bytes] = {}
    others, at = [], 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"data" and size == _UNKNOWN:
            size = len(body)
        if len(body) < size:
            raise UsageError(
                f"it is cut off: {name.decode('latin-1')!r} has {len(body):,} of {size:,} bytes"
            )
        if name in (b"fmt ", b"data"):
            found.setdefault(name, body)
        elif name not in (b"fact", b"JUNK", b"PAD "):
            others.append(name.decode("latin-1").strip())
        at += 8 + size + size % 2
    if len(found.get(b"fmt ", b"")) < 16 or b"data" not in found:
        raise UsageError("it has no samples: expected the chunks 'fmt ' and 'data'")
    return (*_samples(found[b"fmt "], found[b"data"]), tuple(dict.fromkeys(others)))


def _samples(header: bytes, data: bytes) -> tuple[NDArray[Any], WavFormat]:
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", header[:16])
    if kind == _EXTENSIBLE and len(header) >= 26:
        (kind,) = struct.unpack("<H", header[24:26])
    if (kind, bits) not in _TYPES or not channels or not rate:
        raise UsageError(
            f"its samples are of format {kind} with {bits} bits; expected integers of 8, 16, 24 "
            f"or 32 bits, or floats of 32 or 64"
        )
    count = len(data) // (channels * bits // 8)
    if not count:
        raise UsageError("it has no samples")
    raw = np.frombuffer(data, np.uint8, count * channels * bits // 8)
    if bits == 24:
        wide = np.zeros((count * channels, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        values = (wide.view("<i4")[:, 0] >> 8).astype(np.int64)
    else:
        values = raw.view(_TYPES[kind, bits]).astype(np.float64 if kind == _FLOAT else np.int64)
    if bits == 8:
        values -= 128
    return values.reshape(count, channels), WavFormat(rate, bits, kind == _FLOAT)


def encode(samples: NDArray[Any], form: WavFormat) -> bytes:
    """Return a WAV file.

    Parameters
    ----------
    samples
        (samples,) or (samples, channels), in the format's range.
    form
        What they are written as.

    Raises
    ------
    UsageError
        If there are so many that the format's sizes don't hold them.
    """
    flat = samples.reshape(len(samples), -1)
    if form.bits == 24:
        wide = np.ascontiguousarray(flat, "<i4").reshape(-1, 1).view(np.uint8)
        body = wide[:, :3].tobytes()
    else:
        kind = _FLOAT if form.is_float else _PCM
        shifted = flat + 128 if form.bits == 8 else flat
        body = np.ascontiguousarray(shifted, _TYPES[kind, form.bits]).tobytes()
    if len(body) > _MOST:
        raise UsageError(f"{len(body):,} bytes of samples are too many for WAV; use .npy")
    channels, size = flat.shape[1], form.bits // 8
    header = struct.pack(
        "<HHIIHH",
        _FLOAT if form.is_float else _PCM,
        channels,
        form.rate,
        form.rate * channels * size,
        channels * size,
        form.bits,
    )
    if form.is_float:
        fact = b"fact" + struct.pack("<II", 4, len(flat))
        parts = [b"fmt ", struct.pack("<I", 18), header + bytes(2), fact]
    else:
        parts = [b"fmt ", struct.pack("<I", 16), header]
    parts += [b"data", struct.pack("<I", len(body)), body, bytes(len(body) % 2)]
    whole = b"WAVE" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole
