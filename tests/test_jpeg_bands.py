"""A JPEG image coded in bands has the samples that the whole has."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image as PillowImage

from convcli.image import parallel
from convcli.image.image import Image
from convcli.image.jpeg import bands as jpeg_bands
from convcli.image.jpeg import read as jpeg
from convcli.image.jpeg import write as jpeg_write

SAMPLINGS = {"444": (8, 8), "422": (8, 16), "420": (16, 16)}


@pytest.fixture
def small_bands(monkeypatch):
    """Bands of a few hundred pixels, as many as a large image has."""
    monkeypatch.setattr(jpeg_bands, "_BAND", 700)


def photograph(rng, size, channels=3):
    y, x = np.mgrid[: size[0], : size[1]]
    plane = 127 + 60 * np.sin(y / 11) + 60 * np.cos(x / 13)
    noise = rng.normal(0, 6, (*size, channels))
    return np.clip(plane[:, :, None] + noise, 0, 255).astype(np.uint8)


def decoded(data):
    """By libjpeg-turbo, and by Pillow, which must not warn."""
    with PillowImage.open(io.BytesIO(data)) as opened:
        other = np.asarray(opened)
    samples = imagecodecs.jpeg8_decode(data)
    assert np.array_equal(samples, other)
    return samples


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("size", [(64, 100), (333, 101), (160, 97), (97, 300), (18, 4000)])
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_colour_is_that_of_the_whole(rng, sampling, size):
    pixels = photograph(rng, size)

    def coder(part):
        return imagecodecs.jpeg8_encode(part, level=90, subsampling=sampling)

    banded = b"".join(jpeg_bands.parts(Image(pixels), SAMPLINGS[sampling], coder))
    assert b"\xff\xdd\0\4" in banded
    assert b"\xff\xd0" in banded
    assert np.array_equal(decoded(banded), decoded(coder(pixels)))


@pytest.mark.usefixtures("small_bands")
def test_gray_is_that_of_the_whole_and_markers_count_on(rng):
    pixels = photograph(rng, (700, 200), 1)[:, :, 0]
    banded = jpeg_write.encode(Image(pixels, "L"), 85)
    whole = imagecodecs.jpeg8_encode(pixels, level=85)
    assert banded.count(b"\xff\xd7") > 1
    assert np.array_equal(decoded(banded), decoded(whole))


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_source_in_bands_is_written_as_good_again(rng, subsampling):
    target = io.BytesIO()
    pixels = photograph(rng, (300, 120))
    PillowImage.fromarray(pixels).save(target, "JPEG", quality=83, subsampling=subsampling)
    image = jpeg.decode(target.getvalue(), 10**6)
    again = jpeg.decode(jpeg_write.encode(image), 10**6)
    assert again.meta.quantization == image.meta.quantization
    assert again.meta.subsampling == subsampling
    assert np.abs(again.pixels.astype(int) - image.pixels).mean() < 3


@pytest.mark.usefixtures("small_bands")
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_tables_of_a_camera_are_kept_in_bands(rng, channels, subsampling):
    """Those that no quality of libjpeg's makes."""
    pixels = photograph(rng, (300, 120), channels).squeeze()
    tables = [[2 + k // 3 for k in range(64)], [3 + k // 2 for k in range(64)]]
    target = io.BytesIO()
    options = {"qtables": tables[: 2 if channels == 3 else 1]}
    options |= {"subsampling": subsampling} if channels == 3 else {}
    PillowImage.fromarray(pixels).save(target, "JPEG", **options)
    image = jpeg.decode(target.getvalue(), 10**6)
    assert jpeg_write.quality_of(image.meta.quantization) is None
    coded = jpeg_write.encode(image)
    assert b"\xff\xd0" in coded
    assert jpeg.decode(coded, 10**6).meta.quantization == image.meta.quantization
    whole = io.BytesIO()
    PillowImage.fromarray(image.pixels).save(whole, "JPEG", **options)
    assert np.array_equal(decoded(coded), decoded(whole.getvalue()))


@pytest.mark.usefixtures("small_bands")
def test_threads_change_nothing(rng, monkeypatch):
    image = Image(photograph(rng, (400, 100)), "RGB")
    files = set()
    for count in (1, 2, 7):
        monkeypatch.setattr(parallel, "processors", lambda count=count: count)
        files.add(jpeg_write.encode(image))
    assert len(files) == 1


def test_small_images_have_no_restart_markers(rng):
    assert b"\xff\xdd" not in jpeg_write.encode(Image(photograph(rng, (64, 64)), "RGB"))


def test_an_error_on_a_thread_is_raised_and_nothing_goes_on():
    from convcli.image.parallel import on_threads

    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise ValueError("three")
        return -item

    found = on_threads(work, range(1000), jobs=2)
    with pytest.raises(ValueError, match="three"):
        list(found)
    assert len(begun) < 1000
