"""Where a sample outside the image comes from, for every border, here and nowhere else."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from convcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class Border(StrEnum):
    """What the samples outside the image hold."""

    REPLICATE = "replicate"
    ZERO = "zero"
    CONSTANT = "constant"
    REFLECT = "reflect"
    SYMMETRIC = "symmetric"
    WRAP = "wrap"

    @classmethod
    def parse(cls, text: str) -> Border:
        """Return the border of that name or alias.

        Raises
        ------
        UsageError
            If there is none.
        """
        name = ALIASES.get(text.lower(), text.lower())
        try:
            return cls(name)
        except ValueError:
            known = ", ".join(border.value for border in cls)
            raise UsageError(f"no border named {text!r}; there are {known}") from None


#: One for both axes, or one for rows and one for columns.
Borders: TypeAlias = Border | tuple[Border, Border]

#: What other programs call them: NumPy (`edge`), SciPy, OpenCV, PyTorch, ImageMagick (`tile`) and
#: GEGL (`clamp`, `loop`).
ALIASES = {
    "edge": "replicate",
    "nearest": "replicate",
    "clamp": "replicate",
    "border_replicate": "replicate",
    "zeros": "zero",
    "grid-constant": "constant",
    "border_constant": "constant",
    "mirror": "reflect",
    "reflect101": "reflect",
    "reflect_101": "reflect",
    "border_reflect_101": "reflect",
    "border_reflect101": "reflect",
    "border_default": "reflect",
    "grid-mirror": "symmetric",
    "border_reflect": "symmetric",
    "circular": "wrap",
    "periodic": "wrap",
    "grid-wrap": "wrap",
    "tile": "wrap",
    "loop": "wrap",
    "border_wrap": "wrap",
}
#: Other programs' words that don't mean the same in all of them, and what is to be said of each.
DOUBTFUL = {
    "mirror": "`border` mirror is taken as SciPy's: reflect, which doesn't repeat the last sample; "
    "ImageMagick and libvips mean symmetric, which does",
}


def parse_borders(given: str | Border | Sequence[str | Border]) -> Borders:
    """Return one border for both axes, or (rows, cols) where they differ.

    Parameters
    ----------
    given
        A border, its name or alias; two of these, in a sequence or joined by a comma.

    Raises
    ------
    UsageError
        If there is no such border, or the two have different fill values.

    Examples
    --------
    >>> parse_borders("edge"), parse_borders("wrap,zero")
    (<Border.REPLICATE: 'replicate'>, (<Border.WRAP: 'wrap'>, <Border.ZERO: 'zero'>))
    """
    names = given.split(",") if isinstance(given, str) else given
    listed = isinstance(names, list | tuple) and 1 <= len(names) <= 2
    if not listed or not all(isinstance(name, str) for name in names):
        raise UsageError(f"`border` takes one border, or two as (rows, cols); got {given!r}")
    rows, cols = (Border.parse(name.strip()) for name in (names[0], names[-1]))
    if {rows, cols} == {Border.ZERO, Border.CONSTANT}:
        raise UsageError(
            "`border` zero along one axis and constant along the other can't be: there is one "
            "`fill` for both; use the same border twice"
        )
    return rows if rows is cols else (rows, cols)


def by_axis(border: Borders) -> tuple[Border, Border]:
    """Return the border of rows and that of columns."""
    return border if isinstance(border, tuple) else (border, border)


def named_border(border: Borders) -> str:
    """Return what the command line takes for borders."""
    return ",".join(dict.fromkeys(by_axis(border)))


def border_words(given: str | Border | Sequence[str | Border]) -> list[str]:
    """Return the words that were typed for borders, in lower case; a `Border` is no word."""
    words = given.split(",") if type(given) is str else [given] if isinstance(given, str) else given
    return [word.strip().lower() for word in words if not isinstance(word, Border)]


def doubts(given: str | Border | Sequence[str | Border]) -> tuple[str, ...]:
    """Return what is to be said of words that other programs use in different ways."""
    return tuple(dict.fromkeys(DOUBTFUL[word] for word in border_words(given) if word in DOUBTFUL))


def source(size: int, before: int, after: int, border: Border) -> NDArray[np.intp]:
    """Where each sample of a padded axis comes from.

    Parameters
    ----------
    size
        Samples along the axis, at least 1.
    before, after
        Samples of padding at either end; they may be more than `size`.
    border
        What lies outside.

    Returns
    -------
    ndarray of shape (before + size + after,)
        Indices into the axis; -1 where the fill value belongs.

    Examples
    --------
    >>> source(3, 1, 1, Border.REFLECT)
    array([1, 0, 1, 2, 1])
    >>> source(2, 2, 1, Border.ZERO)
    array([-1, -1,  0,  1, -1])
    """
    import numpy as np

    place = np.arange(-before, size + after, dtype=np.intp)
    match border:
        case Border.REPLICATE:
            return place.clip(0, size - 1)
        case Border.WRAP:
            return place % size
        case Border.SYMMETRIC:
            place %= 2 * size
            return np.minimum(place, 2 * size - 1 - place)
        case Border.REFLECT:
            # A single sample has no neighbour to mirror: its period is 1, not 2·1 − 2 = 0.
            period = max(2 * size - 2, 1)
            place %= period
            return np.minimum(place, period - place) if size > 1 else place
        case _:
            return np.where((place >= 0) & (place < size), place, -1)
