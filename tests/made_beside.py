"""Files that hold much beside their pixels, made for tests."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

RDF = b"http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"


def ramp(rows=48, cols=64):
    y, x = np.mgrid[:rows, :cols]
    return np.stack((x * 3, y * 4, x + y), axis=2).astype(np.uint8)


def coded(format="JPEG", pixels=None, **options):
    target = io.BytesIO()
    Pillow.fromarray(ramp() if pixels is None else pixels).save(target, format, **options)
    return target.getvalue()


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(*segments, behind=b"", file=None):
    """Return a JPEG file with segments right behind its beginning: (marker, content)."""
    file = coded(quality=90) if file is None else file
    return file[:2] + b"".join(segment(*each) for each in segments) + file[2:] + behind


def packet(properties, spaces, inside=b""):
    declared = b"".join(b' xmlns:%s="%s"' % each for each in spaces.items())
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="' + RDF + b'"><rdf:Description '
        b'rdf:about=""' + declared + b" " + properties + b">" + inside + b"</rdf:Description>"
        b"</rdf:RDF></x:xmpmeta>"
    )


def chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def with_chunks(*chunks, file=None):
    """Return a PNG file with chunks right behind its header: (name, content)."""
    file = coded("PNG") if file is None else file
    return file[:33] + b"".join(chunk(*each) for each in chunks) + file[33:]


def chunks_of(file):
    found, at = [], 8
    while at < len(file):
        (size,) = struct.unpack_from(">I", file, at)
        found.append((file[at + 4 : at + 8], file[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def segments_of(file):
    found, at = [], 2
    while file[at + 1] != 0xDA:
        (size,) = struct.unpack_from(">H", file, at + 2)
        found.append((file[at + 1], file[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def resource(number, content):
    head = b"8BIM" + struct.pack(">HHI", number, 0, len(content))
    return head + content + bytes(len(content) % 2)


def iptc(**fields):
    numbers = {"caption": 120, "author": 80, "keyword": 25}
    parts = [
        struct.pack(">BBBH", 28, 2, numbers[name], len(value)) + value.encode()
        for name, value in fields.items()
    ]
    return b"".join(parts)


def program(name):
    """Return a program's path, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} isn't installed")
    return found


def said(name, *arguments, file=None):
    """Return what a program prints."""
    whole = [program(name), *map(str, arguments), *([str(file)] if file else [])]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60).stdout
