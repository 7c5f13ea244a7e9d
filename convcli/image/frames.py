"""Several images of one file: an animation's frames, or a stack of pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, pairwise
from math import floor, inf

from convcli.errors import ConvError, ImageError
from convcli.image.guard import guard
from convcli.image.image import Image
from convcli.image.limits import TOGETHER
from convcli.record import record, replace

#: How long a frame is shown that nobody has given a time, in milliseconds.
DURATION = 100.0
#: Bytes that reading a frame takes, a byte of its samples.
_HELD = 8


@record(eq=False)
class Frames:
    """The images of a file, read one after the other when they are asked for.

    Each is what a viewer shows: whole, upright, and put together from what the file stores.
    There is no more than one in memory unless you keep them. `len(frames)` counts them,
    `frames[2]` is the third.

    Parameters
    ----------
    count
        How many there are.
    start
        Gives the frames from a number on, the first being 0.
    durations
        For how many milliseconds each is shown; None for pages, which have no time.
    loop
        How often the animation is played; 0 for without end.
    format
        The file's, by Pillow's name; '' if there is none.
    sizes
        About how many bytes each takes in memory.
    notes
        What the user should know of the file, each a line.
    """

    count: int
    start: Callable[[int], Iterator[Image]]
    durations: tuple[float, ...] | None = None
    loop: int = 0
    format: str = ""
    sizes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """How many there are."""
        return self.count

    def __iter__(self) -> Iterator[Image]:
        """Give the frames, from the first on."""
        return self.since(0)

    def __getitem__(self, number: int) -> Image:
        """Return one frame, counted from 0, or from the end if negative.

        Raises
        ------
        ImageError
            If it is damaged.
        IndexError
            If there is none of that number.
        """
        if not -self.count <= number < self.count:
            raise IndexError(f"frame {number} of {self.count}")
        return next(self.since(number % self.count))

    def each(self, work: Callable[[Image], Image]) -> Frames:
        """Return the frames with something done to each of them, when it is asked for.

        What goes wrong names the frame.
        """

        def start(first: int) -> Iterator[Image]:
            for number, image in enumerate(self.since(first), first):
                try:
                    result = work(image)
                except ConvError as error:
                    if number == first:
                        # It is about all of them as likely as not.
                        raise
                    raise _named(number, self.count, error) from error
                del image
                yield result
                del result

        return replace(self, start=start)

    @classmethod
    def of(
        cls,
        images: Iterable[Image],
        durations: Iterable[float] | float | None = None,
        loop: int = 0,
        format: str = "",
    ) -> Frames:
        """Return images that are in memory as frames.

        Parameters
        ----------
        images
            At least one.
        durations, loop
            As for `timed`.
        format
            Of the file that they come from.

        Raises
        ------
        ImageError
            If there is no image, or as for `timed`.
        """
        held = tuple(images)
        if not held:
            raise ImageError("there is no frame to write; give at least one image")
        sizes = tuple(image.size[0] * image.row_bytes for image in held)
        frames = cls(len(held), lambda first: iter(held[first:]), format=format, sizes=sizes)
        return frames.timed(durations, loop)

    def timed(
        self, durations: Iterable[float] | float | None = None, loop: int | None = None
    ) -> Frames:
        """Return the frames with other times.

        Parameters
        ----------
        durations
            For how many milliseconds each is shown, or all of them; None for as before.
        loop
            How often they are played, 0 for without end; None for as before.

        Raises
        ------
        ImageError
            If there isn't a duration for each frame, or a number is negative.
        """
        given = (durations,) * self.count if isinstance(durations, int | float) else durations
        times = self.durations if given is None else tuple(float(each) for each in given)
        if times is not None and (len(times) != self.count or not _are_times(times)):
            raise ImageError(
                f"expected a duration of 0 or more milliseconds for each of {self.count} frames, "
                f"got {len(times)}: {', '.join(f'{each:g}' for each in times[:5])}"
            )
        plays = self.loop if loop is None else loop
        if plays < 0:
            raise ImageError(f"loop is how often frames are played, 0 for ever; got {plays}")
        return replace(self, durations=times, loop=plays)

    def steps(self, unit: float, most: int) -> list[int]:
        """Return the durations in whole units, so that their sums are as near as they can be.

        Parameters
        ----------
        unit
            Milliseconds.
        most
            The most units that one may be.

        Examples
        --------
        >>> frames = Frames(3, iter, durations=(100 / 3,) * 3)
        >>> frames.steps(10, 65535)
        [3, 4, 3]
        """
        ends = [0, *(floor(end / unit + 0.5) for end in accumulate(self.times))]
        return [min(after - before, most) for before, after in pairwise(ends)]

    @property
    def times(self) -> tuple[float, ...]:
        """For how many milliseconds each frame is shown, if it is to be shown as an animation."""
        return self.durations or (DURATION,) * self.count

    def since(self, first: int) -> Iterator[Image]:
        """Give the frames from a number on; what goes wrong names the frame."""
        frames = self.start(first)
        need = _HELD * max(self.sizes, default=0)
        for number in range(first, self.count):
            try:
                image = guard(lambda: next(frames, None), "it is damaged", lambda: need)
            except ConvError as error:
                raise _named(number, self.count, error) from error
            if image is None:
                raise ImageError(f"frame {number} of {self.count} is missing")
            yield image
            # Kept while the next one is read, it would take its memory a second time.
            del image


def _are_times(times: tuple[float, ...]) -> bool:
    return all(0 <= each < inf for each in times)


def _named(number: int, count: int, error: ConvError) -> ConvError:
    """Return an error that names the frame, if there are several."""
    said = str(error)
    if count == 1 or said.startswith("frame "):
        return error
    return type(error)(f"frame {number}: {said}")


def check_total(count: int, pixels: int, limit: int) -> None:
    """Refuse frames that have more pixels together than `TOGETHER` times the limit of one.

    Raises
    ------
    ImageError
        If they have; the message names the option that raises the limit.
    """
    if pixels > TOGETHER * limit:
        raise ImageError(
            f"its {count} frames have {pixels} pixels together, the limit is "
            f"{TOGETHER * limit}; if you trust the file, use `max_pixels` {-(-pixels // TOGETHER)}"
        )
