"""Golden images: what commands make of the samples, compared with what was looked at once.

REGENERATE=1 writes them again (`make golden`).
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from asserts import assert_same_pixels
from command import call
from marks import exhaustive_but
from PIL import Image

GOLDEN = Path(__file__).parent / "golden"
CASES = tomllib.loads((GOLDEN / "cases.toml").read_text(encoding="utf-8"))
#: Loops are compiled for these and no others.
DEAR = ("ramp-gray16-sobel-x", "astronaut-linear-box", "camera-log", "camera-kirsch")
REGENERATE = os.environ.get("REGENERATE") == "1"


def _opened(path):
    with Image.open(path) as image:
        return image.mode, np.asarray(image)


@pytest.mark.parametrize(
    "name", exhaustive_but([name for name in CASES if name not in DEAR], CASES)
)
def test_a_command_makes_the_golden_image(name, samples, tmp_path, monkeypatch):
    monkeypatch.chdir(samples)
    case = CASES[name]
    result = tmp_path / f"{name}.png"
    said = call("apply", *case["args"], "-o", result, "--compress", "9")
    assert said.status == 0, said.err
    golden = GOLDEN / result.name
    if REGENERATE:
        golden.write_bytes(result.read_bytes())
    mode, pixels = _opened(result)
    wanted_mode, wanted = _opened(golden)
    assert mode == wanted_mode
    assert_same_pixels(pixels, wanted, case["tolerance"])


def test_every_golden_image_has_a_case_and_is_small():
    images = {path.stem: path.stat().st_size for path in GOLDEN.glob("*.png")}
    assert sorted(images) == sorted(CASES)
    assert len(images) <= 20
    assert max(images.values()) < 60_000


def test_golden_images_have_something_in_them():
    for name in CASES:
        _, pixels = _opened(GOLDEN / f"{name}.png")
        assert pixels.min() < pixels.max(), name
