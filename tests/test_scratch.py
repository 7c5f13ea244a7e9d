"""Scratch that is kept from one image to the next of its kind, and nothing else is."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from marks import exhaustive_but

from convcli import correlate
from convcli.engine import native, scratch


def images(rng, count=3, shape=(40, 61)):
    return [rng.integers(0, 256, shape).astype(np.uint8) for _ in range(count)]


@pytest.fixture
def bound(monkeypatch):
    """The loops that were bound to new scratch."""
    scratch._kept.clear()
    made = []
    bind = native.Loop.bind

    def noting(loop, *structs):
        made.append(loop)
        return bind(loop, *structs)

    monkeypatch.setattr(native.Loop, "bind", noting)
    yield made
    scratch._kept.clear()


@pytest.mark.parametrize("mapping", exhaustive_but(["clip", "raw"], ["clip", "abs", "raw"]))
@pytest.mark.parametrize("name", ["sobel-x", "gaussian:sigma=1", "box:size=9", "sobel"])
def test_what_was_filtered_before_leaves_no_trace(name, mapping, bound, rng):
    several = images(rng)
    alone = []
    for image in several:
        scratch._kept.clear()
        alone.append(correlate(image, name, mapping=mapping, jobs=1))
    del bound[:]
    scratch._kept.clear()
    for image, expected in zip(several * 2, alone * 2, strict=True):
        assert np.array_equal(correlate(image, name, mapping=mapping, jobs=1), expected)
    assert len(bound) == 1


def test_the_range_of_sums_is_each_images_own(rng):
    bright = np.zeros((30, 30), np.uint8)
    bright[10:20, 10:20] = 255
    faint = bright // 85
    for image in (bright, faint, bright):
        result = correlate(image, "sobel-x", mapping="normalize", jobs=1)
        assert (result.min(), result.max()) == (0, 255)


def test_neither_image_nor_result_is_kept(bound, rng):
    image = images(rng, 1)[0]
    result = correlate(image, "gaussian5", mapping="clip", jobs=1)
    assert len(scratch._kept) == 1
    held = {array.ctypes.data for array in scratch._kept[0]._call._held}
    assert not held & {image.ctypes.data, result.ctypes.data}


def test_threads_have_scratch_of_their_own(bound, rng, monkeypatch):
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    several = images(rng, 6, (400, 300))
    expected = [correlate(p, "gaussian:sigma=1", mapping="clip", jobs=1) for p in several]
    wrong = []

    def call():
        for _ in range(10):
            for image, one in zip(several, expected, strict=True):
                if (correlate(image, "gaussian:sigma=1", mapping="clip", jobs=2) != one).any():
                    wrong.append(1)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(scratch._kept) <= scratch._MOST_KEPT
    assert len({id(each) for each in scratch._kept}) == len(scratch._kept)


def test_large_scratch_is_not_kept(bound):
    correlate(np.zeros((3, 1 << 20), np.uint8), "gaussian5", mapping="clip", jobs=1)
    assert not scratch._kept


def test_what_was_interrupted_is_not_used_again(bound, rng, monkeypatch):
    image = images(rng, 1)[0]

    def interrupt(call):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(native.Call, "__call__", interrupt)
        with pytest.raises(KeyboardInterrupt):
            correlate(image, "gaussian5", mapping="clip", jobs=1)
    assert not scratch._kept
    correlate(image, "gaussian5", mapping="clip", jobs=1)
    assert len(bound) == 2


def test_what_cannot_come_again_leaves_no_scratch(bound, rng):
    image = images(rng, 1)[0]
    correlate(image, rng.integers(-3, 4, (5, 1, 3, 3)), jobs=1)
    assert not scratch._kept
    for _ in range(3):
        correlate(image, "sobel-x", mapping="normalize", jobs=1)
        correlate(image, "box3", bias=2, jobs=1)
    assert len(scratch._kept) == 2


def test_a_kernel_file_is_read_each_time(tmp_path):
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    path = tmp_path / "k.csv"
    for middle in (1, 2):
        path.write_text(f"0,0,0\n0,{middle},0\n0,0,0\n", encoding="utf-8")
        assert correlate(image, str(path))[3, 3] == 27 * middle
