"""What an image's channels mean: their letters and names, gray from colour, what alpha is.

An image names its channels by a letter each: those of its colour (`L`; `RGB`; `CMYK`; `Lab`, which
is CIE L*a*b*), then `?` for each further one, such as near infrared or a spot ink, and `A` for
alpha, always the last. Where nothing is known of them all are `?`. `Bands` has what letters
don't tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convcli.errors import ImageError
from convcli.image.header import VALUES
from convcli.record import record

#: Weights of red, green and blue in the gray of stored (gamma-encoded) values, in thousandths:
#: ITU-R BT.601, section 2.5.1, as JPEG, Pillow and OpenCV have it.
STORED_WEIGHTS = (299, 587, 114)
#: Weights of linear red, green and blue in luminance, for sRGB's primaries: IEC 61966-2-1.
LINEAR_WEIGHTS = (0.2126, 0.7152, 0.0722)

ALPHA, UNKNOWN = "A", "?"
#: Letters of what has a colour, the longest first.
_COLOURS = ("CMYK", "RGB", "Lab", "L")
#: Colours that a word says more of than letters.
_CALLED = {"L": "gray", "Lab": "L*a*b*"}
_WORDS = {
    "R": "red",
    "G": "green",
    "B": "blue",
    "C": "cyan",
    "M": "magenta",
    "Y": "yellow",
    "K": "black",
    "L": "lightness",
    "A": "alpha",
}
#: Whole bands: one, or from one to another.
_NUMBERS = re.compile(r"(\d{1,9})(?:\s*-\s*(\d{1,9}))?", re.ASCII)
#: So many channels are listed in a message.
_LISTED = 12


@record
class Bands:
    """What a file says of its channels beside their letters.

    Parameters
    ----------
    names
        What they are called, one an image's channel, '' for what has no name; () for none.
    alpha
        Which of the file's channels alpha is, from 0; None for the last one, or no alpha.
    kind
        The colours, where letters don't say which: `inks` of any sort; `CIELab` or `ICCLab`, which
        differ in how they are stored.
    extra
        TIFF's ExtraSamples of what is `?`: 0, 1 or 2, or -1 for none of these; () for nothing
        else to say of it.
    tags
        TIFF's tags on inks, by number.
    """

    names: tuple[str, ...] = ()
    alpha: int | None = None
    kind: str = ""
    extra: tuple[int, ...] = ()
    tags: tuple[tuple[int, Any], ...] = ()


#: What most images have.
PLAIN = Bands()


def check_letters(channels: str) -> None:
    """Refuse alpha that isn't the last channel.

    Raises
    ------
    ImageError
        If it is another one.
    """
    if ALPHA in channels[:-1]:
        raise ImageError(f"alpha is the last of an image's channels; got {channels}")


def colour_of(channels: str) -> str:
    """Return the letters of the channels that have a colour; '' if none has.

    Examples
    --------
    >>> colour_of("RGB?A"), colour_of("LA"), colour_of("Lab"), colour_of("????A")
    ('RGB', 'L', 'Lab', '')
    """
    opaque = channels.removesuffix(ALPHA)
    found = opaque.rstrip(UNKNOWN)
    return found if found in _COLOURS else ""


def further(channels: str) -> int:
    """Return how many channels there are beside colour and alpha."""
    return len(channels.removesuffix(ALPHA)) - len(colour_of(channels))


def channel_words(channels: str) -> str:
    """Return what channels are called: gray, RGB, RGB and 1 band, or how many there are.

    Examples
    --------
    >>> [channel_words(letters) for letters in ("LA", "RGBA", "RGB??", "CMYK?A", "???")]
    ['gray with alpha', 'RGBA', 'RGB and 2 bands', 'CMYK and 1 ink with alpha', '3 channels']
    """
    colour, more = colour_of(channels), further(channels)
    has_alpha = channels.endswith(ALPHA)
    if not colour:
        if UNKNOWN not in channels:
            return channels
        return f"{len(channels) - has_alpha} channels" + " with alpha" * has_alpha
    if channels == "RGBA":
        return channels
    kind = ("ink" if colour == "CMYK" else "band") + "s" * (more > 1)
    beside = f" and {more} {kind}" if more else ""
    return _CALLED.get(colour, colour) + beside + " with alpha" * has_alpha


def colour_count(channels: str) -> int:
    """Return how many of the channels are not alpha."""
    return len(channels) - channels.endswith(ALPHA)


def colours(pixels: NDArray[Any], channels: str) -> NDArray[Any]:
    """Return the channels without alpha, (rows, cols, count); a view."""
    count = colour_count(channels)
    return pixels.reshape(*pixels.shape[:2], -1)[:, :, :count]


def select(pixels: NDArray[Any], places: Sequence[int]) -> NDArray[Any]:
    """Copy some channels of (rows, cols, channels).

    JUSTIFICATION: one after the other takes 20 ms for three of four of 12 megapixels, where
    NumPy's own ways take 120, three bytes at a time.
    """
    result = np.empty((*pixels.shape[:2], len(places)), dtype=pixels.dtype)
    for k, place in enumerate(places):
        result[:, :, k] = pixels[:, :, place]
    return result


def alpha(pixels: NDArray[Any], channels: str) -> NDArray[Any] | None:
    """Return the alpha channel, (rows, cols), or None; a view."""
    return pixels[:, :, -1] if channels.endswith(ALPHA) else None


def gray(
    samples: NDArray[Any], channels: str, full: float | None = None, *, linear: bool = False
) -> NDArray[Any]:
    """Gray from colour.

    Parameters
    ----------
    samples
        (rows, cols, count) channels, of which those beyond the colours are left out.
    channels
        Their names, alpha included or not.
    full
        The value of a full sample; None for the type's own.
    linear
        Whether the samples are linear light, so that luminance is meant.

    Returns
    -------
    ndarray of shape (rows, cols), of the same type; float64 of values
        Levels are rounded to nearest, exactly. Of L*a*b* it is L*.

    Raises
    ------
    ImageError
        If the channels have no known colour.
    """
    names = colour_of(channels)
    if names in ("L", "Lab"):
        return samples[:, :, 0]
    if samples.dtype.name in VALUES:
        samples = samples.astype(np.float64)
    if names == "CMYK":
        top = full or (1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max))
        inks = samples[:, :, :4].astype(np.float64) / top
        light = (1 - inks[:, :, :3]) * (1 - inks[:, :, 3:])
        result = light @ (np.array(STORED_WEIGHTS) / 1000) * top
        return _like(result, samples.dtype)
    if names != "RGB":
        raise ImageError(
            f"an image of {len(channels)} channels of unknown meaning has no gray version; "
            f"leave out `gray` and `luma`"
        )
    if samples.dtype.kind == "f":
        weights = np.array(LINEAR_WEIGHTS if linear else STORED_WEIGHTS)
        weighed: NDArray[Any] = samples[:, :, :3] @ (weights / weights.sum()).astype(samples.dtype)
        return weighed
    red, green, blue = (samples[:, :, k].astype(np.uint32) for k in range(3))
    total = STORED_WEIGHTS[0] * red + STORED_WEIGHTS[1] * green + STORED_WEIGHTS[2] * blue
    return ((total + 500) // 1000).astype(samples.dtype)


def _like(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    return (np.floor(values + 0.5) if dtype.kind == "u" else values).astype(dtype)


def file_order(channels: str, bands: Bands) -> list[int]:
    """Return which of an image's channels each of its file's is.

    Examples
    --------
    >>> file_order("RGB?A", Bands(alpha=3))
    [0, 1, 2, 4, 3]
    """
    order = list(range(len(channels)))
    if channels.endswith(ALPHA) and bands.alpha is not None and bands.alpha < len(channels):
        order.insert(bands.alpha, order.pop())
    return order


def of_places(bands: Bands, channels: str, places: Sequence[int]) -> tuple[str, Bands]:
    """Return the letters, and what else there is to say, of some of an image's channels.

    Parameters
    ----------
    bands, channels
        The image's.
    places
        Which channels; alpha, if it is among them, last.
    """
    letters = _settled("".join(channels[place] for place in places))
    if bands == PLAIN:
        return letters, bands
    names = tuple(bands.names[place] for place in places) if bands.names else ()
    first = len(colour_of(channels))
    extra = tuple(bands.extra[k - first] for k in places if 0 <= k - first < len(bands.extra))
    is_whole = colour_of(letters) == colour_of(channels)
    order = [place for place in file_order(channels, bands) if place in places]
    at = order.index(places[-1]) if letters.endswith(ALPHA) else len(places) - 1
    return letters, Bands(
        names if any(names) else (),
        at if at < len(places) - 1 else None,
        bands.kind if is_whole else "",
        extra if is_whole else (),
        bands.tags if is_whole else (),
    )


def _settled(letters: str) -> str:
    """Return letters that a part of an image's channels can have: one alone is gray."""
    opaque, end = letters.removesuffix(ALPHA), ALPHA * letters.endswith(ALPHA)
    if not opaque:
        return "L"
    if len(opaque) == 1:
        return "L" + end
    return letters if colour_of(letters) else UNKNOWN * len(opaque) + end


def pick(wanted: str, channels: str, bands: Bands = PLAIN) -> list[int]:
    """Return where the wanted channels are among those there are, in the image's order.

    Parameters
    ----------
    wanted
        As for `places`.
    channels, bands
        The image's.

    Raises
    ------
    ImageError
        If one isn't there, or is named twice.
    """
    found = places(wanted, channels, bands)
    if len(set(found)) != len(found):
        raise ImageError(misfit(wanted, channels, bands))
    return sorted(found)


def places(
    wanted: str, channels: str, bands: Bands = PLAIN, parameter: str = "channels"
) -> list[int]:
    """Return where the wanted channels are among those there are, in the order given.

    Parameters
    ----------
    wanted
        Letters (`RGB`), numbers and ranges of the file's channels, counted from 1 (`2,5-7`), or
        names (`alpha`, or what the file calls them), between commas.
    channels, bands
        The image's.
    parameter
        Which one they were wanted in.

    Raises
    ------
    ImageError
        If one isn't there.

    Examples
    --------
    >>> places("2-3,A", "RGB?A"), places("nir", "RGB?", Bands(("", "", "", "NIR")))
    ([1, 2, 4], [3])
    """
    named = _named(wanted, channels, bands)
    if named is not None:
        return [named]
    found: list[int] = []
    for item in filter(None, map(str.strip, wanted.split(","))):
        some = _item(item, channels, bands)
        if not some:
            raise ImageError(misfit(wanted, channels, bands, "", parameter))
        found += some
    if not found:
        raise ImageError(misfit(wanted, channels, bands, "", parameter))
    return found


def _item(item: str, channels: str, bands: Bands) -> list[int]:
    """Return where one item's channels are; [] if one of them isn't there."""
    numbers = _NUMBERS.fullmatch(item)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if not 1 <= first <= last <= len(channels):
            return []
        return file_order(channels, bands)[first - 1 : last]
    named = _named(item, channels, bands)
    if named is not None:
        return [named]
    if item.casefold() == colour_of(channels).casefold():
        return list(range(len(item)))
    found = [_letter(letter, channels) for letter in item]
    return [] if -1 in found else found


def _letter(letter: str, channels: str) -> int:
    """Return where a letter's channel is; -1 for nowhere. Those of L*a*b* may differ in case."""
    known = [form for form in (letter, letter.upper(), letter.lower()) if form in channels]
    return channels.index(known[0]) if known and letter != UNKNOWN else -1


def _named(name: str, channels: str, bands: Bands) -> int | None:
    """Return where the channel of a name is, whatever its case; None for nowhere."""
    wanted = name.strip().casefold()
    for place, found in enumerate(bands.names):
        if found and found.casefold() == wanted:
            return place
    for place, letter in enumerate(channels):
        if _WORDS.get(letter) == wanted or (wanted == "gray" and channels[:2] in ("L", "LA")):
            return place
    return None


def _word(number: int, place: int, channels: str, bands: Bands) -> str:
    letter = channels[place]
    names = [letter] * (letter != UNKNOWN)
    if bands.names and bands.names[place]:
        names.append(bands.names[place])
    return f"{number} ({', '.join(names)})" if names else f"{number}"


def misfit(
    wanted: str, channels: str, bands: Bands, advice: str = "", parameter: str = "channels"
) -> str:
    """Return what is to be said of channels that an image doesn't have."""
    advice = advice or ("each once" if parameter == "channels" else "in any order")
    said = f"`{parameter}` {wanted} doesn't fit an image whose channels"
    if UNKNOWN in channels or bands.names or any(map(str.isdigit, wanted)):
        return f"{said}, counted from 1, are {_numbered(channels, bands)}; name some, {advice}"
    return f"{said} are {', '.join(channels)}; name some of these, {advice}"


def _numbered(channels: str, bands: Bands) -> str:
    order = file_order(channels, bands)
    words = [_word(k + 1, place, channels, bands) for k, place in enumerate(order)]
    if not any("(" in word for word in words) and len(words) > 1:
        return f"1 to {len(words)}"
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")
