"""Correlation as it is defined: plain loops over plain numbers, to check everything else by.

Nothing here is shared with the product, and nothing is clever. Whole numbers and Fractions stay
exact; floats are added in reading order.
"""

from __future__ import annotations

import math
from fractions import Fraction


def lookup(place, size, border):
    """Walk from a place outside the axis to the sample it stands for; None is the fill value.

    One step at a time: `wrap` jumps to the other end, `reflect` bounces off the last sample,
    `symmetric` bounces off the edge behind it.
    """
    if 0 <= place < size:
        return place
    if border in ("zero", "constant"):
        return None
    if border == "replicate":
        return 0 if place < 0 else size - 1
    at, step = (0, -1) if place < 0 else (size - 1, 1)
    left = -place if place < 0 else place - (size - 1)
    for _ in range(left):
        ahead = at + step
        if 0 <= ahead < size:
            at = ahead
        elif border == "wrap":
            at = 0 if step > 0 else size - 1
        elif border == "symmetric":
            step = -step
        elif border == "reflect":
            step = -step
            at = at + step if size > 1 else at
        else:
            raise ValueError(f"the oracle knows no border {border!r}")
    return at


def correlate(
    pixels,
    weights,
    *,
    stride=(1, 1),
    dilation=(1, 1),
    padding=((0, 0), (0, 0)),
    border="replicate",
    fill=0,
    flip=False,
):
    """Lay the weights over the pixels at every place, multiply and add; a list of rows.

    `pixels` is (H, W), or (H, W, C) whose channels are treated alike; `weights` is (F, G).
    `padding` is ((top, bottom), (left, right)), `border` a word, or one for rows and one for
    columns; `flip` makes it a convolution.
    """
    pixels, weights = plain(pixels), plain(weights)
    across, along = border if isinstance(border, tuple) else (border, border)
    if isinstance(pixels[0][0], list):
        options = dict(stride=stride, dilation=dilation, padding=padding)
        options |= dict(border=border, fill=fill, flip=flip)
        planes = [
            correlate(channel(pixels, c), weights, **options) for c in range(len(pixels[0][0]))
        ]
        return stack(planes)
    if flip:
        weights = [row[::-1] for row in weights[::-1]]
    height, width = len(pixels), len(pixels[0])
    (top, bottom), (left, right) = padding
    span_y, span_x = (
        dilation[0] * (len(weights) - 1) + 1,
        dilation[1] * (len(weights[0]) - 1) + 1,
    )
    result = []
    for y in range(-top, height + bottom - span_y + 1, stride[0]):
        row = []
        for x in range(-left, width + right - span_x + 1, stride[1]):
            total = 0
            for i in range(len(weights)):
                for j in range(len(weights[0])):
                    at_y = lookup(y + i * dilation[0], height, across)
                    at_x = lookup(x + j * dilation[1], width, along)
                    outside = at_y is None or at_x is None
                    total += weights[i][j] * (fill if outside else pixels[at_y][at_x])
            row.append(total)
        result.append(row)
    return result


def correlate_filter(pixels, weights, **options):
    """Correlate (H, W, C) with a filter (C, F, G): the channels' responses added; (H', W')."""
    pixels = plain(pixels)
    parts = [correlate(channel(pixels, c), w, **options) for c, w in enumerate(plain(weights))]
    return [[sum(at) for at in zip(*rows, strict=True)] for rows in zip(*parts, strict=True)]


def correlate_bank(pixels, weights, *, groups=1, bias=None, **options):
    """Correlate (H, W, C) with a bank (K, C/groups, F, G): one map a filter; (H', W', K).

    Filter k sees the channels of its group only: the filters are dealt to the groups in order.
    """
    pixels, weights = plain(pixels), plain(weights)
    each = len(weights[0])
    maps = []
    for k, one in enumerate(weights):
        first = k // (len(weights) // groups) * each
        seen = stack([channel(pixels, c) for c in range(first, first + each)])
        plus = 0 if bias is None else plain(bias)[k]
        maps.append([[v + plus for v in row] for row in correlate_filter(seen, one, **options)])
    return stack(maps)


def round_half_away(value):
    """Round to a whole number exactly; a half goes away from zero."""
    whole = math.floor(abs(Fraction(value)) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def mapped(response, mapping, maximum):
    """Turn a response (sum / divisor + offset) into a sample of 0..maximum.

    It is rounded first; then comes |·| for `abs` or mid-gray for `offset`; then it is clipped.
    """
    value = round_half_away(response)
    if mapping == "abs":
        value = abs(value)
    elif mapping == "offset":
        value += (maximum + 1) // 2
    elif mapping != "clip":
        raise ValueError(f"the oracle knows no mapping {mapping!r}")
    return min(max(value, 0), maximum)


def plain(values):
    """Return nested lists of Python numbers, from those or from an array."""
    return values.tolist() if hasattr(values, "tolist") else values


def channel(pixels, c):
    """Channel c of (H, W, C) as (H, W)."""
    return [[sample[c] for sample in row] for row in pixels]


def stack(planes):
    """Join (H, W) planes into (H, W, C)."""
    return [[list(at) for at in zip(*rows, strict=True)] for rows in zip(*planes, strict=True)]


def correlate_volume(volume, weights, *, strides, dilations, padding, border, fill=0, flip=False):
    """Lay 3-D weights over a volume at every place, multiply and add; planes of rows.

    Each of `strides` and `dilations` has a number for each axis, `padding` a (before, after).
    """
    volume, weights = plain(volume), plain(weights)
    if flip:
        weights = [[row[::-1] for row in plane[::-1]] for plane in weights[::-1]]
    sizes = len(volume), len(volume[0]), len(volume[0][0])
    taps = len(weights), len(weights[0]), len(weights[0][0])
    starts = [
        range(-before, size + after - dilation * (count - 1), stride)
        for size, count, dilation, stride, (before, after) in zip(
            sizes, taps, dilations, strides, padding, strict=True
        )
    ]

    def at(z, y, x):
        places = [lookup(p, size, border) for p, size in zip((z, y, x), sizes, strict=True)]
        if None in places:
            return fill
        return volume[places[0]][places[1]][places[2]]

    def total(z, y, x):
        return sum(
            weights[i][j][k] * at(z + i * dilations[0], y + j * dilations[1], x + k * dilations[2])
            for i in range(taps[0])
            for j in range(taps[1])
            for k in range(taps[2])
        )

    return [[[total(z, y, x) for x in starts[2]] for y in starts[1]] for z in starts[0]]
