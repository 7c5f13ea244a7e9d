"""What may be typed for where a kernel lies: padding, anchor, and the border around an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from convcli.borders import ALIASES, Border
from convcli.cli.types import MOST, NumbersType, Real, Typed, whole
from convcli.cli.volume import is_volume
from convcli.geometry import ANCHOR_WORDS, PADDING_WORDS, Anchor, Padding

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


#: Fill values may be so great.
_MOST = 1e30


class PaddingType(NumbersType):
    """A padding: a word, a number, two, or four for the sides."""

    name = "WORD|N|ROWS,COLS|TOP,BOTTOM,LEFT,RIGHT"

    def __init__(self) -> None:
        super().__init__(least=0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Padding:
        """Keep a word, else numbers."""
        if isinstance(value, str) and value.lower() in PADDING_WORDS:
            return value.lower()
        sides = value.split(",") if isinstance(value, str) else []
        if len(sides) != 4 or is_volume(ctx):
            given: Padding = super().convert(value, param, ctx)
            return given
        found = [n for n in map(whole, sides) if n is not None and n <= MOST]
        if len(found) < 4:
            self.fail(f"expected {self.expected}; got {value!r}", param, ctx)
        return (found[0], found[1]), (found[2], found[3])

    @property
    def expected(self) -> str:
        """What may be typed, in words."""
        return f"{', '.join(PADDING_WORDS)}, {super().expected}, or four as TOP,BOTTOM,LEFT,RIGHT"


class AnchorType(NumbersType):
    """An anchor: a word, or a tap's row and column."""

    name = "ROW,COL"

    def __init__(self) -> None:
        super().__init__(least=0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Anchor:
        """Keep a word, else numbers."""
        if isinstance(value, str) and value.lower() in ANCHOR_WORDS:
            return value.lower()
        given: Anchor = super().convert(value, param, ctx)
        return given

    @property
    def expected(self) -> str:
        """What may be typed, in words."""
        return f"{', '.join(ANCHOR_WORDS)}, or the row and column of a tap, from 0, as 0,0"


class BorderType(Typed):
    """A border, or one for rows and one for columns: ROWS,COLS."""

    name = "BORDER|ROWS,COLS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the words, and keep them as they were typed."""
        words = [word.strip().lower() for word in str(value).split(",")]
        known = [str(border) for border in Border]
        if len(words) > 2 or any(word not in known and word not in ALIASES for word in words):
            two = ", or two as ROWS,COLS" if len(words) > 1 else ""
            said = f"{', '.join(known[:-1])} or {known[-1]}{two}"
            self.fail(f"expected {said}; got {value!r}", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the words."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in Border if word.startswith(incomplete.lower())]


class FillType(Real):
    """A level from 0 to 255; or another number, which has to be of an image of values."""

    def __init__(self) -> None:
        super().__init__(0, 255)

    def _takes(self, number: float) -> bool:
        return -_MOST <= number <= _MOST
