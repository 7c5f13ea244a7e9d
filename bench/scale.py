"""How large images are, in the whole run and in the short one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How large images are.

    Parameters
    ----------
    quick
        Whether this is the short run: its figures are rough.
    shape
        Rows and columns of the image that most sections use.
    """

    quick: bool
    shape: tuple[int, int]

    @property
    def megapixels(self) -> float:
        """Its pixels, in millions."""
        return self.shape[0] * self.shape[1] / 1e6

    def times(self, factor: float) -> tuple[int, int]:
        """Return a shape with so many times the pixels, as wide to its height."""
        return round(self.shape[0] * factor**0.5), round(self.shape[1] * factor**0.5)


FULL = Scale(quick=False, shape=(3000, 4000))
QUICK = Scale(quick=True, shape=(750, 1000))
