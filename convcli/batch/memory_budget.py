"""Memory that images share."""

from __future__ import annotations

from convcli import memory

#: What is less is given without a look at what the machine has left.
_LITTLE = 2**26


class MemoryBudget:
    """Memory that images share: one may always begin, further ones while there is room.

    Parameters
    ----------
    size
        Bytes.

    Examples
    --------
    >>> room = MemoryBudget(100)
    >>> room.enter(1, 60)
    >>> room.fits(60)
    False
    >>> room.enter(1, 20)
    >>> room.fits(60)
    True
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._taken: dict[int, int] = {}

    def fits(self, size: int) -> bool:
        """Whether an image that takes `size` bytes may begin beside those that are there."""
        if not self._taken:
            return True
        if sum(self._taken.values()) + size > self.size:
            return False
        left = memory.left() if size > _LITTLE else None
        return left is None or size <= left

    def enter(self, image: int, size: int) -> None:
        """Say what an image takes, as it begins or when that becomes known."""
        self._taken[image] = size

    def leave(self, image: int) -> None:
        """Give back what an image took."""
        self._taken.pop(image, None)
