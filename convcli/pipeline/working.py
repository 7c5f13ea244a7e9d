"""What is filtered: samples as they are stored, or floats of light, lightness, or weighted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convcli import engine
from convcli.image import channels as ch
from convcli.image.image import Image
from convcli.image.light import linear as light
from convcli.pipeline.work import Work, gray_with_alpha, planes_of, rows_of, squeezed
from convcli.spec import Precision

if TYPE_CHECKING:
    from convcli.pipeline.missing import Gaps, Present


def working_rows(work: Work) -> engine.Rows:
    """Return the rows that are filtered.

    Parameters
    ----------
    work
        What is to be done with an image.
    """
    source = rows_of(work.image)
    if work.needs_floats and not _stays(work):
        if work.weighs and not (work.spec.linear or work.spec.luma):
            dtype = _float_type(work)
            return engine.Pixels(source, lambda block, _: _weighted(work, planes_of(block), dtype))
        return engine.Pixels(float_rows(work), lambda block, _: _filtered(work, block))
    if work.chooses:
        return engine.Pixels(source, lambda block, _: ch.select(planes_of(block), work.chosen))
    return source


def _stays(work: Work) -> bool:
    """Whether samples of which some are missing are filtered as they are stored."""
    return work.gaps is not None and not (work.weighs or work.spec.linear or work.spec.luma)


def present_rows(work: Work, gaps: Gaps) -> Present:
    """Return what is filtered of an image of which samples are missing, and which are there.

    Parameters
    ----------
    work, gaps
        What is to be done with the image, and what is missing of it.
    """
    from convcli.pipeline.missing import Present

    spec, values = work.spec, working_rows(work)
    if values.held is not None:
        values = engine.Held(planes_of(values.held))
    elif len(values.shape) == 2:
        values = engine.Pixels(values, lambda block, _: planes_of(block))
    as_one = work.weighs or spec.gray or spec.luma
    return Present.of(gaps, values, values.shape[2], together=as_one)


def response_type(work: Work, rows: engine.Rows) -> np.dtype[Any]:
    """Return the type of floats that the responses to some rows are."""
    return rows.dtype if rows.dtype.kind == "f" else _float_type(work)


def float_rows(work: Work) -> engine.Rows:
    """Return samples as floats, (rows, cols, channels), in 0..`work.full`.

    Alpha is left out if nothing comes of it.
    """
    return engine.Pixels(rows_of(work.image), lambda block, _: _floats(work, block))


def lightness(work: Work, planes: NDArray[Any]) -> NDArray[Any]:
    """Return (rows, cols, 1) of lightness, with alpha beside it if there is one."""
    gray, _ = gray_with_alpha(planes, work.channels, linear=work.spec.linear)
    return planes_of(gray)


def _filtered(work: Work, planes: NDArray[Any]) -> NDArray[Any]:
    """Return what is filtered of some rows of floats."""
    source = lightness(work, planes) if work.spec.luma else planes
    if work.weighs:
        return _weighted(work, source, source.dtype)
    if work.spec.luma and work.image.has_alpha and not work.filters_alpha:
        return source[:, :, :-1]
    return source


def _floats(work: Work, block: NDArray[Any]) -> NDArray[Any]:
    """Return some rows as floats."""
    image, names = work.image, work.image.channels
    if ch.further(names) and work.spec.luma:
        places = [*range(len(ch.colour_of(names))), *[len(names) - 1] * image.has_alpha]
        names, block = "".join(names[k] for k in places), ch.select(planes_of(block), places)
    if image.has_alpha and not (work.weighs or work.filters_alpha or work.spec.luma):
        names = names[:-1]
        block = ch.select(planes_of(block), range(len(names)))
    if work.spec.linear:
        samples = planes_of(light.decode(Image(squeezed(block), names, image.meta)))
        if work.spec.gray:
            samples, _ = gray_with_alpha(samples, names, linear=True)
        return planes_of(samples)
    return planes_of(block).astype(_float_type(work))


def _float_type(work: Work) -> np.dtype[Any]:
    """Return the type of floats that samples are filtered as."""
    # Colour times alpha is exact in float32 for 8-bit samples only.
    dtype, double = work.image.dtype, work.spec.precision is Precision.DOUBLE
    wide = (dtype.itemsize > 1 or double) and dtype != np.float32
    return np.dtype(np.float64 if wide else np.float32)


def _weighted(work: Work, samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return engine.weigh(samples, dtype, work.full)
