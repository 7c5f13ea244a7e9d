"""What a result's file is to say beside its pixels: the source's words, as they are true of it."""

from __future__ import annotations

from collections.abc import Sequence

from convcli import engine
from convcli.geometry import Geometry
from convcli.image.beside.changes import Change, changed
from convcli.image.channels import PLAIN, colour_of
from convcli.image.codec import LazyFunction
from convcli.image.image import Image, Meta
from convcli.image.light.profile import fits
from convcli.pipeline.anchors import placed
from convcli.pipeline.sample_types import described_by
from convcli.pipeline.work import Work
from convcli.record import replace
from convcli.spec import Mapping

_ADAPTED = LazyFunction("beside.statements", "adapted")
_STRIPPED = LazyFunction("light.told", "stripped")
#: The number of the straight curve among those of CICP.
_STRAIGHT = 8


def meta_of(image: Image, work: Work, rows: engine.Rows, geometries: Sequence[Geometry]) -> Meta:
    """Return the source's metadata as they are true of a result.

    Parameters
    ----------
    image, work
        The source, and what is done to it.
    rows
        The result.
    geometries
        One a kernel.
    """
    own = replace(work.image.meta, peak=image.meta.peak)
    meta = described_by(own, image.dtype, work.stored, work.target)
    if work.channels != work.image.channels:
        meta = replace(meta, bands=PLAIN)
    if work.spec.strip:
        meta = stripped(meta, work.channels)
    if meta.beside or meta.exif or meta.xmp:
        origin, step = placed(geometries, work.spec)
        change = Change(
            sizes=(image.size, (rows.shape[0], rows.shape[1])),
            origin=origin,
            step=step,
            channels=(image.channels, work.channels),
            depths=(image.dtype.name, rows.dtype.name),
        )
        meta = true_of(meta, change)
    if meta.nodata is not None or work.spec.nodata is not None:
        from convcli.pipeline.marked import nodata_kept

        nodata, notes = nodata_kept(image, work)
        meta = replace(meta, nodata=nodata, notes=(*meta.notes, *notes))
    return _with_colours(meta, image.channels, work)


def stripped(meta: Meta, channels: str) -> Meta:
    """Return metadata of colours alone, and a note that says what else there was."""
    meta, words = _STRIPPED(meta, channels)
    return replace(meta, notes=(*meta.notes, f"stripped: {', '.join(words)}")) if words else meta


def true_of(meta: Meta, change: Change) -> Meta:
    """Return metadata that say the result's size, place, channels and depth, or don't say it."""
    blocks, notes = changed(meta.beside, change)
    exif, xmp, more = _ADAPTED(meta.exif, meta.xmp, change)
    notes = (*meta.notes, *notes, *more)
    return replace(meta, beside=blocks, exif=exif, xmp=xmp, notes=notes)


def _with_colours(meta: Meta, before: str, work: Work) -> Meta:
    """Return metadata without what isn't true of the result's colours."""
    if meta.icc is None and meta.cicp is None and not meta.chunks:
        return meta
    notes = []
    is_light = work.spec.linear and work.target.mapping is Mapping.RAW
    lost_colour = colour_of(work.channels) != colour_of(before)
    if meta.icc is not None and (is_light or lost_colour or not fits(meta.icc, work.channels)):
        what = "linear light" if is_light else _image_words(work.channels)
        notes.append(f"the colour profile was left out: it doesn't describe {what}")
        meta = replace(meta, icc=None)
    if is_light and meta.cicp is not None:
        meta = replace(meta, cicp=(meta.cicp[0], _STRAIGHT, *meta.cicp[2:]))
    chunks = meta.chunks
    if is_light:
        chunks = ()
    elif lost_colour:
        chunks = tuple((name, content) for name, content in chunks if name != "cHRM")
        if len(chunks) < len(meta.chunks):
            notes.append("the primaries (cHRM) were left out: they don't describe a gray image")
    return replace(meta, chunks=chunks, notes=(*meta.notes, *notes))


def _image_words(channels: str) -> str:
    known = {"L": "a gray image", "RGB": "an RGB image", "CMYK": "a CMYK image"}
    return known.get(colour_of(channels), "these channels")
