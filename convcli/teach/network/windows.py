"""Windows over a volume, and how they are written in a specification."""

from __future__ import annotations

from collections.abc import Sequence

from convcli.errors import GeometryError, UsageError
from convcli.geometry import Axis, Geometry, Padding, Pair, plan_geometry
from convcli.teach.network.volume import Volume


def laid(steps: Sequence[Pair], padding: Padding, volume: Volume) -> Geometry:
    """Lay a window over a volume.

    Parameters
    ----------
    steps
        Its size, stride and dilation.
    padding
        As `plan_geometry` takes it.

    Raises
    ------
    UsageError
        If the volume has no rows and columns, or the window doesn't fit.
    """
    need_grid(volume)
    size, stride, dilation = steps
    return plan_geometry(
        (volume.rows, volume.cols), size, stride=stride, dilation=dilation, padding=padding
    )


def laid_whole(steps: Sequence[Pair], padding: Padding, volume: Volume) -> Geometry:
    """Lay a window over a volume, and pad its end until a last, incomplete one fits.

    That is PyTorch's `ceil_mode`. A window that would begin behind the image is left out.
    """
    rows, cols = volume.rows, volume.cols
    more = Volume(rows + steps[1][0] - 1, cols + steps[1][1] - 1, 1, volume.flat)
    try:
        longer = laid(steps, padding, more)
    except GeometryError:
        return laid(steps, padding, volume)
    return Geometry(_ended(longer.rows, rows), _ended(longer.cols, cols))


def _ended(longer: Axis, size: int) -> Axis:
    """Return the axis of `size` samples with as much padding as its last window needs."""
    last = (longer.out - 1) * longer.stride
    if last >= size + longer.before:
        last -= longer.stride
    lacking = max(0, last + longer.span - (size + longer.before + longer.after))
    return Axis(
        size, longer.taps, longer.stride, longer.dilation, longer.before, longer.after + lacking
    )


def need_grid(volume: Volume) -> None:
    """Raise UsageError for a list of values."""
    if volume.flat:
        raise UsageError(
            "it needs rows and columns, but gets a list of values; put it before fc and flatten"
        )


def need_groups(channels: int, filters: int, groups: int) -> None:
    """Raise UsageError if channels and filters can't be divided into groups."""
    for number, name in ((channels, "input channels"), (filters, "filters")):
        if number % groups:
            raise UsageError(f"{number} {name} can't be divided into {groups} groups")


def joined(*words: object) -> str:
    """Join words that aren't empty."""
    return " ".join(str(word) for word in words if word != "")


def size_text(size: Pair) -> str:
    """Return `3` for (3, 3) and `3x5` for (3, 5)."""
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


def step_words(stride: Pair, dilation: Pair, padding: Padding, usual: Pair = (1, 1)) -> list[str]:
    """Return the words for what isn't as usual; `usual` is the stride that goes without saying."""
    words = [f"s{size_text(stride)}"] if stride != usual else []
    if isinstance(padding, str):
        words.append(padding)
    elif padding not in (0, (0, 0)):
        words.append(f"p{padding}" if isinstance(padding, int) else f"p{_pair_text(padding)}")
    return words + ([f"d{size_text(dilation)}"] if dilation != (1, 1) else [])


def _pair_text(padding: tuple[object, object]) -> str:
    rows, cols = padding
    return str(rows) if rows == cols else f"{rows}x{cols}"


def bias_word(bias: bool) -> str:
    """Return the word for a layer without bias."""
    return "" if bias else "nobias"
