"""What tests share: seeded numbers, a runner, tiny images, and a cache of their own."""

from __future__ import annotations

import gc
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import settings

#: Packages of the `peers` extra, by the name they are imported under.
PEERS = {
    "astropy": "astropy",
    "cv2": "OpenCV",
    "skimage": "scikit-image",
    "torch": "PyTorch",
    "playwright": "Playwright",
    "pi_heif": "pi-heif",
}

# The same examples in every run; and no time limit, which a busy machine would break.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

MAXIMUM = {"bool": 1, "uint8": 255, "uint16": 65535}


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory):
    """Keep tests away from the user's cache, and the user's terminal settings from tests.

    Processes that share the tests share a store, too: it is made for that.
    """
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    with pytest.MonkeyPatch.context() as patch:
        if "CONVCLI_CACHE" not in os.environ:
            patch.setenv("CONVCLI_CACHE", str(place / "loops"))
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PY_COLORS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(20_260_101)


@pytest.fixture
def runner():
    """Click's runner; what it returns has `stdout`, `stderr`, `output` and `exit_code`."""
    return CliRunner()


@pytest.fixture(scope="session")
def samples():
    """Return the folder of sample images."""
    return Path(__file__).resolve().parent.parent / "samples"


@pytest.fixture
def tiny(rng):
    """Return a maker of small random pixels: tiny((5, 7)), tiny((5, 7, 3), "uint16").

    The least and the greatest value are both in them. Floats are in 0..1.
    """

    def make(shape=(5, 7), depth="uint8"):
        if depth in MAXIMUM:
            pixels = rng.integers(0, MAXIMUM[depth] + 1, shape).astype(depth)
        else:
            pixels = rng.random(shape).astype(depth)
        if pixels.size > 1:
            pixels.flat[0], pixels.flat[-1] = 0, MAXIMUM.get(depth, 1)
        return pixels

    return make


@pytest.fixture
def tiny_image(tiny):
    """Return a maker of small random images: tiny_image((5, 7), "RGBA", "uint16")."""
    from convcli.image.image import Image

    def make(size=(5, 7), channels="L", depth="uint8"):
        shape = size if len(channels) == 1 else (*size, len(channels))
        return Image(tiny(shape, depth), channels)

    return make


def pytest_collection_finish():
    """Have the garbage collector leave the tests themselves alone.

    There are so many that walking over them takes a twentieth of all time.
    """
    gc.collect()
    gc.freeze()


def missing_peers():
    """Return the references that aren't installed, by the names of their modules."""
    return {
        module: name for module, name in PEERS.items() if importlib.util.find_spec(module) is None
    }


def pytest_runtest_setup(item):
    """Skip what compares with a reference that isn't there."""
    needed = {module for mark in item.iter_markers("peers") for module in mark.args}
    if needed & missing_peers().keys():
        pytest.skip("peers extra not installed")


def pytest_terminal_summary(terminalreporter):
    """Say which references were missing, and what that left out."""
    if missing := missing_peers():
        skipped = terminalreporter.stats.get("skipped", [])
        count = sum("peers extra" in str(report.longrepr) for report in skipped)
        names = ", ".join(missing.values())
        terminalreporter.write_line(
            f"not installed: {names}; {count} tests that need them were skipped "
            f"(the `peers` extra has them)"
        )
