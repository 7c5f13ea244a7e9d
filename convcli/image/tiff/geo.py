"""Where a raster lies on the earth, made true of a result whose samples stand elsewhere.

GeoTIFF 1.1 (OGC 19-008r4), sections 7.1 and B.6; RPC 00B in tag 50844 (GeoTIFF extension of 2002);
GDAL's metadata in tag 42112.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcli.image.beside.block import CHANNELS, PIXELS, PLACE, Block
from convcli.image.beside.changes import ADAPTERS, Change
from convcli.image.tiff.elements import elements
from convcli.image.tiff.fields import DOUBLE, TEXT, Field, numbers
from convcli.record import replace

SCALE, TIES, MATRIX, KEYS, REALS, TEXTS = 33550, 33922, 34264, 34735, 34736, 34737
REFERENCE = (SCALE, TIES, MATRIX, KEYS, REALS, TEXTS)
RPC, GDAL = 50844, 42112
_RASTER_TYPE, _POINT = 1025, 2
_TIE, _CORNERS, _RPC_VALUES = 6, 16, 92
#: Places of (rows, cols) among the RPC's numbers: offsets, scales.
_RPC_OFFSETS, _RPC_SCALES = (2, 3), (7, 8)
_STATISTICS, _BAND = 'name="STATISTICS_', ' sample="'


def blocks(found: dict[int, Field], turned: bool) -> list[Block]:
    """Return what a directory says of the place on earth, and beside it in GDAL's words.

    Parameters
    ----------
    found
        Its fields.
    turned
        Whether it is stored lying on its side or upside down: places count stored samples.
    """
    result = []
    reference = tuple(found[tag] for tag in REFERENCE if tag in found)
    if reference:
        content = None if turned else reference
        result.append(
            Block("TIFF georeference", "GeoTIFF georeference", content, frozenset({PLACE}))
        )
    if RPC in found:
        content = None if turned else (found[RPC],)
        result.append(Block("TIFF RPC", "RPC georeference", content, frozenset({PLACE})))
    return result + (_gdal(found[GDAL].text) if GDAL in found else [])


def field_of(blocks: Sequence[Block]) -> Field | None:
    """Return GDAL's metadata, put together again; None if nothing is left."""
    items = [item for block in blocks for item in block.content or ()]
    if not items:
        return None
    text = "<GDALMetadata>\n" + "".join(f"  {item}\n" for item in items) + "</GDALMetadata>\n"
    return Field(GDAL, TEXT, text.encode() + b"\0")


def _gdal(text: str) -> list[Block]:
    """Return GDAL's metadata: of the whole raster, of its bands, of its samples."""
    parts: dict[str, list[str]] = {"": [], CHANNELS: [], PIXELS: []}
    for item in elements(text, "Item"):
        told = PIXELS if _STATISTICS in item.tag else CHANNELS if _BAND in item.tag else ""
        parts[told].append(text[item.start : item.stop])
    named = {"": "GDAL metadata", CHANNELS: "GDAL band metadata", PIXELS: "GDAL statistics"}
    return [
        Block("TIFF GDAL", named[told], tuple(items), frozenset({told} - {""}))
        for told, items in parts.items()
        if items
    ]


def _moved(block: Block, change: Change) -> Block | None:
    """Return a georeference for samples that stand elsewhere."""
    found = {field.tag: field for field in block.content}
    # Rasters of areas count from the corner of the first sample, those of points from its middle.
    half = 0.0 if _is_point(found.get(KEYS)) else 0.5
    rows, cols = (
        (step, origin + half - half * step)
        for step, origin in zip(change.step, change.origin, strict=True)
    )
    try:
        fields = _placed(found, (cols[0], rows[0]), (cols[1], rows[1]))
    except (ValueError, IndexError, ZeroDivisionError):
        return None
    return replace(block, content=tuple(fields[tag] for tag in REFERENCE if tag in fields))


def _placed(
    found: dict[int, Field], step: tuple[float, float], start: tuple[float, float]
) -> dict[int, Field]:
    """Return the fields, where the result's (x, y) stands at start + step · (x, y)."""
    fields, scale, ties = dict(found), found.get(SCALE), found.get(TIES)
    if scale is not None:
        x, y, *rest = scale.values
        fields[SCALE] = numbers(SCALE, DOUBLE, x * step[0], y * step[1], *rest)
    if ties is not None:
        fields[TIES] = numbers(TIES, DOUBLE, *_tied(ties.values, scale, step, start))
    if MATRIX in found:
        values = list(found[MATRIX].values)
        if len(values) != _CORNERS:
            raise ValueError("a matrix has 16 numbers")
        for row in range(0, _CORNERS, 4):
            values[row + 3] += values[row] * start[0] + values[row + 1] * start[1]
            values[row] *= step[0]
            values[row + 1] *= step[1]
        fields[MATRIX] = numbers(MATRIX, DOUBLE, *values)
    return fields


def _tied(
    values: Sequence[float],
    scale: Field | None,
    step: tuple[float, float],
    start: tuple[float, float],
) -> list[float]:
    """Return tie points of the result's samples; the only one stays where it is in the raster."""
    result = list(values)
    if not values or len(values) % _TIE:
        raise ValueError("a tie point has 6 numbers")
    if scale is not None and len(values) == _TIE:
        i, j = values[:2]
        x, y = scale.values[:2]
        result[3] += x * (start[0] + step[0] * i - i)
        result[4] -= y * (start[1] + step[1] * j - j)
        return result
    for place in range(0, len(values), _TIE):
        result[place] = (values[place] - start[0]) / step[0]
        result[place + 1] = (values[place + 1] - start[1]) / step[1]
    return result


def _is_point(keys: Field | None) -> bool:
    """Whether samples are points, as the directory of geo keys says: else they are areas."""
    values = keys.values if keys is not None else ()
    found = (values[k : k + 4] for k in range(4, len(values) - 3, 4))
    return any(key[0] == _RASTER_TYPE and key[3] == _POINT for key in found)


def _rational(block: Block, change: Change) -> Block | None:
    """Return rational polynomials for samples that stand elsewhere; they count from middles."""
    field = block.content[0]
    if field.kind != DOUBLE or len(field.values) != _RPC_VALUES:
        return None
    values = list(field.values)
    for offset, scale, step, origin in zip(
        _RPC_OFFSETS, _RPC_SCALES, change.step, change.origin, strict=True
    ):
        values[offset] = (values[offset] - origin) / step
        values[scale] /= step
    return replace(block, content=(numbers(RPC, DOUBLE, *values),))


ADAPTERS["TIFF georeference"] = _moved
ADAPTERS["TIFF RPC"] = _rational
