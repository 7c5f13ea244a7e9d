"""Before and after, side by side in the terminal: two pixels a character, in colour.

Rich draws: the program has it already, and it finds out how many colours a terminal has, what
`NO_COLOR` says and how wide it is. The rest is a half block (▀) whose colour is the upper pixel
and whose background is the lower one.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from convcli.report.lines import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from convcli.image.show.preview import Preview

_HALF = "▀"
#: Columns between the two, and lines that are left for what was said of the image.
_GAP, _SAID = 2, 4
#: Lines that an image takes at most, and columns without which nothing can be seen.
_TALLEST, _NARROWEST = 40, 12
_TITLES = ("before", "after")


def obstacle() -> str:
    """Say why nothing can be shown on standard error; '' if something can."""
    console = _console()
    if os.environ.get("NO_COLOR"):
        return "NO_COLOR is set"
    if not console.is_terminal:
        return "standard error is no terminal"
    if console.color_system not in ("truecolor", "256"):
        term = os.environ.get("TERM") or "not set"
        return (
            f"the terminal (TERM {term}) has too few colours; COLORTERM=truecolor says that it "
            f"has 24-bit ones, TERM=xterm-256color that it has 256"
        )
    try:
        _HALF.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return f"the terminal's encoding, {sys.stderr.encoding}, has no {_HALF}"
    if console.width < _NARROWEST:
        return f"the terminal is {console.width} columns wide; {_NARROWEST} are needed"
    return ""


def remark() -> str:
    """Say what there is to know of how images are shown; '' if nothing."""
    if _console().color_system == "truecolor":
        return ""
    return "shown in 256 colours; COLORTERM=truecolor says that the terminal has 24-bit ones"


def room() -> tuple[int, int]:
    """(rows, cols) of pixels that there are for both images."""
    console = _console()
    lines = min(_TALLEST, max(3, console.height - _SAID))
    return 2 * lines, console.width - 1 - _GAP


def show(preview: Preview) -> None:
    """Show an image before and after on standard error."""
    console = _console()
    console.print(Images(preview))
    for note in preview.notes:
        console.print(Text(printable(note), style="dim"))
    console.file.flush()


class Images:
    """Two images side by side, aligned at the top."""

    def __init__(self, preview: Preview) -> None:
        self.preview = preview

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the titles, and the images below."""
        before, after = self.preview.before, self.preview.after
        left = max(before.shape[1], len(_TITLES[0]))
        if left + _GAP + max(after.shape[1], len(_TITLES[1])) > options.max_width:
            left = before.shape[1]
        title = _TITLES[0][:left].ljust(left + _GAP) + _TITLES[1]
        yield Text(title[: options.max_width], no_wrap=True)
        for row in range(0, max(len(before), len(after)), 2):
            yield from _line(before, row)
            yield Segment(" " * (left - before.shape[1] + _GAP))
            yield from _line(after, row)
            yield Segment.line()


def _line(pixels: NDArray[Any], row: int) -> list[Segment]:
    """Two rows of pixels as a line of characters; blanks below the last one."""
    if row >= len(pixels):
        return [Segment(" " * pixels.shape[1])]
    upper = pixels[row].tolist()
    lower = pixels[row + 1].tolist() if row + 1 < len(pixels) else [None] * len(upper)
    cells = [
        (tuple(top), None if low is None else tuple(low))
        for top, low in zip(upper, lower, strict=True)
    ]
    return [Segment(_HALF, _style(*cell)) for cell in cells]


@lru_cache(maxsize=2**14)
def _style(top: tuple[int, int, int], low: tuple[int, int, int] | None) -> Style:
    background = None if low is None else Color.from_rgb(*low)
    return Style(color=Color.from_rgb(*top), bgcolor=background)


def _console() -> Console:
    return Console(stderr=True, highlight=False)
