"""What is kept of an image to be seen: before and after, made small, or both in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcli.batch.target import making_room
from convcli.errors import ImageError
from convcli.image.files import write
from convcli.image.formats import check_holds, format_of
from convcli.record import record
from convcli.spec import Mapping

if TYPE_CHECKING:
    from convcli.batch.jobs import Writing
    from convcli.image.image import Image
    from convcli.image.show.preview import Preview
    from convcli.pipeline import Facts


@record(eq=False)
class Comparison:
    """What is kept of an image once it is filtered.

    Parameters
    ----------
    writing
        What is asked for.
    preview
        Before and after, made small; None if they aren't shown.
    both
        The two in one image; None if there is no file for them.
    note
        What is to be said of that image.
    """

    writing: Writing
    preview: Preview | None = None
    both: Image | None = None
    note: str = ""

    def write(self) -> tuple[str, ...]:
        """Write the image of both, and return what to say of it.

        Raises
        ------
        ImageError
            If it can't be written; the line begins with the option.
        """
        path, writing = self.writing.compare, self.writing
        if path is None or self.both is None:
            return ()
        try:
            with making_room(path):
                write(
                    path,
                    self.both,
                    quality=writing.quality,
                    compress=writing.compress,
                    overwrite=writing.overwrite,
                )
        except ImageError as error:
            raise ImageError(f"`compare` {path}: {error}; the result itself is written") from error
        return (self.note,)


def compare(image: Image, result: Image, facts: Facts, writing: Writing) -> Comparison:
    """Keep what is to be seen of an image, and refuse early what couldn't be written.

    Parameters
    ----------
    image, result, facts
        An image, filtered, and what was done to it.
    writing
        Says what is asked for.

    Raises
    ------
    ImageError
        If the format of `writing.compare` can't hold both; the line begins with the option.
    """
    raw = facts.mapping is Mapping.RAW
    preview = None
    if writing.show is not None:
        from convcli.image.show.preview import make_preview

        preview = make_preview(image, result, writing.show, raw=raw)
    if writing.compare is None:
        return Comparison(writing, preview)
    from convcli.image.show.side_by_side import side_by_side

    path = writing.compare
    try:
        both = side_by_side(image, result, raw=raw)
        notes = check_holds(both.pixels.dtype.name, both.channels, format_of(path))
    except ImageError as error:
        raise ImageError(f"`compare` {path}: {error}") from error
    note = f"compared in {path}: source left, result right, {both.size[1]}×{both.size[0]}"
    if image.size != result.size:
        note += "; of different sizes, aligned at the top on mid-gray"
    return Comparison(writing, preview, both, "; ".join((note, *notes)))
