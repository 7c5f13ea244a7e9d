"""What an image says beside its pixels, made true of a result that differs from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from convcli.image.beside.block import CHANNELS, DEPTH, FRAMES, PIXELS, PLACE, SIZE, Block
from convcli.record import record

_Pair: TypeAlias = tuple[float, float]

#: What adapts a block, by its kind: it gets the block and the `Change`, and returns the block as
#: it is true of the result, or None if there is none.
ADAPTERS: dict[str, Callable[[Block, Change], Block | None]] = {}
#: What is said to have changed, in this order.
_WORDS = {
    SIZE: "size",
    PLACE: "place",
    CHANNELS: "channels",
    DEPTH: "sample type",
    FRAMES: "number of images",
    PIXELS: "samples",
}


@record
class Change:
    """How a result differs from its source's image; the defaults say that it doesn't.

    Parameters
    ----------
    sizes
        (rows, cols) before and after; None where both are alike.
    origin, step
        Which place of the source the result's first sample stands on, in (rows, cols) of samples
        after its first one, and how far apart the result's samples stand.
    channels, depths
        Their names, and the sample types, before and after.
    frames
        How many images there are, before and after.
    spacing
        How many of the source's images apart those of the result stand.
    """

    sizes: tuple[tuple[int, int], tuple[int, int]] | None = None
    origin: _Pair = (0.0, 0.0)
    step: _Pair = (1.0, 1.0)
    channels: tuple[str, str] = ("", "")
    depths: tuple[str, str] = ("", "")
    frames: tuple[int, int] = (1, 1)
    spacing: float = 1.0

    @property
    def what(self) -> frozenset[str]:
        """What has changed, of the words that blocks tell by; samples always have."""
        moved = (*self.origin, *self.step, self.spacing) != (0.0, 0.0, 1.0, 1.0, 1.0)
        differ = {
            SIZE: self.sizes is not None and self.sizes[0] != self.sizes[1],
            PLACE: moved,
            CHANNELS: self.channels[0] != self.channels[1],
            DEPTH: self.depths[0] != self.depths[1],
            FRAMES: self.frames[0] != self.frames[1],
            PIXELS: True,
        }
        return frozenset(name for name, is_other in differ.items() if is_other)


def changed(blocks: Sequence[Block], change: Change) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """Return blocks that are true of a result, and what is to be said of the others.

    Parameters
    ----------
    blocks
        Those of the source.
    change
        How the result differs.
    """
    what = change.what
    kept, lost = [], dict[frozenset[str], list[str]]()
    for block in blocks:
        untrue, adapt = block.tells & what, ADAPTERS.get(block.kind)
        adapted: Block | None = block
        if untrue:
            adapted = adapt(block, change) if adapt else None
        if adapted is not None:
            kept.append(adapted)
        elif block.words:
            lost.setdefault(untrue, []).append(block.words)
    return tuple(kept), tuple(left_out(named, untrue) for untrue, named in lost.items())


def left_out(named: Sequence[str], untrue: frozenset[str]) -> str:
    """Say that blocks of these words are left out, and what has changed that they tell of."""
    words = [words for name, words in _WORDS.items() if name in untrue]
    differ = "differ" if len(words) > 1 or words[0].endswith("s") else "differs"
    called = ", ".join(dict.fromkeys(named))
    return f"{called} left out: not true of the result, whose {' and '.join(words)} {differ}"


def samples_alone(blocks: Sequence[Block]) -> tuple[str, ...]:
    """Say what stood beside the pixels of a source of which maps are made, that hold nothing."""
    named = dict.fromkeys(block.words for block in blocks if block.words)
    return (f"maps hold samples alone: the source's {', '.join(named)} left out",) * bool(named)
