"""What the rest of the program knows of a format: its `Codec`.

To add a format, write a module for it and one line in `formats.FORMATS`; nothing else names it.
Here is all of one that holds 8-bit gray behind a magic word, a width and a height, in
`convcli/image/toy.py`::

    import struct

    import numpy as np

    from convcli.errors import ImageError
    from convcli.image.codec import GRAY, Codec
    from convcli.image.header import Header
    from convcli.image.image import Image, Meta
    from convcli.image.limits import check_size

    def header(peek):
        cols, rows = struct.unpack("<II", peek(4, 8))
        return Header("TOY", (rows, cols), channels=1, dtype="uint8")

    def decode(data, limit):
        cols, rows = struct.unpack_from("<II", data, 4)
        check_size(cols, rows, limit)
        if len(data) < 12 + rows * cols:
            raise ImageError(f"the file is cut short: {len(data)} bytes of {12 + rows * cols}")
        pixels = np.frombuffer(data, np.uint8, rows * cols, 12).reshape(rows, cols)
        return Image(pixels.copy(), "L", Meta(format="TOY", mode="8-bit gray"))

    def encode(image):
        return b"TOY!" + struct.pack("<II", *image.size[::-1]) + image.pixels.tobytes()

    CODEC = Codec("TOY", {"uint8": GRAY}, header=header, decode=decode, encode=encode)

and in `formats.FORMATS`::

    Entry("TOY", "toy.CODEC", (".toy",), (b"TOY!",)),

`convcli apply sharpen a.toy -o b.png`, batches, pipes, `--format toy`, limits of size and memory,
refusals with the options that help, and the suffixes in messages and help follow from these. What
a decoder or an encoder raises becomes one clear line; `ImageError` is shown as it is.

A codec is imported when a file of its format is met. One that needs NumPy or a library for its
pixels is better a package whose `__init__` has `CODEC` and `header`, and names the rest with
`LazyFunction`: headers are read while NumPy is still being imported.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from importlib import import_module
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from convcli.image.exif import resolution
from convcli.image.header import Header, Peek
from convcli.record import record

#: A file, as what codes an image gives it.
Coded: TypeAlias = bytes | Iterable[bytes] | Callable[[IO[bytes]], None]

if TYPE_CHECKING:
    from convcli.image.beside.block import Block
    from convcli.image.frames import Frames
    from convcli.image.image import Image, Meta

GRAY = frozenset({"L"})
OPAQUE = frozenset({"L", "RGB"})
CLEAR = frozenset({"L", "LA", "RGB", "RGBA"})
#: Channels of any number and meaning.
ANY = frozenset({"*"})
#: What stands beside the pixels, by `Meta`'s names.
BESIDE = {
    "icc": "colour profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "text": "text",
    "dpi": "resolution",
    "nodata": "nodata value",
}
#: All of that but the nodata value, which is TIFF's.
EVERYTHING = frozenset(BESIDE) - {"nodata"}


class LazyFunction:
    """A function whose module is imported when it is first called.

    Parameters
    ----------
    module
        Its name within `convcli.image`.
    name
        The function's.
    given
        Arguments that it always gets.
    """

    def __init__(self, module: str, name: str, **given: Any) -> None:
        self._module, self._name, self._given = module, name, given

    def load(self) -> Callable[..., Any]:
        """Return the function itself."""
        found: Callable[..., Any] = getattr(
            import_module(f"convcli.image.{self._module}"), self._name
        )
        return found

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it."""
        return self.load()(*arguments, **self._given, **options)


#: Pixels an inch by which what EXIF says may differ from what is told elsewhere: PNG counts metres.
_NEAR = 0.02


@record(eq=False)
class Codec:
    """A format.

    Parameters
    ----------
    name
        As in `formats.FORMATS`; Pillow's where it has one.
    holds
        The channels that it holds for each sample type. What is missing would be changed.
    decode
        Gives the image of a file's bytes, as it is stored, or of several what is seen where
        nothing moves: `decode(data, limit)`, with `limit` pixels at most; `lenient=True` if
        `lenient`, and what `ahead` returned as a third argument. None for what is only written.
    encode
        Gives a file of an image, as bytes, in parts, or as what writes it into an open file, where
        it may go back; with `options` by name.
    header
        Gives what a file's header says, or None. It may raise `struct.error`, `ValueError` and
        `LookupError` on what is too short.
    open
        Gives the `Frames` of a file, as `decode` is called, their images upright.
    encode_frames
        Gives the parts of a file of `Frames`, as `encode` is called.
    open_volume, encode_volume
        Give the planes of a file that is one volume, as `open` does, and the parts of such a file,
        as `encode_frames` does; None for formats that hold no volume.
    coded_size
        Gives (width, height) from the first kilobytes; for formats that may lie within others.
    extent
        Gives how many bytes of a large file are read, from how to look at it, its header and the
        limit; None for as many as its samples may take.
    ahead
        Begins what takes no interpreter's time of decoding a file, and imports what decodes it.
    like
        Gives an image like the one that a file holds, its samples left as they may be, or None.
    options
        Which of `quality` and `compress` it takes.
    carries
        What it says beside the pixels, of `BESIDE`; and `chunks` for PNG's own words on colour.
    numbers
        Whether colours that are told by these numbers (`Meta.cicp`) can be told so; None if none
        can.
    keeps
        The kinds of `Block`s that it writes; a kind that ends in a space stands for all that begin
        so.
    remarks
        Gives what is to be said of what it writes otherwise than the source had it, by its `Meta`.
    lossy
        Whether it loses something unless told otherwise.
    lenient
        Whether a damaged file can be read in part.
    in_bands
        Whether it is written band by band, on threads that ask for a band's rows each.
    pages
        Whether several images are pages: without times, each of a size and kind of its own.
    loops
        Whether it says how often an animation is played.
    shortest
        Milliseconds for which each frame of an animation is shown at least.
    upright
        Whether `decode` turns the image upright itself.
    one_bit_alpha
        Whether a pixel is either opaque or clear.
    sure
        Whether its header says for sure how large the image is that is read.
    scattered
        Whether what is read may lie anywhere in a file: a large one is mapped, and not held.
    crashes
        Whether its library doesn't look whether it got memory.
    coder, coder_wide, coder_lossy, coder_whole
        Bytes that coding takes beside the samples, a byte of these; the same for samples of two
        bytes, where something may be lost, and for what is coded whole though others are written
        in bands, if that differs. Measured (`tests/peaks.py`).
    proposed
        Its place among those that are proposed instead of a format that can't hold an image; 0
        for never.
    note
        What happens to some that it holds nonetheless: (sample type or '', channels, words).
    peaks
        Values of a full sample (`Meta.peak`) that it holds beside the greatest of a type.
    """

    name: str
    holds: dict[str, frozenset[str]]
    decode: Callable[..., Image] | None = None
    encode: Callable[..., Coded] | None = None
    header: Callable[[Peek], Header | None] | None = None
    open: Callable[..., Frames] | None = None
    encode_frames: Callable[..., Iterable[bytes]] | None = None
    open_volume: Callable[..., Frames] | None = None
    encode_volume: Callable[..., Iterable[bytes]] | None = None
    coded_size: Callable[[bytes | memoryview], tuple[int, int] | None] | None = None
    extent: Callable[[Peek, Header | None, int], int] | None = None
    ahead: Callable[[bytes], Any] | None = None
    like: Callable[[bytes, int], Image | None] | None = None
    options: tuple[str, ...] = ()
    carries: frozenset[str] = frozenset()
    numbers: Callable[[tuple[int, int, int, int]], bool] | None = None
    keeps: tuple[str, ...] = ()
    remarks: Callable[[Meta], tuple[str, ...]] | None = None
    lossy: bool = False
    lenient: bool = False
    in_bands: bool = False
    pages: bool = False
    loops: bool = True
    shortest: float = 0.0
    upright: bool = False
    one_bit_alpha: bool = False
    sure: bool = True
    scattered: bool = False
    crashes: bool = False
    coder: float = 3.0
    coder_wide: float | None = None
    coder_lossy: float | None = None
    coder_whole: float | None = None
    proposed: int = 0
    note: tuple[str, frozenset[str], str] | None = None
    peaks: Container[int | None] = ()

    def has(self, dtype: str, channels: str) -> bool:
        """Whether an image of that sample type and those channels can be written."""
        held = self.holds.get(dtype, frozenset())
        return held == ANY or channels in held

    def writes(self, block: Block) -> bool:
        """Whether something that another file held beside its pixels can be written."""
        if block.content is None:
            return False
        return any(
            block.kind == kind or (kind.endswith(" ") and block.kind.startswith(kind))
            for kind in self.keeps
        )

    def tells(self, name: str, meta: Meta) -> bool:
        """Whether something of `BESIDE` can be said; EXIF can say a resolution, too."""
        if name in self.carries:
            return True
        told = resolution(meta.exif) if name == "dpi" and "exif" in self.carries else None
        if told is None or meta.dpi is None:
            return False
        return all(abs(a - b) < _NEAR for a, b in zip(told, meta.dpi, strict=True))

    @property
    def several(self) -> bool:
        """Whether a file holds several images: frames of an animation, or pages."""
        return self.encode_frames is not None
