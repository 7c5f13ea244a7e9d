"""What loops are given, and the page from which another one can be written."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pytest

from convcli import api, correlate
from convcli.engine import loops, lowered, native, structs, tile_structs
from convcli.engine.loops import numbers, parts, store, vectors
from convcli.engine.loops.compiling import jit
from convcli.pipeline import arrays


def forget():
    for ready in (api._ready, arrays.step_of):
        ready.cache_clear()


def structs_of(module):
    return [each for each in vars(module).values() if hasattr(each, "_fields")]


@pytest.fixture
def loop_of_the_page():
    """The loop that the page has as an example; what is ready from before is not used after."""
    code = structs.__doc__.partition("::\n")[2].partition("\nIt works")[0]
    names = {"jit": jit, "put": store.put, **vars(vectors)}
    exec(textwrap.dedent(code), names)
    yield names["respond_direct"]
    forget()


@pytest.mark.exhaustive
@pytest.mark.parametrize("shape", [(7, 500), pytest.param((40, 9), marks=pytest.mark.exhaustive)])
def test_the_loop_of_the_page_is_one(shape, loop_of_the_page, rng, monkeypatch):
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    weights = rng.integers(-9, 10, (3, 3))
    options = {"stride": 3, "mapping": "clip", "jobs": 1}
    expected = correlate(pixels, weights, **options)
    asked = []
    monkeypatch.setattr(native, "_loaded", {})
    monkeypatch.setattr(native.folder, "read", lambda key: None)
    monkeypatch.setattr(native.folder, "write", lambda key, content: asked.append(key))
    monkeypatch.setattr(lowered, "text", lambda key: None)
    monkeypatch.setattr(loops, "respond_direct", loop_of_the_page)
    forget()
    assert np.array_equal(correlate(pixels, weights, **options), expected)
    assert [key[1] for key in asked] == ["respond_direct"]


@pytest.mark.parametrize("module", [structs, tile_structs, parts])
def test_every_struct_that_lists_its_fields_lists_them_all(module):
    said = {
        each: set(re.findall(r"^    (\w[\w, ]*)$", each.__doc__, re.MULTILINE))
        for each in structs_of(module)
        if "Parameters" in each.__doc__
    }
    assert len(said) >= 4
    for struct, lines in said.items():
        names = {name for line in lines - {"Parameters"} for name in line.split(", ")}
        assert names == set(struct._fields), struct


def test_numbers_have_no_other_names():
    sizes = numbers.Struct(structs.BandSizes, numbers.types.int64)
    of = numbers._StructAttributes(None).generic_resolve
    assert of(sizes, "taps") == numbers.types.int64
    assert of(sizes, "pitches") is None
