"""Maps of a bank that are summed together: as each by itself, as the definition, as PyTorch."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from asserts import assert_same_pixels
from marks import exhaustive_but
from numpy.lib.stride_tricks import sliding_window_view

from convcli import UsageError, correlate, engine
from convcli.borders import Border
from convcli.engine import bank as engine_bank
from convcli.engine import costs
from convcli.pipeline import banks
from convcli.pipeline.responses import Target
from convcli.spec import Mapping, Spec

#: Random geometries against PyTorch; the first are quick tests.
GEOMETRIES, QUICK = 300, 12


@pytest.fixture
def apart(monkeypatch):
    """Correlate with one map after the other."""

    def work(*arguments, **options):
        banks._ready.cache_clear()
        with monkeypatch.context() as patched:
            patched.setattr(engine, "prepare_bank", lambda *_: None)
            result = correlate(*arguments, **options)
        banks._ready.cache_clear()
        return result

    return work


@pytest.fixture
def together(monkeypatch):
    """Correlate with all maps together, and see that they are."""

    def work(*arguments, **options):
        seen = []
        run = engine.PreparedBank.run

        def seeing(self, *given):
            seen.append(self)
            return run(self, *given)

        with monkeypatch.context() as patched:
            patched.setattr(engine.PreparedBank, "run", seeing)
            result = correlate(*arguments, **options)
        assert len(seen) == 1
        return result

    return work


def planned(shape, dtype, weights, **options):
    """The plan of a bank over an array."""
    target = Target(np.dtype(np.float32), Mapping.RAW, 1.0, in_levels=False)
    return banks.plan_bank(
        shape, np.dtype(dtype), weights, groups=options.pop("groups", 1),
        spec=Spec(mapping=Mapping.RAW, **options), target=target,
    )  # fmt: skip


def defined(pixels, weights, stride=1):
    """The definition in float64, zeros outside; and Σ|w·x| of each sum."""
    rows, cols = weights.shape[2:]
    sides = ((rows // 2, rows - 1 - rows // 2), (cols // 2, cols - 1 - cols // 2), (0, 0))
    padded = np.pad(pixels.astype(np.float64), sides)
    views = sliding_window_view(padded, (rows, cols), axis=(0, 1))[::stride, ::stride]
    real = weights.astype(np.float64)
    sizes = np.einsum("hwckl,mckl->hwm", np.abs(views), np.abs(real))
    return np.einsum("hwckl,mckl->hwm", views, real), sizes


def drawn(number):
    """Arrays, a bank and its geometry, all at random."""
    rng = np.random.default_rng(number)
    groups, depth = int(rng.choice([1, 1, 1, 2, 3])), int(rng.integers(1, 9))
    maps = groups * int(rng.choice([1, 2, 3, 4, 5, 7, 9, 13, 20]))
    taps, stride, dilation = rng.integers(1, 6, 2), rng.integers(1, 5, 2), rng.integers(1, 4, 2)
    sides = rng.integers(0, 6, (2, 2))
    least = dilation * (taps - 1) + 1 - sides.sum(axis=1)
    size = np.maximum(rng.integers(1, (40, 90)), least)
    dtype = ("uint8", "float32", "float64")[number % 3]
    pixels = rng.uniform(0, 255, (*size, groups * depth)).astype(dtype)
    weights = rng.normal(size=(maps, depth, *taps))
    how = {
        "groups": groups,
        "stride": tuple(stride.tolist()),
        "dilation": tuple(dilation.tolist()),
        "padding": tuple(map(tuple, sides.tolist())),
        "bias": rng.normal(size=maps) if number % 2 else None,
    }
    return pixels, np.rint(2 * weights) if number % 5 == 0 else weights, how


@pytest.mark.parametrize(
    "number",
    [pytest.param(n, marks=() if n < QUICK else pytest.mark.exhaustive) for n in range(GEOMETRIES)],
)
@pytest.mark.peers("torch")
def test_random_geometries_are_as_in_torch(number):
    import torch

    pixels, weights, how = drawn(number)
    (top, bottom), (left, right) = how["padding"]
    tensor = torch.tensor(pixels.astype(np.float64).transpose(2, 0, 1))[None]
    bias = None if how["bias"] is None else torch.tensor(how["bias"])
    expected = torch.nn.functional.conv2d(
        torch.nn.functional.pad(tensor, (left, right, top, bottom)),
        torch.tensor(weights),
        bias,
        stride=how["stride"],
        dilation=how["dilation"],
        groups=how["groups"],
    )[0].numpy()
    actual = correlate(pixels, weights, border="zero", **how)
    unit = 2.0**-53 if pixels.dtype == np.float64 else 2.0**-24
    taps = weights[0].size + 2
    tolerance = taps * unit * (255 * np.abs(weights).sum(axis=(1, 2, 3)).max() + 9)
    assert_same_pixels(actual, expected.transpose(1, 2, 0), tolerance)


@pytest.mark.parametrize(
    ("size", "channels", "maps", "taps"),
    [
        ((9, 70), 3, 5, (3, 3)),
        ((5, 300), 4, 16, (1, 3)),
        ((70, 33), 17, 9, (5, 2)),
        ((3, 31), 64, 23, (3, 3)),
        ((40, 129), 1, 12, (7, 7)),
    ],
)
@pytest.mark.parametrize("dtype", exhaustive_but(["float32"], ["float32", "float64"]))
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_sums_are_within_their_bound_of_exact_ones(
    size, channels, maps, taps, dtype, stride, together, rng
):
    """Each of n products and additions rounds by 2⁻²⁴ of what is no greater than Σ|w·x|."""
    pixels = rng.normal(size=(*size, channels)).astype(dtype)
    weights = rng.normal(size=(maps, channels, *taps)).astype(dtype)
    expected, sizes = defined(pixels, weights, stride)
    actual = together(pixels, weights, border="zero", stride=stride)
    unit = 2.0 ** (-24 if dtype == "float32" else -53)
    assert actual.dtype == dtype
    assert (np.abs(actual - expected) <= (weights[0].size + 1) * unit * sizes + 1e-300).all()


@pytest.mark.parametrize("border", [each.value for each in Border])
@pytest.mark.parametrize("flip", [False, True])
def test_every_border_is_as_for_a_map_by_itself(border, flip, together, apart, rng):
    pixels = rng.integers(0, 256, (8, 37, 5), dtype=np.uint8)
    weights = rng.integers(-9, 10, (6, 5, 4, 3))
    how = {"border": border, "flip": flip, "fill": 7, "padding": ((6, 1), (9, 3)), "stride": (1, 2)}
    assert_same_pixels(together(pixels, weights, **how), apart(pixels, weights, **how))


@pytest.mark.parametrize(
    ("mapping", "dtype", "of"),
    exhaustive_but(
        [("raw", "float32", "uint8")],
        product(
            [each for each in Mapping if each != "hue"],
            ("uint8", "uint16", "float32", "float64"),
            ("uint8", "uint16"),
        ),
    ),
)
def test_whole_weights_are_as_exact_as_in_a_map_by_itself(mapping, dtype, of, together, apart, rng):
    pixels = rng.integers(0, np.iinfo(of).max + 1, (7, 40, 4), dtype=of)
    weights = rng.integers(-3, 5, (7, 4, 3, 3))
    bias = [0, 0.5, -2.5, 0.1, 3, -400, 1e-3]
    how = {"mapping": mapping, "dtype": dtype, "bias": bias}
    assert_same_pixels(together(pixels, weights, **how), apart(pixels, weights, **how))


def test_a_map_of_whole_weights_is_exact_beside_others(together, apart, rng):
    pixels = rng.integers(0, 256, (9, 50, 3), dtype=np.uint8)
    weights = rng.normal(size=(5, 3, 3, 3))
    weights[2] = rng.integers(-9, 10, (3, 3, 3))
    how = {"mapping": "clip", "bias": 0.5}
    found, alone = together(pixels, weights, **how), apart(pixels, weights, **how)
    assert_same_pixels(found[:, :, 2], alone[:, :, 2])


@pytest.mark.exhaustive
def test_sums_that_only_whole_types_hold_are_still_exact(apart, rng):
    """A map beyond what float32 holds exactly, beside real ones, is summed by itself."""
    pixels = rng.integers(0, 65536, (9, 40, 3), dtype=np.uint16)
    weights = rng.normal(size=(4, 3, 3, 3))
    weights[1] = rng.integers(1000, 5000, (3, 3, 3))
    assert planned(pixels.shape, pixels.dtype, weights).method == "direct"
    found = correlate(pixels, weights, border="zero", dtype="float64")
    exact, _ = defined(pixels, weights)
    assert_same_pixels(found[:, :, 1], exact[:, :, 1])


def test_a_weight_of_zero_makes_no_number_of_infinity(rng):
    pixels = rng.normal(size=(9, 40, 2)).astype(np.float32)
    pixels[4, 20, 0] = np.inf
    weights = rng.normal(size=(4, 2, 3, 3))
    weights[1, 0] = 0
    found = correlate(pixels, weights)
    assert np.isfinite(found[:, :, 1]).all()
    assert not np.isfinite(found[3:6, 19:22, 0]).any()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_threads_change_no_bit(dtype, together, rng, monkeypatch):
    monkeypatch.setattr("convcli.engine.thread_pool._SMALL", 0)
    pixels = rng.uniform(0, 255, (61, 150, 6)).astype(dtype)
    weights = rng.normal(size=(9, 6, 3, 5))
    one = together(pixels, weights, jobs=1)
    for jobs in (2, 3, 7):
        assert_same_pixels(together(pixels, weights, jobs=jobs), one)


def test_parts_and_strips_change_no_bit(together, rng, monkeypatch):
    pixels = rng.normal(size=(41, 300, 8)).astype(np.float32)
    weights = rng.normal(size=(5, 8, 3, 3)).astype(np.float32)
    whole = together(pixels, weights, stride=(1, 2), dilation=(2, 3))
    monkeypatch.setattr(engine_bank, "_STRIP_BYTES", 4096)
    monkeypatch.setattr(engine_bank, "_LEAST_PART", 32)
    for cache in (engine_bank._cut, engine_bank._columns, banks._ready):
        cache.cache_clear()
    assert_same_pixels(together(pixels, weights, stride=(1, 2), dilation=(2, 3)), whole)
    engine_bank._cut.cache_clear()
    banks._ready.cache_clear()


@pytest.mark.parametrize("wide", [False, True])
def test_tiles_make_up_all_maps(wide):
    for maps in range(1, 70):
        tiles = costs.tiles_of(maps, wide)
        assert sum(tiles) == maps
        assert set(tiles) <= {1, 2, 3, 4, 6, 8}


def test_processors_of_either_kind_give_the_same(together, rng, monkeypatch):
    """How many maps are summed together changes nothing of a map."""
    pixels = rng.normal(size=(9, 70, 3)).astype(np.float32)
    weights = rng.normal(size=(25, 3, 3, 3)).astype(np.float32)
    found = []
    for wide in (False, True):
        monkeypatch.setattr(engine_bank, "has_wide_vectors", lambda wide=wide: wide)
        banks._ready.cache_clear()
        found.append(together(pixels, weights))
    banks._ready.cache_clear()
    assert_same_pixels(*found)


def test_a_plan_says_what_is_done_and_why(rng):
    plan = planned((64, 64, 16), "float32", rng.normal(size=(16, 16, 3, 3)))
    assert plan.method == "direct"
    assert plan.taps == 144
    assert "maps at once; map by map would take" in plan.reason
    exact = planned((64, 64, 16), "uint8", np.ones((16, 16, 3, 3), int))
    assert exact.exact
    assert exact.accumulator == "float32"
    large = planned((64, 64, 16), "uint16", np.full((16, 16, 3, 3), 99))
    assert large.exact
    assert large.accumulator == "float64"


@pytest.mark.parametrize("method", ["separable", "lowrank", "box", "fft"])
def test_other_methods_are_refused(method):
    with pytest.raises(UsageError, match="leave `method` out") as caught:
        correlate(np.ones((9, 9, 2)), np.ones((3, 2, 3, 3)), method=method)
    assert "\n" not in str(caught.value)


def test_a_bank_for_arrays_of_any_layout(rng):
    pixels = rng.normal(size=(3, 20, 31)).astype(np.float32)
    weights = rng.normal(size=(6, 3, 3, 3))
    turned = np.moveaxis(pixels, 0, -1)
    assert_same_pixels(correlate(turned, weights), correlate(turned.copy(), weights))
    other = np.asfortranarray(weights)
    assert_same_pixels(correlate(turned, other), correlate(turned, weights))
