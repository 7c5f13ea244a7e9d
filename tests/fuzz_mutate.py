"""Ways to damage files and texts: without knowing what they are, and knowing how they are built."""

from __future__ import annotations

import struct
import zlib

#: Numbers at which things go wrong.
# fmt: off
EDGES = (
    0, 1, 2, 3, 7, 8, 15, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1,
    2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
)
# fmt: on
# fmt: off
#: TIFF tags that say where pixels are and what they mean, and some that point elsewhere.
_TAGS = (
    254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325,
    338, 339, 347, 530, 532, 700, 34675, 34665, 34853, 270, 42112, 50838,
)
# fmt: on
_FORMS = ("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")


# Without knowing


def flip(data, rng, others):
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def set_bytes(data, rng, others):
    reach = rng.choice((64, 256, len(data)))
    for _ in range(rng.choice((1, 2, 4))):
        data[rng.randrange(min(reach, len(data)))] = rng.choice((0, 1, 127, 128, 255, *data[:9]))
    return data


def edge_number(data, rng, others):
    form = rng.choice(_FORMS)
    size = struct.calcsize(form)
    most = 256**size
    value = rng.choice((*EDGES, len(data), len(data) - 1, len(data) + 1)) % most
    at = rng.randrange(max(1, min(rng.choice((64, 300, len(data))), len(data) - size)))
    data[at : at + size] = struct.pack(form, value)
    return data


def add_number(data, rng, others):
    """A number a little or a lot more or less than it was."""
    form = rng.choice(_FORMS)
    size = struct.calcsize(form)
    if len(data) <= size:
        return data
    at = rng.randrange(min(rng.choice((64, 300, len(data))), len(data) - size))
    (value,) = struct.unpack_from(form, data, at)
    step = rng.choice((1, -1, 2, -2, 8, -8, 256, -256, value, -value // 2))
    struct.pack_into(form, data, at, (value + step) % 256**size)
    return data


def run(data, rng, others):
    at, size = _stretch(data, rng)
    fill = rng.choice((0, 255, rng.randrange(256)))
    data[at : at + size] = bytes([fill]) * len(data[at : at + size])
    return data


def cut(data, rng, others):
    return data[: rng.randrange(len(data))]


def remove(data, rng, others):
    at, size = _stretch(data, rng)
    del data[at : at + size]
    return data


def repeat(data, rng, others):
    at, size = _stretch(data, rng)
    data[at:at] = data[at : at + size] * rng.choice((1, 1, 2, 20))
    return data


def insert(data, rng, others):
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 4, 100)))
    return data


def swap(data, rng, others):
    (a, size), (b, _) = _stretch(data, rng), _stretch(data, rng)
    data[a : a + size], data[b : b + size] = data[b : b + size], data[a : a + size]
    return data


def splice(data, rng, others):
    other = rng.choice(others)
    return data[: rng.randrange(len(data))] + other[rng.randrange(len(other)) :]


def transplant(data, rng, others):
    other = rng.choice(others)
    at, size = _stretch(other, rng)
    place = rng.randrange(len(data))
    data[place : place + size] = other[at : at + size]
    return data


def append(data, rng, others):
    return data + rng.choice((rng.randbytes(50), bytes(5000), rng.choice(others)))


def _stretch(data, rng):
    size = rng.choice((1, 2, 4, 8, 16, 64, max(1, len(data) // 4)))
    return rng.randrange(max(1, len(data))), size


# fmt: off
BLIND = (
    flip, set_bytes, edge_number, add_number, run, cut, remove, repeat, insert, swap, splice,
    transplant, append,
)
# fmt: on


# Parts that a file is a list of


def shuffled(parts, rng, others):
    """Drop, repeat, swap, borrow or damage some of the parts; None for a damaged size."""
    place = rng.randrange(len(parts))
    way = rng.choice(("drop", "repeat", "swap", "borrow", "damage", "damage", "empty"))
    if way == "drop":
        del parts[place]
    elif way == "repeat":
        parts[place:place] = [parts[place]] * rng.choice((1, 1, 3))
    elif way == "swap":
        other = rng.randrange(len(parts))
        parts[place], parts[other] = parts[other], parts[place]
    elif way == "borrow" and others:
        parts.insert(place, rng.choice(rng.choice(others)))
    elif way == "empty":
        parts[place] = (parts[place][0], b"")
    elif parts[place][1]:
        content = bytearray(parts[place][1])
        content = rng.choice(BLIND[:9])(content, rng, [content])
        parts[place] = (parts[place][0], bytes(content))
    return parts


def png_parts(data):
    at, parts = 8, []
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        parts.append((bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : at + 8 + size])))
        at += 12 + size
    return parts


def png_whole(parts):
    chunks = (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )
    return bytearray(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def png(data, rng, others):
    """Change chunks, with checksums that are right."""
    parts = png_parts(data)
    if not parts:
        return data
    if rng.random() < 0.4:
        parts = _png_rows(parts, rng)
    else:
        parts = shuffled(parts, rng, [png_parts(other) or parts for other in others[:3]])
    return png_whole(parts)


def _png_rows(parts, rng):
    """Change what is compressed: rows are missing, too many, or of no filter there is."""
    packed = b"".join(content for name, content in parts if name == b"IDAT")
    try:
        rows = bytearray(zlib.decompress(packed))
    except zlib.error:
        return parts
    way = rng.choice(("fewer", "more", "damage", "checksum", "end", "after", "split"))
    if way == "fewer":
        rows = rows[: rng.randrange(len(rows) + 1)]
    elif way == "more":
        rows += bytes(rng.choice((1, 100, 100_000)))
    elif way == "damage" and rows:
        rows[rng.randrange(len(rows))] = rng.randrange(256)
    packed = bytearray(zlib.compress(rows))
    if way == "checksum":
        packed[-1 - rng.randrange(4)] ^= 1 << rng.randrange(8)
    elif way == "end":
        packed = packed[: -rng.randrange(1, 9)]
    elif way == "after":
        packed += b"more"
    place = rng.randrange(len(packed)) if way == "split" else len(packed)
    pieces = [(b"IDAT", bytes(packed[:place])), (b"IDAT", bytes(packed[place:]))]
    kept = [part for part in parts if part[0] != b"IDAT"]
    at = next((n for n, part in enumerate(kept) if part[0] == b"IEND"), len(kept))
    if way == "split" and rng.random() < 0.3:
        pieces.insert(1, (b"tEXt", b"Comment\0between"))
    kept[at:at] = pieces if way == "split" else pieces[:1]
    return kept


def jpeg_parts(data):
    """(marker, content) of segments; the pixels and all that follows are the last one's."""
    at, parts = 2, []
    while at + 4 <= len(data) and data[at] == 0xFF:
        (size,) = struct.unpack_from(">H", data, at + 2)
        end = len(data) if data[at + 1] == 0xDA else at + 2 + size
        start = at + 2 if data[at + 1] == 0xDA else at + 4
        parts.append((data[at + 1], bytes(data[start:end])))
        at = end
    return parts


def jpeg(data, rng, others):
    """Change segments, with sizes that are right; or the coded pixels, with an end."""
    parts = jpeg_parts(data)
    if not parts:
        return data
    if rng.random() < 0.3:
        marker, content = parts[-1]
        content = bytearray(content)
        at = rng.randrange(max(1, len(content) - 2))
        way = rng.choice(("cut", "marker", "flip"))
        if way == "cut":
            content = content[:at] + b"\xff\xd9"
        elif way == "marker":
            content[at:at] = bytes((0xFF, rng.choice((0xD0, 0xD3, 0xD9, 0xC4, 0xDA, 0xE0, 0x01))))
        else:
            content = flip(content or bytearray(b"\0"), rng, others)
        parts[-1] = (marker, bytes(content))
    else:
        parts = shuffled(parts, rng, [jpeg_parts(other) or parts for other in others[:3]])
    return bytearray(b"\xff\xd8" + b"".join(map(_segment, parts)))


def _segment(part):
    marker, content = part
    size = b"" if marker == 0xDA else struct.pack(">H", min(len(content) + 2, 65535))
    return bytes((0xFF, marker)) + size + content


def tiff(data, rng, others):
    """Change an entry of the first directory; or where there are directories."""
    order = ">" if data[:2] == b"MM" else "<"
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
        if not 0 < count < 500:
            return data
        first, size = (at + 8, 20) if big else (at + 2, 12)
        entry = first + size * rng.randrange(count)
        _entry(data, entry, order, big, rng)
        if rng.random() < 0.1:
            link = rng.choice((at, 0, 8, len(data), 2**32 - 1))
            struct.pack_into(order + "I", data, first + size * count, link)
    except (struct.error, OverflowError):
        pass
    return data


def _entry(data, at, order, big, rng):
    way = rng.choice(("tag", "type", "count", "value", "value", "value", "small"))
    wide = order + ("Q" if big else "I")
    value = rng.choice((*EDGES, len(data), at))
    if way == "tag":
        struct.pack_into(order + "H", data, at, rng.choice(_TAGS))
    elif way == "type":
        struct.pack_into(order + "H", data, at + 2, rng.choice((*range(20), 255, 65535)))
    elif way == "count":
        struct.pack_into(wide, data, at + 4, value % 2**32)
    elif way == "value":
        struct.pack_into(wide, data, at + (12 if big else 8), value % 2**32)
    else:
        small = rng.choice((*range(12), 16, 32, 64, 32773, 32946, 34712, 34892, 50000, 50001))
        struct.pack_into(order + "H", data, at + (12 if big else 8), small)


def riff_parts(data):
    at, parts = 12, []
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        parts.append((bytes(data[at : at + 4]), bytes(data[at + 8 : at + 8 + size])))
        at += 8 + size + size % 2
    return parts


def riff(data, rng, others):
    """Change chunks, with sizes that are right."""
    parts = riff_parts(data)
    if not parts:
        return data
    parts = shuffled(parts, rng, [riff_parts(other) or parts for other in others[:3]])
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for name, content in parts
    )
    return bytearray(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)


def box_parts(data):
    at, parts = 0, []
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        end = len(data) if size < 8 else at + size
        parts.append((bytes(data[at + 4 : at + 8]), bytes(data[at + 8 : end])))
        at = end
    return parts


def box(data, rng, others, deep=0):
    """Change boxes, or those in a box, with sizes that are right."""
    parts = box_parts(data)
    if not parts:
        return data
    inner = [
        n
        for n, (name, _) in enumerate(parts)
        if name in (b"meta", b"iprp", b"ipco", b"jp2h", b"moov", b"trak", b"iinf")
    ]
    if inner and rng.random() < 0.7 and deep < 4:
        place = rng.choice(inner)
        name, content = parts[place]
        skip = {b"meta": 4, b"iinf": 6}.get(name, 0)
        changed = box(bytearray(content[skip:]), rng, [content[skip:]], deep + 1)
        parts[place] = (name, content[:skip] + bytes(changed))
    else:
        parts = shuffled(parts, rng, [box_parts(other) or parts for other in others[:3]])
    whole = b"".join(
        struct.pack(">I", len(content) + 8) + name + content for name, content in parts
    )
    return bytearray(whole)


KNOWING = {
    "png": png,
    "jpeg": jpeg,
    "tiff": tiff,
    "webp": riff,
    "avif": box,
    "jp2": box,
    "jxl": box,
}


def damaged(data, rng, group, others):
    """A file's bytes, damaged in one way or several; others are more files of its group."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if not changed:
            break
        knowing = KNOWING.get(group)
        way = knowing if knowing and rng.random() < 0.5 else rng.choice(BLIND)
        changed = way(changed, rng, others)
    return bytes(changed)
