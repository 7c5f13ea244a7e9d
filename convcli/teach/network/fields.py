"""Receptive fields: which samples of the input an output of a layer sees, along one axis.

A window of F taps with stride S and dilation D makes a field larger by D(F − 1) times the jump, and
the jump S times as wide (André Araujo, Wade Norris and Jack Sim, "Computing Receptive Fields of
Convolutional Neural Networks", Distill, 2019). A transposed convolution puts several outputs
between two inputs, and these differ in what they see: so a field is kept for each, and is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd, lcm
from typing import TypeAlias

from convcli.errors import GeometryError
from convcli.geometry import Axis
from convcli.record import record

#: First and last sample that is seen; None for an output that sees nothing.
Span: TypeAlias = tuple[int, int] | None

#: Outputs that may differ in what they see.
_MOST_PHASES = 2**16


@record
class Field:
    """What the outputs of a layer see along one axis of the input.

    Samples are counted from 0, the first of the image. Those below 0 and behind the last are
    padding. A dilated window leaves samples out between its first and its last one.

    Parameters
    ----------
    spans
        What the first outputs see. Output ``len(spans)`` sees what output 0 does, `step` samples
        further on, and so forth. One is enough unless a transposed convolution came before.
    step
        How far; 0 if there is one output only.

    Examples
    --------
    >>> field = INPUT.slid(Axis(7, 3, stride=2, before=1, after=1))
    >>> field.size, field.jump, field.start, field.at(3)
    (3, Fraction(2, 1), Fraction(0, 1), (5, 7))
    """

    spans: tuple[Span, ...]
    step: int

    @property
    def size(self) -> int:
        """Samples from the first to the last that an output sees; the most, if outputs differ."""
        return max((last - first + 1 for first, last in filter(None, self.spans)), default=0)

    @property
    def jump(self) -> Fraction:
        """Samples of the input from one output to the next."""
        return Fraction(self.step, len(self.spans))

    @property
    def start(self) -> Fraction | None:
        """The middle of what output 0 sees; 0 is the middle of the first sample."""
        return Fraction(sum(self.spans[0]), 2) if self.spans[0] else None

    def at(self, place: int) -> Span:
        """Return what an output sees; an output of the padding may be asked for, too."""
        turns, phase = divmod(place, len(self.spans))
        span = self.spans[phase]
        return span and (span[0] + turns * self.step, span[1] + turns * self.step)

    def slid(self, axis: Axis) -> Field:
        """Return the field of a window that slides over these outputs."""
        phases = len(self.spans) // gcd(len(self.spans), axis.stride)
        spans = []
        for out in range(phases):
            first = out * axis.stride - axis.before
            spans.append(self._seen(range(first, first + axis.span, axis.dilation)))
        return Field(tuple(spans), self.step * phases * axis.stride // len(self.spans))

    def spread(self, taps: int, stride: int, dilation: int, before: int) -> Field:
        """Return the field of a transposed convolution of these outputs.

        Raises
        ------
        GeometryError
            If more outputs differ than can be kept.
        """
        phases = len(self.spans) * stride
        _check(phases)
        # Tap t of output o falls on input (o + before − D·t)/S, where that is whole.
        cycle = stride // gcd(stride, dilation)
        firsts = {dilation * tap % stride: tap for tap in range(min(cycle, taps))}
        spans = []
        for out in range(phases):
            tap = firsts.get((out + before) % stride, taps)
            near = (out + before - dilation * tap) // stride
            apart = dilation * cycle // stride
            count = len(range(tap, taps, cycle))
            spans.append(self._seen(range(near - (count - 1) * apart, near + 1, apart)))
        return Field(tuple(spans), self.step)

    def whole(self, size: int) -> Field:
        """Return the field of one output that sees all of these, `size` of them."""
        return Field((self._seen(range(size)),), 0)

    def joined(self, other: Field) -> Field:
        """Return what the sum of two outputs at the same place sees.

        Raises
        ------
        GeometryError
            If they step differently.
        """
        if self.jump != other.jump:
            raise GeometryError(
                f"one path has a jump of {self.jump} samples and the other of {other.jump}: "
                f"what is added would lie apart; give both the same strides"
            )
        phases = lcm(len(self.spans), len(other.spans))
        _check(phases)
        spans = tuple(_union((self.at(k), other.at(k))) for k in range(phases))
        return Field(spans, self.step * phases // len(self.spans))

    def _seen(self, places: range) -> Span:
        """What some outputs see together; those far from either end add nothing."""
        return _union(map(self.at, _ends(places, len(self.spans))))


#: The field of a sample of the input.
INPUT = Field(((0, 0),), 1)


def _check(phases: int) -> None:
    if phases > _MOST_PHASES:
        raise GeometryError(
            f"transposed layers enlarge {phases:,} times; expected up to {_MOST_PHASES:,}"
        )


def _ends(places: range, phases: int) -> Iterator[int]:
    """Return as many places from either end as cover every phase."""
    yield from places[:phases]
    yield from places[-phases:]


def _union(spans: Iterable[Span]) -> Span:
    found = [span for span in spans if span is not None]
    return (min(a for a, _ in found), max(b for _, b in found)) if found else None
