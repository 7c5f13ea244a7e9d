"""One output of a filtered image, worked out: products, their sum, and the steps to the sample."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from math import copysign, lcm, sqrt

from convcli.geometry import Pair
from convcli.record import record

_NONE = Fraction(0)
#: A sum this small beside Σ|w| is zero but for rounding, as in `Kernel.sum`.
_ZERO = Fraction(1, 10**6)


@record
class Product:
    """One weight, the sample below it, and where that comes from.

    Parameters
    ----------
    weight
        As it slides: of the flipped kernel under true convolution.
    at
        (row, col) below the weight, counted from the image's first sample: negative, or beyond
        the last one, in the padding.
    source
        (row, col) of the image's sample that stands there; None for the fill value.
    sample
        Its value.
    """

    weight: Fraction
    at: Pair
    source: Pair | None
    sample: Fraction

    @property
    def value(self) -> Fraction:
        """Weight · sample."""
        return self.weight * self.sample

    @property
    def outside(self) -> bool:
        """Whether it lies in the padding."""
        return self.at != self.source


def _over(value: Fraction, denominator: int) -> int:
    """The numerator that a fraction has over a denominator."""
    return value.numerator * (denominator // value.denominator)


@record
class Part:
    """One kernel laid over the image at one place.

    Parameters
    ----------
    name
        The kernel's.
    products
        Rows of them, as weights and samples lie.
    divisor
        What the sum is divided by.
    """

    name: str
    products: tuple[tuple[Product, ...], ...]
    divisor: Fraction

    @cached_property
    def total(self) -> Fraction:
        """Σ weight · sample: the dot product of kernel and patch."""
        products = [product for row in self.products for product in row]
        # Over one denominator whole numbers are added: a tenth of the time that Fractions take.
        below = lcm(*(product.weight.denominator for product in products))
        under = lcm(*(product.sample.denominator for product in products))
        return Fraction(
            sum(_over(p.weight, below) * _over(p.sample, under) for p in products), below * under
        )

    @property
    def response(self) -> Fraction:
        """The total divided by the divisor."""
        return self.total / self.divisor

    @property
    def cosine(self) -> float | None:
        """Σ w·s / (|w|·|s|), from −1 to 1: how alike kernel and patch are, whatever their size.

        Weights whose sum is 0 give the same sum whatever the patch's mean is, so that is taken
        away from s first. None where all weights or samples are 0 then.
        """
        weights = [product.weight for row in self.products for product in row]
        samples = [product.sample for row in self.products for product in row]
        total, size = sum(weights, _NONE), sum(map(abs, weights), _NONE)
        if abs(total) <= size * _ZERO:
            mean = sum(samples, _NONE) / len(samples)
            samples = [sample - mean for sample in samples]
        lengths = sum(w * w for w in weights) * sum(s * s for s in samples)
        dot = sum((w * s for w, s in zip(weights, samples, strict=True)), _NONE)
        # As a fraction, which neither overflows nor vanishes.
        return copysign(sqrt(dot * dot / lengths), dot) if lengths else None


@record
class SampleStep:
    """One step from the sum to the stored sample; those that change nothing are left out.

    Parameters
    ----------
    name
        `combine` (the parts' sums become one); `divide` (by `by`); `unweigh` (divide by `by`,
        the filtered alpha); `unit` (degrees or shares become levels: multiply by `by`);
        `offset` (add `by`); `scale` (multiply by `by`); `shift` (add `by`, for
        `scale` auto); `stretch` (the least response becomes 0, the greatest full); `levels`
        (from the source's levels to the result's: multiply by `by`); `round` (to the nearest
        whole number, halves away from 0); `abs`; `middle` (add `by`, which stands for zero);
        `clip` (to 0 and the largest level).
    by
        The number in it, if there is one.
    value
        What it leaves.
    """

    name: str
    by: Fraction | None
    value: Fraction


@record
class Place:
    """One output, worked out.

    Parameters
    ----------
    at
        (row, col) in the result, counted from 0.
    channel
        The channel's letter.
    parts
        One a kernel; several for a compound; for colour weighted by alpha the last one is alpha.
    steps
        From the parts' sums to the sample.
    value
        The sample as worked out here.
    stored
        The sample as the engine stored it.
    tolerance
        How far the two may be apart: 0 for whole kernels, whole samples and a whole result.
    """

    at: Pair
    channel: str
    parts: tuple[Part, ...]
    steps: tuple[SampleStep, ...]
    value: Fraction
    stored: float
    tolerance: Fraction

    @property
    def total(self) -> Fraction:
        """The (first) kernel's dot product with the patch."""
        return self.parts[0].total
