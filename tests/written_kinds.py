"""Depths, channels, palettes and frames of the images that the writers are tried with."""

from __future__ import annotations

import numpy as np
from written_images import SCENES, beside_flat, chart_map, gradient


def image_of(rng, scene, size, channels, depth):
    """Pixels of a scene, of these channels and this depth."""
    colours = channels.removesuffix("A") if channels in ("LA", "RGBA") else channels
    pixels = SCENES[scene](rng, *size, 1 if len(colours) == 1 else 3)
    if len(colours) > 3:
        rest = [SCENES["gradient"](rng, *size, 1) for _ in range(len(colours) - 3)]
        pixels = np.concatenate([pixels, *rest], axis=2)
    pixels = pixels[..., : len(colours)]
    if colours != channels:
        pixels = np.concatenate([pixels, opacity(rng, size)], axis=2)
    pixels = np.ascontiguousarray(pixels[..., 0] if len(channels) == 1 else pixels)
    return deepen(rng, pixels, depth)


def opacity(rng, size):
    """Alpha: full, an outline of nothing and all, or soft."""
    kind = rng.integers(0, 4)
    if kind == 0:
        return np.full((*size, 1), 255, np.uint8)
    if kind == 1:
        return np.where(chart_map(rng, *size, 1) > 100, np.uint8(255), np.uint8(0))
    return (gradient, beside_flat)[kind - 2](rng, *size, 1)


def deepen(rng, pixels, depth):
    """Bring bytes to another depth, the lower bits empty, repeated or noise."""
    if depth == "bool":
        return pixels > 127
    if depth == "uint8":
        return pixels
    if depth == "uint16":
        wide = pixels.astype(np.uint16)
        kind = rng.integers(0, 4)
        if kind == 0:
            return wide * 257
        if kind == 1:
            return wide << 4
        low = rng.integers(0, 256 if kind == 2 else 16, pixels.shape, np.uint16)
        return (wide << 8) + low
    real = pixels.astype(depth) / 255
    kind = rng.integers(0, 4)
    if kind == 0:
        real = real * 3 - 1
    elif kind == 1:
        real.flat[0], real.flat[-1] = np.nan, -np.inf
    elif kind == 2:
        real = real * rng.random(depth and real.shape, dtype=np.float32)
    return real.astype(depth)


def of_few_colours(rng, pixels, count):
    """Bytes with exactly so many colours, if there are as many pixels; alpha all or nothing."""
    rows, cols = pixels.shape[:2]
    colours = pixels.shape[2] - (pixels.shape[2] in (2, 4)) if pixels.ndim == 3 else 1
    most = min(count, 256) if colours == 1 else count
    packed = rng.choice(256**colours, most, replace=False)
    table = np.stack([packed >> 8 * k & 255 for k in range(colours)], axis=1).astype(np.uint8)
    seen = pixels.reshape(rows, cols, -1)[..., 0].astype(np.int64) * most // 256
    few = min(most, seen.size)
    seen.flat[rng.choice(seen.size, few, replace=False)] = np.arange(few)
    drawn = table[seen]
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        drawn = np.concatenate([drawn, pixels[..., -1:] // 128 * np.uint8(255)], axis=2)
    return np.ascontiguousarray(drawn.reshape(pixels.shape))


def moving(rng, first, count):
    """Frames after a first one: the same again, a spot or a part changed, or all of it."""
    frames = [first]
    rows, cols = first.shape[:2]
    for _ in range(count - 1):
        now = frames[-1].copy()
        kind = rng.integers(0, 5)
        top, left = int(rng.integers(0, rows)), int(rng.integers(0, cols))
        height = int(rng.integers(0, rows)) + 1 if kind > 1 else 1
        width = int(rng.integers(0, cols)) + 1 if kind > 1 else 1
        part = now[top : top + height, left : left + width]
        if kind in (1, 2):
            part[...] = part[::-1, ::-1].copy() if kind == 2 else _turned(part)
        elif kind == 3:
            now = np.roll(now, (int(rng.integers(-3, 4)), int(rng.integers(-9, 10))), (0, 1))
        elif kind == 4:
            now = np.ascontiguousarray(now[::-1])
        frames.append(now)
    return frames


def _turned(part):
    """Samples turned about: dark for light."""
    if part.dtype == bool:
        return ~part
    return (1 if part.dtype.kind == "f" else np.iinfo(part.dtype).max) - part
