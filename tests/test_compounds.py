"""Kernels whose responses combine: every method gives what adding every tap gives."""

from __future__ import annotations

import numpy as np
import pytest
from asserts import assert_same_pixels
from chosen import methods_of

from convcli import correlate, get_kernel
from convcli.kernels import Compound, names

#: A compound for each way of combining, and one that isn't whole.
COMPOUNDS = ["sobel", "sobel-l1", "sobel-direction", "kirsch", "nevatia-babu", "frei-chen", "farid"]


def test_compounds_of_every_kind_are_tested_here():
    every = [get_kernel(name) for name in names()]
    kinds = {kernel.combine for kernel in every if isinstance(kernel, Compound)}
    assert {get_kernel(name).combine for name in COMPOUNDS} == kinds


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", COMPOUNDS)
def test_compounds_by_every_method(name, rng):
    pixels = rng.integers(0, 256, (70, 41, 3)).astype(np.uint8)
    compound = get_kernel(name)
    direct = correlate(pixels, compound, method="direct")
    whole = all(part.is_integer for part in compound.parts)
    methods = methods_of(compound)
    assert "fft" in methods
    for method in methods:
        found = correlate(pixels, compound, method=method)
        assert_same_pixels(found, direct, 0 if whole else 2e-5 * np.abs(direct).max())
