"""`normalize` treats the frames of an animation alike, so that they don't flicker."""

from __future__ import annotations

import numpy as np
import pytest
from asserts import assert_same_pixels
from command import call

import convcli
from convcli import Frames, Image, read_frames, write_frames


@pytest.mark.parametrize("kernel", ["1 2; 3 -1", "sobel", "box"])
@pytest.mark.parametrize("options", [(), ("--linear",), ("--gray",), ("--luma",)])
def test_the_frames_of_an_animation_are_stretched_alike(kernel, options, rng, tmp_path):
    images = [Image(rng.integers(0, 40 * (k + 1), (12, 15, 3), dtype=np.uint8)) for k in range(4)]
    write_frames(tmp_path / "in.png", Frames.of(images, 50))
    said = call("apply", kernel, tmp_path / "in.png", "-o", tmp_path / "out.png",
                "--map", "normalize", "--padding", "valid", *options)  # fmt: skip
    assert said.status == 0
    assert "stretched alike" in said.err
    raw = [
        convcli.apply(
            image, kernel, convcli.Spec(mapping="raw", padding="valid", gray="--gray" in options)
        ).pixels
        for image in images
    ]
    low, high = min(each.min() for each in raw), max(each.max() for each in raw)
    found = [image.pixels for image in read_frames(tmp_path / "out.png")]
    if not options or options == ("--gray",):
        for pixels, response in zip(found, raw, strict=True):
            assert_same_pixels(pixels, np.floor((response - low) / (high - low) * 255 + 0.5), 1)
    if options != ("--luma",):
        assert min(each.min() for each in found) == 0
        assert max(each.max() for each in found) == 255
    assert found[0].max() < 255


def test_pages_are_stretched_one_by_one(rng, tmp_path):
    images = [Image(rng.integers(0, 40 * (k + 1), (12, 15), dtype=np.uint8)) for k in range(3)]
    write_frames(tmp_path / "in.tif", images)
    said = call("apply", "box", tmp_path / "in.tif", "-o", tmp_path / "out.tif",
                "--map", "normalize")  # fmt: skip
    assert "stretched by itself" in said.err
    for image in read_frames(tmp_path / "out.tif"):
        assert (image.pixels.min(), image.pixels.max()) == (0, 255)
