"""Blocks beside the pixels: kept, adapted, or left out and named."""

from __future__ import annotations

import numpy as np
import pytest

from convcli import engine
from convcli.borders import Border
from convcli.geometry import plan_geometry
from convcli.image.beside import changes
from convcli.image.beside.block import CHANNELS, DEPTH, PIXELS, PLACE, SIZE, Block
from convcli.image.beside.changes import Change, changed
from convcli.image.formats import codec_of, left_out
from convcli.image.image import Image, Meta
from convcli.kernels.registry import get_kernel
from convcli.pipeline import lay
from convcli.pipeline.anchors import AtAnchors, placed
from convcli.pipeline.responses import Target
from convcli.record import replace
from convcli.spec import Mapping, Spec


def result_of(block, spec):
    image = Image(np.zeros((9, 11, 3), np.uint8), "RGB", Meta(beside=(block,)))
    return lay(image, [get_kernel("box3")], spec).result.meta


@pytest.mark.parametrize(
    ("tells", "spec", "words"),
    [
        (SIZE, Spec(padding="valid"), "size differs"),
        (PLACE, Spec(stride=2), "place differs"),
        (CHANNELS, Spec(gray=True), "channels differ"),
        (DEPTH, Spec(depth="float"), "sample type differs"),
        (PIXELS, Spec(), "samples differ"),
    ],
)
def test_what_is_no_longer_true_is_left_out_and_named(tells, spec, words):
    meta = result_of(Block("TOY note", "the toy's note", b"1", frozenset({tells})), spec)
    assert meta.beside == ()
    assert meta.notes == (f"the toy's note left out: not true of the result, whose {words}",)


def test_what_stays_true_stays():
    block = Block("TOY note", "the toy's note", b"1", frozenset({SIZE, PLACE, CHANNELS, DEPTH}))
    meta = result_of(block, Spec())
    assert (meta.beside, meta.notes) == ((block,), ())


def test_what_can_be_adapted_is(monkeypatch):
    def adapted(block, change):
        return replace(block, content=(change.origin, change.step))

    monkeypatch.setitem(changes.ADAPTERS, "TOY place", adapted)
    block = Block("TOY place", "the place", b"1", frozenset({PLACE}))
    meta = result_of(block, Spec(stride=(2, 3), padding="valid"))
    assert meta.beside[0].content == ((1.0, 1.0), (2.0, 3.0))
    assert meta.notes == ()


@pytest.mark.parametrize("padding", ["same", "valid", (1, 2), "full"])
@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("flip", [False, True])
def test_places_are_those_of_the_samples_under_the_anchors(padding, stride, flip):
    spec = Spec(padding=padding, stride=stride, convolve=flip, border=Border.ZERO)
    geometries, size = [], (23, 29)
    for taps in ((3, 4), (2, 5)):
        geometries.append(plan_geometry(size, taps, stride=stride, padding=padding, flip=flip))
        size = geometries[-1].out
    ramp = np.arange(1, 23 * 29 + 1, dtype=np.float32).reshape(23, 29)
    target = Target(np.dtype(np.float32), Mapping.RAW, 1.0)
    stood = AtAnchors(engine.Held(ramp), tuple(geometries), spec, target).rows(0, size[0])
    origin, step = placed(geometries, spec)
    for row, col in np.ndindex(*stood.shape):
        y, x = (int(origin[k] + step[k] * (row, col)[k]) for k in (0, 1))
        inside = 0 <= y < 23 and 0 <= x < 29
        if inside and stood[row, col]:
            assert stood[row, col] == ramp[y, x]
        else:
            assert not (inside and stood[row, col])


def test_a_format_names_what_it_does_not_write():
    shared, other = Block("IPTC", "IPTC", b"1"), Block("TOY gain", "gain map")
    assert left_out(Meta(beside=(shared, other)), "BMP") == (
        "BMP can't hold the source's IPTC: left out",
        "the source's gain map: left out",
    )


def test_kinds_are_written_by_name_or_by_how_they_begin():
    codec = replace(codec_of("BMP"), keeps=("IPTC", "TOY "))
    assert codec.writes(Block("IPTC", "", b""))
    assert codec.writes(Block("TOY 33550", "", b""))
    assert not codec.writes(Block("IPTC-other", "", b""))
    assert not codec.writes(Block("TOY 33550", ""))


def test_nothing_is_done_where_nothing_is_beside():
    assert changed((), Change(frames=(5, 1))) == ((), ())
